/*
 * Disks, network cards and passed-through devices of a .vmx. Keeps true: a
 * device that is configured but not taken over leaves a warning.
 */
#include "vmx_dev.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "guestos.h"
#include "pci.h"
#include "str.h"

struct slot {
	enum vm_bus bus;
	int controller, unit;
	char name[24]; /* "scsi0:10" */
};

enum medium { MEDIUM_DISK, MEDIUM_CDROM, MEDIUM_OTHER };

bool vmx_flag(const struct vmx *x, struct vm *v, const char *key, bool def)
{
	const char *s = vmx_get(x, key);
	bool b;

	if (!s || !*s)
		return def;
	if (str_bool(s, &b) == 0)
		return b;
	vm_warn(v, "%s is '%s', neither TRUE nor FALSE; taken as TRUE.", key,
		s);
	return true;
}

static bool flagf(const struct vmx *x, struct vm *v, const char *slot,
	const char *leaf, bool def)
{
	_free_ char *key = xasprintf("%s.%s", slot, leaf);

	return vmx_flag(x, v, key, def);
}

static bool ends_i(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && str_eqi(s + n - m, suffix);
}

/* What follows prefix in s, ASCII case ignored; null where it does not. */
static const char *after_i(const char *s, const char *prefix)
{
	_free_ char *head = NULL;

	/* Cheap for the many keys that are of another kind. */
	if ((*s | 0x20) != (*prefix | 0x20))
		return NULL;
	head = xstrndup(s, strlen(prefix));
	return str_eqi(head, prefix) ? s + strlen(prefix) : NULL;
}

/* The number at *p, which moves on; -1 where there is none of one to three
 * digits without leading zeros. */
static int small_number(const char **p)
{
	const char *s = *p;
	int v = 0, n = 0;

	for (; isdigit((unsigned char)s[n]) && n < 3; n++)
		v = v * 10 + s[n] - '0';
	if (!n || isdigit((unsigned char)s[n]) || (n > 1 && s[0] == '0'))
		return -1;
	*p = s + n;
	return v;
}

/* "PREFIXn.leaf" with these two; the number, or -1. */
static int index_of(const char *key, const char *prefix, const char *leaf)
{
	const char *p = after_i(key, prefix);
	int v = p ? small_number(&p) : -1;

	return v >= 0 && str_eqi(p, leaf) ? v : -1;
}

/* "scsi0:10.leaf" */
static bool slot_of(const char *key, const char *leaf, struct slot *s)
{
	const char *p = NULL;

	for (int b = VM_BUS_SCSI; b <= VM_BUS_NVME && !p; b++) {
		s->bus = b;
		p = after_i(key, vm_bus_name(b));
	}
	if (!p)
		return false;
	s->controller = small_number(&p);
	if (s->controller < 0 || *p++ != ':')
		return false;
	s->unit = small_number(&p);
	snprintf(s->name, sizeof(s->name), "%s%d:%d", vm_bus_name(s->bus),
		s->controller, s->unit);
	return s->unit >= 0 && str_eqi(p, leaf);
}

/* --- disks --- */

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
	return flagf(x, v, name, "present", false);
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
			"%s%d shares its bus with other VMs (sharedBus = "
			"\"%s\"): a cluster's disk",
			bus, d->controller, shared);
	else if (sharing && *sharing && !str_eqi(sharing, "sharing-none") &&
		!str_eqi(sharing, "none"))
		d->unsupported = xasprintf(
			"shared with other VMs (sharing = \"%s\")", sharing);
	else if (redo && *redo && d->mode != VM_DISK_NONPERSISTENT)
		d->unsupported = xasprintf(
			"its newest writes are in the redo log %s", redo);
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

void vmx_disks(const struct vmx *x, const char *dir, struct vm *v)
{
	for (size_t i = 0; i < x->n; i++) {
		const char *file = x->pairs[i].value;
		struct slot s;

		if (slot_of(x->pairs[i].key, ".fileName", &s)) {
			if (flagf(x, v, s.name, "present", false))
				add_drive(x, &s, file, dir, v);
			else if (ends_i(file, ".vmdk") &&
				!vmx_getf(x, "%s.present", s.name))
				vm_warn(v,
					"%s names %s, but has no line "
					"present = \"TRUE\": VMware leaves it "
					"out, and so does vmferry.",
					s.name, file);
		} else if (slot_of(x->pairs[i].key, ".present", &s) &&
			!vmx_getf(x, "%s.fileName", s.name) &&
			flagf(x, v, s.name, "present", false)) {
			add_drive(x, &s, "", dir, v);
		}
	}
}

/* --- network cards --- */

/* Six pairs of hex digits with : or - to lower case; null where it is none. */
static char *mac_text(const char *s)
{
	char digits[13];
	unsigned char b[6];
	size_t n = 0;

	for (; *s && n < 12; s++)
		if (*s != ':' && *s != '-')
			digits[n++] = *s;
	digits[n] = '\0';
	if (*s || hex_decode(b, 6, digits))
		return NULL;
	return xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2],
		b[3], b[4], b[5]);
}

/*
 * Static addresses stand in .address, the others in .generatedAddress; where
 * the right one is missing the other is taken. Null: never powered on.
 */
static void set_mac(struct vm_nic *n, const struct vmx *x, struct vm *v)
{
	const char *type = vmx_getf(x, "%s.addressType", n->slot);
	const char *fixed = vmx_getf(x, "%s.address", n->slot);
	const char *made = vmx_getf(x, "%s.generatedAddress", n->slot);
	bool is_static = type && str_eqi(type, "static");
	const char *mac = is_static ? fixed : made;

	if (!mac || !*mac)
		mac = is_static ? made : fixed;
	if (!mac || !*mac)
		return;
	n->mac = mac_text(mac);
	if (!n->mac) {
		vm_warn(v, "%s has '%s' as its MAC address, which is none.",
			n->slot, mac);
		return;
	}
	if (mac == fixed)
		n->mac_kind = VM_MAC_STATIC;
	else
		n->mac_kind = type && str_eqi(type, "vpx") ? VM_MAC_VPX
							   : VM_MAC_GENERATED;
}

static void set_model(struct vm_nic *n, const struct vmx *x, struct vm *v)
{
	const char *dev = vmx_getf(x, "%s.virtualDev", n->slot);
	const char *features = vmx_getf(x, "%s.features", n->slot);
	const struct guestos *g = v->guest ? guestos_find(v->guest) : NULL;

	if (!dev || !*dev)
		dev = !g || g->bits == 64 ? "e1000" : "flexible";
	else if (str_eqi(dev, "vmxnet") && features &&
		strcmp(features, "15") == 0)
		dev = "vmxnet2";
	n->model = xstrdup(dev);
}

static void set_network(struct vm_nic *n, const struct vmx *x, struct vm *v)
{
	const char *name = vmx_getf(x, "%s.networkName", n->slot);
	const char *group = vmx_getf(x, "%s.dvs.portgroupId", n->slot);

	if (name && *name) {
		n->network = xstrdup(name);
	} else if (group && *group) {
		n->network = xstrdup(group);
		vm_warn(v,
			"%s is on a distributed switch; only vCenter knows "
			"the name of its port group %s.",
			n->slot, group);
	}
}

static void add_nic(const struct vmx *x, int index, struct vm *v)
{
	struct vm_nic *n = vm_add_nic(v);
	const char *pci;
	uint64_t slot;

	n->index = index;
	n->slot = xasprintf("ethernet%d", index);
	set_model(n, x, v);
	set_mac(n, x, v);
	set_network(n, x, v);
	n->connected = flagf(x, v, n->slot, "startConnected", true);
	pci = vmx_getf(x, "%s.pciSlotNumber", n->slot);
	if (str_u64(pci, INT32_MAX, &slot) == 0)
		n->pci_slot = (int)slot;
}

void vmx_nics(const struct vmx *x, struct vm *v)
{
	for (size_t i = 0; i < x->n; i++) {
		int n = index_of(x->pairs[i].key, "ethernet", ".present");

		if (n >= 0 && vmx_flag(x, v, x->pairs[i].key, false))
			add_nic(x, n, v);
	}
}

/* --- passed-through devices --- */

/* "0x10de", "10de"; newer hosts write allowedDevices = "0x10de:0x1eb8,...". */
static unsigned id16(const char *s)
{
	uint64_t v;

	return str_hex64(s, &v) == 0 && v <= 0xffff ? (unsigned)v : 0;
}

static void set_ids(struct vm_passthrough *p, const struct vmx *x)
{
	const char *allowed = vmx_getf(x, "%s.allowedDevices", p->slot);
	_free_ char *copy = xstrdup(allowed ? allowed : "");
	char *colon = strchr(copy, ':');

	p->vendor = id16(vmx_getf(x, "%s.vendorId", p->slot));
	p->device = id16(vmx_getf(x, "%s.deviceId", p->slot));
	if (p->vendor || !colon)
		return;
	*colon = '\0';
	colon[1 + strcspn(colon + 1, ",: ")] = '\0';
	p->vendor = id16(copy);
	p->device = id16(colon + 1);
}

static void add_passthrough(const struct vmx *x, int index, struct vm *v)
{
	struct vm_passthrough *p = vm_add_passthrough(v);
	const char *vgpu;

	p->slot = xasprintf("pciPassthru%d", index);
	p->address = xstrdup(vmx_getf(x, "%s.id", p->slot));
	set_ids(p, x);
	vgpu = vmx_getf(x, "%s.vgpu", p->slot);
	if (vgpu && *vgpu)
		p->name = xasprintf("vGPU %s", vgpu);
	else if (p->vendor)
		p->name = pci_name(p->vendor, p->device);
	vm_warn(v,
		"%s (%s) is a device of the ESXi host; pass a device of the "
		"new host through by hand where it is needed.",
		p->slot, p->name ? p->name : "unknown device");
}

void vmx_passthrough(const struct vmx *x, struct vm *v)
{
	for (size_t i = 0; i < x->n; i++) {
		int n = index_of(x->pairs[i].key, "pciPassthru", ".present");

		if (n >= 0 && vmx_flag(x, v, x->pairs[i].key, false))
			add_passthrough(x, n, v);
	}
}
