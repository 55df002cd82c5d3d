/*
 * What VMware Tools tell of a running guest: vim-cmd vmsvc/get.guest (3.5 of
 * esxi-shell.md), cut down to what a migration asks. Needs the VM on.
 */
#include "esxi_int.h"

#include "vmodl.h"

/* Copy a member under another name, where it is there and not null. */
static void take(
	json_t *to, const char *key, const json_t *from, const char *member)
{
	json_t *v = json_object_get(from, member);

	if (v && !json_is_null(v))
		json_object_set(to, key, v);
}

static json_t *addresses(const json_t *nic)
{
	const json_t *list = json_at(nic, "ipConfig.ipAddress"), *a;
	json_t *out = json_array();
	size_t i;

	json_array_foreach (list, i, a) {
		json_t *o = json_object();

		take(o, "address", a, "ipAddress");
		take(o, "prefix", a, "prefixLength");
		json_array_append_new(out, o);
	}
	if (json_array_size(out))
		return out;
	/* Old tools know addresses without prefixes. */
	json_array_foreach (json_object_get(nic, "ipAddress"), i, a) {
		json_t *o = json_object();

		json_object_set(o, "address", (json_t *)a);
		json_array_append_new(out, o);
	}
	return out;
}

static json_t *nics(const json_t *guest)
{
	const json_t *list = json_object_get(guest, "net"), *n;
	json_t *out = json_array();
	size_t i;

	json_array_foreach (list, i, n) {
		json_t *o = json_object();

		take(o, "network", n, "network");
		take(o, "mac", n, "macAddress");
		take(o, "key", n, "deviceConfigId");
		json_put(o, "addresses", addresses(n));
		json_array_append_new(out, o);
	}
	return out;
}

static void add_routes(json_t *out, const json_t *stack)
{
	const json_t *list = json_at(stack, "ipRouteConfig.ipRoute"), *r;
	size_t i;

	json_array_foreach (list, i, r) {
		json_t *o = json_object();

		take(o, "network", r, "network");
		take(o, "prefix", r, "prefixLength");
		take(o, "gateway", json_object_get(r, "gateway"), "ipAddress");
		take(o, "device", json_object_get(r, "gateway"), "device");
		json_array_append_new(out, o);
	}
}

static void add_stacks(json_t *to, const json_t *guest)
{
	const json_t *list = json_object_get(guest, "ipStack"), *s;
	json_t *routes = json_array(), *dns = json_array();
	size_t i;

	json_array_foreach (list, i, s) {
		add_routes(routes, s);
		json_array_extend(dns, json_at(s, "dnsConfig.ipAddress"));
	}
	json_put(to, "routes", routes);
	json_put(to, "dns", dns);
}

static json_t *disks(const json_t *guest)
{
	const json_t *list = json_object_get(guest, "disk"), *d;
	json_t *out = json_array();
	size_t i;

	json_array_foreach (list, i, d) {
		json_t *o = json_object();

		take(o, "path", d, "diskPath");
		take(o, "capacity", d, "capacity");
		take(o, "free", d, "freeSpace");
		json_array_append_new(out, o);
	}
	return out;
}

int esxi_text_guest(const char *text, json_t **out, struct err *e)
{
	_json_ json_t *g = NULL;
	json_t *o;

	if (vmodl_parse(text, &g, NULL, e))
		return -1;
	if (!json_is_object(g))
		return err_set(
			e, ERR_ESXI_COMMAND, "get.guest prints no GuestInfo");
	o = json_object();
	take(o, "tools", g, "toolsStatus");
	take(o, "guest_id", g, "guestId");
	take(o, "guest_name", g, "guestFullName");
	take(o, "hostname", g, "hostName");
	take(o, "ip", g, "ipAddress");
	json_put(o, "nics", nics(g));
	json_put(o, "disks", disks(g));
	add_stacks(o, g);
	*out = o;
	return 0;
}

int esxi_guest(struct esxi *x, const char *id, json_t **out, struct err *e)
{
	_free_ char *text = NULL;

	if (esxi_ask(x, ESXI_GUEST, id, &text, e) ||
		esxi_text_guest(text, out, e))
		return err_in(e, "read the guest information of VM %s", id);
	return 0;
}
