/* What heads and ends a report in every format: rows of name and value. */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

const char *report_mark(const char *state)
{
	static const char *const marks[][2] = {
		{"done", "[x]"},
		{"already", "[x]"},
		{"skipped", "[-]"},
		{"failed", "[!]"},
		{"waiting", "[?]"},
		{"running", "[>]"},
		{"interrupted", "[>]"},
		{"undone", "[<]"},
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (strcmp(state, marks[i][0]) == 0)
			return marks[i][1];
	return "[ ]";
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
	if (vasprintf(&raw, fmt, ap) < 0)
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

	add_row(rows, "began", "%s", report_time(from, json_str(m, "started")));
	add_row(rows, "last entry", "%s (%s later)",
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
	add_row(rows, "state", "%s, %zu of %zu steps done", at(m, "state"),
		done, json_array_size(json_object_get(m, "steps")));
}

json_t *report_head(const json_t *m)
{
	json_t *rows = json_array();
	const json_t *o;
	size_t i;

	add_row(rows, "job", "%s", at(m, "job"));
	add_state(rows, m);
	add_row(rows, "source", "%s on %s", at(m, "source.vm"),
		at(m, "source.host"));
	add_row(rows, "target", "%s on %s", at(m, "target.vm"),
		at(m, "target.node"));
	add_times(rows, m);
	json_array_foreach (json_object_get(m, "operators"), i, o)
		add_row(rows, "operator", "%s from %s, on %s (entries: %llu)",
			at(o, "who.login"), at(o, "who.from"),
			at(o, "who.host"),
			(unsigned long long)json_u64(o, "lines", 0));
	return rows;
}

/* --- the tail --- */

static void tail_next(json_t *rows, const json_t *m)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(m, "steps"), i, s) {
		if (strcmp(at(s, "state"), "failed") == 0)
			add_row(rows, at(s, "error.id"), "%s: %s -> %s",
				at(s, "error.what"), at(s, "error.why"),
				at(s, "error.next"));
	}
}

static void tail_questions(json_t *rows, const json_t *m)
{
	const json_t *q;
	size_t i;

	json_array_foreach (json_object_get(m, "questions"), i, q) {
		_free_ char *id =
			xasprintf("%s.%s", at(q, "step"), at(q, "id"));

		add_row(rows, id, "%s", at(q, "text"));
	}
}

static void tail_left(json_t *rows, const json_t *m)
{
	char size[STR_SIZE_LEN];
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(m, "left"), i, o)
		add_row(rows, at(o, "where"), "%s, %s", at(o, "what"),
			str_size(size, json_u64(o, "bytes", 0)));
}

static void tail_figures(json_t *rows, const json_t *m)
{
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(m, "figures"), i, o)
		add_row(rows, at(o, "name"), "%s (%s)", at(o, "text"),
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
		if (json_is_string(w))
			add_row(rows, "warning", "%s", json_string_value(w));
	}
}

static void tail_events(json_t *rows, const json_t *m)
{
	char time[REPORT_TIME_LEN];
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(m, "events"), i, o)
		add_row(rows, report_time(time, json_str(o, "time")), "%s",
			at(o, "text"));
}

static void tail_journal(json_t *rows, const json_t *m)
{
	const json_t *j = json_object_get(m, "journal");

	add_row(rows, "entries", "%llu",
		(unsigned long long)json_u64(j, "lines", 0));
	add_row(rows, "chain", "%s",
		json_flag(j, "ok", false) ? "whole" : at(j, "why"));
	add_row(rows, "head", "%s", at(j, "head"));
}

json_t *report_tail(const json_t *m)
{
	static const struct section {
		const char *title;
		void (*fill)(json_t *rows, const json_t *model);
	} sections[] = {
		{"What went wrong, and what to do next", tail_next},
		{"Waits for an answer", tail_questions},
		{"Left to the operator", tail_left},
		{"Figures", tail_figures},
		{"Made on the target, still there", tail_objects},
		{"Warnings of the plan", tail_warnings},
		{"Interruptions and notes", tail_events},
		{"Journal", tail_journal},
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
		json_put_str(o, "title", sections[i].title);
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
