/*
 * Proxmox VE 5.3 to 9.x through its REST API.
 *
 * A call answers at once or with a task (UPID); functions here wait for the
 * task and report its log. Errors keep what Proxmox VE said, printable:
 *
 *   ERR_PVE_CONNECT   nothing answered; a GET was tried again before
 *   ERR_PVE_AUTH      login refused (one try), no second one is made
 *   ERR_PVE_PERMISSION, ERR_PVE_PARAM, ERR_PVE_VERSION, ERR_PVE_LOCKED,
 *   ERR_VMID_TAKEN, ERR_NOT_FOUND, ERR_STORAGE_UNFIT, ERR_NO_SPACE,
 *   ERR_AGENT_SILENT  as their names say
 *   ERR_TIMEOUT       no answer to a write: the node may still be at it.
 *                     Look before trying again
 *   ERR_PVE_TASK      the task ended badly; the end of its log is the cause
 *   ERR_PVE_SERVER    anything else the server says
 *   ERR_STOPPED       a stop was asked for; a task goes on without us
 *
 * Sources: ../shared/reference/pve-api.md and the captured answers beside it.
 */
#ifndef CORE_PVE_H
#define CORE_PVE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "json.h"
#include "told.h"

/* ---- connection (pve.c) ---- */

struct pve;

struct pve_target {
	const char *host;
	unsigned port;    /* 0: 8006 */
	const char *node; /* null: the node that answers, if it tells */
	const char *user; /* "root@pam", or a token's id "root@pam!mig" */
	/* Password, or the token's UUID. Borrowed until pve_close: an old
	 * ticket that cannot be renewed is replaced by a new login. */
	const char *secret;
	const char *accept_cert; /* see trust_check; may be null */
};

/*
 * Log in and read the release. The certificate is checked against the pin
 * before the secret is sent. Also ERR_PVE_CERT_NEW, ERR_PVE_CERT_CHANGED,
 * ERR_PVE_VERSION (before 5.3), ERR_NOT_FOUND (no such node; several nodes
 * and none chosen).
 */
int pve_open(const struct pve_target *t, struct pve **out, struct err *e);
void pve_close(struct pve *p); /* wipes what it knew; null is allowed */
void cleanup_pve(struct pve **p);
#define _pve_ __attribute__((cleanup(cleanup_pve)))

const char *pve_node(const struct pve *p);
/* "8.4.21", "6.4-14", "5.4-15". */
const char *pve_version_text(const struct pve *p);
/* 804 for 8.4. */
unsigned pve_release(const struct pve *p);
/* Where notes go that do not stop anything: a parameter left out because
 * this release does not know it, warnings of a task. null: nowhere. */
void pve_set_note(
	struct pve *p, void (*note)(void *arg, const char *line), void *arg);
/* Tell of every call from now on, as pvesh would make it; t is copied. */
void pve_set_told(struct pve *p, const struct told *t);

/* ---- what a release can do (pve_features.c, one table) ---- */

enum pve_feature {
	PVE_ALWAYS,
	PVE_PERMISSIONS,      /* GET access/permissions */
	PVE_SCSI_30,          /* scsi14 to scsi30 */
	PVE_HOSTPCI_15,       /* hostpci4 to hostpci15 */
	PVE_HOSTPCI_MAPPING,  /* hostpciN: mapping= */
	PVE_BOOT_ORDER,       /* boot: order= */
	PVE_EFI_TYPE,         /* efidisk0: efitype, pre-enrolled-keys */
	PVE_TPM,              /* tpmstate0 */
	PVE_WIN11,            /* ostype win11 */
	PVE_IMPORT_FROM,      /* disks: import-from */
	PVE_DISK_RO,          /* disks: ro */
	PVE_DISK_WWN,         /* disks: wwn */
	PVE_DISK_PRODUCT,     /* scsi disks: vendor, product */
	PVE_AIO_URING,        /* disks: aio=io_uring */
	PVE_NET_MTU,          /* netN: mtu */
	PVE_NET_E1000E,       /* netN: model e1000e */
	PVE_TAGS,             /* tags */
	PVE_RNG,              /* rng0 */
	PVE_AGENT_TYPE,       /* agent: type */
	PVE_CPU_X86_64_V2,    /* cpu: x86-64-v2-AES and its like */
	PVE_START_TIMEOUT,    /* status/start: timeout */
	PVE_STOP_OVERRULE,    /* status/stop: overrule-shutdown */
	PVE_DESTROY_PURGE,    /* DELETE qemu/ID: purge */
	PVE_DESTROY_KEEP,     /* DELETE qemu/ID: destroy-unreferenced-disks */
	PVE_AGENT_EXEC_ARRAY, /* agent/exec: one argument is not split */
	PVE_FEATURE_COUNT
};

bool pve_has(const struct pve *p, enum pve_feature f);
/* 0, or -1 with ERR_PVE_VERSION naming feature, release needed and found. */
int pve_need(const struct pve *p, enum pve_feature f, struct err *e);
/* "boot order list"; static storage. */
const char *pve_feature_name(enum pve_feature f);
/* 603: first release with it; 0 for all. */
unsigned pve_feature_since(enum pve_feature f);

/* ---- any call (pve_call.c) ---- */

/* Parameters in order; a key may come several times (an array). Values are
 * plain text; the call encodes them. */
struct pve_kv {
	char *key, *value;
	bool optional;
};
struct pve_params {
	struct pve_kv *kv;
	size_t n;
};
#define _pve_params_ __attribute__((cleanup(pve_params_free)))
void pve_params_free(struct pve_params *ps);
void pve_param(struct pve_params *ps, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* One that may be left out: on a release that does not know the key it is
 * dropped, noted, and the call made once more without it. */
void pve_param_opt(struct pve_params *ps, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The first value of a key, or null. */
const char *pve_param_get(const struct pve_params *ps, const char *key);

/* What stands for {node} {vmid} {storage} {volume} {upid} in a path. */
struct pve_at {
	const char *node; /* null: pve_node() */
	unsigned vmid;
	const char *storage, *volume, *upid;
};

/*
 * method and path as the API's own documentation has them, without
 * /api2/json: pve_call(p, "GET", "/nodes/{node}/qemu/{vmid}/config",
 * &(struct pve_at){.vmid = 100}, NULL, &data, e). at, params and data may be
 * null; *data is a new reference (JSON null where the answer has none).
 * Endpoint and parameters must stand in core/pve_params.c, else
 * ERR_INTERNAL: that table is what the contract test holds against the
 * schemas. A GET is tried again where the connection fails; nothing else is.
 */
int pve_call(struct pve *p, const char *method, const char *path,
	const struct pve_at *at, const struct pve_params *params, json_t **data,
	struct err *e);

/* ---- tasks (pve_task.c) ---- */

struct pve_progress {
	/* A line of the task's log, printable; percent from its "(12.34%)",
	 * else negative. May be null. */
	void (*line)(void *arg, const char *line, double percent);
	/* The task began: journal its UPID to find it again. May be null. */
	void (*started)(void *arg, const char *upid);
	void *arg;
};

/* Is this text a UPID? */
bool pve_is_upid(const char *s);
/*
 * Follow a task to its end; pr may be null. `WARNINGS: n` is success, noted,
 * and counted in *warnings (may be null). A failed task is ERR_PVE_TASK, or
 * the code its text means (no space, lock, ...). A node that does not answer
 * is borne for a minute. ERR_NOT_FOUND: the node forgot the task.
 */
int pve_task_wait(struct pve *p, const char *upid,
	const struct pve_progress *pr, unsigned *warnings, struct err *e);

/* ---- reading (pve_read.c); arrays are new references ---- */

/* [{node, online}] */
int pve_nodes(struct pve *p, json_t **out, struct err *e);
/*
 * Storages of the node: [{storage, type, content[], formats[],
 * default_format, avail, total, used (bytes), shared, enabled, active, thin,
 * zeroed, unfit}]. formats: of VM disks ("raw", "qcow2", "vmdk"); empty where
 * none can be made and written on the node: unfit says why, else it is not
 * there. thin: space is taken as it is written. zeroed: a new volume
 * reads as zeros (not lvm; of lvmthin only the node can tell, lvm.h).
 */
int pve_storages(struct pve *p, json_t **out, struct err *e);
/* One of them; ERR_STORAGE_UNFIT where it is not there, disabled, inactive,
 * or without content images. */
int pve_storage(
	struct pve *p, const char *storage, json_t **out, struct err *e);
/* [{iface, type, active, vlan_aware, cidr, ports, comments}] */
int pve_bridges(struct pve *p, json_t **out, struct err *e);
/* {"/path": {"VM.Allocate": 1}} of the login. path may be null: all.
 * ERR_PVE_VERSION before 6.1. */
int pve_permissions(
	struct pve *p, const char *path, json_t **out, struct err *e);
/* The node's PCI devices as the API lists them (no bridges, memory or
 * processors), ids always with domain ("0000:01:00.0"). */
int pve_pci(struct pve *p, json_t **out, struct err *e);
/* A free VM id: want itself (ERR_VMID_TAKEN if it is not), or with want 0
 * the next one. Not a reservation. */
int pve_next_id(struct pve *p, unsigned want, unsigned *id, struct err *e);
/* Is there a VM or container with this id, anywhere in the cluster and seen
 * or not by this login? */
int pve_vm_exists(struct pve *p, unsigned vmid, bool *exists, struct err *e);

/* ---- volumes (pve_volume.c) ---- */

/*
 * Make an empty volume of at least size bytes for a VM (which need not exist
 * yet), named vm-ID-disk-N-MARK: N is the next number of those that the node
 * lists, MARK 32 random bits, so that no volume that it does
 * not list has the name. format: "raw", "qcow2", ...;
 * null: the storage's default. *volid is to be freed. Sizes are rounded up
 * to KiB, on block storages to MiB: ask pve_volume_path for the real one.
 * An answer that is lost or names no volume is looked after, so -1 means: no
 * volume of this call is there, but for ERR_TIMEOUT, ERR_STOPPED and
 * ERR_PVE_SERVER.
 */
struct pve_naming {
	/* The id before it is asked for; nobody else has it. -1 ends the
	 * call. */
	int (*tell)(void *arg, const char *volid, struct err *e);
	void *arg;
};
int pve_volume_alloc(struct pve *p, const char *storage, unsigned vmid,
	const char *format, uint64_t size, const struct pve_naming *naming,
	char **volid, struct err *e);
/* Where the node has it: a file, a device, or rbd:POOL/NAME. size in bytes.
 * Each output may be null; texts to be freed. ERR_NOT_FOUND. */
int pve_volume_path(struct pve *p, const char *volid, char **path,
	uint64_t *size, char **format, struct err *e);
/* Remove it for ever. Success where it is gone already. It does not matter
 * to Proxmox VE whether a stopped VM uses it: ask pve_vm_config first. */
int pve_volume_free(struct pve *p, const char *volid, struct err *e);
/* A VM's volumes there (0: all): [{volid, size, used, format}]. */
int pve_volumes(struct pve *p, const char *storage, unsigned vmid, json_t **out,
	struct err *e);
/* ISO images there: [{volid, size}]. */
int pve_isos(struct pve *p, const char *storage, json_t **out, struct err *e);

/* ---- virtual machines (pve_vm.c); pr may be null everywhere ---- */

/*
 * Create, and wait for the task. params need no vmid. If the answer is lost,
 * the task (or the VM with the same name and smbios1) is looked for and
 * followed; ERR_VMID_TAKEN where a VM is there that is not ours, ERR_TIMEOUT
 * where nothing is there.
 */
int pve_vm_create(struct pve *p, unsigned vmid, const struct pve_params *params,
	const struct pve_progress *pr, struct err *e);
/* Wait until the newest task that makes this VM has ended, however it did:
 * the call of a worker that died may still be at work. */
int pve_vm_create_settled(struct pve *p, unsigned vmid, struct err *e);
/* The configuration with what is pending; values as the API has them. */
int pve_vm_config(struct pve *p, unsigned vmid, json_t **out, struct err *e);
/* Change it (as a task, so that disks may take their time). Remove keys with
 * pve_param(&ps, "delete", "net0,scsi1"): a disk becomes unusedN. */
int pve_vm_set(struct pve *p, unsigned vmid, const struct pve_params *params,
	const struct pve_progress *pr, struct err *e);

struct pve_vm_status {
	bool running;    /* a QEMU process is there */
	bool paused;     /* it runs, the guest does not */
	bool agent;      /* the configuration has an agent */
	char lock[16];   /* "create", "backup", ... or empty */
	char qmp[24];    /* QEMU's own word */
	uint64_t uptime; /* seconds */
};
int pve_vm_status(
	struct pve *p, unsigned vmid, struct pve_vm_status *out, struct err *e);
/* Success where it runs already. */
int pve_vm_start(struct pve *p, unsigned vmid, const struct pve_progress *pr,
	struct err *e);
/* Power off. Success where it is off already. */
int pve_vm_stop(struct pve *p, unsigned vmid, const struct pve_progress *pr,
	struct err *e);
/* Ask the guest to end within timeout seconds; force: power off then. */
int pve_vm_shutdown(struct pve *p, unsigned vmid, unsigned timeout, bool force,
	const struct pve_progress *pr, struct err *e);
/* Move a disk to another storage. format: null leaves it to the storage.
 * remove: delete the old volume, else it stays as unusedN. */
int pve_vm_move_disk(struct pve *p, unsigned vmid, const char *disk,
	const char *storage, const char *format, bool remove,
	const struct pve_progress *pr, struct err *e);
/* Take disks ("unused0" or "scsi1") out of the configuration; erase: delete
 * the volumes of unusedN too. */
int pve_vm_unlink(struct pve *p, unsigned vmid, const char *disk, bool erase,
	struct err *e);
/*
 * Remove a stopped VM with the volumes in its configuration, and from backup
 * jobs. Success where it is not there. From 7.0 on volumes that are not in
 * the configuration stay; before, Proxmox VE removes all that carry the id:
 * target_only_ours.
 */
int pve_vm_destroy(struct pve *p, unsigned vmid, const struct pve_progress *pr,
	struct err *e);

/* ---- guest agent (pve_agent.c) ---- */

/* ERR_AGENT_SILENT where it is not configured, not up, or the VM is off. */
int pve_agent_ping(struct pve *p, unsigned vmid, struct err *e);
/* [{name, mac, addresses: [{address, prefix, family}]}], family 4 or 6. */
int pve_agent_interfaces(
	struct pve *p, unsigned vmid, json_t **out, struct err *e);
/*
 * Give free blocks back. *trimmed: bytes, over all file systems; *paths (may
 * be null): [{path, trimmed}] or [{path, error}]. ERR_TIMEOUT: it takes
 * longer than the node waits, and goes on inside the guest.
 */
int pve_agent_fstrim(struct pve *p, unsigned vmid, uint64_t *trimmed,
	json_t **paths, struct err *e);
/*
 * Run argv in the guest and wait up to timeout seconds. out and errs (each
 * may be null) are to be freed. Before 8.0 a single argument is cut at
 * blanks, commas and semicolons: such an argv is refused (ERR_INTERNAL).
 */
int pve_agent_exec(struct pve *p, unsigned vmid, const char *const argv[],
	double timeout, int *exitcode, char **out, char **errs, struct err *e);

#endif
