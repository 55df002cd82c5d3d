/* `vmferry status JOB`: where a job is, and what it wants from you. */
#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "../ask.h"
#include "../i18n.h"
#include "../job.h"
#include "../report.h"
#include "../state.h"
#include "../stop.h"
#include "../verb.h"

static const struct option longopts[] = {
	{"json", no_argument, NULL, 'j'},
	{"follow", no_argument, NULL, 'f'},
	{0},
};

struct opts {
	const char *job;
	bool json, follow;
};

/* --- for people --- */

static void show_steps(struct out *o, const json_t *model)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(model, "steps"), i, s) {
		const char *state = json_str_or(s, "state", "");
		_free_ char *doing = out_said(o, json_str(s, "doing"));
		_buf_ struct buf b = {0};
		char took[STR_SIZE_LEN] = "";

		if (strcmp(state, "todo") != 0)
			str_duration(took, json_num(s, "seconds", 0));
		buf_pad(&b, doing, 57);
		out_linef(o, "  %s %s %s", report_mark(state), b.s, took);
	}
}

/* "42.3 GiB of 120.0 GiB (35 %), 310.2 MiB/s, 4 min 12 s left"; percent alone
 * where it is not bytes (no rate). To be freed. */
static char *progress_text(const struct out *o, const json_t *p)
{
	double done = json_num(p, "done", 0), total = json_num(p, "total", 0);
	double eta = json_num(p, "eta", -1);
	_free_ char *said = out_said(o, json_str(p, "what"));
	_free_ char *what = str_printable_dup(said);
	char a[STR_SIZE_LEN], t[STR_SIZE_LEN], r[STR_SIZE_LEN];
	_buf_ struct buf b = {0};

	buf_adds(&b, what);
	if (total <= 0)
		return buf_steal(&b);
	buf_addf(&b, "%s%.0f %%", b.len ? ": " : "", 100 * done / total);
	if (json_object_get(p, "rate"))
		buf_addf(&b, out_word(o, N_(", %s of %s, %s/s")),
			str_size(a, done), str_size(t, total),
			str_size(r, json_num(p, "rate", 0)));
	if (eta >= 0)
		buf_addf(
			&b, out_word(o, N_(", %s left")), str_duration(a, eta));
	return buf_steal(&b);
}

/* label: a message. */
static void show_text(struct out *o, const char *label, const char *text)
{
	_free_ char *copy = out_said(o, text);
	char *p = copy, *line;

	while ((line = str_line(&p))) {
		_buf_ struct buf b = {0};

		buf_pad(&b, *label ? out_word(o, label) : "", 7);
		out_linef(o, "  %s %s", b.s, line);
		label = "";
	}
}

static void show_choices(struct out *o, const json_t *q)
{
	const char *def = json_str_or(q, "default", "");
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(q, "choices"), i, c) {
		const char *value = json_str_or(c, "value", "?");
		_free_ char *label = out_said(o, json_str(c, "label"));

		out_linef(o, "    %-14s %s%s", value, label,
			strcmp(value, def) == 0
				? out_word(o, N_("  (proposed)"))
				: "");
	}
}

/* An answer that brings a text along, and where the text at hand lies. */
static void show_edit(struct out *o, const char *job, const json_t *q)
{
	_free_ char *name = xasprintf(
		"jobs/%s/content-%s", job, json_str_or(q, "edit", ""));
	_free_ char *path = NULL;

	if (!json_str(q, "edit") || state_path(name, &path, NULL))
		return;
	out_f(o, "  or, with an edited copy of %s:\n", path);
	out_f(o, "  vmferry answer %s %s.%s edit --content FILE\n", job,
		json_str_or(q, "step", "?"), json_str_or(q, "id", "?"));
}

static void show_question(struct out *o, const char *job, const json_t *q)
{
	const char *expect = json_str(q, "expect");

	out_f(o, "\n  waits for an answer to %s.%s\n",
		json_str_or(q, "step", "?"), json_str_or(q, "id", "?"));
	show_text(o, "", json_str(q, "text"));
	show_text(o, N_("why"), json_str(q, "why"));
	show_text(o, N_("help"), json_str(q, "help"));
	show_text(o, N_("like"), json_str(q, "hint"));
	show_choices(o, q);
	if (json_object_get(q, "max"))
		out_f(o, "    a number from %llu to %llu\n",
			(unsigned long long)json_u64(q, "min", 0),
			(unsigned long long)json_u64(q, "max", 0));
	show_text(o, N_("type"), expect);
	out_f(o, "  vmferry answer %s %s.%s VALUE\n", job,
		json_str_or(q, "step", "?"), json_str_or(q, "id", "?"));
	show_edit(o, job, q);
}

static void show_error(struct out *o, const json_t *x)
{
	_free_ char *what = out_said(o, json_str(x, "what"));

	if (!x)
		return;
	out_puts(o, "\n");
	out_linef(o, "  %s  %s", json_str_or(x, "id", "?"), what);
	show_text(o, N_("why"), json_str(x, "why"));
	show_text(o, N_("next"), json_str(x, "next"));
}

static void show_place(struct out *o, const json_t *s)
{
	json_int_t pid = json_integer_value(json_object_get(s, "pid"));
	const json_t *progress = json_object_get(s, "progress");

	_free_ char *state = out_said(o, json_str_or(s, "state", "?"));

	out_f(o, "%s: %s", json_str_or(s, "name", "?"), state);
	if (pid)
		out_f(o, ", process %lld", (long long)pid);
	if (json_flag(s, "interrupted", false))
		out_puts(o, ", its worker is gone: vmferry run goes on");
	out_puts(o, "\n");
	if (pid && progress) {
		_free_ char *text = progress_text(o, progress);

		out_f(o, "  %s\n", text);
	}
}

static int show(
	const struct job *job, const json_t *s, struct out *o, struct err *e)
{
	_json_ json_t *model = NULL;
	const json_t *q;
	size_t i;

	if (report_model(job, &model, e))
		return -1;
	show_place(o, s);
	show_steps(o, model);
	json_array_foreach (json_object_get(model, "questions"), i, q)
		show_question(o, job->name, q);
	show_error(o, json_object_get(s, "error"));
	return 0;
}

/* --- for programs --- */

/* A worker that asks ends: while one runs, nothing is open, and the journal
 * of a long copy need not be read. */
static int open_questions(const struct job *job, const json_t *status,
	json_t **out, struct err *e)
{
	const char *state = json_str_or(status, "state", "");

	if (strcmp(state, "running") != 0)
		return ask_open(job->dir, out, e);
	*out = json_array();
	return 0;
}

static int show_json(const struct job *job, const json_t *status, bool pretty,
	struct out *o, struct err *e)
{
	_json_ json_t *s = json_copy((json_t *)status);
	_free_ char *text = NULL;
	json_t *open = NULL;

	if (open_questions(job, s, &open, e))
		return -1;
	json_put(s, "questions", open);
	text = pretty ? json_pretty(s) : json_line(s);
	out_f(o, "%s%s", text, pretty ? "" : "\n");
	return 0;
}

/* --- following --- */

/* One line that says where it is; to be freed. */
static char *brief(const struct out *o, const json_t *s)
{
	const json_t *p = json_object_get(s, "progress");
	_free_ char *progress = p ? progress_text(o, p) : xstrdup("");
	_free_ char *state = out_said(o, json_str_or(s, "state", "?"));
	_free_ char *doing =
		out_said(o, json_str_or(s, "doing", json_str(s, "step")));

	return xasprintf("%s: %s  %s", state, doing, progress);
}

/* A terminal gets one line that changes; a file a line each 10 s and each
 * time that step or state changed. */
static void tick(struct out *o, const json_t *s, char **place, double *last)
{
	_free_ char *line = brief(o, s);
	_free_ char *here = xasprintf("%s %s", json_str_or(s, "state", ""),
		json_str_or(s, "step", ""));
	bool moved = !*place || strcmp(*place, here) != 0;
	static const char clear[] = "\r\033[K";

	if (o->tty)
		out_f(o, "%s%s%s", moved && *place ? "\n" : "", clear, line);
	else if (moved || now_mono() - *last > 10)
		out_f(o, "%s\n", line);
	else
		return;
	*last = now_mono();
	str_set(place, here);
}

/* Until there is no worker, or the operator has seen enough (Ctrl-C). */
static int follow(const struct opts *p, const struct job *job, struct out *o,
	struct err *e)
{
	_free_ char *place = NULL;
	_json_ json_t *before = NULL;
	double last = 0;

	/* This is no worker: it ends with its terminal. */
	signal(SIGHUP, SIG_DFL);
	do {
		_json_ json_t *s = NULL;

		if (job_status(job, &s, e))
			return -1;
		if (!json_integer_value(json_object_get(s, "pid")))
			break;
		if (!p->json)
			tick(o, s, &place, &last);
		else if (!json_equal(s, before) &&
			show_json(job, s, false, o, e))
			return -1;
		json_decref(before);
		before = json_incref(s);
	} while (stop_sleep(250, NULL) == 0);
	if (o->tty && place)
		out_puts(o, "\n");
	return 0;
}

static int status(const struct opts *p, struct out *o, struct err *e)
{
	_job_ struct job *job = NULL;
	_json_ json_t *s = NULL;

	if (job_open(p->job, &job, e))
		return -1;
	if (p->follow && follow(p, job, o, e))
		return -1;
	if (job_status(job, &s, e))
		return -1;
	if (p->json)
		return show_json(job, s, !p->follow, o, e);
	return show(job, s, o, e);
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	struct opts p = {0};
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 'j')
			p.json = true;
		else if (c == 'f')
			p.follow = true;
		else
			return verb_usage(&verb_status, e);
	}
	if (optind + 1 != argc)
		return verb_usage(&verb_status, e);
	p.job = argv[optind];
	return status(&p, o, e);
}

const struct verb verb_status = {
	.name = "status",
	.args = "JOB [--json] [--follow]",
	.help = N_("where a job is: steps, progress, question or error"),
	.run = run,
};
