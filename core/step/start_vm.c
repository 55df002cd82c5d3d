/*
 * The first start, with the NIC links up: only after the source was proven
 * off again, so that two machines never have one address.
 */
#include "../boot_look.h"
#include "../bus.h"
#include "../guest_job.h"
#include "../guest_shell.h"
#include "../i18n.h"

#include <stdlib.h>
#include <string.h>

#include "../disks.h"
#include "../esxi.h"
#include "../origin.h"
#include "../source.h"
#include "../stop.h"
#include "../str.h"

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

	if (run_source(r, &x, e) || esxi_power(x, r->vm->id, state, e))
		return -1;
	if (strcmp(state, "off"))
		return err_set(e, ERR_VM_RUNNING,
			"%s is %s on the ESXi host again: two machines with "
			"one address would disturb each other",
			r->vm->name, state);
	return source_unchanged(r, x, e);
}

/* Disks in their places, links up, power on. */
static int begin(struct run *r, struct pve *p, struct err *e)
{
	_pve_params_ struct pve_params params = {0};

	target_add_nics(r, &params, false);
	if (params.n && pve_vm_set(p, run_vmid(r), &params, NULL, e))
		return -1;
	return pve_vm_start(p, run_vmid(r), NULL, e);
}

static int run(struct run *r, struct err *e)
{
	struct pve_vm_status st;
	struct pve *p;

	if ((origin_is_file(r) ? origin_quiet(r, e) : source_still_off(r, e)) ||
		run_pve(r, &p, e) || pve_vm_status(p, run_vmid(r), &st, e))
		return -1;
	/* An undone ladder, or one that was cut between two rungs. */
	if (!st.running && bus_settle(r, p, e))
		return -1;
	return begin(r, p, e);
}

/* --- what became of it --- */

#define LOOK 8.0         /* s between two looks at the screen */
#define AGENT_GRACE 60.0 /* s for the agent after the login prompt */

struct watch {
	double began, login; /* login: when its prompt was first seen */
	struct boot_serial *serial;
	struct boot_sight seen;
	bool no_ssh; /* refused: not tried again, accounts get locked */
};

static void watch_free(struct watch *w)
{
	boot_serial_free(w->serial);
	boot_sight_free(&w->seen);
}

/* With the bus at hand, which the newest measure tells to later steps. */
static int note(struct run *r, json_t *d, struct err *e)
{
	json_put_str(d, "bus", target_bus(r));
	json_put_str(d, "nic", target_nic(r));
	return run_note(r, "measure", d, e);
}

static int note_check(struct run *r, const struct watch *w, const char *verdict,
	const char *by, struct err *e)
{
	_free_ char *copy = xstrdup(w->seen.text ? w->seen.text : "");
	json_t *d = json_object(), *lines = json_array();
	char *p = copy, *line;

	while ((line = str_line(&p)))
		if (*line)
			json_array_append_new(lines, json_text(line));
	json_put_str(d, "name", N_("boot check"));
	json_put_str(d, "value", verdict);
	json_put_str(d, "by", by);
	if (strcmp(by, "agent") && strcmp(by, "ssh")) {
		json_put_str(d, "sign", boot_sign_name(w->seen.v.sign));
		json_put_str(d, "evidence", w->seen.v.evidence);
		json_put(d, "screen", json_incref(lines));
	}
	json_decref(lines);
	json_put(d, "seconds", json_real((int)(now_mono() - w->began)));
	return note(r, d, e);
}

/* 1: the sign stands since two looks and decides; 0: go on. */
static int look(struct run *r, struct watch *w, struct err *e)
{
	bool agent = json_flag(guest_job_facts(r), "agent", true);
	struct boot_sight now;
	bool same;

	if (boot_look(r, w->serial, &now, e))
		return -1;
	same = now.v.sign == w->seen.v.sign &&
		strcmp(now.v.evidence, w->seen.v.evidence) == 0;
	boot_sight_free(&w->seen);
	w->seen = now;
	if (now.v.sign == BOOT_LOGIN && !w->login)
		w->login = now_mono();
	if (now.v.sign == BOOT_LOGIN)
		return !agent || now_mono() - w->login > AGENT_GRACE;
	return same && now.v.sign != BOOT_NOTHING;
}

/* Does it take a login over SSH? Where it answers and says no, once is
 * enough. */
static bool ssh_up(struct run *r, struct watch *w)
{
	struct err why = {0};

	if (!guest_ssh_wanted(r) || w->no_ssh)
		return false;
	if (guest_ssh_try(r, 5, &why) == 0)
		return true;
	w->no_ssh = why.code != ERR_SSH_CONNECT && why.code != ERR_TIMEOUT &&
		why.code != ERR_SSH_LOST;
	if (w->no_ssh)
		run_say(r, "  SSH: %s", why.why);
	return false;
}

static void progress(struct run *r, const struct watch *w, double patience)
{
	json_t *o = json_object();

	json_put_str(o, "what", N_("waiting for the guest agent"));
	json_put_u64(o, "done", now_mono() - w->began);
	json_put_u64(o, "total", patience);
	run_progress(r, o);
}

/* 0: the agent answers, or SSH; *by says who. ERR_AGENT_SILENT: the screen or
 * the time decided. */
static int wait_up(struct run *r, struct pve *p, struct watch *w,
	double patience, const char **by, struct err *e)
{
	double next = w->began + 2 * LOOK;

	for (;;) {
		struct pve_vm_status st;
		int seen = 0;

		*by = "agent";
		if (pve_agent_ping(p, run_vmid(r), e) == 0)
			return 0;
		if (e->code != ERR_AGENT_SILENT && e->code != ERR_TIMEOUT)
			return -1;
		if (pve_vm_status(p, run_vmid(r), &st, e))
			return -1;
		if (!st.running)
			return err_set(e, ERR_GUEST_BOOT,
				"the VM is not running any more");
		if (now_mono() > next) {
			*by = "ssh";
			if (ssh_up(r, w))
				return 0;
			seen = look(r, w, e);
			next = now_mono() + LOOK;
		}
		if (seen < 0)
			return -1;
		if (seen || now_mono() - w->began > patience)
			return err_set(e, ERR_AGENT_SILENT,
				"no answer within %.0f s",
				now_mono() - w->began);
		progress(r, w, patience);
		if (stop_sleep(1000, e))
			return -1;
	}
}

/* --- the operator's word, and the ladder --- */

/* An answer is there that nothing took yet: no need to wait once more. */
static bool answered(const struct run *r)
{
	const json_t *a = journal_asked(r->j, "start_vm", "answer", "boot");
	const json_t *d = journal_asked(r->j, "start_vm", "decision", "boot");

	return a && json_u64(a, "seq", 0) > json_u64(d, "seq", 0);
}

static int ask_console(
	struct run *r, const struct watch *w, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {
		{"up", N_("it is up: I see the login prompt")},
		{"wait", N_("wait again for the agent")},
		{"next",
			N_("stop it, try the next bus: virtio-scsi, SATA, "
			   "IDE")},
		{"dead", N_("it does not boot: stop here")}, {NULL, NULL}};
	_free_ char *seen = xasprintf(N_("The console shows %s: %s"),
		boot_sign_name(w->seen.v.sign), w->seen.v.evidence);
	const struct question q = {.id = "boot",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_(
			"The guest agent does not answer. What does the VM's "
			"console show?"),
		.why = w->seen.v.sign
			? seen
			: N_("No agent may mean no boot, or only no "
			     "qemu-guest-agent in the guest."),
		.help = w->seen.v.sign
			? boot_sign_advice(w->seen.v.sign)
			: N_("Web interface: the VM, Console. A login prompt: "
			     "it is up. 'dracut', 'initramfs', 'grub rescue', "
			     "'No bootable device' or a blue screen 0x7B: it "
			     "does not find its disk; answer 'next'.")};

	if (w->seen.v.sign)
		run_say(r, "  %s", seen);
	return run_ask(r, &q, a, e);
}

/* The next rung is written down before anything moves. */
static int climb(
	struct run *r, struct pve *p, const struct watch *w, struct err *e)
{
	const char *next = bus_next(target_bus(r));
	json_t *d;

	if (!next)
		return err_set(
			e, ERR_GUEST_BOOT, "IDE is the last bus of the ladder");
	run_say(r, "  stopped, and put on %s", bus_name(next));
	if (pve_vm_stop(p, run_vmid(r), NULL, e))
		return -1;
	d = json_object();
	json_put_str(d, "name", "bus");
	json_put_str(d, "value", next);
	json_put_str(d, "bus", next);
	json_put_str(d, "nic", "e1000");
	json_put_str(d, "why", w->seen.v.evidence);
	return run_note(r, "measure", d, e);
}

/* 0: up; 1: look again; -1 */
static int decide(
	struct run *r, struct pve *p, const struct watch *w, struct err *e)
{
	const char *a;

	if (ask_console(r, w, &a, e))
		return -1;
	if (strcmp(a, "up") == 0)
		return note_check(r, w, "up", "operator", e);
	if (strcmp(a, "next") == 0)
		return climb(r, p, w, e) || bus_settle(r, p, e) ||
				begin(r, p, e)
			? -1
			: 1;
	if (strcmp(a, "wait") == 0)
		return 1;
	return err_set(
		e, ERR_GUEST_BOOT, "the operator saw that it does not boot");
}

/* 0: up; 1: once more; -1 */
static int watch_once(struct run *r, struct pve *p, struct err *e)
{
	__attribute__((cleanup(watch_free))) struct watch w = {
		.began = now_mono(), .serial = boot_serial_open(run_vmid(r))};
	double patience = run_u64(r, "checks.boot_timeout", 300);
	const char *by;

	if (answered(r) && look(r, &w, e) < 0)
		return -1;
	if (wait_up(r, p, &w, answered(r) ? 0 : patience, &by, e) == 0)
		return note_check(r, &w, "up", by, e);
	if (e->code != ERR_AGENT_SILENT)
		return -1;
	if (w.seen.v.sign == BOOT_LOGIN) {
		run_say(r, "  %s", w.seen.v.evidence);
		return note_check(r, &w, "up", w.seen.by, e);
	}
	if (!answered(r) &&
		note_check(r, &w, w.seen.v.sign ? "down" : "unknown",
			w.seen.by ? w.seen.by : "screen", e))
		return -1;
	return decide(r, p, &w, e);
}

static int verify(struct run *r, struct err *e)
{
	double began = now_mono();
	struct pve *p;
	json_t *d;
	int rc;

	if (run_pve(r, &p, e))
		return -1;
	while ((rc = watch_once(r, p, e)) > 0)
		;
	if (rc)
		return -1;
	run_say(r, "  up after %.0f s", now_mono() - began);
	d = json_object();
	json_put_str(d, "name", N_("seconds to boot"));
	json_put(d, "value", json_real(now_mono() - began));
	json_put_str(d, "unit", "s");
	return note(r, d, e);
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
	.file = {.why = N_("The files are proven unchanged once more, the "
			   "network links go up, and vmferry waits until the "
			   "guest's agent answers."),
		.trouble = N_("Look at the VM's console. Way back: this VM is "
			      "stopped and removed; the files are as they "
			      "were.")},
	.run = run,
	.verify = verify,
	.undo = undo,
};
