/*
 * configapi.c - GET, PUT and POST .../config, .../pending.
 */
#include "pve.h"

/* As PVE's parser of the file types a value: integers and booleans are
 * numbers, everything else is text. */
static json_t *typed(const char *key, const char *value)
{
	static const char *const ints[] = {"cores", "sockets", "onboot", "numa",
		"vcpus", "balloon", "cpuunits", "tablet", "acpi", "kvm",
		"protection", "template"};
	const char *type = js(schema_option(key), "type");
	bool is_int =
		type && (!strcmp(type, "integer") || !strcmp(type, "boolean"));
	long long n;

	for (size_t i = 0; !type && i < sizeof(ints) / sizeof(ints[0]); i++)
		is_int |= !strcmp(ints[i], key);
	if (is_int && number(value, &n))
		return json_integer(n);
	return json_string(value);
}

static void config_get(struct call *c)
{
	int vmid = call_vmid(c);
	json_t *conf = vm_need(c, vmid), *vm = vm_get(vmid), *v;
	auto_json json_t *all = NULL;
	auto_free char *digest = NULL;
	const char *k;
	size_t i;

	if (!conf)
		return;
	all = json_deep_copy(conf);
	if (!call_true(c, "current")) {
		if (json_object_get(vm, "pending"))
			json_object_update(all, json_object_get(vm, "pending"));
		json_array_foreach (json_object_get(vm, "delete"), i, v)
			json_object_del(all, json_string_value(v));
	}
	c->data = json_object();
	json_object_foreach (all, k, v)
		json_object_set_new(c->data, k, typed(k, json_string_value(v)));
	digest = vm_digest(vmid);
	js_set(c->data, "digest", digest);
}

static void pending_get(struct call *c)
{
	int vmid = call_vmid(c);
	json_t *conf = vm_need(c, vmid), *v, *d;
	json_t *pend = json_object_get(vm_get(vmid), "pending");
	json_t *del = json_object_get(vm_get(vmid), "delete");
	const char *k;
	size_t i;

	if (!conf)
		return;
	c->data = json_array();
	json_object_foreach (conf, k, v) {
		json_t *o = jp("{s:s,s:o}", "key", k, "value",
			typed(k, json_string_value(v)));

		if (js(pend, k))
			json_object_set_new(
				o, "pending", typed(k, js(pend, k)));
		json_array_foreach (del, i, d)
			if (!strcmp(json_string_value(d), k))
				ji_set(o, "delete", 1);
		json_array_append_new(c->data, o);
	}
	json_object_foreach (pend, k, v)
		if (!js(conf, k))
			json_array_append_new(c->data,
				jp("{s:s,s:o}", "key", k, "pending",
					typed(k, json_string_value(v))));
}

static bool is_control(const char *key)
{
	static const char *const names[] = {"node", "vmid", "digest",
		"skiplock", "delete", "revert", "force", "background_delay"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], key))
			return true;
	return false;
}

bool root_only(struct call *c, const json_t *set)
{
	static const char *const names[] = {"args", "hookscript"};
	const char *k;
	json_t *v;

	if (auth_is_root(&c->who))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_object_get(set, names[i]))
			call_fail(c, 500, "only root can set '%s' config",
				names[i]);
	json_object_foreach ((json_t *)set, k, v) {
		const char *s = json_string_value(v);

		if (starts(k, "hostpci") && !strstr(s, "mapping="))
			call_fail(c, 500, "only root can set '%s' config%s", k,
				lab.rel >= 800 ? " for non-mapped devices"
					       : "");
		if (starts(k, "serial") && strcmp(s, "socket"))
			call_fail(c, 500,
				"only root can set '%s' config for real "
				"devices",
				k);
	}
	return !c->code;
}

bool bridges_allowed(struct call *c, const json_t *set)
{
	const char *k;
	json_t *v;

	json_object_foreach ((json_t *)set, k, v) {
		auto_json json_t *p = NULL;
		auto_free char *path = NULL;

		if (!starts(k, "net") || lab.rel < 800)
			continue;
		p = net_parse(json_string_value(v));
		if (!js(p, "bridge"))
			continue;
		path = fmt("/sdn/zones/localnetwork/%s", js(p, "bridge"));
		if (!auth_need(c, path, "SDN.Use"))
			return false;
	}
	return true;
}

static void keys_split(struct call *c, const char *list, json_t *into)
{
	auto_free char *copy = xstrdup(list ? list : "");
	char *save = NULL;

	for (char *p = strtok_r(copy, ",; ", &save); p;
		p = strtok_r(NULL, ",; ", &save)) {
		const json_t *known = schema_option(p);

		if (lab.schema_path && !known && strcmp(p, "lock") &&
			!is_unused(p))
			call_bad(c, "delete", "unknown option '%s'", p);
		else
			json_array_append_new(into, json_string(p));
	}
}

static void revert(struct call *c)
{
	auto_json json_t *keys = json_array();
	json_t *vm = vm_get(call_vmid(c)), *k, *d;
	json_t *del = json_object_get(vm, "delete");
	size_t i, n;

	keys_split(c, call_arg(c, "revert"), keys);
	json_array_foreach (keys, i, k) {
		json_object_del(
			json_object_get(vm, "pending"), json_string_value(k));
		for (n = json_array_size(del); n-- > 0;) {
			d = json_array_get(del, n);
			if (json_equal(d, k))
				json_array_remove(del, n);
		}
	}
	state_save();
}

/* What may be said at once; the change to make or NULL. */
static struct change *change_read(struct call *c)
{
	struct change *ch = change_new(call_vmid(c));
	const char *k;
	json_t *v;

	json_object_foreach (c->p, k, v)
		if (!is_control(k) && json_is_string(v))
			json_object_set(ch->set, k, v);
	ch->force = call_true(c, "force");
	if (call_true(c, "skiplock") && !auth_is_root(&c->who))
		call_bad(c, "skiplock", "Only root may use this option.");
	keys_split(c, call_arg(c, "delete"), ch->del);
	if (!json_object_size(ch->set) && !json_array_size(ch->del) &&
		!call_arg(c, "revert"))
		call_fail(c, 500, "no options specified");
	if (!c->code && drives_check(c, ch->vmid, ch->set) &&
		root_only(c, ch->set) && bridges_allowed(c, ch->set) &&
		vm_need(c, ch->vmid))
		return ch;
	change_free(ch);
	return NULL;
}

bool lock_for(struct call *c, int vmid)
{
	const char *given = call_arg(c, "digest"), *lock;

	if (!vm_flock(vmid, 10000)) {
		call_fail(c, 500,
			"can't lock file '/var/lock/qemu-server/lock-%d.conf' "
			"- got timeout",
			vmid);
		return false;
	}
	lock = js(vm_conf(vmid), "lock");
	auto_free char *digest = vm_digest(vmid);

	if (!vm_need(c, vmid))
		;
	else if (given && strcmp(given, digest))
		call_fail(c, 500,
			"checksum mismatch (file change by other user?)");
	else if (lock && !call_true(c, "skiplock"))
		call_fail(c, 500, "VM is locked (%s)", lock);
	if (c->code)
		vm_funlock(vmid);
	return !c->code;
}

static void config_put(struct call *c)
{
	struct change *ch = change_read(c);
	struct task now = {.quiet = true};

	if (!ch)
		return;
	if (lock_for(c, ch->vmid)) {
		ch->flocked = true;
		if (call_arg(c, "revert"))
			revert(c);
		lab_unlock();
		if (change_apply(&now, ch))
			call_fail(c, 500, "%s", now.err);
		lab_lock();
	}
	change_free(ch);
	free(now.err);
}

static void config_post(struct call *c)
{
	struct change *ch = change_read(c);
	auto_free char *id = fmt("%d", call_vmid(c));

	if (!ch)
		return;
	if (!lock_for(c, ch->vmid)) {
		change_free(ch);
		return;
	}
	ch->flocked = true;
	call_upid(c,
		task_start("qmconfig", id, c->who.id, change_apply, ch,
			change_free));
}

const struct route config_routes[] = {
	{"GET", "/nodes/{node}/qemu/{vmid}/config", config_get},
	{"PUT", "/nodes/{node}/qemu/{vmid}/config", config_put},
	{"POST", "/nodes/{node}/qemu/{vmid}/config", config_post},
	{"GET", "/nodes/{node}/qemu/{vmid}/pending", pending_get},
	{NULL, NULL, NULL},
};
