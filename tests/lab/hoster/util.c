/*
 * util.c - see hoster.h.
 */
#include "hoster.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

char *fmt(const char *f, ...)
{
	char *s;
	va_list ap;
	int n;

	va_start(ap, f);
	n = vasprintf(&s, f, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return s;
}

char *xstrdup(const char *s)
{
	char *d = strdup(s);

	if (!d)
		abort();
	return d;
}

void *xalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		abort();
	return p;
}

static int hexval(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void url_decode(char *s, bool plus)
{
	char *d = s;

	for (; *s; s++) {
		if (*s == '%' && hexval(s[1]) >= 0 && hexval(s[2]) >= 0) {
			*d++ = (char)(hexval(s[1]) * 16 + hexval(s[2]));
			s += 2;
		} else {
			*d++ = plus && *s == '+' ? ' ' : *s;
		}
	}
	*d = '\0';
}

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

const char *js(const json_t *o, const char *k)
{
	return json_string_value(json_object_get(o, k));
}

int64_t ji(const json_t *o, const char *k)
{
	return json_integer_value(json_object_get(o, k));
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

void ji_set(json_t *o, const char *k, int64_t v)
{
	json_object_set_new(o, k, json_integer(v));
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

json_t *jp(const char *f, ...)
{
	json_error_t e;
	va_list ap;
	json_t *j;

	va_start(ap, f);
	j = json_vpack_ex(&e, 0, f, ap);
	va_end(ap);
	if (!j) {
		fprintf(stderr, "lab-hoster: json_pack \"%s\": %s\n", f,
			e.text);
		abort();
	}
	return j;
}
