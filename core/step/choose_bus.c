/*
 * Disk bus and NIC model: proposed with its reason, decided by the plan or
 * the operator, and only then are the volumes attached. Undo detaches them;
 * the volumes stay.
 */
#include "../guest_job.h"
#include "../i18n.h"

#include <string.h>

#include "../bus.h"
#include "../str.h"
#include "../target.h"

static const struct ask_choice buses[] = {
	{"scsi",
		N_(N_("virtio-scsi, with virtio network: fast, needs "
		      "drivers"))},
	{"sata", N_(N_("SATA, with E1000: works nearly everywhere"))},
	{"ide", N_(N_("IDE, with E1000: for old systems, at most 4 disks"))},
	{NULL, NULL},
};

static int decide(struct run *r, const char **bus, const char **nic,
	char **reason, struct err *e)
{
	const char *planned = run_str(r, "target.bus", "auto");
	const json_t *facts = guest_job_facts(r);
	bool may_fix = guest_job_may_add(r), agreed;
	const char *proposed;
	struct question q = {.id = "bus",
		.kind = ASK_CHOICE,
		.text = N_("Which bus shall the disks be on?"),
		.choices = buses};

	guest_propose(facts, r->vm, may_fix, &proposed, nic, reason);
	*bus = proposed;
	if (strcmp(planned, "auto") == 0) {
		q.def = proposed;
		q.why = *reason;
		/* A proposal from facts is taken in express mode; a guess
		 * never is, nor one that needs a change in the guest which
		 * nobody agreed to yet, nor one that does not start. */
		agreed = json_at(r->plan, "allow.guest_fix") ||
			strcmp(proposed, "scsi") || !guest_needs_drivers(facts);
		if (strcmp(proposed, "scsi") && guest_finds_no_disk(facts))
			agreed = false;
		if ((json_object_get(facts, "kernels") ||
			    json_object_get(facts, "drivers")) &&
			agreed && !job_guided(r->job))
			return 0;
		if (run_ask(r, &q, bus, e))
			return -1;
	} else {
		*bus = planned;
	}
	if (strcmp(*bus, proposed)) {
		str_set(reason, N_("chosen by the operator"));
		*nic = strcmp(*bus, "scsi") ? "e1000" : "virtio";
	}
	return 0;
}

static int note_choice(struct run *r, const char *bus, const char *nic,
	const char *reason, struct err *e)
{
	json_t *d = json_object();

	run_say(r, "  disks on %s, network %s: %s", bus, nic, reason);
	json_put_str(d, "name", "bus");
	json_put_str(d, "value", bus);
	json_put_str(d, "bus", bus);
	json_put_str(d, "nic", nic);
	json_put_str(d, "why", reason);
	return run_note(r, "measure", d, e);
}

/* UEFI: the variables' disk comes after the system disk, so that its volume
 * never takes the first place. With it a TPM, where the old VM had one. */
static int add_firmware(
	struct run *r, struct pve *p, struct pve_params *params, struct err *e)
{
	const char *storage = json_str_or(run_disk(r, 0), "storage", "");
	_json_ json_t *config = NULL;

	if (strcmp(run_str(r, "target.config.bios", ""), "ovmf"))
		return 0;
	if (pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	if (!json_str(config, "efidisk0") && pve_has(p, PVE_EFI_TYPE))
		pve_param(params, "efidisk0",
			"%s:1,efitype=4m,pre-enrolled-keys=%d", storage,
			r->vm->secure_boot);
	else if (!json_str(config, "efidisk0"))
		pve_param(params, "efidisk0", "%s:1", storage);
	if (r->vm->tpm && !json_str(config, "tpmstate0") && pve_has(p, PVE_TPM))
		pve_param(params, "tpmstate0", "%s:1,version=v2.0", storage);
	return 0;
}

static int run(struct run *r, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	_free_ char *reason = NULL;
	const char *bus, *nic;
	struct pve *p;

	if (decide(r, &bus, &nic, &reason, e) ||
		note_choice(r, bus, nic, reason, e))
		return -1;
	if (run_pve(r, &p, e) || bus_disks(r, &params, e) ||
		add_firmware(r, p, &params, e))
		return -1;
	target_add_nics(r, &params, true);
	return pve_vm_set(p, run_vmid(r), &params, NULL, e);
}

static int verify(struct run *r, struct err *e)
{
	_json_ json_t *config = NULL;
	struct pve *p;

	if (run_pve(r, &p, e) || pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	for (size_t i = 0; i < run_disks(r); i++) {
		_free_ char *volid = NULL;
		const char *now;
		char key[16];

		if (target_volume(r, i, &volid, NULL, NULL, NULL, e) ||
			target_disk_key(r, i, key, e))
			return -1;
		now = json_str_or(config, key, "");
		if (!str_starts(now, volid))
			return err_set(e, ERR_PVE_SERVER, "%s is %s, not %s",
				key, *now ? now : N_("not there"), volid);
	}
	return 0;
}

static int undo(struct run *r, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	_buf_ struct buf keys = {0};
	_json_ json_t *config = NULL;
	struct pve *p;
	char key[16];
	int ours;

	if (!run_vmid(r) || run_pve(r, &p, e))
		return run_vmid(r) ? -1 : 0;
	ours = target_is_ours(r, p, run_vmid(r), e);
	if (ours <= 0)
		return ours;
	if (pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	for (size_t i = 0; i < run_disks(r); i++) {
		if (target_disk_key(r, i, key, e))
			return -1;
		if (json_str(config, key))
			buf_addf(&keys, "%s%s", keys.len ? "," : "", key);
	}
	if (!keys.len)
		return 0;
	pve_param(&params, "delete", "%s", keys.s);
	return pve_vm_set(p, run_vmid(r), &params, NULL, e);
}

const struct step step_choose_bus = {
	.kind = "choose_bus",
	.order = 100,
	.doing = N_("Choose disk bus and network model, attach the disks"),
	.why = N_(
		"A system boots only from a controller its initramfs knows. "
		"virtio is fastest; SATA and IDE work where virtio does not."),
	.manual = N_("qm set VMID --scsihw virtio-scsi-single "
		     "--scsi0 VOLUME,discard=on,iothread=1"),
	.trouble =
		N_("If the VM does not find its root disk, undo to this step "
		   "and choose sata, then ide."),
	.run = run,
	.verify = verify,
	.undo = undo,
};
