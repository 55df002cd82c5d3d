/* The table of verbs, made from the files in core/verb/. */
#include "verb.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"

#define FORM_COLS 79

const struct verb *const verbs[] = {
#define X(name) &verb_##name,
#include "gen/verb.h"
#undef X
	NULL,
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

int verb_usage(const struct verb *v, struct err *e)
{
	return err_set(e, ERR_USAGE,
		"an argument of vmferry %s is missing, or not understood",
		v->name);
}

/* The length of the word at s: up to a blank outside of all brackets. */
static size_t word_len(const char *s)
{
	size_t n = 0;
	int depth = 0;

	for (; s[n] && (depth > 0 || s[n] != ' '); n++)
		depth += (s[n] == '[' || s[n] == '(') -
			(s[n] == ']' || s[n] == ')');
	return n;
}

char *verb_form(const struct verb *v)
{
	_buf_ struct buf b = {0};
	size_t begin = 0, n;
	const char *s = v->args;

	buf_addf(&b, "  vmferry %s", v->name);
	for (; *s; s += n + (s[n] == ' ')) {
		n = word_len(s);
		if (n == 1 && *s == '|') {
			buf_addc(&b, '\n');
			begin = b.len;
			buf_addf(&b, "  vmferry %s", v->name);
			continue;
		}
		if (b.len - begin + 1 + n > FORM_COLS) {
			buf_adds(&b, "\n     ");
			begin = b.len - 5;
		}
		buf_addf(&b, " %.*s", (int)n, s);
	}
	buf_addc(&b, '\n');
	return buf_steal(&b);
}

/* Columns of n bytes of UTF-8; none of our words is a wide one. */
static size_t columns(const char *s, size_t n)
{
	size_t c = 0;

	for (size_t i = 0; i < n; i++)
		c += ((unsigned char)s[i] & 0xc0) != 0x80;
	return c;
}

char *verb_wrapped(const char *text, size_t indent)
{
	struct buf b = {0};
	size_t at = indent;

	for (const char *s = text; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " "), cols = columns(s, n);

		if (s != text && at + 1 + cols > FORM_COLS) {
			buf_addf(&b, "\n%*s", (int)indent, "");
			at = indent;
		} else if (s != text) {
			buf_addc(&b, ' ');
			at++;
		}
		buf_add(&b, s, n);
		at += cols;
		s += n;
	}
	return buf_steal(&b);
}

int verb_call(const struct verb *v, int argc, char **argv, struct out *o,
	struct err *e)
{
	return v->run(argc, argv, o, e) ? err_in(e, "vmferry %s", v->name) : 0;
}

static char *said(const char *english, bool person)
{
	return person ? i18n_said(english) : xstrdup(english);
}

char *verb_error(const struct err *e, bool person)
{
	static const char *const labels[] = {N_("why"), N_("next"), N_("see")};
	_free_ char *what = said(e->what, person), *why = said(e->why, person);
	const char *advice = err_advice(e->code);
	const char *texts[] = {
		why, person ? _(advice) : advice, "vmferry-errors(7)"};
	_buf_ struct buf b = {0};
	int width = 5;

	for (size_t i = 0; person && i < ARRAY_LEN(labels); i++)
		if (str_cols(_(labels[i])) > width)
			width = str_cols(_(labels[i]));
	buf_addf(&b, "%s  %s\n", err_id(e->code), what);
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		buf_adds(&b, "  ");
		buf_pad(&b, person ? _(labels[i]) : labels[i], width);
		buf_addf(&b, " %s\n", texts[i]);
	}
	return buf_steal(&b);
}

const char *out_word(const struct out *o, const char *message)
{
	return o->tty ? _(message) : message;
}

char *out_said(const struct out *o, const char *english)
{
	if (!english)
		english = "";
	return o->tty ? i18n_said(english) : xstrdup(english);
}

static void put(struct out *o, const char *s)
{
	o->put(o, s, strlen(s));
}

void out_puts(struct out *o, const char *s)
{
	put(o, out_word(o, s));
}

void out_f(struct out *o, const char *fmt, ...)
{
	_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, out_word(o, fmt), ap) < 0)
		abort();
	va_end(ap);
	put(o, s);
}

void out_linef(struct out *o, const char *fmt, ...)
{
	_free_ char *raw = NULL, *clean = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&raw, out_word(o, fmt), ap) < 0)
		abort();
	va_end(ap);
	clean = str_printable_dup(raw);
	put(o, clean);
	put(o, "\n");
}

void out_notef(struct out *o, const char *fmt, ...)
{
	_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	o->note(o, s);
}
