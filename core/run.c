/*
 * The executor: see run.h. Keeps true: a step's `begin` is in the journal
 * before the step touches anything, its `end` only after its verify looked
 * at the world; every way out leaves status and journal saying the same.
 */
#include "run.h"
#include "i18n.h"

#include <stdlib.h>
#include <string.h>

#include "esxi.h"
#include "origin.h"
#include "run_own.h"
#include "stop.h"
#include "str.h"

static json_t *error_json(const struct err *e)
{
	json_t *o = json_object();

	json_put_str(o, "id", err_id(e->code));
	json_put_str(o, "what", e->what);
	json_put_str(o, "why", e->why);
	json_put_str(o, "next", err_advice(e->code));
	return o;
}

void run_state(
	struct run *r, const char *state, const struct err *e, json_t *progress)
{
	_json_ json_t *s = json_object();

	json_put_str(s, "state", state);
	if (r->step)
		json_put_str(s, "step", r->step->kind);
	json_put_u64(s, "index", r->index);
	json_put_u64(s, "count", r->count);
	if (progress)
		json_put(s, "progress", progress);
	if (r->step)
		json_put_str(s, "doing", r->step->doing);
	if (e && e->code == ERR_ANSWER_NEEDED && r->step) {
		const json_t *q = run_recall(r, r->step->kind, "question");

		if (q)
			json_object_set(s, "question", (json_t *)q);
	} else if (e && e->code) {
		json_put(s, "error", error_json(e));
	}
	job_status_write(r->job, r->j, s);
}

void run_progress(struct run *r, json_t *progress)
{
	run_state(r, "running", NULL, progress);
}

static bool skipped(const struct run *r)
{
	return journal_asked(r->j, r->step->kind, "decision", "skip") != NULL;
}

/* Guided mode: stop before each step for the operator's word. One that was
 * begun and interrupted had it; one that is skipped needs none. */
static int wait_go(struct run *r, struct err *e)
{
	const struct step_words w = step_words(r->step, origin_is_file(r));
	const struct ask_choice c[] = {{"go", N_("do it")}, {NULL, NULL}};
	const struct question q = {.id = "go",
		.text = r->step->doing,
		.kind = ASK_CHOICE,
		.choices = c,
		.why = w.why,
		.help = w.manual};
	const char *a;

	if (!job_guided(r->job) || run_begun(r, r->step->kind) || skipped(r))
		return 0;
	return run_ask(r, &q, &a, e);
}

static int finish(
	struct run *r, const char *result, double began, struct err *e)
{
	json_t *d = json_object();

	json_put_str(d, "result", result);
	json_put(d, "seconds",
		json_real((double)(long)((now_mono() - began) * 1000) / 1000));
	return run_note(r, "end", d, e);
}

static int do_step(struct run *r, struct err *e)
{
	const struct step *s = r->step;
	double began = now_mono();
	int c;

	if (run_note(r, "begin", NULL, e))
		return -1;
	if (skipped(r))
		return finish(r, "skipped", began, e);
	c = s->check ? s->check(r, e) : 0;
	if (c < 0)
		return -1;
	if (c > 0)
		return finish(r, "already", began, e);
	if (s->run && s->run(r, e))
		return -1;
	if (s->verify && s->verify(r, e))
		return -1;
	return finish(r, "done", began, e);
}

/* The step failed or waits: journal, status, and the words for people. */
static void step_failed(struct run *r, struct err *e)
{
	bool waits = e->code == ERR_ANSWER_NEEDED;

	err_in(e, "%s", r->step->doing);
	if (!waits)
		run_note(r, "error", error_json(e), NULL);
	run_state(r,
		waits                            ? "waiting"
			: e->code == ERR_STOPPED ? "stopped"
						 : "failed",
		e, NULL);
	/* A question is no error: the journal has it. */
	if (!waits)
		job_log(r->job, "%s: %s: %s", r->step->kind, err_id(e->code),
			e->why);
}

static bool step_done(const struct run *r, const struct step *s)
{
	return journal_ended(r->j, s->kind);
}

static int each_step(struct run *r, struct err *e)
{
	const json_t *list = json_object_get(r->plan, "steps"), *v;
	size_t i;

	r->count = json_array_size(list);
	json_array_foreach (list, i, v) {
		r->step = step_find(json_string_value(v));
		r->index = i + 1;
		if (step_done(r, r->step)) {
			if (run_after_resume(r, e))
				return -1;
		} else {
			run_say(r, "[%u/%u] %s", r->index, r->count,
				r->step->doing);
			run_state(r, "running", NULL, NULL);
			if (stop_check(e) || wait_go(r, e) || do_step(r, e)) {
				step_failed(r, e);
				return -1;
			}
		}
		if (r->opts->until &&
			strcmp(r->opts->until, r->step->kind) == 0) {
			run_state(r, "stopped", NULL, NULL);
			return 0;
		}
	}
	run_state(r, "done", NULL, NULL);
	return 0;
}

int run_job(struct job *job, const struct run_opts *o, struct err *e)
{
	struct run r = {.opts = o, .job = job};
	int rc = run_begin(&r, e);

	if (rc == 0 && o->guided)
		rc = job_set_guided(job, true, e);
	if (rc == 0)
		rc = each_step(&r, e);
	run_end(&r);
	return rc;
}

/* --- the way back --- */

static int note_undo(struct run *r, const char *phase, struct err *e)
{
	json_t *d = json_object();

	json_put_str(d, "phase", phase);
	return run_note(r, "undo", d, e);
}

static int undo_step(struct run *r, struct err *e)
{
	if (r->step->undo) {
		run_say(r, "way back of: %s", r->step->doing);
		/* Without its end, neither undo nor run takes the step for
		 * what it was before. */
		if (!journal_undoing(r->j, r->step->kind) &&
			note_undo(r, "begin", e))
			return -1;
		if (r->step->undo(r, e))
			return err_in(e, "take back: %s", r->step->doing);
	}
	return note_undo(r, "end", e);
}

/* What is left on the target can wait, the old server cannot; but it must
 * not start beside a new one. */
static bool passed_over(const struct run *r, const struct err *e)
{
	return e->code != ERR_STOPPED && e->code != ERR_ANSWER_NEEDED &&
		!(r->step->flags & STEP_STOPS);
}

struct undone {
	const struct step *step; /* the first that was passed over */
	unsigned index;
	struct err why;
};

static int undo_one(struct run *r, struct undone *u, struct err *e)
{
	struct err why = {0};

	run_state(r, "undoing", NULL, NULL);
	if (undo_step(r, &why) == 0)
		return 0;
	step_failed(r, &why);
	if (!passed_over(r, &why)) {
		*e = why;
		return -1;
	}
	run_say(r, "  not taken back: %s: %s", err_id(why.code), why.why);
	if (!u->step)
		*u = (struct undone){r->step, r->index, why};
	return 0;
}

static int undo_steps(struct run *r, const char *to, struct err *e)
{
	const json_t *list = json_object_get(r->plan, "steps");
	struct undone u = {0};

	r->count = json_array_size(list);
	for (size_t n = r->count; n--;) {
		const char *kind = json_string_value(json_array_get(list, n));

		r->step = step_find(kind);
		r->index = n + 1;
		if (run_begun(r, kind) && undo_one(r, &u, e))
			return -1;
		if (to && strcmp(to, kind) == 0)
			break;
	}
	if (!u.step) {
		run_state(r, to ? "stopped" : "undone", NULL, NULL);
		return 0;
	}
	r->step = u.step;
	r->index = u.index;
	*e = u.why;
	run_state(r, "failed", e, NULL);
	return -1;
}

/* Nothing is taken down where there is nothing to go back to. */
static int source_is_there(struct run *r, struct err *e)
{
	struct esxi *x;
	bool there;

	if (!journal_asked(r->j, "cleanup", "decision", RUN_SOURCE_END))
		return 0;
	if (run_esxi(r, &x, e) || esxi_knows(x, r->vm, &there, e))
		return -1;
	return there
		? 0
		: err_set(e, ERR_SOURCE_DELETED,
			  "%s is not on the ESXi host any more", r->vm->name);
}

int run_undo(struct job *job, const struct run_opts *o, const char *to,
	struct err *e)
{
	struct run r = {.opts = o, .job = job};
	int rc = run_begin(&r, e);

	if (rc == 0)
		rc = source_is_there(&r, e);
	if (rc == 0)
		rc = undo_steps(&r, to, e);
	run_end(&r);
	return rc;
}
