/*
 * The vmodl dump: see vmodl.h. Strings are the one hard part: releases
 * differ in whether an inner quote is escaped, and line breaks stand in them
 * as they are. A quote ends a string only where a line's end follows and the
 * next line looks like the dump going on.
 */
#include "vmodl.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

#define DEPTH_MAX 64

struct reader {
	const char *start, *at;
	unsigned depth;
	struct err *e;
};

static json_t *read_value(struct reader *r, bool in_array);

static json_t *bad(struct reader *r, const char *what)
{
	unsigned line = 1;

	for (const char *s = r->start; s < r->at; s++)
		line += *s == '\n';
	err_set(r->e, ERR_BAD_INPUT, "vim-cmd output, line %u: %s", line, what);
	return NULL;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void skip_space(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n,");
}

/* --- strings --- */

/* Could the line at s go on with the dump? */
static bool goes_on(const char *s, bool in_array)
{
	const char *name;

	s += strspn(s, " \t\r\n");
	if (!*s)
		return true;
	if (in_array)
		return strchr("]\"'(<-0123456789", *s) != NULL;
	if (*s == '}')
		return true;
	name = s;
	while (is_name(*s))
		s++;
	return s > name && str_starts(s, " = ");
}

/* s stands behind a quote: does the string end with it? */
static bool ends_string(const char *s, bool in_array)
{
	s += *s == ',';
	s += strspn(s, " \t\r");
	return !*s || (*s == '\n' && goes_on(s, in_array));
}

static json_t *read_string(struct reader *r, bool in_array)
{
	_buf_ struct buf b = {0};
	const char *s = r->at + 1;

	for (; *s; s++) {
		if (*s == '"' && ends_string(s + 1, in_array)) {
			r->at = s + 1;
			return json_text(b.s ? b.s : "");
		}
		/* C:\" may end a string, or be an escaped quote in it. */
		if (s[0] == '\\' && s[1] == '"' &&
			!ends_string(s + 2, in_array))
			s++;
		buf_addc(&b, *s);
	}
	return bad(r, "a text without its end");
}

static json_t *read_moref(struct reader *r)
{
	const char *end = strpbrk(r->at + 1, "'\n");
	_free_ char *text = NULL;

	if (!end || *end != '\'')
		return bad(r, "a reference without its end");
	text = xstrndup(r->at + 1, end - r->at - 1);
	r->at = end + 1;
	return json_text(text);
}

/* --- objects and arrays --- */

static int read_member(struct reader *r, json_t *o)
{
	const char *start = r->at;
	_free_ char *name = NULL;
	json_t *v;

	while (is_name(*r->at))
		r->at++;
	name = xstrndup(start, r->at - start);
	r->at += strspn(r->at, " \t");
	if (!*name || *r->at != '=') {
		bad(r, "no name = value");
		return -1;
	}
	r->at++;
	r->at += strspn(r->at, " \t");
	v = read_value(r, false);
	if (!v)
		return -1;
	if (strcmp(name, "dynamicType") == 0)
		json_decref(v);
	else
		json_put(o, name, v);
	return 0;
}

static json_t *read_object(struct reader *r, const char *type)
{
	json_t *o = json_object();

	json_put_str(o, "_type", type);
	for (;;) {
		skip_space(r);
		if (*r->at == '}') {
			r->at++;
			return o;
		}
		if (!*r->at || read_member(r, o)) {
			if (!*r->at)
				bad(r, "an object without its end");
			json_decref(o);
			return NULL;
		}
	}
}

static json_t *read_array(struct reader *r)
{
	json_t *a = json_array();

	for (;;) {
		json_t *v;

		skip_space(r);
		if (*r->at == ']') {
			r->at++;
			return a;
		}
		v = *r->at ? read_value(r, true) : bad(r, "a list without end");
		if (!v) {
			json_decref(a);
			return NULL;
		}
		json_array_append_new(a, v);
	}
}

/* "(type) {", "(type) [", "(type) null"; at stands on the parenthesis. */
static json_t *read_typed(struct reader *r)
{
	size_t n = strcspn(r->at + 1, ")\n");
	_free_ char *type = xstrndup(r->at + 1, n);
	json_t *v;

	if (r->at[1 + n] != ')')
		return bad(r, "a type without its end");
	if (r->depth == DEPTH_MAX)
		return bad(r, "too deep");
	r->at += n + 2;
	r->at += strspn(r->at, " \t");
	r->depth++;
	if (*r->at == '{' || *r->at == '[') {
		bool object = *r->at++ == '{';

		v = object ? read_object(r, type) : read_array(r);
	} else if (str_starts(r->at, "null")) {
		r->at += 4;
		v = json_null();
	} else {
		v = bad(r, "a type without a value");
	}
	r->depth--;
	return v;
}

/* --- values --- */

static json_t *read_word(struct reader *r)
{
	size_t n = strcspn(r->at, ", \t\r\n]}");
	_free_ char *w = xstrndup(r->at, n);
	int64_t i;
	double d;
	char *end;

	if (!n)
		return bad(r, "no value");
	r->at += n;
	if (strcmp(w, "<unset>") == 0 || strcmp(w, "null") == 0)
		return json_null();
	if (strcmp(w, "true") == 0 || strcmp(w, "false") == 0)
		return json_boolean(*w == 't');
	if (str_i64(w, &i) == 0)
		return json_integer(i);
	d = strtod(w, &end);
	if (!*end && isfinite(d))
		return json_real(d);
	return json_text(w);
}

static json_t *read_value(struct reader *r, bool in_array)
{
	switch (*r->at) {
	case '(':
		return read_typed(r);
	case '"':
		return read_string(r, in_array);
	case '\'':
		return read_moref(r);
	default:
		return read_word(r);
	}
}

/* --- finding it --- */

/* Is s "(some.Type) {", "[" or "null"? */
static bool is_dump(const char *s)
{
	if (*s++ != '(' || !isalpha((unsigned char)*s))
		return false;
	while (is_name(*s) || *s == '.')
		s++;
	return str_starts(s, ") {") || str_starts(s, ") [") ||
		str_starts(s, ") null");
}

/* The next dump that begins a line at or behind s. */
static const char *find_dump(const char *s)
{
	while (s && *s) {
		const char *at = s + strspn(s, " \t");

		if (is_dump(at))
			return at;
		s = strchr(s, '\n');
		s += s != NULL;
	}
	return NULL;
}

int vmodl_parse(const char *text, json_t **out, const char **end, struct err *e)
{
	struct reader r = {.start = text, .at = find_dump(text), .e = e};
	json_t *v;

	if (!r.at)
		return err_set(e, ERR_BAD_INPUT, "vim-cmd output: no dump");
	v = read_typed(&r);
	if (!v)
		return -1;
	*out = v;
	if (end)
		*end = r.at;
	return 0;
}

bool vmodl_fault(const char *text, char *msg, size_t size)
{
	for (const char *s = text; (s = find_dump(s));) {
		_json_ json_t *j = NULL;
		_free_ char *type = xstrndup(s + 1, strcspn(s, ")") - 1);

		if (str_starts(type, "vim.fault.") ||
			str_starts(type, "vmodl.fault.")) {
			const char *m;

			vmodl_parse(s, &j, NULL, NULL);
			m = json_str(j, "msg");
			str_printable(msg, size, m && *m ? m : type);
			return true;
		}
		if (vmodl_parse(s, &j, &s, NULL))
			return false;
	}
	return false;
}
