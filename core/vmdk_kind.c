/*
 * What kind of disk a descriptor makes, and whether its data can be read as
 * they lie. Keeps true: a disk is copyable only where everything about it is
 * known to be plain; whatever is unknown is refused with its name.
 */
#include "vmdk_kind.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

enum layout {
	PLAIN,  /* the data as they are, in VMFS or FLAT extents */
	SPARSE, /* Workstation's and OVA's grain tables */
	CHILD,  /* what was written since a snapshot */
	RAW,    /* a device, no file */
};

static const struct kind {
	const char *name;
	enum layout layout;
	const char *extents; /* types it may have, blanks around */
	const char *why;     /* not copyable because, where not PLAIN */
} kinds[] = {
	{"vmfs", PLAIN, " VMFS FLAT ", NULL},
	{"vmfsPreallocated", PLAIN, " VMFS FLAT ", NULL},
	{"vmfsEagerZeroedThick", PLAIN, " VMFS FLAT ", NULL},
	{"vmfsThin", PLAIN, " VMFS FLAT ", NULL},
	{"monolithicFlat", PLAIN, " FLAT VMFS ", NULL},
	{"twoGbMaxExtentFlat", PLAIN, " FLAT ZERO ", NULL},
	{"monolithicSparse", SPARSE, " SPARSE ",
		N_("a sparse disk of VMware Workstation")},
	{"twoGbMaxExtentSparse", SPARSE, " SPARSE ZERO ",
		N_("a sparse disk of VMware Workstation, split into pieces")},
	{"streamOptimized", SPARSE, " SPARSE ",
		N_("a compressed disk, as in an OVA")},
	{"vmfsSparse", CHILD, " VMFSSPARSE ", NULL},
	{"seSparse", CHILD, " SESPARSE ", NULL},
	{"vsanSparse", CHILD, " VSANSPARSE ", NULL},
	{"vmfsRaw", RAW, " VMFSRAW ", N_("a raw device")},
	{"vmfsRawDeviceMap", RAW, " VMFSRDM ",
		N_("a raw device mapping (virtual RDM): its data are on a "
		   "LUN")},
	{"vmfsPassthroughRawDeviceMap", RAW, " VMFSRDM ",
		N_("a raw device mapping (physical RDM): its data are on a "
		   "LUN")},
	{"fullDevice", RAW, " FLAT ZERO ", N_("a physical disk of the host")},
	{"partitionedDevice", RAW, " FLAT ZERO SPARSE ",
		N_("partitions of a physical disk of the host")},
	{"custom", RAW, " FLAT ZERO SPARSE VMFS ",
		N_("a disk put together by hand (createType custom)")},
};

static const char extent_types[] =
	" FLAT SPARSE ZERO VMFS VMFSSPARSE VMFSRDM VMFSRAW SESPARSE "
	"VSANSPARSE ";

static bool in_list(const char *list, const char *type)
{
	_free_ char *w = xasprintf(" %s ", type);

	return strstr(list, w) != NULL;
}

bool vmdk_known_extent(const char *type)
{
	return in_list(extent_types, type);
}

const char *vmdk_no_descriptor(const void *data, size_t len)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *why;
	} rows[] = {
		{"COWD", 4,
			N_("this is the data of a snapshot (-delta.vmdk), not "
			   "a "
			   "descriptor: give the .vmdk without -delta")},
		{"\xbe\xba\xfe\xca\0\0\0\0", 8,
			N_("this is the data of a snapshot (-sesparse.vmdk), "
			   "not "
			   "a descriptor: give the .vmdk without -sesparse")},
		{"\xa2\x72\x19\xf6", 4,
			N_("this is a change tracking map (-ctk.vmdk), not a "
			   "disk")},
		{"\x1f\x8b", 2, N_("this file is compressed with gzip")},
	};

	if (!len)
		return "the file is empty";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (len >= rows[i].n &&
			memcmp(data, rows[i].magic, rows[i].n) == 0)
			return rows[i].why;
	return NULL;
}

/* --- judging --- */

static const struct kind *find_kind(const char *name)
{
	/* 2GbMaxExtentFlat and twoGbMaxExtentFlat are the same. */
	bool digit = name[0] == '2';

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const char *have = kinds[i].name;

		if (str_eqi(have, name) ||
			(digit && str_starts(have, "two") &&
				str_eqi(have + 3, name + 1)))
			return &kinds[i];
	}
	return NULL;
}

static bool has_parent(const struct vmdk *d, const struct kind *k)
{
	if (k && k->layout == CHILD)
		return true;
	if (d->parent_cid)
		return strcmp(d->parent_cid, "ffffffff") != 0;
	return d->parent_hint && *d->parent_hint;
}

/* An extent that does not fit the disk, or null. */
static const struct vmdk_extent *misfit(
	const struct vmdk *d, const struct kind *k)
{
	for (size_t i = 0; i < d->n_extents; i++)
		if (!in_list(k->extents, d->extents[i].type))
			return &d->extents[i];
	return NULL;
}

/* vsan://UUID, vvol://...: there is no file to read. */
static bool is_object(const struct vmdk *d)
{
	for (size_t i = 0; i < d->n_extents; i++)
		if (d->extents[i].file && strstr(d->extents[i].file, "://"))
			return true;
	return false;
}

static bool vmcrypt(const struct vmdk_notes *n)
{
	return n->encrypted || (n->filters && strstr(n->filters, "vmcrypt"));
}

/*
 * A descriptor is its owner's to write; an extent such as /etc/shadow or
 * ../other/other-flat.vmdk would make a copy of what is not his.
 */
static bool leads_out(const char *file)
{
	if (file[0] == '/' && !str_starts(file, "/vmfs/volumes/"))
		return true;
	return strcmp(file, "..") == 0 || str_starts(file, "../") ||
		str_ends(file, "/..") || strstr(file, "/../");
}

static char *why_not_plain(const struct vmdk *d)
{
	const struct vmdk_extent *x = &d->extents[0];

	if (d->n_extents != 1)
		return xasprintf(N_("its data are spread over %zu extents"),
			d->n_extents);
	if (!x->readable)
		return xstrdup(N_("its extent is marked NOACCESS"));
	if (!x->file || !*x->file || strcmp(x->type, "ZERO") == 0)
		return xstrdup(N_("its extent has no file"));
	if (leads_out(x->file))
		return xasprintf(N_("its extent '%s' lies outside the VM's "
				    "directory and "
				    "the datastores"),
			x->file);
	if (x->offset)
		return xasprintf(
			N_("its data begin at sector %llu of the extent"),
			(unsigned long long)x->offset);
	return NULL;
}

/* Why the disk cannot be copied, or null. To be freed. */
static char *reason(
	const struct vmdk *d, const struct kind *k, const struct vmdk_notes *n)
{
	const struct vmdk_extent *x;

	if (!k)
		return xasprintf(
			N_("its createType '%s' is not known to vmferry"),
			d->create_type);
	if (vmcrypt(n))
		return xstrdup(N_("it is encrypted"));
	if (is_object(d) || n->object)
		return xstrdup(
			N_("it is an object of vSAN or a virtual volume, not a "
			   "file"));
	if (n->native)
		return xstrdup(N_("it is a snapshot of the storage array"));
	x = misfit(d, k);
	if (x)
		return xasprintf(N_("its createType %s does not go with an "
				    "extent of type "
				    "%s"),
			k->name, x->type);
	if (k->layout != PLAIN)
		return xasprintf(N_("it is %s"), k->why);
	return why_not_plain(d);
}

void vmdk_judge(struct vmdk *d, const struct vmdk_notes *n)
{
	const struct kind *k = find_kind(d->create_type);

	if (k)
		str_set(&d->create_type, k->name);
	d->child = has_parent(d, k);
	if (d->child) {
		d->refusal = ERR_DISK_CHAIN;
		d->unsupported =
			xasprintf(N_("it is a snapshot's child disk of %s"),
				d->parent_hint && *d->parent_hint
					? d->parent_hint
					: N_("a disk it does not name"));
		return;
	}
	d->unsupported = reason(d, k, n);
	d->refusal = d->unsupported ? ERR_DISK_UNSUPPORTED : ERR_NONE;
}

int vmdk_usable(const struct vmdk *d, struct err *e)
{
	if (!d->unsupported)
		return 0;
	return err_set(e, d->refusal, "%s", d->unsupported);
}

int vmdk_check_size(
	const struct vmdk *d, size_t i, uint64_t size, struct err *e)
{
	const struct vmdk_extent *x = &d->extents[i];
	uint64_t need = (x->offset + x->sectors) * 512;

	if (!in_list(" VMFS FLAT ", x->type) || size >= need)
		return 0;
	return err_set(e, ERR_DISK_MISSING,
		"%s has %llu bytes, the descriptor wants %llu: the disk's data "
		"are cut off",
		x->file, (unsigned long long)size, (unsigned long long)need);
}

/* file beside path, unless it is absolute. */
static char *beside(const char *path, const char *file)
{
	const char *slash = strrchr(path, '/');
	_free_ char *dir = NULL;

	if (file[0] == '/')
		return xstrdup(file);
	if (!slash)
		return xstrdup(file);
	dir = xstrndup(path, slash == path ? 1 : slash - path);
	return path_join(dir, file);
}

void vmdk_to_disk(const struct vmdk *d, const char *path, struct vm_disk *disk)
{
	disk->capacity = d->capacity;
	disk->thin = d->thin;
	disk->snapshot = disk->snapshot || d->child;
	str_set(&disk->create_type, d->create_type);
	str_set(&disk->cid, d->cid);
	if (!disk->unsupported)
		disk->unsupported = xstrdup(d->unsupported);
	free(disk->data);
	disk->data = !d->unsupported && path ? beside(path, d->extents[0].file)
					     : NULL;
}
