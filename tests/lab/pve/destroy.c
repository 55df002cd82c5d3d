/*
 * destroy.c - DELETE .../qemu/{vmid}: a VM and its volumes.
 */
#include "pve.h"

static bool listed(const json_t *ids, const json_t *id)
{
	json_t *v;
	size_t i;

	json_array_foreach (ids, i, v)
		if (json_equal(v, id))
			return true;
	return false;
}

/* The VM's own volumes named in its configuration. */
static json_t *own_volumes(int vmid)
{
	json_t *out = json_array(), *v;
	const char *k;

	json_object_foreach (vm_conf(vmid), k, v) {
		auto_free char *id = NULL;
		auto_volume struct volume vol = {0};

		if (!is_drive(k) && !is_unused(k))
			continue;
		id = drive_volume(k, json_string_value(v));
		auto_json json_t *name = json_string(id);

		if (volume_parse(id, &vol) == 0 && vol.vmid == vmid &&
			!strcmp(vol.vtype, "images") && !listed(out, name))
			json_array_append(out, name);
	}
	return out;
}

/* Volumes of the VM that its configuration does not name. */
static void add_unreferenced(json_t *ids, int vmid)
{
	for (size_t i = 0; i < storages_n; i++) {
		auto_json json_t *all = NULL;
		json_t *v;
		size_t k;

		if (storages[i].disabled || storages[i].nodes)
			continue;
		all = volume_list(&storages[i], vmid);
		json_array_foreach (all, k, v)
			if (!listed(ids, v))
				json_array_append(ids, v);
	}
}

static void remove_volumes(struct task *t, const json_t *ids)
{
	json_t *v;
	size_t i;

	json_array_foreach (ids, i, v) {
		if (volume_delete(t, json_string_value(v)) == 0)
			continue;
		task_warn(t, "Could not remove disk '%s', check manually: %s",
			json_string_value(v), t->err);
		free(t->err);
		t->err = NULL;
	}
}

static int destroy_work(struct task *t, void *arg)
{
	struct change *ch = arg;
	auto_json json_t *ids = NULL;
	const char *lock;

	lab_lock();
	ch->flocked = vm_flock(ch->vmid, 10000);
	lock = js(vm_conf(ch->vmid), "lock");
	if (!ch->flocked)
		task_die(t,
			"can't lock file "
			"'/var/lock/qemu-server/lock-%d.conf' - got timeout",
			ch->vmid);
	else if (lock)
		task_die(t, "VM is locked (%s)", lock);
	else if (vm_running(ch->vmid))
		task_die(t, "VM %d is running - destroy failed", ch->vmid);
	ids = own_volumes(ch->vmid);
	lab_unlock();
	if (t->err)
		return -1;
	if (ch->force)
		add_unreferenced(ids, ch->vmid);
	remove_volumes(t, ids);
	if (json_array_size(ch->del))
		task_log(t, "purging VM %d from related configurations..",
			ch->vmid);
	lab_lock();
	vm_drop(ch->vmid);
	lab_unlock();
	return 0;
}

void vm_destroy(struct call *c)
{
	int vmid = call_vmid(c);
	json_t *conf = vm_need(c, vmid);
	const char *unref = call_arg(c, "destroy-unreferenced-disks");
	auto_free char *id = fmt("%d", vmid);
	struct change *ch;

	if (!conf)
		return;
	if (call_true(c, "skiplock") && !auth_is_root(&c->who))
		call_bad(c, "skiplock", "Only root may use this option.");
	if (js(conf, "protection") && !strcmp(js(conf, "protection"), "1"))
		call_fail(c, 500,
			"can't remove VM %d - protection mode enabled", vmid);
	if (vm_running(vmid))
		call_fail(c, 500, "VM %d is running - destroy failed", vmid);
	if (c->code)
		return;
	ch = change_new(vmid);
	ch->force = unref ? !strcmp(unref, "1") : lab.rel < 700;
	if (call_true(c, "purge"))
		json_array_append_new(ch->del, json_string("purge"));
	if (call_true(c, "skiplock"))
		json_object_del(conf, "lock");
	call_upid(c,
		task_start("qmdestroy", id, c->who.id, destroy_work, ch,
			change_free));
}
