/*
 * What the executor and every step share: the plan's values, the journal's
 * memory, questions and findings. See run.h.
 */
#include "run_own.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "esxi.h"
#include "i18n.h"
#include "plan.h"
#include "pve.h"
#include "stop.h"
#include "str.h"

/* --- the beginning and the end --- */

static int read_answers(struct run *r, struct err *e)
{
	if (!r->opts->answers)
		return 0;
	if (json_read(r->opts->answers, &r->answers, e))
		return err_in(e, "read the answers");
	if (!json_is_object(r->answers))
		return err_set(e, ERR_BAD_INPUT, "%s: not a JSON object",
			r->opts->answers);
	return 0;
}

int run_begin(struct run *r, struct err *e)
{
	bool again;

	if (job_lock(r->job, e))
		return -1;
	job_guard(r->job, r->opts->secrets);
	if (journal_open(r->job->dir, r->opts->secrets, &r->j, e) ||
		job_plan(r->job, &r->plan, e) || plan_check(r->plan, e) ||
		vm_from_json(json_at(r->plan, "source.vm"), &r->vm, e) ||
		read_answers(r, e))
		return err_in(e, "open the job %s", r->job->name);
	again = journal_begun(r->j);
	return again ? journal_add(r->j, NULL, "resume", NULL, e) : 0;
}

void run_end(struct run *r)
{
	run_disconnect(r);
	if (r->j)
		journal_close(r->j);
	r->j = NULL;
	vm_free(r->vm);
	json_decref(r->plan);
	json_decref(r->answers);
	job_unlock(r->job);
}

int run_after_resume(struct run *r, struct err *e)
{
	const json_t *seen;
	struct vm *vm;

	if (strcmp(r->step->kind, "note_hardware"))
		return 0;
	seen = json_object_get(run_recall(r, "note_hardware", "measure"), "vm");
	if (!seen)
		return 0;
	if (vm_from_json(seen, &vm, e))
		return -1;
	vm_free(r->vm);
	r->vm = vm;
	return 0;
}

/* --- the plan --- */

const char *run_str(const struct run *r, const char *path, const char *def)
{
	const char *s = json_string_value(json_at(r->plan, path));

	return s ? s : def;
}

uint64_t run_u64(const struct run *r, const char *path, uint64_t def)
{
	_json_ json_t *o = json_object();

	json_object_set(o, "v", json_at(r->plan, path));
	return json_u64(o, "v", def);
}

bool run_flag(const struct run *r, const char *path, bool def)
{
	_json_ json_t *o = json_object();

	json_object_set(o, "v", json_at(r->plan, path));
	return json_flag(o, "v", def);
}

size_t run_disks(const struct run *r)
{
	return json_array_size(json_at(r->plan, "target.disks"));
}

const json_t *run_disk(const struct run *r, size_t i)
{
	return json_array_get(json_at(r->plan, "target.disks"), i);
}

const struct vm_disk *run_source_disk(const struct run *r, size_t i)
{
	const char *slot = json_str_or(run_disk(r, i), "slot", "");

	for (size_t k = 0; k < r->vm->n_disks; k++)
		if (strcmp(r->vm->disks[k].slot, slot) == 0)
			return &r->vm->disks[k];
	return NULL;
}

/* --- the journal --- */

int run_note(struct run *r, const char *event, json_t *data, struct err *e)
{
	return journal_add(
		r->j, r->step ? r->step->kind : NULL, event, data, e);
}

int run_command(
	struct run *r, const char *where, const char *text, struct err *e)
{
	json_t *d = json_object();

	json_put_str(d, "text", text);
	json_put_str(d, "where", where);
	return run_note(r, "command", d, e);
}

static uint64_t seq_of(const struct run *r, const char *step, const char *event)
{
	return json_u64(journal_last(r->j, step, event), "seq", 0);
}

bool run_begun(const struct run *r, const char *step)
{
	return seq_of(r, step, "begin") > journal_undone(r->j, step);
}

const json_t *run_recall(
	const struct run *r, const char *step, const char *event)
{
	const json_t *line = journal_last(r->j, step, event);

	/* What an undo took back is not remembered. */
	if (!line || json_u64(line, "seq", 0) < journal_undone(r->j, step))
		return NULL;
	return json_object_get(line, "data");
}

static json_t *object_json(const char *kind, const char *id)
{
	json_t *o = json_object();

	json_put_str(o, "kind", kind);
	json_put_str(o, "id", id);
	return o;
}

int run_made(struct run *r, const char *kind, const char *id, json_t *more,
	struct err *e)
{
	json_t *o = object_json(kind, id);

	if (more)
		json_object_update_missing(o, more);
	json_decref(more);
	return run_note(r, "made", o, e);
}

int run_removed(struct run *r, const char *kind, const char *id, struct err *e)
{
	return run_note(r, "removed", object_json(kind, id), e);
}

json_t *run_object(const struct run *r, const char *kind, const char *key,
	const char *value)
{
	_json_ json_t *made = journal_made(r->j);
	json_t *o;
	size_t i;

	json_array_foreach (made, i, o) {
		if (strcmp(json_str_or(o, "kind", ""), kind))
			continue;
		if (!key || strcmp(json_str_or(o, key, ""), value) == 0)
			return json_incref(o);
	}
	return NULL;
}

double run_seconds(const struct run *r, double s)
{
	return r->opts->hurry ? s / r->opts->hurry : s;
}

int run_sleep(const struct run *r, unsigned ms, struct err *e)
{
	return stop_sleep(run_seconds(r, ms), e);
}

unsigned run_vmid(const struct run *r)
{
	_json_ json_t *o = run_object(r, "vm", NULL, NULL);

	return json_u64(o, "id", 0);
}

/* --- questions --- */

int run_ask(struct run *r, const struct question *q, const char **answer,
	struct err *e)
{
	const struct asker a = {.j = r->j,
		.answers = r->answers,
		.defaults = run_flag(r, "defaults", false)};

	return ask(&a, r->step->kind, q, answer, e);
}

int run_allowed(struct run *r, const char *key, const char *text,
	const char *why, bool *yes, struct err *e)
{
	static const struct ask_choice c[] = {
		{"yes", N_("yes, do it")}, {"no", N_("no")}, {NULL, NULL}};
	const struct question q = {.id = key,
		.kind = ASK_CHOICE,
		.text = text,
		.why = why,
		.choices = c};
	_free_ char *path = xasprintf("allow.%s", key);
	const char *a;

	if (json_at(r->plan, path)) {
		*yes = run_flag(r, path, false);
		return 0;
	}
	if (run_ask(r, &q, &a, e))
		return -1;
	*yes = strcmp(a, "yes") == 0;
	return 0;
}

/* --- findings --- */

/* Several steps may meet the same trouble: it is told once. */
static bool found(const json_t *findings, const char *text)
{
	const json_t *f;
	size_t i;

	json_array_foreach (findings, i, f)
		if (strcmp(json_str_or(f, "text", ""), text) == 0)
			return true;
	return false;
}

void run_find(struct run *r, enum level level, enum err_code code,
	const char *fmt, ...)
{
	static const char *const names[] = {"ok", "warning", "blocker"};
	_free_ char *text = NULL;
	json_t *o = json_object();
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (found(r->findings, text)) {
		json_decref(o);
		return;
	}
	json_put_str(o, "level", names[level]);
	json_put_str(o, "text", text);
	json_put_str(o, "step", r->step->kind);
	if (code) {
		json_put_str(o, "id", err_id(code));
		json_put_str(o, "next", err_advice(code));
	}
	json_array_append_new(r->findings, o);
}

void run_find_err(struct run *r, const struct err *e)
{
	run_find(r, LEVEL_BLOCKER, e->code, "%s%s%s", e->what,
		e->what[0] ? ": " : "", e->why);
}

/* --- words --- */

void run_say(struct run *r, const char *fmt, ...)
{
	_free_ char *raw = NULL, *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		abort();
	va_end(ap);
	line = str_printable_dup(raw);
	job_log(r->job, "%s", line);
	if (r->opts->say)
		r->opts->say(r->opts->arg, line);
}
