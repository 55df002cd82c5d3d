/* LVM2's metadata: see fsmap_lvmtext.h. Keeps true: a text is understood to
 * its last byte, or not at all. */
#include "fsmap_lvmtext.h"

#include <ctype.h>
#include <string.h>

#include "str.h"

#define DEPTH_MAX 6

struct text {
	const char *p, *end;
	int depth;
};

/* Blanks and comments. */
static void skip_blanks(struct text *t)
{
	while (t->p < t->end) {
		if (*t->p == '#')
			while (t->p < t->end && *t->p != '\n')
				t->p++;
		else if (isspace((unsigned char)*t->p))
			t->p++;
		else
			return;
	}
}

/* The next character that counts; 0 at the end. */
static char peek(struct text *t)
{
	skip_blanks(t);
	return t->p < t->end ? *t->p : '\0';
}

static bool take(struct text *t, char c)
{
	if (peek(t) != c)
		return false;
	t->p++;
	return true;
}

static char *name(struct text *t)
{
	const char *from;

	peek(t);
	from = t->p;
	while (t->p < t->end &&
		(isalnum((unsigned char)*t->p) || strchr("_-+.", *t->p)) &&
		*t->p)
		t->p++;
	return t->p == from ? NULL : xstrndup(from, t->p - from);
}

static json_t *string(struct text *t)
{
	_buf_ struct buf b = {0};

	buf_adds(&b, "");
	t->p++;
	while (t->p < t->end && *t->p != '"') {
		if (*t->p == '\\' && ++t->p == t->end)
			return NULL;
		buf_addc(&b, *t->p++);
	}
	return take(t, '"') ? json_text(b.s) : NULL;
}

static json_t *number(struct text *t)
{
	const char *from = t->p;
	char digits[24];
	int64_t n;

	if (*t->p == '-')
		t->p++;
	while (t->p < t->end && isdigit((unsigned char)*t->p))
		t->p++;
	if (t->p - from >= (ptrdiff_t)sizeof(digits))
		return NULL;
	memcpy(digits, from, t->p - from);
	digits[t->p - from] = '\0';
	return str_i64(digits, &n) ? NULL : json_integer(n);
}

static json_t *scalar(struct text *t)
{
	return peek(t) == '"' ? string(t) : peek(t) ? number(t) : NULL;
}

static json_t *list(struct text *t)
{
	_json_ json_t *all = json_array();

	t->p++;
	if (take(t, ']'))
		return json_incref(all);
	do {
		json_t *v = scalar(t);

		if (!v)
			return NULL;
		json_array_append_new(all, v);
	} while (take(t, ','));
	return take(t, ']') ? json_incref(all) : NULL;
}

static json_t *value(struct text *t)
{
	return peek(t) == '[' ? list(t) : scalar(t);
}

/* Up to } or the end of the text. */
static json_t *section(struct text *t)
{
	_json_ json_t *o = json_object();

	while (peek(t) && peek(t) != '}') {
		_free_ char *key = name(t);
		json_t *v = NULL;

		if (!key || json_object_get(o, key))
			return NULL;
		if (take(t, '=')) {
			v = value(t);
		} else if (take(t, '{') && ++t->depth <= DEPTH_MAX) {
			v = section(t);
			t->depth--;
			if (v && !take(t, '}')) {
				json_decref(v);
				v = NULL;
			}
		}
		if (!v)
			return NULL;
		json_put(o, key, v);
	}
	return json_incref(o);
}

json_t *lvm_text(const char *text, size_t len)
{
	struct text t = {.p = text, .end = text + len};
	json_t *all;

	while (t.end > t.p && !t.end[-1])
		t.end--;
	all = section(&t);
	if (all && t.p == t.end)
		return all;
	json_decref(all);
	return NULL;
}
