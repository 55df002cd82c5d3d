/* The temporary disk and the disc of drivers: see virtio_kit.h. */
#include "virtio_kit.h"

#include <string.h>
#include <strings.h>

#include "str.h"
#include "target.h"

/* Behind all places that bus_disks gives. */
#define DISK_KEY "scsi13"
#define DISK_SIZE (1ull << 30)
#define USE "virtio drivers"

/* --- the disc --- */

static bool is_drivers(const char *volid)
{
	const char *name = strrchr(volid, '/');

	return name && strncasecmp(name + 1, "virtio-win", 10) == 0;
}

/* Into its place by name, the newest first: "0.1.240" before "0.1.96". */
static void add_disc(json_t *discs, const char *volid)
{
	size_t i = 0;

	while (i < json_array_size(discs) &&
		strverscmp(strrchr(json_string_value(json_array_get(discs, i)),
				   '/'),
			strrchr(volid, '/')) > 0)
		i++;
	json_array_insert_new(discs, i, json_text(volid));
}

static bool takes_iso(const json_t *storage)
{
	const json_t *v;
	size_t i;

	if (!json_flag(storage, "enabled", true) ||
		!json_flag(storage, "active", false))
		return false;
	json_array_foreach (json_object_get(storage, "content"), i, v)
		if (strcmp(json_string_value(v), "iso") == 0)
			return true;
	return false;
}

int virtio_kit_discs(
	struct pve *p, json_t **discs, json_t **storages, struct err *e)
{
	_json_ json_t *all = NULL, *found = json_array(), *names = json_array();
	const json_t *s, *v;
	size_t i, k;

	if (pve_storages(p, &all, e))
		return -1;
	json_array_foreach (all, i, s) {
		const char *name = json_str_or(s, "storage", "");
		_json_ json_t *isos = NULL;

		if (!takes_iso(s))
			continue;
		if (pve_isos(p, name, &isos, e))
			return -1;
		json_array_append_new(names, json_text(name));
		json_array_foreach (isos, k, v)
			if (is_drivers(json_str_or(v, "volid", "")))
				add_disc(found, json_str(v, "volid"));
	}
	*discs = json_incref(found);
	*storages = json_incref(names);
	return 0;
}

/* --- in the VM's configuration --- */

/* Does a drive's value name this volume? */
static bool holds(const char *value, const char *volid)
{
	size_t n = strlen(volid);

	return value && strncmp(value, volid, n) == 0 &&
		(!value[n] || value[n] == ',');
}

/* The key that holds the volume; borrowed, null. */
static const char *key_of(json_t *config, const char *volid)
{
	const char *key;
	json_t *v;

	json_object_foreach (config, key, v)
		if (json_is_string(v) && holds(json_string_value(v), volid))
			return key;
	return NULL;
}

/* A free place for a CD-ROM; null: none. */
static const char *free_place(json_t *config)
{
	static const char *const places[] = {"ide2", "ide3", "ide0", "ide1",
		"sata5", "sata4", "sata3", "sata2"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (!json_object_get(config, places[i]))
			return places[i];
	return NULL;
}

/* --- the temporary disk --- */

static json_t *known(const struct run *r)
{
	return run_object(r, "volume", "use", USE);
}

/* A volume that is not in the VM: what a run that was cut off left. */
static int forget(struct run *r, struct pve *p, struct err *e)
{
	for (;;) {
		_json_ json_t *o = known(r);
		const char *id = json_str_or(o, "id", "");

		if (!o)
			return 0;
		if (pve_volume_free(p, id, e) ||
			run_removed(r, "volume", id, e))
			return -1;
	}
}

/* In the journal before it is on the node. A name that was not the one in the
 * end is somebody else's. */
static int on_name(void *arg, const char *volid, struct err *e)
{
	struct run *r = arg;
	_json_ json_t *before = known(r);
	json_t *more;

	if (before && run_removed(r, "volume", json_str(before, "id"), e))
		return -1;
	more = json_object();
	json_put_str(more, "use", USE);
	return run_made(r, "volume", volid, more, e);
}

static int make(struct run *r, struct pve *p, char **volid, struct err *e)
{
	const struct pve_naming naming = {on_name, r};
	const json_t *d = run_disk(r, 0);

	if (forget(r, p, e) ||
		pve_volume_alloc(p, json_str_or(d, "storage", ""), run_vmid(r),
			json_str_or(d, "format", "raw"), DISK_SIZE, &naming,
			volid, e))
		return err_in(e, "make the temporary disk");
	return 0;
}

/* Onto virtio-scsi, made first unless a run before this one did. */
static int add_disk(struct run *r, struct pve *p, json_t *config,
	struct pve_params *params, struct err *e)
{
	_json_ json_t *o = known(r);
	const char *id = json_str_or(o, "id", "");
	const char *key = o ? key_of(config, id) : NULL;
	_free_ char *volid = NULL;

	if (key && strcmp(key, DISK_KEY) == 0)
		return 0;
	if (json_object_get(config, DISK_KEY))
		return err_set(e, ERR_BAD_INPUT, "%s of the VM is taken: %s",
			DISK_KEY, json_str_or(config, DISK_KEY, "?"));
	if (key)
		volid = xstrdup(id);
	else if (make(r, p, &volid, e))
		return -1;
	pve_param(params, "scsihw", "virtio-scsi-single");
	pve_param(params, DISK_KEY, "%s", volid);
	return 0;
}

int virtio_kit_attach(
	struct run *r, struct pve *p, const char *disc, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	_json_ json_t *config = NULL;
	const char *place;

	if (pve_vm_config(p, run_vmid(r), &config, e) ||
		add_disk(r, p, config, &params, e))
		return -1;
	if (disc && !key_of(config, disc)) {
		place = free_place(config);
		if (!place)
			return err_set(e, ERR_BAD_INPUT,
				"the VM has no free place for a CD-ROM");
		pve_param(&params, place, "%s,media=cdrom", disc);
	}
	return params.n ? pve_vm_set(p, run_vmid(r), &params, NULL, e) : 0;
}

static int take_out(
	struct run *r, struct pve *p, const char *key, struct err *e)
{
	_pve_params_ struct pve_params params = {0};

	pve_param(&params, "delete", "%s", key);
	return pve_vm_set(p, run_vmid(r), &params, NULL, e);
}

/* Its key in the configuration as it is now; *key is to be freed, null where
 * it is not there. */
static int place_of(struct run *r, struct pve *p, const char *volid, char **key,
	struct err *e)
{
	_json_ json_t *config = NULL;

	*key = NULL;
	if (!volid)
		return 0;
	if (pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	*key = xstrdup(key_of(config, volid));
	return 0;
}

int virtio_kit_detach(
	struct run *r, struct pve *p, const char *disc, struct err *e)
{
	_free_ char *in = NULL, *at = NULL, *unused = NULL;
	_json_ json_t *o = known(r);
	const char *volid = json_str(o, "id");

	if (place_of(r, p, disc, &in, e) || (in && take_out(r, p, in, e)) ||
		place_of(r, p, volid, &at, e) ||
		(at && !str_starts(at, "unused") && take_out(r, p, at, e)))
		return -1;
	/* Now it is unusedN, whose removal takes the volume with it. */
	if (place_of(r, p, volid, &unused, e) ||
		(unused && pve_vm_unlink(p, run_vmid(r), unused, true, e)))
		return -1;
	return forget(r, p, e);
}
