/*
 * Columns of text: decoding, width, cutting, wrapping, bars. UTF-8 in,
 * whatever the locale's charset is; no curses here, so tests need none.
 */
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "text.h"

/* Stand-ins where the locale has not the character itself. */
static const struct {
	wchar_t c;
	char as;
} plain_forms[] = {
	{0xa0, ' '},
	{0xab, '"'},
	{0xb7, '.'},
	{0xbb, '"'},
	{0xc0, 'A'},
	{0xc2, 'A'},
	{0xc7, 'C'},
	{0xc8, 'E'},
	{0xc9, 'E'},
	{0xca, 'E'},
	{0xd4, 'O'},
	{0xd7, 'x'},
	{0xe0, 'a'},
	{0xe2, 'a'},
	{0xe4, 'a'},
	{0xe7, 'c'},
	{0xe8, 'e'},
	{0xe9, 'e'},
	{0xea, 'e'},
	{0xeb, 'e'},
	{0xee, 'i'},
	{0xef, 'i'},
	{0xf4, 'o'},
	{0xf6, 'o'},
	{0xf9, 'u'},
	{0xfb, 'u'},
	{0xfc, 'u'},
	{0x153, 'e'}, /* one column for one: noeud is "neud" */
	{0x2013, '-'},
	{0x2014, '-'},
	{0x2018, '\''},
	{0x2019, '\''},
	{0x201c, '"'},
	{0x201d, '"'},
	{0x2022, '*'},
	{0x2026, '~'},
	{0x202f, ' '},
	{0x2190, '<'},
	{0x2192, '>'},
};

static bool can_show(wchar_t c)
{
	char out[16];
	mbstate_t st = {0};

	return wcrtomb(out, c, &st) != (size_t)-1;
}

bool tui_unicode(void)
{
	return can_show(0x2502) && can_show(0x2026);
}

static bool combining(wchar_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) ||
		(c >= 0xfe00 && c <= 0xfe0f);
}

static bool reorders(wchar_t c)
{
	return (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

/* One UTF-8 sequence at s (not at its end): bytes taken, *c the character,
 * -1 where it is none. */
static size_t decode(const char *s, int32_t *c)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] < 0x80 ? 1
		: p[0] >= 0xf0 ? 4
		: p[0] >= 0xe0 ? 3
		: p[0] >= 0xc2 ? 2
			       : 0;
	int32_t v;

	*c = -1;
	if (n <= 1) {
		*c = n ? p[0] : -1;
		return 1;
	}
	v = p[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return i;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v >= least[n] && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff))
		*c = v;
	return n;
}

/* What stands on the screen for c; 0: nothing. */
static wchar_t shown_as(int32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || reorders(c))
		return L'?';
	if (c < 0x7f)
		return c;
	if (can_show(c))
		return combining(c) || wcwidth(c) >= 0 ? c : L'?';
	if (combining(c))
		return 0;
	for (size_t i = 0; i < sizeof(plain_forms) / sizeof(*plain_forms); i++)
		if (plain_forms[i].c == c)
			return plain_forms[i].as;
	return L'?';
}

wchar_t tui_next(const char **s)
{
	int32_t c;
	wchar_t w;

	while (**s) {
		*s += decode(*s, &c);
		w = shown_as(c);
		if (w)
			return w;
	}
	return 0;
}

int tui_wcwidth(wchar_t c)
{
	int w = c < 0x7f ? 1 : wcwidth(c);

	return combining(c) ? 0 : w < 0 ? 1 : w;
}

int tui_width(const char *s)
{
	int w = 0;
	wchar_t c;

	while ((c = tui_next(&s)))
		w += tui_wcwidth(c);
	return w;
}

/* Bytes of s that fit cols; *w the columns they take. */
static size_t fitting(const char *s, size_t room, int cols, int *w)
{
	const char *p = s, *q = s;
	wchar_t c;

	*w = 0;
	while ((c = tui_next(&q))) {
		if (*w + tui_wcwidth(c) > cols || (size_t)(q - s) > room)
			break;
		*w += tui_wcwidth(c);
		p = q;
	}
	return p - s;
}

int tui_fit(char *dst, size_t size, const char *s, int cols)
{
	const char *mark = tui_unicode() ? "\xe2\x80\xa6" : "~";
	size_t room = size ? size - 1 : 0, n, m = strlen(mark);
	int w;

	if (!size)
		return 0;
	n = fitting(s, room, cols, &w);
	if (!s[n]) {
		memcpy(dst, s, n + 1);
		return w;
	}
	if (cols < 1 || room < m) {
		*dst = 0;
		return 0;
	}
	n = fitting(s, room - m, cols - 1, &w);
	memcpy(dst, s, n);
	memcpy(dst + n, mark, m + 1);
	return w + 1;
}

void tui_pad(char *dst, size_t size, const char *s, int cols, bool right)
{
	int w = tui_fit(dst, size, s, cols);
	size_t n = size ? strlen(dst) : 0, blanks = cols > w ? cols - w : 0;

	if (!size)
		return;
	if (blanks > size - 1 - n)
		blanks = size - 1 - n;
	if (right)
		memmove(dst + blanks, dst, n + 1);
	memset(right ? dst : dst + n, ' ', blanks);
	dst[n + blanks] = 0;
}

size_t tui_wrap(const char *s, int cols, const char **next)
{
	const char *p = s, *q = s, *blank = NULL, *colon = NULL;
	int w = 0;

	while (*p && *p != '\n') {
		wchar_t c = tui_next(&q);

		if (c == L' ')
			blank = p;
		if (w + tui_wcwidth(c) > cols && p > s && c != L' ')
			break;
		w += tui_wcwidth(c);
		p = q;
		if (c == L':')
			colon = p;
	}
	if (!*p || *p == '\n') {
		*next = *p ? p + 1 : NULL;
		return p - s;
	}
	if (!blank || blank == s) {
		/* A fingerprint of byte pairs is not cut inside of one. */
		if (colon && p - colon < 4)
			p = colon;
		*next = p;
		return p - s;
	}
	for (p = blank; p > s && p[-1] == ' '; p--)
		;
	for (q = blank; *q == ' '; q++)
		;
	*next = *q ? q : NULL;
	return p - s;
}

int tui_lines(const char *s, int cols)
{
	int n = 0;

	for (; s && (*s || n); n++)
		tui_wrap(s, cols, &s);
	return n;
}

size_t tui_char_after(const char *s)
{
	int32_t c;
	size_t n = 0;

	if (!*s)
		return 0;
	do
		n += decode(s + n, &c);
	while (s[n] && (decode(s + n, &c), combining(c)));
	return n;
}

size_t tui_char_before(const char *s, size_t n)
{
	size_t at = 0, len = 0;

	while (at < n) {
		len = tui_char_after(s + at);
		if (!len)
			return 0;
		at += len;
	}
	return len;
}

char *tui_bar(char *dst, size_t size, int cols, double percent)
{
	int inner = cols - 2, full;

	if (inner < 1 || (size_t)cols >= size)
		return memset(dst, 0, size ? 1 : 0);
	percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
	full = (int)(inner * percent / 100);
	dst[0] = '[';
	memset(dst + 1, '#', full);
	memset(dst + 1 + full, '-', inner - full);
	dst[inner + 1] = ']';
	dst[inner + 2] = 0;
	return dst;
}

char *tui_spark(char *dst, size_t size, int cols, const double *v, int n)
{
	static const char ascii[] = " .:-=+*#";
	bool unicode = tui_unicode();
	double top = 0;
	size_t at = 0;

	if (n > cols) {
		v += n - cols;
		n = cols;
	}
	for (int i = 0; i < n; i++)
		top = v[i] > top ? v[i] : top;
	for (int i = 0; i < n && at + 4 < size; i++) {
		int level = top > 0 ? (int)(v[i] / top * 7 + 0.5) : 0;

		if (unicode) {
			memcpy(dst + at, "\xe2\x96", 2);
			dst[at + 2] = (char)(0x81 + level);
			at += 3;
		} else {
			dst[at++] = ascii[level];
		}
	}
	dst[at] = 0;
	return dst;
}
