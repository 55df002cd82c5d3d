/*
 * What a moved guest is better off with: unused blocks given back every week
 * (the classic procedure's cron line, systemd's timer where there is one), and
 * Proxmox VE's agent: from a package at hand (wanted "agent_package"), else by
 * a unit that installs it at the first start (wanted "agent"), else its absence
 * is said.
 */
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "own.h"
#include "packages.h"

#define TIMER "/etc/systemd/system/timers.target.wants/fstrim.timer"
#define UNIT "/etc/systemd/system/vmferry-agent.service"
#define WANTS \
	"/etc/systemd/system/multi-user.target.wants/vmferry-agent.service"

static bool any(struct guest *g, const char *const *paths)
{
	for (; *paths; paths++)
		if (guest_has(g, *paths))
			return true;
	return false;
}

/* The first of the paths that is there, or null. */
static const char *first(struct guest *g, const char *const *paths)
{
	while (*paths && !guest_has(g, *paths))
		paths++;
	return *paths;
}

void guest_fstrim_changes(struct guest *g, struct guest_changes *cs)
{
	static const char *const timers[] = {
		"/usr/lib/systemd/system/fstrim.timer",
		"/lib/systemd/system/fstrim.timer", NULL};
	static const char *const tools[] = {"/sbin/fstrim", "/usr/sbin/fstrim",
		"/bin/fstrim", "/usr/bin/fstrim", NULL};
	static const char *const done[] = {TIMER, "/etc/cron.weekly/fstrim",
		"/etc/systemd/system/fstrim.timer",
		"/etc/systemd/system/multi-user.target.wants/fstrim.timer",
		NULL};
	const char *timer = first(g, timers);

	if (!any(g, tools) || any(g, done))
		return;
	if (timer) {
		guest_link_add(cs, timer, TIMER,
			"Unused blocks are given back every week.");
	} else if (guest_has(g, "/etc/cron.weekly")) {
		guest_change_add(g, cs, "/etc/cron.weekly/fstrim",
			"#!/bin/sh\n"
			"# By vmferry: unused blocks go back to the storage.\n"
			"for m in $(awk "
			"'$3 ~ /^(ext[34]|xfs|btrfs|f2fs)$/ {print $2}' "
			"/proc/mounts); do\n"
			"\tfstrim \"$m\"\n"
			"done\n",
			0755, "Unused blocks are given back every week.");
	}
}

/* How the guest gets a package, by the tool it has. */
static const char *install_line(struct guest *g)
{
	static const struct {
		const char *tool, *line;
	} ways[] = {{"/usr/bin/apt-get",
			    "apt-get update && apt-get -y install "
			    "qemu-guest-agent"},
		{"/usr/bin/dnf", "dnf -y install qemu-guest-agent"},
		{"/usr/bin/yum", "yum -y install qemu-guest-agent"},
		{"/usr/bin/zypper", "zypper -n install qemu-guest-agent"},
		{"/sbin/apk", "apk add qemu-guest-agent"}};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (guest_has(g, ways[i].tool))
			return ways[i].line;
	return NULL;
}

static void add_unit(
	struct guest *g, const char *line, struct guest_changes *cs)
{
	_free_ char *text = xasprintf(
		"# By vmferry: installs Proxmox VE's agent at the first start,"
		"\n# then removes itself.\n"
		"[Unit]\n"
		"Description=Install qemu-guest-agent\n"
		"Wants=network-online.target\n"
		"After=network-online.target\n\n"
		"[Service]\n"
		"Type=oneshot\n"
		"ExecStart=/bin/sh -c '%s'\n"
		"ExecStartPost=/bin/rm -f " UNIT " " WANTS "\n",
		line);

	guest_change_add(g, cs, UNIT, text, 0644,
		"The guest agent is installed at the first start.");
	guest_link_add(cs, UNIT, WANTS, "That unit runs at the first start.");
}

/* False: why not is said. */
static bool from_package(
	struct guest *g, const char *path, struct guest_changes *cs)
{
	struct err why = {0};

	if (packages_install(g, "qemu-guest-agent", path,
		    N_("Proxmox VE's agent is installed from a package."), cs,
		    &why) == 0)
		return true;
	guest_left(cs, "qemu-guest-agent is not installed from %s: %s", path,
		why.why);
	return false;
}

void guest_agent_changes(
	struct guest *g, const json_t *wanted, struct guest_changes *cs)
{
	const char *package = json_str(wanted, "agent_package");
	bool install = json_flag(wanted, "agent", false);
	const char *line = install_line(g);

	if (guest_has_agent(g) || (package && from_package(g, package, cs)))
		return;
	if (install && line && guest_has(g, "/etc/systemd/system"))
		add_unit(g, line, cs);
	else
		guest_left(cs,
			"no qemu-guest-agent is in the guest; in its console: "
			"%s%s",
			line ? line : "install the package qemu-guest-agent",
			install ? "" : " (or choose guest.agent in the plan)");
}
