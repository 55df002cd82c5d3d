/*
 * bridges.c - GET .../network: the links of this network namespace.
 */
#include "pve.h"

struct text {
	char *s;
};

static void text_add(void *arg, const char *line, bool cr)
{
	struct text *t = arg;
	auto_free char *old = t->s;

	(void)cr;
	t->s = fmt("%s%s\n", old ? old : "", line);
}

/* All links with their addresses, from ip(8): /sys/class/net may be that of
 * another network namespace. */
static json_t *links(void)
{
	const char *const argv[] = {
		"ip", "-json", "-details", "address", "show", NULL};
	struct text t = {NULL};
	json_t *all;

	cmd_run(argv, text_add, &t, NULL);
	all = t.s ? json_loads(t.s, 0, NULL) : NULL;
	free(t.s);
	return all ? all : json_array();
}

static const char *kind(const json_t *link)
{
	const char *k = js(json_object_get(link, "linkinfo"), "info_kind");

	return k ? k : "eth";
}

/* Ports of a bridge that are no taps, as bridge_ports shows them. */
static char *bridge_ports(const json_t *all, const char *name)
{
	char *out = xstrdup("");
	json_t *l;
	size_t i;

	json_array_foreach (all, i, l) {
		auto_free char *old = NULL;

		if (!js(l, "master") || strcmp(js(l, "master"), name) ||
			starts(js(l, "ifname"), "tap"))
			continue;
		old = out;
		out = fmt("%s%s%s", old, *old ? " " : "", js(l, "ifname"));
	}
	return out;
}

static void add_address(json_t *o, const json_t *link)
{
	json_t *a;
	size_t i;

	json_array_foreach (json_object_get(link, "addr_info"), i, a) {
		auto_free char *cidr = NULL;

		if (!js(a, "family") || strcmp(js(a, "family"), "inet"))
			continue;
		cidr = fmt("%s/%lld", js(a, "local"), ji(a, "prefixlen"));
		js_set(o, "address", js(a, "local"));
		js_set(o, "cidr", cidr);
		js_set(o, "method", "static");
		return;
	}
}

static json_t *iface_json(const json_t *all, const json_t *link, bool bridge)
{
	json_t *o = jp("{s:s,s:s,s:s,s:s,s:i,s:[s],s:i}", "iface",
		js(link, "ifname"), "type", bridge ? "bridge" : "eth", "method",
		"manual", "method6", "manual", "autostart", 1, "families",
		"inet", "priority", 3);
	json_t *flag;
	size_t i;

	json_array_foreach (json_object_get(link, "flags"), i, flag)
		if (!strcmp(json_string_value(flag), "UP"))
			ji_set(o, "active", 1);
	if (bridge) {
		auto_free char *ports = bridge_ports(all, js(link, "ifname"));

		js_set(o, "bridge_ports", ports);
		js_set(o, "bridge_stp", "off");
		js_set(o, "bridge_fd", "0");
	}
	add_address(o, link);
	return o;
}

void node_network(struct call *c)
{
	auto_json json_t *all = links();
	const char *type = call_arg(c, "type");
	json_t *l;
	size_t i;

	c->data = json_array();
	json_array_foreach (all, i, l) {
		bool bridge = !strcmp(kind(l), "bridge");

		if (!strcmp(js(l, "ifname"), "lo") ||
			starts(js(l, "ifname"), "tap"))
			continue;
		if (type &&
			!(strstr(type, "bridge")
					? bridge
					: !strcmp(type, "eth") && !bridge))
			continue;
		json_array_append_new(c->data, iface_json(all, l, bridge));
	}
}
