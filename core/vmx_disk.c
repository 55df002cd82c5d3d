/*
 * Disks of a .vmx. Keeps true: a disk that is configured but not taken over
 * leaves a warning.
 */
#include "vmx_dev.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

struct slot {
	enum vm_bus bus;
	int controller, unit;
	char name[24]; /* "scsi0:10" */
};

enum medium { MEDIUM_DISK, MEDIUM_CDROM, MEDIUM_OTHER };

static bool ends_i(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && str_eqi(s + n - m, suffix);
}

/* "scsi0:10.leaf" */
static bool slot_of(const char *key, const char *leaf, struct slot *s)
{
	const char *p = NULL;

	for (int b = VM_BUS_SCSI; b <= VM_BUS_NVME && !p; b++) {
		s->bus = b;
		p = vmx_after(key, vm_bus_name(b));
	}
	if (!p)
		return false;
	s->controller = vmx_small_number(&p);
	if (s->controller < 0 || *p++ != ':')
		return false;
	s->unit = vmx_small_number(&p);
	snprintf(s->name, sizeof(s->name), "%s%d:%d", vm_bus_name(s->bus),
		s->controller, s->unit);
	return s->unit >= 0 && str_eqi(p, leaf);
}

/* A drive without a medium, or the host's own drive. */
static bool no_medium(const char *file)
{
	static const char *const names[] = {"", "emptyBackingString",
		"auto detect", "vmware-null-remote-floppy"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqi(file, names[i]))
			return true;
	return false;
}

static enum medium medium_by_file(const struct slot *s, const char *file)
{
	if (ends_i(file, ".vmdk"))
		return MEDIUM_DISK;
	if ((*file && no_medium(file)) || ends_i(file, ".iso"))
		return MEDIUM_CDROM;
	/* What is left is a device of the host: a CD-ROM drive on IDE. */
	return s->bus == VM_BUS_IDE ? MEDIUM_CDROM : MEDIUM_DISK;
}

static enum medium medium(const struct vmx *x, const struct slot *s,
	const char *file, struct vm *v)
{
	static const char *const disks[] = {"scsi-hardDisk", "ata-hardDisk",
		"disk", "plainDisk", "rawDisk", "nvme-hardDisk"};
	const char *type = vmx_getf(x, "%s.deviceType", s->name);

	if (!type || !*type)
		return medium_by_file(s, file);
	for (size_t i = 0; i < ARRAY_LEN(disks); i++)
		if (str_eqi(type, disks[i]))
			return MEDIUM_DISK;
	if (str_eqi(type, "cdrom-image") || str_eqi(type, "cdrom-raw") ||
		str_eqi(type, "atapi-cdrom"))
		return MEDIUM_CDROM;
	if (str_eqi(type, "scsi-passthru"))
		return MEDIUM_OTHER;
	vm_warn(v, "%s has the unknown deviceType '%s'; judged by its file.",
		s->name, type);
	return medium_by_file(s, file);
}

static const char *controller_model(const struct vmx *x, const struct slot *s)
{
	const char *dev;

	switch (s->bus) {
	case VM_BUS_IDE:
		return "ide";
	case VM_BUS_SATA:
		return "ahci";
	case VM_BUS_NVME:
		return "nvme";
	case VM_BUS_SCSI:
		break;
	}
	dev = vmx_getf(x, "scsi%d.virtualDev", s->controller);
	return dev && *dev ? dev : "lsilogic";
}

static bool controller_present(
	const struct vmx *x, const struct slot *s, struct vm *v)
{
	char name[16];

	/* The two IDE channels are part of every VM's chipset. */
	if (s->bus == VM_BUS_IDE)
		return true;
	snprintf(
		name, sizeof(name), "%s%d", vm_bus_name(s->bus), s->controller);
	return vmx_flagf(x, v, name, "present", false);
}

/* "web01-000002.vmdk" is what VMware calls a snapshot's child disk. */
static bool snapshot_name(const char *file)
{
	size_t n = strlen(file);
	const char *p;

	if (n < 12 || !ends_i(file, ".vmdk"))
		return false;
	p = file + n - 12;
	return *p == '-' && strspn(p + 1, "0123456789") == 6;
}

static void set_mode(struct vm_disk *d, const struct vmx *x, struct vm *v)
{
	const char *mode = vmx_getf(x, "%s.mode", d->slot);

	if (!mode || !*mode || str_eqi(mode, "persistent"))
		return;
	if (str_eqi(mode, "independent-persistent")) {
		d->mode = VM_DISK_INDEPENDENT;
	} else if (str_eqi(mode, "independent-nonpersistent") ||
		str_eqi(mode, "nonpersistent")) {
		d->mode = VM_DISK_NONPERSISTENT;
		vm_warn(v,
			"%s is independent-nonpersistent: what the guest "
			"writes there vanishes at power off. On the target it "
			"becomes an ordinary disk.",
			d->slot);
	} else {
		vm_warn(v, "%s has the mode '%s'; it is taken as persistent.",
			d->slot, mode);
	}
}

/* Why the disk must not be copied although it is there. */
static void set_unsupported(struct vm_disk *d, const struct vmx *x)
{
	const char *bus = vm_bus_name(d->bus);
	const char *shared = vmx_getf(x, "%s%d.sharedBus", bus, d->controller);
	const char *sharing = vmx_getf(x, "%s.sharing", d->slot);
	const char *redo = vmx_getf(x, "%s.redo", d->slot);

	if (shared && *shared && !str_eqi(shared, "none"))
		d->unsupported = xasprintf(
			N_("%s%d shares its bus with other VMs (sharedBus = "
			   "\"%s\"): a cluster's disk"),
			bus, d->controller, shared);
	else if (sharing && *sharing && !str_eqi(sharing, "sharing-none") &&
		!str_eqi(sharing, "none"))
		d->unsupported = xasprintf(
			N_("shared with other VMs (sharing = \"%s\")"),
			sharing);
	else if (redo && *redo && d->mode != VM_DISK_NONPERSISTENT)
		d->unsupported = xasprintf(
			N_("its newest writes are in the redo log %s"), redo);
}

/* The descriptor's place on the source; null where it cannot be told. */
static char *absolute(const char *dir, const char *file)
{
	if (file[0] == '/')
		return xstrdup(file);
	/* C:\vms\x.vmdk of VMware Workstation. */
	if (isalpha((unsigned char)file[0]) && file[1] == ':')
		return NULL;
	return dir ? path_join(dir, file) : NULL;
}

static void add_disk(const struct vmx *x, const struct slot *s,
	const char *file, const char *dir, struct vm *v)
{
	struct vm_disk *d = vm_add_disk(v);

	d->slot = xstrdup(s->name);
	d->bus = s->bus;
	d->controller = s->controller;
	d->unit = s->unit;
	d->model = xstrdup(controller_model(x, s));
	d->file = xstrdup(file);
	d->path = absolute(dir, file);
	d->snapshot = snapshot_name(file);
	set_mode(d, x, v);
	set_unsupported(d, x);
	if (d->unsupported)
		vm_warn(v, "%s cannot be copied: %s.", s->name, d->unsupported);
}

static void add_drive(const struct vmx *x, const struct slot *s,
	const char *file, const char *dir, struct vm *v)
{
	switch (medium(x, s, file, v)) {
	case MEDIUM_CDROM:
		if (!no_medium(file) && ends_i(file, ".iso"))
			vm_warn(v,
				"The CD-ROM image in %s is not carried over: "
				"%s",
				s->name, file);
		return;
	case MEDIUM_OTHER:
		vm_warn(v,
			"%s is a SCSI device of the host passed through (%s); "
			"it is not carried over.",
			s->name, file);
		return;
	case MEDIUM_DISK:
		break;
	}
	if (no_medium(file))
		vm_warn(v, "%s is a disk without a file; it is left out.",
			s->name);
	else if (!controller_present(x, s, v))
		vm_warn(v,
			"%s names %s, but its controller is not present: "
			"VMware leaves the disk out, and so does vmferry.",
			s->name, file);
	else
		add_disk(x, s, file, dir, v);
}

/* "scsi0:99.fileName", "scsi0:01.fileName": a disk that no slot can hold. */
static void warn_no_slot(const struct vmx_pair *p, struct vm *v)
{
	if (!ends_i(p->key, ".fileName") || !ends_i(p->value, ".vmdk"))
		return;
	for (int b = VM_BUS_SCSI; b <= VM_BUS_NVME; b++)
		if (vmx_after(p->key, vm_bus_name(b)))
			vm_warn(v,
				"%s names %s, but that is no slot; the disk "
				"is left out.",
				p->key, p->value);
}

static void disk_file(const struct vmx *x, const struct slot *s,
	const char *file, const char *dir, struct vm *v)
{
	if (vmx_flagf(x, v, s->name, "present", false))
		add_drive(x, s, file, dir, v);
	else if (ends_i(file, ".vmdk") && !vmx_getf(x, "%s.present", s->name))
		vm_warn(v,
			"%s names %s, but has no line present = \"TRUE\": "
			"VMware leaves it out, and so does vmferry.",
			s->name, file);
}

void vmx_disks(const struct vmx *x, const char *dir, struct vm *v)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct vmx_pair *p = &x->pairs[i];
		struct slot s;

		if (slot_of(p->key, ".fileName", &s))
			disk_file(x, &s, p->value, dir, v);
		else if (!slot_of(p->key, ".present", &s))
			warn_no_slot(p, v);
		else if (!vmx_getf(x, "%s.fileName", s.name) &&
			vmx_flagf(x, v, s.name, "present", false))
			add_drive(x, &s, "", dir, v);
	}
}
