/*
 * Names of network cards: which interface of the configuration a NIC of the
 * VM is, and the name kept on other hardware, by a .link file (systemd-udevd
 * 209 and later, known by its 80-net-setup-link.rules) or a udev rule.
 */
#include "network.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "ini.h"

#define RULES "/etc/udev/rules.d/70-persistent-net.rules"
#define LINKS "/etc/systemd/network"
#define LINK_RULES "80-net-setup-link.rules"

/* --- what pins names already --- */

/* "value" behind the last KEY== or KEY= of a rule; to be freed. `key` may be
 * the end of a key: {address} is ATTR, ATTRS or SYSFS. */
static char *rule_value(const char *line, const char *key)
{
	const char *at = NULL, *end;
	size_t n = strlen(key);

	for (const char *p = line; (p = strstr(p, key)); p++)
		if (p[n] == '=')
			at = p + n;
	if (!at)
		return NULL;
	at += strspn(at, "=");
	if (*at != '"' || !(end = strchr(at + 1, '"')))
		return NULL;
	return xstrndup(at + 1, end - at - 1);
}

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return !*line || *line == '#';
}

static void add_pin(
	json_t *out, const char *name, const char *mac, const char *file)
{
	json_t *o;

	if (!name || !mac)
		return;
	o = json_object();
	json_put_str(o, "name", name);
	json_put_str(o, "mac", mac);
	json_put_str(o, "file", file);
	json_array_append_new(out, o);
}

static void rules(struct guest *g, json_t *out)
{
	_free_ char *s = guest_text(g, RULES);
	char *p = s, *line;

	while (p && (line = str_line(&p))) {
		_free_ char *mac = rule_value(line, "{address}");
		_free_ char *name = rule_value(line, "NAME");

		if (!is_comment(line))
			add_pin(out, name, mac, RULES);
	}
}

static void links(struct guest *g, json_t *out)
{
	_json_ json_t *names = g->ops->list(g, LINKS);
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v) {
		_free_ char *path = path_join(LINKS, json_string_value(v));
		_free_ char *s = NULL, *mac = NULL, *name = NULL;
		_text_ struct text t = {0};

		if (!str_ends(path, ".link") || !(s = guest_text(g, path)))
			continue;
		text_open(&t, s);
		mac = ini_get(&t, "Match", "MACAddress");
		name = ini_get(&t, "Link", "Name");
		add_pin(out, name, mac, path);
	}
}

json_t *names_pinned(struct guest *g)
{
	json_t *out = json_array();

	rules(g, out);
	links(g, out);
	return out;
}

/* --- which interface is which NIC --- */

static bool has_port(const json_t *o, const char *name)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(o, "ports"), i, v)
		if (strcmp(json_string_value(v), name) == 0)
			return true;
	return false;
}

/* Does the configuration speak of that name? */
static bool configured(const json_t *interfaces, const char *name)
{
	const json_t *v;
	size_t i;

	json_array_foreach (interfaces, i, v)
		if (strcmp(json_str_or(v, "name", ""), name) == 0 ||
			has_port(v, name))
			return true;
	return false;
}

/* A card of its own, not lo, an alias, a VLAN, a bridge or a bond. */
static bool is_card(const char *name)
{
	static const char *const others[] = {"lo", "br[0-9-]*", "bond*",
		"vmbr*", "vlan*", "veth*", "tun*", "tap*", "wl*", "dummy*",
		"docker*", "virbr*", "team*", "sit*", "gre*", "wg*", "ppp*",
		"ovs*", "vnet*", "ib[0-9]*"};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (fnmatch(others[i], name, 0) == 0)
			return false;
	return *name && !strpbrk(name, ":.*?[");
}

static void consider(const char *name, const char **found, size_t *n)
{
	if (!name || !is_card(name) || (*found && strcmp(*found, name) == 0))
		return;
	*found = name;
	(*n)++;
}

/* The only card of the configuration, for a VM with one NIC. A bridge's
 * ports are cards; what has ports is none. */
static char *only_card(const json_t *interfaces)
{
	const char *found = NULL;
	const json_t *v, *p;
	size_t i, k, n = 0;

	json_array_foreach (interfaces, i, v) {
		const json_t *ports = json_object_get(v, "ports");

		json_array_foreach (ports, k, p)
			if (!strchr(json_string_value(p), '.'))
				consider(json_string_value(p), &found, &n);
		if (!ports)
			consider(json_str(v, "name"), &found, &n);
	}
	return n == 1 ? xstrdup(found) : NULL;
}

/* A configuration that names no card at all: "*", "en*". */
static char *any_card(const json_t *interfaces)
{
	const json_t *v;
	size_t i;

	json_array_foreach (interfaces, i, v)
		if (json_flag(v, "any", false))
			return xstrdup(json_str(v, "name"));
	return NULL;
}

static char *by_mac(
	const json_t *list, const char *mac, const json_t *interfaces)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (mac && str_eqi(json_str_or(v, "mac", ""), mac) &&
			configured(interfaces, json_str_or(v, "name", "")))
			return xstrdup(json_str(v, "name"));
	return NULL;
}

/* The configuration names the card's MAC, or a rule does. After changes that
 * were made the new one stands there. */
static char *mac_card(const json_t *nic, const json_t *net)
{
	static const char *const lists[] = {"interfaces", "persistent_rules"};
	static const char *const macs[] = {"old_mac", "mac"};
	const json_t *interfaces = json_object_get(net, "interfaces");
	char *name = NULL;

	for (size_t i = 0; !name && i < 4; i++)
		name = by_mac(json_object_get(net, lists[i / 2]),
			json_str(nic, macs[i % 2]), interfaces);
	return name;
}

/* In the order of certainty: its MAC, VMware's PCI slot (ens192), ethN of the
 * same number, the only card. */
char *names_card(const json_t *nic, const json_t *net, size_t n_nics)
{
	const json_t *interfaces = json_object_get(net, "interfaces");
	const char *given = json_str(nic, "name");
	char *name;

	if (given)
		return configured(interfaces, given) ? xstrdup(given) : NULL;
	name = mac_card(nic, net);
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
	name = n_nics == 1 ? only_card(interfaces) : NULL;
	return name || n_nics > 1 ? name : any_card(interfaces);
}

/* --- pinning --- */

static bool reads_links(struct guest *g)
{
	_free_ char *masked = g->ops->link(g, "/etc/udev/rules.d/" LINK_RULES);

	if (masked && strcmp(masked, "/dev/null") == 0)
		return false;
	return guest_has(g, "/lib/udev/rules.d/" LINK_RULES) ||
		guest_has(g, "/usr/lib/udev/rules.d/" LINK_RULES);
}

static void pin_link(struct guest *g, const char *name, const char *mac,
	struct guest_changes *cs)
{
	_free_ char *path = xasprintf(LINKS "/10-vmferry-%s.link", name);
	_free_ char *old = guest_future(g, cs, path);
	_free_ char *text = xasprintf(
		"# By vmferry: the card keeps the name it had on VMware.\n"
		"[Match]\nMACAddress=%s\nType=ether\n\n[Link]\nName=%s\n",
		mac, name);
	_free_ char *why = xasprintf(
		N_("The card %s keeps its name on other hardware."), name);

	if (!old || strcmp(old, text))
		guest_change_add(g, cs, path, text, 0644, why);
}

/* A rule that asks for VMware's driver or a place on the bus would not match
 * any more. */
static bool is_bound(const char *line)
{
	_free_ char *driver = rule_value(line, "DRIVERS");
	_free_ char *place = rule_value(line, "KERNELS");

	return place || (driver && strcmp(driver, "?*"));
}

static char *new_rule(const char *name, const char *mac)
{
	return xasprintf("SUBSYSTEM==\"net\", ACTION==\"add\", "
			 "ATTR{address}==\"%s\", NAME=\"%s\"",
		mac, name);
}

/* The rule of that name gets the MAC; a rule that gives the MAC another name
 * is switched off. True where the name has its rule. */
static bool set_rule(
	struct text *t, size_t i, const char *name, const char *mac)
{
	const char *line = t->line[i].s;
	_free_ char *n = rule_value(line, "NAME");
	_free_ char *m = rule_value(line, "{address}");
	_free_ char *now = NULL;

	if (is_comment(line) || !n)
		return false;
	if (strcmp(n, name)) {
		now = xasprintf("# vmferry: %s", line);
		if (m && str_eqi(m, mac))
			text_set(t, i, now);
		return false;
	}
	if (!m || is_bound(line))
		now = new_rule(name, mac);
	else if (!str_eqi(m, mac))
		now = text_swap(line, m, mac);
	if (now)
		text_set(t, i, now);
	return true;
}

static void pin_rule(struct guest *g, const char *name, const char *mac,
	struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, RULES);
	_free_ char *rule = new_rule(name, mac);
	_free_ char *after = NULL;
	_free_ char *why = xasprintf(
		N_("The card %s keeps its name with its MAC address."), name);
	_text_ struct text t = {0};
	bool found = false;

	text_open(&t, before ? before : "");
	for (size_t i = 0; i < t.n; i++)
		found |= set_rule(&t, i, name, mac);
	if (!found)
		text_insert(&t, t.n, rule);
	after = text_join(&t);
	if (!before || strcmp(before, after))
		guest_change_add(g, cs, RULES, after, 0644, why);
}

void names_pin(struct guest *g, const char *name, const char *mac,
	struct guest_changes *cs)
{
	_free_ char *low = xstrdup(mac);
	_json_ json_t *ruled = json_array();

	for (char *p = low; *p; p++)
		*p = tolower((unsigned char)*p);
	rules(g, ruled);
	if (json_array_size(ruled) || !reads_links(g))
		pin_rule(g, name, low, cs);
	else
		pin_link(g, name, low, cs);
}
