/*
 * The checklist: the heart. It follows the job by reading; a worker runs in
 * a session of its own, whoever looks on. Keeps true: leaving here changes
 * nothing of the job; each stop of it (a question, an error) opens its form
 * once by itself, and again on Enter.
 */
#include <string.h>

#include "child.h"
#include "core/ask.h"
#include "core/step.h"
#include "follow.h"
#include "tui/dialog.h"

#define TICK_MS 1000

enum {
	CHECK_ATTEND = WIZ_OWN,
	CHECK_MODE,
	CHECK_STOP,
	CHECK_SKIP,
	CHECK_BACK,
	CHECK_REPORT
};

struct checklist {
	struct wizard *w;
	struct follow f;
	struct worker k;
	struct tui_checklist list;
	struct tui_screen screen;
	bool told; /* this stop of the job has been opened */
	char status[WIZ_TEXT];
	char *now; /* what parts() points into */
};

static bool works(const struct checklist *c)
{
	const char *s = follow_state(&c->f);

	return c->k.life >= 0 || strcmp(s, "running") == 0 ||
		strcmp(s, "undoing") == 0;
}

static bool is(const struct checklist *c, const char *state)
{
	return strcmp(follow_state(&c->f), state) == 0;
}

/* --- what is shown --- */

static char *error_words(const json_t *x)
{
	_free_ char *why = i18n_said(json_str_or(x, "why", ""));
	_free_ char *next = i18n_said(json_str_or(x, "next", ""));

	return xasprintf("%s: %s\n%s", json_str_or(x, "id", "?"), why, next);
}

static void parts(void *arg, int i, struct tui_parts *out)
{
	struct checklist *c = arg;
	const struct step *s = c->f.kinds[i];
	const json_t *x = json_object_get(c->f.status, "error");

	free(c->now);
	c->now = NULL;
	if (i == follow_current(&c->f) && x && !works(c))
		c->now = error_words(x);
	*out = (struct tui_parts){.now = c->now ? c->now : _(s->doing),
		.why = s->why ? _(s->why) : NULL,
		.manual = s->manual ? _(s->manual) : NULL,
		.trouble = s->trouble ? _(s->trouble) : NULL};
}

static const char *state_words(const struct checklist *c)
{
	if (works(c))
		return c->f.undoing || is(c, "undoing") ? _("going back")
							: _("at work");
	if (is(c, "waiting"))
		return _("waits for your answer: Enter");
	if (is(c, "failed"))
		return _("failed: Enter shows what to do");
	if (is(c, "done"))
		return _("done: Enter for the report");
	if (is(c, "undone"))
		return _("taken back: Enter for the report");
	return _("stopped: Enter goes on");
}

static void show(struct checklist *c)
{
	snprintf(c->status, sizeof(c->status), _("%s: %s. %s"), c->w->job,
		state_words(c),
		c->w->guided ? _("Guided: asks before each step.")
			     : _("Express: runs to the next question."));
	c->screen.status = c->status;
	c->list.current = follow_current(&c->f);
	c->list.log = (const char *const *)c->f.log;
	c->list.log_n = c->f.log_n;
	follow_progress(&c->f, &c->list.progress);
}

static void tick(void *arg)
{
	struct checklist *c = arg;
	bool before = c->told;

	if (follow_read(&c->f)) {
		show(c);
		tui_touch(c->w->t);
	}
	c->told = !works(c);
	if (c->told && !before)
		tui_leave(c->w->t, CHECK_ATTEND);
}

/* --- workers --- */

static void go_on(struct checklist *c)
{
	struct args a = {0};
	struct err e = {0};

	if (!unlock_for(c->w, c->f.plan))
		return;
	args_add(&a, c->f.undoing ? "undo" : "run");
	args_add(&a, c->w->job);
	if (c->w->guided && !c->f.undoing)
		args_add(&a, "--guided");
	if (worker_start(&c->k, c->w, c->w->job, &a, &e))
		wizard_error(c->w, &e);
	c->told = false;
}

static void wait_job(void *arg)
{
	struct checklist *c = arg;

	if (follow_open(&c->f, c->w->job, NULL) == 0 || c->k.life < 0)
		tui_leave(c->w->t, TUI_OK);
}

/* Make the job of the plan, and wait until it is there. */
static int make_job(struct checklist *c)
{
	_free_ char *plan = wizard_file(c->w, "plan.json");
	struct tui_form empty = {0};
	struct tui_key none[] = {{0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Starting"),
		.busy = _("Starting the job"),
		.keys = none,
		.form = &empty};
	struct args a = {0};
	struct err e = {0};

	args_add(&a, "run");
	args_opt(&a, "--plan", plan);
	args_opt(&a, "--name", c->w->job);
	if (c->w->guided)
		args_add(&a, "--guided");
	if (worker_start(&c->k, c->w, c->w->job, &a, &e)) {
		wizard_error(c->w, &e);
		return -1;
	}
	tui_every(c->w->t, 50, wait_job, c);
	tui_run(c->w->t, &s);
	tui_every(c->w->t, 0, NULL, NULL);
	if (c->f.job)
		return 0;
	if (!tui_hung_up(c->w->t)) {
		worker_error(&c->k, &e);
		wizard_error(c->w, &e);
	}
	return -1;
}

/* --- what the operator does --- */

static void answer(struct checklist *c)
{
	_json_ json_t *open = NULL;
	const json_t *q;

	if (ask_open(c->f.job->dir, &open, NULL) || !json_array_size(open)) {
		go_on(c);
		return;
	}
	q = json_array_get(open, 0);
	if (gate_open(c->w, q) && json_array_size(open) == 1)
		go_on(c);
	else if (!tui_hung_up(c->w->t))
		follow_read(&c->f);
}

static void skip(struct checklist *c)
{
	int i = follow_current(&c->f);
	char reason[WIZ_TEXT] = "";
	struct args a = {0};
	struct err e = {0};

	if (i < 0 || works(c))
		return;
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
		go_on(c);
}

static void go_back(struct checklist *c)
{
	if (works(c)) {
		tui_message(c->w->t, _("Way back"),
			_("The job is at work. Stop it first; what it has "
			  "done so far is kept."));
		return;
	}
	if (!way_back_page(c->w, c->w->job))
		return;
	c->f.undoing = true;
	go_on(c);
}

static void stop(struct checklist *c)
{
	struct args a = {0};
	struct err e = {0};

	if (!works(c) ||
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

static void failed(struct checklist *c)
{
	const struct tui_option buttons[] = {{_("Try again"), NULL, NULL},
		{_("Skip"), NULL, NULL}, {_("Way back"), NULL, NULL},
		{_("Look"), NULL, NULL}, {NULL, NULL, NULL}};
	const json_t *x = json_object_get(c->f.status, "error");
	struct err e = {0};

	if (c->k.path && c->k.status > 0) {
		worker_error(&c->k, &e);
	} else {
		err_set(&e, err_by_id(json_str_or(x, "id", "")), "%s",
			json_str_or(x, "why", ""));
		err_in(&e, "%s", json_str_or(x, "what", ""));
	}
	switch (tui_error(c->w->t, &e, NULL, buttons)) {
	case 0:
		go_on(c);
		break;
	case 1:
		skip(c);
		break;
	case 2:
		go_back(c);
		break;
	default:
		break;
	}
}

/* The job has come to a stop, or Enter was pressed there. by_hand: Enter. */
static int attend(struct checklist *c, bool by_hand)
{
	bool ours_failed = c->k.path && c->k.status > 0 && c->k.status != 10;

	if (works(c))
		return TUI_STAY;
	if (is(c, "waiting"))
		answer(c);
	else if (is(c, "done") || is(c, "undone"))
		return WIZ_NEXT;
	else if (is(c, "failed") || (ours_failed && !is(c, "stopped")))
		failed(c);
	else if (by_hand)
		go_on(c);
	return TUI_STAY;
}

static void mode(struct checklist *c)
{
	c->w->guided = !c->w->guided;
	if (works(c))
		tui_message(c->w->t, _("Guided or express"),
			c->w->guided
				? _("Guided from the job's next start on: at "
				    "the next question, or stop it now with "
				    "s.")
				: _("Express from the next question on."));
}

static int chosen(struct checklist *c, int id)
{
	switch (id) {
	case TUI_OK:
		return attend(c, true);
	case CHECK_ATTEND:
		return attend(c, false);
	case CHECK_MODE:
		mode(c);
		return TUI_STAY;
	case CHECK_STOP:
		stop(c);
		return TUI_STAY;
	case CHECK_SKIP:
		skip(c);
		return TUI_STAY;
	case CHECK_BACK:
		go_back(c);
		return TUI_STAY;
	case CHECK_REPORT:
		report_page(c->w, c->w->job, false);
		return TUI_STAY;
	case TUI_BACK:
		return WIZ_START;
	default:
		return wizard_answer(c->w, id, WIZ_NEXT);
	}
}

static int watch(struct checklist *c)
{
	struct tui_key keys[] = {{TUI_KEY_ENTER, _("Go on"), TUI_OK, false},
		{'s', _("Stop"), CHECK_STOP, false},
		{'k', _("Skip"), CHECK_SKIP, false},
		{'w', _("Way back"), CHECK_BACK, false},
		{'m', _("Mode"), CHECK_MODE, false},
		{'r', _("Report"), CHECK_REPORT, false},
		{TUI_KEY_ESC, _("Leave"), TUI_BACK, false},
		{0, NULL, 0, false}};
	int go;

	c->list = (struct tui_checklist){.steps = c->f.steps,
		.n = c->f.n,
		.current = -1,
		.parts = parts,
		.arg = c};
	c->screen = (struct tui_screen){.title = _("Checklist"),
		.crumbs = wizard_crumbs(7),
		.help = "checklist",
		.keys = keys,
		.checklist = &c->list,
		.arg = c};
	do {
		follow_read(&c->f);
		show(c);
		tui_every(c->w->t, TICK_MS, tick, c);
		go = tui_run(c->w->t, &c->screen);
		tui_every(c->w->t, 0, NULL, NULL);
		go = go == TUI_HANGUP ? WIZ_QUIT : chosen(c, go);
	} while (go == TUI_STAY && !tui_hung_up(c->w->t));
	return go == TUI_STAY ? WIZ_QUIT : go;
}

int page_checklist(struct wizard *w)
{
	struct checklist c = {.w = w, .k.life = -1, .k.status = -1};
	struct err e = {0};
	int go = WIZ_START;

	if (w->begin) {
		w->begin = false;
		if (make_job(&c) == 0)
			go = watch(&c);
		else
			go = tui_hung_up(w->t) ? WIZ_QUIT : WIZ_BACK;
	} else if (follow_open(&c.f, w->job, &e) == 0) {
		go = watch(&c);
	} else {
		wizard_error(w, &e);
	}
	worker_drop(&c.k);
	if (c.f.job)
		follow_close(&c.f);
	free(c.now);
	return go;
}
