/*
 * What a file is and what it says: .vmx, .vmdk, .ovf, .ova, told apart by
 * their content.
 */
#ifndef CORE_INSPECT_H
#define CORE_INSPECT_H

#include "json.h"
#include "vm.h"
#include "vmdk.h"

enum inspect_kind { INSPECT_VMX, INSPECT_VMDK, INSPECT_OVF, INSPECT_OVA };

struct inspect {
	enum inspect_kind kind;
	struct vm *vm;     /* null for a .vmdk */
	struct vmdk *vmdk; /* for a .vmdk */
};

/*
 * Read a file. For a .vmx the descriptors that stand beside it fill in the
 * disks and their files' sizes are checked; its .vmsd gives the snapshots;
 * what is wrong there becomes a warning. ERR_NOT_FOUND, ERR_PERMISSION,
 * ERR_IO, ERR_BAD_VMX, ERR_BAD_VMDK, ERR_BAD_OVF.
 */
int inspect_file(const char *path, struct inspect *out, struct err *e);
void inspect_free(struct inspect *i);
#define _inspect_ __attribute__((cleanup(inspect_free)))

const char *inspect_kind_name(enum inspect_kind k); /* "vmx" */

/* docs/inspect-json.md: the VM's or the disk's members and "kind". New
 * reference. */
json_t *inspect_json(const struct inspect *i);

#endif
