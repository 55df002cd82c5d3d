/*
 * vmapi.c - VMs as such: list, create, state.
 */
#include "pve.h"

static long long memory_mib(const json_t *conf)
{
	const char *m = js(conf, "memory");

	m = m && starts(m, "current=") ? m + strlen("current=") : m;
	return m ? strtoll(m, NULL, 10) : 512;
}

static long long conf_num(const json_t *conf, const char *key, long long def)
{
	long long n;

	return number(js(conf, key), &n) ? n : def;
}

/* Size of the boot disk, as lists show it. */
static long long max_disk(const json_t *conf)
{
	auto_json json_t *devs = boot_devices(conf);
	const char *k;
	json_t *v;
	size_t i;

	json_array_foreach (devs, i, v) {
		const char *d = js(conf, json_string_value(v));
		const char *at = d ? strstr(d, "size=") : NULL;

		if (at && is_drive(json_string_value(v)) &&
			!drive_is_cdrom(d)) {
			auto_free char *s =
				fmt("%.*s", (int)strcspn(at + 5, ","), at + 5);

			return size_parse(s);
		}
	}
	json_object_foreach ((json_t *)conf, k, v)
		if (is_drive(k) && strstr(json_string_value(v), "size=") &&
			!starts(k, "efidisk") && !starts(k, "tpm")) {
			const char *at = strstr(json_string_value(v), "size=");
			auto_free char *s =
				fmt("%.*s", (int)strcspn(at + 5, ","), at + 5);

			return size_parse(s);
		}
	return 0;
}

json_t *vm_status(int vmid, bool full)
{
	const json_t *vm = vm_get(vmid), *conf = vm_conf(vmid);
	bool run = vm_running(vmid);
	auto_free char *name = js(conf, "name") ? xstrdup(js(conf, "name"))
						: fmt("VM %d", vmid);
	json_t *o = jp("{s:i,s:s,s:s,s:I,s:I,s:I,s:i,s:i,s:i,s:i,s:i,s:I}",
		"vmid", vmid, "name", name, "status",
		run ? "running" : "stopped", "cpus",
		(json_int_t)(conf_num(conf, "sockets", 1) *
			conf_num(conf, "cores", 1)),
		"maxmem", (json_int_t)memory_mib(conf) << 20, "maxdisk",
		(json_int_t)max_disk(conf), "cpu", 0, "disk", 0, "mem", 0,
		"netin", 0, "netout", 0, "uptime",
		(json_int_t)(run ? time(NULL) - ji(vm, "started") : 0));

	if (run)
		ji_set(o, "pid", ji(vm, "pid"));
	if (js(conf, "serial0"))
		ji_set(o, "serial", 1);
	if (js(conf, "tags"))
		js_set(o, "tags", js(conf, "tags"));
	if (js(conf, "lock") && full)
		js_set(o, "lock", js(conf, "lock"));
	return o;
}

static void list_get(struct call *c)
{
	const char *k;
	json_t *v;

	c->data = json_array();
	json_object_foreach (lab.vms, k, v) {
		int vmid = (int)strtol(k, NULL, 10);
		auto_free char *path = fmt("/vms/%s", k);

		if (auth_can(&c->who, path, "VM.Audit"))
			json_array_append_new(c->data, vm_status(vmid, false));
	}
}

/* The keys of a create that are no options of the VM. */
static bool is_control(const char *key)
{
	static const char *const names[] = {"node", "vmid", "start", "pool",
		"archive", "force", "storage", "unique", "bwlimit",
		"live-restore", "import-working-storage", "ha-managed"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], key))
			return true;
	return false;
}

static int make_drives(
	struct task *t, struct change *ch, json_t *conf, json_t *made)
{
	size_t n = json_object_size(ch->set);
	const char **keys = xalloc(n * sizeof(*keys));
	const char *k;
	json_t *v;
	size_t i = 0;
	int rc = 0;

	json_object_foreach (ch->set, k, v)
		keys[i++] = k;
	/* Not in the order of the keys: nobody may count on it. */
	while (i-- > 0 && rc == 0) {
		auto_free char *out = NULL;

		if (!is_drive(keys[i]))
			continue;
		rc = drive_make(
			t, ch->vmid, keys[i], js(ch->set, keys[i]), &out, made);
		if (rc == 0)
			js_set(conf, keys[i], out);
		if (rc == 0 && t->abort)
			rc = task_die(t, "interrupted by signal");
	}
	free(keys);
	return rc;
}

/* Windows keeps the machine version it was made with. */
static void pin_machine(struct task *t, json_t *conf)
{
	const char *os = js(conf, "ostype"), *m = js(conf, "machine");
	auto_free char *v = NULL;

	if (lab.rel < 604 || !os || *os != 'w' ||
		(m && strcmp(m, "q35") && strcmp(m, "pc")))
		return;
	v = release_machine(m && !strcmp(m, "q35"));
	js_set(conf, "machine", v);
	task_log(t, "pinning machine type to '%s' for Windows guest OS", v);
}

static void fill_in(json_t *conf)
{
	auto_free char *uuid = random_uuid(), *gen = random_uuid();
	auto_free char *smbios = fmt("uuid=%s", uuid);
	auto_free char *meta = fmt("creation-qemu=%s,ctime=%lld",
		release_qemu(), (long long)time(NULL));
	const char *g = js(conf, "vmgenid");

	if (!js(conf, "smbios1"))
		js_set(conf, "smbios1", smbios);
	if (!g || !strcmp(g, "1"))
		js_set(conf, "vmgenid", gen);
	else if (!strcmp(g, "0"))
		json_object_del(conf, "vmgenid");
	if (lab.rel >= 701)
		js_set(conf, "meta", meta);
	boot_default(conf);
}

static int create_conf(
	struct task *t, struct change *ch, json_t *conf, json_t *made)
{
	const char *k;
	json_t *v;

	if (make_drives(t, ch, conf, made))
		return -1;
	json_object_foreach (ch->set, k, v) {
		const char *s = json_string_value(v);
		auto_free char *net = NULL;

		if (is_drive(k))
			continue;
		if (starts(k, "net")) {
			net = net_complete(s);
			if (!net)
				return task_die(t, "unable to parse %s", k);
			s = net;
		}
		js_set(conf, k, s);
	}
	fill_in(conf);
	pin_machine(t, conf);
	return 0;
}

static int start_work(struct task *t, void *arg)
{
	return vmrun_start(t, *(int *)arg);
}

static int create_work(struct task *t, void *arg)
{
	struct change *ch = arg;
	auto_json json_t *conf = json_object(), *made = json_array();
	auto_free char *id = fmt("%d", ch->vmid);
	int rc = create_conf(t, ch, conf, made);
	json_t *v;
	size_t i;

	if (rc) {
		auto_free char *why = t->err;
		struct task quiet = {.quiet = true};

		json_array_foreach (made, i, v)
			volume_delete(&quiet, json_string_value(v));
		free(quiet.err);
		t->err = fmt("unable to create VM %d - %s", ch->vmid, why);
		lab_lock();
		vm_drop(ch->vmid);
		lab_unlock();
		return -1;
	}
	lab_lock();
	json_object_set(vm_get(ch->vmid), "conf", conf);
	state_save();
	if (ch->force) { /* start=1 */
		int *n = xalloc(sizeof(*n));

		*n = ch->vmid;
		task_log(t, "Execute autostart");
		task_start("qmstart", id, t->user, start_work, n, free);
	}
	lab_unlock();
	return 0;
}

static bool may_create(struct call *c)
{
	auto_free char *path = fmt("/vms/%d", call_vmid(c));

	if (call_arg(c, "pool"))
		call_fail(c, 403,
			"Permission check failed (pool '%s' does not exist)",
			call_arg(c, "pool"));
	else if (!auth_can(&c->who, path, "VM.Allocate"))
		call_fail(c, 403, "Permission check failed");
	return !c->code;
}

static void create_post(struct call *c)
{
	int vmid = call_vmid(c);
	struct change *ch;
	auto_free char *id = fmt("%d", vmid);
	const char *k;
	json_t *v;

	if (!may_create(c))
		return;
	ch = change_new(vmid);
	ch->force = call_true(c, "start");
	json_object_foreach (c->p, k, v)
		if (!is_control(k) && json_is_string(v))
			json_object_set(ch->set, k, v);
	if (!drives_check(c, vmid, ch->set) || !root_only(c, ch->set) ||
		!bridges_allowed(c, ch->set)) {
		change_free(ch);
		return;
	}
	if (!vm_get(vmid) && fault_hit("vmid-taken", "", NULL)) {
		fill_in(vm_new(vmid));
		js_set(vm_conf(vmid), "name", "taken-meanwhile");
		state_save();
	}
	if (vm_get(vmid)) {
		call_fail(c, 500,
			"unable to create VM %d - VM %d already exists on node "
			"'%s'",
			vmid, vmid, NODE);
		change_free(ch);
		return;
	}
	vm_new(vmid);
	js_set(vm_conf(vmid), "lock", "create");
	ch->flocked = vm_flock(vmid, 0);
	call_upid(c,
		task_start("qmcreate", id, c->who.id, create_work, ch,
			change_free));
}

const struct route vm_routes[] = {
	{"GET", "/nodes/{node}/qemu", list_get},
	{"POST", "/nodes/{node}/qemu", create_post},
	{"DELETE", "/nodes/{node}/qemu/{vmid}", vm_destroy},
	{NULL, NULL, NULL},
};
