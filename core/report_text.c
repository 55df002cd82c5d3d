/* A report as plain text and as Markdown. */
#include "report.h"

#include <string.h>

#include "i18n.h"
#include "str.h"

static const char *cell(const json_t *row, size_t i)
{
	const char *s = json_string_value(json_array_get(row, i));

	return s ? s : "";
}

/* " (3 min 20 s, 2 attempts)" behind a step's name; "" for one to do. */
static void add_effort(struct buf *b, const json_t *s)
{
	uint64_t attempts = json_u64(s, "attempts", 0);
	const char *state = json_str_or(s, "state", "");
	char took[STR_SIZE_LEN];

	if (strcmp(state, "todo") == 0)
		return;
	buf_addf(b, " (%s, %s", _(state),
		str_duration(took, json_num(s, "seconds", 0)));
	if (attempts > 1)
		buf_addf(b, P_(", %llu attempt", ", %llu attempts", attempts),
			(unsigned long long)attempts);
	buf_addc(b, ')');
}

/* --- text --- */

/* Columns of the widest name, in bounds. */
static int name_width(const json_t *rows)
{
	const json_t *row;
	int most = 12;
	size_t i;

	json_array_foreach (rows, i, row) {
		int cols = str_cols(cell(row, 0));

		most = cols > most && cols <= 30 ? cols : most;
	}
	return most;
}

static int event_width(const json_t *details)
{
	const json_t *d;
	int most = 9;
	size_t i;

	json_array_foreach (details, i, d) {
		int cols = str_cols(report_event(d));

		most = cols > most ? cols : most;
	}
	return most;
}

static void text_rows(struct buf *b, const json_t *rows)
{
	int width = name_width(rows);
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		buf_adds(b, "  ");
		buf_pad(b, cell(row, 0), width);
		buf_addf(b, " %s\n", cell(row, 1));
	}
}

static void text_block(struct buf *b, const char *block)
{
	_free_ char *copy = xstrdup(block);
	char *p = copy, *line;

	while ((line = str_line(&p)))
		buf_addf(b, "                  | %s\n", line);
}

static void text_step(struct buf *b, const json_t *s)
{
	const json_t *details = json_object_get(s, "details"), *d;
	int width = event_width(details);
	size_t i;

	buf_addf(b, "  %s %s", report_mark(json_str_or(s, "state", "")),
		_(json_str_or(s, "doing", "?")));
	add_effort(b, s);
	buf_addc(b, '\n');
	json_array_foreach (details, i, d) {
		_free_ char *text = i18n_said(json_str_or(d, "text", ""));

		buf_adds(b, "      ");
		buf_pad(b, report_event(d), width);
		buf_addf(b, " %s\n", text);
		if (json_str(d, "block"))
			text_block(b, json_str(d, "block"));
	}
}

char *report_text(const json_t *model)
{
	_json_ json_t *head = report_head(model), *tail = report_tail(model);
	_buf_ struct buf b = {0};
	const json_t *o;
	size_t i;

	buf_addf(&b, "%s\n\n", _("vmferry report"));
	text_rows(&b, head);
	buf_addf(&b, "\n%s\n", _("Checklist"));
	json_array_foreach (json_object_get(model, "steps"), i, o)
		text_step(&b, o);
	json_array_foreach (tail, i, o) {
		buf_addf(&b, "\n%s\n", json_str(o, "title"));
		text_rows(&b, json_object_get(o, "rows"));
	}
	return buf_steal(&b);
}

/* --- Markdown --- */

/* What Markdown or HTML would take for markup is escaped. */
static void md_text(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (strchr("\\`*_{}[]<>#|&~$!", *s))
			buf_addc(b, '\\');
		buf_addc(b, *s);
	}
}

static void md_rows(struct buf *b, const json_t *rows)
{
	const json_t *row;
	size_t i;

	buf_adds(b, "| | |\n|---|---|\n");
	json_array_foreach (rows, i, row) {
		buf_adds(b, "| ");
		md_text(b, cell(row, 0));
		buf_adds(b, " | ");
		md_text(b, cell(row, 1));
		buf_adds(b, " |\n");
	}
}

/* Indented by eight: a code block inside the list item. */
static void md_block(struct buf *b, const char *block)
{
	_free_ char *copy = xstrdup(block);
	char *p = copy, *line;

	buf_addc(b, '\n');
	while ((line = str_line(&p)))
		buf_addf(b, "          %s\n", line);
	buf_addc(b, '\n');
}

static void md_step(struct buf *b, const json_t *s)
{
	const char *mark = report_mark(json_str_or(s, "state", ""));
	const json_t *d;
	size_t i;

	buf_addf(b, "- %s ", strcmp(mark, "[x]") == 0 ? "[x]" : "[ ]");
	md_text(b, _(json_str_or(s, "doing", "?")));
	add_effort(b, s);
	buf_addc(b, '\n');
	json_array_foreach (json_object_get(s, "details"), i, d) {
		_free_ char *text = i18n_said(json_str_or(d, "text", ""));

		buf_addf(b, "    - %s: ", report_event(d));
		md_text(b, text);
		buf_addc(b, '\n');
		if (json_str(d, "block"))
			md_block(b, json_str(d, "block"));
	}
}

char *report_markdown(const json_t *model)
{
	_json_ json_t *head = report_head(model), *tail = report_tail(model);
	_buf_ struct buf b = {0};
	const json_t *o;
	size_t i;

	buf_addf(&b, "# %s\n\n", _("vmferry report"));
	md_rows(&b, head);
	buf_addf(&b, "\n## %s\n\n", _("Checklist"));
	json_array_foreach (json_object_get(model, "steps"), i, o)
		md_step(&b, o);
	json_array_foreach (tail, i, o) {
		buf_addf(&b, "\n## %s\n\n", json_str(o, "title"));
		md_rows(&b, json_object_get(o, "rows"));
	}
	return buf_steal(&b);
}
