/* Memory and text: see str.h. */
#include "str.h"

#include <ctype.h>
#include <errno.h>
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
	char *p;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) < 0)
		abort();
	va_end(ap);
	return p;
}

void str_set(char **dst, const char *s)
{
	char *copy = xstrdup(s);

	free(*dst);
	*dst = copy;
}

/* --- growing text --- */

void buf_free(struct buf *b)
{
	free(b->s);
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
	b->s = xreallocarray(b->s, want, 1);
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

/* --- numbers --- */

int str_u64(const char *s, uint64_t max, uint64_t *out)
{
	unsigned long long v;
	char *end;

	if (!s || !isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || *end || v > max)
		return -1;
	*out = v;
	return 0;
}

int str_i64(const char *s, int64_t *out)
{
	long long v;
	char *end;

	if (!s || !isdigit((unsigned char)s[*s == '-']))
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end)
		return -1;
	*out = v;
	return 0;
}

int str_hex64(const char *s, uint64_t *out)
{
	unsigned long long v;
	char *end;

	if (!s)
		return -1;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	if (!isxdigit((unsigned char)*s))
		return -1;
	errno = 0;
	v = strtoull(s, &end, 16);
	if (errno || *end)
		return -1;
	*out = v;
	return 0;
}

int str_bool(const char *s, bool *out)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};

	for (size_t i = 0; s && i < ARRAY_LEN(yes); i++) {
		if (str_eqi(s, yes[i]) || str_eqi(s, no[i])) {
			*out = str_eqi(s, yes[i]);
			return 0;
		}
	}
	return -1;
}

int str_bytes(const char *s, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *u;
	double v;
	char *end;

	if (!s || !isdigit((unsigned char)*s))
		return -1;
	v = strtod(s, &end);
	if (*end) {
		u = strchr(units, toupper((unsigned char)*end));
		if (!u || end[1])
			return -1;
		v *= (double)(1ULL << (10 * (u - units + 1)));
	}
	if (v >= 9.2e18)
		return -1;
	*out = (uint64_t)v;
	return 0;
}

char *str_size(char out[STR_SIZE_LEN], uint64_t bytes)
{
	static const char *const unit[] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = bytes;
	size_t u = 0;

	while (v >= 1023.95 && u + 1 < ARRAY_LEN(unit)) {
		v /= 1024;
		u++;
	}
	snprintf(out, STR_SIZE_LEN, u ? "%.1f %s" : "%.0f %s", v, unit[u]);
	return out;
}

char *str_duration(char out[STR_SIZE_LEN], double s)
{
	unsigned long t = s < 0 ? 0 : (unsigned long)s;

	if (s < 10)
		snprintf(out, STR_SIZE_LEN, "%.1f s", s < 0 ? 0 : s);
	else if (t < 60)
		snprintf(out, STR_SIZE_LEN, "%lu s", t);
	else if (t < 3600)
		snprintf(out, STR_SIZE_LEN, "%lu min %02lu s", t / 60, t % 60);
	else
		snprintf(out, STR_SIZE_LEN, "%lu h %02lu min",
			t / 3600 % 100000, t % 3600 / 60);
	return out;
}

void hex_encode(char *out, const void *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digit[b[i] >> 4];
		out[2 * i + 1] = digit[b[i] & 15];
	}
	out[2 * n] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(void *out, size_t n, const char *s)
{
	unsigned char *b = out;

	if (strlen(s) != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		b[i] = hi << 4 | lo;
	}
	return 0;
}

/* --- base64 --- */

static const char digit64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *p, size_t n)
{
	char *out = xmalloc((n + 2) / 3 * 4 + 1), *o = out;
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = b[i] << 16 | (i + 1 < n ? b[i + 1] << 8 : 0) |
			(i + 2 < n ? b[i + 2] : 0);

		*o++ = digit64[v >> 18];
		*o++ = digit64[v >> 12 & 63];
		*o++ = i + 1 < n ? digit64[v >> 6 & 63] : '=';
		*o++ = i + 2 < n ? digit64[v & 63] : '=';
	}
	*o = '\0';
	return out;
}

char *base64_decode(const char *s, size_t *len)
{
	unsigned bits = 0, n = 0;
	struct buf b = {0};
	const char *at;

	for (; *s && (at = strchr(digit64, *s)); s++) {
		bits = bits << 6 | (unsigned)(at - digit64);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_addc(&b, bits >> n & 0xff);
		}
	}
	if (len)
		*len = b.len;
	return buf_steal(&b);
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
