/*
 * Changes of a netplan definition: see netplan.h. What already is as wanted is
 * not touched; what cannot be read again as wanted is not written.
 */
#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "netplan.h"

struct plan {
	struct ydoc *d;
	yaml_node_t *key, *def;
	const struct net_goal *goal;
};

static void add(struct plan *p, const char *pair)
{
	ydoc_add_pair(p->d, p->key, p->def, pair);
}

/* "a, b" of "a b"; to be freed. */
static char *commas(const char *words, const char *sep)
{
	struct buf b = {0};

	for (; *words; words++)
		if (*words == ' ')
			buf_adds(&b, sep);
		else
			buf_addc(&b, *words);
	return buf_steal(&b);
}

static void change_address(struct plan *p)
{
	yaml_node_t *seq = ydoc_get(p->d, p->def, "addresses", NULL);
	yaml_node_t *dhcp = ydoc_get(p->d, p->def, "dhcp4", NULL);
	yaml_node_t *old = netplan_first_v4(p->d, seq);
	_free_ char *pair = NULL;
	char full[NET_ADDR_LEN];

	net_addr_text(full, &p->goal->addr);
	pair = xasprintf("addresses: [%s]", full);
	if (netplan_truth(ydoc_scalar(dhcp)))
		ydoc_replace(p->d, dhcp, "false");
	if (old)
		ydoc_replace(p->d, old, full);
	else if (seq && seq->type == YAML_SEQUENCE_NODE)
		ydoc_add_item(p->d, seq, full);
	else if (!seq)
		add(p, pair);
}

/* Routes that name the old gateway or address (a host route to the gateway,
 * one by way of the own address) name the new one. */
static void swap_routes(struct plan *p, const char *from, const char *to)
{
	static const char *const keys[] = {"to", "via", "from"};
	yaml_node_t *routes = ydoc_get(p->d, p->def, "routes", NULL);

	for (size_t i = 0; from && i < ydoc_items(routes); i++)
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			yaml_node_t *n = ydoc_get(p->d,
				ydoc_item(p->d, routes, i), keys[k], NULL);
			_free_ char *now = ydoc_scalar(n)
				? text_swap(ydoc_scalar(n), from, to)
				: NULL;

			if (now)
				ydoc_replace(p->d, n, now);
		}
}

/* Is there a route to the gateway itself? */
static bool has_host_route(struct plan *p, const char *gateway)
{
	yaml_node_t *routes = ydoc_get(p->d, p->def, "routes", NULL);

	for (size_t i = 0; gateway && i < ydoc_items(routes); i++) {
		const char *to = ydoc_scalar(
			ydoc_get(p->d, ydoc_item(p->d, routes, i), "to", NULL));
		_free_ char *seen = to ? text_swap(to, gateway, "x") : NULL;

		if (seen)
			return true;
	}
	return false;
}

static void new_route(struct plan *p)
{
	yaml_node_t *routes = ydoc_get(p->d, p->def, "routes", NULL);
	_free_ char *route = xasprintf("{to: 0.0.0.0/0, via: %s%s}",
		p->goal->gateway, net_far(p->goal) ? ", on-link: true" : "");
	_free_ char *pair = xasprintf("routes: [%s]", route);

	if (ydoc_items(routes))
		ydoc_add_item(p->d, routes, route);
	else
		add(p, pair);
}

static void change_gateway(struct plan *p)
{
	const char *old = netplan_gateway(p->d, p->def);
	yaml_node_t *via = NULL, *key = NULL;
	yaml_node_t *route = netplan_route(p->d, p->def, &via);
	yaml_node_t *g4 = ydoc_get(p->d, p->def, "gateway4", &key);
	bool far = net_far(p->goal);

	swap_routes(p, old, p->goal->gateway);
	if (route && far && !has_host_route(p, old) &&
		!ydoc_get(p->d, route, "on-link", NULL)) {
		ydoc_get(p->d, route, "via", &key);
		ydoc_pair_before(p->d, route, key, "on-link: true");
	} else if (!route && g4 && !far) {
		ydoc_replace(p->d, g4, p->goal->gateway);
	} else if (!route && g4 &&
		p->def->data.mapping.style != YAML_FLOW_MAPPING_STYLE) {
		/* gateway4 cannot say that it is on the link. */
		ydoc_cut_line(p->d, key);
		new_route(p);
	} else if (!route) {
		new_route(p);
	}
}

/* Items of a block sequence: the first IPv4 one becomes all, the others
 * go. */
static void dns_items(struct plan *p, const yaml_node_t *seq)
{
	_free_ char *sep =
		xasprintf("\n%*s- ", (int)seq->start_mark.column, "");
	_free_ char *all = commas(p->goal->dns, sep);
	bool done = false;

	for (size_t i = 0; i < ydoc_items(seq); i++) {
		yaml_node_t *n = ydoc_item(p->d, seq, i);

		if (!ydoc_scalar(n) || !net_is_v4(ydoc_scalar(n)))
			continue;
		if (done)
			ydoc_cut_line(p->d, n);
		else
			ydoc_replace(p->d, n, all);
		done = true;
	}
	if (!done)
		ydoc_add_item(p->d, seq, all);
}

static void dns_flow(struct plan *p, const yaml_node_t *seq)
{
	struct buf b = {0};
	_free_ char *list = commas(p->goal->dns, ", "), *all = NULL;

	buf_addf(&b, "[%s", list);
	for (size_t i = 0; i < ydoc_items(seq); i++) {
		const char *s = ydoc_scalar(ydoc_item(p->d, seq, i));

		if (s && !net_is_v4(s))
			buf_addf(&b, ", \"%s\"", s);
	}
	buf_addc(&b, ']');
	all = buf_steal(&b);
	ydoc_replace(p->d, seq, all);
}

static void change_dns(struct plan *p)
{
	_free_ char *old = netplan_dns(p->d, p->def);
	_free_ char *list = commas(p->goal->dns, ", ");
	_free_ char *inner = xasprintf("addresses: [%s]", list);
	_free_ char *outer = xasprintf("nameservers: {%s}", inner);
	yaml_node_t *seq = netplan_dns_node(p->d, p->def), *key = NULL;
	yaml_node_t *ns = ydoc_get(p->d, p->def, "nameservers", &key);

	if (old && strcmp(old, p->goal->dns) == 0)
		return;
	if (seq && seq->type == YAML_SEQUENCE_NODE &&
		seq->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE)
		dns_flow(p, seq);
	else if (ydoc_items(seq))
		dns_items(p, seq);
	else if (ns && !seq)
		ydoc_add_pair(p->d, key, ns, inner);
	else if (!ns)
		add(p, outer);
}

static void change_def(struct plan *p)
{
	const struct net_goal *goal = p->goal;
	const char *now = ydoc_scalar(netplan_first_v4(
		p->d, ydoc_get(p->d, p->def, "addresses", NULL)));
	const char *gw = netplan_gateway(p->d, p->def);
	char full[NET_ADDR_LEN], was[ADDR_LEN], is[ADDR_LEN];
	bool same = now && strcmp(now, net_addr_text(full, &goal->addr)) == 0;
	struct addr old;

	if (!same) {
		change_address(p);
		if (now && addr_parse(now, &old) == 0 &&
			old.ip != goal->addr.ip)
			swap_routes(p, addr_text(was, old.ip),
				addr_text(is, goal->addr.ip));
	}
	if (goal->gateway && (!same || !gw || strcmp(gw, goal->gateway)))
		change_gateway(p);
	if (goal->dns)
		change_dns(p);
}

static bool find(struct ydoc *d, const char *name, struct plan *p)
{
	for (size_t i = 0; netplan_def(d, i, &p->key, &p->def); i++) {
		const char *n = netplan_name(d, p->key, p->def);

		if (n && strcmp(n, name) == 0)
			return true;
	}
	return false;
}

/* Does the text say what was wanted? */
static bool says(
	const char *text, const char *name, const struct net_goal *goal)
{
	_json_ json_t *list = json_array();
	char full[NET_ADDR_LEN];
	json_t *v;
	size_t i;

	netplan_facts("", text, list);
	net_addr_text(full, &goal->addr);
	json_array_foreach (list, i, v)
		if (strcmp(json_str_or(v, "name", ""), name) == 0)
			return strcmp(json_str_or(v, "address", ""), full) ==
				0 &&
				(!goal->gateway ||
					strcmp(json_str_or(v, "gateway", ""),
						goal->gateway) == 0);
	return false;
}

char *netplan_rewrite(
	const char *text, const char *name, const struct net_goal *goal)
{
	struct ydoc d;
	struct plan p = {.d = &d, .goal = goal};
	char *after = NULL;

	if (ydoc_open(&d, text))
		return NULL;
	if (find(&d, name, &p)) {
		change_def(&p);
		after = ydoc_apply(&d);
	}
	ydoc_close(&d);
	if (after && !says(after, name, goal)) {
		free(after);
		return NULL;
	}
	return after;
}

/* --- IPv6 --- */

static bool holds_item(struct ydoc *d, const yaml_node_t *seq, const char *key,
	const char *want)
{
	for (size_t i = 0; i < ydoc_items(seq); i++) {
		yaml_node_t *n = ydoc_item(d, seq, i);
		const char *s =
			ydoc_scalar(key ? ydoc_get(d, n, key, NULL) : n);

		if (s && strcmp(s, want) == 0)
			return true;
	}
	return false;
}

static bool says6(const char *text, const char *name, const char *addr,
	const char *gateway)
{
	struct ydoc d;
	struct plan p = {.d = &d};
	bool good;

	if (ydoc_open(&d, text))
		return false;
	good = find(&d, name, &p) &&
		holds_item(&d, ydoc_get(&d, p.def, "addresses", NULL), NULL,
			addr) &&
		(!gateway ||
			holds_item(&d, ydoc_get(&d, p.def, "routes", NULL),
				"via", gateway));
	ydoc_close(&d);
	return good;
}

static bool has_v6(struct ydoc *d, const yaml_node_t *seq)
{
	yaml_node_t *k, *v;

	for (size_t i = 0; i < ydoc_items(seq); i++) {
		yaml_node_t *n = ydoc_item(d, seq, i);
		/* "A/P", or {"A/P": {label: ..}}. */
		const char *s = ydoc_scalar(ydoc_pair(d, n, 0, &k, &v) ? k : n);

		if (s && strchr(s, ':'))
			return true;
	}
	return false;
}

/* An item of a list that may be empty or not there. */
static void add_to(struct plan *p, const char *key, const char *item)
{
	yaml_node_t *seq = ydoc_get(p->d, p->def, key, NULL);
	_free_ char *pair = xasprintf("%s: [%s]", key, item);

	if (ydoc_items(seq))
		ydoc_add_item(p->d, seq, item);
	else if (!seq)
		add(p, pair);
}

/* Quoted: colons are YAML's. */
static void add6(
	struct plan *p, const char *addr, const char *gateway, bool far)
{
	_free_ char *item = xasprintf("\"%s\"", addr), *route = NULL;

	add_to(p, "addresses", item);
	if (!gateway)
		return;
	route = xasprintf("{to: \"::/0\", via: \"%s\"%s}", gateway,
		far ? ", on-link: true" : "");
	add_to(p, "routes", route);
}

char *netplan_add6(const char *text, const char *name, const char *addr,
	const char *gateway, bool far)
{
	struct ydoc d;
	struct plan p = {.d = &d};
	char *after = NULL;

	if (says6(text, name, addr, gateway))
		return xstrdup(text);
	if (ydoc_open(&d, text))
		return NULL;
	/* gateway6 is another way to say it: not two of them. */
	if (find(&d, name, &p) &&
		!has_v6(&d, ydoc_get(&d, p.def, "addresses", NULL)) &&
		!(gateway && ydoc_get(&d, p.def, "gateway6", NULL))) {
		add6(&p, addr, gateway, far);
		after = ydoc_apply(&d);
	}
	ydoc_close(&d);
	if (after && !says6(after, name, addr, gateway)) {
		free(after);
		return NULL;
	}
	return after;
}

uint64_t netplan_mtu_now(const char *text, const char *name)
{
	struct ydoc d;
	struct plan p = {.d = &d};
	const char *s = NULL;
	uint64_t n = 0;

	if (ydoc_open(&d, text))
		return 0;
	if (find(&d, name, &p))
		s = ydoc_scalar(ydoc_get(&d, p.def, "mtu", NULL));
	if (s)
		str_u64(s, 65535, &n);
	ydoc_close(&d);
	return n;
}

char *netplan_mtu(const char *text, const char *name, const char *value)
{
	struct ydoc d;
	struct plan p = {.d = &d};
	_free_ char *pair = xasprintf("mtu: %s", value);
	yaml_node_t *now;
	char *after = NULL;

	if (ydoc_open(&d, text))
		return NULL;
	if (find(&d, name, &p)) {
		now = ydoc_get(&d, p.def, "mtu", NULL);
		if (ydoc_scalar(now))
			ydoc_replace(&d, now, value);
		else
			add(&p, pair);
		after = ydoc_apply(&d);
	}
	ydoc_close(&d);
	return after;
}
