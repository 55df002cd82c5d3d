/* Questions and answers: see ask.h. */
#include "ask.h"

#include <regex.h>
#include <string.h>

#include "i18n.h"
#include "journal_own.h"
#include "str.h"

#define ANSWER_MAX 1024

static const char *const kind_names[] = {
	[ASK_CHOICE] = "choice",
	[ASK_TEXT] = "text",
	[ASK_NUMBER] = "number",
	[ASK_CONFIRM] = "confirm",
};

static json_t *choices_json(const struct ask_choice *c)
{
	json_t *list = json_array();

	for (; c && c->value; c++) {
		json_t *o = json_object();

		json_put_str(o, "value", c->value);
		json_put_str(o, "label", c->label);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *question_json(const struct question *q)
{
	json_t *o = json_object();

	json_put_str(o, "id", q->id);
	json_put_str(o, "kind", kind_names[q->kind]);
	json_put_str(o, "text", q->text);
	json_put_str(o, "why", q->why);
	json_put_str(o, "help", q->help);
	json_put_str(o, "default", q->def);
	json_put_str(o, "hint", q->hint);
	if (q->kind == ASK_CHOICE)
		json_put(o, "choices", choices_json(q->choices));
	if (q->kind == ASK_TEXT)
		json_put_str(o, "pattern", q->pattern);
	if (q->kind == ASK_NUMBER) {
		json_put_u64(o, "min", q->min);
		json_put_u64(o, "max", q->max);
	}
	if (q->kind == ASK_CONFIRM)
		json_put_str(o, "expect", q->expect);
	json_put_str(o, "edit", q->edit);
	if (q->once)
		json_put_bool(o, "once", true);
	return o;
}

/* --- does an answer fit --- */

static int check_choice(const json_t *q, const char *value, struct err *e)
{
	_buf_ struct buf list = {0};
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(q, "choices"), i, c) {
		const char *v = json_str_or(c, "value", "");

		if (strcmp(v, value) == 0)
			return 0;
		buf_addf(&list, "%s%s", i ? ", " : "", v);
	}
	return err_set(e, ERR_ANSWER_BAD, "%s: not one of %s", value,
		list.s ? list.s : "(none)");
}

static int check_number(const json_t *q, const char *value, struct err *e)
{
	uint64_t min = json_u64(q, "min", 0), max = json_u64(q, "max", 0), v;

	if (str_u64(value, max, &v) == 0 && v >= min)
		return 0;
	return err_set(e, ERR_ANSWER_BAD, "%s: not a number from %llu to %llu",
		value, (unsigned long long)min, (unsigned long long)max);
}

static bool matches(const char *pattern, const char *value)
{
	_free_ char *whole = xasprintf("^(%s)$", pattern);
	regex_t re;
	bool ok;

	if (regcomp(&re, whole, REG_EXTENDED | REG_NOSUB))
		return false;
	ok = regexec(&re, value, 0, NULL, 0) == 0;
	regfree(&re);
	return ok;
}

static int check_text(const json_t *q, const char *value, struct err *e)
{
	const char *pattern = json_str(q, "pattern");
	const char *hint = json_str(q, "hint");
	_free_ char *clean = str_printable_dup(value);

	if (strlen(value) > ANSWER_MAX || strcmp(clean, value) != 0)
		return err_set(e, ERR_ANSWER_BAD,
			"longer than %d bytes, or with control characters",
			ANSWER_MAX);
	if (pattern ? matches(pattern, value) : *value != '\0')
		return 0;
	if (!hint)
		return err_set(e, ERR_ANSWER_BAD, "\"%s\" does not fit", value);
	return err_set(e, ERR_ANSWER_BAD, "\"%s\" does not fit; an example: %s",
		value, hint);
}

static int check_confirm(const json_t *q, const char *value, struct err *e)
{
	const char *expect = json_str_or(q, "expect", "");

	if (*expect && strcmp(value, expect) == 0)
		return 0;
	return err_set(
		e, ERR_NOT_CONFIRMED, "\"%s\" is not \"%s\"", value, expect);
}

int ask_check(const json_t *question, const char *value, struct err *e)
{
	static int (*const check[])(
		const json_t *, const char *, struct err *) = {
		[ASK_CHOICE] = check_choice,
		[ASK_TEXT] = check_text,
		[ASK_NUMBER] = check_number,
		[ASK_CONFIRM] = check_confirm,
	};
	const char *kind = json_str_or(question, "kind", "");

	for (size_t i = 0; i < ARRAY_LEN(check); i++)
		if (strcmp(kind, kind_names[i]) == 0)
			return check[i](question, value, e);
	return err_set(e, ERR_ANSWER_BAD, "a question of kind \"%s\"", kind);
}

/* An answer "edit" and only that has a text. */
static int check_content(
	const json_t *q, const char *value, const char *content, struct err *e)
{
	bool edits = json_str(q, "edit") && strcmp(value, "edit") == 0;

	if (edits == !!content)
		return 0;
	return err_set(e, ERR_ANSWER_BAD,
		edits ? "edit needs the new text: vmferry answer JOB QUESTION "
			"edit --content FILE"
		      : N_("%s takes no text along"),
		value);
}

/* --- asking --- */

static uint64_t seq_of(const json_t *line)
{
	return json_u64(line, "seq", 0);
}

static int add_answer(struct journal *j, const char *step, const char *id,
	const char *value, const char *content, const char *source,
	struct err *e)
{
	json_t *data = json_object();

	json_put_str(data, "id", id);
	json_put_str(data, "value", value);
	json_put_str(data, "content", content);
	json_put_str(data, "source", source);
	return journal_add(j, step, "answer", data, e);
}

/* Journal the question, unless it stands there and nobody answered it. */
static int add_question(struct journal *j, const char *step,
	const struct question *q, const json_t *data, struct err *e)
{
	const json_t *line = journal_asked(j, step, "question", q->id);
	const json_t *answer = journal_asked(j, step, "answer", q->id);

	if (line && seq_of(line) > seq_of(answer) &&
		json_equal(json_object_get(line, "data"), data))
		return 0;
	return journal_add(j, step, "question", json_copy((json_t *)data), e);
}

/* The journalled answer that still counts, or null. */
static const char *standing(const struct asker *a, const char *step,
	const struct question *q, const json_t *data)
{
	const json_t *line = journal_asked(a->j, step, "answer", q->id);
	const json_t *taken = journal_asked(a->j, step, "decision", q->id);
	const char *value = json_str(json_object_get(line, "data"), "value");

	if (!value || (q->once && seq_of(taken) > seq_of(line)))
		return NULL;
	return ask_check(data, value, NULL) ? NULL : value;
}

/* The answers file's value as text, or null; to be freed. */
static char *from_file(
	const struct asker *a, const char *step, const struct question *q)
{
	_free_ char *full = xasprintf("%s.%s", step, q->id);
	const json_t *v = json_object_get(a->answers, full);

	if (!v)
		v = json_object_get(a->answers, q->id);
	if (json_is_boolean(v))
		return xstrdup(json_is_true(v) ? "yes" : "no");
	if (json_is_integer(v))
		return json_line(v);
	return xstrdup(json_string_value(v));
}

/* What answers without the operator; 1 found and journalled, 0 nothing. */
static int prepared(const struct asker *a, const char *step,
	const struct question *q, const json_t *data, struct err *e)
{
	_free_ char *value = NULL;
	const char *source = "file";

	/* One that serves once must not be given forever. */
	if (q->once && journal_asked(a->j, step, "answer", q->id))
		return 0;
	value = from_file(a, step, q);
	if (!value && a->defaults && q->kind != ASK_CONFIRM) {
		value = xstrdup(q->def);
		source = "default";
	}
	if (!value)
		return 0;
	if (ask_check(data, value, e) || check_content(data, value, NULL, e))
		return err_in(
			e, "answer %s.%s from the %s", step, q->id, source);
	if (add_question(a->j, step, q, data, e) ||
		add_answer(a->j, step, q->id, value, NULL, source, e))
		return -1;
	return 1;
}

/* Hand it out; one that serves once is thereby used. */
static int take(const struct asker *a, const char *step,
	const struct question *q, const char *value, const char **answer,
	struct err *e)
{
	json_t *data;

	if (q->once) {
		data = json_object();
		json_put_str(data, "id", q->id);
		json_put_str(data, "value", value);
		if (journal_add(a->j, step, "decision", data, e))
			return -1;
	}
	*answer = value;
	return 0;
}

int ask(const struct asker *a, const char *step, const struct question *q,
	const char **answer, struct err *e)
{
	_json_ json_t *data = question_json(q);
	const char *value = standing(a, step, q, data);

	if (!value) {
		int rc = prepared(a, step, q, data, e);

		if (rc < 0)
			return -1;
		if (rc > 0)
			value = standing(a, step, q, data);
	}
	if (value)
		return take(a, step, q, value, answer, e);
	if (add_question(a->j, step, q, data, e))
		return -1;
	return err_set(e, ERR_ANSWER_NEEDED, "%s.%s: %s", step, q->id, q->text);
}

/* --- answering from outside --- */

/* The step ended or was taken back after the question was put. */
static bool settled(const struct journal *j, const json_t *line)
{
	const char *step = json_str(line, "step");

	return seq_of(journal_last(j, step, "end")) > seq_of(line) ||
		seq_of(journal_last(j, step, "undo")) > seq_of(line);
}

static bool answered(const struct journal *j, const json_t *line)
{
	const char *id = json_str(json_object_get(line, "data"), "id");

	return seq_of(journal_asked(j, json_str(line, "step"), "answer", id)) >
		seq_of(line);
}

/* Does name ("id" or "step.id") mean this question? */
static bool is_named(const json_t *line, const char *name)
{
	const char *id = json_str(json_object_get(line, "data"), "id");
	_free_ char *full = xasprintf("%s.%s", json_str(line, "step"), id);

	return strcmp(name, id) == 0 || strcmp(name, full) == 0;
}

/*
 * The question meant: one without an answer before one whose answer is
 * changed while its step goes on; the newest of several. What can be
 * answered is added to list.
 */
static const json_t *find_question(
	const struct journal *j, const char *name, struct buf *list)
{
	const json_t *line, *best = NULL;
	const char *key;

	json_object_foreach (j->asked, key, line) {
		if (strcmp(json_str(line, "event"), "question") != 0 ||
			settled(j, line))
			continue;
		if (!answered(j, line))
			buf_addf(list, "%s%s.%s", list->len ? ", " : "",
				json_str(line, "step"),
				json_str(json_object_get(line, "data"), "id"));
		if (!is_named(line, name))
			continue;
		if (!best || answered(j, best) > answered(j, line) ||
			(answered(j, best) == answered(j, line) &&
				seq_of(line) > seq_of(best)))
			best = line;
	}
	return best;
}

int ask_answer(struct journal *j, const char *question, const char *value,
	const char *content, struct err *e)
{
	_buf_ struct buf list = {0};
	const json_t *line = find_question(j, question, &list);
	_json_ json_t *data = json_incref(json_object_get(line, "data"));

	if (!line)
		return err_set(e, ERR_NOT_FOUND,
			"no question %s is open; open are: %s", question,
			list.s ? list.s : "none");
	if (ask_check(data, value, e) || check_content(data, value, content, e))
		return err_in(e, "answer %s", question);
	return add_answer(j, json_str(line, "step"), json_str(data, "id"),
		value, content, "operator", e);
}

const char *ask_content(
	const struct journal *j, const char *step, const char *id)
{
	const json_t *line = journal_asked(j, step, "answer", id);

	return json_str(json_object_get(line, "data"), "content");
}

/* --- what is open, without the lock --- */

int ask_open(const char *dir, json_t **out, struct err *e)
{
	_journal_ struct journal *j = NULL;
	const json_t *line;
	const char *key;
	json_t *list;

	if (journal_peek(dir, &j, e))
		return -1;
	list = json_array();
	json_object_foreach (j->asked, key, line) {
		json_t *q;

		if (strcmp(json_str(line, "event"), "question") != 0 ||
			settled(j, line) || answered(j, line))
			continue;
		q = json_copy(json_object_get(line, "data"));
		json_put_str(q, "step", json_str(line, "step"));
		json_array_append_new(list, q);
	}
	*out = list;
	return 0;
}
