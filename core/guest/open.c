/*
 * Opening a VM's disks: the appliance, the root file system, the rest by the
 * guest's own fstab.
 *
 * Keeps true: opened read-only, the disks do not change (a layer lies
 * between, overlay.c); opened for writing, a clean close says that all is on
 * disk. Encrypted, damaged and hibernated systems are refused by name.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../i18n.h"
#include "../stop.h"
#include "../str.h"
#include "gfs.h"

static bool linux_fs(const char *type)
{
	return str_starts(type, "ext") || strcmp(type, "xfs") == 0 ||
		strcmp(type, "btrfs") == 0;
}

/* subvol: "subvol=@var" of a btrfs, or null. */
static int try_mount(
	struct guest *g, const char *dev, const char *at, const char *subvol)
{
	_free_ char *options = xasprintf("%s%s%s", g->write ? "" : "ro",
		subvol && !g->write ? "," : "", subvol ? subvol : "");

	return guestfs_mount_options(G(g), options, dev, at);
}

/* What lies on a file system that was mounted at /: null for data only. */
static const char *system_here(struct guest *g)
{
	static const char *const roots[] = {"/etc/os-release",
		"/etc/debian_version", "/etc/redhat-release",
		"/etc/SuSE-release", "/etc/alpine-release", "/etc/fstab"};

	for (size_t i = 0; i < ARRAY_LEN(roots); i++)
		if (guest_has(g, roots[i]))
			return "linux";
	if (guestfs_is_dir(G(g), "/Windows/System32") == 1 ||
		guestfs_is_dir(G(g), "/WINDOWS/system32") == 1)
		return "windows";
	return NULL;
}

static void note(struct guest *g, const char *text)
{
	json_array_append_new(g->notes, json_text(text));
}

static bool ext_dirty(guestfs_h *h, const char *dev)
{
	_strings_ char **kv = guestfs_tune2fs_l(h, dev);

	for (char **p = kv; p && p[0]; p += 2)
		if (strcmp(p[0], "Filesystem features") == 0 &&
			strstr(p[1], "needs_recovery"))
			return true;
	return false;
}

static bool ntfs_dirty(guestfs_h *h, const char *dev)
{
	size_t n = 0, m = 0;
	_free_ char *boot = guestfs_pread_device(h, dev, 512, 0, &n);
	_free_ char *record = NULL;
	uint64_t at;
	uint32_t len;

	if (!boot || n != 512 ||
		!guest_ntfs_volume((unsigned char *)boot, &at, &len))
		return false;
	record = guestfs_pread_device(h, dev, len, at, &m);
	return record && m == len &&
		guest_ntfs_dirty((unsigned char *)record, len);
}

/* A journal that must be replayed, a volume that Windows left in disorder: the
 * guest was not shut down. Tells from the file system's own state. */
static void note_state(struct guest *g, const char *dev, const char *type)
{
	bool ntfs = strcmp(type, "ntfs") == 0;

	if (!g->clean ||
		!(str_starts(type, "ext") ? ext_dirty(G(g), dev)
					  : ntfs && ntfs_dirty(G(g), dev)))
		return;
	g->clean = false;
	note(g,
		ntfs ? N_("An NTFS volume is marked dirty: Windows was not "
			  "shut "
			  "down cleanly, and will check its disk at the start.")
		     : N_("A file system was not unmounted in order: the guest "
			  "was not shut down cleanly."));
}

/* A system that sleeps on its disk would wake with another idea of its files
 * than what is on them. Windows' Fast Startup sleeps too. */
static bool sleeps(struct guest *g, const char *family)
{
	size_t n = 0;
	_free_ char *head = NULL;

	if (strcmp(family, "windows") ||
		guestfs_is_file(G(g), "/hiberfil.sys") != 1)
		return false;
	head = guestfs_pread(G(g), "/hiberfil.sys", 4, 0, &n);
	return head && n == 4 &&
		(strncasecmp(head, "hibr", 4) == 0 ||
			strncasecmp(head, "rstr", 4) == 0);
}

static int asleep_windows(struct err *e)
{
	return err_set(e, ERR_GUEST_ACCESS,
		"Windows is hibernated (Fast Startup does that too): start it, "
		"shut it down by \"shutdown /s /t 0\", copy again");
}

static int asleep(struct err *e)
{
	return err_set(e, ERR_GUEST_ACCESS,
		"the guest is hibernated: wake it, shut it down, copy again");
}

static bool any_of(struct guest *g, char **devices, const char *kind)
{
	for (char **p = devices; p && *p; p++) {
		_free_ char *type = guestfs_vfs_type(G(g), *p);

		if (type && strcmp(type, kind) == 0)
			return true;
	}
	return false;
}

/* Containers are not among the file systems that libguestfs lists. kind:
 * libblkid's word. */
static bool holds(struct guest *g, const char *kind)
{
	_strings_ char **disks = guestfs_list_devices(G(g));
	_strings_ char **parts = guestfs_list_partitions(G(g));

	return any_of(g, disks, kind) || any_of(g, parts, kind);
}

/* Why nothing was found, in the order of what tells most. */
static int no_root(struct guest *g, const char *failed, struct err *e)
{
	if (holds(g, "BitLocker"))
		return err_set(e, ERR_GUEST_ACCESS,
			"the disk is encrypted by BitLocker: its inside cannot "
			"be read. Suspend it in the old Windows (manage-bde "
			"-protectors -disable C: -RebootCount 0) and have the "
			"recovery key at hand");
	if (holds(g, "crypto_LUKS"))
		return err_set(e, ERR_GUEST_ACCESS,
			"the disk is encrypted: its inside cannot be read");
	if (failed)
		return err_set(e, ERR_GUEST_ACCESS, "%s", failed);
	return err_set(e, ERR_GUEST_UNKNOWN,
		"no root file system of a known system was found");
}

/* --- what the guest's own fstab says --- */

struct mount {
	char *spec, *at, *subvol; /* subvol: "subvol=..", or null; all borrowed
				   * from the line */
};

/* One line, which is cut into its words; false: none. */
static bool mount_read(char *line, struct mount *m)
{
	char *save = NULL, *options = NULL;

	*m = (struct mount){.spec = strtok_r(line, " \t", &save)};
	m->at = strtok_r(NULL, " \t", &save);
	if (!m->spec || !m->at || *m->spec == '#')
		return false;
	if (strtok_r(NULL, " \t", &save))
		options = strtok_r(NULL, " \t", &save);
	for (char *w = options ? strtok_r(options, ",", &save) : NULL; w;
		w = strtok_r(NULL, ",", &save))
		if (str_starts(w, "subvol=") || str_starts(w, "subvolid="))
			m->subvol = w;
	return true;
}

/* The device of an fstab entry among the appliance's; to be freed. */
static char *fstab_device(struct guest *g, const char *spec)
{
	static const char by_uuid[] = "/dev/disk/by-uuid/";
	guestfs_h *h = G(g);

	if (str_starts(spec, "UUID="))
		return guestfs_findfs_uuid(h, spec + 5);
	if (str_starts(spec, by_uuid))
		return guestfs_findfs_uuid(h, spec + strlen(by_uuid));
	if (str_starts(spec, "LABEL="))
		return guestfs_findfs_label(h, spec + 6);
	if (str_starts(spec, "/dev/"))
		return guestfs_canonical_device_name(h, spec);
	return NULL;
}

/* Does the file system fs, a subvolume ("btrfsvol:/dev/sdb2/@"), lie on dev?
 * By its UUID: libguestfs leaves the kernel's own name of a disk in it, which
 * is another wherever the kernel saw the appliance's disk first. */
static bool subvolume_on(struct guest *g, const char *fs, const char *dev)
{
	_free_ char *want = guestfs_vfs_uuid(G(g), dev);
	_free_ char *is = guestfs_vfs_uuid(G(g), fs);

	return want && is && *want && strcmp(want, is) == 0;
}

/* Is this line's device the one that is mounted at /, by its name among the
 * file systems ("/dev/sda1", "btrfsvol:/dev/sda2/@")? */
static bool is_here(struct guest *g, const struct mount *m, const char *fs)
{
	_free_ char *dev = fstab_device(g, m->spec), *subvol = NULL;
	const char *path = m->subvol ? strchr(m->subvol, '=') + 1 : NULL;

	if (!dev || !str_starts(fs, "btrfsvol:"))
		return dev && strcmp(dev, fs) == 0;
	subvol = guestfs_mountable_subvolume(G(g), fs);
	return path && subvol && strcmp(subvol, path + (*path == '/')) == 0 &&
		subvolume_on(g, fs, dev);
}

/* Does the system that is mounted at / say that this is its place? A copy of
 * one (a backup, an old snapshot) says another. */
static bool at_home(struct guest *g, const char *fs)
{
	_free_ char *text = guest_text(g, "/etc/fstab");
	char *p = text, *line;
	struct mount m;

	while (p && (line = str_line(&p)))
		if (mount_read(line, &m) && strcmp(m.at, "/") == 0)
			return is_here(g, &m, fs);
	return false;
}

/* --- the root --- */

/* What is on it, where it is a system; null: none, and it is not mounted.
 * failed: why it could not be mounted, if that was it. */
static const char *look_at(
	struct guest *g, const char *fs, const char *type, char **failed)
{
	const char *family;

	note_state(g, fs, type);
	if (try_mount(g, fs, "/", NULL)) {
		_free_ char *why =
			guest_damage(fs, type, guestfs_last_error(G(g)));

		str_set(failed, why);
		return NULL;
	}
	family = system_here(g);
	if (!family)
		guestfs_umount_all(G(g));
	return family;
}

static int take_root(
	struct guest *g, const char *fs, const char *family, struct err *e)
{
	if (sleeps(g, family))
		return asleep_windows(e);
	g->family = family;
	g->root = xstrdup(fs);
	return 0;
}

/* The one whose fstab says that it is there; else the first. */
static int find_root(struct guest *g, char **fs, struct err *e)
{
	_free_ char *failed = NULL;
	const char *first = NULL, *family = NULL;

	for (char **p = fs; p[0]; p += 2) {
		const char *here;

		if (stop_check(e))
			return -1;
		if (strcmp(p[1], "swsuspend") == 0)
			return asleep(e);
		if (!linux_fs(p[1]) && strcmp(p[1], "ntfs"))
			continue;
		here = look_at(g, p[0], p[1], &failed);
		if (!here)
			continue;
		if (at_home(g, p[0]))
			return take_root(g, p[0], here, e);
		if (!first) {
			first = p[0];
			family = here;
		}
		guestfs_umount_all(G(g));
	}
	if (!first)
		return no_root(g, failed, e);
	if (try_mount(g, first, "/", NULL))
		return gfs_error(G(g), first, e);
	return take_root(g, first, family, e);
}

/* --- the rest of the tree, by the guest's own fstab --- */

static void mount_line(struct guest *g, char *line)
{
	static const char *const wanted[] = {
		"/boot", "/boot/efi", "/usr", "/var"};
	struct mount m;

	if (!mount_read(line, &m))
		return;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		_free_ char *dev = NULL;

		if (strcmp(m.at, wanted[i]))
			continue;
		dev = fstab_device(g, m.spec);
		if (!dev || try_mount(g, dev, m.at, m.subvol)) {
			_free_ char *s =
				xasprintf(N_("%s (%s) could not be mounted"),
					m.at, m.spec);

			json_array_append_new(g->notes, json_text(s));
		}
	}
}

static void mount_fstab(struct guest *g)
{
	_free_ char *text = guest_text(g, "/etc/fstab");
	char *p = text, *line;

	while (p && (line = str_line(&p)))
		mount_line(g, line);
}

/* --- open --- */

static int launch(guestfs_h *h, const struct guest_disk *disks, size_t n,
	bool tcg, struct err *e)
{
	/* Errors are taken from the handle, not printed. */
	guestfs_set_error_handler(h, NULL, NULL);
	guestfs_set_identifier(h, "vmferry");
	if (tcg && guestfs_set_backend_setting(h, "force_tcg", "1"))
		return gfs_error(h, "choose emulation", e);
	for (size_t i = 0; i < n; i++)
		if (guestfs_add_drive_opts(h, disks[i].path,
			    GUESTFS_ADD_DRIVE_OPTS_FORMAT, disks[i].format,
			    GUESTFS_ADD_DRIVE_OPTS_DISCARD, "besteffort", -1))
			return gfs_error(h, disks[i].path, e);
	if (guestfs_launch(h))
		return gfs_error(h, "start libguestfs's appliance", e);
	return 0;
}

/* With KVM where it works; where QEMU refuses it (nested, or a /dev/kvm that
 * is no use), by emulation. */
static guestfs_h *start(const struct guest_disk *disks, size_t n, struct err *e)
{
	for (int tcg = 0; tcg < 2; tcg++) {
		guestfs_h *h =
			guestfs_create_flags(GUESTFS_CREATE_NO_CLOSE_ON_EXIT);

		if (!h) {
			err_sys(e, ERR_GUEST_ACCESS, "libguestfs");
			return NULL;
		}
		if (launch(h, disks, n, tcg, e) == 0)
			return h;
		guestfs_close(h);
		if (stop_asked)
			break;
	}
	return NULL;
}

/* To look only: a layer takes what is written; it is gone from its directory
 * once the appliance has it open. */
static guestfs_h *start_layered(
	const struct guest_disk *disks, size_t n, struct err *e)
{
	struct guest_disk *layer = xcalloc(n, sizeof(*layer));
	guestfs_h *h = NULL;
	size_t made = 0;

	for (; made < n; made++) {
		char *path;

		if (guest_overlay(&disks[made], &path, e))
			break;
		layer[made] = (struct guest_disk){path, "qcow2"};
	}
	if (made == n)
		h = start(layer, n, e);
	while (made--) {
		unlink(layer[made].path);
		free((char *)layer[made].path);
	}
	free(layer);
	return h;
}

/* A file that is half written since vmferry was killed is what it was, also
 * to who only looks: in the layer. */
static int recover(struct guest *g, struct err *e)
{
	if (strcmp(g->family, "linux") || !guest_unfinished(g))
		return 0;
	return gfs_thaw(g, e) ? -1 : guest_recover(g, e);
}

static int mount_all(struct guest *g, struct err *e)
{
	_strings_ char **fs = guestfs_list_filesystems(G(g));

	if (!fs)
		return gfs_error(G(g), "look for file systems", e);
	if (find_root(g, fs, e))
		return -1;
	if (strcmp(g->family, "linux") == 0)
		mount_fstab(g);
	else if (holds(g, "BitLocker"))
		note(g,
			N_("A volume is encrypted by BitLocker: have its "
			   "recovery "
			   "key at hand."));
	return recover(g, e);
}

int guest_open(const struct guest_disk *disks, size_t n, bool write,
	struct guest **out, struct err *e)
{
	guestfs_h *h;
	struct guest *g;

	gfs_watch_mark();
	gfs_watch(NULL, 0);
	h = write ? start(disks, n, e) : start_layered(disks, n, e);
	if (!h) {
		gfs_watch_off();
		return err_in(e, "look inside the disk");
	}
	g = xcalloc(1, sizeof(*g));
	*g = (struct guest){.ops = &gfs_ops,
		.priv = h,
		.write = write,
		.family = "other",
		.clean = true,
		.n_disks = n,
		.notes = json_array()};
	gfs_watch_idle(g);
	if (mount_all(g, e)) {
		/* What led here is the error, not what closing says. */
		guest_close(g, NULL);
		return err_in(e, "look inside the disk");
	}
	*out = g;
	return 0;
}
