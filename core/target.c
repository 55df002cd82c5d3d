/* The VM on the target: see target.h. */
#include "target.h"

#include <stdlib.h>
#include <string.h>

#include "hoster_job.h"
#include "map.h"
#include "node_volume.h"
#include "str.h"

char *target_tag(const struct run *r)
{
	const json_t *plan = journal_last(r->j, NULL, "plan");

	/* The plan's line is unique by its time: two jobs of one name and
	 * plan still differ. */
	return xasprintf("vmferry-job: %s %s", r->job->name,
		json_str_or(plan, "time", "?"));
}

#define ANNOTATION_MAX 7000 /* bytes */

char *target_about(const char *annotation, const char *from, const char *tag)
{
	const char *s = annotation ? annotation : "";
	size_t n = strnlen(s, ANNOTATION_MAX);

	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return xasprintf("%.*s%s%s by vmferry.\n%s", (int)n, s, n ? "\n\n" : "",
		from, tag);
}

int target_is_ours(
	const struct run *r, struct pve *p, unsigned id, struct err *e)
{
	_free_ char *tag = target_tag(r);
	_json_ json_t *config = NULL;
	bool exists;

	if (pve_vm_exists(p, id, &exists, e))
		return -1;
	if (!exists)
		return 0;
	if (pve_vm_config(p, id, &config, e))
		return -1;
	if (strstr(json_str_or(config, "description", ""), tag))
		return 1;
	return err_set(e, ERR_TARGET_FOREIGN,
		"the description of VM %u on the node lacks the line \"%s\"",
		id, tag);
}

/* "local:100/vm-100-disk-0.qcow2,size=1G" is this volume. */
static bool in_config(const json_t *config, const char *volid)
{
	size_t n = strlen(volid);
	const json_t *v;
	const char *key;

	json_object_foreach ((json_t *)config, key, v) {
		const char *s = json_string_value(v);

		if (s && strncmp(s, volid, n) == 0 && (!s[n] || s[n] == ','))
			return true;
	}
	return false;
}

static int only_ours_on(const struct run *r, struct pve *p, unsigned id,
	const json_t *config, const char *storage, struct err *e)
{
	_json_ json_t *volumes = NULL;
	const json_t *v;
	size_t i;

	if (pve_volumes(p, storage, id, &volumes, e))
		return -1;
	json_array_foreach (volumes, i, v) {
		const char *volid = json_str_or(v, "volid", "");
		_json_ json_t *ours = run_object(r, "volume", "id", volid);

		if (!ours && !in_config(config, volid))
			return err_set(e, ERR_VOLUME_FOREIGN,
				"the volume %s is not this job's, and Proxmox "
				"VE %s would remove it together with VM %u",
				volid, pve_version_text(p), id);
	}
	return 0;
}

int target_only_ours(
	const struct run *r, struct pve *p, unsigned id, struct err *e)
{
	_json_ json_t *config = NULL, *storages = NULL;
	const json_t *s;
	size_t i;

	if (pve_has(p, PVE_DESTROY_KEEP))
		return 0;
	if (pve_vm_config(p, id, &config, e) || pve_storages(p, &storages, e))
		return -1;
	json_array_foreach (storages, i, s)
		if (json_flag(s, "active", true) &&
			json_flag(s, "enabled", true) &&
			only_ours_on(r, p, id, config,
				json_str_or(s, "storage", ""), e))
			return -1;
	return 0;
}

int target_volume(struct run *r, size_t i, char **volid, char **path,
	uint64_t *size, char **format, struct err *e)
{
	const char *slot = json_str_or(run_disk(r, i), "slot", "");
	_json_ json_t *o = run_object(r, "volume", "slot", slot);
	_free_ char *where = NULL, *fmt = NULL;
	uint64_t bytes;
	struct pve *p;

	if (!o)
		return err_set(e, ERR_INTERNAL, "no volume for disk %s", slot);
	if (run_pve(r, &p, e) ||
		pve_volume_path(
			p, json_str_or(o, "id", ""), &where, &bytes, &fmt, e))
		return -1;
	if (path && node_volume_ready(json_str_or(o, "id", ""), where, e))
		return -1;
	if (volid)
		*volid = xstrdup(json_str(o, "id"));
	if (size)
		*size = bytes;
	if (path)
		*path = xstrdup(where);
	if (format)
		*format = xstrdup(fmt);
	return 0;
}

/* choose_bus decided; a start that failed may have led to another bus, and
 * Windows gets to virtio last. */
static const json_t *decision(const struct run *r)
{
	static const char *const steps[] = {
		"windows_virtio", "start_vm", "guest_fix", "choose_bus"};
	const json_t *d = NULL;

	for (size_t i = 0; i < ARRAY_LEN(steps) && !json_str(d, "bus"); i++)
		d = run_recall(r, steps[i], "measure");
	return d;
}

const char *target_nic(const struct run *r)
{
	return json_str_or(decision(r), "nic", "virtio");
}

const char *target_bus(const struct run *r)
{
	return json_str_or(decision(r), "bus", "scsi");
}

size_t target_moved_nic(const struct run *r)
{
	return hoster_job_nic(r->plan);
}

/* Behind most hosters an address answers from its own MAC only. */
static const char *moved_mac(const struct run *r)
{
	const char *told =
		json_str(run_recall(r, "move_ip", "decision"), "value");

	if (hoster_job_mac(r))
		return hoster_job_mac(r);
	return told && strcmp(told, "same") ? told : NULL;
}

const char *target_mac(const struct run *r, size_t i)
{
	const json_t *nics = json_at(r->plan, "target.nics");

	if (moved_mac(r) && i == target_moved_nic(r))
		return moved_mac(r);
	return json_str(json_array_get(nics, i), "mac");
}

void target_add_nics(
	const struct run *r, struct pve_params *params, bool link_down)
{
	const json_t *nics = json_at(r->plan, "target.nics"), *n;
	const char *chosen = target_nic(r);
	size_t i;

	json_array_foreach (nics, i, n) {
		_free_ char *net = map_net(json_str_or(n, "model", chosen),
			target_mac(r, i), json_str_or(n, "bridge", "vmbr0"),
			json_u64(n, "vlan", 0),
			link_down || !json_flag(n, "connected", true));
		char key[32];

		snprintf(key, sizeof(key), "net%zu", i);
		pve_param(params, key, "%s", net);
	}
}

int target_disk_key(const struct run *r, size_t i, char key[16], struct err *e)
{
	_free_ char *value = NULL;

	if (map_disk(target_bus(r), i, "x", false, key, &value))
		return err_set(e, ERR_PLAN_BAD,
			"bus %s has no place for disk %zu", target_bus(r), i);
	return 0;
}
