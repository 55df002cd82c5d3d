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

void out_puts(struct out *o, const char *s);
void out_f(struct out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
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
/* ERR_USAGE naming the verb's form. */
int verb_usage(const struct verb *v, struct err *e);

#endif
