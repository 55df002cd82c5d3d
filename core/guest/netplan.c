/*
 * The .yaml files of /etc/netplan. Keys: netplan's YAML reference (addresses,
 * gateway4, routes/to/via/on-link, nameservers, dhcp4, match, set-name,
 * interfaces, link). What already is as wanted is not touched; what cannot be
 * read again as wanted is not written.
 */
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "netplan.h"

#define DIR "/etc/netplan"

static const char *const kinds[] = {
	"ethernets", "bonds", "bridges", "vlans", "wifis"};

static json_t *my_files(struct guest *g)
{
	return guest_files(g, DIR, ".yaml");
}

static bool active(struct guest *g)
{
	static const char *const tools[] = {"/usr/sbin/netplan",
		"/usr/bin/netplan", "/sbin/netplan",
		"/lib/systemd/system-generators/netplan",
		"/usr/lib/systemd/system-generators/netplan"};
	_json_ json_t *files = my_files(g);

	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		if (guest_has(g, tools[i]))
			return json_array_size(files) > 0;
	return false;
}

/* --- one definition --- */

bool netplan_truth(const char *s)
{
	bool b;

	return s && str_bool(s, &b) == 0 && b;
}

/* The scalar of an item: "A/P", or the key of {"A/P": {label: ..}}. */
static yaml_node_t *address_node(struct ydoc *d, yaml_node_t *item)
{
	yaml_node_t *k, *v;

	return ydoc_pair(d, item, 0, &k, &v) ? k : item;
}

yaml_node_t *netplan_first_v4(struct ydoc *d, const yaml_node_t *seq)
{
	for (size_t i = 0; i < ydoc_items(seq); i++) {
		yaml_node_t *n = address_node(d, ydoc_item(d, seq, i));
		const char *s = ydoc_scalar(n);

		if (s && net_is_v4(s))
			return n;
	}
	return NULL;
}

static bool is_default(const char *to)
{
	return to &&
		(strcmp(to, "default") == 0 || strcmp(to, "0.0.0.0/0") == 0 ||
			strcmp(to, "0/0") == 0);
}

/* The IPv4 default route and its `via`; null where there is none. */
yaml_node_t *netplan_route(
	struct ydoc *d, const yaml_node_t *def, yaml_node_t **via)
{
	yaml_node_t *routes = ydoc_get(d, def, "routes", NULL);

	for (size_t i = 0; i < ydoc_items(routes); i++) {
		yaml_node_t *r = ydoc_item(d, routes, i);
		const char *gw;

		*via = ydoc_get(d, r, "via", NULL);
		gw = ydoc_scalar(*via);
		if (gw && net_is_v4(gw) && !ydoc_get(d, r, "table", NULL) &&
			is_default(ydoc_scalar(ydoc_get(d, r, "to", NULL))))
			return r;
	}
	return NULL;
}

const char *netplan_gateway(struct ydoc *d, const yaml_node_t *def)
{
	yaml_node_t *via = NULL;

	if (netplan_route(d, def, &via))
		return ydoc_scalar(via);
	return ydoc_scalar(ydoc_get(d, def, "gateway4", NULL));
}

yaml_node_t *netplan_dns_node(struct ydoc *d, const yaml_node_t *def)
{
	return ydoc_get(
		d, ydoc_get(d, def, "nameservers", NULL), "addresses", NULL);
}

/* The IPv4 servers, "A B"; to be freed, null where none. */
char *netplan_dns(struct ydoc *d, const yaml_node_t *def)
{
	yaml_node_t *seq = netplan_dns_node(d, def);
	struct buf b = {0};

	for (size_t i = 0; i < ydoc_items(seq); i++) {
		const char *s = ydoc_scalar(ydoc_item(d, seq, i));

		if (s && net_is_v4(s))
			buf_addf(&b, "%s%s", b.len ? " " : "", s);
	}
	return b.len ? buf_steal(&b) : NULL;
}

bool netplan_def(struct ydoc *d, size_t i, yaml_node_t **key, yaml_node_t **def)
{
	yaml_node_t *net = ydoc_get(d, ydoc_root(d), "network", NULL);

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		yaml_node_t *map = ydoc_get(d, net, kinds[k], NULL);
		size_t n = 0;

		for (; ydoc_pair(d, map, n, key, def); n++)
			if (n == i)
				return true;
		i -= n;
	}
	return false;
}

const char *netplan_name(
	struct ydoc *d, const yaml_node_t *key, const yaml_node_t *def)
{
	const char *set = ydoc_scalar(ydoc_get(d, def, "set-name", NULL));

	return set ? set : ydoc_scalar(key);
}

/* --- facts --- */

static void fact_match(struct ydoc *d, yaml_node_t *def, json_t *o)
{
	yaml_node_t *match = ydoc_get(d, def, "match", NULL);
	const char *mac = ydoc_scalar(ydoc_get(d, match, "macaddress", NULL));
	const char *name = ydoc_scalar(ydoc_get(d, match, "name", NULL));

	if (!match)
		return;
	json_put_str(o, "mac", mac);
	if (!ydoc_get(d, def, "set-name", NULL))
		json_put_bool(o, "pin", false);
	if (!mac && (!name || strpbrk(name, "*?[")))
		json_put_bool(o, "any", true);
}

static void fact_ports(struct ydoc *d, yaml_node_t *def, json_t *o)
{
	yaml_node_t *ports = ydoc_get(d, def, "interfaces", NULL);
	const char *link = ydoc_scalar(ydoc_get(d, def, "link", NULL));

	for (size_t i = 0; i < ydoc_items(ports); i++) {
		const char *s = ydoc_scalar(ydoc_item(d, ports, i));

		if (s)
			net_add(o, "ports", s);
	}
	if (link)
		net_add(o, "ports", link);
}

static void fact(struct ydoc *d, const char *path, const char *name,
	yaml_node_t *def, json_t *list)
{
	yaml_node_t *seq = ydoc_get(d, def, "addresses", NULL);
	_free_ char *dns = netplan_dns(d, def);
	const char *address = ydoc_scalar(netplan_first_v4(d, seq));
	json_t *o = net_iface(list, name, path);

	json_put_str(o, "method",
		address ? "static"
			: netplan_truth(
				  ydoc_scalar(ydoc_get(d, def, "dhcp4", NULL)))
			? "dhcp"
			: "manual");
	json_put_str(o, "address", address);
	json_put_str(o, "gateway", netplan_gateway(d, def));
	json_put_str(o, "dns", dns);
	for (size_t i = 0; i < ydoc_items(seq); i++) {
		const char *s =
			ydoc_scalar(address_node(d, ydoc_item(d, seq, i)));

		if (s && strchr(s, ':'))
			json_put_str(o, "address6", s);
	}
	fact_match(d, def, o);
	fact_ports(d, def, o);
}

void netplan_facts(const char *path, const char *text, json_t *list)
{
	yaml_node_t *key, *def;
	struct ydoc d;

	if (ydoc_read(&d, text))
		return;
	for (size_t i = 0; netplan_def(&d, i, &key, &def); i++)
		if (netplan_name(&d, key, def))
			fact(&d, path, netplan_name(&d, key, def), def, list);
	ydoc_close(&d);
}

static void facts(struct guest *g, const struct guest_changes *cs,
	json_t *files, json_t *list)
{
	_json_ json_t *mine = my_files(g);

	net_each(g, cs, mine, files, list, netplan_facts);
}

/* --- changes --- */

/* The last file that gives the interface an address, else the last that
 * names it: netplan reads them in order, later ones over earlier ones. */
static const char *file_of(struct guest *g, const struct guest_changes *cs,
	const json_t *files, const char *name)
{
	const char *path = NULL;
	bool with_address = false;
	const json_t *v, *o;
	size_t i, k;

	json_array_foreach (files, i, v) {
		_free_ char *s = guest_future(g, cs, json_string_value(v));
		_json_ json_t *list = json_array();

		netplan_facts("", s ? s : "", list);
		json_array_foreach (list, k, o) {
			bool has = json_str(o, "address") != NULL;

			if (strcmp(json_str_or(o, "name", ""), name) ||
				(with_address && !has))
				continue;
			path = json_string_value(v);
			with_address |= has;
		}
	}
	return path;
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = my_files(g);
	const char *path = file_of(g, cs, files, name);
	_free_ char *before = path ? guest_future(g, cs, path) : NULL;
	_free_ char *after =
		before ? netplan_rewrite(before, name, goal) : NULL;
	_free_ char *why = xasprintf(N_("%s gets its new address."), name);

	if (!after && before && ydoc_has_aliases(before))
		guest_left(cs,
			"%s uses YAML aliases (*name): what stands in several "
			"places is not changed. Write the values out there, in "
			"the VM's console",
			path);
	if (!after)
		return false;
	if (strcmp(after, before))
		guest_change_add(g, cs, path, after, 0600, why);
	return true;
}

const struct net_stack net_netplan = {
	.name = "netplan",
	.active = active,
	.facts = facts,
	.change = change,
};
