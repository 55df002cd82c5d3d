/*
 * Forms: focus, keys, checks. What is typed goes straight into the caller's
 * buffers, so leaving a form loses nothing.
 */
#include <string.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

bool field_has_text(const struct tui_field *f)
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
	return form->focus < form->n &&
		field_has_text(&form->fields[form->focus]);
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
	return field_has_text(f) && !*f->value;
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
int form_next(const struct tui_form *form, int i, int d)
{
	for (i += d; i >= 0 && i < form->n; i += d)
		if (field_takes_focus(&form->fields[i]))
			return i;
	return -1;
}

void form_place(struct tui_form *form)
{
	int first = form_next(form, -1, 1);

	if (!form->placed || form->focus >= form->n)
		form->focus = first < 0 ? 0 : first;
	/* Hidden meanwhile: the nearest that is not. */
	if (!form->placed || !field_takes_focus(&form->fields[form->focus])) {
		int i = form_next(form, form->focus, -1);

		if (!field_takes_focus(&form->fields[form->focus]))
			form->focus = i >= 0 ? i : first < 0 ? 0 : first;
		form->fields[form->focus].cursor = (size_t)-1;
	}
	form->placed = true;
}

static void move_to(struct tui_form *form, int i)
{
	form->focus = i;
	form->fields[i].cursor = (size_t)-1;
}

static int go(struct tui_form *form, int d)
{
	struct tui_field *f = &form->fields[form->focus];
	int to = form_next(form, form->focus, d);

	/* An empty field that was only passed is not complained about yet. */
	if (!is_empty(f))
		field_check(form, f);
	if (to < 0)
		return -1;
	move_to(form, to);
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
	if (field_has_text(f))
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
	form_place(form);
	r = field_key(t, form, &form->fields[form->focus], key);
	if (r != TUI_UNUSED)
		return r;
	switch (key) {
	case TUI_KEY_TAB:
		if (go(form, 1) != 0)
			move_to(form, form_next(form, -1, 1));
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
