/*
 * What the VM is, read again now that it is off and without snapshots: the
 * disks' identity is what resume compares with. Keeps true: every later step
 * works with this reading, not with the scan's.
 */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../esxi.h"
#include "../origin.h"
#include "../str.h"

/* What cannot be known of a VM in files is said before anything is made. */
static void find_file(struct run *r)
{
	run_find(r, LEVEL_OK, ERR_NONE, "%s is as it was scanned",
		origin_path(r));
	run_find(r, LEVEL_WARNING, ERR_NONE,
		"vmferry cannot see whether the machine that %s was made from "
		"still runs somewhere: it must be off before the new one "
		"starts",
		origin_path(r));
}

/* The VM as its source tells it now; x is null for files. */
static int read_vm(
	struct run *r, struct esxi **x, struct vm **now, struct err *e)
{
	_vmfile_ struct vmfile f = {0};

	*x = NULL;
	if (!origin_is_file(r))
		return run_source(r, x, e) || esxi_vm(*x, r->vm->id, now, e)
			? -1
			: 0;
	if (origin_read(r, &f, e))
		return -1;
	*now = f.vm;
	f.vm = NULL;
	return 0;
}

static int preflight(struct run *r, struct err *e)
{
	_vm_ struct vm *now = NULL;
	struct esxi *x;

	if (read_vm(r, &x, &now, e))
		return -1;
	if (!x)
		find_file(r);
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

static int identity(
	struct esxi *x, const struct vm_disk *d, json_t **id, struct err *e)
{
	_disk_in_ struct disk_in in = {0};

	if (x)
		return esxi_disk_identity(x, d, id, e);
	return origin_open(d, &in, e) || in.kind->identity(&in, id, e) ? -1 : 0;
}

static int identities(
	struct esxi *x, const struct vm *now, json_t *list, struct err *e)
{
	for (size_t i = 0; i < now->n_disks; i++) {
		json_t *id;

		if (now->disks[i].unsupported)
			continue;
		if (identity(x, &now->disks[i], &id, e))
			return -1;
		json_put_str(id, "slot", now->disks[i].slot);
		json_array_append_new(list, id);
	}
	return 0;
}

static int run(struct run *r, struct err *e)
{
	json_t *d = json_object(), *ids = json_array();
	struct vm *now = NULL;
	struct esxi *x;

	json_put_str(d, "name", "hardware");
	json_put(d, "disks", ids);
	if (read_vm(r, &x, &now, e) || fits_plan(r, now, e) ||
		identities(x, now, ids, e)) {
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
	.file = {.manual = N_("vmferry inspect FILE"),
		.trouble = N_("If the files changed since the plan was made, "
			      "scan and plan again.")},
	.preflight = preflight,
	.run = run,
};
