/*
 * vim-cmd: snapshots.
 */
#include "vim.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void load_vmsd(const struct vm *vm, struct vmx *sd)
{
	if (vmx_load(text_fmt("%s/%s.vmsd", vm->dir, vm->base), sd))
		*sd = (struct vmx){0};
}

static const char *field(const struct vmx *sd, int i, const char *what)
{
	const char *s = vmx_get(sd, "snapshot%d.%s", i, what);

	return s ? s : "";
}

static time_t created(const struct vmx *sd, int i)
{
	int64_t hi = 0, lo = 0;

	sscanf(field(sd, i, "createTimeHigh"), "%" SCNd64, &hi);
	sscanf(field(sd, i, "createTimeLow"), "%" SCNd64, &lo);
	return (time_t)((hi << 32 | (lo & 0xffffffff)) / 1000000);
}

/* The snapshots whose parent is `parent` ("" at the top), each followed by
 * its own. */
static void tree(const struct vmx *sd, const char *parent, int depth)
{
	char *dash = text_alloc((size_t)depth * 2 + 3);
	int i, n = (int)text_num(vmx_get(sd, "snapshot.numSnapshots"));

	memset(dash, '-', (size_t)depth * 2 + 2);
	for (i = 0; i < n; i++) {
		time_t t = created(sd, i);
		struct tm tm;

		if (strcmp(field(sd, i, "parent"), parent))
			continue;
		gmtime_r(&t, &tm);
		printf("%.*s|-%s\n", depth * 2, dash, depth ? "CHILD" : "ROOT");
		printf("%sSnapshot Name        : %s\n", dash,
			field(sd, i, "displayName"));
		printf("%sSnapshot Id        : %s\n", dash,
			field(sd, i, "uid"));
		printf("%sSnapshot Desciption  : %s\n", dash,
			field(sd, i, "description"));
		printf("%sSnapshot Created On  : %d/%d/%d %d:%d:%d\n", dash,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_year + 1900,
			tm.tm_hour, tm.tm_min, tm.tm_sec);
		printf("%sSnapshot State       : powered %s\n", dash,
			*field(sd, i, "type") ? "on" : "off");
		tree(sd, field(sd, i, "uid"), depth + 1);
	}
}

int vim_snap_get(struct vm *vm, int argc, char **argv)
{
	struct vmx sd;

	(void)argc, (void)argv;
	load_vmsd(vm, &sd);
	puts("Get Snapshot:");
	tree(&sd, "", 0);
	return 0;
}

static void info_tree(struct dump *d, const struct vm *vm, const struct vmx *sd,
	const char *parent, const char *member)
{
	int i, n = (int)text_num(vmx_get(sd, "snapshot.numSnapshots"));
	bool any = false;

	for (i = 0; i < n; i++) {
		time_t t = created(sd, i);
		struct tm tm;
		char when[40];

		if (strcmp(field(sd, i, "parent"), parent))
			continue;
		if (!any)
			dump_list(d, member, "vim.vm.SnapshotTree");
		any = true;
		gmtime_r(&t, &tm);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		dump_open(d, NULL, "vim.vm.SnapshotTree");
		dump_raw(d, "snapshot", "'vim.vm.Snapshot:%d-snapshot-%s'",
			vm->id, field(sd, i, "uid"));
		dump_raw(d, "vm", "'vim.VirtualMachine:%d'", vm->id);
		dump_str(d, "name", "%s", field(sd, i, "displayName"));
		dump_str(d, "description", "%s", field(sd, i, "description"));
		dump_raw(d, "id", "%s", field(sd, i, "uid"));
		dump_str(d, "createTime", "%s", when);
		dump_str(d, "state",
			*field(sd, i, "type") ? "poweredOn" : "poweredOff");
		dump_bool(d, "quiesced", false);
		dump_unset(d, "backupManifest");
		info_tree(d, vm, sd, field(sd, i, "uid"), "childSnapshotList");
		dump_bool(d, "replaySupported", false);
		dump_close(d);
	}
	if (any)
		dump_close(d);
	else
		dump_unset(d, member);
}

int vim_snap_info(struct vm *vm, int argc, char **argv)
{
	struct dump d = {0};
	struct vmx sd;

	(void)argc, (void)argv;
	puts("Get Snapshot Info:");
	load_vmsd(vm, &sd);
	if (text_num(vmx_get(&sd, "snapshot.numSnapshots")) < 1) {
		puts("(vim.vm.SnapshotInfo) null");
		return 0;
	}
	dump_open(&d, NULL, "vim.vm.SnapshotInfo");
	dump_raw(&d, "currentSnapshot", "'vim.vm.Snapshot:%d-snapshot-%s'",
		vm->id, vmx_get(&sd, "snapshot.current"));
	info_tree(&d, vm, &sd, "", "rootSnapshotList");
	dump_close(&d);
	return 0;
}

int vim_snap_create(struct vm *vm, int argc, char **argv)
{
	char *key;
	int r;

	puts("Create Snapshot:");
	state_lock();
	inv_again(vm);
	key = task_new(vm, "createSnapshot");
	r = snap_create(vm, argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "",
		argc > 4 && !strcmp(argv[4], "1"));
	task_end(key, r ? "vim.fault.FileFault" : NULL,
		"An error occurred while taking a snapshot.");
	state_unlock();
	if (!r)
		return 0;
	puts("Create snapshot failed");
	return 1;
}

struct removal {
	char *id, *key;
	const char *uid; /* NULL: all */
};

/*
 * The fault snapshot-stuck: the task fails and the logs stay. With argument
 * "orphan" the snapshots are gone from the list all the same, as on a real
 * host: then nothing but the logs tells of them.
 */
static int removal_end(const struct removal *r)
{
	const char *stuck = fault_get("snapshot-stuck");
	struct vm vm;
	int bad;

	state_lock();
	if (inv_vm(r->id, &vm))
		return 1;
	bad = stuck ||
		(r->uid ? snap_remove(&vm, r->uid) : snap_consolidate(&vm));
	if (stuck && !strcmp(stuck, "orphan"))
		snap_forget(&vm);
	if (bad)
		state_put(inv_key(&vm, "consolidate"), "1");
	else
		state_del(inv_key(&vm, "consolidate"));
	state_del(inv_key(&vm, "busy"));
	task_end(r->key, bad ? "vim.fault.FileLocked" : NULL,
		"An error occurred while consolidating disks: Failed to lock "
		"the file.");
	state_unlock();
	return bad;
}

static void removal_later(void *arg)
{
	removal_end(arg);
}

static int removal(struct vm *vm, const char *method, const char *uid)
{
	char *slow = fault_get("snapshot-slow");
	struct removal *r = text_alloc(sizeof(*r));

	r->id = text_fmt("%d", vm->id);
	r->uid = uid;
	state_lock();
	r->key = task_new(vm, method);
	if (slow) {
		state_put(inv_key(vm, "busy"), "%s", r->key);
		task_takes(r->key, text_num(slow));
		state_unlock();
		state_later(text_num(slow) * 1000, removal_later, r);
		return 0;
	}
	return removal_end(r) ? 1 : 0;
}

/* A second removal while one runs. */
static bool busy(const struct vm *vm)
{
	return state_get("vm/%d/busy", vm->id) != NULL;
}

int vim_snap_removeall(struct vm *vm, int argc, char **argv)
{
	(void)argc, (void)argv;
	puts("Remove All Snapshots:");
	fflush(stdout);
	if (busy(vm)) {
		puts("Remove all snapshots failed");
		return 1;
	}
	/* nothing listed, nothing done, whatever logs there are */
	if (!snap_count(vm) || !removal(vm, "removeAllSnapshots", NULL))
		return 0;
	puts("Remove all snapshots failed");
	return 1;
}

int vim_snap_remove(struct vm *vm, int argc, char **argv)
{
	int i, n = snap_count(vm);
	struct vmx sd;

	(void)argc;
	puts("Remove Snapshot:");
	fflush(stdout);
	load_vmsd(vm, &sd);
	for (i = 0; i < n; i++)
		if (!strcmp(field(&sd, i, "uid"), argv[2]))
			break;
	if (i >= n)
		return vim_fault("vim.fault.NotFound",
			text_fmt("Unable to "
				 "find a snapshot corresponding to \"%s\"",
				argv[2]),
			NULL);
	if (!busy(vm) && !removal(vm, "removeSnapshot", argv[2]))
		return 0;
	puts("Remove snapshot failed");
	return 1;
}
