/* Memory, text, the shell and clocks: see str.h; numbers are in number.c. */
#include "str.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void cleanup_free(void *p)
{
	free(*(void **)p);
}

void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *xaligned(size_t n)
{
	void *p;

	if (posix_memalign(&p, 4096, n ? n : 1))
		abort();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size ? size : 1);
	if (!p)
		abort();
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	char *p;

	n = strnlen(s, n);
	p = xmalloc(n + 1);
	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *xstrdup(const char *s)
{
	return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	/* vasprintf grows its text by realloc: parts would stay behind. */
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	p = xmalloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void str_set(char **dst, const char *s)
{
	char *copy = xstrdup(s);

	free(*dst);
	*dst = copy;
}

void wipe_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void *wipe_realloc(void *p, size_t n)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *to = xmalloc(n);

	if (p)
		memcpy(to, p, had < n ? had : n);
	wipe_free(p);
	return to;
}

void str_wipe(char **s)
{
	wipe_free(*s);
	*s = NULL;
}

/* --- growing text --- */

void buf_free(struct buf *b)
{
	wipe_free(b->s);
	*b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

static void buf_room(struct buf *b, size_t n)
{
	size_t want = b->len + n + 1;

	if (want <= b->cap)
		return;
	if (want < 2 * b->cap)
		want = 2 * b->cap;
	if (want < 64)
		want = 64;
	b->s = wipe_realloc(b->s, want);
	b->cap = want;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	buf_room(b, n);
	if (n)
		memcpy(b->s + b->len, p, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

int str_cols(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

void buf_pad(struct buf *b, const char *s, int cols)
{
	buf_adds(b, s);
	cols -= str_cols(s);
	while (cols-- > 0)
		buf_addc(b, ' ');
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	buf_room(b, n);
	va_start(ap, fmt);
	vsnprintf(b->s + b->len, n + 1, fmt, ap);
	va_end(ap);
	b->len += n;
}

char *buf_steal(struct buf *b)
{
	char *s = b->s ? b->s : xstrdup("");

	*b = (struct buf){0};
	return s;
}

/* --- printable --- */

/*
 * Decode one UTF-8 character at s; its length, or 0 where it is none
 * (overlong forms, surrogates and values past U+10FFFF included).
 */
static size_t utf8_len(const unsigned char *s, unsigned *cp)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n;
	unsigned c;

	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4
		: s[0] >= 0xe0          ? 3
		: s[0] >= 0xc2          ? 2
					: 0;
	if (!n || s[0] >= 0xf5)
		return 0;
	c = s[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	*cp = c;
	return n;
}

/* Characters that can change what a terminal or a reader shows. */
static bool cp_unsafe(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
		(c >= 0x200e && c <= 0x200f)    /* direction marks */
		|| (c >= 0x2028 && c <= 0x202e) /* separators, overrides */
		|| (c >= 0x2066 && c <= 0x2069) /* isolates */
		|| c == 0xfeff;
}

char *str_printable(char *dst, size_t size, const char *src)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t at = 0;

	if (!size)
		return dst;
	while (*s) {
		unsigned c;
		size_t n = utf8_len(s, &c);
		bool bad = !n || cp_unsafe(c);
		size_t w = bad ? 1 : n;

		if (at + w + 1 > size)
			break;
		if (bad)
			dst[at] = '?';
		else
			memcpy(dst + at, s, n);
		at += w;
		s += n ? n : 1;
	}
	dst[at] = '\0';
	return dst;
}

char *str_printable_dup(const char *s)
{
	size_t size = strlen(s) + 1;

	return str_printable(xmalloc(size), size, s);
}

/* --- comparing and cutting --- */

/* Not tolower(): in a Turkish locale it leaves 'I' alone. */
static int ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

int str_cmpi(const char *a, const char *b)
{
	while (*a && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
	}
	return ascii_lower(*a) - ascii_lower(*b);
}

bool str_eqi(const char *a, const char *b)
{
	return str_cmpi(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

char *str_trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

char *str_line(char **p)
{
	char *line = *p, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end) {
		*p = end + 1;
		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
	} else {
		*p = line + strlen(line);
	}
	return line;
}

/* --- shell --- */

void sh_quote(struct buf *b, const char *s)
{
	buf_addc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '\'');
}

void sh_word(struct buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-_.:/,=+@%";

	if (*s && s[strspn(s, plain)] == '\0')
		buf_adds(b, s);
	else
		sh_quote(b, s);
}

void sh_arg(struct buf *b, const char *s)
{
	buf_addc(b, ' ');
	sh_quote(b, s);
}

/* --- clocks --- */

double now_mono(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

char *now_utc(char out[32])
{
	struct timespec t;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03dZ", (int)(t.tv_nsec / 1000000));
	return out;
}
