/*
 * Scrolling text. The wrapped rows are made anew for each drawing: texts are
 * a few hundred lines at most.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

#define PAGE_COLS 122 /* longer lines are hard to read */

void tui_text_free(struct tui_text *x)
{
	for (int i = 0; i < x->n; i++)
		free(x->lines[i].text);
	free(x->lines);
	*x = (struct tui_text){0};
}

static struct tui_line *add(struct tui_text *x, enum tui_role role, int indent,
	const char *s, size_t n)
{
	struct tui_line *l;
	_free_ char *one = xstrndup(s, n);

	if (x->n == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 32;
		x->lines = xreallocarray(x->lines, x->cap, sizeof(*x->lines));
	}
	l = &x->lines[x->n++];
	*l = (struct tui_line){.role = role, .indent = indent};
	for (char *p = one; *p; p++)
		if (*p == '\t')
			*p = ' ';
	l->text = str_printable_dup(one);
	return l;
}

struct tui_line *tui_text_add(struct tui_text *x, enum tui_role role,
	int indent, const char *fmt, ...)
{
	_free_ char *s = NULL;
	const char *p, *end;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	for (p = s; (end = strchr(p, '\n')); p = end + 1)
		add(x, role, indent, p, end - p);
	return add(x, role, indent, p, strlen(p));
}

void tui_text_diff(struct tui_text *x, const char *diff)
{
	while (*diff) {
		size_t n = strcspn(diff, "\n");
		bool file = strncmp(diff, "+++", 3) == 0 ||
			strncmp(diff, "---", 3) == 0;

		add(x,
			file || *diff == '@'   ? TUI_HEAD
				: *diff == '+' ? TUI_ADDED
				: *diff == '-' ? TUI_REMOVED
					       : TUI_NORMAL,
			2, diff, n);
		diff += n + (diff[n] == '\n');
	}
}

int tui_pager_id(const struct tui_pager *p)
{
	if (p->selected < 0 || p->selected >= p->text.n)
		return 0;
	return p->text.lines[p->selected].id;
}

/* --- wrapped rows --------------------------------------------------------- */

struct row {
	const char *s;
	size_t n;
	int line, indent;
};

struct rows {
	struct row *v;
	int n, cap;
};

static void add_row(struct rows *r, struct row row)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->v = xreallocarray(r->v, r->cap, sizeof(*r->v));
	}
	r->v[r->n++] = row;
}

static void wrap_line(struct rows *r, const struct tui_line *l, int i, int w)
{
	const char *s = l->text, *next;
	int indent = 0;

	do {
		size_t n = tui_wrap(s, w - indent, &next);

		add_row(r, (struct row){s, n, i, indent});
		s = next;
		indent = l->indent < w / 2 ? l->indent : 0;
	} while (s);
}

static struct rows wrap_all(const struct tui_text *x, int w)
{
	struct rows r = {0};

	for (int i = 0; i < x->n; i++)
		wrap_line(&r, &x->lines[i], i, w);
	return r;
}

static int row_of(const struct rows *r, int line)
{
	for (int i = 0; i < r->n; i++)
		if (r->v[i].line == line)
			return i;
	return 0;
}

/* --- drawing -------------------------------------------------------------- */

static void settle_selection(struct tui_pager *p)
{
	if (tui_pager_id(p))
		return;
	for (int i = 0; i < p->text.n; i++)
		if (p->text.lines[i].id) {
			p->selected = i;
			return;
		}
	p->selected = -1;
}

static void draw_row(struct tui *t, const struct tui_pager *p,
	const struct row *r, int y, int x, int w)
{
	const struct tui_line *l = &p->text.lines[r->line];
	bool here = r->line == p->selected && l->id;

	if (here && r->s == l->text)
		draw_text(t, y, x, 1, TUI_NORMAL, ">");
	draw_part(t, y, x + 2 + r->indent, w - 3 - r->indent,
		here ? TUI_FOCUS : l->role, r->s, r->n);
}

int pager_count(const struct tui_text *x, int w)
{
	struct rows r = wrap_all(x, (w > PAGE_COLS ? PAGE_COLS : w) - 4);

	free(r.v);
	return r.n;
}

/* The rows in b; how many there are in all. */
int pager_rows(struct tui *t, struct tui_pager *p, struct tui_box b)
{
	int w = b.w > PAGE_COLS ? PAGE_COLS : b.w, n;
	struct rows r = wrap_all(&p->text, w - 4);

	settle_selection(p);
	if (p->top > r.n - b.h)
		p->top = r.n - b.h;
	if (p->top < 0)
		p->top = 0;
	for (int i = 0; i < b.h && p->top + i < r.n; i++)
		draw_row(t, p, &r.v[p->top + i], b.y + i, b.x, w);
	draw_more(t, b, p->top > 0, p->top + b.h < r.n);
	n = r.n;
	free(r.v);
	return n;
}

static void draw_foot(
	struct tui *t, const struct tui_pager *p, int rows, struct tui_box b)
{
	char s[64];
	int h = b.h - 1, y = b.y + h;

	if (p->finding) {
		int label = tui_width(_("Find")) + 2;

		draw_text(t, y, 2, label, TUI_HEAD, _("Find"));
		draw_edit(t, y, 2 + label, 40, p->find, strlen(p->find), false,
			true);
	} else if (rows > h) {
		int last = p->top + h < rows ? p->top + h : rows;

		snprintf(s, sizeof(s), _("lines %d-%d of %d"), p->top + 1, last,
			rows);
		draw_text(
			t, y, b.w - tui_width(s) - 2, tui_width(s), TUI_DIM, s);
	}
}

void pager_draw(struct tui *t, struct tui_pager *p, struct tui_box b)
{
	struct tui_box text = b;

	text.h--;
	draw_foot(t, p, pager_rows(t, p, text), b);
}

/* --- keys ----------------------------------------------------------------- */

static int text_cols(const struct tui *t)
{
	return (t->cols > PAGE_COLS ? PAGE_COLS : t->cols) - 4;
}

/* Bring line i on the screen. */
static void show_line(struct tui *t, struct tui_pager *p, int i, int page)
{
	struct rows r = wrap_all(&p->text, text_cols(t));
	int row = row_of(&r, i);

	if (row < p->top || row >= p->top + page - 1)
		p->top = row > 2 ? row - 2 : 0;
	free(r.v);
}

static void select_next(struct tui *t, struct tui_pager *p, int d, int page)
{
	for (int i = p->selected + d; i >= 0 && i < p->text.n; i += d)
		if (p->text.lines[i].id) {
			p->selected = i;
			show_line(t, p, i, page);
			return;
		}
}

static void find_next(struct tui *t, struct tui_pager *p)
{
	struct rows r = wrap_all(&p->text, text_cols(t));

	if (!*p->find)
		r.n = 0;
	for (int i = 0; i < r.n; i++) {
		int at = (p->top + 1 + i) % r.n;

		if (strcasestr(p->text.lines[r.v[at].line].text, p->find)) {
			p->top = at;
			break;
		}
	}
	free(r.v);
}

static int find_key(struct tui *t, struct tui_pager *p, int key)
{
	size_t cursor = strlen(p->find);

	switch (key) {
	case TUI_KEY_ESC:
		p->finding = false;
		return TUI_STAY;
	case TUI_KEY_ENTER:
		p->finding = false;
		find_next(t, p);
		return TUI_STAY;
	default:
		return edit_key(p->find, sizeof(p->find), &cursor, key);
	}
}

static int jump_key(struct tui_pager *p, int key, int page)
{
	switch (key) {
	case TUI_KEY_UP:
		p->top--;
		return TUI_STAY;
	case TUI_KEY_DOWN:
		p->top++;
		return TUI_STAY;
	case TUI_KEY_PGUP:
		p->top -= page;
		return TUI_STAY;
	case ' ':
	case TUI_KEY_PGDN:
		p->top += page;
		return TUI_STAY;
	case TUI_KEY_HOME:
		p->top = 0;
		return TUI_STAY;
	case TUI_KEY_END:
		p->top = 1 << 28;
		return TUI_STAY;
	default:
		return TUI_UNUSED;
	}
}

int pager_key(struct tui *t, struct tui_pager *p, int key, int page)
{
	if (p->finding)
		return find_key(t, p, key);
	settle_selection(p);
	switch (key) {
	case TUI_KEY_TAB:
		select_next(t, p, 1, page);
		return TUI_STAY;
	case TUI_KEY_BACKTAB:
		select_next(t, p, -1, page);
		return TUI_STAY;
	case '/':
		p->finding = true;
		*p->find = 0;
		return TUI_STAY;
	case 'n':
		find_next(t, p);
		return TUI_STAY;
	default:
		return jump_key(p, key, page);
	}
}
