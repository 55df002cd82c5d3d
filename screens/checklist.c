/*
 * The checklist: the heart. It follows the job by reading; a worker runs in
 * a session of its own, whoever looks on. Keeps true: leaving here changes
 * nothing of the job; each stop of it (a question, an error) opens its form
 * once by itself, and again on Enter.
 */
#include <string.h>

#include "checklist.h"
#include "core/step.h"

#define TICK_MS 1000

enum {
	CHECK_ATTEND = WIZ_OWN,
	CHECK_MODE,
	CHECK_STOP,
	CHECK_SKIP,
	CHECK_BACK,
	CHECK_REPORT
};

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
	const struct step_words w =
		step_words(s, json_at(c->f.plan, "source.path") != NULL);
	const json_t *x = json_object_get(c->f.status, "error");

	free(c->now);
	c->now = NULL;
	if (i == follow_current(&c->f) && x && !checklist_works(c) &&
		!checklist_is(c, "stopped"))
		c->now = error_words(x);
	*out = (struct tui_parts){.now = c->now,
		.why = w.why ? _(w.why) : NULL,
		.manual = w.manual ? _(w.manual) : NULL,
		.trouble = w.trouble ? _(w.trouble) : NULL};
}

static const char *state_words(const struct checklist *c)
{
	if (checklist_works(c))
		return c->f.undoing || checklist_is(c, "undoing")
			? _("going back")
			: _("at work");
	if (checklist_asks_go(c))
		return _("waits: Enter does this step");
	if (checklist_is(c, "waiting"))
		return _("waits for your answer: Enter");
	if (checklist_is(c, "failed"))
		return _("failed: Enter shows what to do");
	if (checklist_is(c, "done"))
		return _("done: Enter for the report");
	if (checklist_is(c, "undone"))
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
	c->list.log_count = c->f.log_count;
	follow_progress(&c->f, &c->list.progress);
}

static void tick(void *arg)
{
	struct checklist *c = arg;
	bool before = c->told, changed = follow_read(&c->f);

	/* A worker may end after the last that it wrote was read. */
	c->told = !checklist_works(c);
	if (changed || c->told != before) {
		show(c);
		tui_touch(c->w->t);
	}
	if (c->told && !before)
		tui_post(c->w->t, CHECK_ATTEND);
}

/* --- a new job --- */

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

/* --- the page --- */

static int chosen(struct checklist *c, int id)
{
	switch (id) {
	case TUI_OK:
		return steer_attend(c, true);
	case CHECK_ATTEND:
		return steer_attend(c, false);
	case CHECK_MODE:
		steer_mode(c);
		return TUI_STAY;
	case CHECK_STOP:
		steer_stop(c);
		return TUI_STAY;
	case CHECK_SKIP:
		steer_skip(c);
		return TUI_STAY;
	case CHECK_BACK:
		steer_back(c);
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

/* The clock stands while a form or a page is over the checklist: it would
 * speak to that one. */
static int action(struct tui *t, struct tui_screen *s, int id)
{
	struct checklist *c = s->arg;
	int go;

	tui_every(t, 0, NULL, NULL);
	go = chosen(c, id);
	follow_read(&c->f);
	show(c);
	tui_every(t, TICK_MS, tick, c);
	return go;
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
		.action = action,
		.arg = c};
	/* Heard, not glanced at: the whole log is in its file. */
	c->f.brief = tui_is_plain(c->w->t);
	if (c->w->way_back)
		steer_back(c);
	c->w->way_back = false;
	do {
		follow_read(&c->f);
		show(c);
		tui_every(c->w->t, TICK_MS, tick, c);
		go = tui_run(c->w->t, &c->screen);
		tui_every(c->w->t, 0, NULL, NULL);
		if (go == CHECK_ATTEND)
			go = chosen(c, go);
	} while (go == TUI_STAY && !tui_hung_up(c->w->t));
	return go == TUI_STAY || go == TUI_HANGUP ? WIZ_QUIT : go;
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
		w->guided = job_guided(c.f.job);
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
