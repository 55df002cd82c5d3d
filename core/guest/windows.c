/*
 * A Windows guest: which release, which drivers, VMware Tools, the agent. By
 * its registry (registry.c), and where that is not readable by its files, as
 * far as the choice of a bus needs it. Names are compared in any case, as
 * Windows does.
 */
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "own.h"

#define BEFORE_VISTA N_("Windows before Vista")

/* The path as the disk spells it; to be freed, null where it is not there. */
static char *spelled(struct guest *g, const char *path)
{
	_free_ char *copy = xstrdup(path);
	char *save = NULL, *out = xstrdup("");

	for (char *w = strtok_r(copy, "/", &save); w;
		w = strtok_r(NULL, "/", &save)) {
		_json_ json_t *names = g->ops->list(g, *out ? out : "/");
		const char *found = NULL;
		const json_t *v;
		size_t i;

		json_array_foreach (names, i, v)
			if (str_eqi(json_string_value(v), w))
				found = json_string_value(v);
		if (!found) {
			free(out);
			return NULL;
		}
		_free_ char *next = xasprintf("%s/%s", out, found);

		str_set(&out, next);
	}
	return out;
}

static bool there(struct guest *g, const char *path)
{
	_free_ char *p = spelled(g, path);

	return p != NULL;
}

static bool in_list(const json_t *names, const char *driver)
{
	_free_ char *file = xasprintf("%s.sys", driver);
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v)
		if (str_eqi(json_string_value(v), file))
			return true;
	return false;
}

/* storahci came with 8 and 2012, msahci with Vista, winload with Vista. */
static const char *release(struct guest *g, const json_t *drivers)
{
	if (json_flag(drivers, "storahci", false))
		return N_("Windows 8, Server 2012 or later");
	if (json_flag(drivers, "msahci", false) ||
		there(g, "/Windows/System32/winload.exe"))
		return N_("Windows Vista, 7, Server 2008 or 2008 R2");
	return BEFORE_VISTA;
}

static bool has_service(const json_t *facts, const char *name)
{
	return json_object_get(json_object_get(facts, "starts"), name) != NULL;
}

void guest_windows_facts(struct guest *g, json_t *facts)
{
	static const char *const known[] = {"storahci", "msahci", "vioscsi",
		"viostor", "netkvm", "pvscsi", "vmxnet3"};
	_free_ char *dir = spelled(g, "/Windows/System32/drivers");
	_free_ char *config = spelled(g, "/Windows/System32/config");
	_json_ json_t *names = dir ? g->ops->list(g, dir) : json_array();
	json_t *drivers = json_object();

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		json_put_bool(drivers, known[i], in_list(names, known[i]));
	json_put(facts, "drivers", drivers);
	json_put_str(facts, "name", release(g, drivers));
	if (config)
		guest_registry_facts(g, config, facts);
	json_put_str(facts, "tools",
		has_service(facts, "VMTools") ||
				there(g, "/Program Files/VMware/VMware Tools")
			? "vmware-tools"
			: "none");
	json_put_bool(facts, "agent",
		has_service(facts, "QEMU-GA") ||
			there(g, "/Program Files/Qemu-ga/qemu-ga.exe"));
}

bool guest_windows_old(const json_t *facts)
{
	const char *version = json_str(facts, "version");

	if (version)
		return *version < '6' && version[1] == '.';
	return strcmp(json_str_or(facts, "name", ""), BEFORE_VISTA) == 0;
}

/* --- the proposal --- */

/* By the registry it is loaded before the disk is looked for. */
static bool at_boot(const json_t *facts, const char *service)
{
	const json_t *v =
		json_object_get(json_object_get(facts, "starts"), service);

	return v && json_integer_value(v) == 0;
}

static char *why_not(const char *name, const char *bus)
{
	bool sata = strcmp(bus, "sata") == 0;

	return xasprintf(
		N_("%s has no driver for SATA or IDE that starts at boot,"
		   " and may stop with 0x7B. Before the old VM is shut "
		   "down for the last time, run in its Windows as "
		   "administrator: %s. %s is tried."),
		name,
		sata ? "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
		       "storahci /v Start /t REG_DWORD /d 0 /f && reg delete "
		       "HKLM\\SYSTEM\\CurrentControlSet\\Services\\storahci\\"
		       "StartOverride /f"
		     : "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
		       "intelide /v Start /t REG_DWORD /d 0 /f",
		sata ? "SATA" : "IDE");
}

/* Never virtio: that is a way of its own, on the running system. Nor LSI: no
 * Windows after 2003 has a driver for QEMU's. */
void guest_windows_propose(
	const json_t *facts, const char **bus, const char **nic, char **reason)
{
	const char *name = json_str_or(facts, "name", "Windows");
	const json_t *d = json_object_get(facts, "drivers");
	bool ahci = json_flag(d, "storahci", false) ||
		json_flag(d, "msahci", false);
	bool known = json_object_get(facts, "starts") != NULL;
	bool ide = at_boot(facts, "atapi") &&
		(at_boot(facts, "intelide") || at_boot(facts, "pciide"));

	if (known)
		ahci = at_boot(facts, "storahci") || at_boot(facts, "msahci");
	*bus = ahci ? "sata" : "ide";
	*nic = "e1000";
	if (known && !ahci && !ide) {
		*bus = json_flag(d, "storahci", false) ? "sata" : "ide";
		*reason = why_not(name, *bus);
		return;
	}
	*reason =
		xasprintf(N_("%s boots from %s with the drivers it came with; "
			     "virtio comes after its drivers were installed on "
			     "the running system."),
			name, ahci ? "SATA" : "IDE");
}
