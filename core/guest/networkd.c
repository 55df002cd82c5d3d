/*
 * systemd-networkd: the .network files of /etc/systemd/network. Keys and their
 * order of matching: systemd.network(5). GatewayOnlink is the spelling that
 * every release reads (GatewayOnLink came with 242).
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "ini.h"
#include "network.h"

#define DIR "/etc/systemd/network"

static json_t *my_files(struct guest *g)
{
	return guest_files(g, DIR, ".network");
}

static bool active(struct guest *g)
{
	_json_ json_t *files = my_files(g);

	if (!json_array_size(files))
		return false;
	return guest_has(g,
		       "/etc/systemd/system/multi-user.target.wants/"
		       "systemd-networkd.service") ||
		guest_has(g,
			"/etc/systemd/system/"
			"dbus-org.freedesktop.network1.service");
}

/* --- where the address stands --- */

/* [Network] and [Address] both have Address=. The first IPv4 one. */
static bool find_address(
	const struct text *t, struct ini_part *p, size_t *line, char **value)
{
	static const char *const sections[] = {"Network", "Address"};

	for (size_t s = 0; s < ARRAY_LEN(sections); s++)
		for (size_t i = 0; ini_section(t, sections[s], i, p); i++)
			for (size_t k = 0; ini_line(t, p, "Address", k, line);
				k++) {
				char *v = ini_value(t, p, "Address", k);

				if (net_is_v4(v)) {
					*value = v;
					return true;
				}
				free(v);
			}
	return false;
}

static bool is_default(const struct text *t, const struct ini_part *p)
{
	_free_ char *to = ini_value(t, p, "Destination", 0);
	_free_ char *table = ini_value(t, p, "Table", 0);

	return !table && (!to || strcmp(to, "0.0.0.0/0") == 0);
}

/* The IPv4 default gateway: of a [Route] (part returned), or [Network]. */
static bool find_gateway(const struct text *t, struct ini_part *p, size_t *line,
	bool *route, char **value)
{
	static const char *const sections[] = {"Network", "Route"};

	for (size_t s = 0; s < ARRAY_LEN(sections); s++)
		for (size_t i = 0; ini_section(t, sections[s], i, p); i++) {
			_free_ char *v = NULL;

			if (s && !is_default(t, p))
				continue;
			for (size_t k = 0; ini_line(t, p, "Gateway", k, line);
				k++) {
				free(v);
				v = ini_value(t, p, "Gateway", k);
				if (!net_is_v4(v))
					continue;
				*route = s;
				*value = v;
				v = NULL;
				return true;
			}
		}
	return false;
}

/* Add the servers of one family among the words of a DNS= line. */
static void add_servers(struct buf *b, char *words, bool v6)
{
	char *save = NULL, *w;

	for (w = strtok_r(words, " \t", &save); w;
		w = strtok_r(NULL, " \t", &save))
		if (!strchr(w, ':') == !v6)
			buf_addf(b, "%s%s", b->len ? " " : "", w);
}

/* All IPv4 servers, "A B"; to be freed. */
static char *get_dns(const struct text *t)
{
	struct buf b = {0};
	struct ini_part p;
	char *v;

	if (ini_section(t, "Network", 0, &p))
		for (size_t k = 0; (v = ini_value(t, &p, "DNS", k)); k++) {
			add_servers(&b, v, false);
			free(v);
		}
	return b.len ? buf_steal(&b) : NULL;
}

/* --- facts --- */

static bool dhcp4(const char *s)
{
	bool on;

	return s &&
		(str_eqi(s, "ipv4") || str_eqi(s, "v4") || str_eqi(s, "both") ||
			(str_bool(s, &on) == 0 && on));
}

static void fact_address(const struct text *t, json_t *o)
{
	_free_ char *dhcp = ini_get(t, "Network", "DHCP");
	_free_ char *address = NULL, *gateway = NULL, *dns = get_dns(t);
	struct ini_part p;
	bool route;
	size_t i;

	if (find_address(t, &p, &i, &address))
		json_put_str(o, "address", address);
	if (find_gateway(t, &p, &i, &route, &gateway))
		json_put_str(o, "gateway", gateway);
	json_put_str(o, "dns", dns);
	json_put_str(o, "method",
		address               ? "static"
			: dhcp4(dhcp) ? "dhcp"
				      : "manual");
}

/* A port's file names its bridge or bond, a parent's its VLANs. */
static void fact_ports(
	const struct text *t, const char *name, const char *path, json_t *list)
{
	static const char *const keys[] = {"Bridge", "Bond", "VLAN"};

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		struct ini_part p;
		char *v;

		if (!ini_section(t, "Network", 0, &p))
			return;
		for (size_t i = 0; (v = ini_value(t, &p, keys[k], i)); i++) {
			json_t *o = NULL, *old;
			size_t n;

			json_array_foreach (list, n, old)
				if (strcmp(json_str_or(old, "name", ""), v) ==
					0)
					o = old;
			net_add(o ? o : net_iface(list, v, path), "ports",
				name);
			free(v);
		}
	}
}

/* The first word of Match Name=, or the file's own name where it matches by
 * MAC alone. */
static char *name_of(const struct text *t, const char *path)
{
	char *name = ini_get(t, "Match", "Name");

	if (name && *name) {
		name[strcspn(name, " \t")] = '\0';
		return name;
	}
	free(name);
	return xstrdup(strrchr(path, '/') + 1);
}

static json_t *entry(json_t *list, const char *name, const char *path)
{
	json_t *v;
	size_t i;

	/* A bridge was named by its port's file before its own. */
	json_array_foreach (list, i, v)
		if (strcmp(json_str_or(v, "name", ""), name) == 0) {
			if (json_str(v, "method"))
				break;
			json_put_str(v, "file", path);
			return v;
		}
	return net_iface(list, name, path);
}

static void file_facts(const char *path, const char *s, json_t *list)
{
	_free_ char *name = NULL, *mac = NULL, *named = NULL;
	_text_ struct text t = {0};
	json_t *o;

	text_open(&t, s);
	name = name_of(&t, path);
	if (strcmp(name, "lo") == 0)
		return;
	o = entry(list, name, path);
	mac = ini_get(&t, "Match", "MACAddress");
	named = ini_get(&t, "Match", "Name");
	json_put_str(o, "mac", mac);
	if (strpbrk(name, "*?[!") || (!named && !mac))
		json_put_bool(o, "any", true);
	if (!named || strpbrk(name, "*?[!"))
		json_put_bool(o, "pin", false);
	fact_address(&t, o);
	fact_ports(&t, name, path, list);
}

static void facts(struct guest *g, const struct guest_changes *cs,
	json_t *files, json_t *list)
{
	_json_ json_t *mine = my_files(g);

	net_each(g, cs, mine, files, list, file_facts);
}

/* --- changes --- */

static struct ini_part section(struct text *t, const char *name)
{
	struct ini_part p;

	return ini_section(t, name, 0, &p) ? p : ini_add_section(t, name);
}

static void put_address(struct text *t, const struct net_goal *goal)
{
	_free_ char *old = NULL, *dhcp = NULL;
	char now[NET_ADDR_LEN];
	struct ini_part p;
	size_t i;

	net_addr_text(now, &goal->addr);
	if (find_address(t, &p, &i, &old)) {
		if (strcmp(old, now))
			ini_set(t, &p, i, now);
		return;
	}
	p = section(t, "Network");
	dhcp = ini_value(t, &p, "DHCP", 0);
	if (dhcp4(dhcp))
		ini_put(t, &p, "DHCP", 0,
			str_eqi(dhcp, "ipv4") || str_eqi(dhcp, "v4") ? "no"
								     : "ipv6");
	ini_put(t, &p, "Address", 0, now);
}

/* Only a [Route] can say that its gateway is on the link. */
static void put_route(struct text *t, const char *gateway)
{
	struct ini_part p = ini_add_section(t, "Route");

	ini_put(t, &p, "Gateway", 0, gateway);
	ini_put(t, &p, "GatewayOnlink", 0, "yes");
}

static void put_gateway(struct text *t, const struct net_goal *goal)
{
	_free_ char *old = NULL;
	struct ini_part p;
	bool route = false, found;
	size_t i = 0, k;

	found = find_gateway(t, &p, &i, &route, &old);
	if (found && !(net_far(goal) && !route)) {
		ini_set(t, &p, i, goal->gateway);
		if (net_far(goal) && !ini_line(t, &p, "GatewayOnLink", 0, &k) &&
			!ini_line(t, &p, "GatewayOnlink", 0, &k))
			ini_put(t, &p, "GatewayOnlink", 0, "yes");
		return;
	}
	if (found)
		text_remove(t, i, 1);
	if (net_far(goal)) {
		put_route(t, goal->gateway);
		return;
	}
	p = section(t, "Network");
	ini_put(t, &p, "Gateway", 0, goal->gateway);
}

/* The IPv4 servers are replaced where the first of them stands. */
static void put_dns(struct text *t, const char *dns)
{
	struct ini_part p = section(t, "Network");
	_free_ char *copy = xstrdup(dns);
	size_t at = p.to, i, k = 0;
	char *save = NULL, *w;

	while (at > p.from && !*t->line[at - 1].s)
		at--;
	while (ini_line(t, &p, "DNS", k, &i)) {
		_free_ char *v = ini_value(t, &p, "DNS", k);
		_buf_ struct buf v6 = {0};
		bool mixed = strpbrk(v, " \t");

		add_servers(&v6, v, true);
		if (v6.len) {
			if (mixed)
				ini_set(t, &p, i, v6.s);
			k++;
			continue;
		}
		if (at > i)
			at = i;
		text_remove(t, i, 1);
		p.to--;
	}
	for (w = strtok_r(copy, " ", &save); w;
		w = strtok_r(NULL, " ", &save)) {
		_free_ char *line = xasprintf("DNS=%s", w);

		text_insert(t, at++, line);
	}
}

static void rewrite(struct text *t, const struct net_goal *goal)
{
	_free_ char *gw = NULL, *addr = NULL, *dns = get_dns(t);
	char now[NET_ADDR_LEN];
	struct ini_part p;
	bool route;
	size_t i;
	bool same = find_address(t, &p, &i, &addr) &&
		strcmp(addr, net_addr_text(now, &goal->addr)) == 0;

	put_address(t, goal);
	if (goal->gateway &&
		!(find_gateway(t, &p, &i, &route, &gw) && same &&
			strcmp(gw, goal->gateway) == 0))
		put_gateway(t, goal);
	if (goal->dns && !(dns && strcmp(dns, goal->dns) == 0))
		put_dns(t, goal->dns);
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = my_files(g);
	const json_t *v;
	size_t i;

	/* The first file that matches is the one networkd takes. */
	json_array_foreach (files, i, v) {
		const char *path = json_string_value(v);
		_free_ char *before = guest_future(g, cs, path);
		_free_ char *mine = NULL, *after = NULL, *why = NULL;
		_text_ struct text t = {0};

		text_open(&t, before ? before : "");
		mine = name_of(&t, path);
		if (strcmp(mine, name))
			continue;
		rewrite(&t, goal);
		after = text_join(&t);
		why = xasprintf(N_("%s gets its new address."), name);
		if (strcmp(after, before))
			guest_change_add(g, cs, path, after, 0644, why);
		return true;
	}
	return false;
}

const struct net_stack net_networkd = {
	.name = "networkd",
	.active = active,
	.facts = facts,
	.change = change,
};
