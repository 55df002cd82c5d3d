/*
 * A VM in files: see vmfile.h. Keeps true: only files in the VM's own folder
 * are opened, whatever a .vmx or an envelope names.
 */
#include "vmfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "i18n.h"
#include "manifest.h"
#include "ovf.h"
#include "str.h"
#include "vmx.h"

void vmfile_free(struct vmfile *f)
{
	free(f->path);
	vm_free(f->vm);
	free(f->manifest);
	free(f->in_use);
	json_decref(f->files);
	*f = (struct vmfile){0};
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return xstrndup(path, slash == path ? 1 : slash - path);
}

/* --- what is running --- */

/* Lock files of Workstation and ESXi (on NFS .lck-...), and the swap file
 * that a VM has while it is on. */
static bool tells_running(const char *name)
{
	return str_ends(name, ".lck") || str_starts(name, ".lck-") ||
		str_ends(name, ".vswp");
}

static int look_running(struct vmfile *f, struct err *e)
{
	_free_ char *dir = dir_of(f->path);
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return err_sys(e, ERR_IO, "%s", dir);
	while ((entry = readdir(d)) && !f->in_use)
		if (tells_running(entry->d_name))
			f->in_use = path_join(dir, entry->d_name);
	closedir(d);
	return 0;
}

/* --- files --- */

static void add_file(struct vmfile *f, const json_t *file)
{
	const char *path = json_str_or(file, "path", "");
	const json_t *have;
	size_t i;

	json_array_foreach (f->files, i, have)
		if (strcmp(json_str_or(have, "path", ""), path) == 0)
			return;
	json_array_append(f->files, (json_t *)file);
}

static int add_path(struct vmfile *f, const char *path, struct err *e)
{
	_json_ json_t *o = NULL;

	if (source_file_json(path, &o, e))
		return -1;
	add_file(f, o);
	return 0;
}

/* --- disks --- */

/* The file that a .vmx means: below its folder as it says, else by its last
 * name beside it (a copy taken off the host, or a disk that was elsewhere). */
static char *find_disk(const char *vmx, const char *file)
{
	_free_ char *dir = dir_of(vmx), *as_said = NULL;
	const char *base = file;

	for (const char *p = file; *p; p++)
		if (*p == '/' || *p == '\\')
			base = p + 1;
	if (*file != '/' && !str_starts(file, "../") && !strstr(file, "/../")) {
		as_said = path_join(dir, file);
		if (file_exists(as_said))
			return xstrdup(as_said);
	}
	return path_join(dir, base);
}

static void place_disk(const struct vmfile *f, struct vm_disk *d)
{
	char *path = NULL;

	if (f->kind == INSPECT_VMX)
		path = find_disk(f->path, d->file);
	else if (f->kind == INSPECT_OVA)
		path = xasprintf("%s#%s", f->path, d->file);
	if (!path)
		return;
	free(d->path);
	d->path = path;
}

static void refuse(struct vm_disk *d, enum err_code code, const char *why)
{
	str_set(&d->unsupported, why);
	str_set(&d->refusal, err_id(code));
}

static void take_size(struct vm *v, struct vm_disk *d, uint64_t size)
{
	char said[STR_SIZE_LEN], is[STR_SIZE_LEN];

	if (d->capacity && d->capacity != size)
		vm_warn(v,
			"%s: the envelope says %s, the disk itself has %s; the "
			"disk is believed.",
			d->slot, str_size(said, d->capacity),
			str_size(is, size));
	d->capacity = size;
}

/* ESXi's snapshots: grains of 512 bytes or 4 KiB. */
static bool fine_grained(const struct vm_disk *d)
{
	const char *kind = d->create_type ? d->create_type : "";

	return strcmp(kind, "vmfsSparse") == 0 || strcmp(kind, "seSparse") == 0;
}

/* By the image's map; 0 where it does not tell. */
static uint64_t written(struct disk_in *in)
{
	_extents_ struct extents x = {0};
	_free_ char *why = NULL;
	uint64_t sum = 0;

	if (in->kind->extents(in, &x, &why, NULL))
		return 0;
	for (size_t i = 0; i < x.n; i++)
		sum += x.e[i].data ? x.e[i].length : 0;
	return sum;
}

/* What its descriptor says of it; what is wrong there, source_open tells. */
static void describe(struct vmfile *f, struct vm_disk *d)
{
	_inspect_ struct inspect i = {0};

	if (f->kind == INSPECT_OVA || inspect_file(d->path, &i, NULL) ||
		!i.vmdk)
		return;
	str_set(&d->create_type, i.vmdk->create_type);
	str_set(&d->cid, i.vmdk->cid);
	d->thin = i.vmdk->thin;
	if (fine_grained(d))
		vm_warn(f->vm,
			"%s is on a snapshot of ESXi, which QEMU reads in "
			"small pieces: slowly. Removing the snapshots "
			"where the VM runs, and copying then, is faster.",
			d->slot);
}

static int open_disk(struct vmfile *f, struct vm_disk *d, struct err *e)
{
	const struct source_opts o = {.check = true};
	_disk_in_ struct disk_in in = {0};
	_json_ json_t *id = NULL;
	const json_t *file;
	size_t i;

	/* By another name it would be taken as raw bytes. */
	if (!str_ends(d->path, ".vmdk") || str_ends(d->path, "-flat.vmdk"))
		return err_set(e, ERR_DISK_UNSUPPORTED,
			"its file %s is not a .vmdk: qemu-img convert -O vmdk "
			"makes one, then name that one",
			d->file);
	describe(f, d);
	if (source_open(d->path, &o, &in, e) || in.kind->identity(&in, &id, e))
		return -1;
	take_size(f->vm, d, in.size);
	if (!fine_grained(d))
		d->used = written(&in);
	json_array_foreach (json_object_get(id, "files"), i, file)
		add_file(f, file);
	return 0;
}

static void look_disk(struct vmfile *f, struct vm_disk *d)
{
	struct err e = {0};

	d->snapshot = false;
	str_set(&d->data, NULL);
	if (d->unsupported)
		return;
	if (!d->file)
		refuse(d, ERR_DISK_MISSING, N_("it has no file"));
	else
		place_disk(f, d);
	if (!d->path || open_disk(f, d, &e) == 0)
		return;
	refuse(d, e.code == ERR_NOT_FOUND ? ERR_DISK_MISSING : e.code, e.why);
	vm_warn(f->vm, "%s cannot be copied: %s.", d->slot, e.why);
}

/* --- each kind --- */

static int read_vmx(struct vmfile *f, struct err *e)
{
	_vmx_ struct vmx *x = NULL;
	_free_ char *text = NULL;
	size_t len;

	/* Without what inspect_file makes of disks that only ESXi reads. */
	if (file_read(f->path, VMX_MAX, &text, &len, e) ||
		vmx_parse(text, len, &x, e) || vmx_to_vm(x, f->path, &f->vm, e))
		return -1;
	sha256_hex(text, len, f->digest);
	return look_running(f, e);
}

static int read_ovf(struct vmfile *f, struct err *e)
{
	_free_ char *text = NULL;
	size_t len;

	if (file_read(f->path, OVF_MAX, &text, &len, e) ||
		ovf_parse(text, len, f->path, &f->vm, e))
		return -1;
	sha256_hex(text, len, f->digest);
	return 0;
}

static int read_ova(struct vmfile *f, struct err *e)
{
	_close_ int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	_ova_ struct ova *a = NULL;
	_free_ char *text = NULL;

	/* core/source/image.c tells archives by their names. */
	if (!str_ends(f->path, ".ova"))
		return err_set(e, ERR_BAD_INPUT,
			"%s is an OVA archive: its name must end in .ova",
			f->path);
	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", f->path);
	if (ova_parse(fd, f->path, &f->vm, e) || ova_list(fd, &a, e) ||
		ova_read(fd, &a->members[a->ovf], OVF_MAX, &text, e))
		return -1;
	sha256_hex(text, a->members[a->ovf].size, f->digest);
	return 0;
}

static int read_kind(struct vmfile *f, const struct inspect *i, struct err *e)
{
	f->kind = i->kind;
	switch (i->kind) {
	case INSPECT_VMX:
		return read_vmx(f, e);
	case INSPECT_OVF:
		return read_ovf(f, e);
	case INSPECT_OVA:
		return read_ova(f, e);
	case INSPECT_VMDK:
		break;
	}
	return err_set(e, ERR_BAD_INPUT,
		"%s is a disk, not a VM: give the .vmx or .ovf beside it",
		f->path);
}

static void settle(struct vmfile *f, int snapshots)
{
	struct vm *v = f->vm;

	str_set(&v->id, "file");
	str_set(&v->config, f->path);
	if (f->in_use) {
		str_set(&v->power, "on");
		vm_warn(v, "The VM seems to be on: %s is there.", f->in_use);
	} else if (!v->power) {
		str_set(&v->power, "off");
	}
	if (snapshots > 0)
		vm_warn(v,
			"The VM has snapshots (%d): what is copied is its "
			"present state, the snapshots stay behind.",
			snapshots);
	v->snapshots = 0;
}

int vmfile_read(const char *path, struct vmfile *out, struct err *e)
{
	_vmfile_ struct vmfile f = {
		.path = realpath(path, NULL), .files = json_array()};
	_inspect_ struct inspect i = {0};

	if (!f.path)
		return err_sys(e, ERR_IO, "%s", path);
	if (inspect_file(f.path, &i, e) || read_kind(&f, &i, e) ||
		add_path(&f, f.path, e))
		return -1;
	settle(&f, i.vm->snapshots);
	for (size_t k = 0; k < f.vm->n_disks; k++)
		look_disk(&f, &f.vm->disks[k]);
	if (f.kind != INSPECT_VMX)
		f.manifest = manifest_name(f.path, f.kind == INSPECT_OVA);
	*out = f;
	f = (struct vmfile){0};
	return 0;
}

/* --- facts --- */

json_t *vmfile_source(const struct vmfile *f)
{
	json_t *s = json_object();

	json_put_str(s, "kind", "file");
	json_put_str(s, "path", f->path);
	json_put_str(s, "format", inspect_kind_name(f->kind));
	json_put_str(s, "digest", f->digest);
	json_put_str(s, "manifest", f->manifest);
	json_put_str(s, "in_use", f->in_use);
	json_object_set(s, "files", f->files);
	return s;
}

static int file_same(const json_t *was, const json_t *now, struct err *e)
{
	const json_t *is;
	size_t i;

	json_array_foreach (now, i, is)
		if (json_equal(was, is))
			return 0;
	return err_set(e, ERR_PLAN_BAD,
		"%s changed since the plan was made: scan and plan again",
		json_str_or(was, "path", "?"));
}

int vmfile_same(const struct vmfile *f, const json_t *source, struct err *e)
{
	const json_t *was;
	size_t i;

	if (f->in_use)
		return err_set(e, ERR_FILE_IN_USE, "%s is there", f->in_use);
	json_array_foreach (json_object_get(source, "files"), i, was)
		if (file_same(was, f->files, e))
			return -1;
	if (strcmp(json_str_or(source, "digest", ""), f->digest))
		return err_set(e, ERR_PLAN_BAD,
			"%s says something else than when the plan was made: "
			"scan and plan again",
			f->path);
	return 0;
}
