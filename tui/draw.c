/*
 * Drawing with curses: text in roles, frames, fields. Keeps true: every
 * column written is inside the screen; what reaches curses can be shown in
 * the locale; curses itself sends only what differs from the screen.
 */
#include <curses.h>
#include <stdlib.h>
#include <string.h>

#include "core/str.h"

#include "own.h"

static struct {
	attr_t attr[TUI_ROLES];
	int cursor_y, cursor_x;
} look;

static const struct {
	attr_t mono, colour;
	short fg;
} roles[TUI_ROLES] = {
	[TUI_NORMAL] = {A_NORMAL, A_NORMAL, -1},
	[TUI_TITLE] = {A_REVERSE, A_REVERSE, -1},
	[TUI_HEAD] = {A_BOLD, A_BOLD, COLOR_CYAN},
	[TUI_DIM] = {A_NORMAL, A_DIM, -1},
	[TUI_GOOD] = {A_NORMAL, A_NORMAL, COLOR_GREEN},
	[TUI_WARN] = {A_BOLD, A_BOLD, COLOR_YELLOW},
	[TUI_BAD] = {A_BOLD, A_BOLD, COLOR_RED},
	[TUI_ADDED] = {A_BOLD, A_NORMAL, COLOR_GREEN},
	[TUI_REMOVED] = {A_UNDERLINE, A_NORMAL, COLOR_RED},
	[TUI_FOCUS] = {A_REVERSE, A_REVERSE, -1},
};

void draw_open(struct tui *t)
{
	const char *no = getenv("NO_COLOR");
	bool colour = has_colors() && !(no && *no);

	t->unicode = tui_unicode();
	if (colour) {
		start_color();
		colour = use_default_colors() == OK;
	}
	for (int i = 0; i < TUI_ROLES; i++) {
		look.attr[i] = colour ? roles[i].colour : roles[i].mono;
		if (!colour || roles[i].fg < 0)
			continue;
		init_pair((short)(i + 1), roles[i].fg, -1);
		look.attr[i] |= COLOR_PAIR(i + 1);
	}
}

void draw_clear(struct tui *t)
{
	(void)t;
	werase(stdscr);
	look.cursor_y = look.cursor_x = -1;
}

void draw_flush(struct tui *t)
{
	curs_set(look.cursor_y >= 0);
	if (look.cursor_y >= 0)
		move(look.cursor_y, look.cursor_x);
	else
		move(t->rows - 1, t->cols - 1);
	refresh();
	fflush(t->o.out);
}

void draw_cursor(struct tui *t, int y, int x)
{
	if (y >= t->rows || x >= t->cols)
		return;
	look.cursor_y = y;
	look.cursor_x = x;
}

/* One character with its combining marks. */
static void put_cell(int y, int x, attr_t attr, const wchar_t *cell)
{
	cchar_t cc;

	setcchar(&cc, cell, attr & ~A_COLOR, PAIR_NUMBER(attr), NULL);
	mvadd_wch(y, x, &cc);
}

/* The next character of *s and its marks into cell; its columns, -1 at end. */
static int next_cell(const char **s, const char *end, wchar_t cell[CCHARW_MAX])
{
	int n = 0, w = 0;

	while (*s < end) {
		const char *p = *s;
		wchar_t c = tui_next(&p);

		if (!c || (n && tui_wcwidth(c) > 0))
			break;
		*s = p;
		if (!n)
			w = tui_wcwidth(c);
		/* A mark without a base stands on a blank. */
		if (!n && !w) {
			cell[n++] = L' ';
			w = 1;
		}
		if (n < CCHARW_MAX - 1)
			cell[n++] = c;
	}
	cell[n] = 0;
	return n ? w : -1;
}

void (*draw_told)(const char *by, const char *text);

void draw_tell(const char *by, const char *text, int w, int room)
{
	if (draw_told && w > room)
		draw_told(by, text);
}

int draw_part_by(const char *by, struct tui *t, int y, int x, int w,
	enum tui_role role, const char *s, size_t n)
{
	const char *end = s + n, *all = s;
	wchar_t cell[CCHARW_MAX + 1];
	int at = 0, cw;

	if (y < 0 || y >= t->rows || x < 0)
		return 0;
	if (x + w > t->cols)
		w = t->cols - x;
	while ((cw = next_cell(&s, end, cell)) >= 0 && at + cw <= w) {
		put_cell(y, x + at, look.attr[role], cell);
		at += cw;
	}
	draw_tell(by, all, at + cw, w);
	return at;
}

void draw_text_by(const char *by, struct tui *t, int y, int x, int w,
	enum tui_role role, const char *s)
{
	char cut[1024];
	int at;

	if (x + w > t->cols)
		w = t->cols - x;
	if (draw_told)
		draw_tell(by, s, tui_width(s), w > 0 ? w : 0);
	if (w <= 0)
		return;
	tui_fit(cut, sizeof(cut), s, w);
	at = draw_part(t, y, x, w, role, cut, strlen(cut));
	for (; at < w; at++)
		draw_part(t, y, x + at, 1, role, " ", 1);
}

static void put_line(struct tui *t, int y, int x, const char *fancy, char plain)
{
	if (t->unicode)
		draw_part(t, y, x, 1, TUI_NORMAL, fancy, strlen(fancy));
	else
		draw_part(t, y, x, 1, TUI_NORMAL, &plain, 1);
}

void draw_hline(struct tui *t, int y, int x, int w)
{
	for (int i = 0; i < w; i++)
		put_line(t, y, x + i, "\xe2\x94\x80", '-');
}

void draw_vline(struct tui *t, int y, int x, int h)
{
	for (int i = 0; i < h; i++)
		put_line(t, y + i, x, "\xe2\x94\x82", '|');
}

void draw_frame(struct tui *t, struct tui_box b, const char *title)
{
	for (int y = 1; y < b.h - 1; y++)
		draw_text(t, b.y + y, b.x, b.w, TUI_NORMAL, "");
	draw_hline(t, b.y, b.x + 1, b.w - 2);
	draw_hline(t, b.y + b.h - 1, b.x + 1, b.w - 2);
	draw_vline(t, b.y + 1, b.x, b.h - 2);
	draw_vline(t, b.y + 1, b.x + b.w - 1, b.h - 2);
	put_line(t, b.y, b.x, "\xe2\x94\x8c", '+');
	put_line(t, b.y, b.x + b.w - 1, "\xe2\x94\x90", '+');
	put_line(t, b.y + b.h - 1, b.x, "\xe2\x94\x94", '+');
	put_line(t, b.y + b.h - 1, b.x + b.w - 1, "\xe2\x94\x98", '+');
	if (title && *title) {
		_free_ char *s = xasprintf(" %s ", title);
		int w = tui_width(s);

		draw_text(t, b.y, b.x + 2, w < b.w - 4 ? w : b.w - 4, TUI_HEAD,
			s);
	}
}

int draw_wrapped_by(const char *by, struct tui *t, struct tui_box b,
	enum tui_role role, const char *s)
{
	const char *all = s;
	int n = 0;

	for (; s && n < b.h; n++) {
		const char *next;
		size_t len = tui_wrap(s, b.w, &next);

		/* What does not fit ends in an ellipsis, not in silence. */
		if (next && n == b.h - 1) {
			_free_ char *rest = xasprintf("%.*s\xe2\x80\xa6",
				(int)(len < 1000 ? len : 1000), s);

			draw_tell(by, all, 1, 0);
			draw_text(t, b.y + n, b.x, b.w, role, rest);
		} else {
			draw_part(t, b.y + n, b.x, b.w, role, s, len);
		}
		s = next;
	}
	return n;
}

void draw_edit(struct tui *t, int y, int x, int w, const char *s, size_t cursor,
	bool secret, bool focused)
{
	const char *from = s;
	_free_ char *before = NULL;
	int at;

	if (secret) {
		s = from = *s ? "********" : "";
		cursor = strlen(s);
	}
	before = xstrndup(s, cursor);
	at = tui_width(before);
	while (at > w - 1) {
		const char *p = from + tui_char_after(from);
		_free_ char *gone = xstrndup(from, p - from);

		at -= tui_width(gone);
		from = p;
	}
	for (int i = 0; i < w; i++)
		draw_part(t, y, x + i, 1, focused ? TUI_FOCUS : TUI_NORMAL,
			focused ? " " : "_", 1);
	draw_part(t, y, x, w, focused ? TUI_FOCUS : TUI_NORMAL, from,
		strlen(from));
	if (focused)
		draw_cursor(t, y, x + at);
}

void draw_more(struct tui *t, struct tui_box b, bool above, bool below)
{
	if (above)
		put_line(t, b.y, b.x + b.w - 1, "\xe2\x86\x91", '^');
	if (below)
		put_line(t, b.y + b.h - 1, b.x + b.w - 1, "\xe2\x86\x93", 'v');
}
