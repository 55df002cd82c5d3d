/* Gates: a question of the job as a form in place, its answer given by
 * `vmferry answer`. A diff is shown as one. */
#include <string.h>

#include "child.h"
#include "core/ask.h"
#include "tui/dialog.h"
#include "tui/pager.h"
#include "wizard.h"

#define CHOICES 16

struct gate {
	struct wizard *w;
	const json_t *q;
	struct tui_option options[CHOICES + 1];
	int chosen;
	char value[WIZ_TEXT];
	char wrong[240];
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

static bool by_form(struct gate *g)
{
	const char *expect = json_str(g->q, "expect");
	_free_ char *typed =
		expect ? xasprintf(_("Type exactly: %s"), expect) : NULL;
	struct tui_field f[] = {
		answer_field(g),
		{.kind = TUI_NOTE,
			.label = typed ? typed : "",
			.role = TUI_WARN,
			.hidden = !typed},
		{.kind = TUI_NOTE,
			.label = str(g, "why"),
			.hidden = !*str(g, "why")},
		{.kind = TUI_NOTE,
			.label = str(g, "help"),
			.role = TUI_DIM,
			.hidden = !*str(g, "help")},
	};
	struct tui_form form = {.fields = f, .n = ARRAY_LEN(f), .arg = g};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Answer"), TUI_OK, false},
		{TUI_KEY_ESC, _("Checklist"), TUI_BACK, false},
		{0, NULL, 0, false}};
	struct tui_screen s = {.title = _("The job asks"),
		.crumbs = wizard_crumbs(7),
		.intro = str(g, "text"),
		.help = "gate",
		.keys = keys,
		.form = &form,
		.arg = g};

	return tui_run(g->w->t, &s) == TUI_OK && send(g);
}

/* --- a diff --- */

static int on_diff(struct tui *t, struct tui_screen *s, int id)
{
	struct gate *g = s->arg;
	int n;

	if (id != TUI_OK)
		return id;
	n = tui_ask(t, _("The job asks"), str(g, "text"), g->options,
		g->chosen < 0 ? 0 : g->chosen);
	if (n < 0)
		return TUI_STAY;
	g->chosen = n;
	return TUI_OK;
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
	return id == TUI_OK && send(g);
}

/* --- guided mode's own: one key --- */

static bool by_go(struct gate *g)
{
	const struct tui_option buttons[] = {{_("Do it"), NULL, NULL},
		{_("Checklist"), NULL, NULL}, {NULL, NULL, NULL}};
	_free_ char *text = xasprintf("%s%s%s", str(g, "why"),
		*str(g, "help") ? _("\n\nBy hand it would be:\n") : "",
		str(g, "help"));

	if (tui_ask(g->w->t, str(g, "text"), text, buttons, 0) != 0)
		return false;
	g->chosen = 0;
	return send(g);
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
	if (strcmp(str(&g, "id"), "go") == 0)
		return by_go(&g);
	if (str_starts(str(&g, "help"), "--- "))
		return by_diff(&g);
	return by_form(&g);
}
