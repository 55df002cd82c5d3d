/*
 * Extents: which parts of a disk hold data and which read as zero, sorted,
 * without gaps or overlaps, from 0 to the disk's size. And the block map of
 * an ESXi host, the one format they are parsed from.
 */
#ifndef CORE_EXTENT_H
#define CORE_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct extent {
	uint64_t offset, length; /* bytes; length is never 0 */
	bool data;               /* false: reads as zero */
};

struct extents {
	struct extent *e;
	size_t n, cap;
};
#define _extents_ __attribute__((cleanup(extents_free)))
void extents_free(struct extents *x);
/* Append length bytes behind the last; joined to it where of one kind;
 * nothing for length 0. */
void extents_add(struct extents *x, uint64_t length, bool data);
/* Bytes covered: the end of the last. */
uint64_t extents_end(const struct extents *x);
/* Bytes of data. */
uint64_t extents_data(const struct extents *x);
/* Index of the extent that holds offset; n where behind the end. */
size_t extents_find(const struct extents *x, uint64_t offset);
/* A new list of the same size in which every data extent begins and ends at a
 * multiple of align (a power of two; the last end is the disk's). */
void extents_align(
	const struct extents *x, uint64_t align, struct extents *out);

/*
 * The output of `vmkfstools -t0 DESCRIPTOR` (ESXi 5.5 to 8, VM off):
 *
 *   Mapping for file NAME (N bytes in size):
 *   [   OFFSET:   LENGTH] --> [VMFS -- LVID:...]     written
 *   [   OFFSET:   LENGTH] --> [VMFS Z- LVID:...]     allocated, never written
 *   [   OFFSET:   LENGTH] --> [NOMP -- :(...)]       not allocated
 *
 * in bytes. Strict: every line that is not empty or the headline must parse,
 * the runs must begin at 0, follow one another and reach capacity at least
 * (a flat file may be longer than its disk: the rest is cut). Otherwise
 * ERR_ESXI_COMMAND with the line, *out untouched, and the caller reads
 * everything: a map is only ever a reason to read less.
 */
int blockmap_parse(const char *text, uint64_t capacity, struct extents *out,
	struct err *e);

#endif
