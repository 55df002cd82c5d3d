/*
 * update.c - changes of a VM's configuration: at create, by PUT or POST
 * config, and those that wait for the VM to stop.
 *
 * Keeps true: a volume that was made for a value that did not get into the
 * configuration is deleted again; a volume taken out becomes unusedN.
 */
#include "pve.h"

struct change *change_new(int vmid)
{
	struct change *ch = xalloc(sizeof(*ch));

	ch->vmid = vmid;
	ch->set = json_object();
	ch->del = json_array();
	return ch;
}

void change_free(void *arg)
{
	struct change *ch = arg;

	if (ch->flocked)
		vm_funlock(ch->vmid);
	json_decref(ch->set);
	json_decref(ch->del);
	free(ch);
}

static void undo_made(const json_t *made)
{
	struct task quiet = {.quiet = true};
	json_t *id;
	size_t i;

	json_array_foreach (made, i, id)
		volume_delete(&quiet, json_string_value(id));
	free(quiet.err);
}

/* A volume leaves the configuration: kept as unusedN or erased. */
static int release(struct task *t, json_t *conf, int vmid, const char *key,
	const char *value, bool erase)
{
	auto_free char *volid = drive_volume(key, value);
	auto_volume struct volume v = {0};

	if (drive_is_cdrom(value) || volume_parse(volid, &v) ||
		strcmp(v.vtype, "images"))
		return 0;
	if (v.vmid != vmid)
		return 0; /* another VM's disk: never erased, nor kept */
	if (erase || is_unused(key))
		return volume_delete(t, volid);
	drive_unuse(conf, volid);
	return 0;
}

/* Options that a running VM takes at once. */
static bool is_fast(const char *key)
{
	static const char *const names[] = {"name", "description", "onboot",
		"startup", "tags", "protection", "lock", "shares", "hookscript",
		"autostart", "hotplug"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], key))
			return true;
	return false;
}

static int delete_key(
	struct task *t, json_t *vm, int vmid, const char *key, bool force)
{
	json_t *conf = json_object_get(vm, "conf");
	auto_free char *value = NULL;
	json_t *list;

	json_object_del(json_object_get(vm, "pending"), key);
	if (!js(conf, key))
		return 0;
	if (vm_running(vmid) && !is_unused(key) && !is_fast(key)) {
		list = json_object_get(vm, "delete");
		if (!list) {
			list = json_array();
			json_object_set_new(vm, "delete", list);
		}
		json_array_append_new(list, json_string(key));
		return 0;
	}
	value = xstrdup(js(conf, key));
	if (is_drive(key) || is_unused(key)) {
		if (release(t, conf, vmid, key, value, force))
			return -1;
		boot_remove(conf, key);
	}
	if (starts(key, "net"))
		boot_remove(conf, key);
	json_object_del(conf, key);
	return 0;
}

static bool same_but_link(const char *a, const char *b)
{
	auto_json json_t *x = net_parse(a), *y = net_parse(b);

	if (!x || !y)
		return false;
	json_object_del(x, "link_down");
	json_object_del(y, "link_down");
	return json_equal(x, y);
}

/* The cable of a running VM's card. */
static bool link_set(int vmid, const char *key, const char *value)
{
	auto_json json_t *p = net_parse(value);
	const char *down = js(p, "link_down");
	auto_json json_t *r = qmp(vmid, "set_link",
		jp("{s:s,s:b}", "name", key, "up",
			!(down && !strcmp(down, "1"))),
		NULL);

	return r != NULL;
}

static char *plain_value(const char *key, const char *value)
{
	if (!strcmp(key, "vmgenid") && !strcmp(value, "1"))
		return random_uuid();
	if (starts(key, "net") && value[0])
		return net_complete(value);
	return xstrdup(value);
}

/* lab.lock held; released while disks are made. */
static int value_make(struct task *t, int vmid, const char *key,
	const char *value, char **out, json_t *made)
{
	int rc;

	if (!is_drive(key)) {
		*out = plain_value(key, value);
		return *out ? 0 : task_die(t, "unable to parse %s", key);
	}
	lab_unlock();
	rc = drive_make(t, vmid, key, value, out, made);
	lab_lock();
	return rc;
}

/* An attached volume is unused no more. */
static void used_again(json_t *conf, const char *key, const char *value)
{
	auto_free char *volid = drive_volume(key, value);
	const char *k;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(conf, tmp, k, v) if (is_unused(k) &&
		!strcmp(json_string_value(v), volid)) json_object_del(conf, k);
}

static int put_drive(struct task *t, json_t *conf, int vmid, const char *key,
	const char *value)
{
	auto_free char *old = js(conf, key) ? xstrdup(js(conf, key)) : NULL;
	auto_free char *had = old ? drive_volume(key, old) : NULL;
	auto_free char *now = drive_volume(key, value);

	if (old && strcmp(had, now) && release(t, conf, vmid, key, old, false))
		return -1;
	js_set(conf, key, value);
	used_again(conf, key, value);
	if (drive_is_cdrom(value))
		boot_append(conf, key);
	return 0;
}

static int put_key(struct task *t, json_t *vm, int vmid, const char *key,
	const char *value)
{
	json_t *conf = json_object_get(vm, "conf");
	json_t *pend = json_object_get(vm, "pending");
	const char *old = js(conf, key);

	json_object_del(pend, key);
	if (vm_running(vmid) && !is_fast(key) &&
		!(old && !strcmp(old, value))) {
		if (old && starts(key, "net") && same_but_link(old, value) &&
			link_set(vmid, key, value)) {
			js_set(conf, key, value);
			return 0;
		}
		if (!pend) {
			pend = json_object();
			json_object_set_new(vm, "pending", pend);
		}
		js_set(pend, key, value);
		return 0;
	}
	if (is_drive(key))
		return put_drive(t, conf, vmid, key, value);
	js_set(conf, key, value);
	return 0;
}

static int boot_check(struct task *t, const json_t *conf, const json_t *set)
{
	auto_json json_t *all = json_deep_copy(conf), *devs = NULL;
	json_t *d;
	size_t i;

	json_object_update(all, (json_t *)set);
	if (!js(set, "boot") || !starts(js(set, "boot"), "order="))
		return 0;
	devs = boot_devices(all);
	json_array_foreach (devs, i, d)
		if (!js(all, json_string_value(d)))
			return task_die(t,
				"invalid bootorder: device '%s' does not "
				"exist'",
				json_string_value(d));
	return 0;
}

static void log_change(struct task *t, const struct change *ch)
{
	auto_free char *s = fmt("update VM %d:", ch->vmid);
	const char *k;
	json_t *v;
	size_t i;

	json_object_foreach (ch->set, k, v) {
		char *more = fmt("%s -%s %s", s, k, json_string_value(v));

		free(s);
		s = more;
	}
	json_array_foreach (ch->del, i, v) {
		char *more = fmt("%s -delete %s", s, json_string_value(v));

		free(s);
		s = more;
	}
	task_log(t, "%s", s);
}

int change_keys(struct task *t, struct change *ch)
{
	const char *k;
	json_t *v;
	size_t i;

	json_array_foreach (ch->del, i, v)
		if (delete_key(t, vm_get(ch->vmid), ch->vmid,
			    json_string_value(v), ch->force))
			return -1;
	json_object_foreach (ch->set, k, v) {
		auto_json json_t *made = json_array();
		auto_free char *out = NULL;

		if (value_make(
			    t, ch->vmid, k, json_string_value(v), &out, made) ||
			put_key(t, vm_get(ch->vmid), ch->vmid, k, out)) {
			undo_made(made);
			return -1;
		}
		state_save();
	}
	if (json_object_get(ch->set, "boot") ||
		json_object_get(ch->set, "bootdisk"))
		boot_modernise(vm_conf(ch->vmid));
	state_save();
	return 0;
}

int change_apply(struct task *t, void *arg)
{
	struct change *ch = arg;
	int rc;

	lab_lock();
	log_change(t, ch);
	rc = boot_check(t, vm_conf(ch->vmid), ch->set) || change_keys(t, ch);
	lab_unlock();
	return rc ? -1 : 0;
}

void change_pending(struct task *t, int vmid)
{
	json_t *vm = vm_get(vmid);
	struct change *ch = change_new(vmid);

	json_decref(ch->set);
	json_decref(ch->del);
	ch->set = json_object_get(vm, "pending");
	ch->set = ch->set ? json_incref(ch->set) : json_object();
	ch->del = json_object_get(vm, "delete");
	ch->del = ch->del ? json_incref(ch->del) : json_array();
	json_object_del(vm, "pending");
	json_object_del(vm, "delete");
	change_keys(t, ch);
	change_free(ch);
}
