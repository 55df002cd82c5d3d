/*
 * A report as one HTML file: no script, nothing loaded from anywhere, fit to
 * print. Keeps true: every text from outside goes through html_text.
 */
#include "report.h"

#include <string.h>

#include "i18n.h"
#include "str.h"

static const char head_html[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\""
	"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<title>%s</title>\n"
	"<style>\n"
	"body{font:14px/1.5 sans-serif;max-width:60em;margin:2em auto;"
	"padding:0 1em;color:#222;background:#fff}\n"
	"h1{font-size:1.5em}h2{font-size:1.15em;margin-top:1.8em}\n"
	"table{border-collapse:collapse;width:100%%}\n"
	"th,td{text-align:left;vertical-align:top;padding:.15em .8em .15em 0;"
	"border-bottom:1px solid #ddd;overflow-wrap:anywhere}\n"
	"th{font-weight:normal;color:#555;width:12em}\n"
	"ol{list-style:none;padding:0}\n"
	"ol>li{margin:.6em 0;page-break-inside:avoid}\n"
	"li>b{font-weight:bold}\n"
	"ul{margin:.2em 0 0 2.2em;padding:0;color:#444}\n"
	"code,pre{font-family:monospace}\n"
	"pre{background:#f4f4f4;padding:.4em;white-space:pre-wrap}\n"
	".m{font-family:monospace;white-space:pre}\n"
	".failed b,.error{color:#a00}.waiting b{color:#850}\n"
	".todo b,.undone b,.skipped b{color:#888;font-weight:normal}\n"
	".e{color:#888}\n"
	"@media print{body{margin:0;max-width:none}}\n"
	"</style></head><body>\n";

static void html_text(struct buf *b, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			buf_adds(b, "&lt;");
			break;
		case '>':
			buf_adds(b, "&gt;");
			break;
		case '&':
			buf_adds(b, "&amp;");
			break;
		case '"':
			buf_adds(b, "&quot;");
			break;
		case '\'':
			buf_adds(b, "&#39;");
			break;
		default:
			buf_addc(b, *s);
		}
	}
}

/* Before and behind are markup of ours, text is not. */
static void wrap(
	struct buf *b, const char *before, const char *text, const char *behind)
{
	buf_adds(b, before);
	html_text(b, text);
	buf_adds(b, behind);
}

static void html_rows(struct buf *b, const json_t *rows)
{
	const json_t *row;
	size_t i;

	buf_adds(b, "<table>\n");
	json_array_foreach (rows, i, row) {
		wrap(b, "<tr><th>", json_string_value(json_array_get(row, 0)),
			"</th>");
		wrap(b, "<td>", json_string_value(json_array_get(row, 1)),
			"</td></tr>\n");
	}
	buf_adds(b, "</table>\n");
}

static void html_detail(struct buf *b, const json_t *d)
{
	const char *event = json_str_or(d, "event", "");
	_free_ char *text = i18n_said(json_str_or(d, "text", ""));
	bool code = strcmp(event, "command") == 0;

	wrap(b, "<li class=\"", event, "\">");
	wrap(b, "<span class=\"e\">", report_event(d), "</span> ");
	wrap(b, code ? "<code>" : "", text, code ? "</code>" : "");
	if (json_str(d, "block"))
		wrap(b, "<pre>", json_str(d, "block"), "</pre>");
	buf_adds(b, "</li>\n");
}

static void html_step(struct buf *b, const json_t *s)
{
	const char *state = json_str_or(s, "state", "");
	const json_t *details = json_object_get(s, "details"), *d;
	char took[STR_SIZE_LEN];
	size_t i;

	wrap(b, "<li class=\"", state, "\">");
	wrap(b, "<span class=\"m\">", report_mark(state), "</span> ");
	wrap(b, "<b>", _(json_str_or(s, "doing", "?")), "</b>");
	if (strcmp(state, "todo") != 0) {
		wrap(b, " <span class=\"e\">", _(state), ", ");
		wrap(b, "", str_duration(took, json_num(s, "seconds", 0)),
			"</span>");
	}
	if (json_array_size(details)) {
		buf_adds(b, "\n<ul>\n");
		json_array_foreach (details, i, d)
			html_detail(b, d);
		buf_adds(b, "</ul>");
	}
	buf_adds(b, "</li>\n");
}

char *report_html(const json_t *model)
{
	_json_ json_t *head = report_head(model), *tail = report_tail(model);
	_buf_ struct buf b = {0};
	const json_t *o;
	size_t i;

	buf_addf(&b, head_html, i18n_language(), _("vmferry report"));
	buf_addf(&b, "<h1>%s</h1>\n", _("vmferry report"));
	html_rows(&b, head);
	buf_addf(&b, "<h2>%s</h2>\n<ol>\n", _("Checklist"));
	json_array_foreach (json_object_get(model, "steps"), i, o)
		html_step(&b, o);
	buf_adds(&b, "</ol>\n");
	json_array_foreach (tail, i, o) {
		wrap(&b, "<h2>", json_str(o, "title"), "</h2>\n");
		html_rows(&b, json_object_get(o, "rows"));
	}
	buf_adds(&b, "</body></html>\n");
	return buf_steal(&b);
}
