/*
 * An ESXi host (5.5 .. 8 and later) through its shell: what it has, the
 * power and the snapshots of a VM, and its end (esxi_destroy, which only a
 * typed confirmation leads to). Nothing else on the host is ever changed;
 * every command that can be sent stands in core/esxi_cmd.def.
 *
 * Every function may fail with ERR_SSH_LOST, ERR_STOPPED, ERR_TIMEOUT,
 * ERR_ESXI_BUSY (hostd down, after 5 tries), ERR_ESXI_COMMAND (with the
 * host's own words). ids are Vmids as decimal text. A connection that was
 * lost while idle is opened again by the next call.
 */
#ifndef CORE_ESXI_H
#define CORE_ESXI_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "json.h"
#include "ssh.h"
#include "told.h"
#include "vm.h"

struct esxi;

/* The target's strings are copied, its password is borrowed: it must stay
 * valid until esxi_close. Errors of ssh_open. */
int esxi_open(const struct ssh_target *t, struct esxi **out, struct err *e);
void esxi_close(struct esxi *x); /* null allowed */
void cleanup_esxi(struct esxi **x);
#define _esxi_ __attribute__((cleanup(cleanup_esxi)))
/* The connection, for ssh_stream by the same thread; owned by x and valid
 * until the next call on x. */
struct ssh *esxi_ssh(struct esxi *x);
/* How often and after how many ms a command is sent again while hostd is
 * down; 5 and 5000 unless told. For tests. */
void esxi_set_retry(struct esxi *x, unsigned tries, unsigned ms);
/* Tell of every command line from now on; t is copied. */
void esxi_set_told(struct esxi *x, const struct told *t);
/* Time between two looks at a task or a power state; 2000 unless told. */
void esxi_set_poll(struct esxi *x, unsigned ms);

struct esxi_about {
	char product[48]; /* "VMware ESXi" */
	char version[16]; /* "8.0.2" */
	char build[24];   /* "22380479" */
	unsigned major, minor;
};
int esxi_about(struct esxi *x, struct esxi_about *out, struct err *e);

/*
 * All VMs: [{id, name, datastore, vmx (absolute, UUID mount point where
 * known), file ("[ds] dir/x.vmx"), guest (API identifier), hw ("19"),
 * annotation, power ("on", "off", "suspended")}]; a VM whose .vmx the host
 * cannot read: {id, invalid: true}. New reference.
 */
int esxi_list(struct esxi *x, json_t **rows, struct err *e);

/*
 * Everything about one VM, by id, else by exact name: the .vmx, each disk's
 * descriptor, extents and allocated bytes, snapshots, power. Paths are
 * absolute, on the UUID mount point. A disk that cannot be copied has its
 * sentence in disk->unsupported (missing file, wrong size, kind of disk); a
 * disk of a snapshot has disk->snapshot. ERR_VM_NOT_FOUND (also for a name
 * that two VMs have), ERR_BAD_VMX.
 */
int esxi_vm(
	struct esxi *x, const char *id_or_name, struct vm **out, struct err *e);

/* [{name, vswitch, clients, vlan}] of the standard switches' port groups;
 * vlan 0 none, 4095 trunk. New reference. */
int esxi_networks(struct esxi *x, json_t **out, struct err *e);
/* What VMware Tools tell while the VM is on: {tools, guest_id, hostname, ip,
 * nics: [{network, mac, key, addresses: [{address, prefix}]}],
 * routes: [{network, prefix, gateway, device}], dns: [..],
 * disks: [{path, capacity, free}]}. New reference. */
int esxi_guest(struct esxi *x, const char *id, json_t **out, struct err *e);
/* [{name, uuid, mount, type, size, free}], mounted ones. New reference. */
int esxi_datastores(struct esxi *x, json_t **out, struct err *e);
/* Raw output of `esxcli hardware pci list`, to be freed. */
int esxi_pci(struct esxi *x, char **text, struct err *e);

/* --- power --- */

#define ESXI_POWER_LEN 16
/* "on", "off" or "suspended". */
int esxi_power(struct esxi *x, const char *id, char state[ESXI_POWER_LEN],
	struct err *e);
/* Ask the guest to shut down; returns at once. ERR_ESXI_COMMAND saying
 * "VMware Tools is not running" where it cannot be asked. */
int esxi_shutdown_guest(struct esxi *x, const char *id, struct err *e);
/* Pull the plug. Nothing to do where it is off. */
int esxi_power_off(struct esxi *x, const char *id, struct err *e);
/* Returns once it is on. ERR_VM_QUESTION with the question's text: answers
 * none by itself. Nothing to do where it is on. */
int esxi_power_on(struct esxi *x, const char *id, struct err *e);
/* Wait until the state is the one named. ERR_TIMEOUT, ERR_VM_QUESTION. */
int esxi_wait_power(struct esxi *x, const char *id, const char *state,
	double timeout, struct err *e);
/*
 * Is it really off? Three witnesses: power.getstate, no process of the VM
 * kernel runs its .vmx, and no lock is held on any of its disks' extents
 * (they can be read, and vmkfstools -D says mode 0). evidence: an object
 * with what each said, for the journal. ERR_VM_RUNNING, ERR_SOURCE_LOCKED.
 */
int esxi_prove_off(
	struct esxi *x, const struct vm *vm, json_t **evidence, struct err *e);

/* --- the end --- */

/*
 * Is vm->id still the VM whose .vmx is vm->config? A VM that was registered
 * anew has another id, and its old one may be somebody else's: the new one is
 * put into vm->id then. ERR_VM_NOT_FOUND: no VM of the host has that .vmx.
 */
int esxi_find_again(struct esxi *x, struct vm *vm, struct err *e);
/* Has the host a VM with this id and this .vmx? */
int esxi_knows(struct esxi *x, const struct vm *vm, bool *yes, struct err *e);
/* Delete the VM and all its files for ever, once it is proven to be the one
 * and off; proven gone. ERR_VM_NOT_FOUND, and those of esxi_prove_off. */
int esxi_destroy(struct esxi *x, const struct vm *vm, struct err *e);

/* --- snapshots --- */

/* The tree: [{name, id, description, created, state, children: [..]}]; empty
 * where there is none. New reference. */
int esxi_snapshots(
	struct esxi *x, const char *id, json_t **tree, struct err *e);

struct esxi_progress {
	/* percent -1: not known. Returns -1 with the error to stop waiting
	 * (the host goes on with the task). */
	int (*tell)(void *arg, int percent, const char *state, struct err *e);
	void *arg;
};
/*
 * Consolidate: remove all snapshots, follow the task to its end, then prove
 * it: no snapshot known, no delta, sesparse or -00000N file in any directory
 * of the disks, every disk named in the .vmx is a base disk (parentCID
 * ffffffff). Goes straight to the proof where nothing is to be done, so it
 * may be repeated. ERR_SNAPSHOT_STUCK with the task's message or what was
 * found; ERR_TIMEOUT (the task goes on). progress may be null.
 */
int esxi_snapshot_remove_all(struct esxi *x, const char *id,
	const struct esxi_progress *progress, double timeout, struct err *e);
/* The proof alone: ERR_SNAPSHOT_STUCK. */
int esxi_prove_no_delta(struct esxi *x, const char *id, struct err *e);

/* --- disks --- */

/* Raw output of `vmkfstools -t0 DESCRIPTOR`, to be freed (parser:
 * core/blockmap.h). ERR_SOURCE_LOCKED. */
int esxi_blockmap(
	struct esxi *x, const char *descriptor, char **text, struct err *e);
/* What must not change during a copy: {path, size, mtime, inode, cid} of the
 * flat extent and its descriptor. New reference. ERR_DISK_MISSING. */
int esxi_disk_identity(struct esxi *x, const struct vm_disk *disk, json_t **out,
	struct err *e);

/* What is needed to read a file over HTTPS (core/folder.h), from the session
 * whose host key is pinned: so the certificate needs no question. */
struct esxi_web {
	char *certificate; /* PEM: what port 443 must show */
	char *datastore;   /* the name of the file's datastore */
	char *path;        /* the file inside of it */
	bool old_tls;      /* 5.x: TLS 1.0 may be all it has */
};
void esxi_web_free(struct esxi_web *w);
/* path: below /vmfs/volumes/, by UUID or name. ERR_DISK_UNSUPPORTED. */
int esxi_web(
	struct esxi *x, const char *path, struct esxi_web *out, struct err *e);

/*
 * The command line that compresses standard input with the least work the
 * host has for it (pigz by one thread, gzip; by `nice` where there is one), to
 * be freed; null where it has none that works.
 */
int esxi_packer(struct esxi *x, char **out, struct err *e);

#endif
