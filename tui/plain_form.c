/*
 * A form as questions: one field after the other, "b" goes to the one
 * before. The value in brackets stays on Enter.
 */
#include <string.h>

#include "core/i18n.h"
#include "core/str.h"

#include "plain.h"

enum asked { NEXT, AGAIN, BEFORE, LEAVE };

/* "=b" is the text "b". */
static const char *unescaped(const char *line)
{
	static const char *const marked[] = {"=b", "=?", "=-", "=q"};

	for (size_t i = 0; i < ARRAY_LEN(marked); i++)
		if (strcmp(line, marked[i]) == 0)
			return line + 1;
	return line;
}

static bool set_text(struct tui *t, struct tui_form *form, struct tui_field *f,
	const char *line)
{
	const char *v = strcmp(line, "-") == 0 ? "" : unescaped(line);

	if (strlen(v) >= f->size) {
		plain_say(t, _("! too long: at most %zu bytes"), f->size - 1);
		return false;
	}
	explicit_bzero(f->value, f->size);
	memcpy(f->value, v, strlen(v));
	field_changed(form, f);
	return true;
}

static int options(const struct tui_field *f)
{
	int n = 0;

	while (f->options[n].label)
		n++;
	return n;
}

static bool set_choice(struct tui *t, struct tui_form *form,
	struct tui_field *f, const char *line)
{
	uint64_t v;
	int n = options(f);

	if (str_u64(line, n, &v) != 0 || v < 1) {
		plain_say(t, _("! a number from 1 to %d, b: back"), n);
		return false;
	}
	if (f->options[v - 1].off) {
		plain_say(t, "! %s", f->options[v - 1].off);
		return false;
	}
	*f->chosen = (int)v - 1;
	field_changed(form, f);
	return true;
}

static bool set_check(struct tui *t, struct tui_form *form, struct tui_field *f,
	const char *line)
{
	bool on;

	if (strcmp(line, "y") == 0 || strcmp(line, _("y")) == 0)
		on = true;
	else if (strcmp(line, "n") == 0)
		on = false;
	else if (str_bool(line, &on) != 0) {
		plain_say(t, "%s", _("! y or n"));
		return false;
	}
	if (*f->on != on) {
		*f->on = on;
		field_changed(form, f);
	}
	return true;
}

static bool set_value(struct tui *t, struct tui_form *form, struct tui_field *f,
	const char *line)
{
	if (f->kind == TUI_CHOICE)
		return set_choice(t, form, f, line);
	if (f->kind == TUI_CHECK)
		return set_check(t, form, f, line);
	return set_text(t, form, f, line);
}

static void say_options(struct tui *t, const struct tui_field *f)
{
	for (int i = 0; f->options[i].label; i++) {
		const struct tui_option *o = &f->options[i];

		plain_say(t, "  %d) %s%s%s%s%s%s", i + 1, o->label,
			o->detail ? "  " : "", o->detail ? o->detail : "",
			o->off ? " (" : "", o->off ? o->off : "",
			o->off ? ")" : "");
	}
}

static char *prompt_of(const struct tui_field *f)
{
	if (f->kind == TUI_CHECK)
		return xasprintf(
			"%s (y/n) [%s]: ", f->label, *f->on ? "y" : "n");
	if (f->kind == TUI_CHOICE)
		return *f->chosen < 0
			? xasprintf("%s: ", f->label)
			: xasprintf("%s [%d]: ", f->label, *f->chosen + 1);
	if (f->kind == TUI_SECRET)
		return xasprintf("%s%s: ", f->label,
			*f->value ? _(" [as typed before]") : "");
	return *f->value ? xasprintf("%s [%s]: ", f->label, f->value)
			 : xasprintf("%s: ", f->label);
}

static void say_hint(struct tui *t, const struct tui_field *f)
{
	plain_say(t, "%s",
		f->hint ? f->hint : _("Nothing more is known of this field."));
	plain_say(t, "%s",
		_("Enter keeps the value, - empties it, b goes back, q "
		  "quits; =b means the text b."));
}

static enum asked ask_field(
	struct tui *t, struct tui_screen *s, struct tui_field *f, int *leave)
{
	_free_ char *prompt = prompt_of(f);
	const char *line;

	if (f->kind == TUI_CHOICE)
		say_options(t, f);
	line = f->kind == TUI_SECRET ? plain_secret(t, prompt)
				     : plain_ask(t, prompt);
	if (!line)
		return LEAVE;
	if (strcmp(line, "b") == 0)
		return BEFORE;
	if (strcmp(line, "?") == 0) {
		say_hint(t, f);
		return AGAIN;
	}
	if (strcmp(line, "q") == 0) {
		*leave = screen_action(t, s, TUI_QUIT);
		return *leave ? LEAVE : AGAIN;
	}
	if (*line && !set_value(t, s->form, f, line))
		return AGAIN;
	if (!field_check(s->form, f)) {
		plain_say(t, "! %s: %s", f->label, f->wrong);
		return AGAIN;
	}
	return NEXT;
}

static bool is_asked(const struct tui_field *f)
{
	return field_takes_focus(f) && f->kind != TUI_BUTTON;
}

/* A button that spares typing: a field behind it is still to be filled in. */
static bool is_offered(const struct tui_form *form, int i)
{
	if (form->fields[i].kind != TUI_BUTTON || form->fields[i].hidden)
		return false;
	for (i++; i < form->n; i++) {
		const struct tui_field *f = &form->fields[i];

		if (!f->hidden && f->needed && field_has_text(f) && !*f->value)
			return true;
	}
	return false;
}

static enum asked offer_button(
	struct tui *t, struct tui_screen *s, struct tui_field *f, int *leave)
{
	_free_ char *prompt = xasprintf("%s (y/n) [n]: ", f->label);
	const char *line = plain_ask(t, prompt);
	bool yes = false;

	if (!line)
		return LEAVE;
	if (strcmp(line, "b") == 0)
		return BEFORE;
	if (strcmp(line, "?") == 0) {
		say_hint(t, f);
		return AGAIN;
	}
	if (strcmp(line, _("y")) == 0)
		yes = true;
	else
		str_bool(line, &yes);
	if (yes)
		*leave = screen_action(t, s, f->action);
	return *leave ? LEAVE : NEXT;
}

/* All fields from i on. False: leave, with *leave (or a hang-up). */
static bool ask_fields(struct tui *t, struct tui_screen *s, int i, int *leave)
{
	struct tui_form *form = s->form;

	while (i < form->n) {
		struct tui_field *f = &form->fields[i];

		if (!is_asked(f) && !is_offered(form, i)) {
			if (!f->hidden && f->kind != TUI_BUTTON)
				plain_say(t, "%s", f->label);
			i++;
			continue;
		}
		switch (f->kind == TUI_BUTTON ? offer_button(t, s, f, leave)
					      : ask_field(t, s, f, leave)) {
		case NEXT:
			i++;
			break;
		case AGAIN:
			break;
		case BEFORE:
			for (i--; i >= 0 && !is_asked(&form->fields[i]); i--)
				;
			if (i >= 0)
				break;
			*leave = screen_action(t, s, TUI_BACK);
			return false;
		case LEAVE:
			return false;
		}
	}
	return true;
}

/* The buttons, numbered. */
static void say_buttons(struct tui *t, const struct tui_form *form)
{
	int n = 0;

	for (int i = 0; i < form->n; i++)
		if (form->fields[i].kind == TUI_BUTTON &&
			!form->fields[i].hidden)
			plain_say(t, "  %d) %s", ++n, form->fields[i].label);
}

static int button(const struct tui_form *form, const char *line)
{
	uint64_t v;

	if (str_u64(line, form->n, &v) != 0)
		return TUI_UNUSED;
	for (int i = 0; i < form->n; i++)
		if (form->fields[i].kind == TUI_BUTTON &&
			!form->fields[i].hidden && --v == 0)
			return form->fields[i].action;
	return TUI_UNUSED;
}

/* What to do with the filled-in form. `again`: from the first field. */
static int ask_action(struct tui *t, struct tui_screen *s, bool *again)
{
	for (;;) {
		_free_ char *actions = plain_actions(s);
		_free_ char *prompt = xasprintf("%s%s, %s: ",
			plain_has_next(s) ? "" : _("Enter: go on, "),
			_("e: fields again"), actions);
		const char *line;
		int id;

		say_buttons(t, s->form);
		line = plain_ask(t, prompt);
		*again = line && strcmp(line, "e") == 0;
		if (!line || *again)
			return TUI_STAY;
		id = *line ? button(s->form, line) : TUI_OK;
		if (id != TUI_UNUSED)
			return screen_action(t, s, id);
		id = plain_command(t, s, line);
		if (id != TUI_UNUSED)
			return id;
		plain_say(t, "%s", _("! none of these"));
	}
}

int plain_form(struct tui *t, struct tui_screen *s)
{
	struct tui_form *form = s->form;
	bool again = false, asked = form->placed;
	int leave = TUI_STAY, bad;

	/* Shown again after an action: the wrong field, or the actions. */
	bad = asked ? form->focus : 0;
	if (asked && (bad >= form->n || !form->fields[bad].wrong))
		bad = form->n;
	form->placed = true;
	do {
		if (bad < form->n && form->fields[bad].wrong)
			plain_say(t, "! %s: %s", form->fields[bad].label,
				form->fields[bad].wrong);
		if (!ask_fields(t, s, again ? 0 : bad, &leave))
			break;
		leave = ask_action(t, s, &again);
	} while (again);
	/* Asked again from the first field when it is opened anew. */
	if (leave)
		form->placed = false;
	return leave;
}
