/*
 * dedibox.c - Scaleway Dedibox, the API of online.net: bearer token, forms,
 * failover addresses that take their time to move, their MACs.
 */
#include "hoster.h"

static json_t *failovers(void)
{
	return jo(state_of(&dedibox), "failover");
}

/* 401 without a known token; a token that may only read: 403. */
static int login(struct call *c)
{
	const char *a = c->header(c, "Authorization");
	const json_t *state = state_of(&dedibox);

	a = a && !strncmp(a, "Bearer ", 7) ? a + 7 : "";
	if (!strcmp(a, js(state, "token")))
		return 0;
	if (strcmp(a, js(state, "readonly")))
		call_fail(c, 401, "3", "invalid_token");
	else if (strcmp(c->method, "GET"))
		call_fail(c, 403, "4", "insufficient_scope");
	else
		return 0;
	return -1;
}

static json_t *error(unsigned status, const char *code, const char *text)
{
	long n = strtol(code, NULL, 10);

	return jp("{s:s,s:I}", "error", text, "code",
		(json_int_t)(n ? n : (long)status));
}

/* ---- servers ---- */

static void servers(struct call *c)
{
	json_t *list = json_array(), *s;
	const char *id;

	json_object_foreach (jo(state_of(&dedibox), "servers"), id, s) {
		auto_free char *ref = fmt("%s/server/%s", c->h->prefix, id);

		json_array_append_new(list, json_string(ref));
	}
	call_ok(c, list);
}

static const char *server_by_ip(const char *ip)
{
	const char *id;
	json_t *s;

	json_object_foreach (jo(state_of(&dedibox), "servers"), id, s)
		if (!strcmp(js(s, "ip"), ip))
			return id;
	return NULL;
}

static void server(struct call *c)
{
	const json_t *s =
		json_object_get(jo(state_of(&dedibox), "servers"), c->arg[0]);
	json_t *there, *f;
	const char *ip;

	if (!s) {
		call_fail(c, 404, "404", "Server not found");
		return;
	}
	there = json_array();
	json_object_foreach (failovers(), ip, f)
		if (js(f, "destination") &&
			!strcmp(js(f, "destination"), js(s, "ip")))
			json_array_append_new(there, json_string(ip));
	call_ok(c,
		jp("{s:I,s:s,s:{s:s},s:s,s:{s:[s],s:[],s:o},s:[{s:s,s:s}]}",
			"id", (json_int_t)strtol(c->arg[0], NULL, 10),
			"hostname", js(s, "hostname"), "os", "name",
			js(s, "os"), "power", "ON", "network", "ip",
			js(s, "ip"), "private", "ipfo", there, "ip", "address",
			js(s, "ip"), "type", "public"));
}

/* ---- failover addresses ---- */

static json_t *show(const char *ip, const json_t *f)
{
	const char *to = js(f, "destination");
	const char *id = to ? server_by_ip(to) : NULL;
	auto_free char *ref =
		id ? fmt("%s/server/%s", dedibox.prefix, id) : NULL;

	return jp("{s:s,s:s?,s:o,s:s?,s:s,s:{s:s,s:s}}", "source", ip,
		"destination", to, "server",
		ref ? jp("{s:s}", "$ref", ref) : json_null(), "mac",
		js(f, "mac"), "status",
		json_object_get(f, "until") ? "busy" : "active", "contacts",
		"owner", "lab", "tech", "lab");
}

static void failover_list(struct call *c)
{
	json_t *list = json_array(), *f;
	const char *ip;

	json_object_foreach (failovers(), ip, f)
		json_array_append_new(list, show(ip, f));
	call_ok(c, list);
}

/* The address of that name; null, and an error answered. */
static json_t *address_need(struct call *c, const char *ip)
{
	json_t *f = ip ? json_object_get(failovers(), ip) : NULL;

	if (!ip)
		call_fail(c, 400, "5", "Missing parameter address");
	else if (!f)
		call_fail(c, 404, "404", "Address not found: %s", ip);
	return f;
}

static json_t *address_free(struct call *c, const char *ip)
{
	json_t *f = address_need(c, ip);

	if (f && json_object_get(f, "until")) {
		call_fail(c, 409, "6", "An operation is in progress on %s", ip);
		return NULL;
	}
	return f;
}

static void failover(struct call *c)
{
	const json_t *f = address_need(c, c->arg[0]);

	if (f)
		call_ok(c, jp("[o]", show(c->arg[0], f)));
}

/* Addresses with the same MAC move only together. */
static bool whole(struct call *c, const json_t *sources)
{
	const char *ip, *other;
	json_t *v, *f;

	json_object_foreach ((json_t *)(uintptr_t)sources, ip, v) {
		const char *mac = js(address_need(c, ip), "mac");

		json_object_foreach (failovers(), other, f) {
			if (!mac || !js(f, "mac") ||
				strcmp(js(f, "mac"), mac) ||
				json_object_get(sources, other))
				continue;
			call_fail(c, 400, "7",
				"%s shares its MAC with %s: edit them together",
				ip, other);
			return false;
		}
	}
	return true;
}

/* Marks one address; what comes of it comes with time. */
static void set_out(const struct call *c, json_t *f, const char *to)
{
	ji_set(f, "until", now_ms() + state_delay());
	js_set(f, "to", *to ? to : NULL);
	json_object_set_new(f, "fails", json_boolean(c->failing));
	json_object_set_new(f, "stuck", json_boolean(c->stuck));
}

static json_t *sources_read(struct call *c, const char *list)
{
	auto_free char *copy = xstrdup(list);
	json_t *sources = json_object();
	char *save = NULL;

	for (char *ip = strtok_r(copy, ",", &save); ip;
		ip = strtok_r(NULL, ",", &save))
		if (address_free(c, ip))
			json_object_set_new(sources, ip, json_true());
	return sources;
}

static void edit(struct call *c)
{
	const char *list = call_arg(c, "source"), *ip;
	const char *to = call_arg(c, "destination");
	bool lose = fault_hit(c, "mac-lost", NULL);
	json_t *v;

	if (!list || !*list || !to) {
		call_fail(c, 400, "5", "Missing parameter source, destination");
		return;
	}
	auto_json json_t *sources = sources_read(c, list);

	if (*to && !server_by_ip(to))
		call_fail(c, 400, "8", "Invalid destination: %s", to);
	if (c->status || !whole(c, sources))
		return;
	json_object_foreach (sources, ip, v) {
		set_out(c, json_object_get(failovers(), ip), to);
		if (lose)
			json_object_del(
				json_object_get(failovers(), ip), "mac");
	}
	call_ok(c, json_true());
}

/* ---- MACs ---- */

static void mac_generate(struct call *c)
{
	static const char *const ouis[][2] = {{"vmware", "00:50:56"},
		{"xen", "00:16:3e"}, {"kvm", "52:54:00"}};
	const char *type = call_arg(c, "type"), *oui = NULL;
	json_t *f = address_free(c, call_arg(c, "address"));

	for (size_t i = 0; type && i < 3; i++)
		if (!strcmp(ouis[i][0], type))
			oui = ouis[i][1];
	if (f && js(f, "mac"))
		call_fail(c, 409, "9", "A MAC address is already set");
	else if (!oui)
		call_fail(c, 400, "5", "type is vmware, xen or kvm");
	if (c->status)
		return;
	auto_free char *mac = state_mac(oui);

	js_set(f, "mac", mac);
	js_set(f, "type", type);
	call_ok(c, json_string(mac));
}

static void mac_duplicate(struct call *c)
{
	json_t *from = address_free(c, call_arg(c, "address"));
	json_t *to = address_free(c, call_arg(c, "target"));

	if (from && !js(from, "mac"))
		call_fail(c, 404, "404", "No MAC address is set");
	if (to && js(to, "mac"))
		call_fail(c, 409, "9", "A MAC address is already set");
	if (c->status)
		return;
	js_set(to, "mac", js(from, "mac"));
	js_set(to, "type", js(from, "type"));
	call_ok(c, json_true());
}

static void mac_delete(struct call *c)
{
	json_t *f = address_free(c, call_arg(c, "address"));

	if (f && !js(f, "mac"))
		call_fail(c, 404, "404", "No MAC address is set");
	if (c->status)
		return;
	json_object_del(f, "mac");
	json_object_del(f, "type");
	call_ok(c, json_true());
}

/* ---- time, and the rest ---- */

static bool tick(json_t *state, int64_t now)
{
	bool changed = false;
	const char *ip;
	json_t *f;

	json_object_foreach (jo(state, "failover"), ip, f) {
		if (!json_object_get(f, "until") || now < ji(f, "until") ||
			jt(f, "stuck"))
			continue;
		if (!jt(f, "fails"))
			js_set(f, "destination", js(f, "to"));
		json_object_del(f, "until");
		json_object_del(f, "to");
		changed = true;
	}
	return changed;
}

static void each(const json_t *state,
	void (*at)(void *arg, const char *address, bool here, const char *mac,
		bool needs_mac),
	void *arg)
{
	const char *ip;
	json_t *f;

	json_object_foreach (jo(state, "failover"), ip, f) {
		const char *id = js(f, "destination")
			? server_by_ip(js(f, "destination"))
			: NULL;

		at(arg, ip,
			id &&
				jt(json_object_get(jo(state, "servers"), id),
					"node"),
			js(f, "mac"), true);
	}
}

static const char *gateway(const json_t *state)
{
	return js(state, "gateway");
}

static const struct route routes[] = {
	{"GET", "server", servers},
	{"GET", "server/failover", failover_list},
	{"GET", "server/failover/?", failover},
	{"POST", "server/failover/edit", edit},
	{"POST", "server/failover/generateMac", mac_generate},
	{"POST", "server/failover/duplicateMac", mac_duplicate},
	{"POST", "server/failover/deleteMac", mac_delete},
	{"GET", "server/?", server},
	{0},
};

static const struct refusal refusals[] = {
	{"unauthorized", 401, "3", "invalid_token"},
	{"forbidden", 403, "4", "insufficient_scope"},
	{"bad-input", 400, "5", "Address already deprovisioned"},
	{"not-found", 404, "404", "Address not found"},
	{"conflict", 409, "6", "An operation is in progress"},
	{"rate-limit", 429, "429", "Too many requests"},
	{"server-error", 500, "1", "Internal error"},
	{"maintenance", 503, "2", "Maintenance in progress"},
	{0},
};

const struct hoster dedibox = {
	.name = "dedibox",
	.prefix = "/api/v1",
	.port = 1,
	.routes = routes,
	.refusals = refusals,
	.login = login,
	.error = error,
	.tick = tick,
	.each = each,
	.gateway = gateway,
};
