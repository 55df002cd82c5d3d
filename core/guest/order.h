/*
 * Which disk a guest's /dev/sdX was. Its kernel named disks in the order in
 * which their controllers came up: with one disk there is no doubt; with two,
 * where the line of / names the disk that / was found on; else none of the
 * names is certain, and only what the partition holds tells it.
 */
#ifndef CORE_GUEST_ORDER_H
#define CORE_GUEST_ORDER_H

#include <stdbool.h>

struct disk_name {
	char letters[4]; /* "a" of /dev/sda2; "" of nvme, which has none */
	unsigned part;   /* 0: the whole disk */
};

/* /dev/ sdX, hdX, vdX, xvdX or nvmeXnY, with or without a partition. */
bool disk_name(const char *device, struct disk_name *out);
/* Does fstab's line of / name a partition, and the one that / was found on
 * (root, by the appliance's order of disks)? A logical volume, an array and a
 * UUID tell nothing of the disks. fstab may be null. */
bool order_told(const char *fstab, const char *root);

#endif
