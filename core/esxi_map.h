/* The bytes of a disk on an ESXi host, as the host sees them. */
#ifndef CORE_ESXI_MAP_H
#define CORE_ESXI_MAP_H

#include "digest.h"
#include "esxi.h"
#include "extent.h"

/*
 * Which ranges of a disk (path, data and capacity are known) are written, by
 * the host's block map. 0 with *why set (to be freed) where there is none or
 * where a sample of its holes is not zero: x is then not to be used. -1:
 * ERR_SOURCE_LOCKED, ERR_DISK_MISSING, ERR_SSH_*, ERR_STOPPED.
 */
int esxi_disk_map(struct esxi *h, const struct vm_disk *d, struct extents *x,
	char **why, struct err *e);

/* SHA-256 of each of n ranges of the file data, made on the host.
 * ERR_ESXI_COMMAND, ERR_SSH_*. */
int esxi_disk_sums(struct esxi *h, const char *data, const struct extent *x,
	size_t n, unsigned char (*sha)[SHA256_LEN], struct err *e);

#endif
