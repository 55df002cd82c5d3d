/* Compressed data, whole in memory: libarchive's filters (gzip, xz, lzma,
 * bzip2, lz4, zstd; what is compressed by none of them stays as it is). */
#ifndef CORE_PACK_H
#define CORE_PACK_H

#include "str.h"

/*
 * Append what p unpacks to, at most max bytes of it. *used (may be null) is
 * how many bytes of p that took: what stands behind the compressed data is
 * none of it; 0 where it ended by damage or by max. ERR_BAD_INPUT.
 */
int pack_undo(const void *p, size_t len, size_t max, struct buf *out,
	size_t *used, struct err *e);
/* Write p to fd, compressed as gzip does. ERR_IO. */
int pack_gzip(int fd, const void *p, size_t len, struct err *e);

#endif
