/*
 * The .vmx grammar: see vmx.h. Keeps true: keys are unique and sorted, values
 * are UTF-8 without NUL, and whatever was not understood left a warning.
 */
#include "vmx.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "charset.h"
#include "i18n.h"
#include "str.h"

#define MAX_WARNINGS 32

struct reader {
	struct vmx *x;
	size_t room; /* of x->pairs */
	size_t more; /* warnings not kept */
	size_t bad;  /* lines not understood, and the first of them */
	unsigned line, first_bad;
};

/* Takes w. */
static void push_warning(struct vmx *x, char *w)
{
	x->warnings = xreallocarray(
		x->warnings, x->n_warnings + 1, sizeof(*x->warnings));
	x->warnings[x->n_warnings++] = w;
}

static void warn(struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void warn(struct reader *r, const char *fmt, ...)
{
	va_list ap;
	char *w;

	if (r->x->n_warnings == MAX_WARNINGS) {
		r->more++;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&w, fmt, ap) < 0)
		abort();
	va_end(ap);
	push_warning(r->x, w);
}

void vmx_free(struct vmx *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n; i++) {
		free(x->pairs[i].key);
		free(x->pairs[i].value);
	}
	for (size_t i = 0; i < x->n_warnings; i++)
		free(x->warnings[i]);
	free(x->pairs);
	free(x->warnings);
	free(x);
}

void cleanup_vmx(struct vmx **x)
{
	vmx_free(*x);
}

/* --- one line --- */

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && blank(*p))
		p++;
	return p;
}

/* Nothing but blanks or a comment from p on. */
static bool is_rest(const char *p, const char *end)
{
	p = skip_blanks(p, end);
	return p == end || *p == '#';
}

/*
 * The closing quote of a value that begins at p: the first one with nothing
 * but a comment behind it, else (a quote typed inside by hand) the last one.
 * Null where there is none.
 */
static const char *closing_quote(const char *p, const char *end)
{
	const char *last = NULL;

	for (; p < end; p++) {
		if (*p != '"')
			continue;
		if (is_rest(p + 1, end))
			return p;
		last = p;
	}
	return last;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* |XX to the byte. A | without two digits, and |00, stay as they are. */
static char *unescape(const char *p, const char *end)
{
	char *out = xmalloc(end - p + 1), *to = out;

	while (p < end) {
		int hi = -1, lo = -1;

		if (*p == '|' && end - p > 2) {
			hi = hex(p[1]);
			lo = hex(p[2]);
		}
		if (hi >= 0 && lo >= 0 && (hi || lo)) {
			*to++ = (char)(hi << 4 | lo);
			p += 3;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	return out;
}

static char *quoted_value(struct reader *r, const char *p, const char *end)
{
	const char *close = closing_quote(p, end);

	if (!close) {
		warn(r,
			"Line %u has no closing quote; its value is taken to "
			"the end of the line.",
			r->line);
		return unescape(p, end);
	}
	if (!is_rest(close + 1, end))
		warn(r,
			"Line %u goes on behind its closing quote; that part "
			"is ignored.",
			r->line);
	return unescape(p, close);
}

static char *bare_value(const char *p, const char *end)
{
	const char *stop = memchr(p, '#', end - p);

	if (stop)
		end = stop;
	while (end > p && blank(end[-1]))
		end--;
	return unescape(p, end);
}

static void add_pair(struct reader *r, char *key, char *value)
{
	struct vmx *x = r->x;

	if (x->n == r->room) {
		r->room = r->room ? 2 * r->room : 128;
		x->pairs = xreallocarray(x->pairs, r->room, sizeof(*x->pairs));
	}
	x->pairs[x->n++] =
		(struct vmx_pair){.key = key, .value = value, .line = r->line};
}

/* 0 good (or nothing to read), -1 not KEY = VALUE. */
static int read_line(struct reader *r, const char *p, const char *end)
{
	const char *key, *key_end;

	if (is_rest(p, end))
		return 0;
	key = skip_blanks(p, end);
	for (p = key; p<end && * p> ' ' && *p < 0x7f && *p != '='; p++)
		if (*p == '"')
			return -1;
	key_end = p;
	p = skip_blanks(p, end);
	if (key == key_end || p == end || *p != '=')
		return -1;
	p = skip_blanks(p + 1, end);
	add_pair(r, xstrndup(key, key_end - key),
		p < end && *p == '"' ? quoted_value(r, p + 1, end)
				     : bare_value(p, end));
	return 0;
}

/* Lines end with LF, CRLF or (old editors) CR, also mixed. */
static void read_lines(struct reader *r, const char *p, const char *end)
{
	while (p < end) {
		const char *stop = p;

		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		r->line++;
		if (read_line(r, p, stop)) {
			if (!r->bad++)
				r->first_bad = r->line;
		}
		if (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n')
			stop++;
		p = stop + 1;
	}
}

/* --- character set --- */

static const char *encoding_line(const struct vmx *x)
{
	const char *name = NULL;

	for (size_t i = 0; i < x->n; i++)
		if (str_eqi(x->pairs[i].key, ".encoding"))
			name = x->pairs[i].value;
	return name;
}

/* iconv's name of the set that the text is in. */
static const char *choose_charset(
	struct reader *r, const char *text, size_t len, bool bom)
{
	const char *name = encoding_line(r->x);
	const char *set = name ? charset_find(name) : NULL;
	const char *guess = charset_is_utf8(text, len) ? "UTF-8" : "CP1252";

	if (bom)
		return "UTF-8";
	if (name && !set)
		warn(r,
			"The character set '%s' is not known here; text is "
			"read as %s.",
			name, guess);
	return set ? set : guess;
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if (*s & 0x80)
			return false;
	return true;
}

static void convert(struct reader *r, const char *set)
{
	for (size_t i = 0; i < r->x->n; i++) {
		struct vmx_pair *p = &r->x->pairs[i];
		_buf_ struct buf b = {0};

		if (is_ascii(p->value))
			continue;
		if (!charset_to_utf8(set, p->value, strlen(p->value), &b))
			warn(r,
				"Line %u (%s) is not valid %s; the bad "
				"characters are replaced.",
				p->line, p->key, set);
		free(p->value);
		p->value = buf_steal(&b);
	}
}

/* --- order --- */

static int by_key(const void *a, const void *b)
{
	const struct vmx_pair *x = a, *y = b;
	int c = str_cmpi(x->key, y->key);

	return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* Sort, and keep the last line of each key. */
static void order(struct reader *r)
{
	struct vmx *x = r->x;
	size_t kept = 0;

	if (x->n)
		qsort(x->pairs, x->n, sizeof(*x->pairs), by_key);
	for (size_t i = 0; i < x->n; i++) {
		struct vmx_pair *p = &x->pairs[i], *before;

		before = kept ? &x->pairs[kept - 1] : NULL;
		if (!before || !str_eqi(before->key, p->key)) {
			x->pairs[kept++] = *p;
			continue;
		}
		if (strcmp(before->value, p->value) != 0)
			warn(r,
				"%s stands twice, in line %u and in line %u; "
				"the last one counts.",
				p->key, before->line, p->line);
		free(before->key);
		free(before->value);
		*before = *p;
	}
	x->n = kept;
}

/* --- the file --- */

static int check_text(const char *text, size_t len, struct err *e)
{
	const char *nul = memchr(text, 0, len);

	if (len > VMX_MAX)
		return err_set(e, ERR_BAD_VMX, "%zu bytes are no .vmx", len);
	if (len >= 2 &&
		(memcmp(text, "\xff\xfe", 2) == 0 ||
			memcmp(text, "\xfe\xff", 2) == 0))
		return err_set(
			e, ERR_BAD_VMX, "the file is UTF-16; save it as UTF-8");
	if (nul)
		return err_set(e, ERR_BAD_VMX,
			"NUL byte at offset %zu: the file is damaged or not "
			"text",
			(size_t)(nul - text));
	return 0;
}

static void last_warnings(struct reader *r)
{
	if (r->bad)
		push_warning(r->x,
			xasprintf(N_("Lines that were not understood: %zu, the "
				     "first is line %u."),
				r->bad, r->first_bad));
	if (r->more)
		push_warning(r->x,
			xasprintf(N_("%zu more doubts of this kind are not "
				     "listed."),
				r->more));
}

int vmx_parse(const char *text, size_t len, struct vmx **out, struct err *e)
{
	_vmx_ struct vmx *x = NULL;
	struct reader r = {0};
	bool bom;

	if (check_text(text, len, e))
		return -1;
	bom = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
	if (bom) {
		text += 3;
		len -= 3;
	}
	r.x = x = xcalloc(1, sizeof(*x));
	read_lines(&r, text, text + len);
	if (r.bad && !x->n)
		return err_set(e, ERR_BAD_VMX,
			"no line is KEY = \"VALUE\"; line %u is the first "
			"with text",
			r.first_bad);
	convert(&r, choose_charset(&r, text, len, bom));
	order(&r);
	last_warnings(&r);
	*out = x;
	x = NULL;
	return 0;
}

const char *vmx_get(const struct vmx *x, const char *key)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = str_cmpi(key, x->pairs[mid].key);

		if (!c)
			return x->pairs[mid].value;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const char *vmx_getf(const struct vmx *x, const char *fmt, ...)
{
	_free_ char *key = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&key, fmt, ap) < 0)
		abort();
	va_end(ap);
	return vmx_get(x, key);
}
