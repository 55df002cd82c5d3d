/*
 * Texts that belong to a job and are too long for its journal: what a guest's
 * file holds and is to hold. Each is a file content-SHA256 (0600) of the job
 * directory, so that the journal's digest says which text was meant. Keeps
 * true: a text that is handed out has the digest it was asked for.
 */
#ifndef CORE_CONTENT_H
#define CORE_CONTENT_H

#include "digest.h"
#include "err.h"

#define CONTENT_MAX 65536 /* bytes: configuration files */

/* Is it a text that a person may edit: UTF-8, at most CONTENT_MAX bytes, no
 * control character but tab and newline? ERR_BAD_INPUT names size or line. */
int content_check(const char *text, size_t len, struct err *e);

/* Keep a text that content_check takes in dir; hex names it from then on.
 * Twice the same text is one file. ERR_IO, ERR_NO_SPACE. */
int content_keep(const char *dir, const char *text, size_t len,
	char hex[SHA256_HEX], struct err *e);

/* The text of a digest, NUL-terminated, to be freed. ERR_NOT_FOUND where it is
 * gone, ERR_JOB_BAD where it is another text. */
int content_read(const char *dir, const char *hex, char **text, struct err *e);

/* "dir/content-HEX", to be freed. */
char *content_path(const char *dir, const char *hex);

#endif
