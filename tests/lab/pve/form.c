/*
 * form.c - request parameters, decoded as primitively as Proxmox does it:
 * split at '&' and ';', then at '='; a second '=' and what follows is lost.
 */
#include "pve.h"

static json_t *text(const char *s)
{
	json_t *j = json_string(s);

	return j ? j : json_string("?"); /* not UTF-8 */
}

static void add(json_t *into, const char *key, json_t *val)
{
	json_t *old = json_object_get(into, key);

	if (!old) {
		json_object_set_new(into, key, val);
	} else if (json_is_array(old)) {
		json_array_append_new(old, val);
	} else {
		json_t *list = jp("[O]", old);

		json_array_append_new(list, val);
		json_object_set_new(into, key, list);
	}
}

void form_decode(const char *s, json_t *into)
{
	auto_free char *copy = xstrdup(s);
	char *save = NULL;

	for (char *p = strtok_r(copy, "&;", &save); p;
		p = strtok_r(NULL, "&;", &save)) {
		char *v = strchr(p, '=');

		if (v) {
			*v++ = '\0';
			v[strcspn(v, "=")] = '\0';
			url_decode(v, true);
		}
		url_decode(p, true);
		if (*p)
			add(into, p, text(v ? v : ""));
	}
}

static json_t *scalar(json_t *v)
{
	auto_free char *s = NULL;

	if (json_is_boolean(v))
		return text(json_is_true(v) ? "1" : "0");
	if (json_is_integer(v))
		s = fmt("%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		s = fmt("%g", json_real_value(v));
	return s ? text(s) : json_incref(v);
}

int form_json(const char *s, json_t *into)
{
	auto_json json_t *o = json_loads(s, 0, NULL);
	const char *k;
	json_t *v, *item;
	size_t i;

	if (!json_is_object(o))
		return -1;
	json_object_foreach (o, k, v) {
		if (json_is_array(v)) {
			json_t *list = json_array();

			json_array_foreach (v, i, item)
				json_array_append_new(list, scalar(item));
			json_object_set_new(into, k, list);
		} else if (!json_is_null(v)) {
			json_object_set_new(into, k, scalar(v));
		}
	}
	return 0;
}
