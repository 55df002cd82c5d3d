/* Numbers, sizes, hexadecimal and base64 as text: declared in str.h. */
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
