/*
 * The archive that a kernel finds its root disk with: read on this machine,
 * whole in memory, and written again with files added.
 */
#ifndef CORE_GUEST_INITRAMFS_H
#define CORE_GUEST_INITRAMFS_H

#include "../json.h"
#include "../str.h"

struct initramfs {
	json_t *names;    /* every path in it, as members of an object */
	bool whole;       /* understood to its end: files can be added */
	bool packed;      /* its last archive is compressed */
	struct buf early; /* the archives before the last one, as they are */
	struct buf main;  /* the last one, plain, without its trailer */
};

/* ERR_BAD_INPUT where it is none. */
int initramfs_read(const char *file, struct initramfs *out, struct err *e);
void initramfs_free(struct initramfs *r);
#define _initramfs_ __attribute__((cleanup(initramfs_free)))

/* Which of the modules (names without .ko) are in it: sets found[i]. */
void initramfs_find(const struct initramfs *r, const char *const *modules,
	size_t n, bool *found);
/* "…/virtio-scsi.ko.xz" is "virtio_scsi"; false: no module's file. */
bool initramfs_module_name(const char *path, char name[64]);
/* Is there this path ("usr/lib/modules", without a leading '/')? */
bool initramfs_holds(const struct initramfs *r, const char *path);

/* Add a file; directories above it that are missing are made. A file
 * of the same path is replaced. */
void initramfs_add(
	struct initramfs *r, const char *path, const void *p, size_t len);
/* The whole archive to a file; r is used up. ERR_IO. */
int initramfs_write(struct initramfs *r, const char *file, struct err *e);

#endif
