/*
 * Inside of core/esxi*.c: running commands on the host, and the parsers of
 * what they print. The parsers are pure; the formats are those of
 * esxi-shell.md, which names releases and sources.
 */
#ifndef CORE_ESXI_INT_H
#define CORE_ESXI_INT_H

#include "esxi.h"
#include "str.h"
#include "vmdk.h"

enum esxi_cmd {
#define X(id, changes, text) ESXI_##id,
#include "esxi_cmd.def"
#undef X
	ESXI_COMMANDS
};

struct esxi {
	struct ssh *ssh;
	struct ssh_target target;
	char *strings[4];        /* what target points to */
	double used;             /* when ssh was last used */
	struct err refused;      /* a login that failed is not tried again */
	unsigned tries, wait_ms; /* while hostd is down */
	unsigned poll_ms;
	struct told told;
	struct ssh_cmd *aside; /* see esxi_aside() */
};

/* --- running (esxi_run.c) --- */

struct esxi_call {
	enum esxi_cmd cmd;
	const char *arg; /* for {}; may be null where there is none */
	char *out;       /* standard output and error, NUL-terminated */
	size_t len;
	int status;
};
void esxi_calls_free(struct esxi_call *c, size_t n);

/* The command line of a call, to be freed. */
char *esxi_line(enum esxi_cmd cmd, const char *arg);
/* Make sure that x->ssh works. */
int esxi_ready(struct esxi *x, struct err *e);
/*
 * Run all calls, as many as fit in one channel at a time, each whatever the
 * others did; those that met a dead hostd again. What a command said is the
 * caller's to judge (esxi_check).
 */
int esxi_run(struct esxi *x, struct esxi_call *c, size_t n, struct err *e);
/* ERR_ESXI_COMMAND in the host's words where the call failed, by its status
 * or by what it printed. */
int esxi_check(const struct esxi_call *c, struct err *e);
/* One call that must not fail; *out to be freed, may be null. */
int esxi_ask(struct esxi *x, enum esxi_cmd cmd, const char *arg, char **out,
	struct err *e);

/*
 * A command that may take hours or wait for a person: started, waited for in
 * parts, other calls between them. One at a time. It is forgotten (done, out
 * untouched) where the connection was lost; *out is replaced by what it
 * printed.
 */
int esxi_aside(
	struct esxi *x, enum esxi_cmd cmd, const char *arg, struct err *e);
int esxi_aside_wait(
	struct esxi *x, double seconds, bool *done, char **out, struct err *e);

/* --- the inventory (esxi.c) --- */

/* Volumes and VMs with "vmx" (absolute) and "power" ("on", "off"); a
 * suspended VM is "off" here. New references. */
int esxi_inventory(
	struct esxi *x, json_t **volumes, json_t **rows, struct err *e);

/* --- disks (esxi_vm.c, esxi_disk.c) --- */

/* A disk's descriptor, or why there is none to be had. */
struct esxi_desc {
	struct vmdk *v;
	char *why;          /* where v is null */
	enum err_code code; /* that goes with why */
};
/* Read the descriptor of each disk; d has vm->n_disks places. */
int esxi_descs_read(struct esxi *x, const struct vm *vm, struct esxi_desc *d,
	struct err *e);
/* used of a disk with snapshots: the sum over its chain's files, at most its
 * capacity; untouched where a file of it cannot be read. */
int esxi_chain_used(struct esxi *x, const json_t *volumes, struct vm_disk *d,
	struct err *e);
void esxi_descs_free(struct esxi_desc *d, size_t n);
/* Is name ("web-000001-delta.vmdk") a snapshot's file of disk ("web.vmdk")? */
bool esxi_is_delta(const char *disk, const char *name);

/* --- parsers (esxi_text.c, esxi_list.c) --- */

/* Says the text that hostd cannot be reached just now? changes: only where
 * it is sure that the command did nothing. */
bool esxi_text_busy(const char *text, bool changes);
/* Does the text tell of a failure (3.13)? Then msg says which. */
bool esxi_text_failed(const char *text, char *msg, size_t size);
/* "on", "off", "suspended" of power.getstate. ERR_ESXI_COMMAND. */
int esxi_text_power(
	const char *text, char state[ESXI_POWER_LEN], struct err *e);
/* Version of `vmware -v` or `esxcli system version get`. -1: neither. */
int esxi_text_version(const char *text, struct esxi_about *out);
/* The pending question's text, or false. */
bool esxi_text_question(const char *text, char *msg, size_t size);

/* What `stat` tells of a file: bytes, 512-byte blocks. */
struct esxi_stat {
	uint64_t size, blocks, mtime, inode;
};
int esxi_text_stat(const char *text, struct esxi_stat *out);

/* What `vmkfstools -D` tells of a file. */
struct esxi_lock {
	int mode; /* 0 none, 1 exclusive, 2 read-only, 3 multi-writer */
	char owner[40];
	uint64_t blocks, block_size; /* allocated */
};
/* -1: not such an output (NFS has no locks of this kind). */
int esxi_text_lock(const char *text, struct esxi_lock *out);

/* [{name, uuid, mount, type, size, free}], mounted volumes only. */
json_t *esxi_text_filesystems(const char *text);
/* [{name, vswitch, clients, vlan}] */
json_t *esxi_text_portgroups(const char *text);
/* [{name, world, config}] of running VMs. */
json_t *esxi_text_processes(const char *text);
/* As esxi_snapshots(). ERR_ESXI_COMMAND. */
int esxi_text_snapshots(const char *text, json_t **tree, struct err *e);
/* Number of nodes of such a tree. */
size_t esxi_snapshot_count(const json_t *tree);
/*
 * getallvms: [{id, name, datastore, file, guest, hw, annotation}] or
 * {id, invalid: true}. volumes: of esxi_text_filesystems, tells which
 * bracket of a row is the datastore's; may be null.
 */
json_t *esxi_text_vms(const char *text, const json_t *volumes);
/* get.guest, as esxi_guest(). ERR_ESXI_COMMAND. */
int esxi_text_guest(const char *text, json_t **out, struct err *e);

/*
 * A file as the host names it ("x.vmdk" beside dir, "[ds] d/x.vmdk",
 * "/vmfs/volumes/NAME/...") as an absolute path on the UUID mount point; to
 * be freed.
 */
char *esxi_path(const json_t *volumes, const char *dir, const char *file);

#endif
