/*
 * ovh_ip.c - blocks of additional addresses, and where they are routed to.
 */
#include "ovh.h"

#include <arpa/inet.h>
#include <stdio.h>

static json_t *blocks(void)
{
	return jo(state_of(&ovh), "blocks");
}

bool ovh_in_block(const char *address, const char *block)
{
	char net[32];
	struct in_addr a, n;
	unsigned bits = 33;
	uint32_t mask;

	if (sscanf(block, "%31[0-9.]/%u", net, &bits) != 2 || bits > 32 ||
		inet_pton(AF_INET, net, &n) != 1 ||
		inet_pton(AF_INET, address, &a) != 1)
		return false;
	mask = bits ? ~0u << (32 - bits) : 0;
	return ((ntohl(a.s_addr) ^ ntohl(n.s_addr)) & mask) == 0;
}

json_t *ovh_block_of(const char *address, const char **name)
{
	const char *k;
	json_t *b;

	json_object_foreach (blocks(), k, b)
		if (ovh_in_block(address, k)) {
			*name = k;
			return b;
		}
	return NULL;
}

/* The block named in the path; null, and 404 answered. */
static json_t *block_need(struct call *c)
{
	json_t *b = json_object_get(blocks(), c->arg[0]);

	if (!b)
		call_fail(c, 404, "NOT_FOUND",
			"The requested object (ip = %s) does not exist",
			c->arg[0]);
	return b;
}

void ovh_ips(struct call *c)
{
	const char *type = js(c->query, "type"), *k;
	const char *to = js(c->query, "routedTo.serviceName");
	const char *ip = js(c->query, "ip");
	json_t *list = json_array(), *b;

	json_object_foreach (blocks(), k, b)
		if ((!type || !strcmp(type, js(b, "type"))) &&
			(!to || (js(b, "to") && !strcmp(to, js(b, "to")))) &&
			(!ip || !strcmp(ip, k)))
			json_array_append_new(list, json_string(k));
	call_ok(c, list);
}

void ovh_ip(struct call *c)
{
	const json_t *b = block_need(c);
	bool additional = b && !strcmp(js(b, "type"), "failover");
	const json_t *s;

	if (!b)
		return;
	s = json_object_get(jo(state_of(&ovh), "servers"), js(b, "to"));
	call_ok(c,
		jp("{s:s,s:s,s:o,s:b,s:s,s:s?,s:n,s:i,s:b}", "ip", c->arg[0],
			"type", js(b, "type"), "routedTo",
			jp("{s:s?}", "serviceName", js(b, "to")),
			"canBeTerminated", additional, "country", "fr",
			"campus", js(s, "region"), "description", "version", 4,
			"isAdditionalIp", additional));
}

/* A server of the same zone, or a vRack; not where it is. */
static bool may_go(const json_t *block, const char *to)
{
	const json_t *servers = jo(state_of(&ovh), "servers");
	const json_t *from = json_object_get(servers, js(block, "to"));
	const json_t *dest = json_object_get(servers, to);

	if (js(block, "to") && !strcmp(js(block, "to"), to))
		return false;
	if (json_object_get(jo(state_of(&ovh), "vracks"), to))
		return true;
	return dest && (!from || !strcmp(js(from, "zone"), js(dest, "zone")));
}

void ovh_move_list(struct call *c)
{
	const json_t *block = block_need(c);
	json_t *servers = json_array(), *vracks = json_array(), *v;
	json_t *all[] = {servers, vracks};
	const char *const kinds[] = {"servers", "vracks"};
	const char *k;

	for (int i = 0; block && i < 2; i++)
		json_object_foreach (jo(state_of(&ovh), kinds[i]), k, v)
			if (may_go(block, k))
				json_array_append_new(all[i],
					jp("{s:s,s:[]}", "service", k,
						"nexthop"));
	call_ok(c,
		jp("{s:o,s:o,s:[],s:[],s:[],s:[]}", "dedicatedServer", servers,
			"vrack", vracks, "vps", "cloudProject",
			"dedicatedCloud", "ipLoadbalancing"));
}

static bool move_allowed(struct call *c, const json_t *block, const char *to)
{
	const char *name = c->arg[0], *mac = ovh_mac_shared(name);

	if (strcmp(js(block, "type"), "failover"))
		call_fail(c, 400, "INVALID_ARGUMENT",
			"This IP is not an additional IP: it cannot be moved");
	else if (ovh_task_busy(name))
		call_fail(c, 409, "CONFLICT",
			"A task is already running on this IP");
	else if (!to || !json_is_null(json_object_get(c->params, "nexthop")))
		call_fail(c, 400, "INVALID_ARGUMENT",
			"Missing parameter to, or nexthop is not null");
	else if (!may_go(block, to))
		call_fail(c, 400, "INVALID_ARGUMENT",
			"IP %s cannot be moved to %s", name, to);
	else if (mac)
		call_fail(c, 409, "CONFLICT",
			"The virtual MAC %s is used by IPs outside of %s", mac,
			name);
	return !c->status;
}

void ovh_move(struct call *c)
{
	const json_t *block = block_need(c);
	const char *to = call_arg(c, "to");
	json_t *t;

	if (!block || !move_allowed(c, block, to))
		return;
	t = ovh_task_new(c, "ip", c->arg[0], "genericMoveFloatingIp");
	js_set(t, "to", to);
	json_object_set_new(
		t, "loses", json_boolean(fault_hit(c, "mac-lost", NULL)));
	call_ok(c, ovh_task_show(t));
}

void ovh_ip_tasks(struct call *c)
{
	if (block_need(c))
		call_ok(c, ovh_task_ids(c, "ip", c->arg[0]));
}

void ovh_ip_task(struct call *c)
{
	const json_t *t = block_need(c)
		? ovh_task_find("ip", c->arg[0], c->arg[1])
		: NULL;

	if (t)
		call_ok(c, ovh_task_show(t));
	call_fail(c, 404, "NOT_FOUND", "This task does not exist");
}
