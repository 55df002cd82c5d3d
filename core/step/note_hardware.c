/*
 * What the VM is, read again now that it is off and without snapshots: the
 * disks' identity is what resume compares with. Keeps true: every later step
 * works with this reading, not with the scan's.
 */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../esxi.h"
#include "../str.h"

static int preflight(struct run *r, struct err *e)
{
	_vm_ struct vm *now = NULL;
	struct esxi *x;

	if (run_esxi(r, &x, e) || esxi_vm(x, r->vm->id, &now, e))
		return -1;
	if (strcmp(now->name, r->vm->name))
		run_find(r, LEVEL_BLOCKER, ERR_PLAN_BAD,
			"VM %s was %s when the plan was made: scan again",
			r->vm->id, r->vm->name);
	for (size_t i = 0; i < run_disks(r); i++) {
		const struct vm_disk *d = run_source_disk(r, i);

		if (!d)
			run_find(r, LEVEL_BLOCKER, ERR_PLAN_BAD,
				"the plan's disk %s is not in the VM",
				json_str_or(run_disk(r, i), "slot", "?"));
	}
	for (size_t i = 0; i < now->n_disks; i++)
		if (now->disks[i].unsupported && !now->disks[i].snapshot)
			run_find(r, LEVEL_BLOCKER,
				vm_disk_refusal(&now->disks[i]), "%s: %s",
				now->disks[i].slot, now->disks[i].unsupported);
	for (size_t i = 0; i < now->n_warnings; i++)
		run_find(r, LEVEL_WARNING, ERR_NONE, "%s", now->warnings[i]);
	return 0;
}

static int fits_plan(struct run *r, const struct vm *now, struct err *e)
{
	for (size_t i = 0; i < run_disks(r); i++) {
		const json_t *p = run_disk(r, i);
		const char *slot = json_str_or(p, "slot", "");
		const struct vm_disk *d = NULL;

		for (size_t k = 0; k < now->n_disks; k++)
			if (strcmp(now->disks[k].slot, slot) == 0)
				d = &now->disks[k];
		if (!d)
			return err_set(e, ERR_PLAN_BAD,
				"disk %s is gone since the plan was made",
				slot);
		if (d->unsupported)
			return err_set(e, vm_disk_refusal(d), "%s: %s", slot,
				d->unsupported);
		if (d->capacity != json_u64(p, "capacity", 0))
			return err_set(e, ERR_PLAN_BAD,
				"disk %s has another size than when the plan "
				"was made: scan and plan again",
				slot);
	}
	return 0;
}

static int identities(struct run *r, struct esxi *x, const struct vm *now,
	json_t *list, struct err *e)
{
	for (size_t i = 0; i < now->n_disks; i++) {
		json_t *id;

		if (now->disks[i].unsupported)
			continue;
		if (esxi_disk_identity(x, &now->disks[i], &id, e))
			return -1;
		json_put_str(id, "slot", now->disks[i].slot);
		json_array_append_new(list, id);
	}
	(void)r;
	return 0;
}

static int run(struct run *r, struct err *e)
{
	json_t *d = json_object(), *ids = json_array();
	struct vm *now = NULL;
	struct esxi *x;

	json_put_str(d, "name", "hardware");
	json_put(d, "disks", ids);
	if (run_esxi(r, &x, e) || esxi_vm(x, r->vm->id, &now, e) ||
		fits_plan(r, now, e) || identities(r, x, now, ids, e)) {
		json_decref(d);
		vm_free(now);
		return -1;
	}
	json_put(d, "vm", vm_to_json(now));
	vm_free(r->vm);
	r->vm = now;
	return run_note(r, "measure", d, e);
}

const struct step step_note_hardware = {
	.kind = "note_hardware",
	.order = 40,
	.doing = N_("Note the VM's hardware"),
	.why = N_("CPU, memory, firmware, disks, MAC addresses and UUID are "
		  "written to the log: the new VM is made from them, and they "
		  "prove later what was there."),
	.manual = N_("cat /vmfs/volumes/DATASTORE/VM/VM.vmx\n"
		     "cat /vmfs/volumes/DATASTORE/VM/VM.vmdk"),
	.trouble = N_("If something changed since the plan was made, scan and "
		      "plan again; the VM only needs to be started."),
	.preflight = preflight,
	.run = run,
};
