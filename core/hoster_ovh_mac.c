/*
 * OVHcloud's virtual MACs: which addresses share them, making and removing.
 * See hoster_ovh.h. Keeps true: only the link of one address is removed; the
 * MAC of others is never touched.
 */
#include "hoster_ovh.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int ovh_post(struct hoster_conn *c, const char *path, json_t *body,
	json_t **out, struct err *e)
{
	_free_ char *text = json_line(body);
	const struct hoster_req q = {.method = "POST",
		.path = path,
		.type = "application/json",
		.body = text};

	return hoster_call(c, &q, out, e);
}

/* What one MAC's addresses mean for the state. */
static void sort_mac(const char *mac, const json_t *ips, json_t *state)
{
	const char *unit = json_str_or(state, "unit", "");
	const char *address = json_str_or(state, "address", "");
	bool inside = false, mine = false;
	const json_t *v;
	size_t i;

	json_array_foreach (ips, i, v) {
		inside |= hoster_block_has(unit, hoster_name(v));
		mine |= strcmp(hoster_name(v), address) == 0;
	}
	if (mine)
		json_put_str(state, "mac", mac);
	json_array_foreach (ips, i, v) {
		const char *ip = hoster_name(v);

		if (inside && !hoster_block_has(unit, ip))
			hoster_add(state, "mac_shared", ip);
		else if (inside && strcmp(ip, address))
			hoster_add(state, "others", ip);
	}
}

/* 404 is an answer too: another product, a server without MACs, or a MAC
 * that has gone since it was listed (while its block moves). *out null. */
__attribute__((format(printf, 4, 5))) static int get_if_there(
	struct hoster_conn *c, json_t **out, struct err *e, const char *fmt,
	...)
{
	_free_ char *path = NULL;
	struct err own = {0};
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&path, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (hoster_get(c, out, &own, "%s", path) == 0 ||
		own.code == ERR_HOSTER_NOT_FOUND)
		return 0;
	if (e)
		*e = own;
	return -1;
}

int ovh_look_mac(struct hoster_conn *c, json_t *state, struct err *e)
{
	const char *server = json_str(state, "server");
	_json_ json_t *macs = NULL, *info = NULL;
	const json_t *m;
	size_t i;

	if (!server)
		return 0;
	if (get_if_there(
		    c, &macs, e, "/dedicated/server/%s/virtualMac", server))
		return -1;
	json_array_foreach (macs, i, m) {
		_json_ json_t *ips = NULL;

		if (!*hoster_name(m))
			continue;
		if (get_if_there(c, &ips, e,
			    "/dedicated/server/%s/virtualMac/%s/virtualAddress",
			    server, hoster_name(m)))
			return -1;
		sort_mac(hoster_name(m), ips, state);
	}
	if (!json_str(state, "mac"))
		return 0;
	if (get_if_there(c, &info, e, "/dedicated/server/%s/virtualMac/%s",
		    server, json_str(state, "mac")))
		return -1;
	json_put_str(state, "mac_type", json_str(info, "type"));
	if (!info)
		json_object_del(state, "mac");
	return 0;
}

int ovh_task_end(const json_t *task, bool *done, struct err *e)
{
	const char *status = json_str_or(task, "status", "");

	*done = strcmp(status, "done") == 0;
	if (strcmp(status, "cancelled") && strcmp(status, "customerError") &&
		strcmp(status, "ovhError"))
		return 0;
	return err_set(e, ERR_HOSTER_TASK, "task %s ended with %s: %s",
		json_str_or(task, "function", ""), status,
		json_str_or(task, "comment", "no comment"));
}

/* The task that a call on a server began, to its end. */
static int follow(struct hoster_conn *c, const char *server,
	const json_t *began, struct err *e)
{
	unsigned long long id = json_u64(began, "taskId", 0);
	double until = now_mono() + 900;

	while (id) {
		_json_ json_t *task = NULL;
		bool done;

		if (hoster_get(c, &task, e, "/dedicated/server/%s/task/%llu",
			    server, id) ||
			ovh_task_end(task, &done, e))
			return -1;
		if (done)
			return 0;
		if (now_mono() > until)
			return err_set(e, ERR_TIMEOUT,
				"task %llu on %s does not end", id, server);
		if (hoster_pause(c, e))
			return -1;
	}
	return 0;
}

int ovh_mac_add(struct hoster_conn *c, const json_t *state, const char *type,
	const char *name, struct err *e)
{
	const char *server = json_str_or(state, "server", "");
	_free_ char *path =
		xasprintf("/dedicated/server/%s/virtualMac", server);
	_json_ json_t *body = json_object(), *task = NULL;

	json_put_str(body, "ipAddress", json_str(state, "address"));
	json_put_str(body, "type", type);
	json_put_str(body, "virtualMachineName", name ? name : "vm");
	if (ovh_post(c, path, body, &task, e))
		return -1;
	return follow(c, server, task, e);
}

int ovh_mac_remove(struct hoster_conn *c, const json_t *state, struct err *e)
{
	const char *server = json_str_or(state, "server", "");
	_free_ char *path = xasprintf(
		"/dedicated/server/%s/virtualMac/%s/virtualAddress/%s", server,
		json_str_or(state, "mac", ""),
		json_str_or(state, "address", ""));
	const struct hoster_req q = {.method = "DELETE", .path = path};
	_json_ json_t *task = NULL;

	if (hoster_call(c, &q, &task, e))
		return -1;
	return follow(c, server, task, e);
}

int ovh_may_have_mac(struct hoster_conn *c, const json_t *state,
	const json_t *server, struct err *e)
{
	const json_t *shared = json_object_get(state, "mac_shared");
	_json_ json_t *net = NULL;

	if (json_array_size(shared)) {
		_free_ char *ips = json_join(shared);

		return err_set(e, ERR_HOSTER_MAC,
			"a virtual MAC of %s is also that of %s",
			json_str_or(state, "unit", "?"), ips);
	}
	if (!json_str(state, "mac") && !json_object_get(state, "others"))
		return 0;
	if (hoster_get(c, &net, e,
		    "/dedicated/server/%s/specifications/network",
		    json_str_or(server, "id", "")))
		return -1;
	if (json_flag(json_object_get(net, "vmac"), "supported", true))
		return 0;
	return err_set(e, ERR_HOSTER_MAC,
		"%s has no virtual MACs (routed setup only), and %s has one",
		json_str_or(server, "name", "?"),
		json_str_or(state, "unit", "?"));
}
