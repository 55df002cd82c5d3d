/*
 * What the worker remembers of its journal: see journal.h. Keeps true: memory
 * holds one line a step and event, not the whole file.
 */
#include "journal_own.h"

#include <string.h>

static bool same_object(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "kind"),
		       json_object_get(b, "kind")) &&
		json_equal(json_object_get(a, "id"), json_object_get(b, "id"));
}

/* Where the object stands in made; its length where it does not. */
static size_t made_find(const struct journal *j, const json_t *data)
{
	size_t i = 0;

	while (i < json_array_size(j->made) &&
		!same_object(json_array_get(j->made, i), data))
		i++;
	return i;
}

static void learn_made(struct journal *j, const json_t *line)
{
	json_t *o = json_copy(json_object_get(line, "data"));
	size_t i = made_find(j, o);

	json_object_set(o, "step", json_object_get(line, "step"));
	json_object_set(o, "seq", json_object_get(line, "seq"));
	if (i < json_array_size(j->made))
		json_array_set_new(j->made, i, o);
	else
		json_array_append_new(j->made, o);
}

static void learn_asked(struct journal *j, const json_t *line)
{
	const char *id = json_str(json_object_get(line, "data"), "id");
	_free_ char *key = NULL;

	if (!id)
		return;
	key = journal_key(json_str(line, "step"), json_str(line, "event"), id);
	/* Kept in the order of asking. */
	json_object_del(j->asked, key);
	json_object_set(j->asked, key, (json_t *)line);
}

/* What was answered to a step that was taken back counts no more. */
static void forget_asked(struct journal *j, const char *step)
{
	_free_ char *prefix = xasprintf("%s\n", step);
	const char *key;
	json_t *v;
	void *next;

	json_object_foreach_safe(j->asked, next, key, v)
	{
		if (str_starts(key, prefix))
			json_object_del(j->asked, key);
	}
}

/* Its end is kept apart: until then the step's memory serves the undo. */
static void learn_undo(struct journal *j, const char *step, const json_t *line)
{
	const char *phase = json_str(json_object_get(line, "data"), "phase");
	_free_ char *key = journal_key(step, "undone", NULL);

	forget_asked(j, step);
	if (!phase || strcmp(phase, "begin") != 0)
		json_object_set(j->last, key, (json_t *)line);
}

void journal_learn(struct journal *j, const json_t *line)
{
	const char *step = json_str(line, "step");
	const char *event = json_str(line, "event");
	_free_ char *key = journal_key(step, event, NULL);

	json_object_set(j->last, key, (json_t *)line);
	if (strcmp(event, "made") == 0)
		learn_made(j, line);
	else if (strcmp(event, "removed") == 0)
		json_array_remove(
			j->made, made_find(j, json_object_get(line, "data")));
	else if (strcmp(event, "question") == 0 ||
		strcmp(event, "answer") == 0 || strcmp(event, "decision") == 0)
		learn_asked(j, line);
	else if (strcmp(event, "undo") == 0)
		learn_undo(j, step, line);
}

const json_t *journal_last(
	const struct journal *j, const char *step, const char *event)
{
	_free_ char *key = journal_key(step, event, NULL);

	return json_object_get(j->last, key);
}

static uint64_t last_seq(
	const struct journal *j, const char *step, const char *event)
{
	return json_u64(journal_last(j, step, event), "seq", 0);
}

bool journal_ended(const struct journal *j, const char *step)
{
	uint64_t end = last_seq(j, step, "end");

	return end > last_seq(j, step, "begin") &&
		end > last_seq(j, step, "undo");
}

uint64_t journal_undone(const struct journal *j, const char *step)
{
	return last_seq(j, step, "undone");
}

bool journal_undoing(const struct journal *j, const char *step)
{
	uint64_t undo = last_seq(j, step, "undo");

	return undo > journal_undone(j, step) &&
		undo > last_seq(j, step, "begin");
}

bool journal_begun(const struct journal *j)
{
	return j->chain.seq > 1;
}

json_t *journal_made(const struct journal *j)
{
	json_t *list = json_array();

	for (size_t i = json_array_size(j->made); i--;)
		json_array_append(list, json_array_get(j->made, i));
	return list;
}

const json_t *journal_asked(const struct journal *j, const char *step,
	const char *event, const char *id)
{
	_free_ char *key = journal_key(step, event, id);

	return json_object_get(j->asked, key);
}

const char *journal_head(const struct journal *j)
{
	return j->chain.head;
}

uint64_t journal_seq(const struct journal *j)
{
	return j->chain.seq;
}
