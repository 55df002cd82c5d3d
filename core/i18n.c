/*
 * Languages: see i18n.h. i18n_said reads the catalogue's file itself, since
 * gettext answers only to a message's exact words: each message is a pattern
 * of fixed text and printf directives, the one with most fixed text that fits
 * wins. The file's form: gettext's manual, "The Format of GNU MO Files".
 */
#include "i18n.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "str.h"

#define MO_MAGIC 0x950412de
#define MO_MAX (8 << 20)
#define FIXED_LEAST 4 /* letters; below, a message says nothing by itself */
#define ARGS 12
#define DEPTH 2

struct message {
	const char *english, *said;
	const char *one, *many; /* it is one of these two; else null */
	int fixed;              /* bytes outside directives */
};

static struct catalogue {
	char *dir, *file;
	struct message *m;
	size_t n;
	bool read;
} cat;

/* --- opening --- */

/* The first of these that is set and not empty. */
static const char *first_env(const char *const *names)
{
	for (; *names; names++) {
		const char *s = getenv(*names);

		if (s && *s)
			return s;
	}
	return "";
}

/* The locale of the environment is not on this machine (a session forwards
 * LANG=fr_FR.UTF-8 to a node that has C.UTF-8 only). */
static void stand_in(void)
{
	static const char *const charset[] = {
		"LC_ALL", "LC_CTYPE", "LANG", NULL};
	static const char *const words[] = {
		"LC_ALL", "LC_MESSAGES", "LANG", NULL};
	const char *c = first_env(charset), *w = first_env(words);
	_free_ char *language = xstrndup(w, strcspn(w, "._@"));

	if (!strstr(c, "UTF-8") && !strstr(c, "utf8") && !strstr(c, "UTF8"))
		return;
	if (setlocale(LC_ALL, "C.UTF-8"))
		setenv("LANGUAGE", language, 0);
}

static char *find_dir(void)
{
	static const char *const beside[] = {
		"locale", "build/locale", "../share/locale"};
	const char *set = getenv("VMFERRY_LOCALE");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (set && *set)
		return xstrdup(set);
	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
		_free_ char *fr = xasprintf("%s/%s/fr/LC_MESSAGES/%s.mo", self,
			beside[i], I18N_DOMAIN);

		if (access(fr, R_OK) == 0)
			return xasprintf("%s/%s", self, beside[i]);
	}
	return NULL;
}

const char *i18n_language(void)
{
	static char language[16];
	const char *s = strstr(dgettext(I18N_DOMAIN, ""), "Language: ");
	size_t n = s ? strcspn(s + 10, "\n") : 0;

	if (!n || n >= sizeof(language))
		return "en";
	memcpy(language, s + 10, n);
	language[n] = '\0';
	return language;
}

static bool can_show(wchar_t c)
{
	char out[16];
	mbstate_t st = {0};

	return wcrtomb(out, c, &st) != (size_t)-1;
}

void i18n_open(void)
{
	if (!setlocale(LC_ALL, ""))
		stand_in();
	/* Figures are read and written with a point, whatever the locale. */
	setlocale(LC_NUMERIC, "C");
	/* strerror's words go into journals: no catalogue for libc. */
	bindtextdomain("libc", "/");
	free(cat.dir);
	free(cat.file);
	free(cat.m);
	cat = (struct catalogue){.dir = find_dir()};
	if (!cat.dir)
		return;
	bindtextdomain(I18N_DOMAIN, cat.dir);
	bind_textdomain_codeset(I18N_DOMAIN, "UTF-8");
	if (strcmp(i18n_language(), "ru") == 0 && !can_show(0x44f))
		setlocale(LC_MESSAGES, "C");
}

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
	int letters;

	m.fixed = fixed_part(m.english, &letters);
	if (letters >= FIXED_LEAST)
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

static void read_catalogue(void)
{
	_free_ char *path = NULL;
	size_t size = 0;
	uint32_t count;

	cat.read = true;
	if (!cat.dir || strcmp(i18n_language(), "en") == 0)
		return;
	path = xasprintf("%s/%s/LC_MESSAGES/%s.mo", cat.dir, i18n_language(),
		I18N_DOMAIN);
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
	qsort(cat.m, cat.n, sizeof(*cat.m), by_fixed);
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

static void add_arg(struct buf *b, const struct arg *a, int depth)
{
	_free_ char *s = xstrndup(a->s, a->n), *said = NULL;

	/* One word is a name, mostly: never taken for a message. */
	if (a->letter == 's' && depth < DEPTH && strchr(s, ' '))
		said = said_at(s, depth + 1);
	buf_adds(b, said ? said : s);
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

static char *said_at(const char *english, int depth)
{
	const char *exact = _(english);

	if (exact != english)
		return xstrdup(exact);
	if (!cat.read)
		read_catalogue();
	for (size_t i = 0; *english && i < cat.n; i++) {
		struct arg arg[ARGS] = {0};

		if (fits(cat.m[i].english, english, arg, 0))
			return fill(words_of(&cat.m[i], arg), arg, depth);
	}
	return xstrdup(english);
}

char *i18n_said(const char *english)
{
	return english ? said_at(english, 0) : NULL;
}
