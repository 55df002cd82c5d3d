/* Where the network cards of a plan go: see plan_own.h. */
#include <string.h>

#include "plan_own.h"
#include "str.h"

/* Null: there is none. */
static const json_t *bridge_row(const struct planning *b, const char *name)
{
	return json_find(json_object_get(b->target, "bridges"), "iface", name);
}

/* The port group's VLAN on the ESXi host, 0 where none or unknown. */
static unsigned source_vlan(const struct planning *b, const char *network)
{
	const json_t *rows = json_object_get(b->facts, "networks");
	const json_t *row = network ? json_find(rows, "name", network) : NULL;

	return json_u64(row, "vlan", 0) % 4095;
}

static bool valid_mac(const char *s)
{
	unsigned char b[6];
	_free_ char *hex = xstrdup(s);
	size_t n = 0;

	for (const char *p = s; *p; p++)
		if (*p != ':' && *p != '-')
			hex[n++] = *p;
	hex[n] = '\0';
	/* The multicast bit makes a MAC unusable for a NIC. */
	return strlen(s) == 17 && hex_decode(b, 6, hex) == 0 && !(b[0] & 1);
}

static int plan_nic(
	struct planning *b, const struct vm_nic *n, json_t *nics, struct err *e)
{
	const json_t *t = json_object_get(b->choices, "target");
	const json_t *c = json_object_get(json_object_get(t, "nics"), n->slot);
	const char *bridge = json_str_or(c, "bridge", json_str(t, "bridge"));
	const char *mac = json_str_or(c, "mac", n->mac);
	json_t *o;

	if (json_flag(c, "skip", false))
		return 0;
	if (!bridge)
		return err_set(e, ERR_PLAN_BAD,
			"choices: no target.bridge for %s", n->slot);
	if (!bridge_row(b, bridge))
		return err_set(e, ERR_PLAN_BAD,
			"choices: no bridge %s on the node", bridge);
	if (mac && !valid_mac(mac))
		return err_set(e, ERR_PLAN_BAD,
			"choices: %s is not a MAC address for %s", mac,
			n->slot);
	o = json_object();
	json_put_str(o, "slot", n->slot);
	json_put_str(o, "mac", mac);
	json_put_str(o, "source_model", n->model);
	json_put_str(o, "model", json_str(c, "model"));
	json_put_str(o, "bridge", bridge);
	json_put_u64(
		o, "vlan", json_u64(c, "vlan", source_vlan(b, n->network)));
	json_put_bool(o, "connected", n->connected);
	/* The guest's new address, if it gets one. */
	json_put_str(o, "address", json_str(c, "address"));
	json_put_str(o, "gateway", json_str(c, "gateway"));
	json_put_str(o, "address6", json_str(c, "address6"));
	json_put_str(o, "gateway6", json_str(c, "gateway6"));
	if (json_object_get(c, "mtu"))
		json_put_u64(o, "mtu", json_u64(c, "mtu", 0));
	if (json_u64(bridge_row(b, bridge), "mtu", 0))
		json_put_u64(o, "bridge_mtu",
			json_u64(bridge_row(b, bridge), "mtu", 0));
	if (json_object_get(c, "dns"))
		json_put(o, "dns", json_deep_copy(json_object_get(c, "dns")));
	json_array_append_new(nics, o);
	return 0;
}

int plan_nics(struct planning *b, json_t *target, struct err *e)
{
	json_t *nics = json_array();

	json_put(target, "nics", nics);
	for (size_t i = 0; i < b->vm->n_nics; i++)
		if (plan_nic(b, &b->vm->nics[i], nics, e))
			return -1;
	return 0;
}
