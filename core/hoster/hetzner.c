/*
 * Hetzner Robot: failover addresses, routed to a server's main address; and
 * the separate MACs of ordinary additional addresses, which never move.
 * HTTP Basic, forms, JSON (../shared/reference/hosters.md, 3).
 *
 * Keeps true: a failover address never gets a virtual MAC, so its guest is
 * routed through the node; a login is tried once (three bad ones block the
 * node's address).
 */
#include "../hoster.h"
#include "../i18n.h"

#include <stdlib.h>
#include <string.h>

#include "../digest.h"
#include "../guest/addr.h"

#define FORM "application/x-www-form-urlencoded"
/* The answer to a switch comes when it is done. */
#define SWITCH_TIMEOUT 200

static int detect(const json_t *machine)
{
	static const char *const dns[] = {"185.12.64.1", "185.12.64.2",
		"213.133.98.98", "213.133.99.99", "213.133.100.100", NULL};
	static const char *const names[] = {".your-server.de", NULL};

	return hoster_signs(machine, dns, names);
}

static int headers(struct hoster_conn *c, const char *method, const char *url,
	const char *body, struct buf *lines, struct err *e)
{
	const char *user = hoster_secret(c, "hoster.user");
	const char *password = hoster_secret(c, "hoster.password");
	_wipe_ char *both = NULL, *coded = NULL;

	(void)method, (void)url, (void)body;
	if (!user || !password)
		return err_set(e, ERR_SECRET_MISSING,
			"hoster.user and hoster.password");
	both = xasprintf("%s:%s", user, password);
	coded = base64_encode(both, strlen(both));
	buf_addf(lines, "Authorization: Basic %s\n", coded);
	return 0;
}

static void words_of(const json_t *body, const char **word, const char **text)
{
	const json_t *o = json_object_get(body, "error");

	*word = json_str_or(o, "code", *word);
	*text = json_str_or(o, "message", *text);
}

static const struct hoster_word words[] = {
	{"RATE_LIMIT_EXCEEDED", ERR_HOSTER_RATE},
	{"FAILOVER_LOCKED", ERR_HOSTER_BUSY},
	{"FAILOVER_NEW_SERVER_NOT_FOUND", ERR_HOSTER_TARGET},
	/* It may be half done: the state tells. */
	{"FAILOVER_NOT_COMPLETE", ERR_HOSTER_UNSURE},
	{"FAILOVER_FAILED", ERR_HOSTER_TASK},
	{"MAC_ALREADY_SET", ERR_HOSTER_BUSY},
	{"MAC_NOT_AVAILABLE", ERR_HOSTER_MAC},
	{"MAC_FAILED", ERR_HOSTER_MAC},
	{NULL, ERR_NONE},
};

static int servers(struct hoster_conn *c, json_t *list, struct err *e)
{
	_json_ json_t *all = NULL;
	const json_t *row;
	size_t i;

	if (hoster_get(c, &all, e, "/server"))
		return -1;
	json_array_foreach (all, i, row) {
		const json_t *s = json_object_get(row, "server");
		json_t *o = json_object();
		char id[24];

		snprintf(id, sizeof(id), "%u",
			(unsigned)json_u64(s, "server_number", 0));
		json_put_str(o, "id", id);
		json_put_str(o, "name", json_str_or(s, "server_name", id));
		json_put_str(o, "ip", json_str(s, "server_ip"));
		json_put_str(o, "where", json_str(s, "dc"));
		json_put_str(o, "state", json_str(s, "status"));
		json_array_append_new(list, o);
	}
	return 0;
}

static int list_failover(struct hoster_conn *c, json_t *list, struct err *e)
{
	_json_ json_t *all = NULL;
	const json_t *row;
	size_t i;

	/* No failover address at all is a 404. */
	if (hoster_get(c, &all, e, "/failover"))
		return e->code == ERR_HOSTER_NOT_FOUND ? 0 : -1;
	json_array_foreach (all, i, row) {
		const json_t *f = json_object_get(row, "failover");
		json_t *o = json_object();

		json_put_str(o, "address", json_str(f, "ip"));
		json_put_bool(o, "movable", true);
		json_put_str(o, "server_ip", json_str(f, "active_server_ip"));
		json_array_append_new(list, o);
	}
	return 0;
}

static int addresses(struct hoster_conn *c, json_t *list, struct err *e)
{
	_json_ json_t *all = NULL;
	struct err own = {0};
	const json_t *row;
	size_t i;

	if (list_failover(c, list, &own) || hoster_get(c, &all, &own, "/ip")) {
		if (own.code == ERR_HOSTER_NOT_FOUND)
			return 0;
		if (e)
			*e = own;
		return -1;
	}
	json_array_foreach (all, i, row) {
		const json_t *ip = json_object_get(row, "ip");
		json_t *o = json_object();

		json_put_str(o, "address", json_str(ip, "ip"));
		json_put_bool(o, "movable", false);
		json_put_str(o, "server_ip", json_str(ip, "server_ip"));
		json_put_str(o, "mac", json_str(ip, "separate_mac"));
		json_array_append_new(list, o);
	}
	return 0;
}

/* An ordinary additional address: bound, with a network of its own. */
static int look_bound(struct hoster_conn *c, const char *address, json_t *state,
	struct err *e)
{
	_json_ json_t *r = NULL;
	const json_t *ip;
	char id[24];

	if (hoster_get(c, &r, e, "/ip/%s", address))
		return -1;
	ip = json_object_get(r, "ip");
	snprintf(id, sizeof(id), "%u",
		(unsigned)json_u64(ip, "server_number", 0));
	json_put_str(state, "unit", address);
	json_put_bool(state, "movable", false);
	json_put_str(state, "server", id);
	json_put_str(state, "server_ip", json_str(ip, "server_ip"));
	json_put_str(state, "mac", json_str(ip, "separate_mac"));
	json_put_str(state, "gateway", json_str(ip, "gateway"));
	json_put_u64(state, "mask", json_u64(ip, "mask", 0));
	return 0;
}

static int look(struct hoster_conn *c, const char *address, json_t *state,
	struct err *e)
{
	_json_ json_t *r = NULL;
	struct err own = {0};
	const json_t *f;

	if (hoster_get(c, &r, &own, "/failover/%s", address)) {
		if (own.code == ERR_HOSTER_NOT_FOUND)
			return look_bound(c, address, state, e);
		if (e)
			*e = own;
		return -1;
	}
	f = json_object_get(r, "failover");
	json_put_str(state, "unit", address);
	/* server_number is the server it was ordered for, not the one it
	 * points to. */
	json_put_str(state, "server_ip", json_str(f, "active_server_ip"));
	return 0;
}

static int may_move(struct hoster_conn *c, const json_t *state,
	const json_t *server, struct err *e)
{
	(void)c, (void)state;
	if (json_str(server, "ip"))
		return 0;
	return err_set(e, ERR_HOSTER_TARGET,
		"server %s has no IPv4 main address",
		json_str_or(server, "name", "?"));
}

static int move(struct hoster_conn *c, const json_t *state,
	const json_t *server, char **task, struct err *e)
{
	_free_ char *path =
		xasprintf("/failover/%s", json_str_or(state, "address", ""));
	_free_ char *form =
		xasprintf("active_server_ip=%s", json_str_or(server, "ip", ""));
	const struct hoster_req q = {.method = "POST",
		.path = path,
		.type = FORM,
		.body = form,
		.timeout = SWITCH_TIMEOUT};
	struct err own = {0};

	(void)task;
	if (hoster_call(c, &q, NULL, &own) == 0 ||
		strcmp(hoster_word(c), "FAILOVER_ALREADY_ROUTED") == 0)
		return 0;
	if (e)
		*e = own;
	return -1;
}

static int mac_write(struct hoster_conn *c, const char *method,
	const json_t *state, struct err *e)
{
	_free_ char *path =
		xasprintf("/ip/%s/mac", json_str_or(state, "address", ""));
	const struct hoster_req q = {
		.method = method, .path = path, .type = FORM, .body = ""};

	if (json_flag(state, "movable", false))
		return err_set(e, ERR_HOSTER_MAC,
			"a failover address is routed to the server's main "
			"address and has no MAC");
	return hoster_call(c, &q, NULL, e);
}

static int mac_add(struct hoster_conn *c, const json_t *state, const char *type,
	const char *name, struct err *e)
{
	(void)type, (void)name;
	return mac_write(c, "PUT", state, e);
}

static int mac_remove(struct hoster_conn *c, const json_t *state, struct err *e)
{
	return mac_write(c, "DELETE", state, e);
}

static int pattern(struct hoster_conn *c, const json_t *state,
	const json_t *server, json_t *out, struct err *e)
{
	const char *address = json_str_or(state, "address", "");
	unsigned mask = json_u64(state, "mask", 0);
	_free_ char *full = NULL, *route = NULL;

	(void)e;
	if (!json_flag(state, "movable", true) && json_str(state, "gateway")) {
		full = xasprintf("%s/%u", address, mask ? mask : 32);
		hoster_single(out, "bridged", address,
			json_str(state, "gateway"), "185.12.64.1",
			"185.12.64.2");
		json_put_str(out, "address", full);
		json_put_bool(out, "on_link", !mask || mask == 32);
		return 0;
	}
	hoster_single(out, "routed", address, json_str(server, "ip"),
		"185.12.64.1", "185.12.64.2");
	route = xasprintf("ip route replace %s/32 dev %s", address,
		hoster_setting(c, "bridge") ? hoster_setting(c, "bridge")
					    : "vmbr0");
	hoster_add(out, "host", "sysctl -w net.ipv4.ip_forward=1");
	hoster_add(out, "host", route);
	return 0;
}

static const struct hoster_secret secrets[] = {
	{"hoster.user", N_("API user"), N_("web service user, #ws+...")},
	{"hoster.password", N_("API secret"), N_("its password")},
	{NULL, NULL, NULL},
};
static const char *const urls[] = {"https://robot-ws.your-server.de", NULL};
static const char *const mac_types[] = {"separate", NULL};

const struct hoster hoster_hetzner = {
	.name = "hetzner",
	.title = "Hetzner Robot",
	.outage = N_("about a minute, three at most"),
	.limits = N_("about 100 looks and 50 switches an hour"),
	.credentials = N_(
		"In Robot (robot.hetzner.com): Settings, Web service and app "
		"settings, create a web service user. It has all rights of the "
		"account's servers (Hetzner knows no smaller ones): delete it "
		"after the move. Lines of the file of secrets: "
		"hoster.user=#ws+..., hoster.password=...\n"
		"Only addresses ordered as failover can move. They are routed "
		"to the main address of the server: the guest is set up "
		"routed, without a virtual MAC."),
	.secrets = secrets,
	.urls = urls,
	.mac_types = mac_types,
	.words = words,
	.poll = 20,
	.patience = 300,
	.grace = 9,
	.detect = detect,
	.headers = headers,
	.words_of = words_of,
	.servers = servers,
	.addresses = addresses,
	.look = look,
	.may_move = may_move,
	.move = move,
	.mac_add = mac_add,
	.mac_remove = mac_remove,
	.pattern = pattern,
};
