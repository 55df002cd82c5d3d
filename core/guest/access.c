/*
 * The guest's files through libguestfs: its kernel and file systems run in
 * an appliance of their own, so that a hostile disk meets nothing of this
 * machine.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../stop.h"
#include "../str.h"
#include "gfs.h"
#include "order.h"

void gfs_strings_free(char ***list)
{
	for (char **p = *list; p && *p; p++)
		free(*p);
	free(*list);
}

int gfs_error(guestfs_h *h, const char *what, struct err *e)
{
	const char *last = guestfs_last_error(h);
	_free_ char *why = xstrdup(last ? last : N_("no reason given"));

	/* A stop may have ended the appliance (command.c). */
	if (stop_check(e))
		return -1;
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
		return gfs_error(G(g), path, e);
	*out = xreallocarray(s, n + 1, 1);
	(*out)[n] = '\0';
	if (len)
		*len = n;
	return 0;
}

#define SELINUX "security.selinux"

/* What is new gets its directory's context, as the guest's own kernel would
 * give it: without one, SELinux keeps services from reading it. Where the
 * guest has no contexts nothing happens. */
static int inherit(struct guest *g, const char *path, struct err *e)
{
	_free_ char *dir = xstrdup(path), *context = NULL;
	char *slash = strrchr(dir, '/');
	size_t n;

	slash[slash == dir] = '\0';
	context = guestfs_getxattr(G(g), dir, SELINUX, &n);
	if (context && guestfs_lsetxattr(G(g), SELINUX, context, n, path))
		return gfs_error(G(g), path, e);
	return 0;
}

/* A file that is immutable or takes only more (chattr +i, as many do with
 * /etc/resolv.conf) is written all the same, and is so again afterwards. */
static int write_locked(
	struct guest *g, const char *path, const char *text, struct err *e)
{
	_free_ char *all = guestfs_get_e2attrs(G(g), path);
	char lock[3] = "";

	for (const char *c = all ? all : ""; *c; c++)
		if ((*c == 'i' || *c == 'a') && strlen(lock) < 2)
			lock[strlen(lock)] = *c;
	if (!*lock)
		return -1;
	if (guestfs_set_e2attrs(
		    G(g), path, lock, GUESTFS_SET_E2ATTRS_CLEAR, 1, -1) ||
		guestfs_write(G(g), path, text, strlen(text)) ||
		guestfs_set_e2attrs(G(g), path, lock, -1))
		return gfs_error(G(g), path, e);
	return 0;
}

static int write_in_place(
	struct guest *g, const char *path, const char *text, struct err *e)
{
	if (guestfs_write(G(g), path, text, strlen(text))) {
		gfs_error(G(g), path, e);
		if (write_locked(g, path, text, e))
			return -1;
		err_clear(e);
	}
	return guestfs_sync(G(g)) ? gfs_error(G(g), path, e) : 0;
}

/* Has it other names, which a new file would part from it, or does nothing
 * else take its place? */
static bool is_tied(struct guest *g, const char *path)
{
	struct guestfs_statns *st = guestfs_statns(G(g), path);
	_free_ char *attrs = guestfs_get_e2attrs(G(g), path);
	bool tied = !st || st->st_nlink > 1 || (attrs && strpbrk(attrs, "ia"));

	guestfs_free_statns(st);
	return tied;
}

/* What stands at part takes the place of `to`, as whole as it was written:
 * all of it is on disk before the name is. */
static int take_place(
	struct guest *g, const char *part, const char *to, struct err *e)
{
	if (guestfs_sync(G(g)) || guestfs_rename(G(g), part, to) ||
		guestfs_sync(G(g)))
		return gfs_error(G(g), to, e);
	return 0;
}

static int write_new(struct guest *g, const char *part, const char *path,
	const char *text, unsigned mode, struct err *e)
{
	if (guestfs_write(G(g), part, text, strlen(text)) ||
		guestfs_chmod(G(g), mode, part))
		return gfs_error(G(g), path, e);
	return inherit(g, part, e) || take_place(g, part, path, e) ? -1 : 0;
}

/* Owner, mode and security context are those of the file that goes. Where the
 * file system does not give them, the file stays and is written itself. */
static int write_over(struct guest *g, const char *part, const char *path,
	const char *text, struct err *e)
{
	if (guestfs_write(G(g), part, text, strlen(text)))
		return gfs_error(G(g), path, e);
	if (guestfs_copy_attributes(
		    G(g), path, part, GUESTFS_COPY_ATTRIBUTES_ALL, 1, -1) == 0)
		return take_place(g, part, path, e);
	return guestfs_rm_f(G(g), part) ? gfs_error(G(g), path, e)
					: write_in_place(g, path, text, e);
}

static int gfs_write(struct guest *g, const char *path, const char *text,
	unsigned mode, struct err *e)
{
	bool there = guestfs_exists(G(g), path) == 1;
	/* A link stays one: what it points to is replaced. */
	_free_ char *real = there ? guestfs_realpath(G(g), path) : NULL;
	_free_ char *part = guest_part_of(real ? real : path);
	int rc;

	if (there ? !real || is_tied(g, real)
		  : guestfs_is_symlink(G(g), path) == 1)
		return write_in_place(g, path, text, e);
	rc = there ? write_over(g, part, real, text, e)
		   : write_new(g, part, path, text, mode, e);
	if (rc)
		guestfs_rm_f(G(g), part);
	return rc;
}

static int gfs_remove(struct guest *g, const char *path, struct err *e)
{
	return guestfs_rm_f(G(g), path) ? gfs_error(G(g), path, e) : 0;
}

static int gfs_mkdirs(struct guest *g, const char *path, struct err *e)
{
	_free_ char *part = xstrdup(path);

	for (char *c = part + 1;; c++) {
		char was = *c;

		if (was && was != '/')
			continue;
		*c = '\0';
		if (guestfs_is_dir_opts(G(g), part,
			    GUESTFS_IS_DIR_OPTS_FOLLOWSYMLINKS, 1, -1) != 1 &&
			(guestfs_mkdir_mode(G(g), part, 0755) ||
				inherit(g, part, e)))
			return gfs_error(G(g), part, e);
		*c = was;
		if (!was)
			return 0;
	}
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
	return guestfs_download(G(g), path, to) ? gfs_error(G(g), path, e) : 0;
}

static int gfs_copy(
	struct guest *g, const char *from, const char *to, struct err *e)
{
	_free_ char *part = guest_part_of(to);

	if (guestfs_cp(G(g), from, part))
		gfs_error(G(g), to, e);
	else if (inherit(g, part, e) == 0 && take_place(g, part, to, e) == 0)
		return 0;
	guestfs_rm_f(G(g), part);
	return -1;
}

/* A disk that was copied whole onto another has the same: by UUID the guest
 * would take either. */
static bool is_unique(struct guest *g, const char *uuid)
{
	_strings_ char **fs = guestfs_list_filesystems(G(g));
	size_t n = 0;

	for (char **p = fs; p && p[0]; p += 2) {
		_free_ char *is = str_starts(p[0], "btrfsvol:")
			? NULL
			: guestfs_vfs_uuid(G(g), p[0]);

		n += is && strcmp(is, uuid) == 0;
	}
	return n < 2;
}

/* Does this disk's partition hold such a file system? *dev: to be freed. */
static bool holds_fs(struct guest *g, const char *disk, unsigned part,
	const char *type, char **dev)
{
	_free_ char *kind = NULL;

	*dev = part ? xasprintf("%s%u", disk, part) : xstrdup(disk);
	kind = guestfs_vfs_type(G(g), *dev);
	return kind && (!strcmp(type, "auto") || !strcmp(type, kind));
}

static char *gfs_uuid_of(struct guest *g, const char *device, const char *type)
{
	_free_ char *fstab = guest_text(g, "/etc/fstab"), *found = NULL;
	bool known = g->n_disks == 1 ||
		(g->n_disks == 2 && order_told(fstab, g->root));
	_strings_ char **disks = guestfs_list_devices(G(g));
	_free_ char *uuid = NULL;
	struct disk_name d;

	if (!disk_name(device, &d) || (!known && !strcmp(type, "auto")))
		return NULL;
	for (char **p = disks; p && *p; p++) {
		_free_ char *dev = NULL;

		if ((known && *d.letters && !str_ends(*p, d.letters)) ||
			!holds_fs(g, *p, d.part, type, &dev))
			continue;
		if (found)
			return NULL;
		str_set(&found, dev);
	}
	uuid = found ? guestfs_vfs_uuid(G(g), found) : NULL;
	return uuid && *uuid && is_unique(g, uuid) ? xstrdup(uuid) : NULL;
}

static int gfs_symlink(
	struct guest *g, const char *to, const char *path, struct err *e)
{
	if (guestfs_ln_sf(G(g), to, path))
		return gfs_error(G(g), path, e);
	return inherit(g, path, e);
}

/* A new file is like the one whose place it takes, as far as its file system
 * can; where there is none, like its directory. */
static int dress(
	struct guest *g, const char *part, const char *to, struct err *e)
{
	if (!gfs_exists(g, to))
		return inherit(g, part, e);
	guestfs_copy_attributes(
		G(g), to, part, GUESTFS_COPY_ATTRIBUTES_ALL, 1, -1);
	return 0;
}

static int gfs_upload(
	struct guest *g, const char *from, const char *to, struct err *e)
{
	_free_ char *part = guest_part_of(to);

	if (guestfs_upload(G(g), from, part))
		gfs_error(G(g), to, e);
	else if (dress(g, part, to, e) == 0 && take_place(g, part, to, e) == 0)
		return 0;
	guestfs_rm_f(G(g), part);
	return -1;
}

/* The appliance reads hives itself: a broken one meets nothing of this
 * machine. One is open at a time. */
static bool open_hive(struct guest *g, const char *hive)
{
	if (g->hive && strcmp(g->hive, hive) == 0)
		return true;
	if (g->hive)
		guestfs_hivex_close(G(g));
	str_set(&g->hive, NULL);
	if (guestfs_hivex_open(G(g), hive, -1))
		return false;
	str_set(&g->hive, hive);
	return true;
}

static int64_t hive_node(struct guest *g, const char *key)
{
	int64_t node = guestfs_hivex_root(G(g));
	_free_ char *copy = xstrdup(key);
	char *save = NULL;

	for (char *w = strtok_r(copy, "\\", &save); node > 0 && w;
		w = strtok_r(NULL, "\\", &save))
		node = guestfs_hivex_node_get_child(G(g), node, w);
	return node;
}

static json_t *hive_dword(struct guest *g, int64_t v)
{
	size_t n = 0;
	_free_ char *raw = guestfs_hivex_value_value(G(g), v, &n);

	uint32_t le;

	if (!raw || n != sizeof(le))
		return NULL;
	memcpy(&le, raw, sizeof(le));
	return json_integer(le32toh(le));
}

static json_t *gfs_registry(
	struct guest *g, const char *hive, const char *key, const char *value)
{
	_free_ char *text = NULL;
	int64_t node, v;

	if (!open_hive(g, hive) || (node = hive_node(g, key)) <= 0)
		return NULL;
	v = guestfs_hivex_node_get_value(G(g), node, value);
	if (v <= 0)
		return NULL;
	switch (guestfs_hivex_value_type(G(g), v)) {
	case 4: /* REG_DWORD */
		return hive_dword(g, v);
	case 1: /* REG_SZ */
	case 2: /* REG_EXPAND_SZ */
		text = guestfs_hivex_value_string(G(g), v);
		return text ? json_text(text) : NULL;
	default:
		return NULL;
	}
}

static uint64_t gfs_free(struct guest *g, const char *path)
{
	struct guestfs_statvfs *s = guestfs_statvfs(G(g), path);
	uint64_t n = s ? (uint64_t)s->bfree * s->frsize : 0;

	guestfs_free_statvfs(s);
	return n;
}

static int gfs_close(struct guest *g, struct err *e)
{
	int rc = 0;

	gfs_watch_off();
	if (g->write && (guestfs_umount_all(G(g)) || guestfs_shutdown(G(g))))
		rc = gfs_error(G(g), "write the guest's disks back", e);
	guestfs_close(G(g));
	return rc;
}

const struct guest_ops gfs_ops = {
	.read = gfs_read,
	.write = gfs_write,
	.remove = gfs_remove,
	.mkdirs = gfs_mkdirs,
	.list = gfs_list,
	.exists = gfs_exists,
	.link = gfs_link,
	.download = gfs_download,
	.copy = gfs_copy,
	.symlink = gfs_symlink,
	.upload = gfs_upload,
	.uuid_of = gfs_uuid_of,
	.registry = gfs_registry,
	.run = gfs_run,
	.free_bytes = gfs_free,
	.close = gfs_close,
};
