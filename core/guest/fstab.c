/*
 * /etc/fstab, /etc/crypttab, initramfs-tools' RESUME=, GRUB's device.map and
 * LVM's list of devices: disks that are named by device (/dev/sdb1) or by
 * VMware's hardware may get another name. Where it is certain which file
 * system a line means, it is named by its UUID; else it is said.
 */
#include <string.h>

#include "../str.h"
#include "own.h"
#include "text.h"

static bool is_device_name(const char *spec)
{
	return str_starts(spec, "/dev/sd") || str_starts(spec, "/dev/hd") ||
		str_starts(spec, "/dev/vd") || str_starts(spec, "/dev/xvd") ||
		str_starts(spec, "/dev/nvme");
}

/* Names of VMware's disks and slots, which are gone on other hardware; those
 * of device-mapper, LVM and md come from the disk's content. */
static bool is_hardware_path(const char *spec)
{
	static const char *const content[] = {"dm-", "md-", "lvm-pv-uuid-"};

	for (size_t i = 0; i < ARRAY_LEN(content); i++)
		if (str_starts(spec, "/dev/disk/by-id/") &&
			str_starts(spec + 16, content[i]))
			return false;
	return str_starts(spec, "/dev/disk/by-id/") ||
		str_starts(spec, "/dev/disk/by-path/");
}

/* The nth word of a line as a span; false: not so many, or a comment. */
static bool word_at(const char *line, size_t nth, size_t *from, size_t *to)
{
	size_t at = 0;

	for (size_t i = 0;; i++) {
		at += strspn(line + at, " \t");
		if (!line[at] || line[at] == '#')
			return false;
		*from = at;
		at += strcspn(line + at, " \t");
		*to = at;
		if (i == nth)
			return true;
	}
}

static char *word(const char *line, size_t nth)
{
	size_t a, b;

	return word_at(line, nth, &a, &b) ? xstrndup(line + a, b - a) : NULL;
}

bool guest_fstab_device_names(struct guest *g)
{
	_free_ char *text = guest_text(g, "/etc/fstab");
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		_free_ char *spec = word(line, 0);

		if (spec && (is_device_name(spec) || is_hardware_path(spec)))
			return true;
	}
	return false;
}

/* One line: its device, in word `col`, by UUID where that is certain. */
static void fix_line(struct guest *g, const char *path, struct text *t,
	size_t i, size_t col, const char *type, struct guest_changes *cs)
{
	const char *line = t->line[i].s;
	_free_ char *spec = word(line, col), *uuid = NULL, *now = NULL;
	size_t a, b;

	if (!spec || (!is_device_name(spec) && !is_hardware_path(spec)))
		return;
	if (is_device_name(spec) && type)
		uuid = g->ops->uuid_of(g, spec, type);
	if (!uuid) {
		guest_left(cs,
			"%s names %s, which may have another name on the new "
			"hardware: use its UUID",
			path, spec);
		return;
	}
	word_at(line, col, &a, &b);
	now = xasprintf("%.*sUUID=%s%s", (int)a, line, uuid, line + b);
	text_set(t, i, now);
}

static void fix_file(
	struct guest *g, const char *path, size_t col, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, path), *after = NULL;
	_text_ struct text t = {0};

	if (!before)
		return;
	text_open(&t, before);
	for (size_t i = 0; i < t.n; i++) {
		/* fstab: device, place, type; crypttab: name, device. */
		_free_ char *type =
			col ? xstrdup("crypto_LUKS") : word(t.line[i].s, 2);

		fix_line(g, path, &t, i, col, type, cs);
	}
	after = text_join(&t);
	if (strcmp(before, after))
		guest_change_add(g, cs, path, after, 0644,
			"Disks are found by UUID, whatever their name.");
}

void guest_fstab_changes(struct guest *g, struct guest_changes *cs)
{
	fix_file(g, "/etc/fstab", 0, cs);
	fix_file(g, "/etc/crypttab", 1, cs);
}

/* --- other places that name disks --- */

#define RESUME_FILE "/etc/initramfs-tools/conf.d/resume"

/* A device that is not there any more costs 30 s at each start. */
static void fix_resume(struct guest *g, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, RESUME_FILE);
	_free_ char *after = NULL;
	_text_ struct text t = {0};

	if (!before)
		return;
	text_open(&t, before);
	for (size_t i = 0; i < t.n; i++) {
		const char *line = t.line[i].s;
		_free_ char *uuid = NULL, *now = NULL;

		if (!str_starts(line, "RESUME=") || !is_device_name(line + 7))
			continue;
		uuid = g->ops->uuid_of(g, line + 7, "swap");
		if (!uuid) {
			guest_left(cs,
				RESUME_FILE " names %s: use its UUID, then "
					    "update-initramfs -u",
				line + 7);
			continue;
		}
		now = xasprintf("RESUME=UUID=%s", uuid);
		text_set(&t, i, now);
	}
	after = text_join(&t);
	if (strcmp(before, after))
		guest_change_add(g, cs, RESUME_FILE, after, 0644,
			"The swap area is found by UUID, whatever its name.");
}

/* grub-install goes by it: VMware's names lead nowhere, and without the file
 * it looks for itself. */
static void fix_device_map(struct guest *g, struct guest_changes *cs)
{
	static const char *const paths[] = {
		"/boot/grub/device.map", "/boot/grub2/device.map"};

	for (size_t i = 0; i < 2; i++) {
		_free_ char *text = guest_text(g, paths[i]);
		bool legacy = guest_has(g, "/boot/grub/menu.lst") ||
			guest_has(g, "/boot/grub/grub.conf");

		if (!text || !strstr(text, "/dev/disk/by-"))
			continue;
		if (legacy)
			guest_left(cs,
				"%s names disks by their hardware: write "
				"(hd0) /dev/sda there before grub-install",
				paths[i]);
		else
			guest_change_add(g, cs, paths[i], NULL, 0644,
				"GRUB's map names VMware's disks; without it "
				"grub-install looks for itself.");
	}
}

/* The value of root= in a line, where it is a disk by name; to be freed. */
static char *root_disk(const char *line)
{
	const char *at = strstr(line, "root=/dev/");
	_free_ char *dev =
		at ? xstrndup(at + 5, strcspn(at + 5, " \t\"'")) : NULL;

	if (!dev || (at > line && !strchr(" \t\"'", at[-1])) || *line == '#' ||
		!is_device_name(dev))
		return NULL;
	return xstrdup(dev);
}

static void tell_root_of(
	struct guest *g, const char *path, struct guest_changes *cs)
{
	_free_ char *text = guest_long_text(g, path);
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		_free_ char *dev = root_disk(line), *uuid = NULL;

		if (!dev)
			continue;
		uuid = g->ops->uuid_of(g, dev, "auto");
		guest_left(cs,
			"%s says root=%s: with %zu disks that may be another "
			"one. If the guest does not find its root, press e in "
			"GRUB's menu and write root=UUID=%s",
			path, dev, g->n_disks, uuid ? uuid : "...");
		return;
	}
}

/* Controllers of several disks come up in any order; one disk is sda. */
static void tell_root(struct guest *g, struct guest_changes *cs)
{
	static const char *const paths[] = {"/boot/grub/grub.cfg",
		"/boot/grub2/grub.cfg", "/boot/grub/menu.lst",
		"/boot/grub/grub.conf"};
	_json_ json_t *entries =
		guest_files(g, "/boot/loader/entries", ".conf");
	const json_t *v;
	size_t i;

	if (g->n_disks < 2)
		return;
	for (i = 0; i < ARRAY_LEN(paths); i++)
		tell_root_of(g, paths[i], cs);
	json_array_foreach (entries, i, v)
		tell_root_of(g, json_string_value(v), cs);
}

/* RHEL 9: LVM looks only at the disks that stand here. By a VMware disk's
 * wwid none is found, and /home or the data stay away; without the file LVM
 * looks at all disks (lvmdevices(8)). A line by device name is looked for. */
static void fix_lvm_devices(struct guest *g, struct guest_changes *cs)
{
	static const char path[] = "/etc/lvm/devices/system.devices";
	_free_ char *text = guest_text(g, path);
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		if (!str_starts(line, "IDTYPE=") ||
			str_starts(line, "IDTYPE=devname"))
			continue;
		guest_change_add(g, cs, path, NULL, 0600,
			"LVM's list of disks names VMware's; without it LVM "
			"looks at all of them (lvmdevices --update makes it "
			"anew).");
		return;
	}
}

/* A filter that names disks by hardware finds none of them any more. */
static void tell_lvm_filter(struct guest *g, struct guest_changes *cs)
{
	static const char path[] = "/etc/lvm/lvm.conf";
	_free_ char *text = guest_text(g, path);
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		line += strspn(line, " \t");
		if ((str_starts(line, "filter") ||
			    str_starts(line, "global_filter")) &&
			strstr(line, "/dev/disk/by-"))
			guest_left(cs,
				"%s names disks by their hardware in its "
				"filter: change it there before the start",
				path);
	}
}

/* X does not start with a driver that finds no card. */
static void tell_x(struct guest *g, struct guest_changes *cs)
{
	static const char path[] = "/etc/X11/xorg.conf";
	_free_ char *text = guest_text(g, path);

	if (text && strstr(text, "\"vmware\""))
		guest_left(cs,
			"%s asks for VMware's graphics: remove the file, X "
			"finds its driver itself",
			path);
}

void guest_names_changes(struct guest *g, struct guest_changes *cs)
{
	fix_resume(g, cs);
	fix_device_map(g, cs);
	tell_root(g, cs);
	fix_lvm_devices(g, cs);
	tell_lvm_filter(g, cs);
	tell_x(g, cs);
}
