/*
 * Snapshots on disk: redo logs, .vmsd, and folding them back.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
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

	if (n > 7 && path[n - 7] == '-' && strspn(path + n - 6, "0123456789")
	    == 6)
		n -= 7;
	for (i = 1;; i++) {
		out = text_fmt("%.*s-%06d.vmdk", (int)n, path, i);
		if (access(out, F_OK))
			return out;
	}
}

/* A new, empty top for one disk; the .vmx then names it. */
static int push_disk(struct vm *vm, struct vdisk *d)
{
	char *top = next_name(d->path), *key;
	struct desc old, new;
	int fd;

	if (desc_load(d->path, &old))
		return -1;
	new = old;
	new.parent_cid = old.cid;
	new.cid = old.cid ^ 0x5a17c000u ^ (uint32_t)snap_count(vm);
	new.hint = text_dup(text_base(d->path));
	new.extent = text_fmt("%.*s-delta.vmdk",
		(int)strlen(text_base(top)) - 5, text_base(top));
	snprintf(new.create, sizeof(new.create), "vmfsSparse");
	snprintf(new.extent_type, sizeof(new.extent_type), "VMFSSPARSE");
	fd = cowd_create(desc_extent(top, &new), new.sectors);
	if (fd < 0)
		return -1;
	close(fd);
	if (desc_save(top, &new, 0))
		return -1;
	key = text_fmt("%s.fileName", d->slot);
	vmx_set(&vm->vmx, key, "%s", strcmp(text_dir(top), vm->dir) ?
		top : text_base(top));
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
	text_write(text_fmt("%s/%s-Snapshot%lld.vmsn", vm->dir, vm->base,
		uid), "\xd0\xbe\xd2\xbe\x08", 5);
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

/* Writes what the logs hold into the base; only sectors in a log change. */
static int fold(struct disk *d, int base)
{
	int64_t s, n = d->size / LAB_SECTOR;
	char buf[LAB_SECTOR];
	int i;

	for (s = 0; s < n; s++) {
		for (i = d->n - 1; i > 0; i--) {
			struct layer *l = &d->layer[i];

			if (!cowd_find(l, s))
				continue;
			if (disk_read(d, buf, sizeof(buf), s * LAB_SECTOR) ||
			    pwrite(base, buf, sizeof(buf), s * LAB_SECTOR) !=
				    (ssize_t)sizeof(buf))
				return -1;
			break;
		}
	}
	return 0;
}

static int pop_disk(struct vm *vm, struct vdisk *v)
{
	struct desc desc;
	const char *why;
	struct disk d;
	int base, r, i;

	if (disk_open(v->path, &d, &why))
		return -1;
	if (desc_load(d.path[0], &desc))
		return -1;
	base = open(desc_extent(d.path[0], &desc), O_RDWR | O_CLOEXEC);
	r = base < 0 ? -1 : fold(&d, base);
	if (base >= 0 && close(base))
		r = -1;
	if (r)
		return -1;
	vmx_set(&vm->vmx, text_fmt("%s.fileName", v->slot), "%s",
		strcmp(text_dir(d.path[0]), vm->dir) ? d.path[0] :
						       text_base(d.path[0]));
	if (vmx_save(vm->vmx_path, &vm->vmx))
		return -1;
	for (i = d.n - 1; i > 0; i--) {
		if (!desc_load(d.path[i], &desc))
			unlink(desc_extent(d.path[i], &desc));
		unlink(d.path[i]);
	}
	v->path = d.path[0];
	disk_close(&d);
	return 0;
}

int snap_consolidate(struct vm *vm)
{
	struct vmx sd, left = {0};
	const char *f;
	size_t i;
	int n;

	for (i = 0; i < vm->ndisk; i++)
		if (pop_disk(vm, &vm->disk[i]))
			return -1;
	if (vmx_load(vmsd_path(vm), &sd))
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
