/*
 * The guest's files through libguestfs: its kernel and file systems run in
 * an appliance of their own, so that a hostile disk meets nothing of this
 * machine. The only file that includes <guestfs.h>.
 *
 * Keeps true: opened read-only, the disks do not change (libguestfs puts an
 * overlay between); opened for writing, a clean close says that all is on
 * disk.
 */
#include <guestfs.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../stop.h"
#include "../str.h"
#include "own.h"

#define G(g) ((guestfs_h *)(g)->priv)

static void strings_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

static void cleanup_strings(char ***list)
{
	strings_free(*list);
}
#define _strings_ __attribute__((cleanup(cleanup_strings)))

static int gerr(guestfs_h *h, const char *what, struct err *e)
{
	const char *last = guestfs_last_error(h);
	_free_ char *why = xstrdup(last ? last : "no reason given");

	/* The first line is the cause, the rest is advice to developers. */
	why[strcspn(why, "\n")] = '\0';
	if (guestfs_last_errno(h) == 28 /* the guest's ENOSPC */)
		return err_set(e, ERR_GUEST_ACCESS,
			"%s: the guest's disk is full", what);
	return err_set(e, ERR_GUEST_ACCESS, "%s: %s", what, why);
}

/* --- files --- */

static int gfs_read(struct guest *g, const char *path, size_t max, char **out,
	size_t *len, struct err *e)
{
	int64_t size;
	size_t n;
	char *s;

	if (guestfs_is_file_opts(G(g), path,
		    GUESTFS_IS_FILE_OPTS_FOLLOWSYMLINKS, 1, -1) != 1)
		return err_set(
			e, ERR_NOT_FOUND, "%s is not in the guest", path);
	size = guestfs_filesize(G(g), path);
	if (size < 0 || (uint64_t)size > max)
		return err_set(e, ERR_BAD_INPUT, "%s is too large", path);
	s = guestfs_read_file(G(g), path, &n);
	if (!s)
		return gerr(G(g), path, e);
	*out = xreallocarray(s, n + 1, 1);
	(*out)[n] = '\0';
	if (len)
		*len = n;
	return 0;
}

static int gfs_write(struct guest *g, const char *path, const char *text,
	unsigned mode, struct err *e)
{
	bool there = guestfs_exists(G(g), path) == 1;

	/* Written in place: owner, mode and security context stay. */
	if (guestfs_write(G(g), path, text, strlen(text)))
		return gerr(G(g), path, e);
	if (!there && guestfs_chmod(G(g), mode, path))
		return gerr(G(g), path, e);
	return 0;
}

static int gfs_remove(struct guest *g, const char *path, struct err *e)
{
	return guestfs_rm_f(G(g), path) ? gerr(G(g), path, e) : 0;
}

static int gfs_mkdirs(struct guest *g, const char *path, struct err *e)
{
	return guestfs_mkdir_p(G(g), path) ? gerr(G(g), path, e) : 0;
}

static json_t *gfs_list(struct guest *g, const char *path)
{
	json_t *out = json_array();
	_strings_ char **names = NULL;

	if (guestfs_is_dir_opts(
		    G(g), path, GUESTFS_IS_DIR_OPTS_FOLLOWSYMLINKS, 1, -1) == 1)
		names = guestfs_ls(G(g), path);
	for (char **p = names; p && *p; p++)
		json_array_append_new(out, json_text(*p));
	return out;
}

static bool gfs_exists(struct guest *g, const char *path)
{
	return guestfs_exists(G(g), path) == 1;
}

static char *gfs_link(struct guest *g, const char *path)
{
	if (guestfs_is_symlink(G(g), path) != 1)
		return NULL;
	return guestfs_readlink(G(g), path);
}

static int gfs_download(
	struct guest *g, const char *path, const char *to, struct err *e)
{
	return guestfs_download(G(g), path, to) ? gerr(G(g), path, e) : 0;
}

static int gfs_copy(
	struct guest *g, const char *from, const char *to, struct err *e)
{
	if (guestfs_cp(G(g), from, to))
		return gerr(G(g), to, e);
	return 0;
}

/*
 * The guest's sdX order is the VM's order of disks where there is one disk;
 * with two, where the root file system is where the guest's fstab has it. With
 * more, controllers may have come up in any order.
 */
static bool order_is_certain(struct guest *g)
{
	_free_ char *text = guest_text(g, "/etc/fstab");
	char *p = text, *line;

	if (g->n_disks == 1)
		return true;
	while (g->n_disks == 2 && p && (line = str_line(&p))) {
		char *save = NULL;
		const char *spec = strtok_r(line, " \t", &save);
		const char *at = strtok_r(NULL, " \t", &save);
		_free_ char *dev = NULL;

		if (!spec || !at || strcmp(at, "/") ||
			!str_starts(spec, "/dev/"))
			continue;
		dev = guestfs_canonical_device_name(G(g), spec);
		return dev && strcmp(dev, g->root) == 0;
	}
	return false;
}

static char *gfs_uuid_of(struct guest *g, const char *device, const char *type)
{
	_free_ char *dev = guestfs_canonical_device_name(G(g), device);
	_free_ char *kind = NULL, *uuid = NULL;

	if (!dev || !order_is_certain(g))
		return NULL;
	kind = guestfs_vfs_type(G(g), dev);
	if (!kind || (strcmp(type, "auto") && strcmp(type, kind)))
		return NULL;
	uuid = guestfs_vfs_uuid(G(g), dev);
	return uuid && *uuid ? xstrdup(uuid) : NULL;
}

static uint64_t gfs_free(struct guest *g)
{
	struct guestfs_statvfs *s = guestfs_statvfs(G(g), "/");
	uint64_t n = s ? (uint64_t)s->bfree * s->frsize : 0;

	guestfs_free_statvfs(s);
	return n;
}

static int gfs_close(struct guest *g, struct err *e)
{
	int rc = 0;

	if (g->write && (guestfs_umount_all(G(g)) || guestfs_shutdown(G(g))))
		rc = gerr(G(g), "write the guest's disks back", e);
	guestfs_close(G(g));
	return rc;
}

static const struct guest_ops gfs_ops = {
	.read = gfs_read,
	.write = gfs_write,
	.remove = gfs_remove,
	.mkdirs = gfs_mkdirs,
	.list = gfs_list,
	.exists = gfs_exists,
	.link = gfs_link,
	.download = gfs_download,
	.copy = gfs_copy,
	.uuid_of = gfs_uuid_of,
	.free_bytes = gfs_free,
	.close = gfs_close,
};

/* --- finding the root --- */

static bool linux_fs(const char *type)
{
	return str_starts(type, "ext") || strcmp(type, "xfs") == 0 ||
		strcmp(type, "btrfs") == 0;
}

static int try_mount(struct guest *g, const char *dev, const char *at)
{
	return g->write ? guestfs_mount_options(G(g), "", dev, at)
			: guestfs_mount_ro(G(g), dev, at);
}

/* What lies on a file system that was mounted at /: null for data only. */
static const char *system_here(struct guest *g)
{
	static const char *const roots[] = {"/etc/os-release",
		"/etc/debian_version", "/etc/redhat-release",
		"/etc/SuSE-release", "/etc/alpine-release", "/etc/fstab"};

	for (size_t i = 0; i < ARRAY_LEN(roots); i++)
		if (gfs_exists(g, roots[i]))
			return "linux";
	if (guestfs_is_dir(G(g), "/Windows/System32") == 1 ||
		guestfs_is_dir(G(g), "/WINDOWS/system32") == 1)
		return "windows";
	return NULL;
}

/* A journal that must be replayed or a hibernated Windows: the guest was not
 * shut down in order. Tells from the file system's own state. */
static void note_state(struct guest *g, const char *dev, const char *type)
{
	guestfs_h *h = G(g);

	if (str_starts(type, "ext")) {
		_strings_ char **kv = guestfs_tune2fs_l(h, dev);

		for (char **p = kv; p && p[0]; p += 2)
			if (strcmp(p[0], "Filesystem features") == 0 &&
				strstr(p[1], "needs_recovery"))
				g->clean = false;
	}
	if (!g->clean)
		json_array_append_new(g->notes,
			json_text("A file system was not unmounted in order: "
				  "the guest was not shut down cleanly."));
}

/* A system that sleeps on its disk would wake with another idea of its files
 * than what is on them. */
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

static int asleep(struct err *e)
{
	return err_set(e, ERR_GUEST_ACCESS,
		"the guest is hibernated: wake it, shut it down, copy again");
}

/* Why nothing was found, in the order of what tells most. */
static int no_root(bool crypt, const char *failed, struct err *e)
{
	if (crypt)
		return err_set(e, ERR_GUEST_ACCESS,
			"the disk is encrypted: its inside cannot be read");
	if (failed)
		return err_set(e, ERR_GUEST_ACCESS,
			"a file system is damaged: %s", failed);
	return err_set(e, ERR_GUEST_UNKNOWN,
		"no root file system of a known system was found");
}

static int find_root(struct guest *g, char **fs, struct err *e)
{
	_free_ char *failed = NULL;
	bool crypt = false;

	for (char **p = fs; p[0]; p += 2) {
		const char *family;

		if (stop_check(e))
			return -1;
		if (strcmp(p[1], "swsuspend") == 0)
			return asleep(e);
		crypt |= strstr(p[1], "crypto_LUKS") ||
			strstr(p[1], "BitLocker");
		if (!linux_fs(p[1]) && strcmp(p[1], "ntfs"))
			continue;
		note_state(g, p[0], p[1]);
		if (try_mount(g, p[0], "/")) {
			_free_ char *why = xasprintf(
				"%s: %s", p[0], guestfs_last_error(G(g)));

			str_set(&failed, why);
			continue;
		}
		family = system_here(g);
		if (family && sleeps(g, family))
			return asleep(e);
		if (family) {
			g->family = family;
			g->root = xstrdup(p[0]);
			return 0;
		}
		guestfs_umount_all(G(g));
	}
	return no_root(crypt, failed, e);
}

/* --- the rest of the tree, by the guest's own fstab --- */

/* The device of an fstab entry among the appliance's; to be freed. */
static char *fstab_device(struct guest *g, const char *spec)
{
	guestfs_h *h = G(g);

	if (str_starts(spec, "UUID="))
		return guestfs_findfs_uuid(h, spec + 5);
	if (str_starts(spec, "LABEL="))
		return guestfs_findfs_label(h, spec + 6);
	if (str_starts(spec, "/dev/"))
		return guestfs_canonical_device_name(h, spec);
	return NULL;
}

static void mount_line(struct guest *g, char *line)
{
	static const char *const wanted[] = {
		"/boot", "/boot/efi", "/usr", "/var"};
	char *save = NULL;
	const char *spec = strtok_r(line, " \t", &save);
	const char *at = strtok_r(NULL, " \t", &save);

	if (!spec || !at || *spec == '#')
		return;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		_free_ char *dev = NULL;

		if (strcmp(at, wanted[i]))
			continue;
		dev = fstab_device(g, spec);
		if (!dev || try_mount(g, dev, at)) {
			_free_ char *s = xasprintf(
				"%s (%s) could not be mounted", at, spec);

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
	bool write, bool tcg, struct err *e)
{
	/* Errors are taken from the handle, not printed. */
	guestfs_set_error_handler(h, NULL, NULL);
	guestfs_set_identifier(h, "vmferry");
	if (tcg && guestfs_set_backend_setting(h, "force_tcg", "1"))
		return gerr(h, "choose emulation", e);
	for (size_t i = 0; i < n; i++)
		if (guestfs_add_drive_opts(h, disks[i].path,
			    GUESTFS_ADD_DRIVE_OPTS_FORMAT, disks[i].format,
			    GUESTFS_ADD_DRIVE_OPTS_READONLY, !write,
			    GUESTFS_ADD_DRIVE_OPTS_DISCARD, "besteffort", -1))
			return gerr(h, disks[i].path, e);
	if (guestfs_launch(h))
		return gerr(h, "start libguestfs's appliance", e);
	return 0;
}

/* With KVM where it works; where QEMU refuses it (nested, or a /dev/kvm that
 * is no use), by emulation. */
static guestfs_h *start(
	const struct guest_disk *disks, size_t n, bool write, struct err *e)
{
	for (int tcg = 0; tcg < 2; tcg++) {
		guestfs_h *h =
			guestfs_create_flags(GUESTFS_CREATE_NO_CLOSE_ON_EXIT);

		if (!h) {
			err_sys(e, ERR_GUEST_ACCESS, "libguestfs");
			return NULL;
		}
		if (launch(h, disks, n, write, tcg, e) == 0)
			return h;
		guestfs_close(h);
	}
	return NULL;
}

static int mount_all(struct guest *g, struct err *e)
{
	_strings_ char **fs = guestfs_list_filesystems(G(g));

	if (!fs)
		return gerr(G(g), "look for file systems", e);
	if (find_root(g, fs, e))
		return -1;
	if (strcmp(g->family, "linux") == 0)
		mount_fstab(g);
	return 0;
}

int guest_open(const struct guest_disk *disks, size_t n, bool write,
	struct guest **out, struct err *e)
{
	guestfs_h *h = start(disks, n, write, e);
	struct guest *g;

	if (!h)
		return err_in(e, "look inside the disk");
	g = xcalloc(1, sizeof(*g));
	*g = (struct guest){.ops = &gfs_ops,
		.priv = h,
		.write = write,
		.family = "other",
		.clean = true,
		.n_disks = n,
		.notes = json_array()};
	if (mount_all(g, e)) {
		/* What led here is the error, not what closing says. */
		guest_close(g, NULL);
		return err_in(e, "look inside the disk");
	}
	*out = g;
	return 0;
}
