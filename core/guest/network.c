/*
 * Network of a Linux guest: which stack, which interface is which NIC, its
 * new address, and its name pinned to its MAC so that the configuration stays
 * valid on other hardware.
 */
#include "network.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../str.h"

#define RULES "/etc/udev/rules.d/70-persistent-net.rules"

static const struct net_stack *const stacks[] = {&net_netplan, &net_ifupdown};

static const struct net_stack *stack_of(struct guest *g)
{
	for (size_t i = 0; i < ARRAY_LEN(stacks); i++)
		if (stacks[i]->present(g))
			return stacks[i];
	return NULL;
}

/* --- 70-persistent-net.rules --- */

/* KEY=="value" or KEY="value" of a rule; to be freed. */
static char *rule_value(const char *line, const char *key)
{
	const char *at = strstr(line, key), *end;

	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, "=");
	if (*at != '"')
		return NULL;
	end = strchr(++at, '"');
	return end ? xstrndup(at, end - at) : NULL;
}

static void add_rule(const char *line, json_t *out)
{
	_free_ char *mac = rule_value(line, "ATTR{address}");
	_free_ char *name = NULL;
	const char *at = line;
	json_t *o;

	/* NAME= stands last; KERNEL== before it holds no NAME. */
	for (const char *p = line; (p = strstr(p, "NAME=")); p++)
		at = p;
	name = rule_value(at, "NAME");
	if (!mac || !name || *line == '#')
		return;
	o = json_object();
	json_put_str(o, "name", name);
	json_put_str(o, "mac", mac);
	json_array_append_new(out, o);
}

static json_t *rules(struct guest *g)
{
	_free_ char *text = guest_text(g, RULES);
	json_t *out = json_array();
	char *p = text, *line;

	while (p && (line = str_line(&p)))
		add_rule(str_trim(line), out);
	return out;
}

/* --- which interface is which NIC --- */

static bool configured(const json_t *interfaces, const char *name)
{
	const json_t *v;
	size_t i;

	json_array_foreach (interfaces, i, v)
		if (strcmp(json_str_or(v, "name", ""), name) == 0)
			return true;
	return false;
}

/* A card of its own, not lo, an alias, a VLAN, a bridge or a bond. */
static bool is_card(const char *name)
{
	return strcmp(name, "lo") && !strpbrk(name, ":.") &&
		(str_starts(name, "en") || str_starts(name, "eth"));
}

/* The only card of the configuration, for a VM with one NIC. */
static const char *only_card(const json_t *interfaces)
{
	const char *found = NULL;
	const json_t *v;
	size_t i;

	json_array_foreach (interfaces, i, v) {
		const char *name = json_str_or(v, "name", "");

		if (!is_card(name) || (found && strcmp(found, name) == 0))
			continue;
		if (found)
			return NULL;
		found = name;
	}
	return found;
}

static char *by_rule(
	const json_t *persistent, const char *mac, const json_t *interfaces)
{
	const json_t *v;
	size_t i;

	json_array_foreach (persistent, i, v)
		if (mac && str_eqi(json_str_or(v, "mac", ""), mac) &&
			configured(interfaces, json_str_or(v, "name", "")))
			return xstrdup(json_str(v, "name"));
	return NULL;
}

/* In the order of certainty: a rule with its MAC, VMware's PCI slot
 * (ens192), ethN of the same number, the only card there is. */
static char *nic_name(const json_t *nic, const json_t *net, size_t n_nics)
{
	const json_t *interfaces = json_object_get(net, "interfaces");
	char *name = by_rule(json_object_get(net, "persistent_rules"),
		json_str(nic, "old_mac"), interfaces);
	const char *only;

	if (name)
		return name;
	if (json_object_get(nic, "pci_slot")) {
		name = xasprintf(
			"ens%u", (unsigned)json_u64(nic, "pci_slot", 0));
		if (configured(interfaces, name))
			return name;
		free(name);
	}
	name = xasprintf("eth%u", (unsigned)json_u64(nic, "index", 0));
	if (configured(interfaces, name))
		return name;
	free(name);
	only = n_nics == 1 ? only_card(interfaces) : NULL;
	return xstrdup(only);
}

/* --- names pinned to MACs --- */

static bool has_systemd(struct guest *g)
{
	return guest_has(g, "/lib/systemd/systemd") ||
		guest_has(g, "/usr/lib/systemd/systemd") ||
		guest_has(g, "/lib/systemd/systemd-udevd") ||
		guest_has(g, "/etc/systemd/network");
}

static void pin_link(struct guest *g, const char *name, const char *mac,
	struct guest_changes *cs)
{
	_free_ char *path =
		xasprintf("/etc/systemd/network/10-vmferry-%s.link", name);
	_free_ char *text = xasprintf(
		"# By vmferry: the card keeps the name it had on VMware.\n"
		"[Match]\nMACAddress=%s\nType=ether\n\n[Link]\nName=%s\n",
		mac, name);
	_free_ char *why = xasprintf(
		"The card %s keeps its name on other hardware.", name);

	guest_change_add(g, cs, path, text, 0644, why);
}

/* The rule of that name gets the MAC, or one is added. */
static char *with_rule(const char *text, const char *name, const char *mac)
{
	_free_ char *copy = xstrdup(text ? text : "");
	char *p = copy, *line;
	struct buf out = {0};
	bool found = false;

	while ((line = str_line(&p))) {
		_free_ char *n = NULL, *m = rule_value(line, "ATTR{address}");
		const char *at = strstr(line, "NAME=\"");

		n = at ? rule_value(at, "NAME") : NULL;
		if (*line == '#' || !n || !m || strcmp(n, name)) {
			buf_addf(&out, "%s\n", line);
			continue;
		}
		at = strstr(line, m);
		buf_addf(&out, "%.*s%s%s\n", (int)(at - line), line, mac,
			at + strlen(m));
		found = true;
	}
	if (!found)
		buf_addf(&out,
			"SUBSYSTEM==\"net\", ACTION==\"add\", "
			"ATTR{address}==\"%s\", NAME=\"%s\"\n",
			mac, name);
	return buf_steal(&out);
}

static void pin_rule(struct guest *g, const char *name, const char *mac,
	struct guest_changes *cs)
{
	_free_ char *text = guest_future(g, cs, RULES);
	_free_ char *after = with_rule(text, name, mac);
	_free_ char *why = xasprintf(
		"The card %s keeps its name with its MAC address.", name);

	if (!text || strcmp(text, after))
		guest_change_add(g, cs, RULES, after, 0644, why);
}

/* ethN without rules on a systemd guest is the kernel's own name
 * (net.ifnames=0): the order of cards stays, nothing to pin with one. */
static void pin(struct guest *g, const char *name, const char *mac,
	const json_t *net, struct guest_changes *cs)
{
	bool ruled =
		json_array_size(json_object_get(net, "persistent_rules")) > 0;
	_free_ char *low = xstrdup(mac);

	for (char *p = low; *p; p++)
		*p = tolower((unsigned char)*p);
	if (ruled || !has_systemd(g))
		pin_rule(g, name, low, cs);
	else
		pin_link(g, name, low, cs);
}

/* --- the whole --- */

void guest_network(struct guest *g, json_t *facts)
{
	const struct net_stack *s = stack_of(g);
	json_t *net = json_object();

	json_put_str(net, "stack", s ? s->name : "none");
	if (s)
		s->facts(g, net);
	json_put(net, "persistent_rules", rules(g));
	json_put(facts, "network", net);
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

static void address(struct guest *g, const struct net_stack *s,
	const char *name, const json_t *nic, struct guest_changes *cs)
{
	const char *want = json_str(nic, "address");
	_free_ char *dns = dns_text(nic);
	struct net_goal goal = {
		.gateway = json_str(nic, "gateway"), .dns = dns};

	if (!want)
		return;
	if (addr_parse(want, &goal.addr)) {
		guest_left(cs,
			"%s is not an IPv4 address with prefix: set it "
			"on %s in the VM's console",
			want, name);
		return;
	}
	if (!s->change(g, name, &goal, cs))
		guest_left(cs,
			"no %s configuration of %s: set %s there in "
			"the VM's console",
			s->name, name, want);
}

void guest_network_changes(
	struct guest *g, const json_t *wanted, struct guest_changes *cs)
{
	const json_t *nics = json_object_get(wanted, "nics"), *nic;
	const struct net_stack *s = stack_of(g);
	_json_ json_t *facts = json_object();
	const json_t *net;
	size_t i;

	if (!s) {
		guest_left(cs,
			"no network configuration that is understood: "
			"set the address in the VM's console");
		return;
	}
	guest_network(g, facts);
	net = json_object_get(facts, "network");
	json_array_foreach (nics, i, nic) {
		const char *mac = json_str(nic, "mac");
		_free_ char *name = nic_name(nic, net, json_array_size(nics));

		if (!name) {
			guest_left(cs,
				"which interface network card %zu is "
				"cannot be told: set it in the VM's "
				"console",
				i);
			continue;
		}
		if (mac)
			pin(g, name, mac, net, cs);
		address(g, s, name, nic, cs);
	}
}
