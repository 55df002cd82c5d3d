/*
 * The inside of copied disks, before the first start: what system is there,
 * what must change, the changes as diffs, and their application. One file a
 * matter in core/guest/. libguestfs stands behind access.c and open.c.
 *
 * Keeps true: nothing is written but by guest_apply; a backup of each changed
 * file stays in the guest; what is not understood is left alone and said.
 */
#ifndef CORE_GUEST_H
#define CORE_GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "../json.h"
#include "../vm.h"

struct guest_disk {
	const char *path;   /* image file or block device */
	const char *format; /* "qcow2", "raw" */
};

/* An open set of disks of one VM, in their order, its file systems mounted.
 * */
struct guest;

/*
 * Open, find the root file system, mount by its fstab. write false: read
 * only, nothing on the disks changes (not even a journal replay).
 * ERR_GUEST_ACCESS (libguestfs, damaged or encrypted disk), ERR_GUEST_UNKNOWN
 * (no known system inside), ERR_STOPPED.
 */
int guest_open(const struct guest_disk *disks, size_t n, bool write,
	struct guest **out, struct err *e);
/* Unmounts and flushes; -1 where that failed: the disks may miss changes. */
int guest_close(struct guest *g, struct err *e);
void cleanup_guest(struct guest **g);
#define _guest_ __attribute__((cleanup(cleanup_guest)))

/*
 * What is inside; new reference:
 *
 *   {"family": "linux" | "windows" | "other", "distro": "debian",
 *    "version": "12.11", "name": "Debian GNU/Linux 12 (bookworm)",
 *    "kernels": [{"version", "initramfs": path or absent,
 *       "default": bool, "chosen_by": of the default one, "GRUB" or
 *       "newest" (GRUB's choice was not understood), "in_initramfs":
 * {"virtio_pci": bool, "virtio_blk", "virtio_scsi", "virtio_net", ...},
 * "available": {same keys: module or built in}, "addable": paths of modules,
 * one a line, that its initramfs lacks for virtio and guest_changes adds; or
 * absent, "unreadable": why its initramfs was not understood, or absent}],
 *    "network": {"stack": "ifupdown" | "netplan" | "networkd" | "nm" |
 *       "ifcfg" | "none", "files": [paths], "interfaces": [{"name",
 *       "method": "static" | "dhcp" | .., "address", "gateway"}]},
 *    "persistent_rules": [{"name", "mac"}],
 *    "tools": "open-vm-tools" | "vmware-tools" | "none",
 *    "agent": bool, "efi_fallback": bool or absent,
 *    "ssh_hostkeys": ["SHA256:.."] of its SSH server,
 *    "clean": bool, "free": bytes on /, "fstab_device_names": bool,
 *    "notes": [sentences]}
 *
 * Of Windows: "name" ("Windows Server 2019 Standard (10.0, build 17763)", or
 * a range of releases where the registry is not readable), "version" ("6.1"),
 * "build", "tools", "agent", "drivers": {"storahci", "msahci", "vioscsi",
 * "viostor", "netkvm", ..: is its file there}, "starts": {service: when it
 * starts, 0 at boot to 4 never}; absent where the registry is not readable.
 */
int guest_facts(struct guest *g, json_t **out, struct err *e);

/*
 * Disk bus and NIC model for what was found (pure; `guest inspect` shows it
 * as "proposal": {"bus", "nic", "reason"}): bus "scsi", "sata" or
 * "ide"; nic "virtio" or "e1000"; reason: one sentence. facts null: nothing
 * is known, the VM's guestOS decides. may_fix: drivers that the initramfs
 * lacks may be added to it. Static storage but reason, which is to be freed.
 */
void guest_propose(const json_t *facts, const struct vm *vm, bool may_fix,
	const char **bus, const char **nic, char **reason);
/* Is it a Windows before Vista, which has no driver for virtio-scsi (pure)? */
bool guest_windows_old(const json_t *facts);
/* Does virtio-scsi need guest_changes's added drivers (pure)? */
bool guest_needs_drivers(const json_t *facts);
/* Does the initramfs, as it is, know none of Proxmox VE's buses (pure)? The
 * proposal's reason says what is missing; on its bus the guest starts only
 * once that is done. */
bool guest_finds_no_disk(const json_t *facts);

/*
 * What to reach (pure input of the matters):
 *
 *   {"nics": [{"old_mac", "mac", "pci_slot": 192 or absent, "index": 0,
 *              "address": "203.0.113.77/24", "gateway", "dns": [..],
 *              "address6": "2001:db8::7/64", "gateway6", "mtu": bytes,
 *              "bridge_mtu": bytes that the bridge carries, or absent
 *              where the node sets none (it follows its ports),
 *              "name": of the interface, where the operator says it}],
 *    "tools_off": bool, "fstab": bool, "efi": bool, "drivers": bool,
 *    "fstrim": bool (default: true), "agent": bool (default: false),
 *    "tools_remove": bool (default: false), "agent_package": a package, or a
 *    directory of them, on this machine, or absent, "serial": bool (default:
 *    false)}
 *
 * A NIC without address keeps its configuration; its name is still pinned to
 * its MAC so that it stays valid.
 */
struct guest_change {
	char *path;    /* in the guest */
	char *why;     /* one sentence */
	char *before;  /* content, null where the file is new */
	char *after;   /* content, null where the file is removed */
	unsigned mode; /* of a new file */
	char *copy_of; /* path becomes a copy of this file (before and after
			  are null), else null */
	char *link_to; /* path becomes a symbolic link to this (before and after
			  are null), else null */
	char *kernel;  /* path is this kernel's initramfs and gets the modules
			  that `after` lists (before is null), else null */
	struct guest_package *package; /* of packages.h: path is its name (all
					  texts are null), else null */
	char *said; /* by guest_apply: what came of a package, where it was
		       not what was wanted; else null */
};
struct guest_changes {
	struct guest_change *c;
	size_t n;
	char **left; /* sentences: what was not understood or not done */
	size_t n_left;
};
void guest_changes_free(struct guest_changes *cs);
#define _changes_ __attribute__((cleanup(guest_changes_free)))

/* Works out all changes; writes nothing. May return none. ERR_STOPPED, as
 * guest_facts: a stop ends an appliance that only looks at once. */
int guest_changes(struct guest *g, const json_t *wanted,
	struct guest_changes *out, struct err *e);
/* A unified diff, paths as a/etc/.. and b/etc/..; a copy in words. To be
 * freed. */
char *guest_diff(const struct guest_change *c);
/* Write one change; the file's owner, mode and SELinux context are kept, the
 * old content stays in /var/backups/vmferry (an initramfs beside it, as
 * NAME.vmferry-before), and is there, whole, before a byte is overwritten. A
 * kill at any moment leaves the file old or new, or half and a note of that:
 * guest_open for either purpose puts it back. A package that cannot be removed
 * after all is kept from starting; c->said says so. */
int guest_apply(struct guest *g, struct guest_change *c, struct err *e);

#endif
