/* Logical volumes of this machine, by lvs(8). */
#ifndef CORE_LVM_H
#define CORE_LVM_H

#include <stdbool.h>

/*
 * Does a fresh thin volume read as zeros wherever nothing was written? Only
 * where its pool zeroes each block that it hands out: without that (lvcreate
 * -Zn), what another volume left shows around a write that is smaller than a
 * block. From lv_attr: a thin (V) volume of a thin (t) pool that zeroes (z),
 * lvs(8). False for all else, and where lvs does not say.
 */
bool lvm_thin_zeroes(const char *path);

#endif
