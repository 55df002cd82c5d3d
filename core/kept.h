/*
 * What the operator wanted kept: lines of STATE/secrets (0600), written in
 * one go. A password belongs to one login, which its name says
 * ("esxi.password root@esxi1:22"), so that it is never sent to another host
 * or for another user.
 */
#ifndef CORE_KEPT_H
#define CORE_KEPT_H

#include "secret.h"

/* "KIND USER@HOST:PORT" of a host as it is typed ("h", "h:22", "[::1]:22"),
 * to be freed. */
char *kept_name(
	const char *kind, const char *user, const char *host, unsigned port);

/* All lines into s; none where there is no file. As secrets_load. */
int kept_load(struct secrets *s, struct err *e);
/* The file at path without the line of name, and with another behind it where
 * value is not null; *was tells whether it was there. */
int kept_change(const char *path, const char *name, const char *value,
	bool *was, struct err *e);
/* Put a line in place of an older one. ERR_BAD_INPUT where name or value would
 * not stay one line. */
int kept_put(const char *name, const char *value, struct err *e);
/* Remove a line; *was (may be null) tells whether it was there. */
int kept_forget(const char *name, bool *was, struct err *e);

#endif
