/* Lines that keep their ends: see text.h. */
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../str.h"

void text_open(struct text *t, const char *s)
{
	*t = (struct text){0};
	while (*s) {
		size_t n = strcspn(s, "\n");
		bool cr = s[n] && n && s[n - 1] == '\r';

		t->line = xreallocarray(t->line, t->n + 1, sizeof(*t->line));
		t->line[t->n++] = (struct text_line){xstrndup(s, n - cr),
			cr             ? "\r\n"
				: s[n] ? "\n"
				       : ""};
		s += n + (s[n] != '\0');
	}
}

void text_free(struct text *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->line[i].s);
	free(t->line);
	*t = (struct text){0};
}

char *text_join(const struct text *t)
{
	struct buf b = {0};

	for (size_t i = 0; i < t->n; i++) {
		buf_adds(&b, t->line[i].s);
		buf_adds(&b, t->line[i].eol);
	}
	return buf_steal(&b);
}

void text_set(struct text *t, size_t i, const char *s)
{
	char *copy = xstrdup(s);

	free(t->line[i].s);
	t->line[i].s = copy;
}

void text_insert(struct text *t, size_t i, const char *s)
{
	const char *eol = t->n && *t->line[0].eol ? t->line[0].eol : "\n";

	t->line = xreallocarray(t->line, t->n + 1, sizeof(*t->line));
	memmove(t->line + i + 1, t->line + i, (t->n - i) * sizeof(*t->line));
	t->line[i] = (struct text_line){xstrdup(s), eol};
	t->n++;
	if (i && !*t->line[i - 1].eol) {
		t->line[i - 1].eol = eol;
		t->line[i].eol = "";
	}
}

void text_remove(struct text *t, size_t i, size_t n)
{
	for (size_t k = i; k < i + n; k++)
		free(t->line[k].s);
	if (i && i + n == t->n)
		t->line[i - 1].eol = t->line[t->n - 1].eol;
	memmove(t->line + i, t->line + i + n,
		(t->n - i - n) * sizeof(*t->line));
	t->n -= n;
}

static bool part_of(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* 10.0.0.1 does not stand alone in 10.0.0.12, 110.0.0.1 or 10.0.0.1.5. */
static bool alone(const char *start, const char *at, size_t n)
{
	if (at > start && (part_of(at[-1]) || at[-1] == '.'))
		return false;
	if (part_of(at[n]))
		return false;
	return at[n] != '.' || !part_of(at[n + 1]);
}

char *text_swap(const char *s, const char *from, const char *to)
{
	size_t n = strlen(from);
	struct buf b = {0};
	bool any = false;

	if (!n)
		return NULL;
	for (const char *p = s; *p;) {
		if (strncasecmp(p, from, n) == 0 && alone(s, p, n)) {
			buf_adds(&b, to);
			p += n;
			any = true;
		} else {
			buf_addc(&b, *p++);
		}
	}
	if (any)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}

bool text_swap_lines(
	struct text *t, size_t i, size_t n, const char *from, const char *to)
{
	bool any = false;

	for (size_t k = i; k < i + n && k < t->n; k++) {
		_free_ char *now = text_swap(t->line[k].s, from, to);

		if (now && strcmp(now, t->line[k].s)) {
			text_set(t, k, now);
			any = true;
		}
	}
	return any;
}
