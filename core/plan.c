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
#include "plan_own.h"
#include "step.h"
#include "str.h"
#include "vm.h"

void plan_warn(struct planning *b, const char *fmt, ...)
{
	_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	json_array_append_new(b->warnings, json_text(s ? s : ""));
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
		if (strcmp(plan_text(v, "id"), want) == 0) {
			*vm = v;
			return 0;
		}
		if (strcmp(plan_text(v, "name"), want))
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

/* --- the target VM --- */

static const char *const target_keys[] = {
	"host", "port", "node", "user", "version"};

static int plan_vmid(struct planning *b, json_t *target, struct err *e)
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

static int plan_target(struct planning *b, struct err *e)
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

static void plan_source(struct planning *b, const json_t *vm)
{
	json_t *s = json_deep_copy(json_object_get(b->facts, "source"));

	if (!s)
		s = json_object();
	json_object_set(s, "vm", (json_t *)vm);
	json_put(b->plan, "source", s);
}

static int plan_keep(struct planning *b, struct err *e)
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
static int plan_rest(struct planning *b, struct err *e)
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
static void plan_steps(struct planning *b)
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

static int fill(struct planning *b, const json_t *vmj, struct err *e)
{
	json_put_u64(b->plan, "schema", 1);
	json_put_str(b->plan, "name", json_str_or(b->choices, "job", NULL));
	for (size_t i = 0; i < b->vm->n_warnings; i++)
		plan_warn(b, "%s", b->vm->warnings[i]);
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
	struct planning b = {.facts = facts,
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
