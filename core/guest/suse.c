/*
 * SUSE: /etc/sysconfig/network/ifcfg-NAME, ifroute-NAME and routes, read by
 * wicked or the older ifup scripts; name servers in `config`. Formats:
 * ifcfg(5), ifroute(5), routes(5) of wicked.
 */
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "sysconfig.h"

#define DIR "/etc/sysconfig/network"
#define ROUTES DIR "/routes"
#define CONFIG DIR "/config"
#define DNS_KEY "NETCONFIG_DNS_STATIC_SERVERS"

static bool active(struct guest *g)
{
	_json_ json_t *files = sysconfig_files(g, DIR);

	return json_array_size(files) > 0;
}

static char *route_path(const char *name)
{
	return xasprintf(DIR "/ifroute-%s", name);
}

/* "default GATEWAY - -": the gateway; false: the file has none. */
static bool default_of(const char *text, char out[64])
{
	_free_ char *copy = xstrdup(text ? text : "");
	char *p = copy, *line;

	while ((line = str_line(&p))) {
		char *save = NULL;
		const char *to = strtok_r(line, " \t", &save);
		const char *via = strtok_r(NULL, " \t", &save);

		if (!to || !via || !net_is_v4(via) ||
			(strcmp(to, "default") && strcmp(to, "0.0.0.0/0")))
			continue;
		snprintf(out, 64, "%s", via);
		return true;
	}
	*out = '\0';
	return false;
}

/* The file that holds the default route: the interface's own, else the one
 * for all; null: none does. To be freed. */
static char *routes_of(struct guest *g, const struct guest_changes *cs,
	const char *name, char gateway[64])
{
	_free_ char *own = route_path(name);
	_free_ char *text = guest_future(g, cs, own);
	_free_ char *all = guest_future(g, cs, ROUTES);

	if (default_of(text, gateway))
		return xstrdup(own);
	return default_of(all, gateway) ? xstrdup(ROUTES) : NULL;
}

static char *get_dns(struct guest *g, const struct guest_changes *cs)
{
	_free_ char *s = guest_future(g, cs, CONFIG);
	_text_ struct text t = {0};
	struct ini_part p;
	char *v;

	text_open(&t, s ? s : "");
	p = ini_shell(&t);
	v = ini_value(&t, &p, DNS_KEY, 0);
	if (v && *v)
		return v;
	free(v);
	return NULL;
}

/* BRIDGE_PORTS="eth0 eth1", BONDING_SLAVE_0, ETHERDEVICE (a VLAN's). */
static void fact_ports(const struct text *t, const char *name, json_t *o)
{
	static const char *const keys[] = {"BRIDGE_PORTS", "ETHERDEVICE",
		"BONDING_SLAVE_0", "BONDING_SLAVE_1", "BONDING_SLAVE_2",
		"BONDING_SLAVE0", "BONDING_SLAVE1"};
	struct ini_part p = ini_shell(t);
	const char *dot = strchr(name, '.');

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		_free_ char *v = ini_value(t, &p, keys[k], 0);
		char *save = NULL, *w;

		for (w = v ? strtok_r(v, " \t", &save) : NULL; w;
			w = strtok_r(NULL, " \t", &save))
			net_add(o, "ports", w);
	}
	if (dot && !json_object_get(o, "ports")) {
		_free_ char *parent = xstrndup(name, dot - name);

		net_add(o, "ports", parent);
	}
}

static void file_facts(struct guest *g, const struct guest_changes *cs,
	const char *path, const char *s, json_t *list)
{
	_free_ char *name = NULL, *routes = NULL, *dns = get_dns(g, cs);
	_text_ struct text t = {0};
	char text[NET_ADDR_LEN], gateway[64];
	struct addr a;
	json_t *o;
	bool has;

	text_open(&t, s);
	name = sysconfig_name(&t, path);
	o = net_iface(list, name, path);
	has = sysconfig_address(&t, &a) == 0;
	routes = routes_of(g, cs, name, gateway);
	if (has)
		json_put_str(o, "address", net_addr_text(text, &a));
	json_put_str(o, "gateway", has && routes ? gateway : NULL);
	json_put_str(o, "dns", has ? dns : NULL);
	if (sysconfig_off(&t))
		json_put_bool(o, "off", true);
	json_put_str(o, "method",
		has                          ? "static"
			: sysconfig_dhcp(&t) ? "dhcp"
					     : "manual");
	fact_ports(&t, name, o);
}

static void facts(struct guest *g, const struct guest_changes *cs,
	json_t *files, json_t *list)
{
	_json_ json_t *mine = sysconfig_files(g, DIR);
	const json_t *v;
	size_t i;

	json_array_extend(files, mine);
	json_array_foreach (mine, i, v) {
		_free_ char *s = guest_future(g, cs, json_string_value(v));

		if (s)
			file_facts(g, cs, json_string_value(v), s, list);
	}
}

/* --- changes --- */

/* Is there a route to the gateway itself? */
static bool has_host(const char *text, const char *gateway)
{
	_free_ char *host = xasprintf("%s/32", gateway);
	_text_ struct text t = {0};
	bool found = false;

	text_open(&t, text);
	for (size_t i = 0; i < t.n; i++) {
		const char *s = t.line[i].s + strspn(t.line[i].s, " \t");

		found |= str_starts(s, host) && strchr(" \t", s[strlen(host)]);
	}
	return found;
}

static void put_gateway(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	char old[64];
	_free_ char *where = routes_of(g, cs, name, old);
	_free_ char *own = route_path(name);
	_free_ char *host = xasprintf("%s/32 - - %s", goal->gateway, name);
	_free_ char *out = xasprintf("default %s - %s", goal->gateway, name);
	const char *far[] = {host, out, NULL}, *near[] = {out, NULL};
	const char *only_host[] = {host, NULL};
	bool need_host = net_far(goal);

	if (!where) {
		sysconfig_routes(g, own, NULL, goal->gateway,
			need_host ? far : near, cs);
		return;
	}
	sysconfig_routes(g, where, old, goal->gateway, near, cs);
	if (need_host) {
		_free_ char *now = guest_future(g, cs, where);

		/* The host route must be read before the default one. */
		if (now && !has_host(now, goal->gateway)) {
			_free_ char *all = xasprintf("%s\n%s", *only_host, now);

			guest_change_add(g, cs, where, all, 0644,
				"The gateway is on the link.");
		}
	}
}

static void put_dns(struct guest *g, const char *dns, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, CONFIG);
	_free_ char *old = get_dns(g, cs), *after = NULL;
	_text_ struct text t = {0};
	struct ini_part p;

	if (!before)
		resolv_change(g, dns, cs);
	if (!before || (old && strcmp(old, dns) == 0))
		return;
	text_open(&t, before);
	p = ini_shell(&t);
	ini_put(&t, &p, DNS_KEY, 0, dns);
	after = text_join(&t);
	guest_change_add(g, cs, CONFIG, after, 0644,
		"The name servers are the new ones.");
}

/* "default GATEWAY - NAME" of IPv6: where the gateway stands in the line. */
static bool default6(const char *line, size_t *from, size_t *to)
{
	size_t at = strspn(line, " \t"), n = strcspn(line + at, " \t");
	_free_ char *dest = xstrndup(line + at, n);

	*from = at + n + strspn(line + at + n, " \t");
	*to = *from + strcspn(line + *from, " \t");
	return (strcmp(dest, "default") == 0 || strcmp(dest, "::/0") == 0) &&
		memchr(line + *from, ':', *to - *from);
}

/* The first IPv6 default route of a file gets the gateway; false: it has
 * none. */
static bool swap6(struct guest *g, const char *path, const char *gateway,
	struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, path), *after = NULL;
	_text_ struct text t = {0};
	size_t from, to;

	text_open(&t, before ? before : "");
	for (size_t i = 0; i < t.n; i++) {
		const char *line = t.line[i].s;
		_free_ char *now = NULL;

		if (!default6(line, &from, &to))
			continue;
		now = xasprintf(
			"%.*s%s%s", (int)from, line, gateway, line + to);
		text_set(&t, i, now);
		after = text_join(&t);
		if (strcmp(before, after))
			guest_change_add(g, cs, path, after, 0644,
				N_("The way out goes by the new gateway."));
		return true;
	}
	return false;
}

void suse_gateway6(struct guest *g, const char *name, const char *gateway,
	bool far, struct guest_changes *cs)
{
	_free_ char *own = route_path(name);
	_free_ char *before = NULL, *after = NULL;

	if (swap6(g, own, gateway, cs) || swap6(g, ROUTES, gateway, cs))
		return;
	before = guest_future(g, cs, own);
	after = xasprintf("%s%s%s%s%s%sdefault %s - %s\n", before ? before : "",
		before && *before && !str_ends(before, "\n") ? "\n" : "",
		far ? gateway : "", far ? "/128 - - " : "", far ? name : "",
		far ? "\n" : "", gateway, name);
	guest_change_add(g, cs, own, after, 0644,
		N_("The way out goes by the new gateway."));
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = sysconfig_files(g, DIR);
	const char *path = sysconfig_file(g, cs, files, name);
	_free_ char *before = path ? guest_future(g, cs, path) : NULL;
	_free_ char *after = NULL, *why = NULL, *routes = NULL;
	_text_ struct text t = {0};
	struct addr a = {0};
	char old[64];
	bool same;

	if (!before)
		return false;
	text_open(&t, before);
	same = sysconfig_address(&t, &a) == 0 && a.ip == goal->addr.ip &&
		a.prefix == goal->addr.prefix;
	if (!same) {
		struct ini_part p = ini_shell(&t);

		if (sysconfig_dhcp(&t))
			ini_put(&t, &p, "BOOTPROTO", 0, "static");
		sysconfig_put_address(&t, &goal->addr);
	}
	after = text_join(&t);
	why = xasprintf(N_("%s gets its new address."), name);
	if (strcmp(after, before))
		guest_change_add(g, cs, path, after, 0644, why);
	routes = routes_of(g, cs, name, old);
	if (goal->gateway && (!same || strcmp(old, goal->gateway)))
		put_gateway(g, name, goal, cs);
	if (goal->dns)
		put_dns(g, goal->dns, cs);
	return true;
}

const struct net_stack net_suse = {
	.name = "ifcfg-suse",
	.active = active,
	.facts = facts,
	.change = change,
};
