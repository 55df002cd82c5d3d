/* The devices of a .vmx, shared by vmx_vm.c, vmx_dev.c and vmx_disk.c only. */
#ifndef CORE_VMX_DEV_H
#define CORE_VMX_DEV_H

#include "vmx.h"

/* Append what is present and usable to v, with warnings for the rest. dir is
 * the directory of the .vmx on the source, or null. */
void vmx_disks(const struct vmx *x, const char *dir, struct vm *v);
void vmx_nics(const struct vmx *x, struct vm *v);
void vmx_passthrough(const struct vmx *x, struct vm *v);

/* KEY as a boolean; def where absent. A value that is neither is a warning
 * and counts as true: a device is never lost by it. */
bool vmx_flag(const struct vmx *x, struct vm *v, const char *key, bool def);
/* The same for SLOT.LEAF. */
bool vmx_flagf(const struct vmx *x, struct vm *v, const char *slot,
	const char *leaf, bool def);

/* What follows prefix in s, ASCII case ignored; null where it does not. */
const char *vmx_after(const char *s, const char *prefix);
/* The number at *p, which moves on; -1 where there is none of one to three
 * digits without leading zeros. */
int vmx_small_number(const char **p);

#endif
