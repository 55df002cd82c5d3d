/*
 * Facts and choices to plan: see plan.h. Keeps true: the same input gives the
 * same bytes, and a plan that cannot work is refused here, before anything
 * is stopped.
 */
#include "plan.h"

#include <string.h>

#include "guestos.h"
#include "hoster_job.h"
#include "i18n.h"
#include "map.h"
#include "step.h"
#include "str.h"
#include "vm.h"

struct build {
	const json_t *facts, *choices, *target;
	const struct vm *vm;
	json_t *plan, *warnings;
	unsigned release;
};

static void bwarn(struct build *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void bwarn(struct build *b, const char *fmt, ...)
{
	_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	json_array_append_new(b->warnings, json_text(s ? s : ""));
}

static const char *vm_key(const json_t *v, const char *key)
{
	return json_str_or(v, key, "");
}

int plan_find_vm(
	const json_t *facts, const char *want, const json_t **vm, struct err *e)
{
	const json_t *list = json_object_get(facts, "vms"), *found = NULL, *v;
	size_t i;

	if (!want && json_array_size(list) == 1)
		want = json_str(json_array_get(list, 0), "id");
	if (!want)
		return err_set(e, ERR_PLAN_BAD,
			"choices: \"vm\" must name one of %zu VMs",
			json_array_size(list));
	json_array_foreach (list, i, v) {
		if (strcmp(vm_key(v, "id"), want) == 0) {
			*vm = v;
			return 0;
		}
		if (strcmp(vm_key(v, "name"), want))
			continue;
		if (found)
			return err_set(e, ERR_PLAN_BAD,
				"two VMs are named %s: give the id", want);
		found = v;
	}
	if (!found)
		return err_set(
			e, ERR_VM_NOT_FOUND, "no VM %s in the facts", want);
	*vm = found;
	return 0;
}

/* --- what cannot be moved at all --- */

static int check_vm(const struct vm *vm, const json_t *source, struct err *e)
{
	const char *in_use = json_str(source, "in_use");

	if (in_use)
		return err_set(e, ERR_FILE_IN_USE, "%s is there", in_use);
	if (vm->encrypted)
		return err_set(e, ERR_VM_UNSUPPORTED,
			"%s is encrypted: decrypt it on the ESXi host first",
			vm->name);
	if (vm->power && strcmp(vm->power, "suspended") == 0)
		return err_set(e, ERR_VM_UNSUPPORTED,
			"%s is suspended: resume it, then shut it down",
			vm->name);
	if (!vm->n_disks)
		return err_set(
			e, ERR_VM_UNSUPPORTED, "%s has no disk", vm->name);
	return 0;
}

/* --- disks --- */

static const json_t *storage_row(const struct build *b, const char *name)
{
	const json_t *rows = json_object_get(b->target, "storages"), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (strcmp(vm_key(row, "storage"), name) == 0)
			return row;
	return NULL;
}

static bool array_has(const json_t *a, const char *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach (a, i, v) {
		const char *t = json_string_value(v);

		if (t && strcmp(t, s) == 0)
			return true;
	}
	return false;
}

static int pick_storage(const struct build *b, const char *slot,
	const json_t *choice, const json_t **row, struct err *e)
{
	const char *name = json_str(choice, "storage");
	const json_t *r;

	if (!name)
		name = json_str(
			json_object_get(b->choices, "target"), "storage");
	if (!name)
		return err_set(e, ERR_PLAN_BAD,
			"choices: no target.storage for disk %s", slot);
	r = storage_row(b, name);
	if (!r || !array_has(json_object_get(r, "content"), "images"))
		return err_set(e, ERR_STORAGE_UNFIT,
			r ? "storage %s does not hold VM disks (content "
			    "images)"
			  : N_("no storage %s on the node"),
			name);
	if (!json_flag(r, "enabled", true) || !json_flag(r, "active", true))
		return err_set(e, ERR_STORAGE_UNFIT,
			"storage %s is disabled or not active", name);
	if (json_str(r, "unfit"))
		return err_set(e, ERR_STORAGE_UNFIT, "storage %s %s", name,
			json_str(r, "unfit"));
	*row = r;
	return 0;
}

static int pick_format(const json_t *row, const json_t *choice,
	const char **format, struct err *e)
{
	const json_t *formats = json_object_get(row, "formats");
	const char *f = json_str(choice, "format");

	/* qcow2 keeps holes on every file system and can be snapshotted. */
	if (!f)
		f = array_has(formats, "qcow2")
			? "qcow2"
			: json_str_or(row, "default_format", "raw");
	if (strcmp(f, "vmdk") == 0 || !array_has(formats, f))
		return err_set(e, ERR_STORAGE_UNFIT,
			"storage %s does not take format %s",
			vm_key(row, "storage"), f);
	*format = f;
	return 0;
}

static int plan_disk(
	struct build *b, const struct vm_disk *d, json_t *disks, struct err *e)
{
	const json_t *choice =
		json_object_get(json_at(b->choices, "target.disks"), d->slot);
	const json_t *row = NULL;
	const char *format = NULL;
	json_t *o;

	if (json_flag(choice, "skip", false)) {
		bwarn(b, "Disk %s is left out, as chosen.", d->slot);
		return 0;
	}
	if (d->unsupported && !d->snapshot)
		return err_set(e, vm_disk_refusal(d), "%s: %s", d->slot,
			d->unsupported);
	if (!d->capacity)
		return err_set(e, ERR_DISK_UNSUPPORTED,
			"%s: its capacity is not known", d->slot);
	if (pick_storage(b, d->slot, choice, &row, e) ||
		pick_format(row, choice, &format, e))
		return -1;
	o = json_object();
	json_put_str(o, "slot", d->slot);
	json_put_str(o, "storage", vm_key(row, "storage"));
	json_put_str(o, "format", format);
	json_put_u64(o, "capacity", d->capacity);
	json_put_u64(o, "used", d->used ? d->used : d->capacity);
	json_put_bool(o, "zeroed", json_flag(row, "zeroed", false));
	json_put_bool(o, "thin",
		json_flag(row, "thin", false) || strcmp(format, "qcow2") == 0);
	json_put_str(o, "move_to", json_str(choice, "move_to"));
	json_array_append_new(disks, o);
	return 0;
}

/* Room on each storage: thin volumes need what is written, thick ones all. */
static int check_space(struct build *b, const json_t *disks, struct err *e)
{
	const json_t *rows = json_object_get(b->target, "storages"), *row, *d;
	char have[STR_SIZE_LEN], want[STR_SIZE_LEN];
	size_t i, k;

	json_array_foreach (rows, i, row) {
		uint64_t avail = json_u64(row, "avail", 0), need = 0, full = 0;

		json_array_foreach (disks, k, d) {
			if (strcmp(vm_key(d, "storage"),
				    vm_key(row, "storage")))
				continue;
			full += json_u64(d, "capacity", 0);
			need += json_u64(d,
				json_flag(d, "thin", false) ? "used"
							    : "capacity",
				0);
		}
		if (need > avail)
			return err_set(e, ERR_NO_SPACE,
				"storage %s has %s free, the disks need %s",
				vm_key(row, "storage"), str_size(have, avail),
				str_size(want, need));
		if (full > avail)
			bwarn(b,
				"Storage %s has %s free; the disks may grow to "
				"%s later.",
				vm_key(row, "storage"), str_size(have, avail),
				str_size(want, full));
	}
	return 0;
}

static int plan_disks(struct build *b, json_t *target, struct err *e)
{
	json_t *disks = json_array(), *d;
	uint64_t used = 0, all = 0;
	json_t *est = json_object();
	size_t i;

	json_put(target, "disks", disks);
	json_put(b->plan, "estimate", est);
	for (i = 0; i < b->vm->n_disks; i++)
		if (plan_disk(b, &b->vm->disks[i], disks, e))
			return -1;
	if (!json_array_size(disks))
		return err_set(e, ERR_PLAN_BAD, "every disk of %s is left out",
			b->vm->name);
	json_array_foreach (disks, i, d) {
		used += json_u64(d, "used", 0);
		all += json_u64(d, "capacity", 0);
	}
	json_put_u64(est, "provisioned", all);
	json_put_u64(est, "written", used);
	return check_space(b, disks, e);
}

/* --- networks --- */

/* Null: there is none. */
static const json_t *bridge_row(const struct build *b, const char *name)
{
	const json_t *rows = json_object_get(b->target, "bridges"), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (strcmp(vm_key(row, "iface"), name) == 0)
			return row;
	return NULL;
}

/* The port group's VLAN on the ESXi host, 0 where none or unknown. */
static unsigned source_vlan(const struct build *b, const char *network)
{
	const json_t *rows = json_object_get(b->facts, "networks"), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (network && strcmp(vm_key(row, "name"), network) == 0)
			return json_u64(row, "vlan", 0) % 4095;
	return 0;
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
	struct build *b, const struct vm_nic *n, json_t *nics, struct err *e)
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

static int plan_nics(struct build *b, json_t *target, struct err *e)
{
	json_t *nics = json_array();

	json_put(target, "nics", nics);
	for (size_t i = 0; i < b->vm->n_nics; i++)
		if (plan_nic(b, &b->vm->nics[i], nics, e))
			return -1;
	return 0;
}

/* --- the target VM --- */

static const char *const target_keys[] = {
	"host", "port", "node", "user", "version"};

static int plan_vmid(struct build *b, json_t *target, struct err *e)
{
	uint64_t want =
		json_u64(json_object_get(b->choices, "target"), "vmid", 0);
	const json_t *used = json_object_get(b->target, "vmids"), *v;
	size_t i;

	json_array_foreach (used, i, v)
		if (want && (uint64_t)json_integer_value(v) == want)
			return err_set(e, ERR_VMID_TAKEN,
				"VM id %u is in use on the node",
				(unsigned)want);
	json_put_u64(target, "vmid", want);
	return 0;
}

static int plan_target(struct build *b, struct err *e)
{
	const json_t *t = json_object_get(b->choices, "target");
	_free_ char *name = map_name(json_str_or(t, "name", b->vm->name));
	const char *firmware = json_str_or(t, "firmware", "bios");
	json_t *target = json_object();

	json_put(b->plan, "target", target);
	if (strcmp(firmware, "bios") && strcmp(firmware, "uefi"))
		return err_set(e, ERR_PLAN_BAD,
			"choices: firmware is bios or uefi, not %s", firmware);
	for (size_t i = 0; i < ARRAY_LEN(target_keys); i++) {
		json_t *v = json_object_get(b->target, target_keys[i]);

		if (v)
			json_object_set(target, target_keys[i], v);
	}
	json_put_str(target, "name", name);
	json_put_str(target, "bus", json_str_or(t, "bus", "auto"));
	json_put_str(target, "boot_timeout", json_str(t, "boot_timeout"));
	json_put(target, "config",
		map_config(b->vm, b->release, t, b->warnings));
	if (json_flag(json_object_get(b->choices, "guest"), "serial", false))
		json_put_str(
			json_object_get(target, "config"), "serial0", "socket");
	if (plan_vmid(b, target, e) || plan_disks(b, target, e))
		return -1;
	return plan_nics(b, target, e);
}

static void plan_source(struct build *b, const json_t *vm)
{
	json_t *s = json_deep_copy(json_object_get(b->facts, "source"));

	if (!s)
		s = json_object();
	json_object_set(s, "vm", (json_t *)vm);
	json_put(b->plan, "source", s);
}

static int plan_keep(struct build *b, struct err *e)
{
	json_t *v = json_object_get(b->choices, "keep_days");
	uint64_t days = json_u64(b->choices, "keep_days", 0);

	if (!v)
		return 0;
	if (days < 1 || days > PLAN_KEEP_MAX)
		return err_set(e, ERR_PLAN_BAD, "choices: keep_days is 1 to %d",
			PLAN_KEEP_MAX);
	json_put_u64(b->plan, "keep_days", days);
	return 0;
}

/* Parts of the choices that steps read as they stand. */
static int plan_rest(struct build *b, struct err *e)
{
	static const char *const keys[] = {
		"allow", "hoster", "checks", "staged", "guest", "copy"};
	const char *road = json_str_or(b->choices, "road", "direct");

	if (strcmp(road, "direct") && strcmp(road, "staged"))
		return err_set(e, ERR_PLAN_BAD,
			"choices: road is direct or staged, not %s", road);
	if (strcmp(road, "staged") == 0 &&
		!json_str(json_object_get(b->choices, "staged"), "dir"))
		return err_set(e, ERR_PLAN_BAD,
			"choices: the staged road needs staged.dir");
	json_put_str(b->plan, "road", road);
	json_put_str(
		b->plan, "mode", json_str_or(b->choices, "mode", "express"));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_t *v = json_object_get(b->choices, keys[i]);

		if (v)
			json_put(b->plan, keys[i], json_deep_copy(v));
	}
	return plan_keep(b, e);
}

/* Nothing is asked of a host where the VM is in files. */
static bool for_source(const struct step *s, const json_t *source)
{
	if (strcmp(s->kind, "check_manifest") == 0)
		return json_str(source, "manifest") != NULL;
	return !(s->flags & STEP_HOST) ||
		strcmp(json_str_or(source, "kind", ""), "file");
}

/* At cut-over the failover IP moves when the copy is verified. The way to
 * virtio is for Windows. */
static void plan_steps(struct build *b)
{
	const json_t *hoster = json_object_get(b->plan, "hoster");
	const struct guestos *g =
		b->vm->guest ? guestos_find(b->vm->guest) : NULL;
	bool windows = g && g->family == GUESTOS_WINDOWS;
	bool late = hoster_job_late(hoster);
	json_t *list = json_array();

	for (const struct step *const *s = steps_all(); *s; s++) {
		const char *kind = (*s)->kind;
		bool awaits = strcmp(kind, "await_ip") == 0;

		if (late && awaits)
			json_array_append_new(list, json_string("move_ip"));
		if ((late && strcmp(kind, "move_ip") == 0) ||
			(awaits && !hoster_job_follows(hoster)) ||
			(!windows && strcmp(kind, "windows_virtio") == 0) ||
			!for_source(*s, json_object_get(b->plan, "source")))
			continue;
		json_array_append_new(list, json_string(kind));
	}
	json_put(b->plan, "steps", list);
}

static int fill(struct build *b, const json_t *vmj, struct err *e)
{
	json_put_u64(b->plan, "schema", 1);
	json_put_str(b->plan, "name", json_str_or(b->choices, "job", NULL));
	for (size_t i = 0; i < b->vm->n_warnings; i++)
		bwarn(b, "%s", b->vm->warnings[i]);
	if (check_vm(b->vm, json_object_get(b->facts, "source"), e) ||
		plan_target(b, e) || plan_rest(b, e) ||
		hoster_job_plan(b->plan, e))
		return -1;
	plan_source(b, vmj);
	plan_steps(b);
	return 0;
}

int plan_build(const json_t *facts, const json_t *choices, json_t **plan,
	struct err *e)
{
	_json_ json_t *out = json_object();
	_vm_ struct vm *vm = NULL;
	const json_t *vmj;
	struct build b = {.facts = facts,
		.choices = choices,
		.target = json_object_get(facts, "target"),
		.plan = out,
		.warnings = json_array()};

	json_put(out, "warnings", b.warnings);
	b.release = map_release(json_str(b.target, "version"));
	if (!b.release) {
		err_set(e, ERR_PLAN_BAD, "facts: no target with a version");
		return err_in(e, "plan");
	}
	if (plan_find_vm(facts, json_str(choices, "vm"), &vmj, e) ||
		vm_from_json(vmj, &vm, e))
		return err_in(e, "plan");
	b.vm = vm;
	if (fill(&b, vmj, e))
		return err_in(e, "plan the move of %s", vm->name);
	*plan = json_incref(out);
	return 0;
}

int plan_check(const json_t *plan, struct err *e)
{
	static const char *const objects[] = {"source.vm", "target.config"};
	static const char *const arrays[] = {
		"target.disks", "target.nics", "steps"};
	const json_t *v;
	size_t i;

	if (json_u64(plan, "schema", 0) != 1)
		return err_set(e, ERR_PLAN_BAD, "schema is not 1");
	for (i = 0; i < ARRAY_LEN(objects); i++)
		if (!json_is_object(json_at(plan, objects[i])))
			return err_set(
				e, ERR_PLAN_BAD, "no object %s", objects[i]);
	for (i = 0; i < ARRAY_LEN(arrays); i++)
		if (!json_is_array(json_at(plan, arrays[i])))
			return err_set(
				e, ERR_PLAN_BAD, "no list %s", arrays[i]);
	json_array_foreach (json_object_get(plan, "steps"), i, v) {
		const char *kind = json_string_value(v);

		if (!kind || !step_find(kind))
			return err_set(e, ERR_PLAN_BAD,
				"steps: this vmferry has no step %s",
				kind ? kind : "(not a text)");
	}
	return 0;
}
