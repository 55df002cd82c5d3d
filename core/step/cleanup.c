/*
 * What is left on both sides, with its size. vmferry removes only what its
 * own journal says it made; the source VM stays, off, until the operator
 * deletes it.
 */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../staged.h"
#include "../str.h"

static void tell_source(struct run *r, json_t *left)
{
	char size[STR_SIZE_LEN];
	uint64_t used = 0;
	json_t *o = json_object();

	for (size_t i = 0; i < r->vm->n_disks; i++)
		used += r->vm->disks[i].used ? r->vm->disks[i].used
					     : r->vm->disks[i].capacity;
	run_say(r,
		"  left on the ESXi host: %s, off, %s. Keep it until the "
		"new server has proven itself, then delete it there.",
		r->vm->name, str_size(size, used));
	json_put_str(o, "what", N_("source VM, off"));
	json_put_str(o, "where", run_str(r, "source.host", "?"));
	json_put_u64(o, "bytes", used);
	json_array_append_new(left, o);
}

static int run(struct run *r, struct err *e)
{
	json_t *d = json_object(), *left = json_array();

	json_put_str(d, "name", "left");
	json_put(d, "left", left);
	if (staged_remove(r, e)) {
		json_decref(d);
		return -1;
	}
	tell_source(r, left);
	return run_note(r, "measure", d, e);
}

const struct step step_cleanup = {
	.kind = "cleanup",
	.order = 170,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Clean up, and say what is left"),
	.why = N_(
		"Staging files are removed. The old VM stays off and whole: it "
		"is the way back for as long as you keep it."),
	.manual = N_("rm STAGING/*.vmdk\n"
		     "On ESXi, weeks later: vim-cmd vmsvc/destroy VMID"),
	.trouble = N_("Nothing here can hurt the new server."),
	.run = run,
};
