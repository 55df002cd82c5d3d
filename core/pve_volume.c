/*
 * Volumes: made empty under a name of our choosing, so that a lost answer
 * can be looked after; their place on the node; removed. Keeps true: a name
 * that we ask for was never anybody else's, listed by the node or not: it
 * ends in a random mark.
 */
#include <string.h>

#include "pve_priv.h"
#include "stop.h"

#define KIB 1024ull
#define MIB (1024ull * KIB)

/* The storage of "local-lvm:vm-100-disk-0", to be freed; null: not a volume
 * id. */
static char *storage_of(const char *volid)
{
	size_t n = strcspn(volid, ":");

	return volid[n] && n && volid[n + 1] ? xstrndup(volid, n) : NULL;
}

static int need_storage(const char *volid, char **storage, struct err *e)
{
	*storage = storage_of(volid);
	if (!*storage)
		return err_set(e, ERR_BAD_INPUT, "not a volume id: %s", volid);
	return 0;
}

int pve_volumes(struct pve *p, const char *storage, unsigned vmid, json_t **out,
	struct err *e)
{
	_pve_params_ struct pve_params ps = {0};

	pve_param(&ps, "content", "images");
	if (vmid)
		pve_param(&ps, "vmid", "%u", vmid);
	if (pve_get(p, "/nodes/{node}/storage/{storage}/content",
		    &(struct pve_at){.storage = storage}, &ps, JSON_ARRAY, out,
		    e) < 0)
		return err_in(e, "list the volumes on %s", storage);
	return 0;
}

int pve_isos(struct pve *p, const char *storage, json_t **out, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};

	pve_param(&ps, "content", "iso");
	if (pve_get(p, "/nodes/{node}/storage/{storage}/content",
		    &(struct pve_at){.storage = storage}, &ps, JSON_ARRAY, out,
		    e) < 0)
		return err_in(e, "list the ISO images on %s", storage);
	return 0;
}

/* The N of ...vm-100-disk-N[-MARK][.raw]; -1: another name. */
static int64_t disk_number(const char *volid, unsigned vmid)
{
	_free_ char *stem = xasprintf("vm-%u-disk-", vmid);
	const char *at = strstr(volid, stem);
	_free_ char *digits = NULL;
	uint64_t n;

	if (!at)
		return -1;
	at += strlen(stem);
	digits = xstrndup(at, strspn(at, "0123456789"));
	return str_u64(digits, 100000, &n) < 0 ? -1 : (int64_t)n;
}

static unsigned free_number(const json_t *volumes, unsigned vmid)
{
	const json_t *v;
	size_t i;
	int64_t top = -1;

	json_array_foreach ((json_t *)volumes, i, v) {
		int64_t n = disk_number(json_str_or(v, "volid", ""), vmid);

		top = n > top ? n : top;
	}
	return top + 1;
}

/* Is a volume of this file name there? Its id, to be freed, or null. */
static int find_volume(struct pve *p, const char *storage, unsigned vmid,
	const char *name, char **volid, uint64_t *used, struct err *e)
{
	_json_ json_t *volumes = NULL;
	const json_t *v;
	size_t i;

	*volid = NULL;
	if (pve_volumes(p, storage, vmid, &volumes, e) < 0)
		return -1;
	json_array_foreach (volumes, i, v) {
		const char *id = json_str_or(v, "volid", "");
		size_t n = strlen(id) - strlen(name);

		if (!str_ends(id, name) || !n || !strchr(":/", id[n - 1]))
			continue;
		*volid = xstrdup(id);
		*used = json_u64(v, "used", 0);
		return 0;
	}
	return 0;
}

/* What is asked for. */
struct alloc {
	const char *storage;
	unsigned vmid;
	const char *format;
	bool files; /* names carry the format */
	uint64_t kib;
	const struct pve_naming *naming; /* or null */
};

/*
 * After a lost answer: the node may still be writing the volume. It is taken
 * for whole when three looks in a row find it the same. 1: *volid is set,
 * 0: it did not come.
 */
static int await_volume(struct pve *p, const struct alloc *a, const char *name,
	char **volid, struct err *e)
{
	double end = now_mono() + p->patience;
	uint64_t last = 0;
	int same = 0;

	while (now_mono() < end || same > 0) {
		_free_ char *found = NULL;
		uint64_t used = 0;

		if (find_volume(
			    p, a->storage, a->vmid, name, &found, &used, e) < 0)
			return -1;
		same = !found ? 0 : same && used == last ? same + 1 : 1;
		last = used;
		if (same == 3) {
			*volid = found;
			found = NULL;
			return 1;
		}
		if (stop_sleep(p->pause_ms * 4, e) < 0)
			return -1;
	}
	return 0;
}

static int alloc_named(struct pve *p, const struct alloc *a, const char *name,
	char **volid, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;
	struct err why = {0}, look = {0};
	int rc;

	pve_param(&ps, "vmid", "%u", a->vmid);
	pve_param(&ps, "filename", "%s", name);
	pve_param(&ps, "size", "%llu", (unsigned long long)a->kib);
	pve_param(&ps, "format", "%s", a->format);
	rc = pve_call(p, "POST", "/nodes/{node}/storage/{storage}/content",
		&(struct pve_at){.storage = a->storage}, &ps, &data, &why);
	if (rc == 0 && json_is_string(data)) {
		*volid = xstrdup(json_string_value(data));
		return 0;
	}
	if (rc == 0)
		err_set(&why, ERR_PVE_SERVER,
			"the answer names no volume for %s", name);
	if (rc == 0 || why.code == ERR_TIMEOUT) {
		rc = await_volume(p, a, name, volid, &look);
		if (rc > 0)
			return 0;
		/* Who cannot look does not know either. */
		if (rc < 0 && look.code == ERR_STOPPED)
			why = look;
	}
	if (e)
		*e = why;
	return -1;
}

/* "local:120/vm-120-disk-0-MARK.raw", "thin:vm-120-disk-0-MARK" */
static int tell_name(const struct alloc *a, const char *name, struct err *e)
{
	_free_ char *dir = a->files ? xasprintf("%u/", a->vmid) : xstrdup("");
	_free_ char *volid = xasprintf("%s:%s%s", a->storage, dir, name);

	return a->naming ? a->naming->tell(a->naming->arg, volid, e) : 0;
}

/*
 * LVM with tagged_only, images that qemu-img cannot read and what this login
 * may not see are not in the list: a volume of an earlier VM of this id may
 * have any number. So the number is for the reader, and the mark keeps the
 * name apart. Each kind of storage takes vm-ID-ANYTHING.
 */
static int alloc_next(
	struct pve *p, const struct alloc *a, char **volid, struct err *e)
{
	_json_ json_t *volumes = NULL;
	_free_ char *name = NULL;

	if (pve_volumes(p, a->storage, a->vmid, &volumes, e) < 0)
		return -1;
	name = xasprintf("vm-%u-disk-%u-%s%s%s", a->vmid,
		free_number(volumes, a->vmid), p->mark, a->files ? "." : "",
		a->files ? a->format : "");
	pve_new_mark(p);
	return tell_name(a, name, e) < 0 ||
			alloc_named(p, a, name, volid, e) < 0
		? -1
		: 0;
}

static bool has_format(const json_t *storage, const char *format)
{
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(storage, "formats"), i, f)
		if (strcmp(json_string_value(f), format) == 0)
			return true;
	return false;
}

/* Images in a directory of the VM's own: names with an extension. */
static bool keeps_files(const char *type)
{
	static const char *const of[] = {
		"dir", "nfs", "cifs", "glusterfs", "btrfs"};

	for (size_t i = 0; i < ARRAY_LEN(of); i++)
		if (strcmp(of[i], type) == 0)
			return true;
	return false;
}

int pve_volume_alloc(struct pve *p, const char *storage, unsigned vmid,
	const char *format, uint64_t size, const struct pve_naming *naming,
	char **volid, struct err *e)
{
	_json_ json_t *row = NULL;
	struct alloc a = {.storage = storage, .vmid = vmid, .naming = naming};
	char text[STR_SIZE_LEN];

	if (pve_storage(p, storage, &row, e) < 0)
		return err_in(
			e, "allocate %s on %s", str_size(text, size), storage);
	a.format = format ? format : json_str_or(row, "default_format", "raw");
	a.files = keeps_files(json_str_or(row, "type", ""));
	/* zvol, RBD and thin volumes come in MiB or blocks of less. */
	a.kib = a.files ? (size + KIB - 1) / KIB
			: (size + MIB - 1) / MIB * (MIB / KIB);
	if (!has_format(row, a.format)) {
		err_set(e, ERR_STORAGE_UNFIT, "storage %s cannot hold %s",
			storage, a.format);
		return err_in(
			e, "allocate %s on %s", str_size(text, size), storage);
	}
	if (alloc_next(p, &a, volid, e) < 0)
		return err_in(e, "allocate %s for VM %u on %s",
			str_size(text, size), vmid, storage);
	return 0;
}

int pve_volume_path(struct pve *p, const char *volid, char **path,
	uint64_t *size, char **format, struct err *e)
{
	_free_ char *storage = NULL;
	_json_ json_t *data = NULL;
	const char *where;

	if (need_storage(volid, &storage, e) < 0)
		return -1;
	if (pve_call(p, "GET",
		    "/nodes/{node}/storage/{storage}/content/{volume}",
		    &(struct pve_at){.storage = storage, .volume = volid}, NULL,
		    &data, e) < 0)
		return err_in(e, "find %s on the node", volid);
	where = json_str(data, "path");
	if (!where)
		return err_set(e, ERR_PVE_SERVER,
			"the answer has no path for %s", volid);
	if (path)
		*path = xstrdup(where);
	if (size)
		*size = json_u64(data, "size", 0);
	if (format)
		*format = xstrdup(json_str_or(data, "format", "raw"));
	return 0;
}

/* Storages differ in what they say of a volume that is not there; some say it
 * only in the task. Unsure counts as there. */
static bool is_gone(struct pve *p, const char *storage, const char *volid)
{
	_json_ json_t *volumes = NULL;
	const json_t *v;
	size_t i;

	if (pve_volumes(p, storage, 0, &volumes, NULL) < 0)
		return false;
	json_array_foreach (volumes, i, v)
		if (strcmp(json_str_or(v, "volid", ""), volid) == 0)
			return false;
	return true;
}

int pve_volume_free(struct pve *p, const char *volid, struct err *e)
{
	_free_ char *storage = NULL;
	struct err why = {0};

	if (need_storage(volid, &storage, e) < 0)
		return -1;
	if (pve_act(p, "DELETE",
		    "/nodes/{node}/storage/{storage}/content/{volume}",
		    &(struct pve_at){.storage = storage, .volume = volid}, NULL,
		    NULL, &why) == 0 ||
		why.code == ERR_NOT_FOUND ||
		((why.code == ERR_PVE_TASK || why.code == ERR_PVE_SERVER) &&
			is_gone(p, storage, volid)))
		return 0;
	if (e)
		*e = why;
	return err_in(e, "remove %s", volid);
}
