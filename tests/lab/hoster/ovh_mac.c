/*
 * ovh_mac.c - virtual MACs: made and deleted by tasks, carried along when
 * their block moves, gone for ever with their last address.
 */
#include "ovh.h"

static json_t *macs(void)
{
	return jo(state_of(&ovh), "macs");
}

static bool is_at(const json_t *mac, const char *server)
{
	return js(mac, "server") && !strcmp(js(mac, "server"), server);
}

json_t *ovh_mac_of(const char *address, const char **mac)
{
	const char *k;
	json_t *m;

	json_object_foreach (macs(), k, m)
		if (json_object_get(jo(m, "addresses"), address)) {
			*mac = k;
			return m;
		}
	return NULL;
}

/* How many of the MAC's addresses are in the block. */
static size_t inside(const json_t *mac, const char *block)
{
	const char *address;
	size_t n = 0;
	json_t *v;

	json_object_foreach (jo(mac, "addresses"), address, v)
		n += ovh_in_block(address, block);
	return n;
}

const char *ovh_mac_shared(const char *block)
{
	const char *k;
	json_t *m;

	json_object_foreach (macs(), k, m) {
		size_t n = inside(m, block);

		if (n && n < json_object_size(jo(m, "addresses")))
			return k;
	}
	return NULL;
}

void ovh_macs_follow(const char *block, const char *to, bool lose)
{
	const json_t *server =
		to ? json_object_get(jo(state_of(&ovh), "servers"), to) : NULL;
	const char *k;
	void *tmp;
	json_t *m;

	json_object_foreach_safe(macs(), tmp, k, m)
	{
		if (!inside(m, block))
			continue;
		if (to && (lose || !jt(server, "vmac")))
			json_object_del(macs(), k);
		else
			js_set(m, "server", to);
	}
}

void ovh_macs(struct call *c)
{
	json_t *list, *m;
	const char *k;

	if (!ovh_server(c, c->arg[0]))
		return;
	list = json_array();
	json_object_foreach (macs(), k, m)
		if (is_at(m, c->arg[0]))
			json_array_append_new(list, json_string(k));
	call_ok(c, list);
}

/* The MAC named in the path at its server; null, and 404 answered. */
static json_t *mac_need(struct call *c)
{
	json_t *m = ovh_server(c, c->arg[0])
		? json_object_get(macs(), c->arg[1])
		: NULL;

	if (m && is_at(m, c->arg[0]))
		return m;
	call_fail(c, 404, "NOT_FOUND", "The virtual MAC %s does not exist",
		c->arg[1]);
	return NULL;
}

void ovh_mac(struct call *c)
{
	const json_t *m = mac_need(c);

	if (m)
		call_ok(c,
			jp("{s:s,s:s}", "macAddress", c->arg[1], "type",
				js(m, "type")));
}

static size_t count_at(const char *server)
{
	const char *k;
	size_t n = 0;
	json_t *m;

	json_object_foreach (macs(), k, m)
		n += is_at(m, server);
	return n;
}

/* May this address get a MAC at this server? */
static bool address_ok(struct call *c, const char *address)
{
	const char *name = NULL, *mac;
	const json_t *server = ovh_server(c, c->arg[0]);
	const json_t *block = address ? ovh_block_of(address, &name) : NULL;

	if (!server)
		return false;
	if (!jt(server, "vmac"))
		call_fail(c, 400, "INVALID_ARGUMENT",
			"Virtual MACs are not supported on this server");
	else if (!block || !js(block, "to") ||
		strcmp(js(block, "to"), c->arg[0]) ||
		strcmp(js(block, "type"), "failover"))
		call_fail(c, 400, "INVALID_ARGUMENT",
			"IP %s is not routed to this server",
			address ? address : "(none)");
	else if (ovh_task_busy(name))
		call_fail(c, 409, "CONFLICT",
			"A task is already running on this IP");
	else if (ovh_mac_of(address, &mac))
		call_fail(c, 409, "CONFLICT", "IP %s has a virtual MAC already",
			address);
	else if (!call_arg(c, "virtualMachineName"))
		call_fail(c, 400, "INVALID_ARGUMENT",
			"Missing parameter virtualMachineName");
	return !c->status;
}

static json_t *add_task(struct call *c, const char *address)
{
	json_t *t = ovh_task_new(c, "server", c->arg[0], "virtualMacAdd");

	js_set(t, "ip", address);
	js_set(t, "name", call_arg(c, "virtualMachineName"));
	return t;
}

void ovh_mac_add(struct call *c)
{
	const char *address = call_arg(c, "ipAddress");
	const char *type = call_arg(c, "type");
	json_t *t;

	if (!address_ok(c, address))
		return;
	if (!type || (strcmp(type, "ovh") && strcmp(type, "vmware"))) {
		call_fail(c, 400, "INVALID_ARGUMENT",
			"type is \"ovh\" or \"vmware\"");
		return;
	}
	if (count_at(c->arg[0]) >=
		(size_t)ji(ovh_server(c, c->arg[0]), "quota")) {
		call_fail(c, 400, "QUOTA", "No virtual MAC is left");
		return;
	}
	auto_free char *mac =
		state_mac(strcmp(type, "ovh") ? "00:50:56" : "02:00:00");

	t = add_task(c, address);
	js_set(t, "mac", mac);
	js_set(t, "type", type);
	call_ok(c, ovh_task_show(t));
}

void ovh_mac_addresses(struct call *c)
{
	const json_t *m = mac_need(c);
	json_t *list, *v;
	const char *k;

	if (!m)
		return;
	list = json_array();
	json_object_foreach (jo(m, "addresses"), k, v)
		json_array_append_new(list, json_string(k));
	call_ok(c, list);
}

void ovh_mac_address(struct call *c)
{
	const json_t *m = mac_need(c);
	const char *name = m ? js(jo(m, "addresses"), c->arg[2]) : NULL;

	if (name)
		call_ok(c,
			jp("{s:s,s:s}", "ipAddress", c->arg[2],
				"virtualMachineName", name));
	call_fail(c, 404, "NOT_FOUND", "This address does not exist");
}

void ovh_mac_address_add(struct call *c)
{
	const char *address = call_arg(c, "ipAddress");
	json_t *t;

	if (!mac_need(c) || !address_ok(c, address))
		return;
	t = add_task(c, address);
	js_set(t, "mac", c->arg[1]);
	call_ok(c, ovh_task_show(t));
}

void ovh_mac_address_delete(struct call *c)
{
	const json_t *m = mac_need(c);
	json_t *t;

	if (!m)
		return;
	if (!json_object_get(jo(m, "addresses"), c->arg[2])) {
		call_fail(c, 404, "NOT_FOUND", "This address does not exist");
		return;
	}
	auto_free char *block = fmt("%s/32", c->arg[2]);

	if (ovh_task_busy(block)) {
		call_fail(c, 409, "CONFLICT",
			"A task is already running on this IP");
		return;
	}
	t = ovh_task_new(c, "server", c->arg[0], "virtualMacDelete");
	js_set(t, "ip", c->arg[2]);
	js_set(t, "mac", c->arg[1]);
	call_ok(c, ovh_task_show(t));
}

void ovh_mac_done(const json_t *task)
{
	const char *mac = js(task, "mac"), *ip = js(task, "ip");
	json_t *m = json_object_get(macs(), mac);

	if (!strcmp(js(task, "function"), "virtualMacAdd")) {
		if (!m) {
			m = jp("{s:s,s:s,s:{}}", "type", js(task, "type"),
				"server", js(task, "on"), "addresses");
			json_object_set_new(macs(), mac, m);
		}
		js_set(jo(m, "addresses"), ip, js(task, "name"));
	} else if (m) {
		json_object_del(jo(m, "addresses"), ip);
		if (!json_object_size(jo(m, "addresses")))
			json_object_del(macs(), mac);
	}
}
