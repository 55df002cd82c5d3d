/*
 * Which device a block device is, beyond its name and size: a name may stand
 * for another disk after a reboot or a swap.
 */
#ifndef CORE_BLOCKID_H
#define CORE_BLOCKID_H

/*
 * What the kernel knows of a block device that outlives a reboot, in one
 * printable line: WWID and serial number of a disk, UUID of a device-mapper
 * or md device, the file behind a loop device; of a partition its number and
 * place, and its disk's. Null: no block device, or one of which nothing is
 * known (a zvol). To be freed. Files: Documentation/ABI/stable/sysfs-block.
 */
char *block_id(const char *path);
/* The same from the device's directory in sysfs. */
char *block_id_in(const char *sys);

#endif
