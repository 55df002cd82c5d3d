/* Virtual machines: made, changed, switched, moved, removed. */
#include <string.h>

#include "pve_priv.h"
#include "stop.h"

#define VM "/nodes/{node}/qemu/{vmid}"
#define AT(id) (&(struct pve_at){.vmid = (id)})

static int fail(struct err *e, const struct err *why)
{
	if (e)
		*e = *why;
	return -1;
}

/* ---- create ---- */

/* The newest create task of this id, to be freed; null: none. */
static int newest_create(
	struct pve *p, unsigned vmid, char **upid, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;
	const json_t *t;
	uint64_t latest = 0;
	size_t i;

	*upid = NULL;
	pve_param(&ps, "vmid", "%u", vmid);
	pve_param(&ps, "typefilter", "qmcreate");
	pve_param(&ps, "source", "all");
	pve_param(&ps, "limit", "20");
	if (pve_get(p, "/nodes/{node}/tasks", NULL, &ps, JSON_ARRAY, &data, e) <
		0)
		return -1;
	json_array_foreach (data, i, t) {
		const char *id = json_str_or(t, "upid", "");
		uint64_t at = json_u64(t, "starttime", 0);

		if (at < latest || !strstr(id, ":qmcreate:"))
			continue;
		latest = at;
		str_set(upid, id);
	}
	return 0;
}

/* Does the VM that is there carry the name and UUID we gave? */
static bool is_ours(
	struct pve *p, unsigned vmid, const struct pve_params *params)
{
	static const char *const marks[] = {"name", "smbios1"};
	_json_ json_t *config = NULL;
	bool any = false;

	if (pve_vm_config(p, vmid, &config, NULL) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		const char *want = pve_param_get(params, marks[i]);

		if (!want)
			continue;
		if (strcmp(json_str_or(config, marks[i], ""), want) != 0)
			return false;
		any = true;
	}
	return any;
}

/* The answer was lost: find the task and follow it, or the VM itself. */
static int find_created(struct pve *p, unsigned vmid,
	const struct pve_params *params, const char *before,
	const struct pve_progress *pr, const struct err *lost, struct err *e)
{
	double end = now_mono() + p->patience / 3;
	bool exists = false;

	while (now_mono() < end) {
		_free_ char *upid = NULL;

		if (newest_create(p, vmid, &upid, e) < 0)
			return -1;
		if (upid && (!before || strcmp(upid, before) != 0)) {
			if (pr && pr->started)
				pr->started(pr->arg, upid);
			return pve_task_wait(p, upid, pr, NULL, e);
		}
		if (stop_sleep(p->pause_ms, e) < 0)
			return -1;
	}
	if (pve_vm_exists(p, vmid, &exists, e) < 0)
		return -1;
	if (!exists)
		return err_set(e, ERR_TIMEOUT, "%s; there is no VM %u",
			lost->why, vmid);
	if (is_ours(p, vmid, params))
		return 0;
	return err_set(e, ERR_VMID_TAKEN,
		"VM %u is there, but not as it was asked for", vmid);
}

static void copy_params(struct pve_params *to, const struct pve_params *from)
{
	for (size_t i = 0; from && i < from->n; i++) {
		const struct pve_kv *kv = &from->kv[i];

		if (kv->optional)
			pve_param_opt(to, kv->key, "%s", kv->value);
		else
			pve_param(to, kv->key, "%s", kv->value);
	}
}

int pve_vm_create(struct pve *p, unsigned vmid, const struct pve_params *params,
	const struct pve_progress *pr, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_free_ char *before = NULL;
	_json_ json_t *data = NULL;
	struct err lost = {0};
	int rc;

	pve_param(&ps, "vmid", "%u", vmid);
	copy_params(&ps, params);
	/* So that a task found after a lost answer is known to be ours. */
	if (newest_create(p, vmid, &before, e) < 0)
		return err_in(e, "create VM %u on %s", vmid, p->node);
	rc = pve_call(p, "POST", "/nodes/{node}/qemu", NULL, &ps, &data, &lost);
	if (rc == 0)
		rc = pve_finish(p, data, pr, e);
	else if (lost.code == ERR_TIMEOUT)
		rc = find_created(p, vmid, params, before, pr, &lost, e);
	else
		fail(e, &lost);
	return rc < 0 ? err_in(e, "create VM %u on %s", vmid, p->node) : 0;
}

int pve_vm_create_settled(struct pve *p, unsigned vmid, struct err *e)
{
	_free_ char *upid = NULL;
	struct err how = {0};

	if (newest_create(p, vmid, &upid, e) < 0)
		return -1;
	/* How it ended is seen by who looks for the VM. */
	if (upid && pve_task_wait(p, upid, NULL, NULL, &how) < 0 &&
		how.code == ERR_STOPPED)
		return fail(e, &how);
	return 0;
}

/* ---- configuration ---- */

int pve_vm_config(struct pve *p, unsigned vmid, json_t **out, struct err *e)
{
	if (pve_get(p, VM "/config", AT(vmid), NULL, JSON_OBJECT, out, e) < 0)
		return err_in(e, "read the configuration of VM %u", vmid);
	return 0;
}

int pve_vm_set(struct pve *p, unsigned vmid, const struct pve_params *params,
	const struct pve_progress *pr, struct err *e)
{
	if (pve_act(p, "POST", VM "/config", AT(vmid), params, pr, e) < 0)
		return err_in(e, "configure VM %u", vmid);
	return 0;
}

/* ---- power ---- */

int pve_vm_status(
	struct pve *p, unsigned vmid, struct pve_vm_status *out, struct err *e)
{
	_json_ json_t *d = NULL;
	const char *status;

	if (pve_call(p, "GET", VM "/status/current", AT(vmid), NULL, &d, e) < 0)
		return err_in(e, "read the status of VM %u", vmid);
	status = json_str(d, "status");
	if (!status)
		return err_set(e, ERR_PVE_SERVER,
			"the answer has no status of VM %u", vmid);
	*out = (struct pve_vm_status){
		.running = strcmp(status, "running") == 0,
		.agent = json_flag(d, "agent", false),
		.uptime = json_u64(d, "uptime", 0),
	};
	str_printable(out->lock, sizeof(out->lock), json_str_or(d, "lock", ""));
	str_printable(out->qmp, sizeof(out->qmp),
		json_str_or(d, "qmpstatus", status));
	out->paused = out->running && strcmp(out->qmp, "running") != 0;
	return 0;
}

int pve_vm_start(struct pve *p, unsigned vmid, const struct pve_progress *pr,
	struct err *e)
{
	struct err why = {0};

	if (pve_act(p, "POST", VM "/status/start", AT(vmid), NULL, pr, &why) ==
			0 ||
		strstr(why.why, "already running"))
		return 0;
	fail(e, &why);
	return err_in(e, "start VM %u", vmid);
}

int pve_vm_stop(struct pve *p, unsigned vmid, const struct pve_progress *pr,
	struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	struct err why = {0};

	/* Else it waits for a shutdown that the guest does not follow. */
	if (pve_has(p, PVE_STOP_OVERRULE))
		pve_param_opt(&ps, "overrule-shutdown", "1");
	if (pve_act(p, "POST", VM "/status/stop", AT(vmid), &ps, pr, &why) ==
			0 ||
		strstr(why.why, "not running"))
		return 0;
	fail(e, &why);
	return err_in(e, "power VM %u off", vmid);
}

int pve_vm_shutdown(struct pve *p, unsigned vmid, unsigned timeout, bool force,
	const struct pve_progress *pr, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	struct err why = {0};

	pve_param(&ps, "timeout", "%u", timeout);
	if (force)
		pve_param(&ps, "forceStop", "1");
	if (pve_act(p, "POST", VM "/status/shutdown", AT(vmid), &ps, pr,
		    &why) == 0 ||
		strstr(why.why, "not running"))
		return 0;
	fail(e, &why);
	return err_in(e, "shut VM %u down", vmid);
}

/* ---- disks ---- */

int pve_vm_move_disk(struct pve *p, unsigned vmid, const char *disk,
	const char *storage, const char *format, bool remove,
	const struct pve_progress *pr, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};

	pve_param(&ps, "disk", "%s", disk);
	pve_param(&ps, "storage", "%s", storage);
	if (format)
		pve_param(&ps, "format", "%s", format);
	pve_param(&ps, "delete", "%d", remove);
	if (pve_act(p, "POST", VM "/move_disk", AT(vmid), &ps, pr, e) < 0)
		return err_in(e, "move %s of VM %u to %s", disk, vmid, storage);
	return 0;
}

int pve_vm_unlink(struct pve *p, unsigned vmid, const char *disk, bool erase,
	struct err *e)
{
	_pve_params_ struct pve_params ps = {0};

	pve_param(&ps, "idlist", "%s", disk);
	if (erase)
		pve_param(&ps, "force", "1");
	if (pve_act(p, "PUT", VM "/unlink", AT(vmid), &ps, NULL, e) < 0)
		return err_in(e, "take %s out of VM %u", disk, vmid);
	return 0;
}

int pve_vm_destroy(struct pve *p, unsigned vmid, const struct pve_progress *pr,
	struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	struct err why = {0};

	pve_param_opt(&ps, "purge", "1");
	pve_param_opt(&ps, "destroy-unreferenced-disks", "0");
	if (pve_act(p, "DELETE", VM, AT(vmid), &ps, pr, &why) == 0 ||
		why.code == ERR_NOT_FOUND)
		return 0;
	fail(e, &why);
	return err_in(e, "remove VM %u", vmid);
}
