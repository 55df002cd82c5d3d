/* Forms, drawn: labels in one column, what is wrong below its field, the hint
 * of the one in focus at the bottom. */
#include <string.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

#define LABEL_MAX 30
#define FORM_MAX 110
#define HINT_MAX 3
#define WRONG_X 5

static int label_cols(const struct tui_form *form)
{
	int w = 8;

	for (int i = 0; i < form->n; i++) {
		const struct tui_field *f = &form->fields[i];
		int n;

		if (!field_has_text(f) && f->kind != TUI_CHOICE)
			continue;
		n = tui_width(f->label);
		w = n > w ? n : w;
	}
	return w > LABEL_MAX ? LABEL_MAX : w;
}

/* Lines of "! why" below a field: beside its value, or wrapped where it has
 * no room there. */
static int wrong_lines(const struct tui_field *f, int w)
{
	_free_ char *s = f->wrong ? xasprintf("! %s", f->wrong) : NULL;

	return tui_lines(s, w - WRONG_X);
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
	return 1 + wrong_lines(f, w);
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

		if (f->kind == TUI_CHECK || tui_width(why) > room)
			x = WRONG_X;
		draw_wrapped(t,
			(struct tui_box){y + 1, x, wrong_lines(f, w), w - x},
			TUI_BAD, why);
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
	if (y < form->top || form_next(form, form->focus, -1) < 0)
		form->top =
			form_next(form, form->focus, -1) < 0 && y + lines <= h
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

/* Lines that the longest hint takes, so that nothing moves with the focus. */
static int hint_lines(const struct tui_form *form, int w)
{
	int most = 1;

	for (int i = 0; i < form->n; i++) {
		int n = tui_lines(form->fields[i].hint, w);

		most = n > most ? n : most;
	}
	return most < HINT_MAX ? most : HINT_MAX;
}

void form_draw(struct tui *t, struct tui_form *form, struct tui_box b)
{
	int label = label_cols(form), w = b.w - 2, y = 0;
	int hint = hint_lines(form, b.w - 4), h = b.h - 1 - hint;
	const struct tui_field *f;

	w = w > FORM_MAX ? FORM_MAX : w;
	if (!form->n)
		return;
	form_place(form);
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
		draw_wrapped(t,
			(struct tui_box){b.y + b.h - hint, 3, hint, b.w - 4},
			TUI_DIM, f->hint);
}
