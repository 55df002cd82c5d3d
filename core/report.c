/*
 * The model of a report: see report.h. Keeps true: the same journal gives
 * the same report, but for the worker that is at it now.
 */
#include "report_own.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "i18n.h"
#include "origin.h"
#include "step.h"
#include "str.h"

struct build {
	const struct job *job;
	json_t *model, *steps; /* owned by the caller; borrowed from it */
	json_t *running;       /* the step at hand, borrowed, or null */
	double since;          /* when it began */
	double now;            /* of the line at hand */
	double down, up;       /* the service stopped, ran again */
	bool file;             /* the VM is in files */
};

/* --- time --- */

/* Seconds since 1970 of a journal's time; 0 where it is none. */
static double parse_time(const char *s)
{
	struct tm tm = {0};
	const char *rest = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	char *end;
	double part;

	if (!rest)
		return 0;
	part = *rest == '.' ? strtod(rest, &end) : 0;
	return timegm(&tm) + part;
}

static json_t *rounded(double seconds)
{
	return json_real((double)(long long)(seconds * 1000 + 0.5) / 1000);
}

/* --- steps --- */

static json_t *step_of(struct build *b, const char *kind)
{
	_free_ char *clean = str_printable_dup(kind);
	const struct step *known = step_find(clean);
	json_t *o;
	size_t i;

	json_array_foreach (b->steps, i, o) {
		if (strcmp(json_str(o, "kind"), clean) == 0)
			return o;
	}
	o = json_object();
	json_put_str(o, "kind", clean);
	json_put_str(o, "doing", known ? known->doing : clean);
	json_put_str(o, "why", known ? step_words(known, b->file).why : NULL);
	json_put_str(o, "state", "todo");
	json_put_u64(o, "attempts", 0);
	json_put_u64(o, "marks", 0);
	json_put(o, "seconds", json_real(0));
	json_put(o, "details", json_array());
	json_array_append_new(b->steps, o);
	return o;
}

static void count_up(json_t *o, const char *key)
{
	json_put_u64(o, key, json_u64(o, key, 0) + 1);
}

/* The step at hand runs no more: it ended, failed, or its worker died. */
static void step_rest(struct build *b, double at)
{
	double spent = at - b->since;

	if (b->running && spent > 0)
		json_put(b->running, "seconds",
			rounded(json_num(b->running, "seconds", 0) + spent));
	b->running = NULL;
}

static void on_begin(struct build *b, json_t *s, const json_t *line)
{
	b->running = s;
	b->since = b->now;
	json_put_str(s, "state", "running");
	if (!json_object_get(s, "began"))
		json_put_str(s, "began", json_str(line, "time"));
	json_object_del(s, "ended");
	count_up(s, "attempts");
	if (strcmp(json_str(s, "kind"), "stop_vm") == 0 && b->down == 0)
		b->down = b->now;
}

static bool counts_as(const char *state, const char *want)
{
	if (strcmp(want, "done") == 0)
		return strcmp(state, "done") == 0 ||
			strcmp(state, "already") == 0 ||
			strcmp(state, "skipped") == 0;
	return strcmp(state, want) == 0;
}

static void on_end(struct build *b, json_t *s, const json_t *line)
{
	const json_t *data = json_object_get(line, "data");
	const char *result = json_str_or(data, "result", "done");

	json_put_str(s, "state", counts_as(result, "done") ? result : "done");
	json_put_str(s, "ended", json_str(line, "time"));
	if (strcmp(json_str(s, "kind"), "start_vm") == 0)
		b->up = b->now;
}

static void on_error(struct build *b, json_t *s, const json_t *line)
{
	const json_t *data = json_object_get(line, "data");
	bool stopped = strcmp(json_str_or(data, "id", ""), "STOPPED") == 0;

	(void)b;
	json_put_str(s, "state", stopped ? "interrupted" : "failed");
	json_object_set(s, "error", (json_t *)data);
}

static void on_undo(struct build *b, json_t *s, const json_t *line)
{
	const json_t *data = json_object_get(line, "data");

	if (strcmp(json_str_or(data, "phase", ""), "begin") != 0) {
		json_put_str(s, "state", "undone");
		return;
	}
	b->running = s;
	b->since = b->now;
	json_put_str(s, "state", "running");
}

static void on_mark(struct build *b, json_t *s, const json_t *line)
{
	(void)b;
	(void)line;
	count_up(s, "marks");
}

static const struct course {
	const char *event;
	bool rests; /* whatever ran before runs no more */
	void (*take)(struct build *b, json_t *step, const json_t *line);
} courses[] = {
	{"begin", true, on_begin},
	{"end", true, on_end},
	{"error", true, on_error},
	{"undo", true, on_undo},
	{"mark", false, on_mark},
};

/* An object is noted as an intent, and again once it is there: said once. */
static bool said_made(json_t *list, const json_t *d)
{
	bool said = false;
	json_t *o;
	size_t i;

	if (strcmp(json_str_or(d, "event", ""), "made") != 0)
		return false;
	json_array_foreach (list, i, o)
		if (strcmp(json_str_or(o, "text", ""),
			    json_str_or(d, "text", "")) == 0)
			said = strcmp(json_str_or(o, "event", ""), "made") == 0;
	return said;
}

static void add_details(json_t *list, const json_t *details)
{
	json_t *d;
	size_t i;

	json_array_foreach (details, i, d)
		if (!said_made(list, d))
			json_array_append(list, d);
}

static void take_step(struct build *b, const char *kind, const json_t *line)
{
	const char *event = json_str(line, "event");
	_json_ json_t *details = report_details(line);
	json_t *s = step_of(b, kind);

	for (size_t i = 0; i < ARRAY_LEN(courses); i++) {
		if (strcmp(event, courses[i].event) != 0)
			continue;
		if (courses[i].rests)
			step_rest(b, b->now);
		courses[i].take(b, s, line);
	}
	add_details(json_object_get(s, "details"), details);
}

/* --- the whole job --- */

static void add_operator(struct build *b, const json_t *line)
{
	json_t *list = json_object_get(b->model, "operators"), *o;
	_json_ json_t *who = json_copy(json_object_get(line, "operator"));
	size_t i;

	if (!who)
		return;
	json_put_str(who, "host", json_str_or(line, "host", ""));
	json_array_foreach (list, i, o) {
		if (json_equal(json_object_get(o, "who"), who)) {
			count_up(o, "lines");
			return;
		}
	}
	o = json_object();
	json_object_set(o, "who", who);
	json_put_u64(o, "lines", 1);
	json_array_append_new(list, o);
}

static void add_event(struct build *b, const json_t *line, const char *text)
{
	json_t *o = json_object();

	json_put_str(o, "event", json_str(line, "event"));
	json_put_str(o, "time", json_str(line, "time"));
	json_put_str(o, "text", text);
	json_array_append_new(json_object_get(b->model, "events"), o);
}

static void take_job(struct build *b, const json_t *line)
{
	const char *event = json_str(line, "event");
	_json_ json_t *details = report_details(line);

	if (strcmp(event, "resume") == 0)
		add_event(b, line, N_("a new worker went on"));
	else if (strcmp(event, "cut") == 0)
		add_event(b, line, N_("the torn end of a line was cut"));
	json_array_extend(json_object_get(b->model, "events"), details);
}

static void add_figure(struct build *b, const char *name, json_t *value,
	const char *unit, const char *step)
{
	json_t *f = json_object();
	_free_ char *text = report_value(value, name, unit);

	json_put_str(f, "name", name);
	json_put(f, "value", value);
	json_put_str(f, "unit", unit);
	json_put_str(f, "text", text);
	json_put_str(f, "step", step);
	json_array_append_new(json_object_get(b->model, "figures"), f);
}

static void take_measure(struct build *b, const json_t *line)
{
	const json_t *d = json_object_get(line, "data");
	json_t *value = json_object_get(d, "value");
	json_t *left = json_object_get(d, "left");

	if (json_is_number(value))
		add_figure(b, json_str_or(d, "name", "?"), json_incref(value),
			json_str(d, "unit"), json_str(line, "step"));
	if (json_is_array(left))
		json_object_set(b->model, "left", left);
}

/*
 * Was the line written by another process than the one that was at work? Then
 * that one ended: what lies between is waiting, not work.
 */
static bool other_process(const json_t *line)
{
	const char *event = json_str(line, "event");
	const char *source =
		json_str_or(json_object_get(line, "data"), "source", "");

	return strcmp(event, "resume") == 0 || strcmp(event, "cut") == 0 ||
		(strcmp(event, "answer") == 0 &&
			strcmp(source, "operator") == 0);
}

static int take_line(void *arg, const json_t *line, struct err *e)
{
	struct build *b = arg;
	const char *step = json_str(line, "step");
	double before = b->now;

	(void)e;
	b->now = parse_time(json_str(line, "time"));
	if (!json_object_get(b->model, "started"))
		json_put_str(b->model, "started", json_str(line, "time"));
	json_put_str(b->model, "ended", json_str(line, "time"));
	add_operator(b, line);
	if (other_process(line))
		step_rest(b, before);
	if (*step)
		take_step(b, step, line);
	else
		take_job(b, line);
	if (strcmp(json_str(line, "event"), "measure") == 0)
		take_measure(b, line);
	return 0;
}

/* --- what stands beside the lines --- */

static void take_plan(struct build *b)
{
	_json_ json_t *plan = NULL, *from = json_object(), *to = json_object();
	const json_t *v;
	size_t i;

	if (job_plan(b->job, &plan, NULL))
		return;
	b->file = origin_file_plan(plan);
	json_put_str(
		from, "host", json_string_value(json_at(plan, "source.host")));
	json_put_str(
		from, "path", json_string_value(json_at(plan, "source.path")));
	json_put_str(
		from, "vm", json_string_value(json_at(plan, "source.vm.name")));
	json_put_str(
		to, "node", json_string_value(json_at(plan, "target.node")));
	json_put_str(to, "vm", json_string_value(json_at(plan, "target.name")));
	json_object_set(b->model, "source", from);
	json_object_set(b->model, "target", to);
	json_object_set(
		b->model, "warnings", json_object_get(plan, "warnings"));
	json_array_foreach (json_object_get(plan, "steps"), i, v) {
		if (json_is_string(v))
			step_of(b, json_string_value(v));
	}
}

static int take_journal(struct build *b, struct err *e)
{
	_journal_ struct journal *j = NULL;
	struct journal_verdict v;
	json_t *o = json_object();

	json_put(b->model, "journal", o);
	if (journal_peek(b->job->dir, &j, e) ||
		journal_verify(b->job->dir, &v, e))
		return -1;
	json_put(b->model, "objects", journal_made(j));
	json_put_bool(o, "ok", v.ok);
	json_put_str(o, "why", v.ok ? NULL : v.why);
	json_put_u64(o, "lines", v.lines);
	json_put_u64(o, "cuts", v.cuts);
	json_put_bool(o, "torn", v.torn);
	json_put_str(o, "head", v.head);
	return 0;
}

/* A step that began and has not ended waits, runs, or was cut off. */
static void settle_running(struct build *b)
{
	const json_t *open = json_object_get(b->model, "questions"), *q;
	bool working = json_u64(b->model, "pid", 0) > 0;
	size_t i;
	json_t *s;

	json_array_foreach (b->steps, i, s) {
		if (!working && strcmp(json_str(s, "state"), "running") == 0)
			json_put_str(s, "state", "interrupted");
	}
	json_array_foreach (open, i, q)
		json_put_str(
			step_of(b, json_str(q, "step")), "state", "waiting");
}

static size_t count_steps(const struct build *b, const char *want)
{
	size_t i, n = 0;
	const json_t *s;

	json_array_foreach (b->steps, i, s)
		n += counts_as(json_str(s, "state"), want);
	return n;
}

static const char *whole_state(const struct build *b)
{
	size_t n = json_array_size(b->steps), todo = count_steps(b, "todo");

	if (json_u64(b->model, "pid", 0) > 0)
		return "running";
	if (json_array_size(json_object_get(b->model, "questions")))
		return "waiting";
	if (count_steps(b, "failed"))
		return "failed";
	if (todo == n)
		return N_("ready");
	if (count_steps(b, "undone") + todo == n)
		return "undone";
	return count_steps(b, "done") == n ? "done" : N_("stopped");
}

static void finish(struct build *b)
{
	double began = parse_time(json_str(b->model, "started"));

	step_rest(b, b->now);
	settle_running(b);
	json_put_str(b->model, "state", whole_state(b));
	json_put(b->model, "seconds", rounded(b->now - began));
	if (b->down > 0 && b->up > b->down)
		add_figure(b, N_("downtime, at most"), rounded(b->up - b->down),
			"s", "stop_vm");
}

static int gather(struct build *b, struct err *e)
{
	json_t *open = NULL;
	pid_t pid = job_worker_pid(b->job);

	json_put(b->model, "pid", json_integer(pid));
	take_plan(b);
	if (journal_each(b->job->dir, take_line, b, e) || take_journal(b, e) ||
		ask_open(b->job->dir, &open, e))
		return -1;
	json_put(b->model, "questions", open);
	finish(b);
	return 0;
}

int report_model(const struct job *job, json_t **out, struct err *e)
{
	static const char *const lists[] = {
		"steps", "events", "operators", "figures"};
	_json_ json_t *model = json_object();
	struct build b = {.job = job, .model = model};

	json_put_str(model, "job", job->name);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_put(model, lists[i], json_array());
	b.steps = json_object_get(model, "steps");
	if (gather(&b, e))
		return err_in(e, "report %s", job->name);
	*out = json_incref(model);
	return 0;
}
