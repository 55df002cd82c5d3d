/*
 * pve.h - a Proxmox VE API stand-in for tests: what its rooms share.
 *
 * The answers copy those of a real node (../shared/pve-captures): status
 * line, headers and texts.  Disks are real images, VMs are real QEMUs.
 *
 * Locking: lab.lock guards the state (everything below lab.vms, tasks,
 * faults).  Handlers run with it held and release it around slow work;
 * task workers start without it.  vm_flock() is the per-VM file lock of the
 * real thing.
 */
#ifndef LAB_PVE_H
#define LAB_PVE_H

#include "util.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

struct lab {
	char *dir;     /* absolute */
	char *release; /* "8.4" */
	int rel;       /* 804 */
	char *address; /* listening address */
	int port;
	char *schema_path; /* NULL: no schema, built-in knowledge only */
	int slow_ms;       /* every task takes at least this */
	int auth_delay_ms; /* how long a 401 is held back */
	int proxy_ms;      /* after it a synchronous call answers 596 */
	pthread_mutex_t lock;
	pthread_cond_t cond; /* a VM's file lock was released */
	json_t *vms;         /* "100" -> {conf, pending, delete, pid, ...} */
	json_t *tokens;      /* "root@pam!x" -> {value, privsep, ...} */
	json_t *done;        /* finished tasks, oldest first */
	long long next_pid;  /* pid part of the next UPID */
};

extern struct lab lab;

#define NODE "pve"

static inline void lab_lock(void)
{
	pthread_mutex_lock(&lab.lock);
}

static inline void lab_unlock(void)
{
	pthread_mutex_unlock(&lab.lock);
}

/* ---- call.c: one call of the API ---- */

struct auth {
	char *user;  /* "root@pam" */
	char *token; /* "full", NULL with a ticket */
	char *id;    /* "root@pam!full" or "root@pam" */
};

struct call {
	const char *method;
	char *path;       /* below /api2/json, decoded */
	const char *tmpl; /* its template in the schema */
	json_t *p;        /* parameters of path, query and body */
	struct auth who;
	int code; /* 0: fine */
	char *reason;
	json_t *errors; /* parameter -> text */
	json_t *data;   /* answer; NULL is null */
	json_t *extra;  /* members beside "data", as "total" */
};

struct route {
	const char *method;
	const char *tmpl; /* {}: one segment, a last {*}: the rest */
	void (*fn)(struct call *c);
};

/* Error answers.  The first one stays. */
void call_fail(struct call *c, int code, const char *f, ...)
	__attribute__((format(printf, 3, 4)));
/* 400 Parameter verification failed, with a text for one parameter. */
void call_bad(struct call *c, const char *param, const char *f, ...)
	__attribute__((format(printf, 3, 4)));
/* A parameter as text, NULL where not given. */
const char *call_arg(const struct call *c, const char *name);
bool call_true(const struct call *c, const char *name);
int call_vmid(const struct call *c);
/* The task's UPID as the answer. */
struct task;
struct http_resp;
void call_upid(struct call *c, struct task *t);

void call_free(struct call *c);
/* Runs the handler, in a thread where the daemon would, and renders; the
 * call is used up. */
void call_run(struct call *c, const json_t *info, void (*fn)(struct call *c),
	struct http_resp *r);
/* The answer; daemon: pvedaemon gave it. */
void call_render(const struct call *c, struct http_resp *r, bool daemon);
/* Status line only, connection closed, as for 401 and 596. */
void call_no_body(struct http_resp *r, int code, const char *reason);

extern const struct route access_routes[], node_routes[], task_routes[],
	storage_routes[], vm_routes[], config_routes[], disk_routes[],
	power_routes[], agent_routes[];

/* ---- http.c, cert.c: the wire ---- */

struct http_req {
	char *method, *target; /* as sent */
	char *path, *query;    /* path decoded, query raw or NULL */
	char *cookie, *authz, *csrf, *ctype;
	char *body;
	size_t len;
	bool chunked, too_large, loopback;
};

struct http_resp {
	int code;
	char *reason;
	char *body;  /* NULL: none and no Content-Length */
	bool json;   /* Content-Type: application/json;charset=UTF-8 */
	bool close;  /* close the connection after it */
	bool daemon; /* answered by pvedaemon: two Connection headers */
	bool drop;   /* close without an answer */
};

/* Listens and serves for ever in a thread; -1 with a message. */
int http_start(void);
/* Makes DIR/cert.pem and key.pem where absent (or anew), loads them and
 * writes DIR/fingerprint. */
int cert_load(bool anew);
/* Answers one request; api.c. */
void api_answer(const struct http_req *q, struct http_resp *r);

/* ---- form.c ---- */

/* Adds the pairs of a query or form body, decoded as Proxmox does. */
void form_decode(const char *s, json_t *into);
/* Adds the members of a JSON body; -1 where it is no JSON object. */
int form_json(const char *s, json_t *into);

/* ---- auth.c, perm.c ---- */

void auth_setup(void);
/* Who sends this request.  0, or -1 with the text of the 401. */
int auth_check(const struct http_req *q, struct auth *who, const char **why);
void auth_free(struct auth *who);
/* A new ticket and CSRF token, NULL where the password (or the old ticket
 * in its place) is wrong. */
char *auth_login(const char *user, const char *pw, char **csrf);
/* Has the caller the privilege at the path? */
bool auth_can(const struct auth *who, const char *path, const char *priv);
/* Fails with 403 unless auth_can. */
bool auth_need(struct call *c, const char *path, const char *priv);
/* The schema's "permissions" of a method; false: c has failed. */
bool auth_permits(struct call *c, const json_t *perms);
/* The rights a login shows ("cap"), and those at one path. */
json_t *perm_caps(const char *user);
json_t *perm_of(const struct auth *who, const char *path);
/* root@pam by ticket, which no token ever is. */
bool auth_is_root(const struct auth *who);

/* ---- schema.c, format.c ---- */

int schema_load(void);
/* Method info for a path; *tmpl the template, path parameters into p. */
const json_t *schema_find(
	const char *method, const char *path, const char **tmpl, json_t *p);
/* Checks all parameters; the texts go to c->errors. */
bool schema_check(struct call *c, const json_t *info);
/* The schema of a VM option (scsi3 finds scsi[n]), NULL: no such option. */
const json_t *schema_option(const char *key);
/* Text of a failed check or NULL; format: name or object of the schema. */
char *format_check(const json_t *format, const char *value, const char *path);
/* A property string as an object, by the format of the VM option; NULL and
 * *why where it is wrong.  Keys without a schema: comma and '=' split. */
json_t *prop_parse(const char *key, const char *value, char **why);
/* Back to text: default key first, the rest sorted. */
char *prop_print(const char *key, const json_t *props);

/* ---- state.c ---- */

int state_load(void);
void state_save(void);
json_t *vm_get(int vmid);
json_t *vm_conf(int vmid);
/* Fails with the real text where the VM does not exist. */
json_t *vm_need(struct call *c, int vmid);
json_t *vm_new(int vmid);
void vm_drop(int vmid);
/* The VM's file lock, waited for at most ms; call with lab.lock held. */
bool vm_flock(int vmid, int ms);
void vm_funlock(int vmid);
/* SHA-1 over a configuration; caller frees. */
char *vm_digest(int vmid);
int vm_next_id(void);

/* ---- task.c, taskapi.c ---- */

struct task {
	struct task *next;
	char *upid, *type, *id, *user;
	unsigned pid, pstart;
	time_t start;
	int warnings;
	FILE *log;
	volatile bool abort;
	volatile pid_t child; /* the command it runs */
	char *err;            /* why it failed */
	double shown;         /* progress logged last, per cent */
	bool quiet;           /* no task: a synchronous call's work */
	int (*fn)(struct task *t, void *arg);
	void *arg;
	void (*drop)(void *arg);
};

/* Starts a worker; lab.lock held.  fn returns 0 or task_die(); drop frees
 * arg.  The task belongs to task.c. */
struct task *task_start(const char *type, const char *id, const char *user,
	int (*fn)(struct task *t, void *arg), void *arg,
	void (*drop)(void *arg));
void task_log(struct task *t, const char *f, ...)
	__attribute__((format(printf, 2, 3)));
void task_warn(struct task *t, const char *f, ...)
	__attribute__((format(printf, 2, 3)));
/* Notes the reason (the first one stays) and returns -1. */
int task_die(struct task *t, const char *f, ...)
	__attribute__((format(printf, 2, 3)));
/* Runs a command, its lines into the log, "(12.34/100%)" as progress of
 * total bytes.  Exit status as cmd_run. */
int task_run(struct task *t, const char *const argv[], long long total);
/* Sleeps unless aborted. */
bool task_wait(struct task *t, int ms);
/* The running task of a UPID, NULL; lab.lock held, as for the next three. */
struct task *task_live(const char *upid);
void task_stop(struct task *t);
json_t *task_json(const struct task *t);
json_t *tasks_running(void);
char *task_log_path(const char *upid);
/* Aborts all tasks and waits for their ends; without lab.lock. */
void tasks_stop(int ms);

/* ---- storage.c, volume.c, loop.c ---- */

struct storage {
	const char *id, *type, *content;
	const char *formats; /* "raw qcow2 vmdk", the first is the default */
	char *path;          /* directory (for block types: of the files) */
	long long size;      /* 0: that of the file system */
	bool tmpfs, disabled;
	const char *nodes; /* NULL: all */
	bool full;         /* fault: says it is full */
};

struct storage_use {
	long long total, used, avail;
	bool active, enabled;
};

extern struct storage storages[];
extern const size_t storages_n;

int storage_setup(void);
void storage_teardown(void);
struct storage *storage_get(const char *id);
bool storage_has(const struct storage *s, const char *content);
bool storage_block(const struct storage *s);
void storage_usage(const struct storage *s, struct storage_use *u);
/* Fails the task where the storage is disabled or of another node. */
int storage_usable(struct task *t, const char *id);
char *storage_content(const struct storage *s);

struct volume {
	struct storage *st;
	char *id;    /* "local:100/vm-100-disk-0.qcow2" */
	char *name;  /* "vm-100-disk-0.qcow2" */
	char *file;  /* the bytes */
	char *path;  /* what Proxmox calls its path; NULL: not there yet */
	char *vtype; /* images, iso, import */
	char format[8];
	int vmid;
};

/* Takes a volume id apart; -1: no such form.  It need not exist. */
int volume_parse(const char *volid, struct volume *v);
void volume_free(struct volume *v);
#define auto_volume __attribute__((cleanup(volume_free)))
bool volume_exists(const struct volume *v);
/* Bytes the guest sees and bytes allocated; -1 unreadable. */
int volume_size(const struct volume *v, long long *size, long long *used);
/* Makes an empty volume; name NULL: the next free.  The task gets the log
 * lines and the reason of a failure.  *id is the volume's. */
int volume_alloc(struct task *t, const char *storage, int vmid,
	const char *name, const char *format, long long bytes, char **id);
/* Waits until its path is there: a zvol's link may be a moment late. */
bool volume_ready(struct task *t, const struct volume *v);
int volume_delete(struct task *t, const char *volid);
int volume_grow(struct task *t, const char *volid, long long bytes);
/* qemu-img convert into an allocated volume. */
int volume_copy(struct task *t, const char *src, const char *srcfmt,
	const struct volume *dst, long long bytes, long long kib_per_s);
/* All volumes of a storage (vmid > 0: only of that VM): array of ids. */
json_t *volume_list(const struct storage *s, int vmid);

/* Loop devices of the block storages: /dev/loopN, malloc'd, or NULL. */
char *loop_attach(const char *file);
char *loop_find(const char *file);
int loop_detach(const char *file);
int loop_resize(const char *file);

/* ---- drive.c: disks in a configuration ---- */

bool is_drive(const char *key); /* scsi, virtio, sata, ide, efidisk, tpm */
bool is_unused(const char *key);
bool drive_is_cdrom(const char *value);
/* The volume part of a drive's value; caller frees. */
char *drive_volume(const char *key, const char *value);
/* 528K, 96M, 8G */
char *size_print(long long bytes);
/* "+1G", "32G", "512M" -> bytes; -1 wrong. */
long long size_parse(const char *s);
/* "STORAGE:SIZE" -> storage and bytes; false: some other volume. */
bool drive_is_new(const char *volume, char **storage, long long *bytes);
/* Storage, permission and syntax checks of drives before anything starts. */
bool drives_check(struct call *c, int vmid, const json_t *params);
/* Allocates, imports or attaches what value says; *out the value to keep;
 * made (array) gets the ids of new volumes. */
int drive_make(struct task *t, int vmid, const char *key, const char *value,
	char **out, json_t *made);
/* Puts a volume into the first free unusedN. */
void drive_unuse(json_t *conf, const char *volid);

/* ---- boot.c ---- */

/* The order of a configuration: array of device names. */
json_t *boot_devices(const json_t *conf);
/* Sets the default order at create. */
void boot_default(json_t *conf);
/* Takes a device out, or adds one at the end; nothing without "order=". */
void boot_remove(json_t *conf, const char *dev);
void boot_append(json_t *conf, const char *dev);
/* Old letters to the new form where the release has it. */
void boot_modernise(json_t *conf);

/* ---- net.c ---- */

/* {model, macaddr, bridge, ...}; NULL: wrong syntax. */
json_t *net_parse(const char *value);
/* Adds a MAC address where the model has none; NULL: wrong syntax. */
char *net_complete(const char *value);

/* ---- update.c: changing a configuration ---- */

struct change {
	int vmid;
	json_t *set;  /* key -> text */
	json_t *del;  /* keys */
	bool force;   /* erase deleted disks */
	bool flocked; /* holds the VM's file lock till change_free() */
};
struct change *change_new(int vmid);
void change_free(void *ch); /* lab.lock held */
/* Task work, the VM's file lock held by the change. */
int change_apply(struct task *t, void *ch);
/* Its core: lab.lock held, released while disks are made. */
int change_keys(struct task *t, struct change *ch);
/* What waited for the VM's stop becomes its configuration. */
void change_pending(struct task *t, int vmid);

/* ---- configapi.c ---- */

/* Options that only root@pam itself may set; false: c has failed. */
bool root_only(struct call *c, const json_t *set);
/* SDN.Use on the bridges of network cards, 8.0 and later. */
bool bridges_allowed(struct call *c, const json_t *set);
/* Takes the VM's file lock and checks digest and config lock. */
bool lock_for(struct call *c, int vmid);

/* ---- qemu.c, qmp.c, vmrun.c ---- */

/* The command line: array of texts, argv[0] first; NULL and t->err. */
json_t *qemu_args(struct task *t, int vmid, const json_t *conf);
/* 0 or -1 with t->err; without lab.lock. */
int vmrun_start(struct task *t, int vmid);
/* Ends the QEMU at once (quit, TERM, KILL).  Without lab.lock. */
void vmrun_kill(int vmid, int ms);
bool vm_running(int vmid);
pid_t vm_pid(int vmid);
/* Waits for QEMU's end; true: it has ended. */
bool vmrun_gone(int vmid, int ms, struct task *t);
void vmrun_stop_all(void);

/* One QMP command.  Its "return" (a new reference) or NULL and *why. */
json_t *qmp(int vmid, const char *cmd, json_t *args, char **why);
/* One guest agent command within ms: {"return"..} or {"error"..}, or NULL
 * where the agent does not answer. */
json_t *qga(int vmid, const char *cmd, json_t *args, int ms);
char *run_path(int vmid, const char *suffix);

/* ---- vmapi.c; handlers that live in destroy.c and bridges.c ---- */

void vm_destroy(struct call *c);
void node_network(struct call *c);

/* Name, size and state of a VM as lists show it; full: as status/current. */
json_t *vm_status(int vmid, bool full);

/* ---- table.c: what differs by release and is only data ---- */

const char *release_version(void);
const char *release_repoid(void);
const char *release_qemu(void);
/* "pc-q35-9.2" */
char *release_machine(bool q35);

/* ---- fault.c ---- */

/* Is the fault set for this argument?  Counted faults count down. */
bool fault_hit(const char *name, const char *what, json_t **found);
/* POST /lab/fault, GET /lab/state. */
void fault_answer(const struct http_req *q, struct http_resp *r);
/* Writes one line of DIR/requests.log. */
void request_log(const struct http_req *q, const json_t *params,
	const char *user, const struct http_resp *r, int64_t ms);

#endif
