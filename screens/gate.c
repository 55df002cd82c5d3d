/* Gates: a question of the job as a form in place, its answer given by
 * `vmferry answer`. A diff is shown as one. */
#include <string.h>

#include "child.h"
#include "core/ask.h"
#include "tui/dialog.h"
#include "tui/pager.h"
#include "wizard.h"

#define CHOICES 16
#define LINES_MAX 3 /* of help, below the answers; more: a page of its own */
enum { GATE_LINES = WIZ_OWN, GATE_PICK };

struct gate {
	struct wizard *w;
	const json_t *q;
	struct tui_option options[CHOICES + 1];
	int chosen;
	char value[WIZ_TEXT];
	char wrong[240];
	char *text;  /* file that goes with the answer, or null */
	bool edited; /* it was in the editor, and not taken yet */
};

static const char *str(const struct gate *g, const char *key)
{
	return json_str_or(g->q, key, "");
}

static void fill_options(struct gate *g)
{
	const json_t *c;
	size_t i;

	g->chosen = -1;
	json_array_foreach (json_object_get(g->q, "choices"), i, c) {
		if (i == CHOICES)
			break;
		g->options[i] = (struct tui_option){
			.label = json_str_or(c, "value", "?"),
			.detail = json_str_or(c, "label", "")};
		if (strcmp(g->options[i].label, str(g, "default")) == 0)
			g->chosen = i;
	}
	if (i == 1)
		g->chosen = 0;
}

static const char *value_of(const struct gate *g)
{
	if (strcmp(str(g, "kind"), "choice") == 0)
		return g->chosen < 0 ? "" : g->options[g->chosen].label;
	return g->value;
}

static const char *check(const struct tui_field *f, void *arg)
{
	struct gate *g = arg;
	_free_ char *why = NULL;
	struct err e = {0};

	if (ask_check(g->q, f->value ? f->value : value_of(g), &e) == 0)
		return NULL;
	why = i18n_said(e.why);
	snprintf(g->wrong, sizeof(g->wrong), "%s", why);
	return g->wrong;
}

static bool send(struct gate *g)
{
	_free_ char *id = xasprintf("%s.%s", str(g, "step"), str(g, "id"));
	struct args a = {0};
	struct err e = {0};

	args_add(&a, "answer");
	args_add(&a, g->w->job);
	args_add(&a, id);
	args_add(&a, value_of(g));
	args_opt(&a, "--content", g->text);
	if (child_verb(g->w, _("Answering"), &a, false, NULL, &e) == 0)
		return true;
	if (e.code != ERR_STOPPED)
		wizard_error(g->w, &e);
	return false;
}

/* --- a form --- */

static struct tui_field answer_field(struct gate *g)
{
	const char *kind = str(g, "kind");
	struct tui_field f = {.kind = TUI_TEXT,
		.id = "answer",
		.label = _("Answer"),
		.hint = json_str(g->q, "hint"),
		.value = g->value,
		.size = sizeof(g->value),
		.check = check,
		.needed = true};

	if (strcmp(kind, "choice") == 0) {
		f.kind = TUI_CHOICE;
		f.value = NULL;
		f.options = g->options;
		f.chosen = &g->chosen;
	} else if (strcmp(kind, "number") == 0) {
		f.kind = TUI_NUMBER;
		f.min = json_u64(g->q, "min", 0);
		f.max = json_u64(g->q, "max", 0);
	}
	return f;
}

/* Lines to type would be lost below the answers. */
static bool is_long(const char *help)
{
	size_t n = 0;

	while ((help = strchr(help, '\n'))) {
		help++;
		n++;
	}
	return n >= LINES_MAX;
}

static int show_lines(struct gate *g)
{
	struct tui_pager pager = {0};
	struct tui_key keys[] = {
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("The job asks"),
		.crumbs = wizard_crumbs(7),
		.intro = str(g, "text"),
		.help = "gate",
		.keys = keys,
		.pager = &pager,
		.arg = g};

	tui_text_add(&pager.text, TUI_NORMAL, 3, "%s", str(g, "help"));
	tui_run(g->w->t, &s);
	tui_text_free(&pager.text);
	return TUI_STAY;
}

/* What stands below the answer: why, what to type, what to do meanwhile. */
static int notes(const struct gate *g, struct tui_field *f, const char *typed)
{
	const struct {
		const char *text;
		enum tui_role role;
	} all[] = {{typed, TUI_WARN}, {str(g, "why"), TUI_NORMAL},
		{str(g, "help"), TUI_DIM}};
	bool apart = !tui_is_plain(g->w->t) && is_long(str(g, "help"));
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all) - apart; i++) {
		if (!all[i].text || !*all[i].text)
			continue;
		f[n++] = (struct tui_field){.kind = TUI_NOTE, .label = " "};
		f[n++] = (struct tui_field){.kind = TUI_NOTE,
			.label = all[i].text,
			.role = all[i].role};
	}
	return n;
}

static int on_button(struct tui *t, struct tui_screen *s, int id)
{
	struct gate *g = s->arg;

	(void)t;
	/* ^N is Enter on the button in focus. */
	if (id == TUI_OK)
		id = s->form->fields[s->form->focus].action;
	if (id == GATE_LINES)
		return show_lines(g);
	if (id < GATE_PICK)
		return id;
	g->chosen = id - GATE_PICK;
	return TUI_OK;
}

static bool by_form(struct gate *g, struct tui_field *f, int n, int focus)
{
	bool buttons = f[0].kind == TUI_BUTTON;
	struct tui_form form = {.fields = f,
		.n = n,
		.arg = g,
		.focus = focus,
		.placed = buttons};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Answer"), TUI_OK, buttons},
		{TUI_KEY_ESC, _("Checklist"), TUI_BACK, false},
		{0, NULL, 0, false}};
	struct tui_screen s = {.title = _("The job asks"),
		.crumbs = wizard_crumbs(7),
		.intro = str(g, "text"),
		.help = "gate",
		.keys = keys,
		.form = &form,
		.action = buttons ? on_button : NULL,
		.arg = g};

	return tui_run(g->w->t, &s) == TUI_OK && send(g);
}

static bool by_answer(struct gate *g)
{
	const char *expect = json_str(g->q, "expect");
	_free_ char *typed =
		expect ? xasprintf(_("Type exactly: %s"), expect) : NULL;
	struct tui_field f[8] = {answer_field(g)};

	return by_form(g, f, 1 + notes(g, f + 1, typed), 0);
}

/*
 * A button a choice. In focus is what is proposed; where nothing is, a button
 * that answers nothing, so that an Enter too many decides nothing.
 */
static bool by_buttons(struct gate *g)
{
	struct tui_field f[CHOICES + 8];
	int n = 0, focus;
	bool lines = is_long(str(g, "help"));

	for (; n < CHOICES && g->options[n].label; n++) {
		const struct tui_option *o = &g->options[n];

		f[n] = (struct tui_field){.kind = TUI_BUTTON,
			.label = *o->detail ? o->detail : o->label,
			.hint = n == g->chosen ? _("This is proposed.") : NULL,
			.action = GATE_PICK + n};
	}
	f[n] = (struct tui_field){.kind = TUI_BUTTON,
		.label = _("Not yet: back to the checklist"),
		.action = TUI_BACK};
	focus = g->chosen >= 0 ? g->chosen : n;
	if (lines)
		f[++n] = (struct tui_field){.kind = TUI_BUTTON,
			.label = _("Show what to do, line by line"),
			.action = GATE_LINES};
	if (lines && g->chosen < 0)
		focus = n;
	return by_form(g, f, n + 1 + notes(g, f + n + 1, NULL), focus);
}

/* --- a diff --- */

/* The answer "edit": the text first. False: not now. */
static bool edited(struct gate *g)
{
	const char *path = strchr(str(g, "id"), '/');

	if (!json_str(g->q, "edit") || strcmp(value_of(g), "edit"))
		return true;
	free(g->text);
	g->text = edit_text(
		g->w, str(g, "edit"), path ? path : "text", g->edited);
	g->edited |= g->text != NULL;
	return g->text != NULL;
}

static int on_diff(struct tui *t, struct tui_screen *s, int id)
{
	struct gate *g = s->arg;
	struct tui_option buttons[CHOICES + 1] = {0};
	int n;

	if (id != TUI_OK)
		return id;
	for (n = 0; n < CHOICES && g->options[n].label; n++)
		buttons[n].label = *g->options[n].detail ? g->options[n].detail
							 : g->options[n].label;
	n = tui_ask(t, _("The job asks"), str(g, "text"), buttons,
		g->chosen < 0 ? 0 : g->chosen);
	if (n < 0)
		return TUI_STAY;
	g->chosen = n;
	/* What is refused can be edited once more. */
	return edited(g) && send(g) ? TUI_OK : TUI_STAY;
}

static bool by_diff(struct gate *g)
{
	struct tui_pager pager = {0};
	struct tui_key keys[] = {{TUI_KEY_ENTER, _("Answer"), TUI_OK, false},
		{TUI_KEY_ESC, _("Checklist"), TUI_BACK, false},
		{0, NULL, 0, false}};
	struct tui_screen s = {.title = str(g, "text"),
		.crumbs = wizard_crumbs(7),
		.intro = str(g, "why"),
		.help = "diff",
		.keys = keys,
		.pager = &pager,
		.action = on_diff,
		.arg = g};
	int id;

	tui_text_diff(&pager.text, str(g, "help"));
	id = tui_run(g->w->t, &s);
	tui_text_free(&pager.text);
	free(g->text);
	edit_forget(g->w);
	return id == TUI_OK;
}

static void say_member(json_t *o, const char *key)
{
	_free_ char *said = i18n_said(json_str(o, key));

	if (said && !str_starts(said, "--- "))
		json_put_str(o, key, said);
}

/* The journalled question in the language of the screen. */
static json_t *in_words(const json_t *question)
{
	json_t *q = json_deep_copy(question), *choice;
	size_t i;

	say_member(q, "text");
	say_member(q, "why");
	say_member(q, "help");
	json_array_foreach (json_object_get(q, "choices"), i, choice)
		say_member(choice, "label");
	return q;
}

bool gate_open(struct wizard *w, const json_t *question)
{
	_json_ json_t *said = in_words(question);
	struct gate g = {.w = w, .q = said};

	fill_options(&g);
	if (strcmp(str(&g, "kind"), "choice"))
		snprintf(g.value, sizeof(g.value), "%s", str(&g, "default"));
	/* Guided mode's own: the step at hand is shown already. */
	if (strcmp(str(&g, "id"), "go") == 0)
		return send(&g);
	if (strcmp(str(&g, "kind"), "choice"))
		return by_answer(&g);
	if (str_starts(str(&g, "help"), "--- ") ||
		strstr(str(&g, "help"), "\n--- "))
		return by_diff(&g);
	return tui_is_plain(w->t) ? by_answer(&g) : by_buttons(&g);
}
