/*
 * VMDK descriptors: the text that says of what a virtual disk is made, alone
 * in a file (ESXi) or inside a sparse image (Workstation, OVA). Field list
 * after libyal's libvmdk document, QEMU's block/vmdk.c and real files.
 */
#ifndef CORE_VMDK_H
#define CORE_VMDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "vm.h"

struct vmdk_extent {
	bool readable;    /* not NOACCESS */
	char *type;       /* "VMFS", "FLAT", "SPARSE", ... upper case */
	char *file;       /* UTF-8, as written; null for ZERO without one */
	uint64_t sectors; /* of 512 bytes */
	uint64_t offset;  /* sectors into the file */
};

struct vmdk {
	unsigned version;
	char *create_type; /* canonical case: "vmfs", "twoGbMaxExtentFlat" */
	char *cid;         /* 8 lower-case hex digits, or null */
	char *parent_cid;  /* the same; null: no such line */
	char *parent_hint; /* parentFileNameHint, or null */
	struct vmdk_extent *extents;
	size_t n_extents;
	uint64_t capacity; /* bytes: the sum of the extents */
	char *adapter;     /* "lsilogic": a hint of old; or null */
	char *uuid;        /* ddb.uuid as written, or null */
	bool thin;
	bool embedded; /* came out of a sparse image */
	bool child;    /* has a parent: one link of a snapshot chain */
	/* Why its data cannot be read as they lie in one plain extent: null
	 * where they can. Then refusal is the code: DISK_CHAIN for a child,
	 * else DISK_UNSUPPORTED. */
	char *unsupported;
	enum err_code refusal;
};

#define VMDK_TEXT_MAX (1u << 20) /* bytes of descriptor read at most */

/*
 * data: the whole descriptor, or the first len bytes of a sparse image (the
 * header names where its descriptor lies; 64 KiB are enough for real ones).
 * ERR_BAD_VMDK with the exact cause: not a descriptor (a delta, a flat file, a
 * sparse extent, a change map), cut off, contradictory. A disk that is
 * understood but cannot be copied parses; see vmdk_usable.
 */
int vmdk_parse(const void *data, size_t len, struct vmdk **out, struct err *e);
void vmdk_free(struct vmdk *d);
void cleanup_vmdk(struct vmdk **d);
#define _vmdk_ __attribute__((cleanup(cleanup_vmdk)))

/* 0 where the data lie plain in one extent; else the refusal and its cause. */
int vmdk_usable(const struct vmdk *d, struct err *e);

/* Extent i against the size of its file, in bytes. A file may be longer; a
 * shorter one is ERR_DISK_MISSING. Only plain extents (VMFS, FLAT) can be
 * judged so; for the others it is always 0. */
int vmdk_check_size(
	const struct vmdk *d, size_t i, uint64_t size, struct err *e);

/*
 * Put what the descriptor says into disk: capacity, thin, create_type, cid,
 * snapshot, unsupported (an earlier reason is kept), and data, beside path, the
 * descriptor's own (null: no data path).
 */
void vmdk_to_disk(const struct vmdk *d, const char *path, struct vm_disk *disk);

#endif
