/*
 * Used blocks inside the guest's file systems: what of a disk must be copied
 * so that nothing a guest could ever ask for is lost. Deleted data on a thick
 * disk is the rest.
 *
 * Pure: bytes in by a callback, a list of extents out. Keeps true: any doubt
 * makes everything of that area "used". A doubt is: a file system that was
 * not cleanly unmounted, a feature, flag or version that is not known, a
 * checksum or a count that is wrong, two kinds of signature in one place, a
 * table that overlaps itself. Boot areas, gaps between partitions, backup
 * tables and everything unknown are always used.
 *
 * Looked into: MBR (logical partitions too) and GPT; LVM2 (one PV, linear
 * LVs); ext2/3/4, XFS, NTFS, swap. What the rest of a disk is, and why it is
 * read, stands in the report, for people.
 *
 * Unused blocks may hold anything on the source; who skips them defines them
 * as zeros on the target. A checksum of the whole source is then not that of
 * the target: only a copy that reads everything can be compared that way.
 */
#ifndef CORE_FSMAP_H
#define CORE_FSMAP_H

#include "extent.h"
#include "json.h"

/* Requests are multiples of it in offset and, but for the disk's end, in
 * length; and an unused extent is never smaller, and begins and ends at one. */
#define FSMAP_GRAIN (64U << 10)

struct fsmap_disk {
	uint64_t size; /* bytes */
	/* The bytes of n extents, one behind the other, into buf. -1: they
	 * cannot be read, and everything will be. */
	int (*read)(void *ctx, const struct extent *x, size_t n, void *buf,
		struct err *e);
	void *ctx;
};

struct fsmap_area {
	char name[64];    /* "disk", "partition 2", "LV vg/root" */
	const char *kind; /* "ext4", "lvm", ..., "unknown"; static */
	uint64_t offset;  /* on the disk, of its first byte */
	uint64_t size;
	uint64_t unused; /* bytes not to be read; of an LVM its free PEs */
	char why[160];   /* why all of it is read; empty: it is not */
};

struct fsmap_report {
	struct fsmap_area *area; /* in the order they were found */
	size_t n;
	uint64_t unused; /* bytes of the disk that need not be read */
	uint64_t read;   /* bytes read to find out */
};
#define _fsmap_report_ __attribute__((cleanup(fsmap_report_free)))
void fsmap_report_free(struct fsmap_report *r);
/* [{"name":, "kind":, "offset":, "size":, "unused":, "why":}, ...]; new
 * reference. */
json_t *fsmap_report_to_json(const struct fsmap_report *r);

/*
 * *used covers the disk: data is what must be copied. *what says what was
 * found. -1 only where the callback failed, with its error: the caller then
 * reads everything. Memory: 10 MiB at most, and what libext2fs needs for the
 * bitmaps of one file system.
 */
int fsmap_used(const struct fsmap_disk *disk, struct extents *used,
	struct fsmap_report *what, struct err *e);

#endif
