/*
 * NetworkManager keyfiles: /etc/NetworkManager/system-connections (and their
 * older names without .nmconnection). Keys: nm-settings-keyfile(5). The files
 * hold secrets: mode 0600 stays, since an existing file keeps its mode.
 */
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "ini.h"
#include "network.h"

#define DIR "/etc/NetworkManager/system-connections"

static json_t *my_files(struct guest *g)
{
	_json_ json_t *names = g->ops->list(g, DIR);
	json_t *files = json_array(), *v;
	size_t i;

	json_array_foreach (names, i, v) {
		const char *name = json_string_value(v);
		_free_ char *path = path_join(DIR, name);

		if (*name != '.' && !str_ends(name, "~") &&
			!strstr(name, ".bak"))
			json_array_append_new(files, json_text(path));
	}
	return files;
}

static bool active(struct guest *g)
{
	_json_ json_t *files = my_files(g);

	return json_array_size(files) > 0 &&
		(guest_has(g, "/usr/sbin/NetworkManager") ||
			guest_has(g, "/usr/bin/NetworkManager"));
}

/* --- the [ipv4] section --- */

/* Where the first address stands: address1=A/P[,GW], older "A;P;GW;". */
static const char *const address_keys[] = {
	"address", "addresses", "address0", "address1", "addresses1"};

static const char *find_address(
	const struct text *t, const struct ini_part *p, char **value)
{
	for (size_t i = 0; i < ARRAY_LEN(address_keys); i++) {
		*value = ini_value(t, p, address_keys[i], 0);
		if (*value)
			return address_keys[i];
	}
	return NULL;
}

/* "A/P,GW" or "A;P;GW;" in its parts. -1: neither. */
static int split(const char *value, struct addr *a, char gateway[64])
{
	_free_ char *copy = xstrdup(value);
	char *save = NULL, *w[3] = {0};
	struct addr found;

	for (size_t i = 0; i < 3; i++)
		w[i] = strtok_r(i ? NULL : copy, ",; ", &save);
	if (!w[0] || addr_parse(w[0], &found))
		return -1;
	*gateway = '\0';
	if (strchr(w[0], '/')) {
		if (w[1] && net_is_v4(w[1]))
			snprintf(gateway, 64, "%s", w[1]);
	} else {
		if (!w[1] || addr_mask(w[1], &found.prefix))
			return -1;
		if (w[2] && strcmp(w[2], "0.0.0.0"))
			snprintf(gateway, 64, "%s", w[2]);
	}
	*a = found;
	return 0;
}

struct now {
	struct addr addr;
	bool had, inline_gw;
	bool by_route; /* the gateway is that of a routeN=0.0.0.0/0 */
	char gateway[64];
	char *dns;
};

/* "A;B;" as "A B". */
static char *dns_words(const char *value)
{
	char *s = xstrdup(value);

	for (char *p = s; *p; p++)
		if (*p == ';' || *p == ',')
			*p = ' ';
	for (size_t n = strlen(s); n && s[n - 1] == ' ';)
		s[--n] = '\0';
	return s;
}

/* "route1=0.0.0.0/0,GW": netplan's and cloud-init's way to say the gateway. A
 * table of its own is policy routing. */
static bool route_gateway(
	const struct text *t, const struct ini_part *p, char gateway[64])
{
	for (unsigned i = 0; i < 100; i++) {
		_free_ char *value = NULL, *options = NULL;
		char key[24], *save = NULL;
		const char *to, *via;

		snprintf(key, sizeof(key), "route%u", i);
		value = ini_value(t, p, key, 0);
		snprintf(key, sizeof(key), "route%u_options", i);
		options = ini_value(t, p, key, 0);
		if (!value || (options && strstr(options, "table=")))
			continue;
		to = strtok_r(value, ",; ", &save);
		via = strtok_r(NULL, ",; ", &save);
		if (!to || !via || strcmp(to, "0.0.0.0/0") || !net_is_v4(via))
			continue;
		snprintf(gateway, 64, "%s", via);
		return true;
	}
	return false;
}

static void look(const struct text *t, struct now *n)
{
	_free_ char *value = NULL, *gateway = NULL, *dns = NULL;
	struct ini_part p;

	*n = (struct now){0};
	if (!ini_section(t, "ipv4", 0, &p))
		return;
	if (find_address(t, &p, &value))
		n->had = split(value, &n->addr, n->gateway) == 0;
	n->inline_gw = *n->gateway != '\0';
	gateway = ini_value(t, &p, "gateway", 0);
	if (gateway && net_is_v4(gateway))
		snprintf(n->gateway, sizeof(n->gateway), "%s", gateway);
	n->by_route = !*n->gateway && route_gateway(t, &p, n->gateway);
	dns = ini_value(t, &p, "dns", 0);
	n->dns = dns ? dns_words(dns) : NULL;
}

/* --- facts --- */

static bool type_is(const struct text *t, const char *a, const char *b)
{
	_free_ char *type = ini_get(t, "connection", "type");

	return type && (strcmp(type, a) == 0 || (b && strcmp(type, b) == 0));
}

static char *mac_of(const struct text *t)
{
	char *mac = ini_get(t, "ethernet", "mac-address");

	return mac ? mac : ini_get(t, "802-3-ethernet", "mac-address");
}

/* interface-name, else the file's own name (it applies to any card, or to
 * the one with its MAC). */
static char *name_of(const struct text *t, const char *path)
{
	char *name = ini_get(t, "connection", "interface-name");

	if (name && *name)
		return name;
	free(name);
	return xstrdup(strrchr(path, '/') + 1);
}

static bool is_off(const struct text *t)
{
	_free_ char *at_start = ini_get(t, "connection", "autoconnect");
	bool on = true;

	return at_start && str_bool(at_start, &on) == 0 && !on;
}

static void fact_ports(
	const struct text *t, const char *name, const char *path, json_t *list)
{
	_free_ char *master = ini_get(t, "connection", "master");
	_free_ char *parent = ini_get(t, "vlan", "parent");
	json_t *v, *o = NULL;
	size_t i;

	if (!master)
		master = ini_get(t, "connection", "controller");
	json_array_foreach (list, i, v) {
		const char *n = json_str_or(v, "name", "");

		if (master &&
			(strcmp(n, master) == 0 ||
				strcmp(json_str_or(v, "uuid", ""), master) ==
					0))
			net_add(v, "ports", name);
		if (strcmp(n, name) == 0)
			o = v;
	}
	(void)path;
	if (parent && o)
		net_add(o, "ports", parent);
}

static void file_facts(const struct text *t, const char *path, json_t *list)
{
	_free_ char *name = name_of(t, path), *mac = mac_of(t);
	_free_ char *uuid = ini_get(t, "connection", "uuid");
	_free_ char *given = ini_get(t, "connection", "interface-name");
	_free_ char *method = ini_get(t, "ipv4", "method");
	bool card = type_is(t, "ethernet", "802-3-ethernet");
	json_t *o = net_iface(list, name, path);
	char text[NET_ADDR_LEN];
	struct now n;

	look(t, &n);
	json_put_str(o, "uuid", uuid);
	json_put_str(o, "mac", mac);
	if (!given)
		json_put_bool(o, "pin", false);
	if (is_off(t))
		json_put_bool(o, "off", true);
	if (!given && !mac && card)
		json_put_bool(o, "any", true);
	json_put_str(o, "method",
		n.had                                       ? "static"
			: method && !strcmp(method, "auto") ? "dhcp"
							    : "manual");
	if (n.had)
		json_put_str(o, "address", net_addr_text(text, &n.addr));
	json_put_str(o, "gateway", *n.gateway ? n.gateway : NULL);
	json_put_str(o, "dns", n.dns);
	free(n.dns);
}

static void each(struct guest *g, const struct guest_changes *cs,
	const json_t *files, json_t *list,
	void (*f)(const struct text *, const char *, json_t *))
{
	const json_t *v;
	size_t i;

	json_array_foreach (files, i, v) {
		_free_ char *s = guest_future(g, cs, json_string_value(v));
		_text_ struct text t = {0};
		struct ini_part p;

		text_open(&t, s ? s : "");
		ini_merge(&t);
		if (ini_section(&t, "connection", 0, &p) &&
			!type_is(&t, "wifi", "802-11-wireless"))
			f(&t, json_string_value(v), list);
	}
}

static void file_ports(const struct text *t, const char *path, json_t *list)
{
	_free_ char *name = name_of(t, path);

	fact_ports(t, name, path, list);
}

static void facts(struct guest *g, const struct guest_changes *cs,
	json_t *files, json_t *list)
{
	_json_ json_t *mine = my_files(g);

	json_array_extend(files, mine);
	each(g, cs, mine, list, file_facts);
	/* Ports name bridges of other files. */
	each(g, cs, mine, list, file_ports);
}

/* --- changes --- */

/* "A/P,GW" where the gateway stood there, else "A/P". */
static void put_address(struct text *t, struct ini_part *p,
	const struct net_goal *goal, const struct now *n)
{
	_free_ char *old = NULL, *value = NULL;
	const char *key = find_address(t, p, &old);
	const char *gw = goal->gateway ? goal->gateway : n->gateway;
	char full[NET_ADDR_LEN];

	net_addr_text(full, &goal->addr);
	value = xasprintf("%s%s%s", full, n->inline_gw ? "," : "",
		n->inline_gw ? gw : "");
	ini_put(t, p, "method", 0, "manual");
	if (key && strchr(old, ';')) {
		/* The old form with semicolons goes. */
		ini_drop(t, p, key, 0);
		key = NULL;
	}
	ini_put(t, p, key ? key : "address1", 0, value);
}

/* NetworkManager before 1.? does not add the way to a far gateway itself; a
 * route of its own does no harm later. */
static void put_host_route(
	struct text *t, struct ini_part *p, const char *gateway)
{
	_free_ char *route = xasprintf("%s/32", gateway);
	char key[16];

	for (unsigned i = 1; i < 100; i++) {
		_free_ char *old = NULL;

		snprintf(key, sizeof(key), "route%u", i);
		old = ini_value(t, p, key, 0);
		if (old && strcmp(old, route) == 0)
			return;
		if (!old)
			break;
	}
	ini_put(t, p, key, 0, route);
}

static void put_gateway(struct text *t, struct ini_part *p,
	const struct net_goal *goal, const struct now *n)
{
	size_t i;

	if (*n->gateway)
		text_swap_lines(
			t, p->from, p->to - p->from, n->gateway, goal->gateway);
	if ((!n->inline_gw && !n->by_route) || ini_line(t, p, "gateway", 0, &i))
		ini_put(t, p, "gateway", 0, goal->gateway);
	if (net_far(goal))
		put_host_route(t, p, goal->gateway);
}

static void put_dns(struct text *t, struct ini_part *p, const char *dns)
{
	struct buf b = {0};
	_free_ char *list = NULL;

	for (; *dns; dns++)
		buf_addc(&b, *dns == ' ' ? ';' : *dns);
	buf_addc(&b, ';');
	list = buf_steal(&b);
	ini_put(t, p, "dns", 0, list);
}

static void rewrite(struct text *t, const struct net_goal *goal)
{
	struct ini_part p;
	struct now n;
	bool same, same_gw;

	look(t, &n);
	if (!ini_section(t, "ipv4", 0, &p))
		p = ini_add_section(t, "ipv4");
	same = n.had && n.addr.ip == goal->addr.ip &&
		n.addr.prefix == goal->addr.prefix;
	same_gw = !goal->gateway || strcmp(n.gateway, goal->gateway) == 0;
	if (goal->gateway && (!same || !same_gw))
		put_gateway(t, &p, goal, &n);
	if (!same)
		put_address(t, &p, goal, &n);
	if (goal->dns && !(n.dns && strcmp(n.dns, goal->dns) == 0))
		put_dns(t, &p, goal->dns);
	free(n.dns);
}

void nm_merge(struct guest *g, struct guest_changes *cs)
{
	_json_ json_t *files = my_files(g);
	const json_t *v;
	size_t i;

	json_array_foreach (files, i, v) {
		const char *path = json_string_value(v);
		_free_ char *before = guest_future(g, cs, path);
		_free_ char *after = NULL;
		_text_ struct text t = {0};

		text_open(&t, before ? before : "");
		if (!ini_merge(&t))
			continue;
		after = text_join(&t);
		guest_change_add(g, cs, path, after, 0600,
			N_("What stands there twice is one to NetworkManager, "
			   "and the last value counts: written so."));
	}
}

/* Of several profiles of one interface the one that is meant (net_rank);
 * null: none. */
static const char *file_of(struct guest *g, const struct guest_changes *cs,
	const json_t *files, const char *name)
{
	const char *path = NULL;
	const json_t *v;
	int top = -1;
	size_t i;

	json_array_foreach (files, i, v) {
		_free_ char *s = guest_future(g, cs, json_string_value(v));
		_free_ char *mine = NULL;
		_text_ struct text t = {0};
		struct now n;
		int rank;

		text_open(&t, s ? s : "");
		mine = name_of(&t, json_string_value(v));
		look(&t, &n);
		free(n.dns);
		rank = net_rank(is_off(&t), n.had);
		if (!s || strcmp(mine, name) || rank <= top)
			continue;
		top = rank;
		path = json_string_value(v);
	}
	return path;
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = my_files(g);
	const char *path = file_of(g, cs, files, name);
	_free_ char *before = path ? guest_future(g, cs, path) : NULL;
	_free_ char *after = NULL, *why = NULL;
	_text_ struct text t = {0};

	if (!before)
		return false;
	text_open(&t, before);
	rewrite(&t, goal);
	after = text_join(&t);
	why = xasprintf(N_("%s gets its new address."), name);
	if (strcmp(after, before))
		guest_change_add(g, cs, path, after, 0600, why);
	return true;
}

const struct net_stack net_nm = {
	.name = "nm",
	.active = active,
	.facts = facts,
	.change = change,
};
