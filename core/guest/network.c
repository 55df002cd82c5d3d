/*
 * Network of a Linux guest: which stacks are active, which interface is which
 * NIC, its new address, and its name pinned to its MAC so that the
 * configuration stays valid on other hardware.
 *
 * A NIC is a card (its name is pinned); its address may stand on a bridge, a
 * bond or a VLAN above it (the carrier).
 */
#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "../str.h"

/* What is asked first wins where two speak of one card. */
static const struct net_stack *const stacks[] = {&net_netplan, &net_ifupdown,
	&net_nm, &net_ifcfg, &net_suse, &net_networkd};

bool net_far(const struct net_goal *goal)
{
	struct addr gw;

	return goal->gateway && addr_parse(goal->gateway, &gw) == 0 &&
		!addr_inside(&goal->addr, gw.ip);
}

bool net_is_v4(const char *s)
{
	struct addr a;

	return addr_parse(s, &a) == 0;
}

char *net_addr_text(char out[NET_ADDR_LEN], const struct addr *a)
{
	char ip[ADDR_LEN];

	snprintf(out, NET_ADDR_LEN, "%s/%u", addr_text(ip, a->ip), a->prefix);
	return out;
}

json_t *net_iface(json_t *list, const char *name, const char *file)
{
	json_t *o = json_object();

	json_put_str(o, "name", name);
	json_put_str(o, "file", file);
	json_array_append_new(list, o);
	return o;
}

void net_add(json_t *o, const char *key, const char *text)
{
	json_t *list = json_object_get(o, key);

	if (!list) {
		list = json_array();
		json_put(o, key, list);
	}
	json_array_append_new(list, json_text(text));
}

/* --- facts --- */

void net_each(struct guest *g, const struct guest_changes *cs, json_t *mine,
	json_t *files, json_t *list,
	void (*fact)(const char *path, const char *text, json_t *list))
{
	const json_t *v;
	size_t i;

	json_array_extend(files, mine);
	json_array_foreach (mine, i, v) {
		_free_ char *s = guest_future(g, cs, json_string_value(v));

		if (s)
			fact(json_string_value(v), s, list);
	}
}

/* The stack of the first card, else the first that is active. */
static const char *main_stack(const json_t *list, const char *first)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (strcmp(json_str_or(v, "name", ""), "lo"))
			return json_str(v, "stack");
	return first;
}

static json_t *network(struct guest *g, const struct guest_changes *cs)
{
	json_t *net = json_object(), *files = json_array();
	json_t *list = json_array(), *v;
	const char *first = "none";
	size_t i, from = 0;

	for (size_t s = 0; s < ARRAY_LEN(stacks); s++) {
		if (!stacks[s]->active(g))
			continue;
		if (strcmp(first, "none") == 0)
			first = stacks[s]->name;
		stacks[s]->facts(g, cs, files, list);
		json_array_foreach (list, i, v)
			if (i >= from)
				json_put_str(v, "stack", stacks[s]->name);
		from = json_array_size(list);
	}
	json_put_str(net, "stack", main_stack(list, first));
	json_put(net, "files", files);
	json_put(net, "interfaces", list);
	json_put(net, "persistent_rules", names_pinned(g));
	return net;
}

void guest_network(struct guest *g, json_t *facts)
{
	json_put(facts, "network", network(g, NULL));
}

/* --- the carrier of a card's address --- */

int net_rank(bool off, bool address)
{
	return (off ? 0 : 2) + address;
}

static int rank(const json_t *v)
{
	return net_rank(
		json_flag(v, "off", false), json_str(v, "address") != NULL);
}

static const json_t *by_name(const json_t *list, const char *name)
{
	const json_t *v, *found = NULL;
	size_t i;

	/* Several stanzas or profiles of one name. */
	json_array_foreach (list, i, v) {
		if (strcmp(json_str_or(v, "name", ""), name))
			continue;
		if (!found || rank(found) < rank(v))
			found = v;
	}
	return found;
}

static bool stands_on(const json_t *o, const char *name)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(o, "ports"), i, v)
		if (strcmp(json_string_value(v), name) == 0)
			return true;
	return false;
}

static bool carries(const json_t *o)
{
	return o &&
		(json_str(o, "address") ||
			strcmp(json_str_or(o, "method", ""), "dhcp") == 0);
}

/* The interface with the address: the card itself, else the only one (or the
 * one with the gateway) among those that stand on it. depth ends a loop. */
static const json_t *carrier(const json_t *list, const char *name, int depth)
{
	const json_t *me = by_name(list, name), *v, *found = NULL;
	size_t i, n = 0;

	if (carries(me) || depth == 0)
		return carries(me) ? me : NULL;
	json_array_foreach (list, i, v) {
		const json_t *up = stands_on(v, name)
			? carrier(list, json_str(v, "name"), depth - 1)
			: NULL;

		if (!up || up == found)
			continue;
		n++;
		if (!found || json_str(up, "gateway"))
			found = up;
	}
	return n == 1 || (n && json_str(found, "gateway")) ? found : NULL;
}

/* Nothing has an address: the card itself gets one, if it is configured. */
static const json_t *carrier_of(const json_t *list, const char *name)
{
	const json_t *c = carrier(list, name, 4);

	return c ? c : by_name(list, name);
}

/* --- changes --- */

static const struct net_stack *stack_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(stacks); i++)
		if (strcmp(stacks[i]->name, name) == 0)
			return stacks[i];
	return NULL;
}

static char *dns_text(const json_t *nic)
{
	const json_t *list = json_object_get(nic, "dns"), *v;
	struct buf b = {0};
	size_t i;

	json_array_foreach (list, i, v)
		buf_addf(&b, "%s%s", b.len ? " " : "", json_string_value(v));
	return b.len ? buf_steal(&b) : NULL;
}

/* Does another file speak of it, maybe of another stack? */
static bool elsewhere(const json_t *v, const json_t *c)
{
	return strcmp(json_str_or(v, "file", ""), json_str_or(c, "file", "")) !=
		0;
}

/* What stays as it is although the card moves. */
static void tell_rest(const json_t *list, const json_t *c,
	const struct net_goal *goal, bool keeps6, struct guest_changes *cs)
{
	const char *name = json_str_or(c, "name", "");
	_free_ char *alias = xasprintf("%s:", name);
	struct net_goal now = *goal;
	const json_t *v;
	size_t i;

	if (keeps6 && json_str(c, "address6"))
		guest_left(cs, "%s keeps its IPv6 address %s", name,
			json_str(c, "address6"));
	json_array_foreach (list, i, v) {
		const char *is = json_str_or(v, "name", "");

		if (v == c || !carries(v) || json_flag(v, "off", false))
			continue;
		if (strcmp(is, name) == 0 && elsewhere(v, c))
			guest_left(cs,
				"%s is configured in %s too (%s): take out "
				"there what is old, in the VM's console",
				name, json_str_or(v, "file", "?"),
				json_str_or(v, "address", "DHCP"));
		else if (json_str(v, "address") &&
			(str_starts(is, alias) || strcmp(is, name) == 0))
			guest_left(cs, "%s keeps its second address %s", is,
				json_str(v, "address"));
	}
	now.gateway = json_str(c, "gateway");
	if (!goal->gateway && net_far(&now))
		guest_left(cs,
			"%s keeps its gateway %s, which is outside its new "
			"network",
			name, now.gateway);
}

/* The files as they will be are read again: what they say must be what was
 * wanted. */
static bool reached(struct guest *g, const struct guest_changes *cs,
	const char *name, const struct net_goal *goal)
{
	_json_ json_t *net = network(g, cs);
	const json_t *v;
	struct addr a;
	size_t i;

	json_array_foreach (json_object_get(net, "interfaces"), i, v) {
		const char *gw = json_str_or(v, "gateway", "");

		if (strcmp(json_str_or(v, "name", ""), name) ||
			addr_parse(json_str_or(v, "address", ""), &a) ||
			a.ip != goal->addr.ip || a.prefix != goal->addr.prefix)
			continue;
		if (!goal->gateway || strcmp(gw, goal->gateway) == 0)
			return true;
	}
	return false;
}

static void address(struct guest *g, const char *card, const json_t *nic,
	const json_t *net, struct guest_changes *cs)
{
	const char *want = json_str(nic, "address");
	const json_t *list = json_object_get(net, "interfaces");
	const json_t *c = carrier_of(list, card);
	const char *name = c ? json_str_or(c, "name", card) : card;
	const struct net_stack *s =
		c ? stack_named(json_str_or(c, "stack", "")) : NULL;
	_free_ char *dns = dns_text(nic);
	struct net_goal goal = {
		.gateway = json_str(nic, "gateway"), .dns = dns};

	if (!want)
		return;
	if (addr_parse(want, &goal.addr) ||
		(goal.gateway && !net_is_v4(goal.gateway))) {
		guest_left(cs,
			"%s is not an IPv4 address with prefix and gateway: "
			"set it on %s in the VM's console",
			want, name);
		return;
	}
	if (!s || !s->change(g, name, &goal, cs)) {
		guest_left(cs,
			"the configuration of %s was not understood: set %s "
			"in the VM's console",
			name, want);
		return;
	}
	tell_rest(list, c, &goal, !json_str(nic, "address6"), cs);
	if (!reached(g, cs, name, &goal))
		guest_left(cs,
			"check %s in the VM's console: its files do not say "
			"%s plainly",
			name, want);
}

/* IPv6 and MTU, after the IPv4 address, which may have changed the file. */
static void rest(struct guest *g, const char *card, const json_t *nic,
	const json_t *net, struct guest_changes *cs)
{
	const json_t *list = json_object_get(net, "interfaces");

	net6_change(g, list, carrier_of(list, card), nic, cs);
	mtu_change(g, carrier_of(list, card), card, nic, cs);
}

/* A MAC that the files match by, or set, is the new one. */
static void replace_mac(struct guest *g, const json_t *net, const char *from,
	const char *to, struct guest_changes *cs)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(net, "files"), i, v) {
		const char *path = json_string_value(v);
		_free_ char *before = guest_future(g, cs, path);
		_free_ char *after = NULL;
		_text_ struct text t = {0};

		text_open(&t, before ? before : "");
		if (!text_swap_lines(&t, 0, t.n, from, to))
			continue;
		after = text_join(&t);
		guest_change_add(g, cs, path, after, 0644,
			"The card has another MAC address now.");
	}
}

/* A configuration that matches by MAC or pattern names no card to pin. */
static bool pinned(const json_t *net, const char *name)
{
	const json_t *o = by_name(json_object_get(net, "interfaces"), name);

	return !o || json_flag(o, "pin", true);
}

static void one_nic(struct guest *g, const json_t *nic, const json_t *net,
	size_t n_nics, struct guest_changes *cs)
{
	const char *mac = json_str(nic, "mac");
	const char *old = json_str(nic, "old_mac");
	_free_ char *name = names_card(nic, net, n_nics);

	if (!name) {
		guest_left(cs,
			"which interface network card %u is cannot be told: "
			"set it in the VM's console",
			(unsigned)json_u64(nic, "index", 0));
		return;
	}
	address(g, name, nic, net, cs);
	rest(g, name, nic, net, cs);
	if (mac && old && !str_eqi(mac, old))
		replace_mac(g, net, old, mac, cs);
	if (mac && pinned(net, name))
		names_pin(g, name, mac, cs);
}

/* After all cards: one's old network may be another's. */
static void tell_stale(struct guest *g, const json_t *nic, const json_t *net,
	size_t n_nics, struct guest_changes *cs)
{
	const json_t *list = json_object_get(net, "interfaces");
	_free_ char *card = names_card(nic, net, n_nics);
	const json_t *c = card ? carrier_of(list, card) : NULL;
	struct net_goal goal = {.gateway = json_str(nic, "gateway")};

	if (c && addr_parse(json_str_or(nic, "address", ""), &goal.addr) == 0)
		stale_tell(g, net, c, &goal, cs);
}

void guest_network_changes(
	struct guest *g, const json_t *wanted, struct guest_changes *cs)
{
	const json_t *nics = json_object_get(wanted, "nics"), *nic;
	_json_ json_t *net = NULL;
	size_t i;

	if (!json_array_size(nics))
		return;
	nm_merge(g, cs);
	net = network(g, cs);
	if (!json_array_size(json_object_get(net, "interfaces"))) {
		guest_left(cs,
			"no network configuration that is understood: set the "
			"address in the VM's console");
		return;
	}
	json_array_foreach (nics, i, nic)
		one_nic(g, nic, net, json_array_size(nics), cs);
	json_array_foreach (nics, i, nic)
		tell_stale(g, nic, net, json_array_size(nics), cs);
	cloudinit_change(g, cs);
}
