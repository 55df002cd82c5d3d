/*
 * .vmx and .vmsd: `key = "value"` lines, |XX escapes, order kept.
 */
#include "lab.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *unescape(const char *s, size_t n)
{
	char *out = text_alloc(n + 1);
	size_t i, o = 0;

	for (i = 0; i < n; i++) {
		char hex[3] = {0};

		if (s[i] == '|' && i + 2 < n &&
			isxdigit((unsigned char)s[i + 1]) &&
			isxdigit((unsigned char)s[i + 2])) {
			memcpy(hex, s + i + 1, 2);
			out[o++] = (char)strtol(hex, NULL, 16);
			i += 2;
		} else {
			out[o++] = s[i];
		}
	}
	return out;
}

static char *escape(const char *s)
{
	char *out = text_alloc(strlen(s) * 3 + 1);
	size_t o = 0;

	for (; *s; s++) {
		if (*s == '"' || *s == '|' || (unsigned char)*s < 32)
			o += (size_t)snprintf(
				out + o, 4, "|%02X", (unsigned char)*s);
		else
			out[o++] = *s;
	}
	return out;
}

static void add_line(struct vmx *v, const char *line, size_t n)
{
	const char *eq = memchr(line, '=', n);
	const char *k = line, *ke, *a, *b;

	if (!eq || *line == '#')
		return;
	while (k < eq && isspace((unsigned char)*k))
		k++;
	for (ke = eq; ke > k && isspace((unsigned char)ke[-1]); ke--)
		;
	a = memchr(eq, '"', n - (size_t)(eq - line));
	b = memrchr(line, '"', n);
	if (ke == k || !a || b == a)
		return;
	v->kv = text_grow(v->kv, v->n, sizeof(*v->kv));
	v->kv[v->n].key = text_fmt("%.*s", (int)(ke - k), k);
	v->kv[v->n].val = unescape(a + 1, (size_t)(b - a - 1));
	v->n++;
}

int vmx_load(const char *path, struct vmx *v)
{
	char *p, *s = text_file(path, NULL);

	memset(v, 0, sizeof(*v));
	if (!s)
		return -1;
	for (p = s; *p;) {
		size_t n = strcspn(p, "\n");

		add_line(v, p, n);
		p += n + (p[n] == '\n');
	}
	return 0;
}

int vmx_save(const char *path, const struct vmx *v)
{
	char *s = text_dup("");
	size_t i, n = 0;

	for (i = 0; i < v->n; i++) {
		char *l = text_fmt(
			"%s = \"%s\"\n", v->kv[i].key, escape(v->kv[i].val));
		size_t ln = strlen(l);
		char *t = realloc(s, n + ln + 1);

		if (!t)
			abort();
		s = t;
		memcpy(s + n, l, ln + 1);
		n += ln;
	}
	return text_write(path, s, n);
}

static struct kv *find(const struct vmx *v, const char *key)
{
	size_t i;

	for (i = v->n; i-- > 0;)
		if (!strcasecmp(v->kv[i].key, key))
			return &v->kv[i];
	return NULL;
}

const char *vmx_get(const struct vmx *v, const char *f, ...)
{
	va_list ap;
	struct kv *kv;

	va_start(ap, f);
	kv = find(v, text_vfmt(f, ap));
	va_end(ap);
	return kv ? kv->val : NULL;
}

bool vmx_true(const struct vmx *v, const char *f, ...)
{
	va_list ap;
	struct kv *kv;

	va_start(ap, f);
	kv = find(v, text_vfmt(f, ap));
	va_end(ap);
	return kv && !strcasecmp(kv->val, "TRUE");
}

void vmx_set(struct vmx *v, const char *key, const char *f, ...)
{
	struct kv *kv = find(v, key);
	va_list ap;

	if (!kv) {
		v->kv = text_grow(v->kv, v->n, sizeof(*v->kv));
		kv = &v->kv[v->n++];
		kv->key = text_dup(key);
	}
	va_start(ap, f);
	kv->val = text_vfmt(f, ap);
	va_end(ap);
}

void vmx_unset(struct vmx *v, const char *key)
{
	struct kv *kv = find(v, key);
	size_t i;

	if (!kv)
		return;
	i = (size_t)(kv - v->kv);
	memmove(kv, kv + 1, (v->n - i - 1) * sizeof(*kv));
	v->n--;
}
