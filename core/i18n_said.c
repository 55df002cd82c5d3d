/*
 * English text said in the language of the screen: see i18n.h. gettext answers
 * only to a message's exact words, so the catalogue's file is read here: each
 * message is a pattern of fixed text and printf directives, the one with most
 * fixed text that fits wins. Where none fits the whole, its parts are tried:
 * "WHAT: WHY", "TEXT; TEXT", "TEXT (MORE)". The file's form: gettext's manual,
 * "The Format of GNU MO Files".
 */
#include "i18n_own.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

#define MO_MAGIC 0x950412de
#define MO_MAX (8 << 20)
#define FIXED_LEAST 4  /* letters; below, a message says nothing by itself */
#define INSIDE_LEAST 8 /* inside other text, which is often not ours */
#define LONGEST 1000   /* bytes that patterns are tried on */
#define ARGS 12
#define DEPTH 3

struct message {
	const char *english, *said;
	const char *one, *many; /* it is one of these two; else null */
	int fixed;              /* bytes outside directives */
	int letters;            /* of them */
};

static struct catalogue {
	char *path, *file;
	struct message *m;
	size_t n;
} cat;

/* --- the catalogue as patterns --- */

/* A directive at s ("%s", "%2$s", "%5.1f"): its length, its letter and its
 * place (0: the next). 0: none, or "%%". */
static size_t directive(const char *s, char *letter, int *place)
{
	size_t n = 1, digits = strspn(s + 1, "0123456789");

	if (*s != '%' || s[1] == '%')
		return 0;
	*place = 0;
	if (digits && s[1 + digits] == '$') {
		*place = s[1] - '0';
		n += digits + 1;
	}
	n += strspn(s + n, "-+ #0123456789.*hlzjt");
	*letter = s[n];
	return s[n] ? n + 1 : 0;
}

/* Bytes and letters outside directives. */
static int fixed_part(const char *s, int *letters)
{
	int n = 0, place;
	char letter;

	*letters = 0;
	while (*s) {
		size_t d = directive(s, &letter, &place);

		if (!d) {
			*letters += (*s >= 'a' && *s <= 'z') ||
				(*s >= 'A' && *s <= 'Z');
			n++;
		}
		s += d ? d : 1;
	}
	return n;
}

static uint32_t word(const char *file, size_t at)
{
	uint32_t v;

	memcpy(&v, file + at, sizeof(v));
	return v;
}

static int by_fixed(const void *a, const void *b)
{
	const struct message *x = a, *y = b;

	return y->fixed - x->fixed;
}

/* String i of the table at `table`; null where it is not inside the file. */
static const char *entry(size_t size, uint32_t table, uint32_t i)
{
	uint32_t len, at;

	if ((uint64_t)table + 8 * (uint64_t)i + 8 > size)
		return NULL;
	len = word(cat.file, table + 8 * i);
	at = word(cat.file, table + 8 * i + 4);
	if ((uint64_t)at + len >= size || cat.file[at + len])
		return NULL;
	return cat.file + at;
}

static void add_message(struct message m)
{
	m.fixed = fixed_part(m.english, &m.letters);
	if (m.letters >= FIXED_LEAST)
		cat.m[cat.n++] = m;
}

/* n: length of english, which a message with a plural has behind it. */
static void add_entry(const char *english, size_t n, const char *said)
{
	const char *many = english + strlen(english) + 1;

	if ((size_t)(many - english) > n) {
		add_message((struct message){.english = english, .said = said});
		return;
	}
	add_message((struct message){
		.english = english, .one = english, .many = many});
	add_message((struct message){
		.english = many, .one = english, .many = many});
}

static void read_catalogue(const char *path)
{
	size_t size = 0;
	uint32_t count;

	if (file_read(path, MO_MAX, &cat.file, &size, NULL) || size < 28 ||
		word(cat.file, 0) != MO_MAGIC)
		return;
	count = word(cat.file, 8);
	if ((uint64_t)count * 16 > size)
		return;
	cat.m = xcalloc(2 * count + 1, sizeof(*cat.m));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t from = word(cat.file, 12), to = word(cat.file, 16);
		const char *english = entry(size, from, i);
		const char *said = entry(size, to, i);

		if (english && said)
			add_entry(english, word(cat.file, from + 8 * i), said);
	}
	if (cat.n)
		qsort(cat.m, cat.n, sizeof(*cat.m), by_fixed);
}

/* The catalogue of the language spoken now, read once. */
static void need_catalogue(void)
{
	_free_ char *path = i18n_file();

	if (cat.path ? path && strcmp(path, cat.path) == 0 : !path)
		return;
	free(cat.path);
	free(cat.file);
	free(cat.m);
	cat = (struct catalogue){.path = path ? xstrdup(path) : NULL};
	if (path)
		read_catalogue(path);
}

/* --- finding the message --- */

struct arg {
	const char *s;
	size_t n;
	char letter;
};

static bool fits_letter(char letter, const char *s, size_t n)
{
	const char *of = letter == 's'  ? NULL
		: strchr("xXp", letter) ? "0123456789abcdefABCDEFx"
					: "0123456789.-";

	for (size_t i = 0; of && i < n; i++)
		if (!strchr(of, s[i]))
			return false;
	return letter == 's' || n > 0;
}

/* Does text fit pattern; arg gets what its directives stand for. */
static bool fits(const char *pattern, const char *text, struct arg *arg, int n)
{
	size_t d = 0;
	char letter;
	int place;

	for (; *pattern; pattern++, text++) {
		d = directive(pattern, &letter, &place);
		if (d)
			break;
		if (*pattern == '%')
			pattern++;
		/* A line end does not survive on the way (str_printable). */
		if (*pattern != *text && !(*pattern == '\n' && *text == '?'))
			return false;
	}
	if (!*pattern)
		return !*text;
	if (n == ARGS)
		return false;
	for (size_t len = 0;; len++) {
		arg[n] = (struct arg){text, len, letter};
		if (fits_letter(letter, text, len) &&
			fits(pattern + d, text + len, arg, n + 1))
			return true;
		if (!text[len])
			return false;
	}
}

static char *said_at(const char *english, int depth);
static char *said_inside(const char *s, size_t n, int depth);

static void add_arg(struct buf *b, const struct arg *a, int depth)
{
	_free_ char *said =
		a->letter == 's' ? said_inside(a->s, a->n, depth) : NULL;

	if (said)
		buf_adds(b, said);
	else
		buf_add(b, a->s, a->n);
}

/* The translation with the arguments in their places. */
static char *fill(const char *said, const struct arg *arg, int depth)
{
	_buf_ struct buf b = {0};
	int next = 0, place;
	char letter;

	while (*said) {
		size_t d = directive(said, &letter, &place);
		int i;

		if (!d) {
			buf_addc(&b, *said);
			said += said[0] == '%' && said[1] == '%' ? 2 : 1;
			continue;
		}
		i = place ? place - 1 : next++;
		if (i < ARGS && arg[i].s)
			add_arg(&b, &arg[i], depth);
		said += d;
	}
	return b.s ? buf_steal(&b) : xstrdup("");
}

static const char *words_of(const struct message *m, const struct arg *arg)
{
	for (int i = 0; m->many && i < ARGS && arg[i].s; i++)
		if (arg[i].letter != 's')
			return dngettext(I18N_DOMAIN, m->one, m->many,
				strtoul(arg[i].s, NULL, 10));
	return m->many ? _(m->many) : m->said;
}

/* By the message that it is or was made from; null where there is none. */
static char *by_message(const char *english, int depth)
{
	const char *exact = _(english);
	int least = depth ? INSIDE_LEAST : FIXED_LEAST;

	if (exact != english)
		return xstrdup(exact);
	if (strlen(english) > LONGEST)
		return NULL;
	for (size_t i = 0; *english && i < cat.n; i++) {
		struct arg arg[ARGS] = {0};

		if (cat.m[i].letters >= least &&
			fits(cat.m[i].english, english, arg, 0))
			return fill(words_of(&cat.m[i], arg), arg, depth);
	}
	return NULL;
}

/* A part of a text; null where it says nothing that is ours. One word is a
 * name, mostly: never taken for a message. */
static char *part(const char *s, size_t n, int depth,
	char *(*by)(const char *english, int depth))
{
	_free_ char *text = xstrndup(s, n);

	return depth < DEPTH && strchr(text, ' ') ? by(text, depth + 1) : NULL;
}

/* The text as `left`, a separator, `right`, one of them a message. Null where
 * neither is. */
static char *in_two(const char *left, size_t n, const char *between,
	const char *right, int depth)
{
	_free_ char *a = part(left, n, depth, by_message);
	_free_ char *b = part(right, strlen(right), depth, by_message);

	if (!a && !b)
		return NULL;
	if (!a)
		a = part(left, n, depth, said_at);
	if (!b)
		b = part(right, strlen(right), depth, said_at);
	if (!a)
		a = xstrndup(left, n);
	return xasprintf("%s%s%s", a, _(between), b ? b : right);
}

static char *by_parts(const char *english, int depth)
{
	static const char *const between[] = {"  ", N_(": "), "; ", " (", "] "};

	for (const char *s = english; *s && s[1]; s++)
		for (size_t i = 0; i < ARRAY_LEN(between); i++) {
			size_t n = strlen(between[i]);
			char *said = NULL;

			if (strncmp(s, between[i], n) == 0)
				said = in_two(english, s - english, between[i],
					s + n, depth);
			if (said)
				return said;
		}
	return NULL;
}

static char *said_at(const char *english, int depth)
{
	char *said = by_message(english, depth);

	return said || strlen(english) > LONGEST ? said
						 : by_parts(english, depth);
}

static char *said_inside(const char *s, size_t n, int depth)
{
	return part(s, n, depth, said_at);
}

char *i18n_said(const char *english)
{
	char *said;

	if (!english)
		return NULL;
	need_catalogue();
	said = said_at(english, 0);
	return said ? said : xstrdup(english);
}
