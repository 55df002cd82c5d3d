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
#include "../origin.h"
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
	target_find_rights(r, p, bridges);
	find_storages(r, storages);
	find_bridges(r, bridges);
	return find_vmid(r, p, e);
}

/* --- create --- */

static int create_at(struct run *r, struct pve *p, unsigned vmid, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	_free_ char *tag = target_tag(r);
	bool file = origin_is_file(r);
	_free_ char *from = xasprintf("%s %s",
		file ? "Made from the file" : "Moved from the ESXi host",
		file ? origin_path(r) : run_str(r, "source.host", "?"));
	_free_ char *about = target_about(r->vm->annotation, from, tag);
	const json_t *config = json_at(r->plan, "target.config"), *v;
	const char *key;

	json_object_foreach ((json_t *)config, key, v)
		pve_param(&params, key, "%s", json_string_value(v));
	pve_param(&params, "name", "%s", run_str(r, "target.name", "vm"));
	pve_param(&params, "description", "%s", about);
	target_add_nics(r, &params, true);
	return pve_vm_create(p, vmid, &params, NULL, e);
}

/* First as an intent, then as a VM that is there and has the tag. */
static int note_vm(struct run *r, unsigned id, bool created, struct err *e)
{
	json_t *more = json_object();
	char text[16];

	snprintf(text, sizeof(text), "%u", id);
	json_put_bool(more, "created", created);
	return run_made(r, "vm", text, more, e);
}

static int forget_vm(struct run *r, unsigned id, struct err *e)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", id);
	return run_removed(r, "vm", text, e);
}

static bool was_created(const struct run *r)
{
	_json_ json_t *o = run_object(r, "vm", NULL, NULL);

	return json_flag(o, "created", false);
}

/* An id asked for must be free; else the next, again if somebody was
 * quicker. */
static int create(struct run *r, struct pve *p, struct err *e)
{
	unsigned want = run_u64(r, "target.vmid", 0), id;

	for (int tries = 0; tries < 5; tries++) {
		if (pve_next_id(p, want, &id, e) || note_vm(r, id, false, e))
			return -1;
		/* After a lost answer the VM may be there all the same. */
		if (create_at(r, p, id, e) == 0 ||
			target_is_ours(r, p, id, NULL) > 0)
			return 0;
		if (e->code != ERR_VMID_TAKEN)
			return -1;
		if (forget_vm(r, id, NULL) || want)
			return -1;
	}
	return -1;
}

/* The VM that the journal names: 1 it is there, 0 not, and forgotten where
 * nothing but the intent ever was; -1 somebody took its tag away. */
static int find_ours(struct run *r, struct pve *p, struct err *e)
{
	unsigned id = run_vmid(r);
	int ours;

	if (!id)
		return 0;
	/* The call of a worker that was killed may not have ended. */
	if (!was_created(r) && pve_vm_create_settled(p, id, e))
		return -1;
	ours = target_is_ours(r, p, id, e);
	if (ours > 0)
		return 1;
	if (ours < 0) {
		if (e->code != ERR_TARGET_FOREIGN || was_created(r))
			return -1;
		run_say(r, "  VM %u on the node is not this job's: left alone",
			id);
	}
	return forget_vm(r, id, e);
}

/* --- volumes --- */

struct naming {
	struct run *r;
	const json_t *disk;
};

static int note_volume(struct run *r, const json_t *disk, const char *volid,
	bool allocated, struct err *e)
{
	json_t *more = json_object();

	json_put_str(more, "slot", json_str(disk, "slot"));
	json_put_str(more, "format", json_str(disk, "format"));
	json_put_bool(more, "allocated", allocated);
	return run_made(r, "volume", volid, more, e);
}

/* A name that was not the one in the end. */
static int forget_other(
	struct run *r, const json_t *disk, const char *volid, struct err *e)
{
	_json_ json_t *o =
		run_object(r, "volume", "slot", json_str_or(disk, "slot", ""));
	const char *id = json_str(o, "id");

	return id && strcmp(id, volid) ? run_removed(r, "volume", id, e) : 0;
}

/* In the journal before it is on the node: what a crash leaves is known by
 * its name, which nobody else's volume ever has (pve_volume_alloc). */
static int on_name(void *arg, const char *volid, struct err *e)
{
	const struct naming *n = arg;

	return forget_other(n->r, n->disk, volid, e) ||
			note_volume(n->r, n->disk, volid, false, e)
		? -1
		: 0;
}

static int free_one(
	struct run *r, struct pve *p, const json_t *volume, struct err *e)
{
	const char *id = json_str_or(volume, "id", "");

	return pve_volume_free(p, id, e) || run_removed(r, "volume", id, e) ? -1
									    : 0;
}

/* The node said no: nothing was made. Where its answer does not tell, the name
 * stays in the journal: the next run or undo looks. */
static void forget_refused(
	struct run *r, const json_t *disk, const struct err *e)
{
	if (e->code != ERR_TIMEOUT && e->code != ERR_STOPPED &&
		e->code != ERR_PVE_SERVER)
		forget_other(r, disk, "", NULL);
}

static int alloc_one(struct run *r, struct pve *p, size_t i, struct err *e)
{
	const json_t *d = run_disk(r, i);
	const char *slot = json_str_or(d, "slot", "");
	_json_ json_t *have = run_object(r, "volume", "slot", slot);
	struct naming n = {r, d};
	const struct pve_naming naming = {on_name, &n};
	_free_ char *volid = NULL;

	if (json_flag(have, "allocated", false))
		return 0;
	/* A run that was cut off may have left it half made. */
	if (have && free_one(r, p, have, e))
		return -1;
	if (pve_volume_alloc(p, json_str_or(d, "storage", ""), run_vmid(r),
		    json_str_or(d, "format", "raw"), json_u64(d, "capacity", 0),
		    &naming, &volid, e)) {
		forget_refused(r, d, e);
		return err_in(e, "allocate a volume for disk %s", slot);
	}
	run_say(r, "  %s -> %s", slot, volid);
	return forget_other(r, d, volid, e) || note_volume(r, d, volid, true, e)
		? -1
		: 0;
}

/* Those of a VM that is gone. */
static int free_volumes(struct run *r, struct pve *p, struct err *e)
{
	json_t *v;

	while ((v = run_object(r, "volume", NULL, NULL))) {
		_json_ json_t *own = v;

		if (free_one(r, p, own, e))
			return -1;
	}
	return 0;
}

static int run(struct run *r, struct err *e)
{
	struct pve *p;
	int there;

	if (run_pve(r, &p, e))
		return -1;
	there = find_ours(r, p, e);
	if (there < 0)
		return -1;
	if (!there && (free_volumes(r, p, e) || create(r, p, e)))
		return -1;
	if (!was_created(r) && note_vm(r, run_vmid(r), true, e))
		return -1;
	run_say(r, "  VM %u", run_vmid(r));
	for (size_t i = 0; i < run_disks(r); i++)
		if (alloc_one(r, p, i, e))
			return -1;
	return 0;
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

/* The VM first: whoever looks never sees one without its disks. */
static int undo(struct run *r, struct err *e)
{
	_json_ json_t *volume = run_object(r, "volume", NULL, NULL);
	unsigned id = run_vmid(r);
	struct pve *p;
	int there;

	if (!id && !volume)
		return 0;
	if (run_pve(r, &p, e))
		return -1;
	there = find_ours(r, p, e);
	if (there < 0)
		return -1;
	if (there) {
		run_say(r, "  removing VM %u and its volumes", id);
		if (target_only_ours(r, p, id, e) ||
			pve_vm_destroy(p, id, NULL, e))
			return -1;
	}
	if (free_volumes(r, p, e))
		return -1;
	return there ? forget_vm(r, id, e) : 0;
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
