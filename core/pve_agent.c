/* The guest agent, as Proxmox VE passes it on: pve-api.md 7.5. */
#include <string.h>

#include "pve_priv.h"
#include "stop.h"

#define AGENT "/nodes/{node}/qemu/{vmid}/agent/"
#define AT(id) (&(struct pve_at){.vmid = (id)})

/* A GET whose data is {"result": x}; *out is a new reference to x. */
static int ask(struct pve *p, unsigned vmid, const char *path, json_type type,
	json_t **out, struct err *e)
{
	_json_ json_t *data = NULL;
	json_t *result;

	if (pve_get(p, path, AT(vmid), NULL, JSON_OBJECT, &data, e) < 0)
		return -1;
	result = json_object_get(data, "result");
	if (!result || json_typeof(result) != type)
		return err_set(e, ERR_PVE_SERVER,
			"the agent's answer to GET %s is not what it should be",
			path);
	*out = json_incref(result);
	return 0;
}

int pve_agent_ping(struct pve *p, unsigned vmid, struct err *e)
{
	if (pve_call(p, "POST", AGENT "ping", AT(vmid), NULL, NULL, e) < 0)
		return err_in(e, "reach the agent in VM %u", vmid);
	return 0;
}

/* ---- network ---- */

static json_t *addresses_of(const json_t *nic)
{
	json_t *out = json_array();
	const json_t *a;
	size_t i;

	json_array_foreach (json_object_get(nic, "ip-addresses"), i, a) {
		const char *type = json_str_or(a, "ip-address-type", "ipv4");
		json_t *o = json_object();

		json_put_str(o, "address", json_str_or(a, "ip-address", ""));
		json_put_u64(o, "prefix", json_u64(a, "prefix", 0));
		json_put_u64(o, "family", strcmp(type, "ipv6") == 0 ? 6 : 4);
		json_array_append_new(out, o);
	}
	return out;
}

int pve_agent_interfaces(
	struct pve *p, unsigned vmid, json_t **out, struct err *e)
{
	_json_ json_t *data = NULL;
	json_t *rows;
	const json_t *nic;
	size_t i;

	if (ask(p, vmid, AGENT "network-get-interfaces", JSON_ARRAY, &data, e) <
		0)
		return err_in(
			e, "ask the agent in VM %u for its addresses", vmid);
	rows = json_array();
	json_array_foreach (data, i, nic) {
		json_t *o = json_object();

		json_put_str(o, "name", json_str_or(nic, "name", ""));
		json_put_str(o, "mac", json_str(nic, "hardware-address"));
		json_put(o, "addresses", addresses_of(nic));
		json_array_append_new(rows, o);
	}
	*out = rows;
	return 0;
}

/* ---- fstrim ---- */

int pve_agent_fstrim(struct pve *p, unsigned vmid, uint64_t *trimmed,
	json_t **paths, struct err *e)
{
	_json_ json_t *data = NULL;
	json_t *rows;
	const json_t *row;
	size_t i;

	if (pve_call(p, "POST", AGENT "fstrim", AT(vmid), NULL, &data, e) < 0)
		return err_in(e, "trim the file systems of VM %u", vmid);
	rows = json_array();
	*trimmed = 0;
	json_array_foreach (json_at(data, "result.paths"), i, row) {
		const char *error = json_str(row, "error");
		json_t *o = json_object();

		json_put_str(o, "path", json_str_or(row, "path", ""));
		json_put_str(o, "error", error);
		if (!error) {
			uint64_t n = json_u64(row, "trimmed", 0);

			json_put_u64(o, "trimmed", n);
			*trimmed += n;
		}
		json_array_append_new(rows, o);
	}
	if (paths)
		*paths = rows;
	else
		json_decref(rows);
	return 0;
}

/* ---- exec ---- */

static int exec_start(struct pve *p, unsigned vmid, const char *const argv[],
	uint64_t *pid, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;

	if (!argv[1] && !pve_has(p, PVE_AGENT_EXEC_ARRAY) &&
		strpbrk(argv[0], " \t,;"))
		return err_set(e, ERR_INTERNAL,
			"Proxmox VE %s would cut %s in pieces", p->version,
			argv[0]);
	for (size_t i = 0; argv[i]; i++)
		pve_param(&ps, "command", "%s", argv[i]);
	if (pve_call(p, "POST", AGENT "exec", AT(vmid), &ps, &data, e) < 0)
		return -1;
	*pid = json_u64(data, "pid", 0);
	if (*pid == 0)
		return err_set(e, ERR_PVE_SERVER,
			"the agent started %s but gave no process id", argv[0]);
	return 0;
}

/* 1: it has ended, *status is its last state; 0: it runs. */
static int exec_look(struct pve *p, unsigned vmid, uint64_t pid,
	json_t **status, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;

	pve_param(&ps, "pid", "%llu", (unsigned long long)pid);
	if (pve_get(p, AGENT "exec-status", AT(vmid), &ps, JSON_OBJECT, &data,
		    e) < 0)
		return -1;
	if (!json_flag(data, "exited", false))
		return 0;
	*status = data;
	data = NULL;
	return 1;
}

static int exec_wait(struct pve *p, unsigned vmid, uint64_t pid, double timeout,
	json_t **status, struct err *e)
{
	double end = now_mono() + timeout;
	unsigned pause = p->pause_ms / 4 + 1;

	for (;;) {
		int rc = exec_look(p, vmid, pid, status, e);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
		if (now_mono() > end)
			return err_set(e, ERR_TIMEOUT,
				"process %llu in the guest still runs after "
				"%.0f s",
				(unsigned long long)pid, timeout);
		if (stop_sleep(pause, e) < 0)
			return -1;
		pause = pause < 1000 ? pause * 2 : pause;
	}
}

int pve_agent_exec(struct pve *p, unsigned vmid, const char *const argv[],
	double timeout, int *exitcode, char **out, char **errs, struct err *e)
{
	_json_ json_t *s = NULL;
	uint64_t pid, sig;

	if (exec_start(p, vmid, argv, &pid, e) < 0 ||
		exec_wait(p, vmid, pid, timeout, &s, e) < 0)
		return err_in(e, "run %s in VM %u", argv[0], vmid);
	sig = json_u64(s, "signal", 0);
	*exitcode = sig ? 128 + sig : json_u64(s, "exitcode", 255);
	if (out)
		*out = xstrdup(json_str_or(s, "out-data", ""));
	if (errs)
		*errs = xstrdup(json_str_or(s, "err-data", ""));
	return 0;
}
