/*
 * Every endpoint this client calls and every parameter it may send there,
 * each with the feature it needs. pve_call sends nothing that does not stand
 * here, and tests/unit/test_pve_contract.c holds all of it against the
 * schemas of the nineteen releases. Counts of [n]: pve-api.md 7.1.
 */
#include <stdlib.h>
#include <string.h>

#include "pve_priv.h"
#include "str.h"

#define ROWS static const struct pve_row
#define END                            \
	{                              \
		NULL, PVE_ALWAYS, 0, 0 \
	}
#define P(name)                        \
	{                              \
		name, PVE_ALWAYS, 0, 0 \
	}
#define F(name, feature)            \
	{                           \
		name, feature, 0, 0 \
	}
#define N(name, first, last)                        \
	{                                           \
		name "[n]", PVE_ALWAYS, first, last \
	}
#define NF(name, first, last, feature)           \
	{                                        \
		name "[n]", feature, first, last \
	}

/* Configuration keys, at create and after. */
ROWS vm_keys[] = {
	P("name"),
	P("description"),
	F("tags", PVE_TAGS),
	P("memory"),
	P("balloon"),
	P("cores"),
	P("sockets"),
	P("vcpus"),
	P("numa"),
	P("cpu"),
	P("cpulimit"),
	P("cpuunits"),
	P("ostype"),
	P("bios"),
	P("machine"),
	P("scsihw"),
	N("scsi", 0, 13),
	NF("scsi", 14, 30, PVE_SCSI_30),
	N("virtio", 0, 15),
	N("sata", 0, 5),
	N("ide", 0, 3),
	P("efidisk0"),
	F("tpmstate0", PVE_TPM),
	N("net", 0, 31),
	P("boot"),
	P("bootdisk"),
	P("agent"),
	P("smbios1"),
	P("vmgenid"),
	N("hostpci", 0, 3),
	NF("hostpci", 4, 15, PVE_HOSTPCI_15),
	N("usb", 0, 4),
	N("serial", 0, 3),
	P("vga"),
	F("rng0", PVE_RNG),
	P("onboot"),
	P("startup"),
	P("tablet"),
	P("acpi"),
	P("kvm"),
	P("hotplug"),
	P("protection"),
	P("localtime"),
	END,
};

ROWS login[] = {P("username"), P("password"), END};
ROWS resources[] = {P("type"), END};
ROWS next_id[] = {P("vmid"), END};
ROWS permissions[] = {F("path", PVE_PERMISSIONS), END};
ROWS storages[] = {P("format"), P("content"), P("enabled"), END};
ROWS network[] = {P("type"), END};
ROWS alloc[] = {P("vmid"), P("filename"), P("size"), P("format"), END};
ROWS contents[] = {P("content"), P("vmid"), END};
ROWS create[] = {P("vmid"), P("pool"), P("start"), END};
ROWS config_get[] = {P("current"), END};
ROWS config_set[] = {P("delete"), P("revert"), P("digest"), P("force"), END};
ROWS start[] = {F("timeout", PVE_START_TIMEOUT), END};
ROWS stop[] = {P("timeout"), F("overrule-shutdown", PVE_STOP_OVERRULE), END};
ROWS shutdown_[] = {P("timeout"), P("forceStop"), END};
ROWS move_disk[] = {
	P("disk"), P("storage"), P("format"), P("delete"), P("digest"), END};
ROWS unlink_[] = {P("idlist"), P("force"), END};
ROWS destroy[] = {F("purge", PVE_DESTROY_PURGE),
	F("destroy-unreferenced-disks", PVE_DESTROY_KEEP), END};
ROWS exec[] = {P("command"), END};
ROWS exec_status[] = {P("pid"), END};
ROWS monitor[] = {P("command"), END};
ROWS tasks[] = {P("vmid"), P("typefilter"), P("source"), P("limit"), END};
ROWS task_log[] = {P("start"), P("limit"), END};

#define NODE "/nodes/{node}"
#define STORE NODE "/storage/{storage}"
#define VM NODE "/qemu/{vmid}"
#define TASK NODE "/tasks/{upid}"

const struct pve_endpoint pve_endpoints[] = {
	{"GET", "/version", PVE_ALWAYS, NULL, NULL},
	{"POST", "/access/ticket", PVE_ALWAYS, login, NULL},
	{"GET", "/access/permissions", PVE_PERMISSIONS, permissions, NULL},
	{"GET", "/cluster/status", PVE_ALWAYS, NULL, NULL},
	{"GET", "/cluster/resources", PVE_ALWAYS, resources, NULL},
	{"GET", "/cluster/nextid", PVE_ALWAYS, next_id, NULL},
	{"GET", "/nodes", PVE_ALWAYS, NULL, NULL},
	{"GET", NODE "/network", PVE_ALWAYS, network, NULL},
	{"GET", NODE "/hardware/pci", PVE_ALWAYS, NULL, NULL},
	{"GET", "/storage/{storage}", PVE_ALWAYS, NULL, NULL},
	{"GET", NODE "/storage", PVE_ALWAYS, storages, NULL},
	{"GET", STORE "/content", PVE_ALWAYS, contents, NULL},
	{"POST", STORE "/content", PVE_ALWAYS, alloc, NULL},
	{"GET", STORE "/content/{volume}", PVE_ALWAYS, NULL, NULL},
	{"DELETE", STORE "/content/{volume}", PVE_ALWAYS, NULL, NULL},
	{"POST", NODE "/qemu", PVE_ALWAYS, create, vm_keys},
	{"GET", VM "/config", PVE_ALWAYS, config_get, NULL},
	{"POST", VM "/config", PVE_ALWAYS, config_set, vm_keys},
	{"GET", VM "/status/current", PVE_ALWAYS, NULL, NULL},
	{"POST", VM "/status/start", PVE_ALWAYS, start, NULL},
	{"POST", VM "/status/stop", PVE_ALWAYS, stop, NULL},
	{"POST", VM "/status/shutdown", PVE_ALWAYS, shutdown_, NULL},
	{"POST", VM "/move_disk", PVE_ALWAYS, move_disk, NULL},
	{"PUT", VM "/unlink", PVE_ALWAYS, unlink_, NULL},
	{"DELETE", VM, PVE_ALWAYS, destroy, NULL},
	{"POST", VM "/monitor", PVE_ALWAYS, monitor, NULL},
	{"POST", VM "/agent/ping", PVE_ALWAYS, NULL, NULL},
	{"POST", VM "/agent/fstrim", PVE_ALWAYS, NULL, NULL},
	{"POST", VM "/agent/exec", PVE_ALWAYS, exec, NULL},
	{"GET", VM "/agent/exec-status", PVE_ALWAYS, exec_status, NULL},
	{"GET", VM "/agent/network-get-interfaces", PVE_ALWAYS, NULL, NULL},
	{"GET", NODE "/tasks", PVE_ALWAYS, tasks, NULL},
	{"GET", TASK "/status", PVE_ALWAYS, NULL, NULL},
	{"GET", TASK "/log", PVE_ALWAYS, task_log, NULL},
	{NULL, NULL, PVE_ALWAYS, NULL, NULL},
};

const struct pve_endpoint *pve_endpoint(const char *method, const char *path)
{
	for (const struct pve_endpoint *ep = pve_endpoints; ep->method; ep++)
		if (strcmp(ep->method, method) == 0 &&
			strcmp(ep->path, path) == 0)
			return ep;
	return NULL;
}

static bool row_is(const struct pve_row *r, const char *key)
{
	size_t stem = strlen(r->name);
	uint64_t n;

	if (!str_ends(r->name, "[n]"))
		return strcmp(r->name, key) == 0;
	stem -= 3;
	return strncmp(r->name, key, stem) == 0 &&
		(key[stem] != '0' || !key[stem + 1]) &&
		str_u64(key + stem, r->last, &n) == 0 && n >= r->first;
}

static const struct pve_row *row_in(const struct pve_row *r, const char *key)
{
	for (; r && r->name; r++)
		if (row_is(r, key))
			return r;
	return NULL;
}

const struct pve_row *pve_row(const struct pve_endpoint *ep, const char *key)
{
	const struct pve_row *r = row_in(ep->params, key);

	return r ? r : row_in(ep->more, key);
}
