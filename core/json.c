/* JSON helpers: see json.h. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

void json_wipe_freed(void)
{
	json_set_alloc_funcs(xmalloc, wipe_free);
}

void cleanup_json(json_t **j)
{
	json_decref(*j);
}

const char *json_str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

const char *json_str_or(const json_t *o, const char *key, const char *def)
{
	const char *s = json_str(o, key);

	return s ? s : def;
}

uint64_t json_u64(const json_t *o, const char *key, uint64_t def)
{
	const json_t *v = json_object_get(o, key);
	uint64_t n;

	if (json_is_integer(v) && json_integer_value(v) >= 0)
		return json_integer_value(v);
	if (json_is_real(v) && json_real_value(v) >= 0 &&
		json_real_value(v) < 1.8e19)
		return (uint64_t)json_real_value(v);
	if (json_is_string(v) &&
		str_u64(json_string_value(v), UINT64_MAX, &n) == 0)
		return n;
	return def;
}

double json_num(const json_t *o, const char *key, double def)
{
	const json_t *v = json_object_get(o, key);
	const char *s;
	char *end;
	double d;

	if (json_is_number(v))
		return json_number_value(v);
	s = json_string_value(v);
	if (!s || !*s)
		return def;
	d = strtod(s, &end);
	return *end ? def : d;
}

bool json_flag(const json_t *o, const char *key, bool def)
{
	const json_t *v = json_object_get(o, key);
	bool b;

	if (json_is_boolean(v))
		return json_is_true(v);
	if (json_is_integer(v))
		return json_integer_value(v) != 0;
	if (json_is_string(v) && str_bool(json_string_value(v), &b) == 0)
		return b;
	return def;
}

json_t *json_at(const json_t *o, const char *path)
{
	_free_ char *copy = xstrdup(path);
	char *save = NULL;

	for (char *k = strtok_r(copy, ".", &save); k;
		k = strtok_r(NULL, ".", &save))
		o = json_object_get(o, k);
	return (json_t *)o;
}

void json_put(json_t *o, const char *key, json_t *v)
{
	_free_ char *clean = NULL;

	/* A name from elsewhere may be no UTF-8. */
	if (json_object_set(o, key, v)) {
		clean = str_printable_dup(key);
		if (json_object_set(o, clean, v))
			abort();
	}
	json_decref(v);
}

json_t *json_text(const char *s)
{
	json_t *j = json_string(s);
	_free_ char *clean = NULL;

	if (j)
		return j;
	/* Not UTF-8: str_printable replaces each bad byte. */
	clean = str_printable_dup(s);
	j = json_string(clean);
	if (!j)
		abort();
	return j;
}

void json_put_str(json_t *o, const char *key, const char *s)
{
	if (s)
		json_put(o, key, json_text(s));
}

void json_put_u64(json_t *o, const char *key, uint64_t v)
{
	json_put(o, key, json_integer((json_int_t)v));
}

void json_put_bool(json_t *o, const char *key, bool v)
{
	json_put(o, key, json_boolean(v));
}

int json_parse(const char *text, size_t len, json_t **out, struct err *e)
{
	json_error_t je;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

	if (!j)
		return err_set(e, ERR_BAD_INPUT,
			"not JSON at line %d column %d: %s", je.line, je.column,
			je.text);
	*out = j;
	return 0;
}

int json_read(const char *path, json_t **out, struct err *e)
{
	_free_ char *text = NULL;
	size_t len;

	if (file_read(path, 64 << 20, &text, &len, e) ||
		json_parse(text, len, out, e))
		return err_in(e, "read %s", path);
	return 0;
}

const json_t *json_find(const json_t *rows, const char *key, const char *text)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (strcmp(json_str_or(row, key, ""), text) == 0)
			return row;
	return NULL;
}

char *json_join(const json_t *texts)
{
	struct buf b = {0};
	const json_t *v;
	size_t i;

	json_array_foreach (texts, i, v)
		buf_addf(&b, "%s%s", i ? ", " : "", json_string_value(v));
	return buf_steal(&b);
}

char *json_line(const json_t *j)
{
	char *s =
		json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);

	if (!s)
		abort();
	return s;
}

char *json_pretty(const json_t *j)
{
	_free_ char *s = json_dumps(
		j, JSON_SORT_KEYS | JSON_INDENT(2) | JSON_ENCODE_ANY);

	if (!s)
		abort();
	return xasprintf("%s\n", s);
}

int json_write(const char *path, const json_t *j, unsigned mode, struct err *e)
{
	_free_ char *s = json_pretty(j);

	return file_write(path, s, strlen(s), mode, e);
}
