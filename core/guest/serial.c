/*
 * A serial console, on the operator's word: a login on ttyS0, and the kernel's
 * messages there too. The screen stays the main console (the last console= is
 * /dev/console), so that what a shell of the initramfs says is seen on both.
 *
 * The kernel's words are appended to the lines that GRUB has now, in grub.cfg,
 * menu.lst and /boot/loader/entries, and to what they are made from, so that
 * the guest's next update-grub says the same; GRUB itself is not run. A boot
 * loader that is none of these keeps its words, which is said; the login does
 * not need them. Its menu stays on the screen.
 */
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "ini.h"
#include "own.h"

#define TTY "ttyS0"
#define WORDS "console=ttyS0,115200 console=tty0"
#define GETTY_WHY N_("A login on the serial line.")
#define KERNEL_WHY N_("The kernel's messages go to the serial line, too.")

/* --- the login --- */

static bool by_systemd(struct guest *g, struct guest_changes *cs)
{
	static const char *const units[] = {
		"/usr/lib/systemd/system/serial-getty@.service",
		"/lib/systemd/system/serial-getty@.service"};
	static const char at[] = "/etc/systemd/system/getty.target.wants/"
				 "serial-getty@" TTY ".service";

	_free_ char *there = g->ops->link(g, at);

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!guest_has(g, units[i]))
			continue;
		if (!there)
			guest_link_add(cs, units[i], at, GETTY_WHY);
		return true;
	}
	return false;
}

static const char *getty(struct guest *g)
{
	return guest_has(g, "/sbin/agetty") ? "/sbin/agetty" : "/sbin/getty";
}

static bool by_upstart(struct guest *g, struct guest_changes *cs)
{
	static const char at[] = "/etc/init/" TTY ".conf";
	_free_ char *text =
		xasprintf("# By vmferry: a login on the serial line.\n"
			  "start on stopped rc RUNLEVEL=[2345]\n"
			  "stop on runlevel [!2345]\n"
			  "respawn\n"
			  "exec %s -L 115200 " TTY " vt100\n",
			getty(g));

	if (!guest_has(g, "/sbin/initctl") || !guest_has(g, "/etc/init"))
		return false;
	if (!guest_has(g, at))
		guest_change_add(g, cs, at, text, 0644, GETTY_WHY);
	return true;
}

/* A line of inittab for it, perhaps as a comment, as distributions have it. */
static bool of_inittab(const char *line)
{
	return strstr(line, TTY) && strstr(line, ":respawn:");
}

/* busybox's init names the line where others have an id. */
static void add_line(struct guest *g, struct text *t)
{
	_free_ char *line = xasprintf(guest_has(g, "/etc/alpine-release")
			? TTY "::respawn:%s -L 115200 " TTY " vt100"
			: "S0:2345:respawn:%s -L 115200 " TTY " vt100",
		getty(g));

	text_insert(t, t->n, line);
}

static bool by_inittab(struct guest *g, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, "/etc/inittab");
	_free_ char *after = NULL;
	_text_ struct text t = {0};
	size_t comment = SIZE_MAX;

	if (!before)
		return false;
	text_open(&t, before);
	for (size_t i = 0; i < t.n; i++) {
		if (!of_inittab(t.line[i].s))
			continue;
		if (*t.line[i].s != '#')
			return true;
		comment = i;
	}
	if (comment == SIZE_MAX)
		add_line(g, &t);
	else
		text_set(&t, comment,
			t.line[comment].s + strspn(t.line[comment].s, "# \t"));
	after = text_join(&t);
	guest_change_add(g, cs, "/etc/inittab", after, 0644, GETTY_WHY);
	return true;
}

/* Where root may log in, on systems that ask. */
static void secure(struct guest *g, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, "/etc/securetty");
	_free_ char *after = NULL;
	_text_ struct text t = {0};

	if (!before)
		return;
	text_open(&t, before);
	for (size_t i = 0; i < t.n; i++)
		if (strcmp(t.line[i].s, TTY) == 0)
			return;
	text_insert(&t, t.n, TTY);
	after = text_join(&t);
	guest_change_add(g, cs, "/etc/securetty", after, 0600,
		"root may log in on the serial line.");
}

/* --- the kernel --- */

/* Does the line hand a kernel its root file system, by one of the commands?
 * RHEL 8's entries name a variable of GRUB's that does. */
static bool boots(const char *line, const char *const *commands)
{
	line += strspn(line, " \t");
	for (; *commands; commands++) {
		size_t n = strlen(*commands);

		if (strncmp(line, *commands, n) == 0 && line[n] &&
			strchr(" \t", line[n]))
			return strstr(line, " root=") ||
				strstr(line, "$kernelopts");
	}
	return false;
}

/* The words at the end of each such line of a file. True: there is one, or
 * it has a serial console already. */
static bool in_lines(struct guest *g, const char *path,
	const char *const *commands, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, path), *after = NULL;
	_text_ struct text t = {0};
	bool found = false;

	if (!before)
		return false;
	text_open(&t, before);
	for (size_t i = 0; i < t.n; i++) {
		_free_ char *now = NULL;

		if (!boots(t.line[i].s, commands))
			continue;
		found = true;
		if (strstr(t.line[i].s, "console=" TTY))
			continue;
		now = xasprintf("%s " WORDS, t.line[i].s);
		text_set(&t, i, now);
	}
	after = text_join(&t);
	if (strcmp(before, after))
		guest_change_add(g, cs, path, after, 0644, KERNEL_WHY);
	return found;
}

static bool in_grub(struct guest *g, struct guest_changes *cs)
{
	static const char *const now[] = {"linux", "linux16", "linuxefi", NULL};
	static const char *const legacy[] = {"kernel", NULL};
	static const char *const options[] = {"options", NULL};
	_json_ json_t *entries =
		guest_files(g, "/boot/loader/entries", ".conf");
	_json_ json_t *efi = g->ops->list(g, "/boot/efi/EFI");
	_free_ char *link = g->ops->link(g, "/boot/grub/menu.lst");
	bool found = in_lines(g, "/boot/grub2/grub.cfg", now, cs);
	const json_t *v;
	size_t i;

	found |= in_lines(g, "/boot/grub/grub.cfg", now, cs);
	found |= in_lines(g, "/boot/grub/grub.conf", legacy, cs);
	found |= !link && in_lines(g, "/boot/grub/menu.lst", legacy, cs);
	json_array_foreach (entries, i, v)
		found |= in_lines(g, json_string_value(v), options, cs);
	json_array_foreach (efi, i, v) {
		_free_ char *path = xasprintf(
			"/boot/efi/EFI/%s/grub.cfg", json_string_value(v));

		found |= in_lines(g, path, now, cs);
	}
	return found;
}

/* What kernel-install gives the entry of a kernel that comes later: one line,
 * where there is such a file. */
static void in_cmdline(struct guest *g, struct guest_changes *cs)
{
	static const char file[] = "/etc/kernel/cmdline";
	_free_ char *before = guest_future(g, cs, file), *after = NULL;
	_free_ char *now = NULL;
	_text_ struct text t = {0};

	text_open(&t, before ? before : "");
	if (!t.n || strstr(before, "console=" TTY))
		return;
	now = xasprintf("%s " WORDS, t.line[0].s);
	text_set(&t, 0, now);
	after = text_join(&t);
	guest_change_add(g, cs, file, after, 0644, KERNEL_WHY);
}

/* What the lines above are made from. */
static void in_sources(struct guest *g, struct guest_changes *cs)
{
	static const char file[] = "/etc/default/grub";
	static const char key[] = "GRUB_CMDLINE_LINUX";
	_free_ char *before = guest_future(g, cs, file), *after = NULL;
	_free_ char *value = NULL, *now = NULL;
	_text_ struct text t = {0};
	struct ini_part p;

	if (!before || strstr(before, "console=" TTY))
		return;
	text_open(&t, before);
	p = ini_shell(&t);
	value = ini_value(&t, &p, key, 0);
	now = xasprintf(
		"%s%s" WORDS, value ? value : "", value && *value ? " " : "");
	ini_put(&t, &p, key, 0, now);
	after = text_join(&t);
	guest_change_add(g, cs, file, after, 0644, KERNEL_WHY);
}

void guest_serial_changes(struct guest *g, struct guest_changes *cs)
{
	if (by_systemd(g, cs) || by_upstart(g, cs) || by_inittab(g, cs))
		secure(g, cs);
	else
		guest_left(cs,
			"how the guest starts a login on ttyS0 is not known: "
			"set it up in its console");
	if (in_grub(g, cs)) {
		in_sources(g, cs);
		in_cmdline(g, cs);
	} else {
		guest_left(cs,
			"the kernel's words are not GRUB's, or not in lines "
			"that are understood: add \"console=ttyS0,115200 "
			"console=tty0\" to them in the guest, so that its "
			"start is seen on the serial line");
	}
}
