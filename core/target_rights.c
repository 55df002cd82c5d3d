/*
 * What the login may do on the target: see target.h. A lack that shows only
 * at the start of the new VM has cost hours by then.
 */
#include "target.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

#define ZONE "/sdn/zones/localnetwork/"

/* pve-api.md 8. */
struct need {
	const char *privilege;
	unsigned since, until; /* releases, 804 for 8.4; until 0: all later */
	enum level level;
};

static const struct need on_vm[] = {
	{"VM.Allocate", 0, 0, LEVEL_BLOCKER},
	{"VM.Audit", 0, 0, LEVEL_BLOCKER},
	{"VM.Config.CPU", 0, 0, LEVEL_BLOCKER},
	{"VM.Config.Disk", 0, 0, LEVEL_BLOCKER},
	{"VM.Config.HWType", 0, 0, LEVEL_BLOCKER},
	{"VM.Config.Memory", 0, 0, LEVEL_BLOCKER},
	{"VM.Config.Network", 0, 0, LEVEL_BLOCKER},
	{"VM.Config.Options", 0, 0, LEVEL_BLOCKER},
	{"VM.PowerMgmt", 0, 0, LEVEL_BLOCKER},
	/* For the guest agent: the VM moves without it. */
	{"VM.Monitor", 0, 899, LEVEL_WARNING},
	{"VM.GuestAgent.Unrestricted", 900, 0, LEVEL_WARNING},
	{NULL, 0, 0, LEVEL_OK},
};
static const struct need on_storage[] = {
	{"Datastore.AllocateSpace", 0, 0, LEVEL_BLOCKER},
	{NULL, 0, 0, LEVEL_OK},
};
static const struct need on_bridge[] = {
	{"SDN.Use", 800, 0, LEVEL_BLOCKER},
	{NULL, 0, 0, LEVEL_OK},
};

static void tell(struct run *r, struct pve *p, const char *path,
	const struct need *n, const json_t *have, enum level level)
{
	unsigned release = pve_release(p);
	_buf_ struct buf lack = {0};

	for (; n->privilege; n++)
		/* Its value only says whether it is handed down. */
		if (n->level == level && release >= n->since &&
			(!n->until || release <= n->until) &&
			!json_object_get(have, n->privilege))
			buf_addf(&lack, "%s%s", lack.len ? ", " : "",
				n->privilege);
	if (lack.len)
		run_find(r, level, ERR_PVE_PERMISSION, "%s lacks %s on %s",
			run_str(r, "target.user", "root@pam"), lack.s, path);
}

static void look(struct run *r, struct pve *p, const char *path,
	const struct need *needs)
{
	_json_ json_t *all = NULL;
	const json_t *have;

	/* Not before 6.1, and whatever else is wrong shows by itself. */
	if (pve_permissions(p, path, &all, NULL))
		return;
	have = json_object_get(all, path);
	tell(r, p, path, needs, have, LEVEL_BLOCKER);
	tell(r, p, path, needs, have, LEVEL_WARNING);
}

static void look_storage(struct run *r, struct pve *p, const char *name)
{
	_free_ char *path = path_join("/storage", name);

	look(r, p, path, on_storage);
}

/* A network of the node itself: only these are in the zone localnetwork. */
static bool is_plain(const json_t *bridges, const char *name)
{
	const json_t *b;
	size_t i;

	json_array_foreach (bridges, i, b)
		if (strcmp(json_str_or(b, "iface", ""), name) == 0)
			return str_ends(json_str_or(b, "type", ""), "ridge");
	return false;
}

static void look_bridge(
	struct run *r, struct pve *p, const json_t *bridges, const json_t *nic)
{
	const char *name = json_str_or(nic, "bridge", "");
	uint64_t vlan = json_u64(nic, "vlan", 0);
	_free_ char *path = NULL;

	if (pve_release(p) < on_bridge->since || !is_plain(bridges, name))
		return;
	path = vlan ? xasprintf(ZONE "%s/%u", name, (unsigned)vlan)
		    : xasprintf(ZONE "%s", name);
	look(r, p, path, on_bridge);
}

void target_find_rights(struct run *r, struct pve *p, const json_t *bridges)
{
	const json_t *nics = json_at(r->plan, "target.nics"), *n;
	const char *move = run_str(r, "target.move_to", NULL);
	unsigned id = run_u64(r, "target.vmid", 0);
	_free_ char *vm = id ? xasprintf("/vms/%u", id) : xstrdup("/vms");
	size_t i;

	look(r, p, vm, on_vm);
	for (i = 0; i < run_disks(r); i++) {
		const json_t *d = run_disk(r, i);
		const char *later = json_str_or(d, "move_to", move);

		look_storage(r, p, json_str_or(d, "storage", ""));
		if (later)
			look_storage(r, p, later);
	}
	json_array_foreach (nics, i, n)
		look_bridge(r, p, bridges, n);
}
