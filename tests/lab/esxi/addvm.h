/*
 * addvm: what is asked for, and the parts that make it.
 */
#ifndef LAB_ESXI_ADDVM_H
#define LAB_ESXI_ADDVM_H

#include "lab.h"

struct add_disk {
	char *slot, *ds, *src, *name;
	bool thin, eager;
	int fd;
	int64_t size;
	char *path; /* descriptor in the chroot */
};

struct add_nic {
	char *model, *mac, *type, *net;
};

struct add {
	const char *dir, *name, *guest, *firmware, *note, *scsi;
	const char *ip, *gw, *dns, *host, *redo;
	int hw, mem, cpus, cps, ndisk, nnic, nsnap;
	bool on, tools;
	struct add_disk disk[16];
	struct add_nic nic[10];
	const char *snap[16];
};

/* Says why on stderr; -1. */
int add_complain(const char *what, const char *why);

/* addvm_vmx.c: writes .vmx, .vmsd, .nvram and vmware.log of a VM whose disks
 * are there. */
int add_files(const struct add *a, char **vmx_path);

/* addvm_spoil.c: makes the bases of a VM with (empty) logs wrong, and the
 * logs right. */
int add_spoil(struct vm *vm);

#endif
