/* The block map of an ESXi host. Pure: text in, extents out. */
#ifndef CORE_BLOCKMAP_H
#define CORE_BLOCKMAP_H

#include "extent.h"

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
