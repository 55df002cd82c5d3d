/* What the operator does to the job of the checklist: see checklist.h. */
#include <string.h>

#include "checklist.h"
#include "core/ask.h"
#include "core/step.h"
#include "tui/dialog.h"

bool checklist_works(const struct checklist *c)
{
	const char *s = follow_state(&c->f);

	return c->k.life >= 0 || strcmp(s, "running") == 0 ||
		strcmp(s, "undoing") == 0;
}

bool checklist_is(const struct checklist *c, const char *state)
{
	return strcmp(follow_state(&c->f), state) == 0;
}

bool checklist_asks_go(const struct checklist *c)
{
	const json_t *q = json_object_get(c->f.status, "question");

	return checklist_is(c, "waiting") &&
		strcmp(json_str_or(q, "id", ""), "go") == 0;
}

void checklist_go_on(struct checklist *c)
{
	struct args a = {0};
	struct err e = {0};

	if (!unlock_for(c->w, c->f.plan))
		return;
	args_add(&a, c->f.undoing ? "undo" : "run");
	args_add(&a, c->w->job);
	if (worker_start(&c->k, c->w, c->w->job, &a, &e))
		wizard_error(c->w, &e);
	c->told = false;
}

/* --- what the operator does --- */

static void steer_answer(struct checklist *c)
{
	for (;;) {
		_json_ json_t *open = NULL;

		if (ask_open(c->f.job->dir, &open, NULL) ||
			!json_array_size(open))
			break;
		if (!gate_open(c->w, json_array_get(open, 0)))
			return;
	}
	checklist_go_on(c);
}

static const char *works_words(void)
{
	return _("The job is at work. Stop it first; what it has done so far "
		 "is kept.");
}

void steer_skip(struct checklist *c)
{
	int i = follow_current(&c->f);
	char reason[WIZ_TEXT] = "";
	struct args a = {0};
	struct err e = {0};

	if (i < 0)
		return;
	if (checklist_works(c)) {
		tui_message(c->w->t, _("Skip"), works_words());
		return;
	}
	if (!(c->f.kinds[i]->flags & STEP_SKIPPABLE)) {
		tui_message(c->w->t, _("Skip"),
			_("This step cannot be skipped: later ones rely on "
			  "it."));
		return;
	}
	if (!tui_input(c->w->t, _("Skip this step"),
		    _("The reason, for the journal:"), reason, sizeof(reason),
		    false) ||
		!*reason)
		return;
	args_add(&a, "skip");
	args_add(&a, c->w->job);
	args_add(&a, c->f.kinds[i]->kind);
	args_add(&a, reason);
	if (child_verb(c->w, _("Skipping"), &a, false, NULL, &e))
		wizard_error(c->w, &e);
	else
		checklist_go_on(c);
}

void steer_back(struct checklist *c)
{
	if (checklist_works(c)) {
		tui_message(c->w->t, _("Way back"), works_words());
		return;
	}
	if (!way_back_page(c->w, c->w->job))
		return;
	c->f.undoing = true;
	checklist_go_on(c);
}

void steer_stop(struct checklist *c)
{
	struct args a = {0};
	struct err e = {0};

	if (!checklist_works(c) ||
		!tui_confirm(c->w->t, _("Stop the job?"),
			_("It ends in order where it is and can go on later "
			  "from there. Nothing is lost."),
			_("Stop"), _("Let it work")))
		return;
	args_add(&a, "stop");
	args_add(&a, c->w->job);
	if (child_verb(c->w, _("Stopping"), &a, false, NULL, &e) &&
		e.code != ERR_STOPPED)
		wizard_error(c->w, &e);
	/* It was the operator's wish: no form opens for it. */
	c->told = true;
}

static void steer_failed(struct checklist *c)
{
	int i = follow_current(&c->f);
	bool skippable = i >= 0 && !c->f.undoing &&
		c->f.kinds[i]->flags & STEP_SKIPPABLE;
	const struct tui_option buttons[] = {{_("Try again"), NULL, NULL},
		{_("Skip"), NULL, skippable ? NULL : ""},
		{_("Way back"), NULL, c->f.undoing ? "" : NULL},
		{_("Look"), NULL, NULL}, {NULL, NULL, NULL}};
	const json_t *x = json_object_get(c->f.status, "error");
	struct err e = {0};
	int choice;

	if (c->k.path && c->k.status > 0) {
		worker_error(&c->k, &e);
	} else {
		err_set(&e, err_by_id(json_str_or(x, "id", "")), "%s",
			json_str_or(x, "why", ""));
		err_in(&e, "%s", json_str_or(x, "what", ""));
	}
	choice = tui_error(c->w->t, &e, NULL, buttons);
	/* A login that this worker tried: never a second time by itself. */
	if (c->k.status > 0)
		unlock_refused(c->w, c->f.plan, e.code);
	switch (choice) {
	case 0:
		checklist_go_on(c);
		break;
	case 1:
		steer_skip(c);
		break;
	case 2:
		steer_back(c);
		break;
	default:
		break;
	}
}

/* The job has come to a stop, or Enter was pressed there. by_hand: Enter. */
int steer_attend(struct checklist *c, bool by_hand)
{
	bool ours_failed = c->k.path && c->k.status > 0 && c->k.status != 10;

	if (checklist_works(c))
		return TUI_STAY;
	if (checklist_asks_go(c) && !by_hand)
		return TUI_STAY;
	if (checklist_is(c, "waiting"))
		steer_answer(c);
	else if (checklist_is(c, "done") || checklist_is(c, "undone"))
		return WIZ_NEXT;
	else if (checklist_is(c, "failed") ||
		(ours_failed && !checklist_is(c, "stopped")))
		steer_failed(c);
	else if (by_hand)
		checklist_go_on(c);
	return TUI_STAY;
}

/* At any time: a worker looks at it before each step. */
void steer_mode(struct checklist *c)
{
	bool on = !c->w->guided;
	struct args a = {0};
	struct err e = {0};

	args_add(&a, "guided");
	args_add(&a, c->w->job);
	args_add(&a, on ? "on" : "off");
	if (child_verb(c->w, _("Switching"), &a, false, NULL, &e)) {
		if (e.code != ERR_STOPPED)
			wizard_error(c->w, &e);
		return;
	}
	c->w->guided = on;
	if (!on && checklist_asks_go(c))
		checklist_go_on(c);
}
