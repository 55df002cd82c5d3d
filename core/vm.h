/*
 * A virtual machine in neutral words: what a source tells and a target is
 * made from. No VMware or Proxmox terms beyond names kept as text. Field
 * names of the JSON form are documented in docs/vm-json.md and stable.
 */
#ifndef CORE_VM_H
#define CORE_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

enum vm_firmware { VM_BIOS, VM_UEFI };

enum vm_bus { VM_BUS_SCSI, VM_BUS_IDE, VM_BUS_SATA, VM_BUS_NVME };

enum vm_disk_mode {
	VM_DISK_PERSISTENT,
	VM_DISK_INDEPENDENT,   /* persistent, no snapshots */
	VM_DISK_NONPERSISTENT, /* changes vanish at power off */
};

struct vm_disk {
	char *slot; /* "scsi0:0" */
	enum vm_bus bus;
	int controller, unit;
	char *model;       /* controller: "pvscsi", "lsilogic", ... */
	char *file;        /* as the configuration names it */
	char *path;        /* absolute path of the descriptor, or null */
	char *data;        /* absolute path of the flat extent, or null */
	uint64_t capacity; /* bytes; 0 unknown */
	uint64_t used;     /* bytes allocated on the source; 0 unknown */
	enum vm_disk_mode mode;
	bool snapshot; /* file is a snapshot's child disk */
	bool thin;
	char *create_type; /* VMDK createType, or null */
	char *cid;         /* VMDK CID, or null */
	char *unsupported; /* why it cannot be copied, or null */
	char *refusal;     /* "DISK_MISSING": the error that goes with it */
};

enum vm_mac_kind {
	VM_MAC_NONE,
	VM_MAC_GENERATED, /* by the host */
	VM_MAC_VPX,       /* by vCenter */
	VM_MAC_STATIC,    /* typed by a person */
};

struct vm_nic {
	char *slot; /* "ethernet0" */
	int index;
	char *model; /* "vmxnet3", "e1000", ... */
	char *mac;   /* lower case aa:bb:cc:dd:ee:ff, or null */
	enum vm_mac_kind mac_kind;
	char *network;  /* port group or null */
	bool connected; /* at power on */
	int pci_slot;   /* VMware's pciSlotNumber, -1 unknown */
};

struct vm_passthrough {
	char *slot;              /* "pciPassthru0" */
	char *address;           /* as written */
	unsigned vendor, device; /* 0 unknown */
	char *name;              /* by libpci's ids, or null */
};

struct vm {
	char *id; /* the host's id for it (Vmid), or null */
	char *name;
	char *config;       /* path of the .vmx or .ovf */
	char *guest;        /* VMware guestOS in .vmx form: debian12-64 */
	char *guest_detail; /* prettyName by the tools, or null */
	char *annotation;
	char *uuid;       /* uuid.bios as 8-4-4-4-12, or null */
	char *power;      /* "on", "off", "suspended" or null */
	char *hw_version; /* "19" or null */
	enum vm_firmware firmware;
	bool secure_boot, tpm, encrypted, nested;
	unsigned cpus; /* virtual CPUs in all */
	unsigned cores_per_socket;
	uint64_t memory_mib;
	int snapshots; /* number known; -1 unknown */
	struct vm_disk *disks;
	size_t n_disks;
	struct vm_nic *nics;
	size_t n_nics;
	struct vm_passthrough *passthrough;
	size_t n_passthrough;
	char **warnings; /* sentences for the operator */
	size_t n_warnings;
};

/* One CPU, one core per socket, snapshots unknown, the rest cleared. */
struct vm *vm_new(void);
void vm_free(struct vm *v);
void cleanup_vm(struct vm **v);
#define _vm_ __attribute__((cleanup(cleanup_vm)))

/* Append a cleared member (a NIC: connected, pci_slot unknown); the pointer is
 * valid until the next append. */
struct vm_disk *vm_add_disk(struct vm *v);
struct vm_nic *vm_add_nic(struct vm *v);
struct vm_passthrough *vm_add_passthrough(struct vm *v);
void vm_warn(struct vm *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The error for a disk with unsupported: its refusal, else
 * ERR_DISK_UNSUPPORTED. */
enum err_code vm_disk_refusal(const struct vm_disk *d);
/* Order disks by bus, controller, unit as numbers (scsi0:2 before
 * scsi0:10), NICs by index. */
void vm_sort(struct vm *v);

const char *vm_bus_name(enum vm_bus b); /* "scsi" */
const char *vm_disk_mode_name(enum vm_disk_mode m);

/* New reference. */
json_t *vm_to_json(const struct vm *v);
/* Strict on types, lenient on absent members. ERR_BAD_INPUT. */
int vm_from_json(const json_t *j, struct vm **out, struct err *e);

#endif
