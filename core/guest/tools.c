/*
 * VMware Tools in a Linux guest: harmless outside VMware, but its services
 * fail or idle. Proposed is a drop-in that keeps the units from starting where
 * there is no VMware: nothing of the guest runs for it, and the same disk
 * starts them again on the way back. On the operator's word the package goes,
 * where nothing needs it.
 */
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "own.h"
#include "packages.h"

static const char *const units[] = {"open-vm-tools.service", "vmtoolsd.service",
	"vgauth.service", "vgauthd.service"};

static bool is_there(struct guest *g, const char *unit)
{
	_free_ char *a = xasprintf("/lib/systemd/system/%s", unit);
	_free_ char *b = xasprintf("/usr/lib/systemd/system/%s", unit);

	return guest_has(g, a) || guest_has(g, b);
}

const char *guest_tools(struct guest *g)
{
	if (guest_has(g, "/etc/vmware-tools/locations"))
		return "vmware-tools";
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (is_there(g, units[i]))
			return "open-vm-tools";
	if (guest_has(g, "/usr/bin/vmtoolsd"))
		return "open-vm-tools";
	return "none";
}

/* A drop-in keeps the unit from starting where there is no VMware; unlike a
 * mask it lets the same disk run on VMware again (the way back). */
static void disarm(struct guest *g, const char *unit, struct guest_changes *cs)
{
	_free_ char *path =
		xasprintf("/etc/systemd/system/%s.d/vmferry.conf", unit);

	guest_change_add(g, cs, path,
		"# By vmferry: VMware's tools only where VMware is.\n"
		"[Unit]\nConditionVirtualization=vmware\n",
		0644, "VMware's tools do not start on other hardware.");
}

static void disarm_all(struct guest *g, struct guest_changes *cs)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (is_there(g, units[i]))
			disarm(g, units[i], cs);
}

int guest_tools_disarm(struct guest *g, struct err *e)
{
	_changes_ struct guest_changes cs = {0};

	disarm_all(g, &cs);
	for (size_t i = 0; i < cs.n; i++)
		if (guest_apply(g, &cs.c[i], e))
			return -1;
	return 0;
}

/* False: it stays, and why is said. */
static bool removed(struct guest *g, struct guest_changes *cs)
{
	struct err why = {0};

	if (packages_remove(g, "open-vm-tools",
		    N_("VMware's tools have nothing to do on other hardware."),
		    cs, &why) == 0)
		return true;
	guest_left(cs,
		"open-vm-tools is not removed (%s): it stays, and does not "
		"start outside VMware",
		why.why);
	return false;
}

void guest_tools_changes(struct guest *g, bool remove, struct guest_changes *cs)
{
	const char *kind = guest_tools(g);

	if (strcmp(kind, "vmware-tools") == 0)
		guest_left(cs,
			"VMware Tools from the tarball: run "
			"vmware-uninstall-tools.pl in the guest");
	if (remove && strcmp(kind, "open-vm-tools") == 0 && removed(g, cs))
		return;
	disarm_all(g, cs);
}
