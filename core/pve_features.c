/*
 * What each Proxmox VE release can do: one table. `since` is the first
 * release whose every build has it, so it may be one later than the schema
 * that lists it first (a schema is of a release's last days). The evidence
 * is checked against the schemas by tests/unit/test_pve_contract.c; rows
 * without one rest on the page named.
 */
#include "pve_priv.h"
#include "i18n.h"

#define QEMU "POST", "/nodes/{node}/qemu"
#define API "../shared/reference/pve-api.md"

static const struct row {
	const char *name;
	unsigned since;
	const char *source;
	struct pve_evidence see;
} rows[PVE_FEATURE_COUNT] = {
	[PVE_ALWAYS] = {N_("every release"), 0, API, {0}},
	[PVE_PERMISSIONS] = {N_("list of one's own privileges"), 601, API " 5",
		{"GET", "/access/permissions", "path", NULL}},
	/* The enumeration of move_disk counts the disks there are. */
	[PVE_SCSI_30] = {N_("more than 14 SCSI disks"), 602, API " 7.1",
		{"POST", "/nodes/{node}/qemu/{vmid}/move_disk", "disk",
			"scsi30"}},
	[PVE_HOSTPCI_15] = {N_("more than 4 PCI devices"), 601, API " 7.1",
		{0}},
	[PVE_HOSTPCI_MAPPING] = {N_("mapped PCI devices"), 800, API " 7.1",
		{QEMU, "hostpci[n]", "mapping"}},
	[PVE_BOOT_ORDER] = {N_("boot order list"), 603, API " 7.1",
		{QEMU, "boot", "order"}},
	[PVE_EFI_TYPE] = {N_("EFI disk with keys"), 701, API " 7.1",
		{QEMU, "efidisk0", "efitype"}},
	[PVE_TPM] = {N_("virtual TPM"), 701, API " 7.1",
		{QEMU, "tpmstate0", NULL}},
	[PVE_WIN11] = {N_("ostype win11"), 701, API " 7.1",
		{QEMU, "ostype", "win11"}},
	[PVE_IMPORT_FROM] = {N_("disk import"), 702, API " 7.1",
		{QEMU, "scsi[n]", "import-from"}},
	[PVE_DISK_RO] = {N_("read-only disks"), 701, API " 7.1",
		{QEMU, "scsi[n]", "\"ro\""}},
	[PVE_DISK_WWN] = {N_("disk WWN"), 504, API " 7.1",
		{QEMU, "scsi[n]", "\"wwn\""}},
	[PVE_DISK_PRODUCT] = {N_("disk vendor and product"), 801, API " 7.1",
		{QEMU, "scsi[n]", "\"product\""}},
	[PVE_AIO_URING] = {"aio=io_uring", 700, API " 7.1",
		{QEMU, "scsi[n]", "io_uring"}},
	[PVE_NET_MTU] = {N_("MTU of a network device"), 603, API " 7.1",
		{QEMU, "net[n]", "mtu"}},
	[PVE_NET_E1000E] = {N_("network model e1000e"), 701, API " 7.1",
		{QEMU, "net[n]", "e1000e"}},
	[PVE_TAGS] = {"tags", 602, API " 7.1", {QEMU, "tags", NULL}},
	[PVE_RNG] = {N_("virtio RNG"), 603, API " 7.1", {QEMU, "rng0", NULL}},
	[PVE_AGENT_TYPE] = {N_("agent on an ISA port"), 602, API " 7.1",
		{QEMU, "agent", "\"isa\""}},
	[PVE_CPU_X86_64_V2] = {N_("CPU model x86-64-v2-AES"), 800, API " 7.1",
		{0}},
	[PVE_START_TIMEOUT] = {N_("time limit at start"), 602, API " 7.3",
		{"POST", "/nodes/{node}/qemu/{vmid}/status/start", "timeout",
			NULL}},
	[PVE_STOP_OVERRULE] = {N_("stop that ends a shutdown"), 803, API " 7.3",
		{"POST", "/nodes/{node}/qemu/{vmid}/status/stop",
			"overrule-shutdown", NULL}},
	[PVE_DESTROY_PURGE] = {N_("purge at destroy"), 601, API " 7.3",
		{"DELETE", "/nodes/{node}/qemu/{vmid}", "purge", NULL}},
	[PVE_DESTROY_KEEP] = {N_("unreferenced disks kept at destroy"), 700,
		API " 7.3",
		{"DELETE", "/nodes/{node}/qemu/{vmid}",
			"destroy-unreferenced-disks", NULL}},
	[PVE_AGENT_EXEC_ARRAY] = {N_("agent commands as an array"), 800,
		API " 7.5",
		{"POST", "/nodes/{node}/qemu/{vmid}/agent/exec", "command",
			"array"}},
};

bool pve_has(const struct pve *p, enum pve_feature f)
{
	return p->release >= rows[f].since;
}

int pve_need(const struct pve *p, enum pve_feature f, struct err *e)
{
	unsigned since = rows[f].since;

	if (pve_has(p, f))
		return 0;
	return err_set(e, ERR_PVE_VERSION,
		"%s: from Proxmox VE %u.%u on; %s has %s", rows[f].name,
		since / 100, since % 100, p->node ? p->node : p->host,
		p->version);
}

const char *pve_feature_name(enum pve_feature f)
{
	return rows[f].name;
}

unsigned pve_feature_since(enum pve_feature f)
{
	return rows[f].since;
}

const struct pve_evidence *pve_feature_evidence(enum pve_feature f)
{
	return &rows[f].see;
}
