/*
 * addvm: the files beside the disks, as ESXi writes them.
 */
#include "addvm.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static char *uuid_of(const char *name, const char *first)
{
	uint64_t u = 14695981039346656037ULL;
	char *s = text_dup(first);
	int i;

	for (; *name; name++)
		u = (u ^ (unsigned char)*name) * 1099511628211ULL;
	for (i = 2; i < 16; i++) {
		u = u * 6364136223846793005ULL + 1442695040888963407ULL;
		s = text_fmt(
			"%s%c%02x", s, i == 8 ? '-' : ' ', (unsigned)(u >> 56));
	}
	return s;
}

static void vmx_fixed(struct vmx *v, const struct add *a)
{
	const char *uuid = uuid_of(a->name, "56 4d");
	int i;

	vmx_set(v, ".encoding", "UTF-8");
	vmx_set(v, "config.version", "8");
	vmx_set(v, "virtualHW.version", "%d", a->hw);
	vmx_set(v, "nvram", "%s.nvram", a->name);
	vmx_set(v, "pciBridge0.present", "TRUE");
	vmx_set(v, "svga.present", "TRUE");
	for (i = 4; i < 8; i++) {
		vmx_set(v, text_fmt("pciBridge%d.present", i), "TRUE");
		vmx_set(v, text_fmt("pciBridge%d.virtualDev", i),
			"pcieRootPort");
		vmx_set(v, text_fmt("pciBridge%d.functions", i), "8");
	}
	vmx_set(v, "vmci0.present", "TRUE");
	vmx_set(v, "hpet0.present", "TRUE");
	vmx_set(v, "floppy0.present", "FALSE");
	vmx_set(v, "numvcpus", "%d", a->cpus);
	if (a->cps > 1)
		vmx_set(v, "cpuid.coresPerSocket", "%d", a->cps);
	vmx_set(v, "memSize", "%d", a->mem);
	if (a->firmware && strcmp(a->firmware, "bios"))
		vmx_set(v, "firmware", "%s", a->firmware);
	vmx_set(v, "powerType.powerOff", "default");
	vmx_set(v, "powerType.suspend", "soft");
	vmx_set(v, "powerType.reset", "default");
	vmx_set(v, "tools.upgrade.policy", "manual");
	vmx_set(v, "sched.cpu.units", "mhz");
	vmx_set(v, "sched.cpu.affinity", "all");
	vmx_set(v, "sched.cpu.min", "0");
	vmx_set(v, "sched.cpu.shares", "normal");
	vmx_set(v, "sched.mem.min", "0");
	vmx_set(v, "sched.mem.minSize", "0");
	vmx_set(v, "sched.mem.shares", "normal");
	vmx_set(v, "displayName", "%s", a->name);
	vmx_set(v, "guestOS", "%s", a->guest);
	if (a->note)
		vmx_set(v, "annotation", "%s", a->note);
	vmx_set(v, "toolScripts.afterPowerOn", "TRUE");
	vmx_set(v, "toolScripts.beforePowerOff", "TRUE");
	vmx_set(v, "uuid.bios", "%s", uuid);
	vmx_set(v, "uuid.location", "%s", uuid);
	vmx_set(v, "vc.uuid", "%s", uuid_of(a->name, "52 bb"));
	vmx_set(v, "cleanShutdown", "TRUE");
	vmx_set(v, "migrate.hostLog", "%s-1f2e3d4c.hlog", a->name);
}

static void vmx_disk(struct vmx *v, const struct add *a, int i)
{
	const struct add_disk *d = &a->disk[i];
	char *ctl = text_fmt("%.*s", (int)strcspn(d->slot, ":"), d->slot);
	bool scsi = !strncmp(ctl, "scsi", 4), ide = !strncmp(ctl, "ide", 3);
	char *home = text_dir(a->disk[0].path);

	if (!ide)
		vmx_set(v, text_fmt("%s.present", ctl), "TRUE");
	if (scsi) {
		vmx_set(v, text_fmt("%s.virtualDev", ctl), "%s", a->scsi);
		vmx_set(v, text_fmt("%s.sharedBus", ctl), "none");
		vmx_set(v, text_fmt("%s.pciSlotNumber", ctl),
			!strcmp(a->scsi, "pvscsi") ||
					!strcmp(a->scsi, "lsisas1068")
				? "160"
				: "16");
	}
	vmx_set(v, text_fmt("%s.deviceType", d->slot),
		scsi          ? "scsi-hardDisk"
			: ide ? "ata-hardDisk"
			      : "disk");
	vmx_set(v, text_fmt("%s.fileName", d->slot), "%s",
		strcmp(text_dir(d->path), home) ? d->path : text_base(d->path));
	vmx_set(v, text_fmt("sched.%s.shares", d->slot), "normal");
	vmx_set(v, text_fmt("sched.%s.throughputCap", d->slot), "off");
	vmx_set(v, text_fmt("%s.present", d->slot), "TRUE");
	vmx_set(v, text_fmt("%s.redo", d->slot), "%s", "");
}

static void vmx_nic(struct vmx *v, const struct add *a, int i)
{
	const struct add_nic *n = &a->nic[i];
	char *e = text_fmt("ethernet%d", i);
	bool fixed = !strcmp(n->type, "static");

	vmx_set(v, text_fmt("%s.virtualDev", e), "%s", n->model);
	vmx_set(v, text_fmt("%s.networkName", e), "%s", n->net);
	vmx_set(v, text_fmt("%s.addressType", e), "%s", n->type);
	if (fixed)
		vmx_set(v, text_fmt("%s.address", e), "%s", n->mac);
	else
		vmx_set(v, text_fmt("%s.generatedAddress", e), "%s", n->mac);
	if (!strcmp(n->type, "generated"))
		vmx_set(v, text_fmt("%s.generatedAddressOffset", e), "%d",
			i * 10);
	if (!strncmp(n->model, "vmxnet3", 7))
		vmx_set(v, text_fmt("%s.pciSlotNumber", e), "%d", 192 + i * 32);
	else
		vmx_set(v, text_fmt("%s.pciSlotNumber", e), "%d", 33 + i);
	vmx_set(v, text_fmt("%s.wakeOnPcktRcv", e), "FALSE");
	vmx_set(v, text_fmt("%s.present", e), "TRUE");
}

int add_files(const struct add *a, char **vmx_path)
{
	char *dir = text_dir(a->disk[0].path);
	bool efi = a->firmware && !strcmp(a->firmware, "efi");
	size_t nv = efi ? 270840 : 8684;
	char *p, *log;
	struct vmx v = {0};
	int i;

	vmx_fixed(&v, a);
	for (i = 0; i < a->ndisk; i++)
		vmx_disk(&v, a, i);
	for (i = 0; i < a->nnic; i++)
		vmx_nic(&v, a, i);
	vmx_set(&v, "ide1:0.present", "TRUE");
	vmx_set(&v, "ide1:0.deviceType", "atapi-cdrom");
	vmx_set(&v, "ide1:0.fileName", "emptyBackingString");
	vmx_set(&v, "ide1:0.startConnected", "FALSE");
	*vmx_path = text_fmt("%s/%s.vmx", dir, a->name);
	p = text_fmt("%s/%s", dir, a->name);
	log = text_fmt("%s| vmx| I005: Log for VMware ESX pid=527611 "
		       "version=%s option=Release\n%s| vmx| I005: DICT "
		       "displayName = \"%s\"\n",
		text_utc(), lab_old() ? "5.5.0" : "8.0.2", text_utc(), a->name);
	if (vmx_save(*vmx_path, &v) || chmod(*vmx_path, 0755) ||
		text_write(text_fmt("%s.vmsd", p), "", 0) ||
		text_write(text_fmt("%s.nvram", p), text_alloc(nv), nv) ||
		text_write(text_fmt("%s/vmware.log", dir), log, strlen(log)))
		return add_complain(*vmx_path, strerror(errno));
	return 0;
}
