/*
 * The source VM goes down: its guest is asked, power is cut only if that was
 * allowed, and it is proven off before anything else happens. Undo brings it
 * back up if it was on.
 */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../esxi.h"
#include "../str.h"

static int preflight(struct run *r, struct err *e)
{
	char state[ESXI_POWER_LEN];
	struct esxi_about about;
	struct esxi *x;

	if (run_source(r, &x, e) || esxi_about(x, &about, e) ||
		esxi_power(x, r->vm->id, state, e))
		return -1;
	run_find(r, LEVEL_OK, ERR_NONE, "%s %s build %s, logged in",
		about.product, about.version, about.build);
	if (strcmp(state, "suspended") == 0)
		run_find(r, LEVEL_BLOCKER, ERR_VM_UNSUPPORTED,
			"%s is suspended: resume it, then shut it down",
			r->vm->name);
	else
		run_find(r, LEVEL_OK, ERR_NONE, "%s is %s", r->vm->name, state);
	return 0;
}

/* What it was before, once: a repeated run must not overwrite "on". */
static int note_before(struct run *r, struct esxi *x, struct err *e)
{
	char state[ESXI_POWER_LEN];
	json_t *d, *guest;

	if (run_recall(r, "stop_vm", "measure"))
		return 0;
	if (esxi_power(x, r->vm->id, state, e))
		return -1;
	d = json_object();
	json_put_str(d, "name", N_("power before"));
	json_put_str(d, "value", state);
	/* Addresses and routes are only told while the guest runs. */
	if (strcmp(state, "on") == 0 &&
		esxi_guest(x, r->vm->id, &guest, NULL) == 0)
		json_put(d, "guest", guest);
	return run_note(r, "measure", d, e);
}

static int check(struct run *r, struct err *e)
{
	struct esxi *x;

	if (run_source(r, &x, e) || note_before(r, x, e))
		return -1;
	return 0;
}

static int cut_power(
	struct run *r, struct esxi *x, const char *cause, struct err *e)
{
	_free_ char *why = xasprintf(
		N_("The guest did not shut down (%s). "
		   "Cutting power is like pulling the plug: data the guest had "
		   "not written is lost."),
		cause);
	bool yes;

	if (run_allowed(
		    r, "power_off", N_("Cut the VM's power?"), why, &yes, e))
		return -1;
	if (!yes)
		return err_set(e, ERR_VM_RUNNING, "%s did not shut down: %s",
			r->vm->name, cause);
	run_say(r, "  cutting power: %s", cause);
	if (esxi_power_off(x, r->vm->id, e))
		return -1;
	return esxi_wait_power(x, r->vm->id, "off", 60, e);
}

static int run(struct run *r, struct err *e)
{
	double patience = run_u64(r, "allow.shutdown_timeout", 300);
	struct err cause = {0};
	char state[ESXI_POWER_LEN];
	struct esxi *x;
	bool yes;

	if (run_source(r, &x, e) || esxi_power(x, r->vm->id, state, e))
		return -1;
	if (strcmp(state, "off") == 0)
		return 0;
	if (run_allowed(r, "shutdown", N_("Shut the VM's guest down now?"),
		    N_("Its service is down from here until the new VM runs."),
		    &yes, e))
		return -1;
	if (!yes)
		return err_set(e, ERR_VM_RUNNING,
			"shutting down %s was "
			"refused",
			r->vm->name);
	if (esxi_shutdown_guest(x, r->vm->id, &cause) == 0 &&
		esxi_wait_power(x, r->vm->id, "off", patience, &cause) == 0)
		return 0;
	/* Only a guest that cannot or will not go down leads to the plug. */
	if (cause.code != ERR_ESXI_COMMAND && cause.code != ERR_TIMEOUT) {
		*e = cause;
		return -1;
	}
	return cut_power(r, x, cause.why, e);
}

static int verify(struct run *r, struct err *e)
{
	json_t *proof, *d;
	struct esxi *x;

	if (run_source(r, &x, e) || esxi_prove_off(x, r->vm, &proof, e))
		return -1;
	d = json_object();
	json_put_str(d, "text", N_("the source VM is proven off"));
	json_put(d, "evidence", proof);
	return run_note(r, "note", d, e);
}

static int undo(struct run *r, struct err *e)
{
	const json_t *was = run_recall(r, "stop_vm", "measure");
	struct esxi *x;

	if (strcmp(json_str_or(was, "value", "off"), "on"))
		return 0;
	run_say(r, "  starting %s on the ESXi host again", r->vm->name);
	if (run_source(r, &x, e))
		return -1;
	return esxi_power_on(x, r->vm->id, e);
}

const struct step step_stop_vm = {
	.kind = "stop_vm",
	.order = 20,
	.flags = STEP_STOPS | STEP_HOST,
	.doing = N_("Stop the VM on the ESXi host"),
	.why = N_("A disk can only be copied whole while nothing writes to it. "
		  "From here the service is down."),
	.manual = N_("vim-cmd vmsvc/power.shutdown VMID\n"
		     "vim-cmd vmsvc/power.getstate VMID\n"
		     "esxcli vm process list"),
	.trouble =
		N_("If the guest does not go down, shut it down from its own "
		   "console. Way back: the VM is started again."),
	.preflight = preflight,
	.check = check,
	.run = run,
	.verify = verify,
	.undo = undo,
};
