/* What heads and ends a report in every format: rows of name and value. */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

const char *report_mark(const char *state)
{
	static const char *const marks[][2] = {
		{N_("done"), "[x]"},
		{N_("already"), "[x]"},
		{N_("skipped"), "[-]"},
		{N_("failed"), "[!]"},
		{N_("waiting"), "[?]"},
		{N_("running"), "[>]"},
		{N_("interrupted"), "[>]"},
		{N_("undone"), "[<]"},
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (strcmp(state, marks[i][0]) == 0)
			return marks[i][1];
	return "[ ]";
}

const char *report_event(const json_t *detail)
{
	static const char *const names[] = {N_("command"), N_("measure"),
		N_("decision"), N_("note"), N_("question"), N_("answer"),
		N_("error"), N_("made"), N_("removed"), N_("undo"), N_("ok"),
		N_("warning"), N_("blocker"), N_("left")};
	const char *event = json_str_or(detail, "event", "");

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(event, names[i]) == 0)
			return _(names[i]);
	return event;
}

char *report_time(char out[REPORT_TIME_LEN], const char *time)
{
	out[0] = '\0';
	if (time && strlen(time) >= 19)
		snprintf(out, REPORT_TIME_LEN, "%.10s %.8s UTC", time,
			time + 11);
	return out;
}

static void add_row(json_t *rows, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add_row(json_t *rows, const char *name, const char *fmt, ...)
{
	_free_ char *raw = NULL, *value = NULL, *clean = NULL;
	json_t *row = json_array();
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&raw, _(fmt), ap) < 0)
		abort();
	va_end(ap);
	value = str_printable_dup(raw);
	clean = str_printable_dup(name);
	json_array_append_new(row, json_text(clean));
	json_array_append_new(row, json_text(value));
	json_array_append_new(rows, row);
}

static const char *at(const json_t *o, const char *path)
{
	const char *s = json_string_value(json_at(o, path));

	return s ? s : "?";
}

/* --- the head --- */

static void add_times(json_t *rows, const json_t *m)
{
	char from[REPORT_TIME_LEN], to[REPORT_TIME_LEN], took[STR_SIZE_LEN];

	add_row(rows, _("began"), "%s",
		report_time(from, json_str(m, "started")));
	add_row(rows, _("last entry"), N_("%s (%s later)"),
		report_time(to, json_str(m, "ended")),
		str_duration(took, json_num(m, "seconds", 0)));
}

static void add_state(json_t *rows, const json_t *m)
{
	size_t i, done = 0;
	const json_t *s;

	json_array_foreach (json_object_get(m, "steps"), i, s) {
		const char *mark = report_mark(at(s, "state"));

		done += strcmp(mark, "[x]") == 0 || strcmp(mark, "[-]") == 0;
	}
	add_row(rows, _("state"), N_("%s, %zu of %zu steps done"),
		_(at(m, "state")), done,
		json_array_size(json_object_get(m, "steps")));
}

json_t *report_head(const json_t *m)
{
	json_t *rows = json_array();
	const json_t *o;
	size_t i;

	add_row(rows, _("job"), "%s", at(m, "job"));
	add_state(rows, m);
	if (json_at(m, "source.path"))
		add_row(rows, _("source"), N_("%s from the file %s"),
			at(m, "source.vm"), at(m, "source.path"));
	else
		add_row(rows, _("source"), N_("%s on %s"), at(m, "source.vm"),
			at(m, "source.host"));
	add_row(rows, _("target"), N_("%s on %s"), at(m, "target.vm"),
		at(m, "target.node"));
	add_times(rows, m);
	json_array_foreach (json_object_get(m, "operators"), i, o)
		add_row(rows, _("operator"),
			N_("%s from %s, on %s (entries: %llu)"),
			at(o, "who.login"), at(o, "who.from"),
			at(o, "who.host"),
			(unsigned long long)json_u64(o, "lines", 0));
	return rows;
}

/* --- the tail --- */

static void add_error(json_t *rows, const json_t *s)
{
	_free_ char *what = i18n_said(at(s, "error.what"));
	_free_ char *why = i18n_said(at(s, "error.why"));

	add_row(rows, at(s, "error.id"), "%s: %s -> %s", what, why,
		_(at(s, "error.next")));
}

static void tail_next(json_t *rows, const json_t *m)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(m, "steps"), i, s) {
		if (strcmp(at(s, "state"), "failed") == 0)
			add_error(rows, s);
	}
}

static void tail_questions(json_t *rows, const json_t *m)
{
	const json_t *q;
	size_t i;

	json_array_foreach (json_object_get(m, "questions"), i, q) {
		_free_ char *id =
			xasprintf("%s.%s", at(q, "step"), at(q, "id"));

		_free_ char *text = i18n_said(at(q, "text"));

		add_row(rows, id, "%s", text);
	}
}

static void tail_left(json_t *rows, const json_t *m)
{
	char size[STR_SIZE_LEN];
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(m, "left"), i, o) {
		const char *until = json_str(o, "keep_until");
		_free_ char *keep = until
			? xasprintf(_(", to be kept until %s"), until)
			: xstrdup("");

		add_row(rows, at(o, "where"), "%s, %s%s", _(at(o, "what")),
			str_size(size, json_u64(o, "bytes", 0)), keep);
	}
}

static void tail_figures(json_t *rows, const json_t *m)
{
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(m, "figures"), i, o)
		add_row(rows, _(at(o, "name")), "%s (%s)", at(o, "text"),
			at(o, "step"));
}

static void tail_objects(json_t *rows, const json_t *m)
{
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(m, "objects"), i, o) {
		const json_t *id = json_object_get(o, "id");
		_free_ char *number =
			json_is_integer(id) ? json_line(id) : NULL;

		add_row(rows, at(o, "kind"), "%s (%s)",
			number ? number : at(o, "id"), at(o, "step"));
	}
}

static void tail_warnings(json_t *rows, const json_t *m)
{
	const json_t *w;
	size_t i;

	json_array_foreach (json_object_get(m, "warnings"), i, w) {
		_free_ char *said = i18n_said(json_string_value(w));

		if (said)
			add_row(rows, _("warning"), "%s", said);
	}
}

static void tail_events(json_t *rows, const json_t *m)
{
	char time[REPORT_TIME_LEN];
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(m, "events"), i, o)
		add_row(rows, report_time(time, json_str(o, "time")), "%s",
			_(at(o, "text")));
}

static void tail_journal(json_t *rows, const json_t *m)
{
	const json_t *j = json_object_get(m, "journal");

	add_row(rows, _("entries"), "%llu",
		(unsigned long long)json_u64(j, "lines", 0));
	add_row(rows, _("chain"), "%s",
		json_flag(j, "ok", false) ? _("whole") : at(j, "why"));
	add_row(rows, _("head"), "%s", at(j, "head"));
}

json_t *report_tail(const json_t *m)
{
	static const struct section {
		const char *title;
		void (*fill)(json_t *rows, const json_t *model);
	} sections[] = {
		{N_("What went wrong, and what to do next"), tail_next},
		{N_("Waits for an answer"), tail_questions},
		{N_("Left to the operator"), tail_left},
		{N_("Figures"), tail_figures},
		{N_("Made on the target, still there"), tail_objects},
		{N_("Warnings of the plan"), tail_warnings},
		{N_("Interruptions and notes"), tail_events},
		{N_("Journal"), tail_journal},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		json_t *rows = json_array(), *o;

		sections[i].fill(rows, m);
		if (!json_array_size(rows)) {
			json_decref(rows);
			continue;
		}
		o = json_object();
		json_put_str(o, "title", _(sections[i].title));
		json_put(o, "rows", rows);
		json_array_append_new(list, o);
	}
	return list;
}

int report_render(
	const json_t *model, const char *format, char **out, struct err *e)
{
	static const struct format {
		const char *name;
		char *(*render)(const json_t *model);
	} formats[] = {
		{"text", report_text},
		{"md", report_markdown},
		{"html", report_html},
		{"json", json_pretty},
	};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(format, formats[i].name) == 0) {
			*out = formats[i].render(model);
			return 0;
		}
	}
	return err_set(
		e, ERR_USAGE, "no format %s: text, md, html or json", format);
}
