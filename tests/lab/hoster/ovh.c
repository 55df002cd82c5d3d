/*
 * ovh.c - OVHcloud: servers, the table of calls, the form of its errors.
 */
#include "ovh.h"

json_t *ovh_server(struct call *c, const char *name)
{
	json_t *s = json_object_get(jo(state_of(&ovh), "servers"), name);

	if (!s)
		call_fail(c, 404, "NOT_FOUND",
			"The requested object (serviceName = %s) does not "
			"exist",
			name);
	return s;
}

static void servers(struct call *c)
{
	json_t *list = json_array(), *s;
	const char *k;

	json_object_foreach (jo(state_of(&ovh), "servers"), k, s)
		json_array_append_new(list, json_string(k));
	call_ok(c, list);
}

static void server(struct call *c)
{
	const json_t *s = ovh_server(c, c->arg[0]);

	if (s)
		call_ok(c,
			jp("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "name", c->arg[0],
				"ip", js(s, "ip"), "datacenter",
				js(s, "datacenter"), "region", js(s, "region"),
				"reverse", c->arg[0], "os", js(s, "os"),
				"state", "ok"));
}

static void network(struct call *c)
{
	const json_t *s = ovh_server(c, c->arg[0]);

	if (!s)
		return;
	auto_free char *net = fmt("%s/24", js(s, "ip"));

	call_ok(c,
		jp("{s:{s:{s:s,s:s,s:s},s:n},s:{s:b,s:I}}", "routing", "ipv4",
			"gateway", js(s, "gateway"), "ip", js(s, "ip"),
			"network", net, "ipv6", "vmac", "supported",
			jt(s, "vmac"), "quota", (json_int_t)ji(s, "quota")));
}

static void server_ips(struct call *c)
{
	const json_t *s = ovh_server(c, c->arg[0]);
	json_t *list, *b;
	const char *k;

	if (!s)
		return;
	list = json_array();
	json_object_foreach (jo(state_of(&ovh), "blocks"), k, b)
		if (js(b, "to") && !strcmp(js(b, "to"), c->arg[0]))
			json_array_append_new(list, json_string(k));
	call_ok(c, list);
}

static void server_tasks(struct call *c)
{
	if (ovh_server(c, c->arg[0]))
		call_ok(c, ovh_task_ids(c, "server", c->arg[0]));
}

static void server_task(struct call *c)
{
	const json_t *t = ovh_task_find("server", c->arg[0], c->arg[1]);

	if (t)
		call_ok(c, ovh_task_show(t));
	call_fail(c, 404, "NOT_FOUND", "This task does not exist");
}

static const char *status_text(unsigned status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 409:
		return "Conflict";
	case 429:
		return "Too Many Requests";
	case 460:
		return "Expired";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

static json_t *error(unsigned status, const char *code, const char *text)
{
	auto_free char *http = fmt("%u %s", status, status_text(status));

	return jp("{s:s,s:s,s:s}", "errorCode", code, "httpCode", http,
		"message", text);
}

/* The address's virtual MAC, where it is at the server it is routed to. */
static const char *mac_at(const char *address, const char *server)
{
	const char *mac = NULL;
	const json_t *m = ovh_mac_of(address, &mac);

	if (!m || !server || !js(m, "server") ||
		strcmp(js(m, "server"), server))
		return NULL;
	return mac;
}

/* Single addresses only: what the lab's guests use. */
static void each(const json_t *state,
	void (*at)(void *arg, const char *address, bool here, const char *mac,
		bool needs_mac),
	void *arg)
{
	const char *name;
	json_t *b;

	json_object_foreach (jo(state, "blocks"), name, b) {
		const json_t *s =
			json_object_get(jo(state, "servers"), js(b, "to"));
		auto_free char *address =
			fmt("%.*s", (int)strcspn(name, "/"), name);

		if (!strcmp(js(b, "type"), "failover") &&
			!strcmp(name + strlen(address), "/32"))
			at(arg, address, jt(s, "node"),
				mac_at(address, js(b, "to")), true);
	}
}

static const char *gateway(const json_t *state)
{
	const char *k;
	json_t *s;

	json_object_foreach (jo(state, "servers"), k, s)
		if (jt(s, "node"))
			return js(s, "gateway");
	return NULL;
}

#define SERVER "dedicated/server/?"
#define MAC SERVER "/virtualMac/?"
static const struct route routes[] = {
	{"GET", "auth/time", ovh_time},
	{"POST", "auth/credential", ovh_credential_ask},
	{"GET", "auth/validate", ovh_credential_validate},
	{"GET", "auth/currentCredential", ovh_credential_show},
	{"GET", "dedicated/server", servers},
	{"GET", SERVER, server},
	{"GET", SERVER "/specifications/network", network},
	{"GET", SERVER "/ips", server_ips},
	{"GET", SERVER "/task", server_tasks},
	{"GET", SERVER "/task/?", server_task},
	{"GET", SERVER "/virtualMac", ovh_macs},
	{"POST", SERVER "/virtualMac", ovh_mac_add},
	{"GET", MAC, ovh_mac},
	{"GET", MAC "/virtualAddress", ovh_mac_addresses},
	{"POST", MAC "/virtualAddress", ovh_mac_address_add},
	{"GET", MAC "/virtualAddress/?", ovh_mac_address},
	{"DELETE", MAC "/virtualAddress/?", ovh_mac_address_delete},
	{"GET", "ip", ovh_ips},
	{"GET", "ip/?", ovh_ip},
	{"GET", "ip/?/move", ovh_move_list},
	{"POST", "ip/?/move", ovh_move},
	{"GET", "ip/?/task", ovh_ip_tasks},
	{"GET", "ip/?/task/?", ovh_ip_task},
	{0},
};

static const struct refusal refusals[] = {
	{"unauthorized", 403, "NOT_CREDENTIAL",
		"This credential does not exist or is not valid"},
	{"forbidden", 403, "NOT_GRANTED_CALL",
		"This call has not been granted"},
	{"signature", 400, "INVALID_SIGNATURE", "Invalid signature"},
	{"bad-input", 400, "INVALID_ARGUMENT", "Invalid argument"},
	{"not-found", 404, "NOT_FOUND", "This service does not exist"},
	{"conflict", 409, "CONFLICT", "A task is already running on this IP"},
	{"expired", 460, "EXPIRED", "This service is expired"},
	{"rate-limit", 429, "QUOTA_EXCEEDED",
		"You have exceeded your request limit"},
	{"server-error", 500, "INTERNAL_ERROR", "Internal server error"},
	{"maintenance", 503, "MAINTENANCE",
		"This service is under maintenance"},
	{0},
};

const struct hoster ovh = {
	.name = "ovh",
	.prefix = "/1.0",
	.port = 0,
	.routes = routes,
	.refusals = refusals,
	.login = ovh_login,
	.error = error,
	.tick = ovh_tick,
	.each = each,
	.gateway = gateway,
};
