/*
 * Dialogs: a frame in the middle with a text and buttons, a line to type, or
 * a list to choose from. Keeps true: the answer that changes something is
 * never in focus at first; a hang-up is a no.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

#define CANCEL 1 /* results of the layer; a button is FIRST + index */
#define FIRST 2

struct dialog {
	const char *title;
	struct tui_pager p;
	const struct tui_option *options;
	int n, at, top;
	bool list; /* one option a line, with details */
	char *value;
	size_t size, cursor;
	bool secret;
	const char *expect; /* Enter is taken only with this typed */
	const char *wrong;
};

static int count(const struct tui_option *o)
{
	int n = 0;

	while (o && o[n].label)
		n++;
	return n;
}

/* --- drawing -------------------------------------------------------------- */

static int list_width(const struct dialog *d)
{
	int w = 0;

	for (int i = 0; i < d->n; i++) {
		int n = tui_width(d->options[i].label) + 6;

		if (d->options[i].detail)
			n += 2 + tui_width(d->options[i].detail);
		if (d->options[i].off)
			n += 4 + tui_width(d->options[i].off);
		w = n > w ? n : w;
	}
	return w;
}

static int buttons_width(const struct dialog *d)
{
	int w = 4;

	for (int i = 0; i < d->n; i++)
		w += tui_width(d->options[i].label) + 6;
	return w;
}

static int wanted_width(const struct dialog *d, int most)
{
	int w = tui_width(d->title) + 8, n;

	for (int i = 0; i < d->p.text.n; i++) {
		n = tui_width(d->p.text.lines[i].text) + 6;
		w = n > w ? n : w;
	}
	n = d->list ? list_width(d) + 4 : d->value ? 0 : buttons_width(d);
	w = n > w ? n : w;
	if (d->value && w < 50)
		w = 50;
	return w > most ? most : w < 30 ? 30 : w;
}

static void draw_buttons(struct tui *t, const struct dialog *d, int y, int x)
{
	for (int i = 0; i < d->n; i++) {
		const struct tui_option *o = &d->options[i];
		_free_ char *s =
			xasprintf(o->off ? "( %s )" : "[ %s ]", o->label);

		draw_part(
			t, y, x - 1, 1, TUI_NORMAL, d->at == i ? ">" : " ", 1);
		x += draw_part(t, y, x, t->cols - x,
			     d->at == i       ? TUI_FOCUS
				     : o->off ? TUI_DIM
					      : TUI_NORMAL,
			     s, strlen(s)) +
			2;
	}
}

static void draw_option(
	struct tui *t, const struct dialog *d, int i, int y, int x, int w)
{
	const struct tui_option *o = &d->options[i];
	_free_ char *s = xasprintf("%s%s%s%s%s%s", o->label,
		o->detail ? "  " : "", o->detail ? o->detail : "",
		o->off ? " (" : "", o->off ? o->off : "", o->off ? ")" : "");

	draw_text(t, y, x - 2, 1, TUI_NORMAL, i == d->at ? ">" : " ");
	draw_text(t, y, x, w,
		i == d->at       ? TUI_FOCUS
			: o->off ? TUI_DIM
				 : TUI_NORMAL,
		s);
}

static void draw_list(struct tui *t, struct dialog *d, struct tui_box b)
{
	if (d->at < d->top)
		d->top = d->at < 0 ? 0 : d->at;
	if (d->at >= d->top + b.h)
		d->top = d->at - b.h + 1;
	for (int i = 0; i < b.h && d->top + i < d->n; i++)
		draw_option(t, d, d->top + i, b.y + i, b.x, b.w);
	draw_more(t, (struct tui_box){b.y, b.x, b.h, b.w + 1}, d->top > 0,
		d->top + b.h < d->n);
}

static void dialog_draw(struct tui *t, void *arg)
{
	struct dialog *d = arg;
	int most = t->cols - 4 > 100 ? 100 : t->cols - 4;
	struct tui_box b = {.w = wanted_width(d, most)};
	int low = d->list ? d->n : d->value ? 3 : 1, text;

	text = d->p.text.n ? pager_count(&d->p.text, b.w - 2) + 1 : 0;
	b.h = text + low + 2;
	if (b.h > t->rows - 2)
		b.h = t->rows - 2;
	if (d->list && low > b.h - 2)
		low = b.h - 2;
	if (text > b.h - low - 2)
		text = b.h - low - 2;
	b.y = (t->rows - b.h) / 2;
	b.x = (t->cols - b.w) / 2;
	draw_frame(t, b, d->title);
	if (text > 1)
		pager_rows(t, &d->p,
			(struct tui_box){b.y + 1, b.x + 1, text - 1, b.w - 2});
	if (d->list) {
		draw_list(t, d,
			(struct tui_box){
				b.y + b.h - low - 1, b.x + 4, low, b.w - 6});
		return;
	}
	if (d->value) {
		draw_edit(t, b.y + b.h - 4, b.x + 3, b.w - 6, d->value,
			d->cursor, d->secret, true);
		draw_text(t, b.y + b.h - 3, b.x + 3, b.w - 6, TUI_BAD,
			d->wrong ? d->wrong : "");
		draw_text(t, b.y + b.h - 2, b.x + 3, b.w - 6, TUI_DIM,
			_("Enter: done   Esc: cancel"));
		return;
	}
	draw_tell("buttons", d->title, buttons_width(d), b.w);
	draw_buttons(t, d, b.y + b.h - 2, b.x + 3);
}

/* --- keys ----------------------------------------------------------------- */

static bool move_by(struct dialog *d, int step)
{
	for (int i = d->at + step; i >= 0 && i < d->n; i += step)
		if (!d->options[i].off) {
			d->at = i;
			return true;
		}
	return false;
}

/* Tab goes round. */
static void move_round(struct dialog *d, int step)
{
	int at = d->at;

	if (move_by(d, step))
		return;
	d->at = step > 0 ? -1 : d->n;
	if (!move_by(d, step))
		d->at = at;
}

static int edit_line(struct dialog *d, int key)
{
	if (key == TUI_KEY_ENTER) {
		if (!d->expect || strcmp(d->value, d->expect) == 0)
			return FIRST;
		d->wrong = _("That is something else; nothing was done.");
		return 0;
	}
	d->wrong = NULL;
	edit_key(d->value, d->size, &d->cursor, key);
	return 0;
}

static int button_key(struct dialog *d, int key)
{
	switch (key) {
	case TUI_KEY_ENTER:
	case ' ':
		return d->at >= 0 && !d->options[d->at].off ? FIRST + d->at : 0;
	case TUI_KEY_LEFT:
	case TUI_KEY_UP:
		move_by(d, -1);
		return 0;
	case TUI_KEY_RIGHT:
	case TUI_KEY_DOWN:
		move_by(d, 1);
		return 0;
	case TUI_KEY_TAB:
		move_round(d, 1);
		return 0;
	case TUI_KEY_BACKTAB:
		move_round(d, -1);
		return 0;
	case TUI_KEY_PGUP:
		d->p.top -= 5;
		return 0;
	case TUI_KEY_PGDN:
		d->p.top += 5;
		return 0;
	default:
		return 0;
	}
}

static void dialog_key(struct tui *t, void *arg, int key)
{
	struct dialog *d = arg;

	if (key == TUI_KEY_ESC || key == TUI_CTRL('C'))
		t->top->result = CANCEL;
	else if (d->value)
		t->top->result = edit_line(d, key);
	else if (!(key & TUI_PASTED))
		t->top->result = button_key(d, key);
}

/* The index chosen; -1: Esc or hang-up. */
static int dialog_run(struct tui *t, struct dialog *d)
{
	struct tui_layer l = {.draw = dialog_draw, .key = dialog_key, .arg = d};
	int r = t->hung ? TUI_HANGUP : tui_loop(t, &l);

	tui_text_free(&d->p.text);
	return t->hung || r < FIRST ? -1 : r - FIRST;
}

/* --- what others call ----------------------------------------------------- */

int choose_option(struct tui *t, const char *title,
	const struct tui_option *options, int chosen)
{
	struct dialog d = {.title = title,
		.options = options,
		.n = count(options),
		.at = chosen,
		.list = true};

	if (chosen < 0)
		move_by(&d, 1);
	return dialog_run(t, &d);
}

int tui_ask(struct tui *t, const char *title, const char *text,
	const struct tui_option *buttons, int def)
{
	struct dialog d = {.title = title,
		.options = buttons,
		.n = count(buttons),
		.at = def};

	if (t->plain)
		return plain_buttons(t, title, text, buttons, def);
	tui_text_add(&d.p.text, TUI_NORMAL, 0, "%s", text);
	return dialog_run(t, &d);
}

void tui_message(struct tui *t, const char *title, const char *text)
{
	const struct tui_option close[] = {
		{.label = _("Close")}, {.label = NULL}};

	tui_ask(t, title, text, close, 0);
}

bool tui_confirm(struct tui *t, const char *title, const char *text,
	const char *yes, const char *no)
{
	const struct tui_option both[] = {
		{.label = yes}, {.label = no}, {.label = NULL}};

	return tui_ask(t, title, text, both, 1) == 0;
}

static void error_lines(
	struct tui_text *x, const struct err *e, const char *next)
{
	_free_ char *what = i18n_said(e->what), *why = i18n_said(e->why);
	const char *label[] = {_("why"), _("next"), _("see")};
	const char *text[] = {
		why, next ? next : _(err_advice(e->code)), "vmferry-errors(7)"};
	int w = 0;

	for (size_t i = 0; i < ARRAY_LEN(label); i++)
		if (tui_width(label[i]) + 2 > w)
			w = tui_width(label[i]) + 2;
	tui_text_add(x, TUI_BAD, w, "%s  %s", err_id(e->code), what);
	for (size_t i = 0; i < ARRAY_LEN(label); i++) {
		char padded[64];

		tui_pad(padded, sizeof(padded), label[i], w, false);
		tui_text_add(x, i < 2 ? TUI_NORMAL : TUI_DIM, w, "%s%s", padded,
			text[i]);
	}
}

int tui_error(struct tui *t, const struct err *e, const char *next,
	const struct tui_option *buttons)
{
	const struct tui_option close[] = {
		{.label = _("Close")}, {.label = NULL}};
	struct dialog d = {
		.title = _("Error"), .options = buttons ? buttons : close};

	d.n = count(d.options);
	error_lines(&d.p.text, e, next);
	if (t->plain) {
		for (int i = 0; i < d.p.text.n; i++)
			plain_say(t, "%s%s", i ? "  " : "",
				d.p.text.lines[i].text);
		tui_text_free(&d.p.text);
		return buttons ? plain_buttons(t, d.title, NULL, buttons, 0)
			       : 0;
	}
	return dialog_run(t, &d);
}

bool tui_confirm_typed(
	struct tui *t, const char *title, const char *text, const char *expect)
{
	char typed[256] = "";
	struct dialog d = {.title = title,
		.value = typed,
		.size = sizeof(typed),
		.expect = expect};
	const char *line;

	if (t->plain) {
		plain_say(t, "%s", title);
		plain_say(t, "%s", text);
		line = plain_ask(t, _("Type it to confirm (Enter: no): "));
		return line && strcmp(line, expect) == 0;
	}
	tui_text_add(&d.p.text, TUI_NORMAL, 0, "%s", text);
	return dialog_run(t, &d) == 0;
}

static bool plain_input(struct tui *t, const char *title, const char *text,
	char *value, size_t size, bool secret)
{
	const char *line;

	plain_say(t, "%s", title);
	if (text)
		plain_say(t, "%s", text);
	line = secret ? plain_secret(t, "> ") : plain_ask(t, "> ");
	if (!line || !*line || strlen(line) >= size)
		return false;
	memcpy(value, line, strlen(line) + 1);
	return true;
}

bool tui_input(struct tui *t, const char *title, const char *text, char *value,
	size_t size, bool secret)
{
	char *typed;
	struct dialog d = {.title = title, .size = size, .secret = secret};
	bool done;

	if (t->plain)
		return plain_input(t, title, text, value, size, secret);
	d.value = typed = xcalloc(1, size);
	mlock(typed, size);
	/* A secret is typed anew, in memory that is wiped. */
	if (!secret)
		snprintf(typed, size, "%s", value);
	d.cursor = strlen(typed);
	if (text)
		tui_text_add(&d.p.text, TUI_NORMAL, 0, "%s", text);
	done = dialog_run(t, &d) == 0;
	if (done)
		memcpy(value, typed, size);
	explicit_bzero(typed, size);
	munlock(typed, size);
	free(typed);
	return done;
}
