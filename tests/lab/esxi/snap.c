/*
 * Snapshots on disk: redo logs, .vmsd, and folding them back.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

static char *vmsd_path(const struct vm *vm)
{
	return text_fmt("%s/%s.vmsd", vm->dir, vm->base);
}

int snap_count(const struct vm *vm)
{
	struct vmx sd;
	long long n;

	if (vmx_load(vmsd_path(vm), &sd))
		return 0;
	n = text_num(vmx_get(&sd, "snapshot.numSnapshots"));
	return n < 0 ? 0 : (int)n;
}

/* x.vmdk -> x-000001.vmdk, x-000001.vmdk -> x-000002.vmdk, first unused */
static char *next_name(const char *path)
{
	size_t n = strlen(path) - 5;
	char *out;
	int i;

	if (n > 7 && path[n - 7] == '-' &&
		strspn(path + n - 6, "0123456789") == 6)
		n -= 7;
	for (i = 1;; i++) {
		out = text_fmt("%.*s-%06d.vmdk", (int)n, path, i);
		if (access(out, F_OK))
			return out;
	}
}

static enum redo_kind kind_for(const struct vdisk *d, const struct desc *now)
{
	const char *told = state_get("redo");
	struct datastore *ds;
	size_t i, n = inv_datastores(&ds);

	if (!strcmp(now->extent_type, "VMFSSPARSE"))
		return REDO_COWD;
	if (!strcmp(now->extent_type, "SESPARSE"))
		return REDO_SESPARSE;
	if (told)
		return !strcmp(told, "cowd") ? REDO_COWD : REDO_SESPARSE;
	for (i = 0; i < n; i++)
		if (strstr(d->path, ds[i].uuid))
			break;
	return i < n && !strcmp(ds[i].type, "VMFS-6") ? REDO_SESPARSE
						      : REDO_COWD;
}

/* A new, empty top for one disk; the .vmx then names it. */
static int push_disk(struct vm *vm, struct vdisk *d)
{
	char *top = next_name(d->path), *key;
	struct desc old, new;
	enum redo_kind kind;
	bool cowd;
	int fd;

	if (desc_load(d->path, &old))
		return -1;
	kind = kind_for(d, &old);
	cowd = kind == REDO_COWD;
	new = old;
	new.parent_cid = old.cid;
	new.cid = old.cid ^ 0x5a17c000u ^ (uint32_t)snap_count(vm);
	new.hint = text_dup(text_base(d->path));
	new.extent = text_fmt("%.*s-%s.vmdk", (int)strlen(text_base(top)) - 5,
		text_base(top), cowd ? "delta" : "sesparse");
	snprintf(new.create, sizeof(new.create),
		cowd ? "vmfsSparse" : "seSparse");
	snprintf(new.extent_type, sizeof(new.extent_type),
		cowd ? "VMFSSPARSE" : "SESPARSE");
	fd = redo_create(desc_extent(top, &new), new.sectors, kind);
	if (fd < 0)
		return -1;
	close(fd);
	if (desc_save(top, &new, 0))
		return -1;
	key = text_fmt("%s.fileName", d->slot);
	vmx_set(&vm->vmx, key, "%s",
		strcmp(text_dir(top), vm->dir) ? top : text_base(top));
	d->path = top;
	return 0;
}

static void record(struct vm *vm, struct vmx *sd, const char *name,
	const char *desc, bool mem)
{
	long long uid = text_num(vmx_get(sd, "snapshot.lastUID"));
	long long n = text_num(vmx_get(sd, "snapshot.numSnapshots"));
	const char *cur = vmx_get(sd, "snapshot.current");
	struct timespec ts;
	int64_t us;
	size_t i;
	char *p;

	uid = uid < 0 ? 1 : uid + 1;
	n = n < 0 ? 0 : n;
	p = text_fmt("snapshot%lld", n);
	clock_gettime(CLOCK_REALTIME, &ts);
	us = ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
	if (!vmx_get(sd, ".encoding"))
		vmx_set(sd, ".encoding", "UTF-8");
	vmx_set(sd, "snapshot.lastUID", "%lld", uid);
	vmx_set(sd, text_fmt("%s.uid", p), "%lld", uid);
	vmx_set(sd, text_fmt("%s.filename", p), "%s-Snapshot%lld.vmsn",
		vm->base, uid);
	if (n && cur)
		vmx_set(sd, text_fmt("%s.parent", p), "%s", cur);
	vmx_set(sd, "snapshot.current", "%lld", uid);
	vmx_set(sd, text_fmt("%s.displayName", p), "%s", name);
	vmx_set(sd, text_fmt("%s.description", p), "%s", desc);
	if (mem && vm->power == POWER_ON)
		vmx_set(sd, text_fmt("%s.type", p), "1");
	vmx_set(sd, text_fmt("%s.createTimeHigh", p), "%d", (int)(us >> 32));
	vmx_set(sd, text_fmt("%s.createTimeLow", p), "%d", (int32_t)us);
	vmx_set(sd, text_fmt("%s.numDisks", p), "%zu", vm->ndisk);
	for (i = 0; i < vm->ndisk; i++) {
		const char *f = vm->disk[i].path;

		vmx_set(sd, text_fmt("%s.disk%zu.fileName", p, i), "%s",
			strcmp(text_dir(f), vm->dir) ? f : text_base(f));
		vmx_set(sd, text_fmt("%s.disk%zu.node", p, i), "%s",
			vm->disk[i].slot);
	}
	vmx_set(sd, "snapshot.numSnapshots", "%lld", n + 1);
	text_write(text_fmt("%s/%s-Snapshot%lld.vmsn", vm->dir, vm->base, uid),
		"\xd0\xbe\xd2\xbe\x08", 5);
}

int snap_create(struct vm *vm, const char *name, const char *desc, bool mem)
{
	struct vmx sd;
	size_t i;

	vmx_load(vmsd_path(vm), &sd);
	record(vm, &sd, name, desc, mem);
	for (i = 0; i < vm->ndisk; i++)
		if (push_disk(vm, &vm->disk[i]))
			return -1;
	if (vmx_save(vm->vmx_path, &vm->vmx))
		return -1;
	return vmx_save(vmsd_path(vm), &sd);
}

/* Copies every sector that the log `from` holds into the layer below it:
 * the base, or another log. */
static int pour(struct layer *from, int64_t sectors, int to, bool into_log)
{
	char buf[LAB_SECTOR];
	int64_t s, pos;

	for (s = 0; s < sectors; s++) {
		pos = redo_find(from, s);
		if (!pos)
			continue;
		if (pos < 0 ||
			pread(from->fd, buf, sizeof(buf), pos) !=
				(ssize_t)sizeof(buf))
			return -1;
		if (into_log ? redo_put(to, s, buf)
			     : pwrite(to, buf, sizeof(buf), s * LAB_SECTOR) !=
					(ssize_t)sizeof(buf))
			return -1;
	}
	return 0;
}

/* What stood on the log that is gone now stands on the layer below. */
static int restack(struct vm *vm, struct vdisk *v, struct disk *d, int below)
{
	struct desc lower, upper;
	char *name = text_dup(d->path[below]);

	if (!strcmp(text_dir(name), vm->dir))
		name = text_dup(text_base(name));
	if (below + 2 == d->n) {
		vmx_set(&vm->vmx, text_fmt("%s.fileName", v->slot), "%s", name);
		v->path = d->path[below];
		return vmx_save(vm->vmx_path, &vm->vmx);
	}
	if (desc_load(d->path[below], &lower) ||
		desc_load(d->path[below + 2], &upper))
		return -1;
	upper.parent_cid = lower.cid;
	upper.hint = text_dup(text_base(d->path[below]));
	return desc_save(d->path[below + 2], &upper, 0);
}

/* Folds the log above layer `below` of one disk into that layer. */
static int merge(struct vm *vm, struct vdisk *v, int below)
{
	struct desc lower, gone;
	const char *why;
	struct disk d;
	int fd, r;

	if (disk_open(v->path, &d, &why) || below + 1 >= d.n ||
		desc_load(d.path[below], &lower) ||
		desc_load(d.path[below + 1], &gone))
		return -1;
	fd = open(desc_extent(d.path[below], &lower), O_RDWR | O_CLOEXEC);
	r = fd < 0 ? -1
		   : pour(&d.layer[below + 1], lower.sectors, fd,
			     d.layer[below].kind != REDO_NONE);
	if (fd >= 0 && close(fd))
		r = -1;
	if (r || restack(vm, v, &d, below))
		return -1;
	unlink(desc_extent(d.path[below + 1], &gone));
	unlink(d.path[below + 1]);
	disk_close(&d);
	return 0;
}

static int layers(const struct vdisk *v)
{
	const char *why;
	struct disk d;
	int n;

	if (disk_open(v->path, &d, &why))
		return -1;
	n = d.n;
	disk_close(&d);
	return n;
}

int snap_consolidate(struct vm *vm)
{
	size_t i;
	int n;

	for (i = 0; i < vm->ndisk; i++) {
		while ((n = layers(&vm->disk[i])) > 1)
			if (merge(vm, &vm->disk[i], 0))
				return -1;
		if (n < 1)
			return -1;
	}
	return snap_forget(vm);
}

int snap_forget(struct vm *vm)
{
	struct vmx sd, left = {0};
	const char *f;
	int n;

	if (vmx_load(vmsd_path(vm), &sd) || !sd.n)
		return 0;
	for (n = 0; (f = vmx_get(&sd, "snapshot%d.filename", n)); n++)
		unlink(text_fmt("%s/%s", vm->dir, f));
	vmx_set(&left, ".encoding", "UTF-8");
	f = vmx_get(&sd, "snapshot.lastUID");
	if (f)
		vmx_set(&left, "snapshot.lastUID", "%s", f);
	vmx_set(&left, "snapshot.numSnapshots", "0");
	return vmx_save(vmsd_path(vm), &left);
}

/* Takes snapshot number `gone` out of the .vmsd; those behind move up. */
static int strike(struct vm *vm, struct vmx *sd, int gone)
{
	char *from = text_fmt("snapshot%d.", gone), *uid, *parent;
	struct vmx left = {0};
	const char *s;
	int i, n = snap_count(vm);
	size_t k;

	uid = text_dup(vmx_get(sd, "snapshot%d.uid", gone));
	s = vmx_get(sd, "snapshot%d.parent", gone);
	parent = s ? text_dup(s) : NULL;
	unlink(text_fmt(
		"%s/%s", vm->dir, vmx_get(sd, "snapshot%d.filename", gone)));
	for (i = 0; i < n; i++) {
		s = vmx_get(sd, "snapshot%d.parent", i);
		if (s && !strcmp(s, uid) && parent)
			vmx_set(sd, text_fmt("snapshot%d.parent", i), "%s",
				parent);
		else if (s && !strcmp(s, uid))
			vmx_unset(sd, text_fmt("snapshot%d.parent", i));
	}
	if (!strcmp(vmx_get(sd, "snapshot.current"), uid) && parent)
		vmx_set(sd, "snapshot.current", "%s", parent);
	vmx_set(sd, "snapshot.numSnapshots", "%d", n - 1);
	for (k = 0; k < sd->n; k++) {
		const char *key = sd->kv[k].key;
		bool ours = !strncmp(key, "snapshot", 8);
		size_t d = ours ? strspn(key + 8, "0123456789") : 0;

		if (!strncmp(key, from, strlen(from)))
			continue;
		i = d ? (int)strtol(key + 8, NULL, 10) : -1;
		vmx_set(&left,
			i > gone ? text_fmt("snapshot%d%s", i - 1, key + 8 + d)
				 : key,
			"%s", sd->kv[k].val);
	}
	return vmx_save(vmsd_path(vm), &left);
}

int snap_remove(struct vm *vm, const char *uid)
{
	struct vmx sd;
	const char *s;
	int i, n = snap_count(vm);
	size_t k;

	if (n == 1)
		return snap_consolidate(vm);
	if (vmx_load(vmsd_path(vm), &sd))
		return -1;
	for (i = 0; i < n; i++)
		if ((s = vmx_get(&sd, "snapshot%d.uid", i)) && !strcmp(s, uid))
			break;
	if (i == n)
		return -1;
	/* a chain: snapshot number i froze layer i of each disk */
	for (k = 0; k < vm->ndisk; k++)
		if (merge(vm, &vm->disk[k], i))
			return -1;
	return strike(vm, &sd, i);
}
