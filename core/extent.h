/*
 * Extents: which parts of a disk hold data and which read as zero, sorted,
 * without gaps or overlaps, from 0 on.
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
/* Bytes of data in [offset, offset + length). */
uint64_t extents_data_in(
	const struct extents *x, uint64_t offset, uint64_t length);
/* True where all of [offset, offset + length) reads as zero. */
bool extents_zero(const struct extents *x, uint64_t offset, uint64_t length);
/* A new list of the same size in which every data extent begins and ends at a
 * multiple of align (a power of two; the last end is the disk's). */
void extents_align(
	const struct extents *x, uint64_t align, struct extents *out);

#endif
