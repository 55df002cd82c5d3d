/*
 * Forms: focus, keys, checks. What is typed goes straight into the caller's
 * buffers, so leaving a form loses nothing.
 */
#include <string.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

static bool has_text(const struct tui_field *f)
{
	return f->kind == TUI_TEXT || f->kind == TUI_SECRET ||
		f->kind == TUI_NUMBER;
}

bool field_takes_focus(const struct tui_field *f)
{
	return !f->hidden && f->kind != TUI_NOTE && f->kind != TUI_HEADING;
}

bool form_typing(const struct tui_form *form)
{
	return form->focus < form->n && has_text(&form->fields[form->focus]);
}

struct tui_field *tui_form_field(struct tui_form *form, const char *id)
{
	for (int i = 0; i < form->n; i++)
		if (form->fields[i].id && strcmp(form->fields[i].id, id) == 0)
			return &form->fields[i];
	return NULL;
}

/* --- checks --------------------------------------------------------------- */

static bool is_empty(const struct tui_field *f)
{
	if (f->kind == TUI_CHOICE)
		return *f->chosen < 0;
	return has_text(f) && !*f->value;
}

static const char *number_wrong(const struct tui_field *f)
{
	uint64_t v, max = f->max ? f->max : UINT64_MAX;

	if (str_u64(f->value, max, &v) != 0)
		return f->max ? _("not a number, or too large")
			      : _("not a number");
	return v < f->min ? _("too small") : NULL;
}

static const char *field_wrong(struct tui_form *form, struct tui_field *f)
{
	const char *wrong = NULL;

	if (is_empty(f) && !(f->kind == TUI_TEXT && f->check && f->needed))
		return f->needed ? _("needed") : NULL;
	if (is_empty(f))
		return _("needed");
	if (f->kind == TUI_CHOICE && f->options[*f->chosen].off)
		return f->options[*f->chosen].off;
	if (f->kind == TUI_NUMBER)
		wrong = number_wrong(f);
	if (!wrong && f->check)
		wrong = f->check(f, form->arg);
	return wrong;
}

bool field_check(struct tui_form *form, struct tui_field *f)
{
	f->wrong = field_takes_focus(f) ? field_wrong(form, f) : NULL;
	return !f->wrong;
}

int tui_form_check(struct tui_form *form)
{
	int bad = -1;

	for (int i = form->n - 1; i >= 0; i--)
		if (!field_check(form, &form->fields[i]))
			bad = i;
	return bad;
}

void field_changed(struct tui_form *form, struct tui_field *f)
{
	f->wrong = NULL;
	if (f->changed)
		f->changed(form, f, form->arg);
}

/* --- focus ---------------------------------------------------------------- */

/* The next field that takes focus from i in direction d; -1: none. */
static int next_focus(const struct tui_form *form, int i, int d)
{
	for (i += d; i >= 0 && i < form->n; i += d)
		if (field_takes_focus(&form->fields[i]))
			return i;
	return -1;
}

static void place(struct tui_form *form)
{
	int first = next_focus(form, -1, 1);

	if (!form->placed || form->focus >= form->n)
		form->focus = first < 0 ? 0 : first;
	/* Hidden meanwhile: the nearest that is not. */
	if (!form->placed || !field_takes_focus(&form->fields[form->focus])) {
		int i = next_focus(form, form->focus, -1);

		if (!field_takes_focus(&form->fields[form->focus]))
			form->focus = i >= 0 ? i : first < 0 ? 0 : first;
		form->fields[form->focus].cursor = (size_t)-1;
	}
	form->placed = true;
}

static int go(struct tui_form *form, int d)
{
	struct tui_field *f = &form->fields[form->focus];
	int to = next_focus(form, form->focus, d);

	/* An empty field that was only passed is not complained about yet. */
	if (!is_empty(f))
		field_check(form, f);
	if (to < 0)
		return -1;
	form->focus = to;
	form->fields[to].cursor = (size_t)-1;
	return 0;
}

/* --- keys ----------------------------------------------------------------- */

static void choose_next(struct tui_form *form, struct tui_field *f, int d)
{
	int n = 0, i = *f->chosen;

	while (f->options[n].label)
		n++;
	for (int tries = 0; tries < n; tries++) {
		i = i < 0 ? (d > 0 ? 0 : n - 1) : (i + d + n) % n;
		if (!f->options[i].off)
			break;
	}
	if (!n || f->options[i].off || i == *f->chosen)
		return;
	*f->chosen = i;
	field_changed(form, f);
}

static int choice_key(
	struct tui *t, struct tui_form *form, struct tui_field *f, int key)
{
	int i;

	switch (key) {
	case TUI_KEY_LEFT:
		choose_next(form, f, -1);
		return TUI_STAY;
	case TUI_KEY_RIGHT:
		choose_next(form, f, 1);
		return TUI_STAY;
	case ' ':
	case TUI_KEY_ENTER:
		i = choose_option(t, f->label, f->options, *f->chosen);
		if (i >= 0 && i != *f->chosen) {
			*f->chosen = i;
			field_changed(form, f);
		}
		return TUI_STAY;
	default:
		return TUI_UNUSED;
	}
}

static int check_key(struct tui_form *form, struct tui_field *f, int key)
{
	if (key != ' ' && key != TUI_KEY_ENTER)
		return TUI_UNUSED;
	*f->on = !*f->on;
	field_changed(form, f);
	return TUI_STAY;
}

static int text_key(struct tui_form *form, struct tui_field *f, int key)
{
	size_t len = strlen(f->value), last;
	int r;

	if (f->cursor > len)
		f->cursor = len;
	if (f->kind == TUI_NUMBER && edit_is_text(key) &&
		!((key & ~TUI_PASTED) >= '0' && (key & ~TUI_PASTED) <= '9'))
		return TUI_STAY;
	/* Nobody can see where the cursor is in a secret: it is at the end. */
	if (f->kind == TUI_SECRET && key >= TUI_KEY_UP && key < TUI_PASTED &&
		key != TUI_KEY_BACKSPACE && key != TUI_KEY_UP &&
		key != TUI_KEY_DOWN && key != TUI_KEY_BACKTAB)
		return TUI_STAY;
	last = len;
	r = edit_key(f->value, f->size, &f->cursor, key);
	if (r == TUI_STAY && (edit_is_text(key) || strlen(f->value) != last))
		field_changed(form, f);
	return r;
}

static int field_key(
	struct tui *t, struct tui_form *form, struct tui_field *f, int key)
{
	if (has_text(f))
		return text_key(form, f, key);
	if (f->kind == TUI_CHOICE)
		return choice_key(t, form, f, key);
	if (f->kind == TUI_CHECK)
		return check_key(form, f, key);
	if (f->kind == TUI_BUTTON && (key == TUI_KEY_ENTER || key == ' '))
		return f->action;
	return TUI_UNUSED;
}

int form_key(struct tui *t, struct tui_form *form, int key)
{
	int r;

	if (!form->n)
		return TUI_UNUSED;
	place(form);
	r = field_key(t, form, &form->fields[form->focus], key);
	if (r != TUI_UNUSED)
		return r;
	switch (key) {
	case TUI_KEY_TAB:
		if (go(form, 1) != 0) {
			form->placed = false;
			place(form);
		}
		return TUI_STAY;
	case TUI_KEY_DOWN:
		go(form, 1);
		return TUI_STAY;
	case TUI_KEY_UP:
	case TUI_KEY_BACKTAB:
		go(form, -1);
		return TUI_STAY;
	case TUI_KEY_PGUP:
	case TUI_KEY_PGDN:
		for (int i = 0; i < 8; i++)
			go(form, key == TUI_KEY_PGUP ? -1 : 1);
		return TUI_STAY;
	case TUI_KEY_ENTER:
		return go(form, 1) == 0 ? TUI_STAY : TUI_OK;
	default:
		return TUI_UNUSED;
	}
}

/* --- drawing -------------------------------------------------------------- */

#define LABEL_MAX 30
#define FORM_MAX 110

static int label_cols(const struct tui_form *form)
{
	int w = 8;

	for (int i = 0; i < form->n; i++) {
		const struct tui_field *f = &form->fields[i];
		int n;

		if (!has_text(f) && f->kind != TUI_CHOICE)
			continue;
		n = tui_width(f->label);
		w = n > w ? n : w;
	}
	return w > LABEL_MAX ? LABEL_MAX : w;
}

static int field_lines(const struct tui_form *form, int i, int w)
{
	const struct tui_field *f = &form->fields[i];

	if (f->hidden)
		return 0;
	if (f->kind == TUI_NOTE)
		return tui_lines(f->label, w);
	if (f->kind == TUI_HEADING)
		return i ? 2 : 1;
	return f->wrong ? 2 : 1;
}

static void draw_choice(struct tui *t, const struct tui_field *f, int y, int x,
	int w, enum tui_role role)
{
	const struct tui_option *o =
		*f->chosen >= 0 ? &f->options[*f->chosen] : NULL;
	_free_ char *s = xasprintf("< %s >", o ? o->label : _("not chosen"));
	int n = tui_width(s);

	if (n > w)
		n = w;
	draw_text(t, y, x, n, role, s);
	if (o && o->detail)
		draw_text(t, y, x + n + 2, w - n - 2, TUI_DIM, o->detail);
}

static int edit_cols(const struct tui_field *f, int w)
{
	int want = f->kind == TUI_NUMBER ? 12
		: f->size < 50           ? (int)f->size
					 : 50;

	return want < w ? want : w;
}

/* One field at line y; x is where values begin. */
static void draw_field(struct tui *t, const struct tui_field *f, bool focus,
	int y, int label, int w)
{
	enum tui_role role = focus ? TUI_FOCUS : TUI_NORMAL;
	int x = label + 5, room = w - x;
	_free_ char *s = NULL;

	draw_text(t, y, 1, 1, TUI_NORMAL, focus ? ">" : " ");
	if (f->kind == TUI_CHECK) {
		s = xasprintf("[%c] %s", *f->on ? 'x' : ' ', f->label);
		draw_part(t, y, 3, w - 3, role, s, strlen(s));
	} else if (f->kind == TUI_BUTTON) {
		s = xasprintf("[ %s ]", f->label);
		draw_part(t, y, 3, w - 3, role, s, strlen(s));
	} else {
		draw_text(t, y, 3, label, TUI_HEAD, f->label);
		if (f->kind == TUI_CHOICE)
			draw_choice(t, f, y, x, room, role);
		else
			draw_edit(t, y, x, edit_cols(f, room), f->value,
				f->cursor <= strlen(f->value)
					? f->cursor
					: strlen(f->value),
				f->kind == TUI_SECRET, focus);
	}
	if (f->wrong) {
		_free_ char *why = xasprintf("! %s", f->wrong);

		draw_text(t, y + 1, f->kind == TUI_CHECK ? 5 : x, room, TUI_BAD,
			why);
	}
}

/* Keep the focused field inside h lines; the first line shown. */
static void scroll_to_focus(struct tui_form *form, int w, int h)
{
	int y = 0, lines;

	for (int i = 0; i < form->focus && i < form->n; i++)
		y += field_lines(form, i, w);
	lines = form->n ? field_lines(form, form->focus, w) : 0;
	if (y + lines > form->top + h)
		form->top = y + lines - h;
	/* What stands above the first field is seen again with it. */
	if (y < form->top || next_focus(form, form->focus, -1) < 0)
		form->top =
			next_focus(form, form->focus, -1) < 0 && y + lines <= h
			? 0
			: y;
}

static void draw_row(struct tui *t, struct tui_form *form, int i, int y,
	int room, int label, int w)
{
	struct tui_field *f = &form->fields[i];

	if (f->kind == TUI_NOTE)
		draw_wrapped(t, (struct tui_box){y, 3, room, w - 3}, f->role,
			f->label);
	else if (f->kind == TUI_HEADING)
		draw_text(t, y + (i > 0), 1, w - 1, TUI_HEAD, f->label);
	else
		draw_field(t, f, i == form->focus, y, label, w);
}

void form_draw(struct tui *t, struct tui_form *form, struct tui_box b)
{
	int label = label_cols(form), w = b.w - 2, h = b.h - 2, y = 0;
	const struct tui_field *f;

	w = w > FORM_MAX ? FORM_MAX : w;
	if (!form->n)
		return;
	place(form);
	scroll_to_focus(form, w - 3, h);
	for (int i = 0; i < form->n; i++) {
		int lines = field_lines(form, i, w - 3), at = y - form->top;

		if (lines && at >= 0 && at + lines <= h)
			draw_row(t, form, i, b.y + at, h - at, label, w);
		y += lines;
	}
	draw_more(t, (struct tui_box){b.y, b.x, h, b.w}, form->top > 0,
		y - form->top > h);
	f = &form->fields[form->focus];
	if (f->hint)
		draw_text(t, b.y + b.h - 1, 3, b.w - 4, TUI_DIM, f->hint);
}
