/*
 * A verb of the command line: one file in core/verb/ ending in
 * `const struct verb verb_NAME`. Verbs never print: they put text into the
 * out they are given.
 */
#ifndef CORE_VERB_H
#define CORE_VERB_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

struct out {
	/* Standard output: results. */
	void (*put)(struct out *o, const char *s, size_t n);
	/* Standard error: progress and notes, one line without newline. */
	void (*note)(struct out *o, const char *line);
	bool tty; /* standard output is a terminal */
};

/*
 * On a terminal a message is said in the language of the screen; a pipe and a
 * file get English. So these texts and formats are messages (po/xgettext.sh);
 * notes are translated by who shows them.
 */
void out_puts(struct out *o, const char *s);
void out_f(struct out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line, without its newline, whose words may come from other machines:
 * nothing but printable characters leaves here. */
void out_linef(struct out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A message (marked N_) to stand in one of these. Static storage. */
const char *out_word(const struct out *o, const char *message)
	__attribute__((format_arg(2)));
/* The same of text that was made elsewhere (null is ""); it may hold what a
 * screen must not get. To be freed. */
char *out_said(const struct out *o, const char *english);
void out_notef(struct out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct verb {
	const char *name;
	const char *args; /* "FILE [--json]" */
	const char *help; /* one line */
	bool hidden;
	/* argv[0] is the verb. 0, or -1 with the error. */
	int (*run)(int argc, char **argv, struct out *o, struct err *e);
};

/* verb_NAME of every file in core/verb/. */
#define X(name) extern const struct verb verb_##name;
#include "gen/verb.h"
#undef X

/* Null-terminated, in name order. */
extern const struct verb *const verbs[];
const struct verb *verb_find(const char *name);
/* Run it; an error that names no operation is the verb's. */
int verb_call(const struct verb *v, int argc, char **argv, struct out *o,
	struct err *e);
/*
 * The lines of an error for a terminal or a pipe: id and what was tried; why;
 * what to do next; where more stands. A person reads them in the language of
 * the screen, a pipe gets English: the wizard and scripts read it. To be
 * freed.
 */
char *verb_error(const struct err *e, bool person);
/* ERR_USAGE: these are not the verb's arguments. */
int verb_usage(const struct verb *v, struct err *e);
/* The verb's form for people: a line that begins with vmferry for each of the
 * alternatives in its args, wrapped at 79 columns. To be freed. */
char *verb_form(const struct verb *v);
/* Text in lines of at most 79 columns, all but the first behind that many
 * blanks; the first has as much room. To be freed. */
char *verb_wrapped(const char *text, size_t indent);

#endif
