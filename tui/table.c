/*
 * Tables: order, filter, widths, drawing, keys.
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

#define GAP 2
#define CELL 256

void tui_table_done(struct tui_table *tb)
{
	free(tb->order);
	tb->order = NULL;
	tb->shown = 0;
}

void table_cell(struct tui_table *tb, int row, int col, char *out, size_t size)
{
	char buf[CELL] = "";

	str_printable(out, size, tb->cell(tb->arg, row, col, buf, CELL));
}

/* --- order and filter ----------------------------------------------------- */

static void fold(const char *s, wchar_t *out, size_t n)
{
	size_t i = 0;
	wchar_t c;

	while (i + 1 < n && (c = tui_next(&s)))
		out[i++] = towlower(c);
	out[i] = 0;
}

static bool passes(struct tui_table *tb, int row, const wchar_t *want)
{
	char cell[CELL];
	wchar_t folded[CELL];

	if (!*want)
		return true;
	for (int i = 0; i < tb->n_columns; i++) {
		table_cell(tb, row, i, cell, sizeof(cell));
		fold(cell, folded, CELL);
		if (wcsstr(folded, want))
			return true;
	}
	return false;
}

static int by_text(struct tui_table *tb, int a, int b, int col)
{
	char x[CELL], y[CELL];

	table_cell(tb, a, col, x, CELL);
	table_cell(tb, b, col, y, CELL);
	return str_cmpi(x, y);
}

static int by_column(const void *pa, const void *pb, void *arg)
{
	struct tui_table *tb = arg;
	int a = *(const int *)pa, b = *(const int *)pb, d = 0;

	if (tb->sort && tb->compare)
		d = tb->compare(tb->arg, a, b, tb->sort - 1);
	else if (tb->sort)
		d = by_text(tb, a, b, tb->sort - 1);
	if (tb->reverse)
		d = -d;
	return d ? d : a - b;
}

static int shown_at(const struct tui_table *tb, int row)
{
	for (int i = 0; i < tb->shown; i++)
		if (tb->order[i] == row)
			return i;
	return -1;
}

void table_arrange(struct tui_table *tb)
{
	wchar_t want[sizeof(tb->filter)];

	if (tb->sort > tb->n_columns)
		tb->sort = 0;
	fold(tb->filter, want, sizeof(tb->filter));
	tb->order = xreallocarray(
		tb->order, tb->rows > 0 ? tb->rows : 1, sizeof(*tb->order));
	tb->shown = 0;
	for (int i = 0; i < tb->rows; i++)
		if (passes(tb, i, want))
			tb->order[tb->shown++] = i;
	qsort_r(tb->order, tb->shown, sizeof(*tb->order), by_column, tb);
	if (shown_at(tb, tb->selected) < 0)
		tb->selected = tb->shown ? tb->order[0] : -1;
}

void table_sort_next(struct tui_table *tb)
{
	tb->sort = tb->sort >= tb->n_columns ? 0 : tb->sort + 1;
}

/* --- drawing -------------------------------------------------------------- */

/* Widths of the columns for w; 0: dropped. */
static void widths(const struct tui_table *tb, int w, int *out)
{
	int need = 0, weight = 0, left;

	for (int i = 0; i < tb->n_columns; i++) {
		int title = tui_width(_(tb->columns[i].title)) + 1;

		out[i] =
			tb->columns[i].min > title ? tb->columns[i].min : title;
		need += out[i] + GAP;
	}
	while (need - GAP > w) {
		int victim = -1;

		for (int i = 0; i < tb->n_columns; i++)
			if (out[i] && tb->columns[i].drop > 0 &&
				(victim < 0 ||
					tb->columns[i].drop >
						tb->columns[victim].drop))
				victim = i;
		if (victim < 0)
			break;
		need -= out[victim] + GAP;
		out[victim] = 0;
	}
	for (int i = 0; i < tb->n_columns; i++)
		weight += out[i] ? tb->columns[i].weight : 0;
	left = w - (need - GAP);
	for (int i = 0; i < tb->n_columns && left > 0; i++) {
		int share;

		if (!out[i] || !tb->columns[i].weight)
			continue;
		share = left * tb->columns[i].weight / weight;
		weight -= tb->columns[i].weight;
		left -= share;
		out[i] += share;
	}
}

static void heading(const struct tui_table *tb, int col, char *out, size_t n)
{
	const char *mark = "";

	if (tb->sort == col + 1)
		mark = tui_unicode()
			? (tb->reverse ? "\xe2\x86\x93" : "\xe2\x86\x91")
			: (tb->reverse ? "v" : "^");
	snprintf(out, n, "%s%s", _(tb->columns[col].title), mark);
}

/* A row (-1: the headings) as one text of w columns. */
static char *row_text(struct tui_table *tb, int row, const int *width)
{
	struct buf line = {0};

	for (int i = 0; i < tb->n_columns; i++) {
		char cell[CELL], padded[CELL * 2];

		if (!width[i])
			continue;
		if (row < 0)
			heading(tb, i, cell, sizeof(cell));
		else
			table_cell(tb, row, i, cell, sizeof(cell));
		draw_tell(row < 0 ? "heading" : "cell", cell, tui_width(cell),
			width[i]);
		tui_pad(padded, sizeof(padded), cell, width[i],
			tb->columns[i].right);
		if (line.len)
			buf_adds(&line, "  ");
		buf_adds(&line, padded);
	}
	return buf_steal(&line);
}

static void draw_rows(struct tui *t, struct tui_table *tb, struct tui_box b)
{
	int *width = xcalloc(tb->n_columns, sizeof(*width));
	_free_ int *width_owner = width;
	int at = shown_at(tb, tb->selected), h = b.h - 1;
	_free_ char *head = NULL;

	(void)width_owner;
	widths(tb, b.w - 4, width);
	head = row_text(tb, -1, width);
	draw_text(t, b.y, b.x + 2, b.w - 3, TUI_HEAD, head);
	if (at < tb->top)
		tb->top = at < 0 ? 0 : at;
	if (at >= tb->top + h)
		tb->top = at - h + 1;
	if (tb->top > 0 && tb->top + h > tb->shown)
		tb->top = tb->shown > h ? tb->shown - h : 0;
	for (int i = 0; i < h && tb->top + i < tb->shown; i++) {
		int row = tb->order[tb->top + i];
		bool here = row == tb->selected;
		_free_ char *s = row_text(tb, row, width);

		draw_text(
			t, b.y + 1 + i, b.x, 2, TUI_NORMAL, here ? "> " : "  ");
		draw_text(t, b.y + 1 + i, b.x + 2, b.w - 3,
			here               ? TUI_FOCUS
				: tb->role ? tb->role(tb->arg, row)
					   : TUI_NORMAL,
			s);
	}
	draw_more(t, (struct tui_box){b.y + 1, b.x, h, b.w}, tb->top > 0,
		tb->top + h < tb->shown);
}

static void draw_filter(struct tui *t, struct tui_table *tb, int y, int w)
{
	_free_ char *count = xasprintf(_("%d of %d"), tb->shown, tb->rows);
	int label = tui_width(_("Filter")) + 2;

	draw_text(t, y, 2, label, TUI_HEAD, _("Filter"));
	draw_edit(t, y, 2 + label, 30, tb->filter, strlen(tb->filter), false,
		tb->filtering);
	draw_text(t, y, 2 + label + 32, w - label - 36, TUI_DIM, count);
}

static void draw_details(struct tui *t, struct tui_table *tb, struct tui_box b)
{
	_free_ char *s =
		tb->selected >= 0 ? tb->details(tb->arg, tb->selected) : NULL;

	if (s)
		draw_wrapped(t, b, TUI_NORMAL, s);
}

/* Cut the details pane off *b: on the right where there is room, else
 * below. Its own box. */
static struct tui_box pane(struct tui *t, struct tui_box *b)
{
	struct tui_box p = *b;

	if (b->w >= 130) {
		p.w = b->w / 3;
		p.x = b->x + b->w - p.w;
		b->w -= p.w + 2;
		draw_vline(t, b->y, p.x - 1, b->h);
		p.x++;
		p.w--;
		return p;
	}
	p.h = b->h / 3 > 5 ? b->h / 3 : 5;
	p.y = b->y + b->h - p.h;
	b->h -= p.h + 1;
	draw_hline(t, p.y - 1, b->x, b->w);
	p.x += 2;
	p.w -= 3;
	return p;
}

void table_draw(struct tui *t, struct tui_table *tb, struct tui_box b)
{
	table_arrange(tb);
	if (tb->details)
		draw_details(t, tb, pane(t, &b));
	if (tb->filtering || *tb->filter) {
		b.h--;
		draw_filter(t, tb, b.y + b.h, b.w);
	}
	draw_rows(t, tb, b);
	if (!tb->shown)
		draw_wrapped(t,
			(struct tui_box){b.y + 2, b.x + 2, b.h - 2, b.w - 3},
			TUI_DIM,
			tb->rows            ? _("No row fits the filter.")
				: tb->empty ? tb->empty
					    : _("Nothing here."));
}

/* --- keys ----------------------------------------------------------------- */

static void move_to(struct tui_table *tb, int at)
{
	if (at >= tb->shown)
		at = tb->shown - 1;
	if (at < 0)
		at = 0;
	tb->selected = tb->shown ? tb->order[at] : -1;
}

static int filter_key(struct tui_table *tb, int key)
{
	size_t cursor = strlen(tb->filter);

	switch (key) {
	case TUI_KEY_ESC:
		*tb->filter = 0;
		tb->filtering = false;
		return TUI_STAY;
	case TUI_KEY_ENTER:
	case TUI_KEY_TAB:
		tb->filtering = false;
		return TUI_STAY;
	default:
		if (key >= TUI_KEY_UP && key < TUI_PASTED &&
			key != TUI_KEY_BACKSPACE)
			return TUI_UNUSED;
		return edit_key(tb->filter, sizeof(tb->filter), &cursor, key);
	}
}

/* All of the details: the pane has room for some lines only. */
static int show_details(struct tui *t, struct tui_table *tb)
{
	_free_ char *s = tb->details && tb->selected >= 0
		? tb->details(tb->arg, tb->selected)
		: NULL;
	struct tui_pager p = {0};
	struct tui_screen page = {.pager = &p, .help = "tui-details"};
	char name[CELL];

	if (!s)
		return TUI_STAY;
	table_cell(tb, tb->selected, 0, name, sizeof(name));
	page.title = name;
	tui_text_add(&p.text, TUI_NORMAL, 2, "%s", s);
	tui_run(t, &page);
	tui_text_free(&p.text);
	return TUI_STAY;
}

static int command_key(struct tui *t, struct tui_table *tb, int key)
{
	switch (key) {
	case 'd':
		return show_details(t, tb);
	case '/':
		tb->filtering = true;
		return TUI_STAY;
	case 's':
		table_sort_next(tb);
		return TUI_STAY;
	case 'S':
		tb->reverse = !tb->reverse;
		return TUI_STAY;
	case TUI_KEY_ENTER:
		return tb->selected >= 0 ? TUI_OK : TUI_STAY;
	case TUI_KEY_ESC:
		if (!*tb->filter)
			return TUI_UNUSED;
		*tb->filter = 0;
		return TUI_STAY;
	default:
		return TUI_UNUSED;
	}
}

int table_key(struct tui *t, struct tui_table *tb, int key, int page)
{
	int at;

	table_arrange(tb);
	if (tb->filtering && filter_key(tb, key) == TUI_STAY) {
		table_arrange(tb);
		return TUI_STAY;
	}
	at = shown_at(tb, tb->selected);
	switch (key) {
	case TUI_KEY_UP:
		move_to(tb, at - 1);
		return TUI_STAY;
	case TUI_KEY_DOWN:
		move_to(tb, at + 1);
		return TUI_STAY;
	case TUI_KEY_PGUP:
		move_to(tb, at - page);
		return TUI_STAY;
	case TUI_KEY_PGDN:
		move_to(tb, at + page);
		return TUI_STAY;
	case TUI_KEY_HOME:
		move_to(tb, 0);
		return TUI_STAY;
	case TUI_KEY_END:
		move_to(tb, tb->shown - 1);
		return TUI_STAY;
	default:
		/* While typing, what the filter refused is for the screen. */
		return tb->filtering ? TUI_UNUSED : command_key(t, tb, key);
	}
}
