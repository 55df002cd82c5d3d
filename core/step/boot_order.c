/* The system disk first. Old releases have a letter and a boot disk. */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../str.h"
#include "../bus.h"

static int check(struct run *r, struct err *e)
{
	_pve_params_ struct pve_params want = {0};
	_json_ json_t *config = NULL;
	struct pve *p;

	if (run_pve(r, &p, e) || bus_boot(r, p, &want, e) ||
		pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	for (size_t i = 0; i < want.n; i++)
		if (strcmp(json_str_or(config, want.kv[i].key, ""),
			    want.kv[i].value))
			return 0;
	return 1;
}

static int run(struct run *r, struct err *e)
{
	_pve_params_ struct pve_params want = {0};
	struct pve *p;

	if (run_pve(r, &p, e) || bus_boot(r, p, &want, e))
		return -1;
	return pve_vm_set(p, run_vmid(r), &want, NULL, e);
}

static int verify(struct run *r, struct err *e)
{
	int c = check(r, e);

	if (c < 0)
		return -1;
	return c ? 0
		 : err_set(e, ERR_PVE_SERVER,
			   "the boot order was not taken over");
}

const struct step step_boot_order = {
	.kind = "boot_order",
	.order = 110,
	.doing = N_("Boot from the system disk"),
	.why = N_(
		"The firmware tries devices in this order; a data disk or the "
		"network first would look like a dead server."),
	.manual = N_("qm set VMID --boot order=scsi0"),
	.trouble = N_("Set it in the VM's options in the web interface."),
	.check = check,
	.run = run,
	.verify = verify,
};
