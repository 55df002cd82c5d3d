/*
 * gzip, unpacked as it comes (RFC 1952, by zlib): a row of members, each of
 * which carries the CRC-32 and the length of what it holds.
 */
#ifndef CORE_GUNZIP_H
#define CORE_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct gunzip;
struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *g); /* null allowed */
/*
 * Take from in[0, *n), which moves on, and put at most room bytes to out:
 * returns how many, or -1 with ERR_SOURCE_READ where this is no gzip or a
 * checksum is wrong. *end: a member ended here, its checksum and length are
 * right; what follows is the next. Call again while *n or a full out is left.
 */
long gunzip_some(struct gunzip *g, const unsigned char **in, size_t *n,
	unsigned char *out, size_t room, bool *end, struct err *e);

#endif
