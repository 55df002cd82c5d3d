/*
 * Snapshots are consolidated into the base disks, followed to the end and
 * proven gone. There is no undo: a removed snapshot does not come back, which
 * is why it is asked for.
 */
#include "../i18n.h"
#include "../run.h"

#include "../esxi.h"
#include "../str.h"

static int preflight(struct run *r, struct err *e)
{
	struct esxi *x;
	json_t *tree;

	if (run_source(r, &x, e) || esxi_snapshots(x, r->vm->id, &tree, e))
		return -1;
	if (json_array_size(tree))
		run_find(r, LEVEL_WARNING, ERR_NONE,
			"%s has snapshots; they are removed for good (merged "
			"into the disks) after it was stopped",
			r->vm->name);
	else
		run_find(r, LEVEL_OK, ERR_NONE, "no snapshots");
	json_decref(tree);
	return 0;
}

static int check(struct run *r, struct err *e)
{
	_json_ json_t *tree = NULL;
	struct esxi *x;

	if (run_source(r, &x, e) || esxi_snapshots(x, r->vm->id, &tree, e))
		return -1;
	if (json_array_size(tree))
		return 0;
	/* No snapshot is listed, yet deltas may be left behind. */
	return esxi_prove_no_delta(x, r->vm->id, NULL) == 0;
}

static int tell(void *arg, int percent, const char *state, struct err *e)
{
	struct run *r = arg;
	json_t *p = json_object();

	(void)e;
	json_put_str(p, "what", N_("consolidating snapshots"));
	json_put_str(p, "state", state);
	if (percent >= 0) {
		json_put_u64(p, "done", percent);
		json_put_u64(p, "total", 100);
	}
	run_progress(r, p);
	return 0;
}

static int run(struct run *r, struct err *e)
{
	const struct esxi_progress progress = {.tell = tell, .arg = r};
	struct esxi *x;
	bool yes;

	if (run_allowed(r, "remove_snapshots",
		    N_("Remove all snapshots of the VM?"),
		    N_("A disk with snapshots cannot be copied whole. Removing "
		       "keeps the VM as it is now; going back to a snapshot is "
		       "no "
		       "longer possible."),
		    &yes, e))
		return -1;
	if (!yes)
		return err_set(e, ERR_DISK_CHAIN,
			"%s has snapshots and removing them was refused",
			r->vm->name);
	if (run_source(r, &x, e))
		return -1;
	return esxi_snapshot_remove_all(x, r->vm->id, &progress,
		run_u64(r, "allow.snapshot_timeout", 6 * 3600), e);
}

static int verify(struct run *r, struct err *e)
{
	struct esxi *x;

	return run_source(r, &x, e) || esxi_prove_no_delta(x, r->vm->id, e) ? -1
									    : 0;
}

const struct step step_remove_snapshots = {
	.kind = "remove_snapshots",
	.order = 30,
	.flags = STEP_LONG | STEP_HOST,
	.doing = N_("Remove the VM's snapshots"),
	.why = N_(
		"While a snapshot exists, the disk is spread over several "
		"files. Removing merges them; the VM's present state is kept."),
	.manual = N_("vim-cmd vmsvc/snapshot.removeall VMID\n"
		     "vim-cmd vmsvc/get.tasklist VMID\n"
		     "vim-cmd vmsvc/snapshot.get VMID\n"
		     "ls /vmfs/volumes/DATASTORE/VM/*-delta.vmdk"),
	.trouble = N_("A merge can take long and needs free space on the "
		      "datastore. If it fails the VM is still whole. A removed "
		      "snapshot cannot be brought back."),
	.preflight = preflight,
	.check = check,
	.run = run,
	.verify = verify,
};
