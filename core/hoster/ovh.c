/*
 * OVHcloud (and SoYouStart, Kimsufi): additional IP blocks, which move whole,
 * and virtual MACs, which travel with their block. Signed requests, JSON
 * (../shared/reference/hosters.md, 1).
 *
 * Keeps true: the signed URL is byte for byte the one that is sent; the clock
 * is OVH's, not ours; a block with a MAC that another block has too is never
 * asked to move.
 */
#include "../hoster.h"
#include "../i18n.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../digest.h"
#include "../guest/addr.h"
#include "../hoster_ovh.h"

#define DNS "213.186.33.99"
#define MOVE_TASK "genericMoveFloatingIp"

static int detect(const json_t *machine)
{
	static const char *const dns[] = {DNS, NULL};
	static const char *const names[] = {
		".ip-", ".ovh.net", ".ovh.ca", ".kimsufi.com", NULL};

	return hoster_signs(machine, dns, names);
}

/* --- signed requests --- */

static int sign(struct hoster_conn *c, const char *method, const char *url,
	const char *body, struct buf *lines, struct err *e)
{
	const char *secret = hoster_secret(c, "hoster.application_secret");
	const char *key = hoster_secret(c, "hoster.consumer_key");
	long now = time(NULL) + hoster_skew(c);
	char sum[SHA1_HEX];
	_wipe_ char *text = NULL;

	if (!secret || !key)
		return err_set(e, ERR_SECRET_MISSING, "hoster.%s",
			secret ? N_("consumer_key (vmferry hoster login makes "
				    "it)")
			       : "application_secret");
	text = xasprintf(
		"%s+%s+%s+%s+%s+%ld", secret, key, method, url, body, now);
	sha1_hex(text, strlen(text), sum);
	buf_addf(lines,
		"X-Ovh-Consumer: %s\nX-Ovh-Timestamp: %ld\n"
		"X-Ovh-Signature: $1$%s\n",
		key, now, sum);
	return 0;
}

static int headers(struct hoster_conn *c, const char *method, const char *url,
	const char *body, struct buf *lines, struct err *e)
{
	const char *app = hoster_secret(c, "hoster.application_key");

	/* These two are asked before there is a key. */
	if (str_ends(url, "/auth/time"))
		return 0;
	if (!app)
		return err_set(e, ERR_SECRET_MISSING, "hoster.application_key");
	buf_addf(lines, "X-Ovh-Application: %s\n", app);
	if (str_ends(url, "/auth/credential"))
		return 0;
	return sign(c, method, url, body, lines, e);
}

static int begin(struct hoster_conn *c, struct err *e)
{
	_json_ json_t *t = NULL;

	if (hoster_get(c, &t, e, "/auth/time"))
		return -1;
	if (!json_is_integer(t))
		return err_set(e, ERR_HOSTER_REFUSED,
			"GET /auth/time: the answer is not a time");
	hoster_set_skew(c, json_integer_value(t) - time(NULL));
	return 0;
}

static void words_of(const json_t *body, const char **word, const char **text)
{
	*word = json_str_or(
		body, "errorCode", json_str_or(body, "class", *word));
	*text = json_str_or(body, "message", *text);
}

static const struct hoster_word words[] = {
	{"NOT_GRANTED_CALL", ERR_HOSTER_RIGHTS},
	{"NOT_CREDENTIAL", ERR_HOSTER_AUTH},
	{"INVALID_CREDENTIAL", ERR_HOSTER_AUTH},
	{"INVALID_KEY", ERR_HOSTER_AUTH},
	{"INVALID_SIGNATURE", ERR_HOSTER_AUTH},
	{"nvalid signature", ERR_HOSTER_AUTH},
	{"QUERY_TIME_OUT", ERR_HOSTER_AUTH},
	{"credential is not valid", ERR_HOSTER_AUTH},
	{"maintenance", ERR_HOSTER_DOWN},
	{"cannot be moved to", ERR_HOSTER_TARGET},
	{"is used by IPs outside", ERR_HOSTER_MAC},
	{NULL, ERR_NONE},
};

static char *quoted(const char *s)
{
	struct buf b = {0};

	hoster_quote(&b, s);
	return buf_steal(&b);
}

/* --- servers and addresses --- */

static int servers(struct hoster_conn *c, json_t *list, struct err *e)
{
	_json_ json_t *names = NULL;
	const json_t *n;
	size_t i;

	if (hoster_get(c, &names, e, "/dedicated/server"))
		return -1;
	json_array_foreach (names, i, n) {
		_free_ char *name = quoted(hoster_name(n));
		_json_ json_t *s = NULL;
		json_t *o;

		if (!*name)
			continue;
		if (hoster_get(c, &s, e, "/dedicated/server/%s", name))
			return -1;
		o = json_object();
		json_put_str(o, "id", hoster_name(n));
		json_put_str(o, "name", hoster_name(n));
		json_put_str(o, "ip", json_str(s, "ip"));
		json_put_str(o, "where", json_str(s, "datacenter"));
		json_put_str(o, "state", json_str(s, "state"));
		json_array_append_new(list, o);
	}
	return 0;
}

/* GET /ip/{block}: where it is routed. */
static int read_block(
	struct hoster_conn *c, const char *block, json_t *o, struct err *e)
{
	_free_ char *name = quoted(block);
	_json_ json_t *b = NULL;
	const char *server;

	if (hoster_get(c, &b, e, "/ip/%s", name))
		return -1;
	server = hoster_name(json_at(b, "routedTo.serviceName"));
	json_put_str(o, "server", *server ? server : NULL);
	json_put_str(o, "region", json_str(b, "campus"));
	json_put_bool(o, "movable",
		strcmp(json_str_or(b, "type", "failover"), "failover") == 0);
	return 0;
}

static int addresses(struct hoster_conn *c, json_t *list, struct err *e)
{
	_json_ json_t *blocks = NULL;
	const json_t *b;
	size_t i;

	if (hoster_get(c, &blocks, e, "/ip?type=failover"))
		return -1;
	json_array_foreach (blocks, i, b) {
		json_t *o;

		if (!*hoster_name(b))
			continue;
		o = json_object();
		json_put_str(o, "address", hoster_name(b));
		json_array_append_new(list, o);
		if (read_block(c, hoster_name(b), o, e))
			return -1;
	}
	return 0;
}

static int find_block(
	struct hoster_conn *c, const char *address, char **out, struct err *e)
{
	_json_ json_t *blocks = NULL;
	const json_t *b;
	size_t i;

	if (hoster_get(c, &blocks, e, "/ip?type=failover"))
		return -1;
	json_array_foreach (blocks, i, b) {
		if (!hoster_block_has(hoster_name(b), address))
			continue;
		*out = xstrdup(hoster_name(b));
		return 0;
	}
	return err_set(e, ERR_HOSTER_NOT_FOUND,
		"%s is in no additional IP block of this account", address);
}

static json_t *pending_of(const json_t *task, json_int_t id)
{
	json_t *p = json_object();
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)id);
	json_put_str(p, "task", text);
	json_put_str(p, "status", json_str_or(task, "status", "doing"));
	json_put_str(p, "to",
		json_string_value(json_at(task, "destination.serviceName")));
	return p;
}

static int look_tasks(
	struct hoster_conn *c, const char *block, json_t *state, struct err *e)
{
	static const char *const open[] = {"init", "todo", "doing"};

	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		_json_ json_t *ids = NULL, *task = NULL;
		json_int_t id;

		if (hoster_get(c, &ids, e,
			    "/ip/%s/task?function=" MOVE_TASK "&status=%s",
			    block, open[i]))
			return -1;
		if (!json_array_size(ids))
			continue;
		id = json_integer_value(json_array_get(ids, 0));
		if (hoster_get(c, &task, e, "/ip/%s/task/%lld", block,
			    (long long)id))
			return -1;
		json_put(state, "pending", pending_of(task, id));
		return 0;
	}
	return 0;
}

static int look(struct hoster_conn *c, const char *address, json_t *state,
	struct err *e)
{
	_free_ char *block = NULL, *name = NULL;

	if (find_block(c, address, &block, e))
		return -1;
	json_put_str(state, "unit", block);
	name = quoted(block);
	/* Tasks first: one that ends in between has moved the block when the
	 * block is read. */
	return look_tasks(c, name, state, e) || read_block(c, block, state, e)
		? -1
		: 0;
}

/* --- the move --- */

/* Servers keep virtual MACs; what else a block may go to does not. */
static bool goes_to(const json_t *list, const char *id, struct buf *known)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v) {
		const char *s = json_str_or(v, "service", "");

		if (strcmp(s, id) == 0)
			return true;
		buf_addf(known, "%s%s", known->len ? ", " : "", s);
	}
	return false;
}

static int may_move(struct hoster_conn *c, const json_t *state,
	const json_t *server, struct err *e)
{
	_free_ char *block = quoted(json_str_or(state, "unit", ""));
	const char *id = json_str_or(server, "id", ""), *kind;
	_buf_ struct buf known = {0};
	_json_ json_t *to = NULL;
	json_t *list;

	if (hoster_get(c, &to, e, "/ip/%s/move", block))
		return -1;
	json_object_foreach (to, kind, list)
		if (goes_to(list, id, &known))
			return strcmp(kind, "dedicatedServer")
				? 0
				: ovh_may_have_mac(c, state, server, e);
	return err_set(e, ERR_HOSTER_TARGET,
		"OVHcloud moves %s only to: %s (blocks are bound to a region)",
		json_str_or(state, "unit", "?"),
		known.len ? known.s : "nowhere");
}

static int move(struct hoster_conn *c, const json_t *state,
	const json_t *server, char **task, struct err *e)
{
	_free_ char *block = quoted(json_str_or(state, "unit", ""));
	_free_ char *path = xasprintf("/ip/%s/move", block);
	_json_ json_t *body = json_object(), *t = NULL;

	json_put_str(body, "to", json_str(server, "id"));
	json_put(body, "nexthop", json_null());
	if (ovh_post(c, path, body, &t, e))
		return -1;
	if (t && json_u64(t, "taskId", 0))
		*task = xasprintf(
			"%llu", (unsigned long long)json_u64(t, "taskId", 0));
	return 0;
}

static int task(struct hoster_conn *c, const json_t *state, const char *id,
	struct err *e)
{
	_free_ char *block = quoted(json_str_or(state, "unit", ""));
	_json_ json_t *t = NULL;
	struct err own = {0};
	bool done;

	if (hoster_get(c, &t, &own, "/ip/%s/task/%s", block, id)) {
		/* Old tasks are forgotten. */
		if (own.code == ERR_HOSTER_NOT_FOUND)
			return 0;
		if (e)
			*e = own;
		return -1;
	}
	return ovh_task_end(t, &done, e);
}

/* --- the guest --- */

/* The main address with 254 at its end, where the API does not say. */
static char *guess_gateway(const json_t *server)
{
	struct addr a;
	char ip[ADDR_LEN];

	if (addr_parse(json_str_or(server, "ip", ""), &a))
		return NULL;
	return xstrdup(addr_text(ip, (a.ip & ~0xffu) | 254));
}

static int bridged(struct hoster_conn *c, const json_t *state,
	const json_t *server, json_t *out, struct err *e)
{
	_free_ char *gateway = NULL;
	_json_ json_t *net = NULL;
	const char *told;

	if (hoster_get(c, &net, e,
		    "/dedicated/server/%s/specifications/network",
		    json_str_or(server, "id", "")))
		return -1;
	told = json_string_value(json_at(net, "routing.ipv4.gateway"));
	gateway = told ? xstrdup(told) : guess_gateway(server);
	if (!gateway)
		return err_set(e, ERR_HOSTER_TARGET,
			"no gateway is known for %s: give it in the plan",
			json_str_or(server, "name", "?"));
	hoster_single(out, "bridged", json_str_or(state, "address", ""),
		gateway, DNS, NULL);
	return 0;
}

static int pattern(struct hoster_conn *c, const json_t *state,
	const json_t *server, json_t *out, struct err *e)
{
	const char *mode = hoster_setting(c, "network");
	const char *address = json_str_or(state, "address", "");
	const char *gateway = hoster_setting(c, "gateway");
	const char *bridge = hoster_setting(c, "bridge");
	_free_ char *route = NULL;

	if (!mode || strcmp(mode, "routed"))
		return bridged(c, state, server, out, e);
	if (!gateway)
		return err_set(e, ERR_PLAN_BAD,
			"hoster.network routed needs hoster.gateway: the "
			"node's private address on the VM's bridge");
	hoster_single(out, "routed", address, gateway, DNS, NULL);
	route = xasprintf("ip route replace %s/32 dev %s", address,
		bridge ? bridge : "vmbr0");
	hoster_add(out, "host", "sysctl -w net.ipv4.ip_forward=1");
	hoster_add(out, "host", route);
	return 0;
}

/* --- a key --- */

static int login(struct hoster_conn *c, char **key, char **url, struct err *e)
{
	static const char *const rules[][2] = {{"GET", "/auth/*"},
		{"GET", "/dedicated/server"}, {"GET", "/dedicated/server/*"},
		{"POST", "/dedicated/server/*/virtualMac*"},
		{"DELETE", "/dedicated/server/*/virtualMac*"}, {"GET", "/ip"},
		{"GET", "/ip/*"}, {"POST", "/ip/*/move"}};
	_json_ json_t *body = json_object(), *r = NULL;
	json_t *list = json_array();

	json_put(body, "accessRules", list);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		json_t *o = json_object();

		json_put_str(o, "method", rules[i][0]);
		json_put_str(o, "path", rules[i][1]);
		json_array_append_new(list, o);
	}
	if (ovh_post(c, "/auth/credential", body, &r, e))
		return -1;
	if (r && (!json_str(r, "consumerKey") || !json_str(r, "validationUrl")))
		return err_set(e, ERR_HOSTER_REFUSED,
			"POST /auth/credential: no key in the answer");
	*key = xstrdup(json_str(r, "consumerKey"));
	*url = xstrdup(json_str(r, "validationUrl"));
	return 0;
}

static const struct hoster_secret secrets[] = {
	{"hoster.application_key", N_("App key"), N_("16 characters")},
	{"hoster.application_secret", N_("App secret"), N_("32 characters")},
	{"hoster.consumer_key", N_("Consumer"),
		N_("consumer key, made by vmferry hoster login")},
	{NULL, NULL, NULL},
};
static const char *const urls[] = {"https://eu.api.ovh.com/1.0",
	"https://ca.api.ovh.com/1.0", "https://api.us.ovhcloud.com/1.0",
	"https://eu.api.soyoustart.com/1.0",
	"https://ca.api.soyoustart.com/1.0", "https://eu.api.kimsufi.com/1.0",
	"https://ca.api.kimsufi.com/1.0", NULL};
static const char *const mac_types[] = {"ovh", "vmware", NULL};

const struct hoster hoster_ovh = {
	.name = "ovh",
	.title = "OVHcloud",
	.outage = N_("mostly under a minute, 15 at most"),
	.limits = N_("not published; one look every 5 s is safe"),
	.credentials = N_(
		"All three keys on one page: "
		"https://eu.api.ovh.com/createToken/ (ca.api.ovh.com, "
		"api.us.ovhcloud.com); choose one day, and these rights:\n"
		"   GET /auth/*, GET /dedicated/server, GET "
		"/dedicated/server/*, POST and DELETE "
		"/dedicated/server/*/virtualMac*, GET /ip, GET /ip/*, POST "
		"/ip/*/move\n"
		"Or make an application at https://eu.api.ovh.com/createApp/, "
		"put hoster.application_key=... and "
		"hoster.application_secret=... into the file of secrets; "
		"vmferry hoster login --provider ovh --secrets FILE asks for "
		"a key with just these rights, adds it to FILE and shows the "
		"page where you confirm it.\n"
		"A block moves as a whole, with its virtual MACs."),
	.secrets = secrets,
	.urls = urls,
	.mac_types = mac_types,
	.words = words,
	.routable = true,
	.poll = 5,
	.patience = 900,
	.grace = 4,
	.detect = detect,
	.begin = begin,
	.headers = headers,
	.words_of = words_of,
	.servers = servers,
	.addresses = addresses,
	.look = look,
	.look_mac = ovh_look_mac,
	.may_move = may_move,
	.move = move,
	.task = task,
	.mac_add = ovh_mac_add,
	.mac_remove = ovh_mac_remove,
	.pattern = pattern,
	.login = login,
};
