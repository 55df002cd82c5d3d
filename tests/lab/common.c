/* See common.h. */
#include "common.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int hexval(char c)
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

const char *js(const json_t *o, const char *k)
{
	return json_string_value(json_object_get(o, k));
}

long long ji(const json_t *o, const char *k)
{
	return json_integer_value(json_object_get(o, k));
}

void ji_set(json_t *o, const char *k, long long v)
{
	json_object_set_new(o, k, json_integer(v));
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
		fprintf(stderr, "%s: json_pack \"%s\": %s\n",
			program_invocation_short_name, f, e.text);
		abort();
	}
	return j;
}

char *sha1_hex(const char *s)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *h;

	EVP_Digest(s, strlen(s), md, &n, EVP_sha1(), NULL);
	h = xalloc(2 * n + 1);
	for (unsigned i = 0; i < n; i++)
		snprintf(h + 2 * i, 3, "%02x", md[i]);
	return h;
}
