/*
 * Inside a copy: which parts of the disk the guest's file systems use
 * (core/fsmap.h), read by the source's own roads. What they do not use is
 * neither read nor copied and reads as zero on the target.
 */
#ifndef CORE_COPY_USED_H
#define CORE_COPY_USED_H

#include "source.h"

struct copy_used {
	json_t *areas;      /* fsmap_report_to_json(); null: none */
	char *note;         /* what is read whole, and why; or null */
	uint64_t looked_at; /* bytes read to find out */
};

/* out: data where map has data and a file system may need it. map is made of
 * whole blocks of 64 KiB. Never fails: in doubt out is map. u is the
 * caller's to release. */
void copy_used(struct disk_in *in, const struct extents *map,
	struct extents *out, struct copy_used *u);

#endif
