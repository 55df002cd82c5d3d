/*
 * util.c - see hoster.h.
 */
#include "hoster.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void form_decode(const char *s, json_t *into)
{
	auto_free char *copy = xstrdup(s);
	char *save = NULL;

	for (char *p = strtok_r(copy, "&", &save); p;
		p = strtok_r(NULL, "&", &save)) {
		char *v = strchr(p, '=');

		if (v) {
			*v++ = '\0';
			url_decode(v, true);
		}
		url_decode(p, true);
		js_set(into, p, v ? v : "");
	}
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

char *now_text(int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	char text[40];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &tm);
	return xstrdup(text);
}

bool mac_ok(const char *s)
{
	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : hexval(s[i]) < 0)
			return false;
	return !s[17];
}

bool jt(const json_t *o, const char *k)
{
	return json_is_true(json_object_get(o, k));
}

void js_set(json_t *o, const char *k, const char *v)
{
	json_t *j = v ? json_string(v) : json_null();

	/* Not UTF-8. */
	if (!j || json_object_set_new(o, k, j))
		json_object_set_new(o, k, json_string("?"));
}

json_t *jo(const json_t *o, const char *k)
{
	json_t *v = json_object_get(o, k);

	if (!json_is_object(v) && !json_is_array(v)) {
		fprintf(stderr, "lab-hoster: the state has no \"%s\"\n", k);
		abort();
	}
	return v;
}
