/* The way back: what would be taken back, in words, before it is begun. */
#include <string.h>

#include "core/job.h"
#include "core/report.h"
#include "tui/dialog.h"
#include "tui/pager.h"
#include "wizard.h"

static void steps_part(struct tui_text *x, const json_t *model)
{
	const json_t *steps = json_object_get(model, "steps");
	size_t n = json_array_size(steps);

	tui_text_add(x, TUI_HEAD, 0, "%s", _("Taken back, newest first"));
	while (n--) {
		const json_t *s = json_array_get(steps, n);
		const char *state = json_str_or(s, "state", "todo");

		if (strcmp(state, "todo") && strcmp(state, "undone"))
			tui_text_add(x, TUI_NORMAL, 4, "  %s",
				_(json_str_or(s, "doing", "?")));
	}
}

static void objects_part(struct tui_text *x, const json_t *model)
{
	bool file = json_at(model, "source.path") != NULL;
	const json_t *list = json_object_get(model, "objects"), *o;
	size_t i;

	tui_text_add(x, TUI_HEAD, 0, "%s",
		_("Removed from the target: only what this job made"));
	json_array_foreach (list, i, o)
		tui_text_add(x, TUI_REMOVED, 4, "- %s %s",
			json_str_or(o, "kind", "?"), json_str_or(o, "id", "?"));
	if (!json_array_size(list))
		tui_text_add(x, TUI_DIM, 2, "  %s", _("nothing"));
	tui_text_add(x, TUI_HEAD, 0, "%s", "");
	tui_text_add(x, TUI_GOOD, 0, "%s",
		file ? _("The files the VM came from were only read: they are "
			 "as they were.")
		     : _("The old VM is started again if it was on. Its disks "
			 "were "
			 "only read. Removed snapshots do not come back."));
	tui_text_add(x, TUI_HEAD, 0, "%s", "");
}

static int action(struct tui *t, struct tui_screen *s, int id)
{
	if (id != TUI_OK)
		return id;
	return tui_confirm(t, _("Go back?"), s->arg, _("Go back"), _("Not now"))
		? TUI_OK
		: TUI_STAY;
}

bool way_back_page(struct wizard *w, const char *name)
{
	_free_ char *ask = xasprintf(
		_("What %s made is taken back, newest step first."), name);
	struct tui_pager pager = {0};
	struct tui_key keys[] = {{TUI_KEY_ENTER, _("Go back"), TUI_OK, false},
		{TUI_KEY_ESC, _("Not now"), TUI_BACK, false},
		{0, NULL, 0, false}};
	struct tui_screen s = {.title = _("The way back"),
		.crumbs = wizard_crumbs(7),
		.help = "way_back",
		.keys = keys,
		.pager = &pager,
		.action = action,
		.arg = ask};
	_json_ json_t *model = NULL;
	_job_ struct job *job = NULL;
	struct err e = {0};
	int id;

	if (job_open(name, &job, &e) || report_model(job, &model, &e)) {
		wizard_error(w, &e);
		return false;
	}
	objects_part(&pager.text, model);
	steps_part(&pager.text, model);
	id = tui_run(w->t, &s);
	tui_text_free(&pager.text);
	return id == TUI_OK;
}
