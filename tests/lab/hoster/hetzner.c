/*
 * hetzner.c - Hetzner Robot: Basic authentication, failover addresses that
 * answer after the switch, separate MACs, and so many calls an hour.
 *
 * The limits are not on the reference page (only that there are some): the
 * figures are those of Robot's documentation from memory.
 */
#include "hoster.h"

#define HOUR 3600000
#define BLOCKED_MS 600000 /* after three bad logins */

static json_t *part(const char *name)
{
	return jo(state_of(&hetzner), name);
}

static json_t *error(unsigned status, const char *code, const char *text)
{
	json_t *e = jp("{s:i,s:s,s:s}", "status", (int)status, "code", code,
		"message", text);

	if (!strcmp(code, "RATE_LIMIT_EXCEEDED")) {
		ji_set(e, "max_request", 50);
		ji_set(e, "interval", 3600);
	} else if (!strcmp(code, "INVALID_INPUT")) {
		json_object_set_new(e, "missing", json_null());
		json_object_set_new(e, "invalid", json_array());
	}
	return jp("{s:o}", "error", e);
}

/* ---- who, and how often ---- */

static bool limit_ok(struct call *c)
{
	static const struct {
		const char *method, *first;
		int max; /* an hour */
	} limits[] = {
		{"POST", "failover", 50},
		{"DELETE", "failover", 50},
		{"GET", "failover", 100},
		{"PUT", "ip", 10},
		{"GET", "server", 200},
	};
	json_t *calls = part("calls"), *seen;
	int64_t now = now_ms();

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (!c->segs || strcmp(limits[i].method, c->method) ||
			strcmp(limits[i].first, c->seg[0]))
			continue;
		auto_free char *key = fmt("%s %s", c->method, c->seg[0]);

		seen = json_object_get(calls, key);
		if (!seen || now - ji(seen, "from") > HOUR) {
			seen = jp("{s:I,s:i}", "from", (json_int_t)now, "n", 0);
			json_object_set_new(calls, key, seen);
		}
		ji_set(seen, "n", ji(seen, "n") + 1);
		if (ji(seen, "n") <= limits[i].max)
			return true;
		call_fail(c, 403, "RATE_LIMIT_EXCEEDED", "rate limit exceeded");
		ji_set(json_object_get(c->out, "error"), "max_request",
			limits[i].max);
		return false;
	}
	return true;
}

static int login(struct call *c)
{
	json_t *s = state_of(&hetzner);
	int64_t now = now_ms();

	if (ji(s, "blocked_until") > now) {
		call_fail(c, 403, "BLOCKED",
			"too many failed logins: your IP is blocked");
		return -1;
	}
	if (c->user && c->password && !strcmp(c->user, js(s, "user")) &&
		!strcmp(c->password, js(s, "password"))) {
		ji_set(s, "bad", 0);
		return limit_ok(c) ? 0 : -1;
	}
	ji_set(s, "bad", ji(s, "bad") + 1);
	if (ji(s, "bad") >= 3) {
		ji_set(s, "bad", 0);
		ji_set(s, "blocked_until", now + BLOCKED_MS);
	}
	call_fail(c, 401, "UNAUTHORIZED", "unauthorized");
	return -1;
}

/* ---- servers ---- */

static json_t *server_show(const char *id, const json_t *s)
{
	json_t *ips = jp("[s]", js(s, "ip")), *i;
	const char *ip;

	json_object_foreach (part("ips"), ip, i)
		if (!strcmp(js(i, "server"), id))
			json_array_append_new(ips, json_string(ip));
	return jp("{s:{s:s,s:I,s:s,s:s,s:s,s:s,s:o,s:[]}}", "server",
		"server_ip", js(s, "ip"), "server_number",
		(json_int_t)strtol(id, NULL, 10), "server_name", js(s, "name"),
		"product", "AX41", "dc", js(s, "dc"), "status", "ready", "ip",
		ips, "subnet");
}

static void servers(struct call *c)
{
	json_t *list = json_array(), *s;
	const char *id;

	json_object_foreach (part("servers"), id, s)
		json_array_append_new(list, server_show(id, s));
	call_ok(c, list);
}

static void server(struct call *c)
{
	const json_t *s = json_object_get(part("servers"), c->arg[0]);

	if (s)
		call_ok(c, server_show(c->arg[0], s));
	call_fail(c, 404, "SERVER_NOT_FOUND", "server not found");
}

static const char *server_by_ip(const char *ip)
{
	const char *id;
	json_t *s;

	json_object_foreach (part("servers"), id, s)
		if (!strcmp(js(s, "ip"), ip))
			return id;
	return NULL;
}

static const char *ip_of(const char *server)
{
	return js(json_object_get(part("servers"), server), "ip");
}

/* ---- additional addresses and their MACs ---- */

static json_t *ip_show(const char *ip, const json_t *i)
{
	const char *id = js(i, "server");

	return jp("{s:{s:s,s:s,s:I,s:b,s:s?,s:b,s:s,s:I,s:s}}", "ip", "ip", ip,
		"server_ip", ip_of(id), "server_number",
		(json_int_t)strtol(id, NULL, 10), "locked", false,
		"separate_mac", js(i, "mac"), "traffic_warnings", false,
		"gateway", js(i, "gateway"), "mask", (json_int_t)ji(i, "mask"),
		"broadcast", js(i, "broadcast"));
}

static void ips(struct call *c)
{
	const char *of = js(c->query, "server_ip"), *ip;
	json_t *list = json_array(), *i;

	json_object_foreach (part("ips"), ip, i)
		if (!of || !strcmp(of, ip_of(js(i, "server"))))
			json_array_append_new(list, ip_show(ip, i));
	call_ok(c, list);
	if (!json_array_size(list)) {
		c->status = 0;
		json_decref(c->out);
		call_fail(c, 404, "NOT_FOUND", "No IP found");
	}
}

static json_t *ip_need(struct call *c)
{
	json_t *i = json_object_get(part("ips"), c->arg[0]);

	if (!i)
		call_fail(c, 404, "IP_NOT_FOUND", "ip not found");
	return i;
}

static void ip(struct call *c)
{
	const json_t *i = ip_need(c);

	if (i)
		call_ok(c, ip_show(c->arg[0], i));
}

static void mac_answer(struct call *c, const char *mac)
{
	call_ok(c, jp("{s:{s:s,s:s?}}", "mac", "ip", c->arg[0], "mac", mac));
}

static void mac_get(struct call *c)
{
	const json_t *i = ip_need(c);

	if (i && !js(i, "mac"))
		call_fail(c, 404, "MAC_NOT_FOUND", "mac not found");
	else if (i)
		mac_answer(c, js(i, "mac"));
}

static void mac_put(struct call *c)
{
	json_t *i = ip_need(c);

	if (i && js(i, "mac"))
		call_fail(c, 409, "MAC_ALREADY_SET", "mac already set");
	if (c->failing)
		call_fail(c, 500, "MAC_FAILED", "mac could not be set");
	if (c->status)
		return;
	auto_free char *mac = state_mac("00:50:56");

	js_set(i, "mac", mac);
	mac_answer(c, mac);
}

static void mac_delete(struct call *c)
{
	json_t *i = ip_need(c);

	if (i && !js(i, "mac"))
		call_fail(c, 404, "MAC_NOT_FOUND", "mac not found");
	if (c->status)
		return;
	js_set(i, "mac", NULL);
	mac_answer(c, NULL);
}

/* ---- failover ---- */

static json_t *failover_show(
	const char *ip, const json_t *f, const char *active)
{
	const char *id = js(f, "owner");

	return jp("{s:{s:s,s:s,s:s,s:I,s:s?}}", "failover", "ip", ip, "netmask",
		"255.255.255.255", "server_ip", ip_of(id), "server_number",
		(json_int_t)strtol(id, NULL, 10), "active_server_ip", active);
}

static void failover_list(struct call *c)
{
	json_t *list = json_array(), *f;
	const char *ip;

	json_object_foreach (part("failover"), ip, f)
		json_array_append_new(
			list, failover_show(ip, f, js(f, "active")));
	call_ok(c, list);
}

static json_t *failover_need(struct call *c)
{
	json_t *f = json_object_get(part("failover"), c->arg[0]);

	if (!f)
		call_fail(c, 404, "NOT_FOUND", "failover ip not found");
	return f;
}

static void failover(struct call *c)
{
	const json_t *f = failover_need(c);

	if (f)
		call_ok(c, failover_show(c->arg[0], f, js(f, "active")));
}

/* The answer comes when the switch is over; until then the IP is locked. */
static void route(struct call *c, json_t *f, const char *to)
{
	if (json_object_get(f, "until"))
		call_fail(c, 409, "FAILOVER_LOCKED",
			"The failover ip can not be set up due to an active "
			"lock.");
	if (c->status)
		return;
	ji_set(f, "until", now_ms() + state_delay());
	js_set(f, "to", to);
	json_object_set_new(f, "fails", json_boolean(c->failing));
	json_object_set_new(f, "stuck", json_boolean(c->stuck));
	c->wait_ms = state_delay();
	if (c->stuck)
		call_fail(c, 500, "FAILOVER_NOT_COMPLETE",
			"The failover ip could not be set up completely");
	else if (c->failing)
		call_fail(c, 500, "FAILOVER_FAILED",
			"The failover ip could not be set up");
	else
		call_ok(c, failover_show(c->arg[0], f, to));
}

static void failover_set(struct call *c)
{
	const char *to = call_arg(c, "active_server_ip");
	json_t *f = failover_need(c);

	if (!f)
		return;
	if (!to) {
		call_fail(c, 400, "INVALID_INPUT", "invalid input");
		json_object_set_new(json_object_get(c->out, "error"), "missing",
			jp("[s]", "active_server_ip"));
	} else if (!server_by_ip(to)) {
		call_fail(c, 404, "FAILOVER_NEW_SERVER_NOT_FOUND",
			"The new server %s was not found", to);
	} else if (js(f, "active") && !strcmp(js(f, "active"), to)) {
		call_fail(c, 409, "FAILOVER_ALREADY_ROUTED",
			"The failover ip is already routed to the selected "
			"server");
	} else {
		route(c, f, to);
	}
}

static void failover_unset(struct call *c)
{
	json_t *f = failover_need(c);

	if (f)
		route(c, f, NULL);
}

/* ---- time, and the rest ---- */

static bool tick(json_t *state, int64_t now)
{
	bool changed = false;
	const char *address;
	json_t *f;

	json_object_foreach (jo(state, "failover"), address, f) {
		if (!json_object_get(f, "until") || now < ji(f, "until") ||
			jt(f, "stuck"))
			continue;
		if (!jt(f, "fails"))
			js_set(f, "active", js(f, "to"));
		json_object_del(f, "until");
		json_object_del(f, "to");
		changed = true;
	}
	return changed;
}

static bool is_node(const json_t *state, const char *server)
{
	return server &&
		jt(json_object_get(jo(state, "servers"), server), "node");
}

/* Failover addresses are routed to the server: no MAC of theirs counts. */
static void each(const json_t *state,
	void (*at)(void *arg, const char *address, bool here, const char *mac,
		bool needs_mac),
	void *arg)
{
	const char *address;
	json_t *f;

	json_object_foreach (jo(state, "failover"), address, f)
		at(arg, address,
			js(f, "active") &&
				is_node(state, server_by_ip(js(f, "active"))),
			NULL, false);
	json_object_foreach (jo(state, "ips"), address, f)
		at(arg, address, is_node(state, js(f, "server")), js(f, "mac"),
			true);
}

static const char *gateway(const json_t *state)
{
	const char *id;
	json_t *s;

	json_object_foreach (jo(state, "servers"), id, s)
		if (jt(s, "node"))
			return js(s, "ip");
	return NULL;
}

static const struct route routes[] = {
	{"GET", "server", servers},
	{"GET", "server/?", server},
	{"GET", "ip", ips},
	{"GET", "ip/?", ip},
	{"GET", "ip/?/mac", mac_get},
	{"PUT", "ip/?/mac", mac_put},
	{"DELETE", "ip/?/mac", mac_delete},
	{"GET", "failover", failover_list},
	{"GET", "failover/?", failover},
	{"POST", "failover/?", failover_set},
	{"DELETE", "failover/?", failover_unset},
	{0},
};

static const struct refusal refusals[] = {
	{"unauthorized", 401, "UNAUTHORIZED", "unauthorized"},
	{"forbidden", 403, "FORBIDDEN", "forbidden"},
	{"bad-input", 400, "INVALID_INPUT", "invalid input"},
	{"not-found", 404, "NOT_FOUND", "not found"},
	{"conflict", 409, "FAILOVER_LOCKED",
		"The failover ip can not be set up due to an active lock."},
	{"rate-limit", 403, "RATE_LIMIT_EXCEEDED", "rate limit exceeded"},
	{"server-error", 500, "INTERNAL_ERROR", "internal error"},
	{"maintenance", 503, "MAINTENANCE", "maintenance"},
	{0},
};

const struct hoster hetzner = {
	.name = "hetzner",
	.prefix = "",
	.port = 2,
	.routes = routes,
	.refusals = refusals,
	.login = login,
	.error = error,
	.tick = tick,
	.each = each,
	.gateway = gateway,
};
