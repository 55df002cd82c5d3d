/*
 * Disks, their controllers, and network cards of an OVF envelope. Keeps true:
 * each disk item becomes a disk with a slot of its own, or an error.
 */
#include "ovf_doc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

struct controller {
	const struct ovf_item *item;
	enum vm_bus bus;
	int number;
	const char *model;
};

struct controllers {
	struct controller *all;
	size_t n;
};

static bool is_type(const struct ovf_item *i, const char *type)
{
	return i->type && strcmp(i->type, type) == 0;
}

static bool has(const char *text, const char *word)
{
	return text && strcasestr(text, word);
}

/* --- controllers --- */

static const char *scsi_model(const char *subtype)
{
	/* A list of several is in order of preference. */
	static const char *const names[][2] = {
		{"VirtualSCSI", "pvscsi"},
		{"lsilogicsas", "lsisas1068"},
		{"lsilogic", "lsilogic"},
		{"buslogic", "buslogic"},
	};
	const char *best = NULL, *model = "lsilogic";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *at =
			subtype ? strcasestr(subtype, names[i][0]) : NULL;

		if (at && (!best || at < best)) {
			best = at;
			model = names[i][1];
		}
	}
	return model;
}

/* False where the item is no disk controller. */
static bool to_controller(const struct ovf_item *i, struct controller *c)
{
	c->item = i;
	if (is_type(i, "5")) {
		c->bus = VM_BUS_IDE;
		c->model = "ide";
	} else if (is_type(i, "6")) {
		c->bus = VM_BUS_SCSI;
		c->model = scsi_model(i->subtype);
	} else if (is_type(i, "20") && has(i->subtype, "nvme")) {
		c->bus = VM_BUS_NVME;
		c->model = "nvme";
	} else if (is_type(i, "20")) {
		c->bus = VM_BUS_SATA;
		c->model = "ahci";
	} else {
		return false;
	}
	return true;
}

static bool number_taken(
	const struct controllers *cs, enum vm_bus bus, int number)
{
	for (size_t i = 0; i < cs->n; i++)
		if (cs->all[i].bus == bus && cs->all[i].number == number)
			return true;
	return false;
}

/* Its Address where that is a number still free, else the next free one. */
static int controller_number(
	const struct controllers *cs, const struct controller *c)
{
	uint64_t v;
	int n = 0;

	if (str_u64(c->item->address, 255, &v) == 0 &&
		!number_taken(cs, c->bus, (int)v))
		return (int)v;
	while (number_taken(cs, c->bus, n))
		n++;
	return n;
}

static void find_controllers(const struct ovf_doc *d, struct controllers *cs)
{
	for (size_t i = 0; i < d->n_items; i++) {
		struct controller c;

		if (!ovf_item_applies(d, &d->items[i]) ||
			!to_controller(&d->items[i], &c))
			continue;
		c.number = controller_number(cs, &c);
		cs->all = xreallocarray(cs->all, cs->n + 1, sizeof(c));
		cs->all[cs->n++] = c;
	}
}

static const struct controller *parent_of(
	const struct controllers *cs, const struct ovf_item *i)
{
	for (size_t k = 0; i->parent && k < cs->n; k++)
		if (cs->all[k].item->id &&
			strcmp(cs->all[k].item->id, i->parent) == 0)
			return &cs->all[k];
	return NULL;
}

/* --- disks --- */

static bool slot_taken(const struct vm *v, enum vm_bus bus, int c, int unit)
{
	for (size_t i = 0; i < v->n_disks; i++)
		if (v->disks[i].bus == bus && v->disks[i].controller == c &&
			v->disks[i].unit == unit)
			return true;
	return false;
}

/* Give disk `at` its slot; its own entry holds unit -1 meanwhile. */
static void set_slot(struct vm *v, size_t at, const struct controllers *cs,
	const struct ovf_item *i)
{
	static const struct controller none = {
		.bus = VM_BUS_SCSI, .model = "lsilogic"};
	const struct controller *c = parent_of(cs, i);
	struct vm_disk *disk = &v->disks[at];
	uint64_t unit;
	int u = 0;

	if (!c) {
		vm_warn(v,
			"Disk '%s' names no controller of the package; it is "
			"put on scsi0.",
			i->title ? i->title : "");
		c = &none;
	}
	disk->bus = c->bus;
	disk->controller = c->number;
	disk->model = xstrdup(c->model);
	disk->unit = -1;
	if (str_u64(i->unit, 255, &unit) == 0 &&
		!slot_taken(v, c->bus, c->number, (int)unit)) {
		u = (int)unit;
	} else {
		while (slot_taken(v, c->bus, c->number, u))
			u++;
		if (i->unit)
			vm_warn(v,
				"Disk '%s' asks for unit '%s', which cannot "
				"be; it gets %d.",
				i->title ? i->title : "", i->unit, u);
	}
	disk->unit = u;
	disk->slot = xasprintf("%s%d:%d", vm_bus_name(disk->bus),
		disk->controller, disk->unit);
}

static const struct ovf_file *find_file(const struct ovf_doc *d, const char *id)
{
	for (size_t i = 0; i < d->n_files; i++)
		if (d->files[i].id && strcmp(d->files[i].id, id) == 0)
			return &d->files[i];
	return NULL;
}

static const struct ovf_disk *find_disk(const struct ovf_doc *d, const char *id)
{
	for (size_t i = 0; i < d->n_disks; i++)
		if (d->disks[i].id && strcmp(d->disks[i].id, id) == 0)
			return &d->disks[i];
	return NULL;
}

/* 0 where the package leaves it open or says something impossible. */
static uint64_t capacity(
	const struct ovf_disk *k, const char *slot, struct vm *v)
{
	uint64_t n, unit;

	if (str_u64(k->capacity, UINT64_MAX, &n) == 0 &&
		ovf_units(k->units, 1, &unit) == 0 &&
		!__builtin_mul_overflow(n, unit, &n) && n && n % 512 == 0 &&
		n <= INT64_MAX)
		return n;
	vm_warn(v,
		"The capacity of %s is '%s' of '%s', which is no disk size; "
		"the disk itself must tell.",
		slot, k->capacity ? k->capacity : "", k->units ? k->units : "");
	return 0;
}

/* A name below the package's own directory, nothing else. */
static bool leads_out(const char *href)
{
	return href[0] == '/' || href[0] == '\\' || strcmp(href, "..") == 0 ||
		str_starts(href, "../") || strstr(href, "/../") ||
		str_ends(href, "/..");
}

static char *beside(const char *path, const char *href)
{
	const char *slash = strrchr(path, '/');
	_free_ char *dir =
		slash ? xstrndup(path, slash - path + 1) : xstrdup("");

	return xasprintf("%s%s", dir, href);
}

static int set_file(struct vm_disk *disk, const struct ovf_file *f,
	const char *path, struct err *e)
{
	if (!f->href || !*f->href)
		return err_set(e, ERR_BAD_OVF, "the file '%s' has no href",
			f->id ? f->id : "");
	if (leads_out(f->href))
		return err_set(e, ERR_BAD_OVF,
			"the file name '%s' leads out of the package", f->href);
	disk->file = xstrdup(f->href);
	if (strstr(f->href, "://"))
		disk->unsupported = xstrdup(N_("its file is at a URL: fetch it "
					       "and mend the href"));
	else if (f->compression && *f->compression &&
		!str_eqi(f->compression, "identity"))
		disk->unsupported = xasprintf(
			N_("its file is compressed (%s)"), f->compression);
	else if (f->chunk_size && strcmp(f->chunk_size, "0") != 0 &&
		*f->chunk_size)
		disk->unsupported =
			xstrdup(N_("its file is split into chunks"));
	else if (path)
		disk->path = beside(path, f->href);
	return 0;
}

static void set_empty(struct vm_disk *disk, struct vm *v)
{
	disk->unsupported =
		xstrdup(N_("it has no file in the package: a new, empty disk"));
	vm_warn(v, "%s is an empty disk in the package; nothing is copied.",
		disk->slot);
}

/* What the DiskSection says. The format's URL ends in VMware's createType. */
static int set_disk(const struct ovf_doc *d, const struct ovf_disk *k,
	const char *path, struct vm_disk *disk, struct vm *v, struct err *e)
{
	const char *mark = k->format ? strrchr(k->format, '#') : NULL;
	const struct ovf_file *f;
	uint64_t used;

	disk->capacity = capacity(k, disk->slot, v);
	disk->create_type = mark && mark[1] ? xstrdup(mark + 1) : NULL;
	if (str_u64(k->populated, INT64_MAX, &used) == 0)
		disk->used = used;
	if (!k->file_ref || !*k->file_ref) {
		set_empty(disk, v);
		return 0;
	}
	f = find_file(d, k->file_ref);
	if (!f)
		return err_set(e, ERR_BAD_OVF,
			"disk '%s' is in the file '%s', which References does "
			"not list",
			k->id, k->file_ref);
	if (set_file(disk, f, path, e))
		return -1;
	if (!disk->unsupported && k->parent && *k->parent) {
		disk->snapshot = true;
		disk->unsupported = xasprintf(
			N_("it holds only the difference to disk '%s'"),
			k->parent);
	}
	return 0;
}

/* The id in "ovf:/disk/ID" or "/disk/ID", the same for file; or null. */
static const char *after(const char *resource, const char *what)
{
	if (strncasecmp(resource, "ovf:", 4) == 0)
		resource += 4;
	return str_starts(resource, what) ? resource + strlen(what) : NULL;
}

static int add_disk(const struct ovf_doc *d, const struct controllers *cs,
	const struct ovf_item *i, const char *path, struct vm *v, struct err *e)
{
	const char *id, *file;
	const struct ovf_disk *k;
	const struct ovf_file *f;
	struct vm_disk *disk = vm_add_disk(v);

	set_slot(v, v->n_disks - 1, cs, i);
	if (!i->resource || !*i->resource) {
		set_empty(disk, v);
		return 0;
	}
	id = after(i->resource, "/disk/");
	file = after(i->resource, "/file/");
	k = id ? find_disk(d, id) : NULL;
	f = file ? find_file(d, file) : NULL;
	if (k)
		return set_disk(d, k, path, disk, v, e);
	if (f)
		return set_file(disk, f, path, e);
	return err_set(e, ERR_BAD_OVF,
		"disk '%s' is '%s', which the package does not have",
		i->title ? i->title : "", i->resource);
}

int ovf_disks(
	const struct ovf_doc *d, const char *path, struct vm *v, struct err *e)
{
	struct controllers cs = {0};
	int failed = 0;

	find_controllers(d, &cs);
	for (size_t i = 0; i < d->n_items && !failed; i++) {
		const struct ovf_item *item = &d->items[i];

		/* 31: a disk in OVF 2's storage items. */
		if (ovf_item_applies(d, item) &&
			(is_type(item, "17") || is_type(item, "31")))
			failed = add_disk(d, &cs, item, path, v, e);
	}
	free(cs.all);
	return failed;
}

/* --- network cards --- */

/* "VMXNET3 virtio": the first is preferred. */
static char *nic_model(const char *subtype)
{
	_free_ char *word = NULL;

	if (!subtype || !*subtype)
		return xstrdup("e1000");
	word = xstrndup(subtype, strcspn(subtype, " "));
	if (str_eqi(word, "PCNet32"))
		return xstrdup("vlance");
	for (char *p = word; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p;
	return xstrdup(word);
}

/* ovftool --exportFlags=mac writes the address; else it is a number. */
static char *mac(const char *address)
{
	char *s;

	if (!address || strlen(address) != 17)
		return NULL;
	for (size_t i = 0; i < 17; i++)
		if (i % 3 == 2 ? address[i] != ':'
			       : !isxdigit((unsigned char)address[i]))
			return NULL;
	s = xstrdup(address);
	for (char *p = s; *p; p++)
		*p = *p >= 'A' && *p <= 'F' ? *p + 'a' - 'A' : *p;
	return s;
}

void ovf_nics(const struct ovf_doc *d, struct vm *v)
{
	for (size_t i = 0; i < d->n_items; i++) {
		const struct ovf_item *item = &d->items[i];
		struct vm_nic *n;
		uint64_t slot;

		if (!is_type(item, "10") || !ovf_item_applies(d, item))
			continue;
		n = vm_add_nic(v);
		n->index = (int)v->n_nics - 1;
		n->slot = xasprintf("ethernet%d", n->index);
		n->model = nic_model(item->subtype);
		n->mac = mac(item->address);
		n->mac_kind = n->mac ? VM_MAC_STATIC : VM_MAC_NONE;
		if (item->connection && *item->connection)
			n->network = xstrdup(item->connection);
		n->connected =
			!item->automatic || !str_eqi(item->automatic, "false");
		if (str_u64(item->pci_slot, INT32_MAX, &slot) == 0)
			n->pci_slot = (int)slot;
	}
}
