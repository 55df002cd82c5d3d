/*
 * A VM that stands in files on this machine: an .ova, an .ovf or a .vmx with
 * its disks beside it. Nothing is asked of a hypervisor, nothing is written.
 */
#ifndef CORE_VMFILE_H
#define CORE_VMFILE_H

#include "digest.h"
#include "inspect.h"
#include "source.h"
#include "vm.h"

struct vmfile {
	char *path; /* absolute, links followed */
	enum inspect_kind kind;
	/*
	 * id "file"; power "off", "on" (in_use) or "suspended". Of each disk:
	 * path is what source_open takes, capacity and used are the disk's
	 * own, and unsupported (with refusal) says why it cannot be read. A
	 * snapshot here cannot be merged: a disk is readable or is not, and
	 * snapshots is 0.
	 */
	struct vm *vm;
	char digest[SHA256_HEX]; /* of the .vmx or the envelope */
	char *manifest;          /* its name; null: none */
	char *in_use;            /* what shows that the VM is on, or null */
	json_t *files;           /* docs/plan.md, source.files */
};

/*
 * Read one. Its disks are opened, so this starts a qemu-nbd for each.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_BAD_INPUT (not one of the three),
 * ERR_BAD_VMX, ERR_BAD_OVF. A disk that cannot be read is no error.
 */
int vmfile_read(const char *path, struct vmfile *out, struct err *e);
void vmfile_free(struct vmfile *f);
#define _vmfile_ __attribute__((cleanup(vmfile_free)))

/* The facts' "source" (docs/plan.md). New reference. */
json_t *vmfile_source(const struct vmfile *f);

/* Is it what that "source" tells? ERR_FILE_IN_USE, ERR_PLAN_BAD naming the
 * file that changed. */
int vmfile_same(const struct vmfile *f, const json_t *source, struct err *e);

#endif
