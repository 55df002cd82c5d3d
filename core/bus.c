/* Disks and their places: see bus.h. */
#include "bus.h"

#include <string.h>

#include "map.h"
#include "str.h"

static const struct {
	const char *bus, *name;
} ladder[] = {{"scsi", "virtio-scsi"}, {"sata", "SATA"}, {"ide", "IDE"}};

const char *bus_next(const char *bus)
{
	for (size_t i = 0; i + 1 < ARRAY_LEN(ladder); i++)
		if (strcmp(bus, ladder[i].bus) == 0)
			return ladder[i + 1].bus;
	return NULL;
}

const char *bus_name(const char *bus)
{
	for (size_t i = 0; i < ARRAY_LEN(ladder); i++)
		if (strcmp(bus, ladder[i].bus) == 0)
			return ladder[i].name;
	return bus;
}

int bus_disks(struct run *r, struct pve_params *params, struct err *e)
{
	bool scsi = strcmp(target_bus(r), "scsi") == 0;

	for (size_t i = 0; i < run_disks(r); i++) {
		_free_ char *volid = NULL, *value = NULL;
		char key[16];

		if (target_volume(r, i, &volid, NULL, NULL, NULL, e))
			return -1;
		if (map_disk(target_bus(r), i, volid, scsi, key, &value))
			return err_set(e, ERR_PLAN_BAD,
				"bus %s has no place for disk %zu",
				target_bus(r), i + 1);
		pve_param(params, key, "%s", value);
	}
	if (scsi)
		pve_param(params, "scsihw", "virtio-scsi-single");
	return 0;
}

int bus_boot(
	struct run *r, struct pve *p, struct pve_params *params, struct err *e)
{
	char key[16];

	if (target_disk_key(r, 0, key, e))
		return -1;
	if (pve_has(p, PVE_BOOT_ORDER)) {
		pve_param(params, "boot", "order=%s", key);
	} else {
		pve_param(params, "boot", "c");
		pve_param(params, "bootdisk", "%s", key);
	}
	return 0;
}

/* The key of a bus (not unusedN) that holds the volume; borrowed, null. */
static const char *key_of(json_t *config, const char *volid)
{
	const char *key;
	json_t *v;

	json_object_foreach (config, key, v) {
		const char *text = json_string_value(v);
		size_t n = strlen(volid);

		if (text && strncmp(text, volid, n) == 0 &&
			(!text[n] || text[n] == ',') &&
			!str_starts(key, "unused"))
			return key;
	}
	return NULL;
}

/* The keys to free, "scsi0,scsi1"; to be freed. Null on failure. *settled:
 * each disk is in its place; false also where one is nowhere, since a worker
 * died between taking it out and putting it in. */
static char *misplaced(
	struct run *r, json_t *config, bool *settled, struct err *e)
{
	struct buf b = {0};

	*settled = true;
	for (size_t i = 0; i < run_disks(r); i++) {
		_free_ char *volid = NULL;
		const char *now;
		char key[16];

		if (target_volume(r, i, &volid, NULL, NULL, NULL, e) ||
			target_disk_key(r, i, key, e)) {
			buf_free(&b);
			return NULL;
		}
		now = key_of(config, volid);
		*settled &= now && strcmp(now, key) == 0;
		if (now && strcmp(now, key))
			buf_addf(&b, "%s%s", b.len ? "," : "", now);
	}
	return buf_steal(&b);
}

/* Out of their places, and into the right ones, with the cards' model. */
static int put_in_place(
	struct run *r, struct pve *p, const char *keys, struct err *e)
{
	_pve_params_ struct pve_params off = {0}, on = {0};

	pve_param(&off, "delete", "%s", keys);
	if ((*keys && pve_vm_set(p, run_vmid(r), &off, NULL, e)) ||
		bus_disks(r, &on, e))
		return -1;
	target_add_nics(r, &on, true);
	return pve_vm_set(p, run_vmid(r), &on, NULL, e);
}

/* Is the system disk what is started from? An order of the operator's own that
 * names it stays. */
static bool boots(struct run *r, const json_t *config)
{
	char key[16];

	return target_disk_key(r, 0, key, NULL) == 0 &&
		(strstr(json_str_or(config, "boot", ""), key) ||
			strcmp(json_str_or(config, "bootdisk", ""), key) == 0);
}

int bus_settle(struct run *r, struct pve *p, struct err *e)
{
	_pve_params_ struct pve_params order = {0};
	_json_ json_t *config = NULL;
	_free_ char *keys = NULL;
	bool settled;

	if (pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	keys = misplaced(r, config, &settled, e);
	if (!keys)
		return -1;
	if (settled && boots(r, config))
		return 0;
	/* The order names what is attached: not before. */
	if ((!settled && put_in_place(r, p, keys, e)) ||
		bus_boot(r, p, &order, e))
		return -1;
	return pve_vm_set(p, run_vmid(r), &order, NULL, e);
}
