/*
 * The VM on the target: created, not started, its NIC links down, a volume
 * allocated for each disk. Keeps true: the VM carries this job's tag in its
 * description from its first moment; undo destroys nothing without that tag,
 * even if the journal says so (an id may have been taken by another VM
 * between the intent and a crash).
 */
#include "../i18n.h"
#include "../run.h"

#include <stdlib.h>
#include <string.h>

#include "../map.h"
#include "../pve.h"
#include "../str.h"
#include "../target.h"

/* --- before anything stops --- */

static const json_t *row_of(
	const json_t *rows, const char *key, const char *want)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (strcmp(json_str_or(row, key, ""), want) == 0)
			return row;
	return NULL;
}

static void find_space(struct run *r, const json_t *row)
{
	const char *name = json_str_or(row, "storage", "");
	uint64_t avail = json_u64(row, "avail", 0), need = 0;
	char have[STR_SIZE_LEN], want[STR_SIZE_LEN];
	bool used = false;

	for (size_t i = 0; i < run_disks(r); i++) {
		const json_t *d = run_disk(r, i);

		if (strcmp(json_str_or(d, "storage", ""), name))
			continue;
		used = true;
		need += json_u64(d,
			json_flag(d, "thin", false) ? "used" : "capacity", 0);
	}
	if (!used)
		return;
	run_find(r, need > avail ? LEVEL_BLOCKER : LEVEL_OK,
		need > avail ? ERR_NO_SPACE : ERR_NONE,
		"storage %s: %s free, %s needed", name, str_size(have, avail),
		str_size(want, need));
}

static void find_storages(struct run *r, const json_t *rows)
{
	const json_t *row;
	size_t i;

	for (i = 0; i < run_disks(r); i++) {
		const char *name = json_str_or(run_disk(r, i), "storage", "");

		row = row_of(rows, "storage", name);
		if (!row || !json_flag(row, "active", true) ||
			!json_flag(row, "enabled", true))
			run_find(r, LEVEL_BLOCKER, ERR_STORAGE_UNFIT,
				"storage %s is not there or not active", name);
	}
	json_array_foreach (rows, i, row)
		find_space(r, row);
}

static void find_bridges(struct run *r, const json_t *rows)
{
	const json_t *nics = json_at(r->plan, "target.nics"), *n;
	size_t i;

	json_array_foreach (nics, i, n) {
		const char *bridge = json_str_or(n, "bridge", "");

		if (!row_of(rows, "iface", bridge))
			run_find(r, LEVEL_BLOCKER, ERR_PLAN_BAD,
				"no bridge %s on the node", bridge);
	}
}

static int find_vmid(struct run *r, struct pve *p, struct err *e)
{
	unsigned want = run_u64(r, "target.vmid", 0);
	bool exists;

	if (!want || run_vmid(r))
		return 0;
	if (pve_vm_exists(p, want, &exists, e))
		return -1;
	if (exists)
		run_find(r, LEVEL_BLOCKER, ERR_VMID_TAKEN, "VM id %u is in use",
			want);
	return 0;
}

static int preflight(struct run *r, struct err *e)
{
	_json_ json_t *storages = NULL, *bridges = NULL;
	struct pve *p;

	if (run_pve(r, &p, e) || pve_storages(p, &storages, e) ||
		pve_bridges(p, &bridges, e))
		return -1;
	run_find(r, LEVEL_OK, ERR_NONE, "Proxmox VE %s, logged in",
		pve_version_text(p));
	find_storages(r, storages);
	find_bridges(r, bridges);
	return find_vmid(r, p, e);
}

/* --- create --- */

static int create_at(struct run *r, struct pve *p, unsigned vmid, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	_free_ char *tag = target_tag(r);
	_free_ char *about = xasprintf("%s\n\nMoved from the ESXi host %s by "
				       "vmferry.\n%s",
		r->vm->annotation ? r->vm->annotation : "",
		run_str(r, "source.host", "?"), tag);
	const json_t *config = json_at(r->plan, "target.config"), *v;
	const char *key;

	json_object_foreach ((json_t *)config, key, v)
		pve_param(&params, key, "%s", json_string_value(v));
	pve_param(&params, "name", "%s", run_str(r, "target.name", "vm"));
	/* 8192 characters is the API's limit. */
	pve_param(&params, "description", "%.8000s", about);
	target_add_nics(r, &params, true);
	return pve_vm_create(p, vmid, &params, NULL, e);
}

/* An id asked for must be free; else the next, again if somebody was
 * quicker. */
static int create(struct run *r, struct pve *p, struct err *e)
{
	unsigned want = run_u64(r, "target.vmid", 0), id;
	char text[16];

	for (int tries = 0; tries < 5; tries++) {
		if (pve_next_id(p, want, &id, e))
			return -1;
		snprintf(text, sizeof(text), "%u", id);
		if (run_made(r, "vm", text, NULL, e))
			return -1;
		if (create_at(r, p, id, e) == 0)
			return 0;
		if (target_is_ours(r, p, id, NULL) > 0)
			return 0; /* the answer was lost, the VM is there */
		if (e->code != ERR_VMID_TAKEN || want)
			return -1;
		if (run_removed(r, "vm", text, e))
			return -1;
	}
	return -1;
}

/* The VM of an earlier run, if that got so far; -1 where the id is now
 * somebody else's. */
static int ours_exists(struct run *r, struct pve *p, bool *there, struct err *e)
{
	unsigned id = run_vmid(r);
	int ours;

	*there = false;
	if (!id)
		return 0;
	ours = target_is_ours(r, p, id, e);
	if (ours < 0)
		return -1;
	*there = ours > 0;
	if (!*there) {
		char text[16];

		/* The intent was journalled, the VM never came to be. */
		snprintf(text, sizeof(text), "%u", id);
		return run_removed(r, "vm", text, e);
	}
	return 0;
}

/* --- volumes --- */

static int alloc_one(struct run *r, struct pve *p, size_t i, struct err *e)
{
	const json_t *d = run_disk(r, i);
	const char *slot = json_str_or(d, "slot", "");
	_json_ json_t *have = run_object(r, "volume", "slot", slot);
	_free_ char *volid = NULL;
	json_t *more;

	if (have)
		return 0;
	if (pve_volume_alloc(p, json_str_or(d, "storage", ""), run_vmid(r),
		    json_str_or(d, "format", "raw"), json_u64(d, "capacity", 0),
		    &volid, e))
		return err_in(e, "allocate a volume for disk %s", slot);
	more = json_object();
	json_put_str(more, "slot", slot);
	json_put_str(more, "format", json_str(d, "format"));
	run_say(r, "  %s -> %s", slot, volid);
	return run_made(r, "volume", volid, more, e);
}

/* Volumes of our VM that a crash kept out of the journal are taken away: the
 * VM is ours by its tag, so they are. */
static int drop_strays(
	struct run *r, struct pve *p, const char *storage, struct err *e)
{
	_json_ json_t *rows = NULL;
	const json_t *row;
	size_t i;

	if (pve_volumes(p, storage, run_vmid(r), &rows, e))
		return -1;
	json_array_foreach (rows, i, row) {
		const char *volid = json_str_or(row, "volid", "");
		_json_ json_t *known = run_object(r, "volume", "id", volid);

		if (known)
			continue;
		run_say(r, "  freeing %s, left by a run that was cut off",
			volid);
		if (pve_volume_free(p, volid, e))
			return -1;
	}
	return 0;
}

static int volumes(struct run *r, struct pve *p, bool resumed, struct err *e)
{
	for (size_t i = 0; resumed && i < run_disks(r); i++)
		if (drop_strays(r, p,
			    json_str_or(run_disk(r, i), "storage", ""), e))
			return -1;
	for (size_t i = 0; i < run_disks(r); i++)
		if (alloc_one(r, p, i, e))
			return -1;
	return 0;
}

static int run(struct run *r, struct err *e)
{
	struct pve *p;
	bool there;

	if (run_pve(r, &p, e) || ours_exists(r, p, &there, e))
		return -1;
	if (!there && create(r, p, e))
		return -1;
	run_say(r, "  VM %u", run_vmid(r));
	return volumes(r, p, there, e);
}

static int verify(struct run *r, struct err *e)
{
	struct pve *p;

	if (run_pve(r, &p, e))
		return -1;
	for (size_t i = 0; i < run_disks(r); i++) {
		_free_ char *path = NULL;
		uint64_t size;

		if (target_volume(r, i, NULL, &path, &size, NULL, e))
			return -1;
		if (size < json_u64(run_disk(r, i), "capacity", 0))
			return err_set(e, ERR_STORAGE_UNFIT,
				"the volume for disk %s is smaller than the "
				"disk",
				json_str_or(run_disk(r, i), "slot", "?"));
		if (!file_exists(path))
			return err_set(e, ERR_TARGET_REMOTE,
				"%s is not on this machine", path);
	}
	return 0;
}

/* --- way back --- */

static int free_volumes(struct run *r, struct pve *p, struct err *e)
{
	_json_ json_t *v = NULL;

	while ((v = run_object(r, "volume", NULL, NULL))) {
		_json_ json_t *own = v;
		_free_ char *id = xstrdup(json_str_or(own, "id", ""));

		v = NULL;
		if (pve_volume_free(p, id, e) && e->code != ERR_NOT_FOUND)
			return -1;
		if (run_removed(r, "volume", id, e))
			return -1;
	}
	return 0;
}

static int undo(struct run *r, struct err *e)
{
	unsigned id = run_vmid(r);
	char text[16];
	struct pve *p;
	int ours;

	if (!id)
		return 0;
	if (run_pve(r, &p, e))
		return -1;
	ours = target_is_ours(r, p, id, e);
	if (ours < 0)
		return -1;
	if (ours > 0) {
		run_say(r, "  removing VM %u and its volumes", id);
		if (free_volumes(r, p, e))
			return -1;
		if (pve_vm_destroy(p, id, NULL, e))
			return -1;
	}
	snprintf(text, sizeof(text), "%u", id);
	return run_removed(r, "vm", text, e);
}

const struct step step_create_vm = {
	.kind = "create_vm",
	.order = 60,
	.doing = N_("Create the VM on Proxmox VE, not started"),
	.why = N_(
		"The new VM gets the old one's CPU, memory, firmware, UUID and "
		"MAC addresses, with its network link down, and an empty "
		"volume "
		"for each disk."),
	.manual = N_("qm create VMID --name NAME --memory MIB --cores N "
		     "--net0 virtio=MAC,bridge=vmbr0,link_down=1\n"
		     "pvesm alloc STORAGE VMID '' SIZE"),
	.trouble = N_("Nothing of another VM is touched. Way back: this VM and "
		      "its volumes are removed."),
	.preflight = preflight,
	.run = run,
	.verify = verify,
	.undo = undo,
};
