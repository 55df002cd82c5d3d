/* What was agreed to, and what the guest is now: see guest_agreed.h. */
#include "guest_agreed.h"

#include <string.h>

#include "content.h"
#include "guest/own.h"
#include "str.h"

void guest_agree(json_t *yes, const json_t *row, const char *content)
{
	static const char *const keys[] = {
		"diff", "why", "before", "after", "mode"};
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_object_get(row, keys[i]))
			json_object_set(
				o, keys[i], json_object_get(row, keys[i]));
	json_put_str(o, "content", content);
	json_put(yes, json_str_or(row, "path", ""), o);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* A text that was kept; null where hex is null. */
static int kept(const char *dir, const char *hex, char **text, struct err *e)
{
	*text = NULL;
	return hex ? content_read(dir, hex, text, e) : 0;
}

/* The texts that were shown: *to is null where it was none. */
static int texts(const char *dir, const char *path, const json_t *agreed,
	char **from, char **to, struct err *e)
{
	_free_ char *before = NULL;

	if (kept(dir, json_str(agreed, "before"), &before, e) ||
		kept(dir,
			json_str(agreed, "content")
				?: json_str(agreed, "after"),
			to, e))
		return err_in(e, "read the texts of %s", path);
	*from = before;
	before = NULL;
	return 0;
}

static int other(const char *path, struct err *e)
{
	return err_set(e, ERR_GUEST_ACCESS,
		"%s is not what was shown: the guest ran since. Undo "
		"to guest_inspect and look again",
		path);
}

/* Proposed again, maybe otherwise since other files are written by now. */
static int settle(const char *dir, struct guest_change *c, const json_t *agreed,
	struct err *e)
{
	_free_ char *diff = guest_diff(c), *from = NULL, *to = NULL;
	bool as_shown = strcmp(json_str_or(agreed, "diff", ""), diff) == 0;

	if (texts(dir, c->path, agreed, &from, &to, e))
		return -1;
	if (!as_shown &&
		(!to || (!same(c->before, from) && !same(c->before, to))))
		return other(c->path, e);
	if (to)
		str_set(&c->after, to);
	return 0;
}

/* Not proposed any more. */
static int finish(const char *dir, struct guest *g, const char *path,
	const json_t *agreed, struct guest_changes *cs, json_t *told,
	struct err *e)
{
	_free_ char *from = NULL, *to = NULL, *now = guest_text(g, path);

	if (texts(dir, path, agreed, &from, &to, e))
		return -1;
	if (!to) {
		json_array_append_new(told, json_text(path));
		return 0;
	}
	if (same(now, to))
		return 0;
	if (!same(now, from) || (!now && guest_has(g, path)))
		return other(path, e);
	guest_change_add(g, cs, path, to, json_u64(agreed, "mode", 0644),
		json_str_or(agreed, "why", ""));
	return 0;
}

static struct guest_change *find(struct guest_changes *cs, const char *path)
{
	for (size_t i = 0; i < cs->n; i++)
		if (strcmp(cs->c[i].path, path) == 0)
			return &cs->c[i];
	return NULL;
}

int guest_agreed(const char *dir, struct guest *g, const json_t *yes,
	struct guest_changes *cs, json_t *told, struct err *e)
{
	const char *path;
	json_t *agreed;

	json_object_foreach ((json_t *)yes, path, agreed) {
		struct guest_change *c = find(cs, path);

		if (c ? settle(dir, c, agreed, e)
		      : finish(dir, g, path, agreed, cs, told, e))
			return -1;
	}
	return 0;
}
