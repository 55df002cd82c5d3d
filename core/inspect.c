/* Files of VMware told apart and read: see inspect.h. */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ovf.h"
#include "str.h"
#include "vmx.h"

/* A sparse image's header and descriptor lie in its first 2 MiB. */
#define HEAD_MAX (2u << 20)

struct head {
	char *p;
	size_t len;
	uint64_t size; /* of the whole file */
};

void inspect_free(struct inspect *i)
{
	vm_free(i->vm);
	vmdk_free(i->vmdk);
	*i = (struct inspect){0};
}

const char *inspect_kind_name(enum inspect_kind k)
{
	static const char *const names[] = {
		[INSPECT_VMX] = "vmx",
		[INSPECT_VMDK] = "vmdk",
		[INSPECT_OVF] = "ovf",
		[INSPECT_OVA] = "ova",
	};

	return names[k];
}

/* --- reading --- */

static int open_file(const char *path, int *fd, struct err *e)
{
	int f = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (f < 0)
		return err_sys(e, ERR_IO, "open %s", path);
	*fd = f;
	return 0;
}

/* At most max bytes from the beginning. */
static int read_head(
	const char *path, int fd, size_t max, struct head *h, struct err *e)
{
	struct stat st;
	size_t n = 0;
	ssize_t got = 1;
	char *p;

	if (fstat(fd, &st))
		return err_sys(e, ERR_IO, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_BAD_INPUT, "%s is not a file", path);
	if ((uint64_t)st.st_size < max)
		max = (size_t)st.st_size;
	p = xmalloc(max + 1);
	while (n < max && got) {
		got = pread(fd, p + n, max - n, (off_t)n);
		if (got < 0 && errno != EINTR) {
			free(p);
			return err_sys(e, ERR_IO, "read %s", path);
		}
		n += got > 0 ? (size_t)got : 0;
	}
	p[n] = '\0';
	*h = (struct head){.p = p, .len = n, .size = (uint64_t)st.st_size};
	return 0;
}

/* --- telling apart --- */

static bool begins(const struct head *h, size_t at, const char *s, size_t n)
{
	return h->len >= at + n && memcmp(h->p + at, s, n) == 0;
}

/* XML: a < as its first letter, also behind a BOM or in UTF-16. */
static bool is_xml(const struct head *h)
{
	const char *p = h->p;

	if (begins(h, 0, "\xff\xfe<\0", 4) || begins(h, 0, "\xfe\xff\0<", 4))
		return true;
	if (begins(h, 0, "\xef\xbb\xbf", 3))
		p += 3;
	return p[strspn(p, " \t\r\n")] == '<';
}

static bool is_vmdk(const struct head *h)
{
	_free_ char *start = xstrndup(h->p, h->len < 4096 ? h->len : 4096);

	return begins(h, 0, "KDMV", 4) || begins(h, 0, "COWD", 4) ||
		begins(h, 0, "\xbe\xba\xfe\xca\0\0\0\0", 8) ||
		begins(h, 0, "\xa2\x72\x19\xf6", 4) ||
		strcasestr(start, "# Disk DescriptorFile") ||
		strcasestr(start, "\ncreateType");
}

static bool has_ending(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n >= m && str_eqi(path + n - m, ending);
}

/* By content; where that says nothing (a flat disk, an old tar), by name. */
static enum inspect_kind tell(const char *path, const struct head *h)
{
	if (begins(h, 257, "ustar", 5))
		return INSPECT_OVA;
	if (is_xml(h))
		return INSPECT_OVF;
	if (is_vmdk(h) || has_ending(path, ".vmdk"))
		return INSPECT_VMDK;
	return has_ending(path, ".ova") ? INSPECT_OVA : INSPECT_VMX;
}

/* --- what stands beside a .vmx --- */

/* The file here that the configuration means: at its path, or by its last name
 * beside the .vmx (a copy taken off the host). Null where it is not here. */
static char *local_file(const char *vmx, const char *path, const char *file)
{
	const char *slash = strrchr(vmx, '/'), *base;
	_free_ char *dir = slash ? xstrndup(vmx, slash - vmx) : xstrdup(".");
	char *here;

	if (path && file_exists(path))
		return xstrdup(path);
	base = strrchr(file, '/');
	here = path_join(dir, base ? base + 1 : file);
	if (file_exists(here))
		return here;
	free(here);
	return NULL;
}

/* Data files of a disk against their extents. */
static void check_extents(struct vm *v, const struct vm_disk *disk,
	const struct vmdk *d, const char *descriptor)
{
	for (size_t i = 0; i < d->n_extents; i++) {
		const char *name = d->extents[i].file;
		_free_ char *file =
			name ? local_file(descriptor, NULL, name) : NULL;
		struct stat st;
		struct err e = {0};

		if (!name || !*name)
			continue;
		if (!file || stat(file, &st))
			vm_warn(v, "%s: the data file %s is not here.",
				disk->slot, name);
		else if (vmdk_check_size(d, i, (uint64_t)st.st_size, &e))
			vm_warn(v, "%s: %s.", disk->slot, e.why);
	}
}

static int read_vmdk(const char *path, struct vmdk **out, struct err *e)
{
	_close_ int fd = -1;
	struct head h;
	int rc;

	if (open_file(path, &fd, e) || read_head(path, fd, HEAD_MAX, &h, e))
		return -1;
	rc = vmdk_parse(h.p, h.len, out, e);
	free(h.p);
	return rc;
}

static void fill_disk(struct vm *v, struct vm_disk *disk, const char *vmx)
{
	_free_ char *file = local_file(vmx, disk->path, disk->file);
	_vmdk_ struct vmdk *d = NULL;
	struct err e = {0};

	if (!file)
		return;
	if (read_vmdk(file, &d, &e)) {
		vm_warn(v, "%s: %s: %s.", disk->slot, disk->file, e.why);
		return;
	}
	vmdk_to_disk(d, disk->path, disk);
	check_extents(v, disk, d, file);
}

/* web01.vmsd beside web01.vmx. */
static void count_snapshots(struct vm *v, const char *vmx)
{
	size_t n = strlen(vmx);
	_free_ char *stem = xstrndup(vmx, has_ending(vmx, ".vmx") ? n - 4 : n);
	_free_ char *path = xasprintf("%s.vmsd", stem), *text = NULL;
	_vmsd_ struct vmsd *d = NULL;
	struct err e = {0};
	size_t len;

	if (!file_exists(path))
		return;
	if (file_read(path, VMX_MAX, &text, &len, &e) ||
		vmsd_parse(text, len, &d, &e))
		vm_warn(v, "The list of snapshots cannot be read: %s.", e.why);
	else
		v->snapshots = (int)d->n;
}

/* --- each kind --- */

static int inspect_vmx(const char *path, const struct head *h,
	struct inspect *out, struct err *e)
{
	_vmx_ struct vmx *x = NULL;

	if (h->size > h->len)
		return err_set(e, ERR_BAD_VMX,
			"%llu bytes are no .vmx; this is none of the kinds "
			"that vmferry reads",
			(unsigned long long)h->size);
	if (vmx_parse(h->p, h->len, &x, e) || vmx_to_vm(x, path, &out->vm, e))
		return -1;
	for (size_t i = 0; i < out->vm->n_disks; i++)
		fill_disk(out->vm, &out->vm->disks[i], path);
	count_snapshots(out->vm, path);
	return 0;
}

static int inspect_ovf(const char *path, struct inspect *out, struct err *e)
{
	_free_ char *text = NULL;
	size_t len;

	if (file_read(path, OVF_MAX, &text, &len, e) ||
		ovf_parse(text, len, path, &out->vm, e))
		return -1;
	for (size_t i = 0; i < out->vm->n_disks; i++) {
		const struct vm_disk *d = &out->vm->disks[i];

		if (d->path && !file_exists(d->path))
			vm_warn(out->vm, "%s: the data file %s is not here.",
				d->slot, d->file);
	}
	return 0;
}

static int inspect_open(const char *path, int fd, const struct head *h,
	struct inspect *out, struct err *e)
{
	out->kind = tell(path, h);
	switch (out->kind) {
	case INSPECT_VMX:
		return inspect_vmx(path, h, out, e);
	case INSPECT_VMDK:
		return vmdk_parse(h->p, h->len, &out->vmdk, e);
	case INSPECT_OVF:
		return inspect_ovf(path, out, e);
	case INSPECT_OVA:
		return ova_parse(fd, path, &out->vm, e);
	}
	return -1;
}

int inspect_file(const char *path, struct inspect *out, struct err *e)
{
	_close_ int fd = -1;
	struct inspect i = {0};
	struct head h;
	int rc;

	if (open_file(path, &fd, e) || read_head(path, fd, HEAD_MAX, &h, e))
		return err_in(e, "inspect %s", path);
	rc = inspect_open(path, fd, &h, &i, e);
	free(h.p);
	if (rc)
		return err_in(e, "inspect %s", path);
	*out = i;
	return 0;
}

/* --- JSON --- */

static json_t *vmdk_json(const struct vmdk *d)
{
	json_t *o = json_object(), *list = json_array();

	json_put_u64(o, "version", d->version);
	json_put_str(o, "create_type", d->create_type);
	json_put_str(o, "cid", d->cid);
	json_put_str(o, "parent_cid", d->parent_cid);
	json_put_str(o, "parent", d->parent_hint);
	json_put_u64(o, "capacity", d->capacity);
	json_put_str(o, "adapter", d->adapter);
	json_put_str(o, "uuid", d->uuid);
	json_put_bool(o, "thin", d->thin);
	json_put_bool(o, "embedded", d->embedded);
	json_put_bool(o, "snapshot", d->child);
	json_put_str(o, "unsupported", d->unsupported);
	for (size_t i = 0; i < d->n_extents; i++) {
		const struct vmdk_extent *x = &d->extents[i];
		json_t *j = json_object();

		json_put_str(j, "type", x->type);
		json_put_str(j, "file", x->file);
		json_put_u64(j, "sectors", x->sectors);
		json_put_u64(j, "offset", x->offset);
		json_put_bool(j, "readable", x->readable);
		json_array_append_new(list, j);
	}
	json_put(o, "extents", list);
	return o;
}

json_t *inspect_json(const struct inspect *i)
{
	json_t *o = i->vmdk ? vmdk_json(i->vmdk) : vm_to_json(i->vm);

	json_put_str(o, "kind", inspect_kind_name(i->kind));
	return o;
}
