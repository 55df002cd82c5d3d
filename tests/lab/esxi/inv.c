/*
 * The inventory: which VMs are registered, what their .vmx says, which
 * datastores there are, and who holds which file locked.
 */
#include "lab.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <sys/stat.h>

static const struct {
	const char *api, *vmx, *name;
} guests[] = {
#define X(api, vmx, name, family, bits, ostype) {api, vmx, name},
#include "guestos.def"
#undef X
	{"otherGuest", "", "Other (32-bit)"},
};

static size_t guest_index(const struct vm *vm)
{
	const char *g = vmx_get(&vm->vmx, "guestOS");
	size_t i;

	for (i = 0; g && i < ARRAY_LEN(guests) - 1; i++)
		if (!strcasecmp(guests[i].vmx, g))
			return i;
	return ARRAY_LEN(guests) - 1;
}

const char *inv_guest_id(const struct vm *vm)
{
	return guests[guest_index(vm)].api;
}

const char *inv_guest_name(const struct vm *vm)
{
	return guests[guest_index(vm)].name;
}

static long long used;

static int add_used(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path, (void)ftw;
	if (type == FTW_F)
		used += st->st_blocks * LAB_SECTOR;
	return 0;
}

static long long used_below(const char *dir)
{
	used = 1500 * LAB_MIB; /* what VMFS keeps for itself */
	nftw(dir, add_used, 8, FTW_PHYS);
	return used;
}

/* "56 4d .. -22 .." of the .vmx as 564d6c27-96ea-1207-6f0b-b11d81469b0b */
char *inv_uuid(const struct vm *vm, const char *key)
{
	const char *s = vmx_get(&vm->vmx, "%s", key);
	char hex[33] = "";
	size_t n = 0;

	for (; s && *s && n < 32; s++)
		if (*s != ' ' && *s != '-')
			hex[n++] = *s;
	return text_fmt("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		hex + 16, hex + 20);
}

size_t inv_datastores(struct datastore **out)
{
	char *p, *s = state_get("datastores");
	size_t n = 0;

	*out = NULL;
	for (p = s; p && *p;) {
		char name[128], uuid[64], type[16];
		long long size;
		size_t len = strcspn(p, "\n");

		/* NAME<tab>UUID TYPE SIZE; free is what du leaves of it */
		if (sscanf(p, "%127[^\t]\t%63s %15s %lld", name, uuid, type,
			    &size) == 4) {
			*out = text_grow(*out, n, sizeof(**out));
			(*out)[n].name = text_dup(name);
			(*out)[n].uuid = text_dup(uuid);
			(*out)[n].type = text_dup(type);
			(*out)[n].size = size;
			(*out)[n++].free = size -
				used_below(text_fmt("/vmfs/volumes/%s", uuid));
		}
		p += len + (p[len] == '\n');
	}
	return n;
}

char *inv_ds_path(const char *path)
{
	struct datastore *ds;
	size_t i, n = inv_datastores(&ds);

	for (i = 0; i < n; i++) {
		char *root = text_fmt("/vmfs/volumes/%s/", ds[i].uuid);

		if (!strncmp(path, root, strlen(root)))
			return text_fmt(
				"[%s] %s", ds[i].name, path + strlen(root));
	}
	return text_fmt("[] %s", path);
}

char *inv_real(const char *path)
{
	char *end, *dir, *cwd;
	char real[PATH_MAX];

	if (*path == '[' && (end = strstr(path, "] ")))
		path = text_fmt("/vmfs/volumes/%.*s/%s", (int)(end - path - 1),
			path + 1, end + 2);
	if (*path != '/') {
		cwd = getcwd(real, sizeof(real));
		path = text_fmt("%s/%s", cwd ? cwd : "", path);
	}
	if (realpath(path, real))
		return text_dup(real);
	dir = text_dir(path);
	if (realpath(dir, real))
		return text_fmt("%s/%s", real, text_base(path));
	return text_dup(path);
}

static void add_disk(
	struct vm *vm, const char *bus, int ctl, int unit, int ctl_key, int key)
{
	const char *f, *t;
	struct vdisk *d;

	f = vmx_get(&vm->vmx, "%s%d:%d.fileName", bus, ctl, unit);
	t = vmx_get(&vm->vmx, "%s%d:%d.deviceType", bus, ctl, unit);
	if (!f || !vmx_true(&vm->vmx, "%s%d:%d.present", bus, ctl, unit) ||
		!text_ends(f, ".vmdk") || (t && strstr(t, "cdrom")))
		return;
	vm->disk = text_grow(vm->disk, vm->ndisk, sizeof(*vm->disk));
	d = &vm->disk[vm->ndisk++];
	snprintf(d->slot, sizeof(d->slot), "%s%d:%d", bus, ctl, unit);
	d->path = inv_real(*f == '/' ? f : text_fmt("%s/%s", vm->dir, f));
	d->ctl_key = ctl_key;
	d->unit = unit;
	d->key = key;
}

static void find_disks(struct vm *vm)
{
	int c, u;

	for (c = 0; c < 2; c++)
		for (u = 0; u < 2; u++)
			add_disk(vm, "ide", c, u, 200 + c, 3000 + c * 2 + u);
	for (c = 0; c < 4; c++)
		for (u = 0; u < 64; u++)
			add_disk(vm, "scsi", c, u, 1000 + c, 2000 + c * 16 + u);
	for (c = 0; c < 4; c++)
		for (u = 0; u < 30; u++)
			add_disk(vm, "sata", c, u, 15000 + c,
				16000 + c * 30 + u);
	for (c = 0; c < 4; c++)
		for (u = 0; u < 15; u++)
			add_disk(vm, "nvme", c, u, 31000 + c,
				32000 + c * 15 + u);
}

char *inv_key(const struct vm *vm, const char *what)
{
	return text_fmt("vm/%d/%s", vm->id, what);
}

int inv_vm(const char *id, struct vm *vm)
{
	char *path, *p;
	const char *name;
	long long n = text_num(id);

	if (n < 0 || !(path = state_get("vm/%lld/vmx", n)))
		return -1;
	memset(vm, 0, sizeof(*vm));
	vm->id = (int)n;
	vm->vmx_path = path;
	vm->dir = text_dir(path);
	vm->base = text_fmt(
		"%.*s", (int)strlen(text_base(path)) - 4, text_base(path));
	p = state_get("vm/%lld/power", n);
	vm->power = p && !strcmp(p, "on")      ? POWER_ON
		: p && !strcmp(p, "suspended") ? POWER_SUSPENDED
					       : POWER_OFF;
	vm->tools = state_num(inv_key(vm, "tools"), 0) == 1;
	vm->valid = !vmx_load(path, &vm->vmx);
	name = vmx_get(&vm->vmx, "displayName");
	vm->name = text_dup(name ? name : vm->base);
	find_disks(vm);
	return 0;
}

void inv_again(struct vm *vm)
{
	struct vm now;

	if (!inv_vm(text_fmt("%d", vm->id), &now))
		*vm = now;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t inv_all(struct vm **out)
{
	DIR *d = opendir("/lab/vm");
	struct dirent *e;
	char **id = NULL;
	size_t i, n = 0, got = 0;

	*out = NULL;
	while (d && (e = readdir(d))) {
		if (text_num(e->d_name) < 0)
			continue;
		id = text_grow(id, n, sizeof(*id));
		id[n++] = text_dup(e->d_name);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(id, n, sizeof(*id), by_text);
	for (i = 0; i < n; i++) {
		*out = text_grow(*out, got, sizeof(**out));
		if (!inv_vm(id[i], &(*out)[got]))
			got++;
	}
	return got;
}

int inv_add(const char *vmx_path)
{
	int id = (int)state_next("next-vm", 1);

	mkdir("/lab/vm", 0755);
	mkdir(text_fmt("/lab/vm/%d", id), 0755);
	state_put(text_fmt("vm/%d/power", id), "off");
	state_put(text_fmt("vm/%d/vmx", id), "%s", vmx_path);
	return id;
}

static bool is_named(const struct vm *vm, const char *who)
{
	return who &&
		(!*who || !strcmp(who, vm->name) || text_num(who) == vm->id);
}

bool inv_locked(const char *path, int *who)
{
	char *real = inv_real(path), *fault = fault_get("locked");
	struct vm *vm;
	struct desc d;
	size_t i, j, n;

	if (strncmp(real, "/vmfs/volumes/", 14))
		return false;
	n = inv_all(&vm);
	for (i = 0; i < n; i++) {
		if (vm[i].power != POWER_ON && !is_named(&vm[i], fault))
			continue;
		for (j = 0; j < vm[i].ndisk; j++) {
			if (desc_load(vm[i].disk[j].path, &d))
				continue;
			if (strcmp(desc_extent(vm[i].disk[j].path, &d), real))
				continue;
			*who = vm[i].id;
			return true;
		}
	}
	return false;
}
