/*
 * Secrets: passwords, tokens, keys. Held in locked, non-dumped memory, wiped
 * when released; read from a 0600 file, a descriptor or a prompt; never in
 * argv, environment, plan, journal or log.
 *
 * File format: lines NAME=VALUE, NAME such as esxi.password, pve.token,
 * pve.password, hoster.KEY; '#' starts a comment line; the value is taken as
 * it stands up to the end of line.
 */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include <stddef.h>

#include "err.h"

struct secrets;

/* An empty set. */
struct secrets *secrets_new(void);
void secrets_free(struct secrets *s); /* wipes */
void cleanup_secrets(struct secrets **s);
#define _secrets_ __attribute__((cleanup(cleanup_secrets)))

/* Add all lines of a file; mode must be 0600 or less and the owner us
 * (ERR_SECRET_OPEN). "fd:N" reads from descriptor N and closes it.
 * ERR_BAD_INPUT: not such lines, a NUL, or 64 KiB and more. */
int secrets_load(struct secrets *s, const char *path, struct err *e);
/* Add or replace one; the caller wipes its own copy. */
void secrets_put(struct secrets *s, const char *name, const char *value);
/* The value, valid until the set is freed or changed; null: none. */
const char *secrets_get(const struct secrets *s, const char *name);
/* The name of the i-th, in no order; null behind the last. */
const char *secrets_name(const struct secrets *s, size_t i);
/* As secrets_get, absent is ERR_SECRET_MISSING. */
int secrets_need(const struct secrets *s, const char *name, const char **value,
	struct err *e);

/*
 * The name of a secret whose value stands in text, or null. Values under 4
 * bytes, and under 12 where all are lower-case letters or all digits, cannot
 * be told from ordinary words and are not looked for.
 */
const char *secrets_find(const struct secrets *s, const char *text);

/* Replace every known secret in text by "***", in place: the last guard
 * before a log. */
void secrets_redact(const struct secrets *s, char *text);

/*
 * Forbid core dumps and ptrace by others for this process, and let jansson,
 * libcurl and OpenSSL zero what they free: what went through them is nowhere
 * left. Before they are used, and before there are threads.
 */
void secrets_harden(void);

#endif
