/*
 * VMware Tools in a Linux guest: harmless outside VMware, but its services
 * fail or idle. open-vm-tools is switched off by masking its units, which is
 * undone by removing one link; packages are left to the guest's own manager.
 */
#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "own.h"

static const char *const units[] = {"open-vm-tools.service", "vmtoolsd.service",
	"vgauth.service", "vgauthd.service"};

const char *guest_tools(struct guest *g)
{
	if (guest_has(g, "/etc/vmware-tools/locations"))
		return "vmware-tools";
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		_free_ char *a = xasprintf("/lib/systemd/system/%s", units[i]);
		_free_ char *b =
			xasprintf("/usr/lib/systemd/system/%s", units[i]);

		if (guest_has(g, a) || guest_has(g, b))
			return "open-vm-tools";
	}
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

void guest_tools_changes(struct guest *g, struct guest_changes *cs)
{
	const char *kind = guest_tools(g);

	if (strcmp(kind, "vmware-tools") == 0)
		guest_left(cs,
			"VMware Tools from the tarball: run "
			"vmware-uninstall-tools.pl in the guest");
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		_free_ char *a = xasprintf("/lib/systemd/system/%s", units[i]);
		_free_ char *b =
			xasprintf("/usr/lib/systemd/system/%s", units[i]);

		if (guest_has(g, a) || guest_has(g, b))
			disarm(g, units[i], cs);
	}
}
