/*
 * Scaleway Dedibox (online.net): failover addresses with a MAC of their own.
 * Bearer token, forms, JSON (../shared/reference/hosters.md, 2.1).
 *
 * Keeps true: addresses that share a MAC are moved in one request, because
 * the hoster moves them together only.
 */
#include "../hoster.h"
#include "../i18n.h"

#include <string.h>

#define FORM "application/x-www-form-urlencoded"
#define GATEWAY "62.210.0.1" /* of all failover addresses */

static int detect(const json_t *machine)
{
	static const char *const dns[] = {"51.159.47.28", "51.159.47.26",
		"62.210.16.6", "62.210.16.7", NULL};
	static const char *const names[] = {
		".poneytelecom.eu", ".dedibox.fr", ".online.net", NULL};

	return hoster_signs(machine, dns, names);
}

static int headers(struct hoster_conn *c, const char *method, const char *url,
	const char *body, struct buf *lines, struct err *e)
{
	const char *token = hoster_secret(c, "hoster.token");

	(void)method, (void)url, (void)body;
	if (!token)
		return err_set(e, ERR_SECRET_MISSING, "hoster.token");
	buf_addf(lines, "Authorization: Bearer %s\n", token);
	return 0;
}

static void words_of(const json_t *body, const char **word, const char **text)
{
	*word = json_str_or(body, "type", *word);
	*text = json_str_or(body, "error", json_str_or(body, "message", *text));
}

static const struct hoster_word words[] = {
	{"invalid destination", ERR_HOSTER_TARGET},
	{"Invalid destination", ERR_HOSTER_TARGET},
	{"already deprovisioned", ERR_HOSTER_BUSY},
	{"maintenance", ERR_HOSTER_DOWN},
	{NULL, ERR_NONE},
};

/* "/api/v1/server/12345" -> "12345" */
static const char *id_of(const char *ref)
{
	const char *slash = strrchr(ref, '/');

	return slash ? slash + 1 : ref;
}

static int servers(struct hoster_conn *c, json_t *list, struct err *e)
{
	_json_ json_t *all = NULL;
	const json_t *ref;
	size_t i;

	if (hoster_get(c, &all, e, "/server"))
		return -1;
	json_array_foreach (all, i, ref) {
		const char *id = id_of(hoster_name(ref));
		_json_ json_t *s = NULL;
		json_t *o;

		if (!*id || strspn(id, "0123456789") != strlen(id))
			continue;
		if (hoster_get(c, &s, e, "/server/%s", id))
			return -1;
		o = json_object();
		json_put_str(o, "id", id);
		json_put_str(o, "name", json_str_or(s, "hostname", id));
		json_put_str(o, "ip",
			json_string_value(
				json_array_get(json_at(s, "network.ip"), 0)));
		json_put_str(o, "where",
			json_string_value(json_at(s, "location.datacenter")));
		json_put_str(o, "state", json_str(s, "power"));
		json_array_append_new(list, o);
	}
	return 0;
}

/* One address as the API lists it, into a state. */
static void read_row(const json_t *row, json_t *o)
{
	const char *status = json_str_or(row, "status", "active");
	json_t *p;

	json_put_str(o, "server_ip", json_str(row, "destination"));
	json_put_str(o, "mac", json_str(row, "mac"));
	if (strcmp(status, "active") == 0 || strcmp(status, "ready") == 0 ||
		strcmp(status, "inactive") == 0)
		return;
	p = json_object();
	json_put_str(p, "status", status);
	json_put(o, "pending", p);
}

static const char *address_of(const json_t *row)
{
	return json_str_or(row, "source", json_str_or(row, "address", ""));
}

static int addresses(struct hoster_conn *c, json_t *list, struct err *e)
{
	_json_ json_t *all = NULL;
	const json_t *row;
	size_t i;

	if (hoster_get(c, &all, e, "/server/failover"))
		return -1;
	json_array_foreach (all, i, row) {
		json_t *o = json_object();

		json_put_str(o, "address", address_of(row));
		json_put_bool(o, "movable", true);
		read_row(row, o);
		json_array_append_new(list, o);
	}
	return 0;
}

/* One list tells all: the address, and who shares its MAC. */
static int look(struct hoster_conn *c, const char *address, json_t *state,
	struct err *e)
{
	_json_ json_t *all = NULL;
	const json_t *row, *mine = NULL;
	_buf_ struct buf unit = {0};
	const char *mac;
	size_t i;

	if (hoster_get(c, &all, e, "/server/failover"))
		return -1;
	json_array_foreach (all, i, row)
		if (strcmp(address_of(row), address) == 0)
			mine = row;
	if (!mine)
		return err_set(e, ERR_HOSTER_NOT_FOUND,
			"%s is no failover address of this account", address);
	read_row(mine, state);
	mac = json_str(state, "mac");
	buf_adds(&unit, address);
	json_array_foreach (all, i, row) {
		if (row == mine || !mac ||
			!str_eqi(json_str_or(row, "mac", ""), mac))
			continue;
		buf_addf(&unit, ",%s", address_of(row));
		hoster_add(state, "others", address_of(row));
	}
	json_put_str(state, "unit", unit.s);
	return 0;
}

static int may_move(struct hoster_conn *c, const json_t *state,
	const json_t *server, struct err *e)
{
	(void)c, (void)state;
	if (json_str(server, "ip"))
		return 0;
	return err_set(e, ERR_HOSTER_TARGET, "server %s has no main address",
		json_str_or(server, "name", "?"));
}

static int post(struct hoster_conn *c, const char *path, const char *key1,
	const char *value1, const char *key2, const char *value2, struct err *e)
{
	_buf_ struct buf form = {0};
	struct hoster_req q = {.method = "POST", .path = path, .type = FORM};

	buf_addf(&form, "%s=", key1);
	hoster_quote(&form, value1);
	if (key2) {
		buf_addf(&form, "&%s=", key2);
		hoster_quote(&form, value2);
	}
	q.body = form.s;
	return hoster_call(c, &q, NULL, e);
}

static int move(struct hoster_conn *c, const json_t *state,
	const json_t *server, char **task, struct err *e)
{
	(void)task;
	return post(c, "/server/failover/edit", "source",
		json_str_or(state, "unit", ""), "destination",
		json_str_or(server, "ip", ""), e);
}

static int mac_add(struct hoster_conn *c, const json_t *state, const char *type,
	const char *name, struct err *e)
{
	(void)name;
	return post(c, "/server/failover/generateMac", "address",
		json_str_or(state, "address", ""), "type", type, e);
}

static int mac_remove(struct hoster_conn *c, const json_t *state, struct err *e)
{
	return post(c, "/server/failover/deleteMac", "address",
		json_str_or(state, "address", ""), NULL, NULL, e);
}

static int pattern(struct hoster_conn *c, const json_t *state,
	const json_t *server, json_t *out, struct err *e)
{
	(void)c, (void)server, (void)e;
	hoster_single(out, "bridged", json_str_or(state, "address", ""),
		GATEWAY, "51.159.47.28", "51.159.47.26");
	return 0;
}

static const struct hoster_secret secrets[] = {
	{"hoster.token", N_("API token"),
		N_("private access token of the online.net API")},
	{NULL, NULL, NULL},
};
static const char *const urls[] = {"https://api.online.net/api/v1", NULL};
static const char *const mac_types[] = {"kvm", "vmware", "xen", NULL};

const struct hoster hoster_dedibox = {
	.name = "dedibox",
	.title = "Scaleway Dedibox",
	.outage = N_("some seconds to a few minutes"),
	.limits = N_("not published; one look every 10 s is safe"),
	.credentials = N_(
		"In the Dedibox console (console.online.net): API, private "
		"access, show the token. It has all rights of the account "
		"(there are no smaller ones): make a new one after the move, "
		"which ends the old one. Line of the file of secrets: "
		"hoster.token=...\n"
		"A failover address keeps its MAC on another Dedibox server; "
		"addresses that share a MAC move together."),
	.secrets = secrets,
	.urls = urls,
	.mac_types = mac_types,
	.words = words,
	.poll = 10,
	.patience = 900,
	.grace = 12,
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
