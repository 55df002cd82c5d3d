/*
 * The first start, with the NIC links up: only after the source was proven
 * off again, so that two machines never have one address.
 */
#include "../i18n.h"
#include "../run.h"

#include <stdlib.h>
#include <string.h>

#include "../disks.h"
#include "../esxi.h"
#include "../source.h"
#include "../stop.h"
#include "../str.h"
#include "../target.h"

/* Off is not enough: it may have run and stopped again since the copy. */
static int source_unchanged(struct run *r, struct esxi *x, struct err *e)
{
	if (esxi_prove_no_delta(x, r->vm->id, e))
		return -1;
	for (size_t i = 0; i < run_disks(r); i++) {
		const struct vm_disk *d = run_source_disk(r, i);
		const json_t *was = disks_identity(r, i);
		_json_ json_t *is = NULL;

		if (!d || !was)
			return err_set(e, ERR_INTERNAL,
				"nothing is known of the copy of disk %zu",
				i + 1);
		if (esxi_disk_identity(x, d, &is, e) || source_same(was, is, e))
			return -1;
	}
	return 0;
}

static int source_still_off(struct run *r, struct err *e)
{
	char state[ESXI_POWER_LEN];
	struct esxi *x;

	if (run_esxi(r, &x, e) || esxi_power(x, r->vm->id, state, e))
		return -1;
	if (strcmp(state, "off"))
		return err_set(e, ERR_VM_RUNNING,
			"%s is %s on the ESXi host again: two machines with "
			"one address would disturb each other",
			r->vm->name, state);
	return source_unchanged(r, x, e);
}

static int run(struct run *r, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	struct pve *p;

	if (source_still_off(r, e) || run_pve(r, &p, e))
		return -1;
	target_add_nics(r, &params, false);
	if (params.n && pve_vm_set(p, run_vmid(r), &params, NULL, e))
		return -1;
	return pve_vm_start(p, run_vmid(r), NULL, e);
}

/* Without an agent nobody but the operator can say that it is up. */
static int ask_console(struct run *r, struct err *e)
{
	static const struct ask_choice c[] = {
		{"up", N_("it is up: I see the login prompt")},
		{"wait", N_("wait again for the agent")},
		{"dead", N_("it does not boot")}, {NULL, NULL}};
	const struct question q = {.id = "boot",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_(
			"The guest agent does not answer. What does the VM's "
			"console show?"),
		.why = N_("No agent may mean no boot, or only no "
			  "qemu-guest-agent in the guest."),
		.help = N_(
			"Web interface: the VM, Console. A login prompt: it "
			"is up. 'dracut', 'initramfs', 'grub rescue', 'No "
			"bootable device' or a blue screen 0x7B: it does not "
			"find its disk; answer 'dead' and undo to "
			"choose_bus.")};
	const char *a;

	if (run_ask(r, &q, &a, e))
		return -1;
	if (strcmp(a, "up") == 0)
		return 0;
	return err_set(e, strcmp(a, "wait") ? ERR_GUEST_BOOT : ERR_AGENT_SILENT,
		strcmp(a, "wait") ? "the operator saw that it does not boot"
				  : "still no answer from the agent");
}

static int wait_agent(
	struct run *r, struct pve *p, double patience, struct err *e)
{
	double began = now_mono();

	for (;;) {
		struct pve_vm_status st;
		json_t *o;

		if (pve_agent_ping(p, run_vmid(r), e) == 0)
			return 0;
		if (e->code != ERR_AGENT_SILENT && e->code != ERR_TIMEOUT)
			return -1;
		if (pve_vm_status(p, run_vmid(r), &st, e))
			return -1;
		if (!st.running)
			return err_set(e, ERR_GUEST_BOOT,
				"the VM is not running any more");
		if (now_mono() - began > patience)
			return err_set(e, ERR_AGENT_SILENT,
				"no answer within %.0f s", patience);
		o = json_object();
		json_put_str(o, "what", N_("waiting for the guest agent"));
		json_put_u64(o, "done", now_mono() - began);
		json_put_u64(o, "total", patience);
		run_progress(r, o);
		if (stop_sleep(1000, e))
			return -1;
	}
}

static int verify(struct run *r, struct err *e)
{
	double began = now_mono();
	struct pve *p;
	json_t *d;

	if (run_pve(r, &p, e))
		return -1;
	if (wait_agent(r, p, run_u64(r, "checks.boot_timeout", 300), e)) {
		if (e->code != ERR_AGENT_SILENT || ask_console(r, e))
			return -1;
	}
	run_say(r, "  up after %.0f s", now_mono() - began);
	d = json_object();
	json_put_str(d, "name", "seconds to boot");
	json_put(d, "value", json_real(now_mono() - began));
	json_put_str(d, "unit", "s");
	return run_note(r, "measure", d, e);
}

static int undo(struct run *r, struct err *e)
{
	unsigned id = run_vmid(r);
	struct pve *p;
	int ours;

	if (!id)
		return 0;
	if (run_pve(r, &p, e))
		return -1;
	ours = target_is_ours(r, p, id, e);
	if (ours <= 0)
		return ours;
	run_say(r, "  stopping VM %u", id);
	return pve_vm_stop(p, id, NULL, e);
}

const struct step step_start_vm = {
	.kind = "start_vm",
	.order = 130,
	.flags = STEP_STOPS,
	.doing = N_("Start the VM on Proxmox VE"),
	.why = N_("The source is proven off and unchanged once more, the "
		  "network links go up, and vmferry waits until the guest's "
		  "agent answers."),
	.manual = N_("qm start VMID\nqm agent VMID ping"),
	.trouble = N_("Look at the VM's console. Way back: this VM is stopped "
		      "and the old one started again."),
	.run = run,
	.verify = verify,
	.undo = undo,
};
