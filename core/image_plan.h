/*
 * What a disk image is made of, and how QEMU is to open it: VMDK (flat with
 * descriptor, sparse, split, streamOptimized, on snapshots, inside an OVA) and
 * qcow2. Keeps true: nothing is named to QEMU but the file given and, for a
 * VMDK, extents and parents in the same directory: an image is its maker's to
 * write, and could name any file of this machine.
 */
#ifndef CORE_IMAGE_PLAN_H
#define CORE_IMAGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct image_plan {
	char *path;   /* of the file that was named */
	char **files; /* all files it is made of, that one first */
	size_t n_files;
	char **links;   /* descriptors of a chain of snapshots, newest first */
	size_t n_links; /* 0: no snapshot */
	uint64_t capacity; /* by the descriptor; 0: what QEMU says */
	/* How QEMU opens it. */
	char *file; /* path, or options */
	const char *format;
	bool options;
};

/*
 * "/path/x.vmdk", "/path/x.qcow2", "/path/x.ova" (of one disk),
 * "/path/x.ova#member.vmdk". ERR_NOT_FOUND, ERR_DISK_MISSING (an extent, a
 * parent), ERR_DISK_CHAIN (a backing file, a parent that was changed),
 * ERR_DISK_UNSUPPORTED, ERR_BAD_VMDK, ERR_BAD_INPUT, ERR_IO.
 */
int image_plan(const char *spec, struct image_plan *out, struct err *e);
void image_plan_free(struct image_plan *m);

/*
 * QEMU reads zeros where the data of a sparse image that was cut off should
 * be; its check finds them by the image's own tables. ERR_DISK_MISSING.
 */
int image_check(const struct image_plan *m, struct err *e);

#endif
