/*
 * A screen: title line, introduction, block, status line, key bar; which key
 * goes where. Keeps true: each key that works stands in the key bar or on
 * the help page, made from the same tables.
 */
#include <string.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

#define BAR_LINES 3
#define STATUS_LINES 2

static const struct {
	int key;
	const char *name;
} names[] = {
	{TUI_KEY_ENTER, N_("Enter")},
	{TUI_KEY_ESC, N_("Esc")},
	{TUI_KEY_TAB, N_("Tab")},
	{TUI_KEY_UP, N_("Up")},
	{TUI_KEY_DOWN, N_("Down")},
	{TUI_KEY_LEFT, N_("Left")},
	{TUI_KEY_RIGHT, N_("Right")},
	{TUI_KEY_PGUP, N_("PgUp")},
	{TUI_KEY_PGDN, N_("PgDn")},
	{TUI_KEY_DELETE, N_("Del")},
	{' ', N_("Space")},
};

const char *tui_key_name(int key, char out[16])
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].key == key)
			return _(names[i].name);
	if (key > 0 && key < 0x20)
		snprintf(out, 16, "^%c", key + '@');
	else
		snprintf(out, 16, "%c", key < 0x7f ? key : '?');
	return out;
}

static const struct tui_key form_keys[] = {
	{TUI_KEY_TAB, N_("Next field"), 0, false},
	{0},
};
static const struct tui_key table_keys[] = {
	{'/', N_("Filter"), 0, false},
	{'s', N_("Sort"), 0, false},
	{'d', N_("Details"), 0, false},
	{0},
};
static const struct tui_key pager_keys[] = {
	{TUI_KEY_PGDN, N_("More"), 0, false},
	{'/', N_("Find"), 0, false},
	{0},
};
static const struct tui_key checklist_keys[] = {
	{TUI_KEY_UP, N_("Look at a step"), 0, false},
	{0},
};

const struct tui_key *block_keys(const struct tui_screen *s)
{
	return s->form     ? form_keys
		: s->table ? table_keys
		: s->pager ? pager_keys
			   : checklist_keys;
}

static bool typing(const struct tui_screen *s)
{
	return s->form     ? form_typing(s->form)
		: s->table ? s->table->filtering
		: s->pager ? s->pager->finding
			   : false;
}

/* --- drawing -------------------------------------------------------------- */

static void draw_title(struct tui *t, const struct tui_screen *s)
{
	const char *program = t->o.program ? t->o.program : "";
	int w = tui_width(program), x = t->cols - w - 1;

	draw_text(t, 0, 0, t->cols, TUI_TITLE, "");
	draw_text(t, 0, x, w, TUI_TITLE, program);
	if (s->crumbs) {
		/* Where the title needs the room, the crumbs are their first
		 * word: "4/8". */
		size_t first = strcspn(s->crumbs, " ");
		_free_ char *crumbs = xstrndup(s->crumbs,
			tui_width(s->crumbs) + tui_width(s->title) + 4 > x
				? first
				: strlen(s->crumbs));

		w = tui_width(crumbs);
		x -= w + 2;
		draw_text(t, 0, x, w, TUI_TITLE, crumbs);
	}
	draw_text(t, 0, 1, x - 2, TUI_TITLE, s->title);
}

/* The pen of the key bar: a line and a column, measured or drawn. */
struct bar {
	struct tui *t;
	int y, x, line, lines;
	bool draw;
};

static void bar_put(struct bar *b, const char *key, const char *label)
{
	int kw = tui_width(key), lw = tui_width(label);

	if (b->x > 1 && b->x + kw + 1 + lw >= b->t->cols) {
		b->line++;
		b->x = 1;
	}
	if (b->line >= b->lines) {
		draw_tell(__func__, label, b->draw, 0);
		return;
	}
	if (b->draw) {
		draw_text(b->t, b->y + b->line, b->x, kw, TUI_HEAD, key);
		draw_text(b->t, b->y + b->line, b->x + kw + 1, lw, TUI_NORMAL,
			label);
	}
	b->x += kw + lw + 3;
}

static bool has_id(const struct tui_key *k, int id)
{
	for (; k && k->key; k++)
		if (k->id == id && !k->hidden)
			return true;
	return false;
}

static bool has_key(const struct tui_key *k, int key)
{
	for (; k && k->key; k++)
		if (k->key == key)
			return true;
	return false;
}

static void bar_list(
	struct bar *b, const struct tui_key *k, const struct tui_key *over)
{
	char name[16];

	for (; k && k->key; k++)
		if (!k->hidden && !has_key(over, k->key))
			bar_put(b, tui_key_name(k->key, name), _(k->label));
}

static void bar_all(struct bar *b, const struct tui_screen *s)
{
	bool text = typing(s);

	b->x = 1;
	b->line = 0;
	/* Help and Back come first: they are never pushed off the bar. */
	bar_put(b, text ? "^G" : "?", _("Help"));
	if (!has_id(s->keys, TUI_BACK) && !has_key(s->keys, TUI_KEY_ESC))
		bar_put(b, _("Esc"), _("Back"));
	if (s->form && !has_id(s->keys, TUI_OK))
		bar_put(b, "^N", _("Next"));
	if (s->table && !has_id(s->keys, TUI_OK))
		bar_put(b, _("Enter"), _("Choose"));
	bar_list(b, s->keys, NULL);
	bar_list(b, block_keys(s), s->keys);
}

/* Draws the bar at the bottom; lines used. */
static int draw_bar(struct tui *t, const struct tui_screen *s)
{
	struct bar b = {.t = t, .lines = BAR_LINES};
	int lines;

	bar_all(&b, s);
	lines = b.line + 1 < BAR_LINES ? b.line + 1 : BAR_LINES;
	b.y = t->rows - lines;
	b.draw = true;
	bar_all(&b, s);
	return lines;
}

static void draw_block(struct tui *t, struct tui_screen *s, struct tui_box b)
{
	if (s->form)
		form_draw(t, s->form, b);
	else if (s->table)
		table_draw(t, s->table, b);
	else if (s->pager)
		pager_draw(t, s->pager, b);
	else if (s->checklist)
		checklist_draw(t, s->checklist, b);
}

/* Where the block stands; draws what is around it. */
static struct tui_box draw_around(struct tui *t, const struct tui_screen *s)
{
	struct tui_box b = {1, 0, t->rows - 2, t->cols};
	const char *status = s->busy ? s->busy : s->status;

	draw_title(t, s);
	b.h -= draw_bar(t, s);
	if (s->intro) {
		int n = draw_wrapped(t,
			(struct tui_box){1, 1, t->rows / 4, t->cols - 2},
			TUI_NORMAL, s->intro);

		b.y += n + 1;
		b.h -= n + 1;
	}
	if (status) {
		int n = tui_lines(status, t->cols - 2);

		n = n > STATUS_LINES ? STATUS_LINES : n;
		b.h -= n - 1;
		draw_wrapped(t, (struct tui_box){b.y + b.h, 1, n, t->cols - 2},
			s->busy ? TUI_WARN : TUI_DIM, status);
	}
	return b;
}

static void screen_draw(struct tui *t, void *arg)
{
	struct tui_screen *s = arg;

	draw_block(t, s, draw_around(t, s));
}

/* --- keys ----------------------------------------------------------------- */

static void show_help(struct tui *t, struct tui_screen *s)
{
	struct tui_pager p = {0};
	_free_ char *title = xasprintf("%s: %s", _("Help"), s->title);
	struct tui_screen help = {.title = title, .pager = &p};

	/* Help on help would be a way to get lost. */
	if (s->help && strcmp(s->help, "tui-help") == 0)
		return;
	help.help = "tui-help";
	help_text(t, s, &p.text);
	tui_run(t, &help);
	tui_text_free(&p.text);
}

int screen_action(struct tui *t, struct tui_screen *s, int id)
{
	int bad;

	if (id == TUI_HELP) {
		show_help(t, s);
		return TUI_STAY;
	}
	if (id == TUI_OK && s->form) {
		bad = tui_form_check(s->form);
		if (bad >= 0) {
			s->form->focus = bad;
			return TUI_STAY;
		}
	}
	return s->action ? s->action(t, s, id) : id;
}

static int block_key(struct tui *t, struct tui_screen *s, int key)
{
	int page = t->rows - 6;

	return s->form         ? form_key(t, s->form, key)
		: s->table     ? table_key(t, s->table, key, page)
		: s->pager     ? pager_key(t, s->pager, key, page)
		: s->checklist ? checklist_key(t, s->checklist, key)
			       : TUI_UNUSED;
}

static int own_key(const struct tui_screen *s, int key)
{
	for (const struct tui_key *k = s->keys; k && k->key; k++)
		if (k->key == key && !k->hidden)
			return k->id;
	return TUI_UNUSED;
}

static int common_key(const struct tui_screen *s, int key)
{
	switch (key) {
	case TUI_KEY_ESC:
	case 'b':
		return TUI_BACK;
	case TUI_CTRL('C'):
	case 'q':
		return TUI_QUIT;
	case TUI_CTRL('N'):
		return s->form ? TUI_OK : TUI_STAY;
	case TUI_KEY_ENTER:
		return TUI_OK;
	case '?':
	case TUI_CTRL('G'):
	case TUI_KEY_F1:
		return TUI_HELP;
	default:
		return TUI_STAY;
	}
}

/* Keys that mean something to the block before they mean an action. */
static bool block_first(const struct tui_screen *s, int key)
{
	return typing(s) || key == TUI_KEY_ENTER || key == TUI_KEY_TAB ||
		key == TUI_KEY_ESC || key >= TUI_KEY_UP;
}

static void screen_key(struct tui *t, void *arg, int key)
{
	struct tui_screen *s = arg;
	struct tui_layer *l = t->top;
	int id;

	/* A paste is text for a field, never a row of commands. */
	if ((key & TUI_PASTED) && !typing(s))
		return;
	id = block_first(s, key) ? block_key(t, s, key) : own_key(s, key);
	if (id == TUI_UNUSED)
		id = block_first(s, key) ? own_key(s, key)
					 : block_key(t, s, key);
	if (id == TUI_UNUSED)
		id = common_key(s, key);
	if (id != TUI_STAY)
		l->result = screen_action(t, s, id);
}

int tui_run(struct tui *t, struct tui_screen *s)
{
	struct tui_layer l = {
		.screen = s, .draw = screen_draw, .key = screen_key, .arg = s};

	if (t->hung)
		return TUI_HANGUP;
	/* The bar asks whether a text has the focus. */
	if (s->form && s->form->n)
		form_place(s->form);
	return t->plain ? plain_run(t, s) : tui_loop(t, &l);
}
