/*
 * Reading parts of a file on an ESXi host with the host's own dd: command
 * lines for it, and what became of them.
 */
#ifndef CORE_DDREAD_H
#define CORE_DDREAD_H

#include <sys/types.h>

#include "extent.h"
#include "str.h"

/* Printed on the host before the first data, by DD_BEGIN_COMMAND: where a
 * greeting or a warning stands before it, all bytes would be at another place.
 */
#define DD_BEGIN "vmferry: data"
#define DD_BEGIN_COMMAND "echo '" DD_BEGIN "'"
/*
 * Take n bytes at p that came first: how many of them belong to DD_BEGIN, of
 * which *at were there before. -1, ERR_SOURCE_READ, where they are others.
 */
ssize_t dd_begin(size_t *at, const void *p, size_t n, struct err *e);
/* Bytes of it that are still to come; 0: what comes now is data. */
size_t dd_to_begin(size_t at);

/* Append the commands that print [off, off + len) of file, in the largest
 * blocks that fit, joined by " && ". Both are multiples of 512. */
void dd_add(struct buf *b, const char *file, uint64_t off, uint64_t len);
/*
 * The next commands of a list of extents, joined by " && ", until they are
 * longer than max bytes: *i is the extent to go on with. Extents that follow
 * one another are read as one. ERR_INTERNAL where they are no sectors.
 */
int dd_list(struct buf *b, const char *file, const struct extent *x, size_t n,
	size_t *i, size_t max, struct err *e);
/* "8+0 records in": the second number counts blocks that came short, which
 * is no error to dd. True where line is such a one and it is not 0. */
bool dd_short(const char *line);
/* -1, ERR_SOURCE_CHANGED: that is what became of a file. */
int dd_cut(const char *file, struct err *e);
/*
 * What became of commands that ended: 0 where each gave all its bytes, else
 * ERR_SOURCE_LOCKED, ERR_DISK_MISSING, ERR_SOURCE_READ, or ERR_SOURCE_CHANGED
 * where blocks came short. status: the shell's, 128 + N for a signal; signal:
 * "KILL", or "" for none; text: standard error, which is cut into lines.
 */
int dd_judge(const char *file, int status, const char *signal, char *text,
	struct err *e);

#endif
