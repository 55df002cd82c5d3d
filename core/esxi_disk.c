/*
 * Disks of a VM on an ESXi host: locks, leftovers of snapshots, identity,
 * block map: see esxi.h.
 */
#include "esxi_int.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "stop.h"

/* --- proof that a VM is off --- */

/* Locks of a VM that has just stopped stay for a moment. */
#define OFF_LOOKS 10

struct extents {
	char **files;
	bool *plain; /* its data will be copied: it must be readable */
	size_t n;
};

static void extents_free(struct extents *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->files[i]);
	free(x->files);
	free(x->plain);
}

static void add_extents(struct extents *out, const struct vmdk *v,
	const char *descriptor, const json_t *volumes)
{
	_free_ char *dir = xstrdup(descriptor);

	*strrchr(dir, '/') = '\0';
	for (size_t k = 0; k < v->n_extents; k++) {
		if (!v->extents[k].file)
			continue;
		out->files = xreallocarray(
			out->files, out->n + 1, sizeof(*out->files));
		out->plain = xreallocarray(
			out->plain, out->n + 1, sizeof(*out->plain));
		out->plain[out->n] = !v->unsupported;
		out->files[out->n++] =
			esxi_path(volumes, dir, v->extents[k].file);
	}
}

/* The files that hold the newest data of each disk: what a running VM holds
 * locked. */
static int find_extents(struct esxi *x, const struct vm *vm,
	const json_t *volumes, struct extents *out, struct err *e)
{
	_free_ struct esxi_desc *d = xcalloc(vm->n_disks, sizeof(*d));
	int rc = esxi_descs_read(x, vm, d, e);

	for (size_t i = 0; rc == 0 && i < vm->n_disks; i++)
		if (d[i].v)
			add_extents(out, d[i].v, vm->disks[i].path, volumes);
	esxi_descs_free(d, vm->n_disks);
	return rc;
}

static int judge_lock(const char *file, bool plain,
	const struct esxi_call *lock, const struct esxi_call *probe,
	json_t *seen, struct err *e)
{
	_free_ char *said = str_printable_dup(str_trim(probe->out));
	json_t *o = json_object();
	struct esxi_lock l;
	bool known = esxi_text_lock(lock->out, &l) == 0;

	json_put_str(o, "file", file);
	json_put_bool(o, "readable", probe->status == 0);
	json_put(o, "lock", known ? json_integer(l.mode) : json_null());
	json_array_append_new(seen, o);
	if (known && l.mode != 0)
		return err_set(e, ERR_SOURCE_LOCKED,
			"%s is locked (mode %d) by %s", file, l.mode, l.owner);
	if (probe->status && strstr(probe->out, "busy"))
		return err_set(e, ERR_SOURCE_LOCKED, "%s: %s", file, said);
	if (probe->status && plain)
		return err_set(e, ERR_SOURCE_READ, "%s: %s", file, said);
	return 0;
}

static int check_locks(
	struct esxi *x, const struct extents *ext, json_t *seen, struct err *e)
{
	_free_ struct esxi_call *c = xcalloc(2 * ext->n, sizeof(*c));
	int rc;

	for (size_t i = 0; i < ext->n; i++) {
		c[2 * i] = (struct esxi_call){
			.cmd = ESXI_LOCK, .arg = ext->files[i]};
		c[2 * i + 1] = (struct esxi_call){
			.cmd = ESXI_PROBE, .arg = ext->files[i]};
	}
	rc = ext->n ? esxi_run(x, c, 2 * ext->n, e) : 0;
	for (size_t i = 0; rc == 0 && i < ext->n; i++)
		rc = judge_lock(ext->files[i], ext->plain[i], &c[2 * i],
			&c[2 * i + 1], seen, e);
	esxi_calls_free(c, 2 * ext->n);
	return rc;
}

/* One look by all three witnesses. */
static int look(
	struct esxi *x, const struct vm *vm, json_t **evidence, struct err *e)
{
	_json_ json_t *volumes = NULL, *rows = NULL, *ev = json_object();
	__attribute__((cleanup(extents_free))) struct extents ext = {0};
	json_t *seen = json_array(), *row;
	char state[ESXI_POWER_LEN];
	bool known = false;
	size_t i;

	json_put(ev, "extents", seen);
	if (esxi_power(x, vm->id, state, e))
		return -1;
	json_put_str(ev, "power", state);
	if (strcmp(state, "off") != 0)
		return err_set(
			e, ERR_VM_RUNNING, "power.getstate says: %s", state);
	if (esxi_inventory(x, &volumes, &rows, e))
		return -1;
	json_array_foreach (rows, i, row) {
		if (strcmp(json_str(row, "id"), vm->id) != 0)
			continue;
		known = true;
		if (strcmp(json_str_or(row, "power", ""), "on") == 0)
			return err_set(e, ERR_VM_RUNNING,
				"the VMkernel still runs a process of %s",
				json_str(row, "vmx"));
	}
	if (!known)
		return err_set(e, ERR_VM_NOT_FOUND,
			"the host knows no VM with the id %s", vm->id);
	json_put_str(ev, "process", "none");
	if (find_extents(x, vm, volumes, &ext, e) ||
		check_locks(x, &ext, seen, e))
		return -1;
	*evidence = json_incref(ev);
	return 0;
}

int esxi_prove_off(
	struct esxi *x, const struct vm *vm, json_t **evidence, struct err *e)
{
	char state[ESXI_POWER_LEN];

	for (int i = 0; i < OFF_LOOKS; i++) {
		struct err why = {0};

		if (look(x, vm, evidence, &why) == 0)
			return 0;
		if (e)
			*e = why;
		/* Worth another look only where the host calls it off. */
		if ((why.code != ERR_SOURCE_LOCKED &&
			    why.code != ERR_VM_RUNNING) ||
			esxi_power(x, vm->id, state, NULL) ||
			strcmp(state, "off") != 0)
			break;
		if (stop_sleep(x->poll_ms, e))
			break;
	}
	return err_in(e, "prove that VM %s is off", vm->name);
}

/* --- proof that no snapshot is left --- */

bool esxi_is_delta(const char *disk, const char *name)
{
	static const char *const ends[] = {
		".vmdk", "-delta.vmdk", "-sesparse.vmdk"};
	size_t n = strlen(disk);

	if (!str_ends(disk, ".vmdk"))
		return false;
	n -= 5;
	if (strncmp(disk, name, n) != 0 || name[n] != '-' ||
		strspn(name + n + 1, "0123456789") != 6)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (strcmp(name + n + 7, ends[i]) == 0)
			return true;
	return false;
}

static const char *base_name(const char *path)
{
	const char *s = strrchr(path, '/');

	return s ? s + 1 : path;
}

/* Is dir/name a disk of the VM in its own right? */
static bool is_disk(const struct vm *vm, const char *dir, const char *name)
{
	_free_ char *path = path_join(dir, name);

	for (size_t i = 0; i < vm->n_disks; i++)
		if (vm->disks[i].path && strcmp(vm->disks[i].path, path) == 0)
			return true;
	return false;
}

static int check_dir(const struct vm *vm, const struct vm_disk *d,
	const char *dir, const char *files, struct err *e)
{
	_free_ char *copy = xstrdup(files);
	char *at = copy, *name;

	while ((name = str_line(&at)))
		if (esxi_is_delta(base_name(d->path), name) &&
			!is_disk(vm, dir, name))
			return err_set(e, ERR_SNAPSHOT_STUCK,
				"%s/%s still lies there; no snapshot of %s "
				"names it, so look whose it is and move it "
				"away",
				dir, name, vm->name);
	return 0;
}

static int check_dirs(struct esxi *x, const struct vm *vm, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < vm->n_disks; i++) {
		const struct vm_disk *d = &vm->disks[i];
		_free_ char *dir = xstrdup(d->path), *files = NULL;

		if (!dir)
			continue;
		*strrchr(dir, '/') = '\0';
		rc = esxi_ask(x, ESXI_FILES, dir, &files, e);
		if (rc == 0)
			rc = check_dir(vm, d, dir, files, e);
	}
	return rc;
}

static int no_delta(struct esxi *x, const struct vm *vm, struct err *e)
{
	if (vm->snapshots)
		return err_set(e, ERR_SNAPSHOT_STUCK,
			"the host still knows snapshots of it: %d",
			vm->snapshots);
	for (size_t i = 0; i < vm->n_disks; i++) {
		const struct vm_disk *d = &vm->disks[i];

		if (d->snapshot)
			return err_set(e, ERR_SNAPSHOT_STUCK,
				"%s still is a snapshot's disk: %s", d->slot,
				d->file);
		if (!d->cid)
			return err_set(e, ERR_SNAPSHOT_STUCK, "%s: %s", d->slot,
				d->unsupported ? d->unsupported
					       : N_("has no descriptor"));
	}
	return check_dirs(x, vm, e);
}

int esxi_prove_no_delta(struct esxi *x, const char *id, struct err *e)
{
	_vm_ struct vm *vm = NULL;

	if (esxi_vm(x, id, &vm, e) || no_delta(x, vm, e))
		return err_in(e, "prove that VM %s has no snapshots", id);
	return 0;
}

/* --- identity and map --- */

static int identity(struct esxi_call c[2], const struct vm_disk *d,
	json_t **out, struct err *e)
{
	_vmdk_ struct vmdk *v = NULL;
	struct esxi_stat st;
	json_t *o;

	if (c[0].status || esxi_text_stat(c[0].out, &st))
		return err_set(e, ERR_DISK_MISSING, "%s: %s", d->data,
			str_trim(c[0].out));
	if (c[1].status)
		return err_set(e, ERR_DISK_MISSING, "%s is not there", d->path);
	if (vmdk_parse(c[1].out, c[1].len, &v, e))
		return -1;
	o = json_object();
	json_put_str(o, "path", d->data);
	json_put_u64(o, "size", st.size);
	json_put_u64(o, "mtime", st.mtime);
	json_put_u64(o, "inode", st.inode);
	json_put_str(o, "cid", v->cid);
	*out = o;
	return 0;
}

int esxi_disk_identity(
	struct esxi *x, const struct vm_disk *disk, json_t **out, struct err *e)
{
	struct esxi_call c[] = {{.cmd = ESXI_STAT, .arg = disk->data},
		{.cmd = ESXI_TEXT, .arg = disk->path}};
	int rc;

	if (!disk->data || !disk->path)
		return err_set(e, ERR_DISK_UNSUPPORTED,
			"%s has no flat extent%s%s", disk->slot,
			disk->unsupported ? ": " : "",
			disk->unsupported ? disk->unsupported : "");
	rc = esxi_run(x, c, ARRAY_LEN(c), e);
	if (rc == 0)
		rc = identity(c, disk, out, e);
	esxi_calls_free(c, ARRAY_LEN(c));
	return rc ? err_in(e, "read the identity of %s", disk->data) : 0;
}

int esxi_blockmap(
	struct esxi *x, const char *descriptor, char **text, struct err *e)
{
	struct esxi_call c = {.cmd = ESXI_BLOCKMAP, .arg = descriptor};
	int rc = esxi_run(x, &c, 1, e);

	if (rc == 0 && c.status &&
		(strstr(c.out, "lock the file") || strstr(c.out, "busy")))
		rc = err_set(e, ERR_SOURCE_LOCKED, "%s", str_trim(c.out));
	else if (rc == 0)
		rc = esxi_check(&c, e);
	if (rc == 0) {
		*text = c.out;
		c.out = NULL;
	}
	esxi_calls_free(&c, 1);
	return rc ? err_in(e, "read the block map of %s", descriptor) : 0;
}
