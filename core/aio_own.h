/* Inside core/aio*.c: the file or device behind a target, opened past the page
 * cache and locked, and zeros in it. */
#ifndef CORE_AIO_OWN_H
#define CORE_AIO_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define AIO_ALIGN 4096 /* of buffers; the most that a device's blocks have */

struct aio_file {
	int fd; /* -1: none */
	bool device;
	uint64_t size;
	uint32_t block;         /* what it is read and written in */
	bool no_hole, no_range; /* fallocate cannot: seen by aio_zero */
	unsigned char *zeros;   /* for aio_zero, or null */
};

/*
 * 1, and f closed, where it cannot be read past the page cache, or its size
 * is no multiple of its blocks. Another QEMU is waited for up to 15 s.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_TARGET_OPEN, ERR_STOPPED.
 */
int aio_file_open(
	struct aio_file *f, const char *path, bool read_only, struct err *e);
/* 0 or -1 with errno. */
int aio_file_close(struct aio_file *f);
/* [off, off + len) reads as zero after; space may be given back. 0 or errno.
 * Where only writing does it, that is done, and at once. */
int aio_zero(struct aio_file *f, uint64_t off, uint64_t len);

#endif
