/*
 * RHEL and its kin: /etc/sysconfig/network-scripts/ifcfg-NAME and
 * route-NAME, read by network-scripts (5 to 8) or NetworkManager (6 to 9).
 * The card keeps its name, so the files keep theirs. Keys:
 * initscripts' sysconfig.txt, nm-settings-ifcfg-rh(5).
 */
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "sysconfig.h"

#define DIR "/etc/sysconfig/network-scripts"
#define GLOBAL "/etc/sysconfig/network"

static bool active(struct guest *g)
{
	_json_ json_t *files = sysconfig_files(g, DIR);

	return json_array_size(files) > 0;
}

/* DNS1, DNS2.. as "A B"; to be freed, null where none. */
static char *get_dns(const struct text *t)
{
	struct ini_part p = ini_shell(t);
	struct buf b = {0};

	for (unsigned i = 1; i < 10; i++) {
		_free_ char *v = NULL;
		char key[8];

		snprintf(key, sizeof(key), "DNS%u", i);
		v = ini_value(t, &p, key, 0);
		if (v && *v)
			buf_addf(&b, "%s%s", b.len ? " " : "", v);
	}
	return b.len ? buf_steal(&b) : NULL;
}

/* The gateway of the file itself; "". */
static void own_gateway(const struct text *t, char out[64])
{
	static const char *const keys[] = {"GATEWAY", "GATEWAY0"};
	struct ini_part p = ini_shell(t);

	*out = '\0';
	for (size_t i = 0; !*out && i < ARRAY_LEN(keys); i++) {
		_free_ char *v = ini_value(t, &p, keys[i], 0);

		snprintf(out, 64, "%s", v ? v : "");
	}
}

static char *route_path(const char *name)
{
	return xasprintf(DIR "/route-%s", name);
}

/* From the file, else the default line of its route file, else the one for
 * all interfaces. */
static void gateway(struct guest *g, const struct guest_changes *cs,
	const struct text *t, const char *name, char out[64])
{
	_free_ char *path = route_path(name), *routes = NULL, *all = NULL;
	char *at;

	own_gateway(t, out);
	if (*out)
		return;
	routes = guest_future(g, cs, path);
	at = routes ? strstr(routes, "default via ") : NULL;
	if (at) {
		at += 12;
		snprintf(out, 64, "%.*s", (int)strcspn(at, " \t\r\n"), at);
		return;
	}
	all = guest_future(g, cs, GLOBAL);
	if (all) {
		_text_ struct text n = {0};

		text_open(&n, all);
		own_gateway(&n, out);
	}
}

static void fact_ports(const struct text *t, const char *name, json_t *list)
{
	static const char *const keys[] = {"MASTER", "BRIDGE", "TEAM_MASTER"};
	struct ini_part p = ini_shell(t);
	const char *dot = strchr(name, '.');
	_free_ char *phys = ini_value(t, &p, "PHYSDEV", 0);
	json_t *v;
	size_t i;

	json_array_foreach (list, i, v) {
		bool me = strcmp(json_str_or(v, "name", ""), name) == 0;

		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			_free_ char *m = ini_value(t, &p, keys[k], 0);

			if (m && strcmp(json_str_or(v, "name", ""), m) == 0)
				net_add(v, "ports", name);
		}
		if (me && phys)
			net_add(v, "ports", phys);
		else if (me && dot) {
			_free_ char *parent = xstrndup(name, dot - name);

			net_add(v, "ports", parent);
		}
	}
}

static void file_facts(struct guest *g, const struct guest_changes *cs,
	const char *path, const struct text *t, json_t *list)
{
	_free_ char *name = sysconfig_name(t, path), *dns = get_dns(t);
	struct ini_part p = ini_shell(t);
	_free_ char *mac = ini_value(t, &p, "HWADDR", 0);
	json_t *o = net_iface(list, name, path);
	char text[NET_ADDR_LEN], gw[64];
	struct addr a;
	bool has = sysconfig_address(t, &a) == 0;

	gateway(g, cs, t, name, gw);
	if (has)
		json_put_str(o, "address", net_addr_text(text, &a));
	json_put_str(o, "gateway", has && *gw ? gw : NULL);
	json_put_str(o, "dns", dns);
	json_put_str(o, "mac", mac && *mac ? mac : NULL);
	if (sysconfig_off(t))
		json_put_bool(o, "off", true);
	json_put_str(o, "method",
		has                         ? "static"
			: sysconfig_dhcp(t) ? "dhcp"
					    : "manual");
}

static void facts(struct guest *g, const struct guest_changes *cs,
	json_t *files, json_t *list)
{
	_json_ json_t *mine = sysconfig_files(g, DIR);
	const json_t *v;
	size_t i;

	json_array_extend(files, mine);
	/* Ports name bridges of other files: a second pass. */
	for (int ports = 0; ports < 2; ports++)
		json_array_foreach (mine, i, v) {
			const char *path = json_string_value(v);
			_free_ char *s = guest_future(g, cs, path);
			_free_ char *name = NULL;
			_text_ struct text t = {0};

			text_open(&t, s ? s : "");
			name = sysconfig_name(&t, path);
			if (ports)
				fact_ports(&t, name, list);
			else
				file_facts(g, cs, path, &t, list);
		}
}

/* --- changes --- */

static void put_dns(struct text *t, const char *dns)
{
	_free_ char *copy = xstrdup(dns), *old = get_dns(t);
	struct ini_part p = ini_shell(t);
	char *save = NULL, *w, key[8];
	unsigned i = 1;

	if (old && strcmp(old, dns) == 0)
		return;
	for (w = strtok_r(copy, " ", &save); w && i < 10;
		w = strtok_r(NULL, " ", &save)) {
		snprintf(key, sizeof(key), "DNS%u", i++);
		ini_put(t, &p, key, 0, w);
	}
	for (; i < 10; i++) {
		snprintf(key, sizeof(key), "DNS%u", i);
		ini_drop(t, &p, key, 0);
	}
}

/* A far gateway is not taken from GATEWAY by network-scripts: it needs its
 * host route first. */
static void put_gateway(struct guest *g, struct text *t, const char *name,
	const char *old, const struct net_goal *goal, struct guest_changes *cs)
{
	_free_ char *path = route_path(name);
	_free_ char *host = xasprintf("%s dev %s", goal->gateway, name);
	_free_ char *out =
		xasprintf("default via %s dev %s", goal->gateway, name);
	const char *far[] = {host, out, NULL}, *none[] = {NULL};
	struct ini_part p = ini_shell(t);
	size_t i;

	ini_put(t, &p,
		ini_line(t, &p, "GATEWAY0", 0, &i) ? "GATEWAY0" : "GATEWAY", 0,
		goal->gateway);
	sysconfig_routes(
		g, path, old, goal->gateway, net_far(goal) ? far : none, cs);
}

static void make_static(struct text *t)
{
	struct ini_part p = ini_shell(t);

	if (sysconfig_dhcp(t))
		ini_put(t, &p, "BOOTPROTO", 0, "none");
}

static void rewrite(struct guest *g, struct text *t, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	struct addr a = {0};
	char old[64];
	bool same = sysconfig_address(t, &a) == 0 && a.ip == goal->addr.ip &&
		a.prefix == goal->addr.prefix;

	gateway(g, cs, t, name, old);
	if (!same) {
		make_static(t);
		sysconfig_put_address(t, &goal->addr);
	}
	if (goal->gateway && (!same || strcmp(old, goal->gateway)))
		put_gateway(g, t, name, old, goal, cs);
	if (goal->dns)
		put_dns(t, goal->dns);
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = sysconfig_files(g, DIR);
	const char *path = sysconfig_file(g, cs, files, name);
	_free_ char *before = path ? guest_future(g, cs, path) : NULL;
	_free_ char *after = NULL, *why = NULL;
	_text_ struct text t = {0};

	if (!before)
		return false;
	text_open(&t, before);
	rewrite(g, &t, name, goal, cs);
	after = text_join(&t);
	why = xasprintf(N_("%s gets its new address."), name);
	if (strcmp(after, before))
		guest_change_add(g, cs, path, after, 0644, why);
	return true;
}

const struct net_stack net_ifcfg = {
	.name = "ifcfg",
	.active = active,
	.facts = facts,
	.change = change,
};
