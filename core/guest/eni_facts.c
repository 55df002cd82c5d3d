/* The interfaces that /etc/network/interfaces configures: see eni.h. */
#include <string.h>

#include "../str.h"
#include "eni.h"

static json_t *find(json_t *list, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (strcmp(json_str_or(v, "name", ""), name) == 0)
			return v;
	return NULL;
}

/* "bridge_ports eth0 eth1", "bond-slaves ..", "vlan-raw-device eth0". */
static void fact_ports(
	const struct text *t, const struct eni_stanza *s, json_t *o)
{
	static const char *const keys[] = {"bridge_ports", "bridge-ports",
		"bond-slaves", "slaves", "bond-members", "bond_slaves",
		"vlan-raw-device", "vlan_raw_device", "ovs_ports", "requires"};
	const char *dot = strchr(s->name, '.');

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		_eni_line_ struct eni_line l = {0};

		for (size_t i = 0; eni_option(t, s, keys[k], i, &l); i++) {
			char *save = NULL, *w;

			for (w = strtok_r(l.rest, " \t", &save); w;
				w = strtok_r(NULL, " \t", &save))
				if (strcmp(w, "none") && strcmp(w, "regex"))
					net_add(o, "ports", w);
		}
	}
	if (dot && dot != s->name && !json_object_get(o, "ports")) {
		_free_ char *parent = xstrndup(s->name, dot - s->name);

		net_add(o, "ports", parent);
	}
}

static void fact_address(
	const struct text *t, const struct eni_stanza *s, json_t *o)
{
	_free_ char *dns = eni_dns(t, s);
	char text[NET_ADDR_LEN], gateway[64];
	struct addr a;
	bool masked;

	if (eni_address(t, s, &a, &masked) == 0) {
		net_addr_text(text, &a);
		if (!masked)
			*strchr(text, '/') = '\0';
		json_put_str(o, "address", text);
	}
	eni_gateway(t, s, gateway);
	json_put_str(o, "gateway", *gateway ? gateway : NULL);
	json_put_str(o, "dns", dns);
}

static void fact_stanza(const struct text *t, const struct eni_stanza *s,
	const char *path, json_t *list)
{
	_eni_line_ struct eni_line l = {0};
	json_t *o = NULL;

	if (strcmp(s->family, "inet6") == 0)
		o = find(list, s->name);
	if (!o)
		o = net_iface(list, s->name, path);
	if (strcmp(s->family, "inet6") == 0) {
		if (!json_str(o, "method"))
			json_put_str(o, "method", "manual");
		/* "address" alone would mean an IPv4 one. */
		for (size_t at = s->first; at < s->end; at += l.n) {
			eni_line(t, at, &l);
			if (strcmp(l.word, "address") == 0)
				json_put_str(o, "address6", l.rest);
		}
	} else {
		json_put_str(o, "method", *s->method ? s->method : "static");
		fact_address(t, s, o);
	}
	fact_ports(t, s, o);
}

void eni_facts(struct guest *g, const struct guest_changes *cs, json_t *files,
	json_t *list)
{
	_json_ json_t *mine = eni_files(g);
	const json_t *v;
	size_t i;

	json_array_extend(files, mine);
	json_array_foreach (mine, i, v) {
		const char *path = json_string_value(v);
		_free_ char *s = guest_future(g, cs, path);
		_text_ struct text t = {0};
		struct eni_stanza st;

		text_open(&t, s ? s : "");
		for (size_t at = 0; eni_stanza(&t, &at, &st);)
			fact_stanza(&t, &st, path, list);
	}
}
