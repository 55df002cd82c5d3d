/* KEY=value files: see ini.h. */
#include "ini.h"

#include <stdlib.h>
#include <string.h>

#include "../str.h"

/* The name in [brackets], as a span; false: no header. */
static bool header(const char *line, const char **name, size_t *n)
{
	const char *end;

	line += strspn(line, " \t");
	end = *line == '[' ? strchr(line, ']') : NULL;
	if (!end)
		return false;
	*name = line + 1;
	*n = end - line - 1;
	return true;
}

bool ini_section(const struct text *t, const char *name, size_t nth,
	struct ini_part *out)
{
	size_t n, i = 0;
	const char *s;

	for (; i < t->n; i++)
		if (header(t->line[i].s, &s, &n) && strlen(name) == n &&
			strncmp(s, name, n) == 0 && nth-- == 0)
			break;
	if (i == t->n)
		return false;
	*out = (struct ini_part){.from = i + 1, .to = i + 1};
	while (out->to < t->n && !header(t->line[out->to].s, &s, &n))
		out->to++;
	return true;
}

struct ini_part ini_shell(const struct text *t)
{
	return (struct ini_part){.to = t->n, .shell = true};
}

/* Where the value of `KEY = value` lies in its line; false: another key. */
static bool span(
	const char *line, const char *key, bool shell, size_t *from, size_t *to)
{
	size_t n = strlen(key), at = strspn(line, " \t");

	if (strncmp(line + at, key, n))
		return false;
	at += n;
	if (!shell)
		at += strspn(line + at, " \t");
	if (line[at++] != '=')
		return false;
	if (!shell)
		at += strspn(line + at, " \t");
	*from = at;
	*to = strlen(line);
	if (shell && (line[at] == '"' || line[at] == '\'')) {
		const char *end = strchr(line + at + 1, line[at]);

		*from = at + 1;
		*to = end ? (size_t)(end - line) : *to;
	} else if (shell) {
		*to = at + strcspn(line + at, " \t");
	} else {
		while (*to > at && strchr(" \t", line[*to - 1]))
			(*to)--;
	}
	return true;
}

bool ini_line(const struct text *t, const struct ini_part *p, const char *key,
	size_t nth, size_t *line)
{
	size_t a, b;

	for (size_t k = p->from; k < p->to; k++) {
		/* A shell keeps what was assigned last. */
		size_t i = p->shell ? p->from + p->to - 1 - k : k;

		if (!span(t->line[i].s, key, p->shell, &a, &b) || nth-- > 0)
			continue;
		*line = i;
		return true;
	}
	return false;
}

char *ini_value(const struct text *t, const struct ini_part *p, const char *key,
	size_t nth)
{
	size_t i, a, b;

	if (!ini_line(t, p, key, nth, &i))
		return NULL;
	span(t->line[i].s, key, p->shell, &a, &b);
	return xstrndup(t->line[i].s + a, b - a);
}

char *ini_get(const struct text *t, const char *section, const char *key)
{
	struct ini_part p;

	for (size_t i = 0; ini_section(t, section, i, &p); i++) {
		char *v = ini_value(t, &p, key, 0);

		if (v)
			return v;
	}
	return NULL;
}

void ini_set(
	struct text *t, const struct ini_part *p, size_t i, const char *value)
{
	const char *s = t->line[i].s;
	_free_ char *key = xstrndup(s, strcspn(s, "="));
	_free_ char *now = NULL;
	const char *quote;
	size_t a, b;

	span(s, str_trim(key), p->shell, &a, &b);
	quote = p->shell && strpbrk(value, " \t;") && !strchr("\"'", s[a - 1])
		? "\""
		: "";
	now = xasprintf("%.*s%s%s%s%s", (int)a, s, quote, value, quote, s + b);
	text_set(t, i, now);
}

static bool is_blank(const char *s)
{
	return !s[strspn(s, " \t")];
}

void ini_put(struct text *t, struct ini_part *p, const char *key, size_t nth,
	const char *value)
{
	_free_ char *line = NULL;
	const char *quote;
	size_t i;

	if (ini_line(t, p, key, nth, &i)) {
		_free_ char *old = ini_value(t, p, key, nth);

		if (strcmp(old, value))
			ini_set(t, p, i, value);
		return;
	}
	/* Behind the last of its kind, else before the blank lines that part
	 * the section from the next. */
	for (i = p->to; i > p->from && is_blank(t->line[i - 1].s);)
		i--;
	if (nth && ini_line(t, p, key, nth - 1, &i))
		i++;
	quote = p->shell && strpbrk(value, " \t;") ? "\"" : "";
	line = xasprintf("%s=%s%s%s", key, quote, value, quote);
	text_insert(t, i, line);
	p->to++;
}

void ini_drop(struct text *t, struct ini_part *p, const char *key, size_t keep)
{
	size_t i;

	while (ini_line(t, p, key, keep, &i)) {
		text_remove(t, i, 1);
		p->to--;
	}
}

/* The header of that section before line i; false: it is the first. */
static bool seen(const struct text *t, size_t i, struct ini_part *first)
{
	const char *name;
	size_t n;

	header(t->line[i].s, &name, &n);
	_free_ char *s = xstrndup(name, n);

	return ini_section(t, s, 0, first) && first->from <= i;
}

/* The section behind line i to the end of an earlier one. Returns how many
 * lines came in there. */
static size_t move_up(struct text *t, size_t i, const struct ini_part *first)
{
	size_t at = first->to, moved = 0, n;
	const char *s;

	while (at > first->from && is_blank(t->line[at - 1].s))
		at--;
	text_remove(t, i, 1);
	while (i < t->n && !header(t->line[i].s, &s, &n)) {
		_free_ char *line = xstrdup(t->line[i].s);

		text_remove(t, i, 1);
		if (is_blank(line))
			continue;
		text_insert(t, at++, line);
		i++;
		moved++;
	}
	return moved;
}

/* Is there such a key again before the next section? */
static bool again(const struct text *t, size_t i)
{
	const char *s = t->line[i].s + strspn(t->line[i].s, " \t"), *name;
	_free_ char *key = xstrndup(s, strcspn(s, "="));
	const char *k = str_trim(key);
	size_t a, b, n;

	if (!strchr(s, '=') || strchr("#;[", *s))
		return false;
	while (++i < t->n && !header(t->line[i].s, &name, &n))
		if (span(t->line[i].s, k, false, &a, &b))
			return true;
	return false;
}

bool ini_merge(struct text *t)
{
	bool changed = false;
	const char *name;
	size_t n, i = 0;

	while (i < t->n) {
		struct ini_part first;

		if (header(t->line[i].s, &name, &n) && seen(t, i, &first)) {
			i += move_up(t, i, &first);
			changed = true;
		} else {
			i++;
		}
	}
	for (i = 0; i < t->n;) {
		bool twice = again(t, i);

		if (twice)
			text_remove(t, i, 1);
		changed |= twice;
		i += !twice;
	}
	return changed;
}

struct ini_part ini_add_section(struct text *t, const char *name)
{
	_free_ char *head = xasprintf("[%s]", name);

	if (t->n && !is_blank(t->line[t->n - 1].s))
		text_insert(t, t->n, "");
	text_insert(t, t->n, head);
	return (struct ini_part){.from = t->n, .to = t->n};
}
