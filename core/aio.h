/*
 * A raw file or a block device as a target, by Linux's asynchronous I/O
 * (libaio, as QEMU's aio=native), past the page cache: the bytes go from the
 * reader's buffer to the device, with neither a copy nor a server between.
 */
#ifndef CORE_AIO_H
#define CORE_AIO_H

#include "sink.h"

/*
 * Open path, which nobody else may write meanwhile: QEMU's locks are
 * respected and held, waited for up to 15 s. What cannot be opened this way
 * (a file system without O_DIRECT, a size that is no multiple of the device's
 * blocks, no aio left on this machine) is opened by nbd_open_file.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO; ERR_TARGET_OPEN where it stays
 * locked; nbd_open_file's.
 */
int aio_open_file(const char *path, const struct sink_opts *o,
	struct disk_out *out, struct err *e);

#endif
