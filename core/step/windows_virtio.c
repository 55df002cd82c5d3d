/*
 * Windows from SATA or IDE to virtio-scsi, on the running system and step by
 * step: its driver starts at boot only after it was installed while such a
 * disk was there. So the VM gets a temporary disk on virtio-scsi and the disc
 * with the drivers, the operator installs them in the console, and only then
 * does the system disk change its bus.
 *
 * Keeps true: nothing is switched without the operator's word; each phase is
 * in the journal before anything moves, and may be done again; from every
 * phase "back" leads to the bus that Windows booted from.
 *
 *   offer -> disc -> prepare -> install -> network -> switch -> look -> done
 *     |                            |           |                 |
 *   stay                           +---------- back <------------+
 */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../boot_look.h"
#include "../bus.h"
#include "../guest_job.h"
#include "../stop.h"
#include "../str.h"
#include "../target.h"
#include "../virtio_ask.h"
#include "../virtio_kit.h"

#define SHUTDOWN 180 /* s that Windows gets to end */

/* The newest phase's measure; null before the first. */
static const json_t *state(const struct run *r)
{
	return run_recall(r, "windows_virtio", "measure");
}

static const char *disc_of(const struct run *r)
{
	return json_str(state(r), "disc");
}

/* Next phase, with the bus and card model that hold from it on. */
static int go(struct run *r, const char *phase, const char *bus,
	const char *nic, const char *disc, struct err *e)
{
	const json_t *s = state(r);
	json_t *d = json_object();

	json_put_str(d, "name", N_("virtio for Windows"));
	json_put_str(d, "value", phase);
	json_put_str(d, "was_bus", json_str_or(s, "was_bus", target_bus(r)));
	json_put_str(d, "was_nic", json_str_or(s, "was_nic", target_nic(r)));
	json_put_str(d, "bus", bus);
	json_put_str(d, "nic", nic);
	json_put_str(d, "disc", disc);
	return run_note(r, "measure", d, e);
}

static int next(struct run *r, const char *phase, struct err *e)
{
	return go(r, phase, target_bus(r), target_nic(r), disc_of(r), e);
}

/* The bus that Windows booted from. */
static int next_back(struct run *r, struct err *e)
{
	return go(r, "back", json_str_or(state(r), "was_bus", target_bus(r)),
		json_str_or(state(r), "was_nic", target_nic(r)), disc_of(r), e);
}

/* --- off and on --- */

static int shut_down(struct run *r, struct pve *p, struct err *e)
{
	struct pve_vm_status st;
	const char *a;

	for (bool asked = false;; asked = true) {
		if (pve_vm_status(p, run_vmid(r), &st, e))
			return -1;
		if (!st.running)
			return 0;
		if (!asked && pve_agent_ping(p, run_vmid(r), NULL) == 0 &&
			pve_vm_shutdown(p, run_vmid(r), SHUTDOWN, false, NULL,
				NULL) == 0)
			continue;
		if (stop_check(e) || virtio_ask_off(r, &a, e))
			return -1;
		if (strcmp(a, "force") == 0)
			return pve_vm_stop(p, run_vmid(r), NULL, e);
	}
}

/* The links are up: the service is this machine's since start_vm. */
static int start(struct run *r, struct pve *p, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	struct pve_vm_status st;

	if (pve_vm_status(p, run_vmid(r), &st, e))
		return -1;
	if (st.running)
		return 0;
	target_add_nics(r, &params, false);
	if (params.n && pve_vm_set(p, run_vmid(r), &params, NULL, e))
		return -1;
	return pve_vm_start(p, run_vmid(r), NULL, e);
}

/* --- the phases --- */

static int offer(struct run *r, struct pve *p, struct err *e)
{
	const char *a;

	if (virtio_ask_offer(r, &a, e))
		return -1;
	if (strcmp(a, "prepare") == 0)
		return next(r, "disc", e);
	/* An undo, or a way back that was cut off, left it off. */
	return start(r, p, e) || next(r, "stay", e) ? -1 : 0;
}

static int disc(struct run *r, struct pve *p, struct err *e)
{
	_json_ json_t *discs = NULL, *storages = NULL;
	const char *a;

	if (virtio_kit_discs(p, &discs, &storages, e) ||
		virtio_ask_disc(r, discs, storages, &a, e))
		return -1;
	if (strcmp(a, "again") == 0)
		return 0;
	return go(r, "prepare", target_bus(r), target_nic(r),
		strcmp(a, "none") ? a : NULL, e);
}

static int prepare(struct run *r, struct pve *p, struct err *e)
{
	run_say(r, "  a temporary disk on virtio-scsi, %s",
		disc_of(r) ? disc_of(r) : N_("no disc"));
	return shut_down(r, p, e) || virtio_kit_attach(r, p, disc_of(r), e) ||
			start(r, p, e) || next(r, "install", e)
		? -1
		: 0;
}

/* One program of Windows through the agent: does its output hold the word?
 * -1: nobody answers. */
static int says(struct run *r, struct pve *p, const char *const argv[],
	const char *word)
{
	_free_ char *out = NULL;
	int code;

	if (pve_agent_exec(p, run_vmid(r), argv, 30, &code, &out, NULL, NULL))
		return -1;
	return code == 0 && out && strstr(out, word);
}

/* 1: the driver runs and starts at boot; 0: it does not, by *why; -1: no
 * agent answers, the operator's word counts. */
static int driver_runs(struct run *r, struct pve *p, const char **why)
{
	const int runs = says(r, p,
		(const char *const[]){"sc", "query", "vioscsi", NULL},
		"RUNNING");
	int boots;

	*why = N_("The guest agent says that the driver vioscsi does not run: "
		  "it is not installed, or the temporary disk is not seen.");
	if (runs <= 0)
		return runs;
	boots = says(r, p,
		(const char *const[]){"reg", "query",
			"HKLM\\SYSTEM\\CurrentControlSet\\Services\\vioscsi",
			"/v", "Start", NULL},
		"0x0");
	*why = N_("The guest agent says that the driver vioscsi does not start "
		  "at boot: Start in its registry key is not 0.");
	return boots;
}

static int install(struct run *r, struct pve *p, struct err *e)
{
	const char *a, *why = NULL;

	/* Not a word against the agent's. */
	do {
		if (virtio_ask_install(r, why, &a, e))
			return -1;
		if (strcmp(a, "back") == 0)
			return next_back(r, e);
	} while (driver_runs(r, p, &why) == 0);
	return next(r, "network", e);
}

static int network(struct run *r, struct pve *p, struct err *e)
{
	const char *a;

	(void)p;
	if (virtio_ask_switch(r, &a, e))
		return -1;
	if (strcmp(a, "back") == 0)
		return next_back(r, e);
	return go(r, "switch", "scsi",
		strcmp(a, "virtio") ? target_nic(r) : "virtio", disc_of(r), e);
}

/* To the bus that the phase names; the way there and back is one. */
static int move(struct run *r, struct pve *p, struct err *e)
{
	run_say(r, "  disks on %s, network %s", bus_name(target_bus(r)),
		target_nic(r));
	return shut_down(r, p, e) || virtio_kit_detach(r, p, disc_of(r), e) ||
			bus_settle(r, p, e) || start(r, p, e)
		? -1
		: 0;
}

static int switch_bus(struct run *r, struct pve *p, struct err *e)
{
	return move(r, p, e) || next(r, "look", e) ? -1 : 0;
}

static int back(struct run *r, struct pve *p, struct err *e)
{
	return move(r, p, e) || next(r, "offer", e) ? -1 : 0;
}

/* 1: it is up; 0: its screen or the time says no; -1 */
static int wait_up(
	struct run *r, struct pve *p, struct boot_verdict *seen, struct err *e)
{
	double end = now_mono() + run_u64(r, "checks.boot_timeout", 300);
	struct boot_verdict v;

	*seen = (struct boot_verdict){0};
	do {
		struct boot_sight now;

		if (pve_agent_ping(p, run_vmid(r), NULL) == 0)
			return 1;
		if (run_sleep(r, 3000, e) || boot_look(r, NULL, &now, e))
			return -1;
		v = now.v;
		boot_sight_free(&now);
		/* A bad sign counts when it stands for two looks. */
		if (v.sign && v.sign == seen->sign)
			return 0;
		*seen = v;
	} while (now_mono() < end);
	return 0;
}

/* An answer is there that nothing took yet: no need to wait once more. */
static bool answered(const struct run *r)
{
	const json_t *a =
		journal_asked(r->j, "windows_virtio", "answer", "look");
	const json_t *d =
		journal_asked(r->j, "windows_virtio", "decision", "look");

	return a && json_u64(a, "seq", 0) > json_u64(d, "seq", 0);
}

static int look(struct run *r, struct pve *p, struct err *e)
{
	struct boot_verdict v = {0};
	const char *a;
	int up = answered(r) ? 0 : wait_up(r, p, &v, e);

	if (up < 0 || (!up && virtio_ask_look(r, &v, &a, e)))
		return -1;
	if (up || strcmp(a, "up") == 0)
		return next(r, "done", e);
	if (strcmp(a, "wait") == 0)
		return 0;
	return pve_vm_stop(p, run_vmid(r), NULL, e) || next_back(r, e) ? -1 : 0;
}

/* --- the step --- */

static bool is_windows(const struct run *r)
{
	const json_t *facts = guest_job_facts(r);

	return !facts ||
		strcmp(json_str_or(facts, "family", ""), "windows") == 0;
}

/* Not for another system, nor where it is on virtio already; Windows before
 * Vista has no driver for virtio-scsi. */
static int check(struct run *r, struct err *e)
{
	const json_t *facts = guest_job_facts(r);

	(void)e;
	if (state(r))
		return 0;
	if (facts && is_windows(r) && guest_windows_old(facts)) {
		run_say(r, "  %s has no driver for virtio-scsi: it stays on %s",
			json_str_or(facts, "name", "Windows"),
			bus_name(target_bus(r)));
		return 1;
	}
	return !is_windows(r) || !run_flag(r, "allow.windows_virtio", true) ||
		strcmp(target_bus(r), "scsi") == 0;
}

static int run(struct run *r, struct err *e)
{
	static const struct {
		const char *phase;
		int (*go)(struct run *r, struct pve *p, struct err *e);
	} row[] = {{"offer", offer}, {"disc", disc}, {"prepare", prepare},
		{"install", install}, {"network", network},
		{"switch", switch_bus}, {"look", look}, {"back", back}};
	struct pve *p;
	size_t i;

	if (run_pve(r, &p, e))
		return -1;
	for (;;) {
		const char *now = json_str_or(state(r), "value", "offer");

		for (i = 0; i < ARRAY_LEN(row); i++)
			if (strcmp(now, row[i].phase) == 0)
				break;
		if (i == ARRAY_LEN(row))
			return 0; /* stay, done */
		if (row[i].go(r, p, e))
			return -1;
	}
}

/* Off and on its old bus: the next run starts it, or the whole way back
 * removes it. */
static int undo(struct run *r, struct err *e)
{
	const char *phase = json_str(state(r), "value");
	struct pve *p;
	int ours;

	if (!run_vmid(r) || !phase || strcmp(phase, "stay") == 0)
		return 0;
	if (run_pve(r, &p, e))
		return -1;
	ours = target_is_ours(r, p, run_vmid(r), e);
	if (ours <= 0)
		return ours;
	run_say(r, "  back to %s",
		bus_name(json_str_or(state(r), "was_bus", "?")));
	return pve_vm_stop(p, run_vmid(r), NULL, e) || next_back(r, e) ||
			virtio_kit_detach(r, p, disc_of(r), e) ||
			bus_settle(r, p, e)
		? -1
		: 0;
}

const struct step step_windows_virtio = {
	.kind = "windows_virtio",
	.order = 155,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Bring Windows to virtio, if you want it"),
	.why = N_("Windows was started from SATA or IDE, whose drivers it has. "
		  "virtio is faster, but its driver must be installed on the "
		  "running system before the disk may change."),
	.manual = N_("qm shutdown VMID; qm set VMID --scsihw "
		     "virtio-scsi-single --scsi13 STORAGE:1 --ide2 "
		     "STORAGE:iso/virtio-win.iso,media=cdrom; qm start VMID\n"
		     "In Windows: virtio-win-gt-x64.msi; diskmgmt.msc shows "
		     "the disk; shut down\n"
		     "qm set VMID --delete scsi13,ide2,sata0; qm set VMID "
		     "--scsi0 VOLUME,discard=on --boot order=scsi0; "
		     "qm start VMID"),
	.trouble = N_("A stop 0x7B on virtio loses nothing: the disk goes back "
		      "to the bus it came from, and Windows starts as before."),
	.check = check,
	.run = run,
	.undo = undo,
};
