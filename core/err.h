/*
 * Errors: one value that says what was tried, why it failed and what to do
 * next. The codes, whether trying again can help, and the advice stand in
 * errors.def; the enum, the dialog, vmferry-errors(7) and the exit code are
 * made from it.
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum err_code {
	ERR_NONE,
#define X(id, retry, advice) ERR_##id,
#include "errors.def"
#undef X
	ERR_COUNT
};

struct err {
	enum err_code code;
	char what[160]; /* the operation: "write disk 1 of web01" */
	char why[240];  /* the cause, in the words of who refused */
};

/*
 * Set code and cause. A null e is allowed (the caller does not care).
 * Remote text may be passed: control characters are replaced.
 * Returns -1, so that `return err_set(...)` reads well.
 */
int err_set(struct err *e, enum err_code code, const char *why_fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like err_set with ": strerror(errno)" behind the text; ENOSPC and EDQUOT
 * become ERR_NO_SPACE whatever the code given; ERR_IO becomes ERR_NOT_FOUND or
 * ERR_PERMISSION where errno says so. Keeps errno. Returns -1. */
int err_sys(struct err *e, enum err_code code, const char *why_fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Name the operation, by the caller who knows it; the innermost name wins,
 * so every layer may call it on the way out. Returns -1.
 */
int err_in(struct err *e, const char *what_fmt, ...)
	__attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/* "NO_SPACE"; static storage. */
const char *err_id(enum err_code code);
/* The code of an id, ERR_NONE where there is none such. */
enum err_code err_by_id(const char *id);
/* What to do next, one or two sentences; static storage, untranslated. */
const char *err_advice(enum err_code code);
/* True where the same command may succeed a little later. */
bool err_retryable(enum err_code code);
/* 0 done, 1 failed, 2 usage, 10 waits for an answer, 75 try again. */
int err_exit_code(enum err_code code);

#endif
