/* From a journal line to sentences: see report_own.h. */
#include "report_own.h"

#include <string.h>

#include "i18n.h"
#include "str.h"

/* Members that are counts of bytes, in measures that say no unit. */
static const char *const byte_names[] = {"bytes", "read", "written", "zero",
	"skipped_by_map", "skipped_by_fs", "looked_at", "done_before",
	"target_size", "provisioned", "capacity", "used", "known_zero",
	"during_copy", "checked", "taken_before", "taken_after"};
/* Said in the detail's own words, or of no use to a reader. */
static const char *const own_names[] = {"name", "value", "unit", "text", "why",
	"diff", "id", "kind", "where", "status", "source"};

static bool one_of(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}

static char *number_text(double v, const char *name, const char *unit)
{
	char out[STR_SIZE_LEN];

	if (strcmp(unit, "bytes") == 0 ||
		(!*unit && one_of(name, byte_names, ARRAY_LEN(byte_names))))
		return xstrdup(str_size(out, v < 0 ? 0 : (uint64_t)v));
	if (strcmp(unit, "s") == 0 || strcmp(unit, "seconds") == 0 ||
		(!*unit && strcmp(name, "seconds") == 0))
		return xstrdup(str_duration(out, v));
	return xasprintf("%.10g%s%s", v, *unit ? " " : "", unit);
}

char *report_value(const json_t *v, const char *name, const char *unit)
{
	if (!unit)
		unit = "";
	if (json_is_string(v)) {
		_free_ char *s = str_printable_dup(json_string_value(v));

		return xasprintf("%s%s%s", s, *unit ? " " : "", unit);
	}
	if (json_is_boolean(v))
		return xstrdup(json_is_true(v) ? "yes" : "no");
	if (json_is_number(v))
		return number_text(json_number_value(v), name, unit);
	return NULL;
}

/* A member's name as a person would say it. */
static void add_label(struct buf *b, const char *key)
{
	if (strcmp(key, "seconds") == 0)
		key = "took";
	for (; *key; key++)
		buf_addc(b, *key == '_' ? ' ' : *key);
}

/* "name: value" of every plain member that is not said elsewhere. */
static void add_members(struct buf *b, const json_t *data)
{
	const char *key;
	const json_t *v;

	json_object_foreach ((json_t *)data, key, v) {
		_free_ char *text = NULL;

		if (one_of(key, own_names, ARRAY_LEN(own_names)))
			continue;
		text = report_value(v, key, NULL);
		if (!text || !*text)
			continue;
		if (b->len)
			buf_adds(b, ", ");
		add_label(b, key);
		buf_addf(b, " %s", text);
	}
}

static void add(json_t *list, const json_t *line, const char *event,
	const char *text, const char *block)
{
	json_t *o = json_object();
	_free_ char *clean = str_printable_dup(text);
	_free_ char *label = str_printable_dup(event);

	json_put_str(o, "event", label);
	json_put_str(o, "time", json_str(line, "time"));
	json_put_str(o, "text", clean);
	json_put_str(o, "block", block);
	json_array_append_new(list, o);
}

/* A text of several lines, each made printable. To be freed. */
static char *printable_lines(const char *text)
{
	_free_ char *copy = xstrdup(text);
	_buf_ struct buf b = {0};
	char *p = copy, *line;

	while ((line = str_line(&p))) {
		_free_ char *clean = NULL;

		for (char *c = line; *c; c++)
			if (*c == '\t')
				*c = ' ';
		clean = str_printable_dup(line);
		buf_addf(&b, "%s\n", clean);
	}
	return buf_steal(&b);
}

static const char *text_of(const json_t *data, const char *key)
{
	return json_str_or(data, key, "");
}

/* --- one function an event --- */

static void say_command(json_t *list, const json_t *line, const json_t *d)
{
	_buf_ struct buf b = {0};
	const char *where = json_str(d, "where");
	uint64_t status = json_u64(d, "status", 0);

	if (where)
		buf_addf(&b, "[%s] ", where);
	if (status)
		buf_addf(&b, N_("%s (ended with %llu)"), text_of(d, "text"),
			(unsigned long long)status);
	else
		buf_adds(&b, text_of(d, "text"));
	add(list, line, "command", b.s, NULL);
}

/* Arrays of sentences: findings {level, text}, things left {what, where}. */
static void say_items(json_t *list, const json_t *line, const json_t *d)
{
	const json_t *array, *o;
	const char *key;
	size_t i;

	json_object_foreach ((json_t *)d, key, array) {
		json_array_foreach (array, i, o) {
			const char *text = json_str(o, "text");

			if (text)
				add(list, line, json_str_or(o, "level", key),
					text, NULL);
		}
	}
}

static void say_measure(json_t *list, const json_t *line, const json_t *d)
{
	const char *name = text_of(d, "name");
	_free_ char *value = report_value(
		json_object_get(d, "value"), name, json_str(d, "unit"));
	_buf_ struct buf members = {0};
	_free_ char *text = NULL;

	add_members(&members, d);
	text = xasprintf("%s%s%s%s%s%s", name, value ? ": " : "",
		value ? value : "", members.len ? (value ? " (" : ": ") : "",
		members.len ? members.s : "", members.len && value ? ")" : "");
	if (value || members.len)
		add(list, line, "measure", text, NULL);
	say_items(list, line, d);
}

static void say_decision(json_t *list, const json_t *line, const json_t *d)
{
	const char *why = text_of(d, "why");
	_free_ char *value = report_value(json_object_get(d, "value"), "", "");
	_free_ char *text = xasprintf("%s: %s%s%s%s", text_of(d, "id"),
		value ? value : "?", *why ? " (" : "", why, *why ? ")" : "");

	add(list, line, "decision", text, NULL);
}

static void say_note(json_t *list, const json_t *line, const json_t *d)
{
	_free_ char *block = NULL;
	_buf_ struct buf b = {0};
	const char *text = text_of(d, "text");

	if (json_str(d, "diff"))
		block = printable_lines(json_str(d, "diff"));
	buf_adds(&b, "");
	add_members(&b, d);
	if (*text && b.len) {
		_free_ char *members = buf_steal(&b);

		buf_addf(&b, "%s (%s)", text, members);
	} else if (*text) {
		buf_adds(&b, text);
	}
	add(list, line, "note", b.s, block);
	say_items(list, line, d);
}

static void say_question(json_t *list, const json_t *line, const json_t *d)
{
	add(list, line, "question", text_of(d, "text"), NULL);
}

static void say_answer(json_t *list, const json_t *line, const json_t *d)
{
	const json_t *who = json_object_get(line, "operator");
	const char *source = json_str_or(d, "source", "operator");
	_free_ char *text = NULL;

	if (strcmp(source, "operator") == 0)
		text = xasprintf(N_("%s: %s (by %s from %s)"), text_of(d, "id"),
			text_of(d, "value"), text_of(who, "login"),
			text_of(who, "from"));
	else
		text = xasprintf(N_("%s: %s (by the %s)"), text_of(d, "id"),
			text_of(d, "value"), source);
	add(list, line, "answer", text, NULL);
}

static void say_error(json_t *list, const json_t *line, const json_t *d)
{
	_free_ char *text = xasprintf("%s  %s: %s", text_of(d, "id"),
		text_of(d, "what"), text_of(d, "why"));

	add(list, line, "error", text, NULL);
}

static void say_object(json_t *list, const json_t *line, const json_t *d)
{
	_free_ char *id = report_value(json_object_get(d, "id"), "", "");
	_free_ char *text =
		xasprintf("%s %s", text_of(d, "kind"), id ? id : "?");

	add(list, line, json_str_or(line, "event", ""), text, NULL);
}

static void say_undo(json_t *list, const json_t *line, const json_t *d)
{
	const char *phase = text_of(d, "phase");

	add(list, line, "undo",
		strcmp(phase, "begin") == 0 ? N_("the way back begins")
					    : N_("taken back"),
		NULL);
}

static const struct sayer {
	const char *event;
	void (*say)(json_t *list, const json_t *line, const json_t *data);
} sayers[] = {
	{"command", say_command},
	{"measure", say_measure},
	{"decision", say_decision},
	{"note", say_note},
	{"question", say_question},
	{"answer", say_answer},
	{"error", say_error},
	{"made", say_object},
	{"removed", say_object},
	{"undo", say_undo},
};

json_t *report_details(const json_t *line)
{
	const char *event = json_str_or(line, "event", "");
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(sayers); i++)
		if (strcmp(event, sayers[i].event) == 0)
			sayers[i].say(
				list, line, json_object_get(line, "data"));
	return list;
}
