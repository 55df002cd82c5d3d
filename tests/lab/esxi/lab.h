/*
 * labesxi: the commands of the stand-in ESXi host (tests/lab/esxi).
 *
 * One static program is every VMware command of the chroot (vim-cmd, esxcli,
 * vmkfstools, vmware, the front of dd, cat ...), chosen by argv[0]; outside
 * the chroot the same program makes VMs and switches faults on (addvm, fault).
 * Formats follow what was seen on real hosts of the two ages that the lab
 * plays: "old" is 5.5, "new" is 8.0.2.
 *
 * A command lives for milliseconds: memory is never given back, and running
 * out of it aborts.
 */
#ifndef LAB_ESXI_H
#define LAB_ESXI_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define LAB_MIB 1048576LL
#define LAB_SECTOR 512
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- text.c ---- */

/* printf into fresh memory; never NULL. */
char *text_fmt(const char *f, ...) __attribute__((format(printf, 1, 2)));
char *text_vfmt(const char *f, va_list ap)
	__attribute__((format(printf, 1, 0)));
char *text_dup(const char *s);
/* Fresh zeroed memory; never NULL. */
void *text_alloc(size_t n);
/* A list grown by one element: returns the (moved) array. */
void *text_grow(void *a, size_t n, size_t size);
/* Whole small file, NUL-terminated, *n its length (n may be NULL); NULL and
 * errno when it cannot be read. */
char *text_file(const char *path, size_t *n);
/* Replaces path atomically (temporary file, rename); -1 and errno. */
int text_write(const char *path, const char *data, size_t n);
/* Decimal number without sign filling the whole string; -1 otherwise. */
long long text_num(const char *s);
bool text_ends(const char *s, const char *tail);
/* The part after the last '/'; the part before it ("." when none). */
const char *text_base(const char *path);
char *text_dir(const char *path);
/* Current UTC time as ESXi prints it: 2026-11-22T02:10:11.123456Z. */
char *text_utc(void);

/* ---- state.c: what the host remembers, small files below /lab ---- */

bool lab_old(void); /* profile "old": the 5.5 dialect */
/* Takes the one lock of the state; held until state_unlock or exit. */
void state_lock(void);
void state_unlock(void);
/* Value of the state file (path below /lab), NULL when absent. */
char *state_get(const char *f, ...) __attribute__((format(printf, 1, 2)));
/* Same as a number, or dflt. */
long long state_num(const char *name, long long dflt);
/* Writes the state file NAME. */
void state_put(const char *name, const char *f, ...)
	__attribute__((format(printf, 2, 3)));
void state_del(const char *name);
/* Next number of a counter file; the lock must be held. */
long long state_next(const char *name, long long first);
/* Argument of an active fault ("" when it has none), NULL when off. */
char *fault_get(const char *name);
/* As fault_get, and switches it off: for faults that happen once. */
char *fault_take(const char *name);
/* Runs fn(arg) in a process of its own, cut off from the session, after
 * `ms` milliseconds. */
void state_later(long long ms, void (*fn)(void *), void *arg);

/* ---- vmx.c: .vmx and .vmsd files ---- */

struct kv {
	char *key, *val;
};

struct vmx {
	struct kv *kv;
	size_t n;
};

/* -1 and errno when the file cannot be read. |XX escapes are decoded. */
int vmx_load(const char *path, struct vmx *v);
int vmx_save(const char *path, const struct vmx *v);
/* Key compared without case; NULL when absent. */
const char *vmx_get(const struct vmx *v, const char *f, ...)
	__attribute__((format(printf, 2, 3)));
bool vmx_true(const struct vmx *v, const char *f, ...)
	__attribute__((format(printf, 2, 3)));
/* Replaces or appends; val NULL deletes. */
void vmx_set(struct vmx *v, const char *key, const char *f, ...)
	__attribute__((format(printf, 3, 4)));
void vmx_unset(struct vmx *v, const char *key);

/* ---- inv.c: the inventory ---- */

enum power { POWER_OFF, POWER_ON, POWER_SUSPENDED };

struct vdisk {
	char slot[16];     /* scsi0:0 */
	int key;           /* 2000.. as in get.config */
	int ctl_key, unit; /* 1000 and 0 for scsi0:0 */
	char *path;        /* absolute path of the top descriptor */
};

struct vm {
	int id;
	char *vmx_path; /* /vmfs/volumes/UUID/dir/x.vmx */
	char *dir;
	char *base; /* x, without .vmx */
	char *name; /* displayName */
	struct vmx vmx;
	enum power power;
	bool tools; /* VMware Tools run in the guest when on */
	bool valid; /* .vmx readable */
	struct vdisk *disk;
	size_t ndisk;
};

struct datastore {
	char *name, *uuid, *type; /* type: VMFS-6, NFS ... */
	long long size, free;     /* bytes; free follows what is there */
};

/* All VMs, in string order of the id (as ESXi lists them). */
size_t inv_all(struct vm **out);
/* -1 when there is none with this id. */
int inv_vm(const char *id, struct vm *out);
/* Reads the VM anew: for whoever took the lock and is about to change it. */
void inv_again(struct vm *vm);
/* Path below /lab of a VM's state file, e.g. vm/3/power. */
char *inv_key(const struct vm *vm, const char *what);
/* Registers a .vmx; returns the new id. The lock must be held. */
int inv_add(const char *vmx_path);
size_t inv_datastores(struct datastore **out);
/* "/vmfs/volumes/UUID/a/b" as "[datastore] a/b". */
char *inv_ds_path(const char *path);
/* NAME or UUID form, or "[ds] x", as /vmfs/volumes/UUID/...; the path may
 * not exist. */
char *inv_real(const char *path);
/* The guest system: API name (debian12_64Guest) and its long name. */
const char *inv_guest_id(const struct vm *vm);
const char *inv_guest_name(const struct vm *vm);
/* A uuid key of the .vmx in the usual form. */
char *inv_uuid(const struct vm *vm, const char *key);
/* True while some powered-on VM (or a fault) holds the file exclusively:
 * the newest extent of each disk of a running VM. Sets *who to its id. */
bool inv_locked(const char *path, int *who);

/* ---- dump.c: the printed form of a vmodl object ---- */

struct dump {
	int depth;
	int count[24]; /* members printed so far at each depth */
	bool array[24];
	FILE *to; /* NULL: stdout */
};

/* Opens an object or (array) a list; member NULL in a list or at the top. */
void dump_open(struct dump *d, const char *member, const char *type);
void dump_list(struct dump *d, const char *member, const char *type);
void dump_close(struct dump *d);
/* A quoted string; printed as it is (ESXi escapes `"` only here). */
void dump_str(struct dump *d, const char *member, const char *f, ...)
	__attribute__((format(printf, 3, 4)));
/* Anything else: number, true, <unset>, 'vim.X:1', "(vim.Y) null". */
void dump_raw(struct dump *d, const char *member, const char *f, ...)
	__attribute__((format(printf, 3, 4)));
void dump_unset(struct dump *d, const char *member);
void dump_bool(struct dump *d, const char *member, bool v);

/* ---- faults (dump.c); all return the exit code 1 ---- */

/* On stdout (old) or stderr (new). `(TYPE) {` faultCause .. msg `}`; extra
 * members come before msg as NAME = "VALUE" pairs, NULL-terminated. */
int vim_fault(const char *type, const char *msg, ...);
int vim_no_vm(const char *id);

/* ---- disk.c: descriptors, chains ---- */

struct desc {
	uint32_t cid, parent_cid;
	char create[40];      /* vmfs, vmfsSparse, seSparse */
	char *hint;           /* parentFileNameHint or NULL */
	char *extent;         /* file name in the extent line */
	char extent_type[16]; /* VMFS, VMFSSPARSE, SESPARSE */
	int64_t sectors;
	bool thin;
	const char *adapter;
};

/* -1: not a descriptor or not readable (errno). */
int desc_load(const char *path, struct desc *d);
/* Writes a descriptor; uuid text may be NULL. */
int desc_save(const char *path, const struct desc *d, int hw);
/* Absolute path of the extent / of the parent descriptor. */
char *desc_extent(const char *path, const struct desc *d);
char *desc_parent(const char *path, const struct desc *d);

enum redo_kind { REDO_NONE, REDO_COWD, REDO_SESPARSE };

/* One file of a chain: the flat base, or a log with its tables. */
struct layer {
	int fd;
	enum redo_kind kind;
	uint32_t ngd;
	/* COWD */
	uint32_t *gd, grain, **gt;
	/* seSparse; positions in sectors */
	uint64_t *gd64, **gt64;
	int64_t gt_at, grains_at;
};

struct disk {
	struct layer layer[33]; /* [0] is the base */
	char *path[33];         /* descriptors, same order */
	int n;
	int64_t size; /* bytes */
};

/* Opens descriptor `path` and all it stands on; -1 and a message in *why. */
int disk_open(const char *path, struct disk *d, const char **why);
/* What the guest would read at off. -1 on a read error. */
int disk_read(struct disk *d, void *buf, size_t n, int64_t off);
void disk_close(struct disk *d);

/* redo.c: the logs of snapshots. An open log, or -1 and errno. */
int redo_create(const char *path, int64_t sectors, enum redo_kind kind);
/* Puts one 512-byte sector into the log (new or over an old one). */
int redo_put(int fd, int64_t sector, const void *data);
int redo_open(int fd, struct layer *l);
/* Position in bytes of a sector's data in the log, 0 when it is not there,
 * -1 on an error. */
int64_t redo_find(struct layer *l, int64_t sector);

/* ---- snap.c ---- */

/* Makes a snapshot: new top descriptor and log for every disk, .vmsd,
 * .vmsn. Logs are of the kind of those below them, else of the datastore's
 * (VMFS 6: seSparse) unless the state file "redo" says cowd or sesparse. -1
 * and errno. */
int snap_create(struct vm *vm, const char *name, const char *desc, bool mem);
/* Folds every log into its base and rewrites .vmx and .vmsd. */
int snap_consolidate(struct vm *vm);
/* Folds the log above the snapshot with this uid into what it froze. */
int snap_remove(struct vm *vm, const char *uid);
/* Empties the .vmsd and leaves the logs: what a failed consolidation does. */
int snap_forget(struct vm *vm);
int snap_count(const struct vm *vm);

/* ---- vim_power.c ---- */

/* Changes the state and the files that a running VM leaves beside it. */
void power_set(struct vm *vm, enum power power);

/* ---- task.c ---- */

/* A new task in state "running"; returns its key. */
char *task_new(const struct vm *vm, const char *method);
/* Says how long it runs, for its progress. */
void task_takes(const char *key, long long seconds);
/* Ends it: success when fault (a type) is NULL, else msg says why. */
void task_end(const char *key, const char *fault, const char *msg);
/* get.tasklist and task_info. */
int task_list(const struct vm *vm);
int task_info(const char *key);

/* ---- the commands ---- */

int cmd_vim_cmd(int argc, char **argv);
int cmd_esxcli(int argc, char **argv);
int cmd_vmkfstools(int argc, char **argv);
int cmd_vmware(int argc, char **argv);
int cmd_uname(int argc, char **argv);
int cmd_dd(int argc, char **argv);
int cmd_cat(int argc, char **argv);
int cmd_front(int argc, char **argv);
int cmd_sh(int argc, char **argv);
int cmd_auth(int argc, char **argv);
int cmd_locked(int argc, char **argv);
int cmd_addvm(int argc, char **argv);
int cmd_fault(int argc, char **argv);
int cmd_rawcat(int argc, char **argv);
int cmd_bbpatch(int argc, char **argv);

#endif
