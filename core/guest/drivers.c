/*
 * Drivers for Proxmox VE's disks, added to an initramfs that was made for
 * VMware's ("dep" of initramfs-tools, "hostonly" of dracut): the kernel's own
 * modules and its own indexes of them, in the archive that is there. Nothing
 * of the guest runs for it, and it takes a second where a rebuild in the
 * appliance takes minutes without KVM; the guest's next rebuild, on the new
 * hardware, finds the drivers by itself.
 *
 * Keeps true: it is offered only where it is certain to work. The initramfs
 * loads modules by udev (initramfs-tools, dracut), each module in it is named
 * as the kernel's index names it, and the kernel unpacks gzip. The archive as
 * it was stays beside it, or the change is not made.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../i18n.h"
#include "../str.h"
#include "initramfs.h"
#include "own.h"

#define MODULE_MAX (16 << 20)

static const char *const wanted[] = {
	"virtio_pci", "virtio_scsi", "virtio_blk", "sd_mod"};
/* What modprobe and udev look modules up in; each where the guest has it. */
static const char *const indexes[] = {"modules.dep", "modules.dep.bin",
	"modules.alias", "modules.alias.bin", "modules.softdep"};

/* "usr/lib/modules/VERSION" or "lib/modules/VERSION", as the archive has it;
 * to be freed. */
static char *place(const struct initramfs *r, const char *version)
{
	static const char *const roots[] = {"usr/lib/modules", "lib/modules"};

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		char *at = xasprintf("%s/%s", roots[i], version);

		if (initramfs_holds(r, at))
			return at;
		free(at);
	}
	return NULL;
}

/* Does udev load its modules? */
static bool by_udev(const struct initramfs *r)
{
	static const char *const signs[] = {"conf/initramfs.conf",
		"lib/dracut/hooks", "usr/lib/dracut/hooks",
		"var/lib/dracut/hooks", "lib/dracut", "usr/lib/dracut"};

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (initramfs_holds(r, signs[i]))
			return true;
	return false;
}

static bool unpacks_gzip(struct guest *g, const char *version)
{
	_free_ char *path = xasprintf("/boot/config-%s", version);
	_free_ char *config = guest_text(g, path);

	return !config || strstr(config, "\nCONFIG_RD_GZIP=y") ||
		!strstr(config, "CONFIG_RD_");
}

/* {"kernel/drivers/x.ko": "what it needs"} of modules.dep; null: none. */
static json_t *dependencies(struct guest *g, const char *version)
{
	_free_ char *path = xasprintf("/lib/modules/%s/modules.dep", version);
	_free_ char *text = guest_long_text(g, path);
	json_t *out = json_object();
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		char *colon = strchr(line, ':');

		if (!colon || *line == '/')
			continue;
		*colon = '\0';
		json_put_str(out, line, str_trim(colon + 1));
	}
	return out;
}

/* Is every module of the archive one of the index, under the same name? */
static bool names_agree(
	const struct initramfs *r, const char *at, const json_t *deps)
{
	size_t n = strlen(at), modules = 0;
	const char *path;
	json_t *v;
	char name[64];

	json_object_foreach (r->names, path, v) {
		if (strncmp(path, at, n) || path[n] != '/' ||
			!initramfs_module_name(path, name))
			continue;
		if (!json_str(deps, path + n + 1))
			return false;
		modules++;
	}
	return modules > 0;
}

/* The index's path of a module by name; borrowed, null: none. */
static const char *path_of(const json_t *deps, const char *module)
{
	const char *path;
	json_t *v;
	char name[64];

	json_object_foreach ((json_t *)deps, path, v)
		if (initramfs_module_name(path, name) &&
			strcmp(name, module) == 0)
			return path;
	return NULL;
}

static void need(const struct initramfs *r, const char *at, const char *path,
	json_t *out)
{
	_free_ char *full = xasprintf("%s/%s", at, path);

	if (!initramfs_holds(r, full))
		json_put_bool(out, path, true);
}

/* A module and all that it needs, as far as the archive lacks them. */
static void need_all(const struct initramfs *r, const char *at,
	const json_t *deps, const char *path, json_t *out)
{
	_free_ char *list = xstrdup(json_str_or(deps, path, ""));
	char *save = NULL;

	for (char *w = strtok_r(list, " ", &save); w;
		w = strtok_r(NULL, " ", &save))
		need(r, at, w, out);
	need(r, at, path, out);
}

char *guest_drivers_missing(
	struct guest *g, const struct initramfs *r, const char *version)
{
	_json_ json_t *deps = NULL, *out = json_object();
	_free_ char *at = place(r, version);
	struct buf b = {0};
	const char *path;
	json_t *v;

	if (!r->whole || !at || !by_udev(r) || !unpacks_gzip(g, version))
		return NULL;
	deps = dependencies(g, version);
	if (!names_agree(r, at, deps))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		path = path_of(deps, wanted[i]);
		if (path)
			need_all(r, at, deps, path, out);
	}
	json_object_foreach (out, path, v)
		buf_addf(&b, "%s\n", path);
	return b.len ? buf_steal(&b) : NULL;
}

/* --- the change --- */

static bool lacks_virtio(const json_t *k)
{
	const json_t *in = json_object_get(k, "in_initramfs");
	const json_t *hand = json_object_get(k, "available");

	return !(json_flag(in, "virtio_pci", false) &&
		       json_flag(in, "virtio_scsi", false)) &&
		json_flag(hand, "virtio_scsi", false);
}

void guest_drivers_changes(struct guest *g, struct guest_changes *cs)
{
	const json_t *list = guest_kernels(g), *k;
	size_t i;

	json_array_foreach (list, i, k) {
		const char *version = json_str_or(k, "version", "?");
		const char *initramfs = json_str(k, "initramfs");

		if (!initramfs || !lacks_virtio(k))
			continue;
		if (!json_str(k, "addable")) {
			guest_left(cs,
				"%s lacks virtio's drivers and is of a kind "
				"that nothing is added to: rebuild it in the "
				"guest before virtio is used",
				initramfs);
			continue;
		}
		cs->c = xreallocarray(cs->c, cs->n + 1, sizeof(*cs->c));
		cs->c[cs->n++] = (struct guest_change){
			.path = xstrdup(initramfs),
			.why = xasprintf(
				N_("Kernel %s finds its disk on virtio: "
				   "its own modules are added to its "
				   "initramfs."),
				version),
			.after = xstrdup(json_str(k, "addable")),
			.kernel = xstrdup(version)};
	}
}

/* One file of the guest into the archive; what is missing there is passed
 * over where it need not be. */
static int take(struct guest *g, struct initramfs *r, const char *version,
	const char *at, const char *path, bool must, struct err *e)
{
	_free_ char *from = xasprintf("/lib/modules/%s/%s", version, path);
	_free_ char *to = xasprintf("%s/%s", at, path), *data = NULL;
	size_t len;

	if (!must && !guest_has(g, from))
		return 0;
	if (g->ops->read(g, from, MODULE_MAX, &data, &len, e))
		return -1;
	initramfs_add(r, to, data, len);
	return 0;
}

static int fill(struct guest *g, struct initramfs *r,
	const struct guest_change *c, struct err *e)
{
	_free_ char *at = place(r, c->kernel), *copy = xstrdup(c->after);
	char *p = copy, *line;

	if (!at || !r->whole)
		return err_set(e, ERR_GUEST_ACCESS,
			"it is not the archive that was looked at");
	while ((line = str_line(&p)))
		if (take(g, r, c->kernel, at, line, true, e))
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(indexes); i++)
		if (take(g, r, c->kernel, at, indexes[i], false, e))
			return -1;
	return 0;
}

/* The archive as it was: beside it, or where there is room. */
static int keep_old(
	struct guest *g, const char *path, uint64_t size, struct err *e)
{
	_free_ char *beside = xasprintf("%s.vmferry-before", path);
	_free_ char *dir = xstrdup(path), *away = NULL;
	const char *to = beside;

	*strrchr(dir, '/') = '\0';
	away = xasprintf("/var/backups/vmferry/%s", strrchr(path, '/') + 1);
	if (guest_has(g, beside) || guest_has(g, away))
		return 0;
	/* The new one is larger than the old one, but not twice. */
	if (g->ops->free_bytes(g, *dir ? dir : "/") < 3 * size) {
		to = away;
		if (g->ops->free_bytes(g, "/") < 2 * size ||
			g->ops->free_bytes(g, *dir ? dir : "/") < size)
			return err_set(e, ERR_GUEST_ACCESS,
				"no room in the guest for a second initramfs");
		if (g->ops->mkdirs(g, "/var/backups/vmferry", e))
			return -1;
	}
	return g->ops->copy(g, path, to, e);
}

static int rebuild(struct guest *g, const struct guest_change *c,
	const char *tmp, struct err *e)
{
	_initramfs_ struct initramfs r = {0};
	struct stat st;

	if (initramfs_read(tmp, &r, e))
		return -1;
	if (stat(tmp, &st))
		return err_sys(e, ERR_IO, "%s", tmp);
	if (fill(g, &r, c, e) || keep_old(g, c->path, st.st_size, e) ||
		initramfs_write(&r, tmp, e))
		return -1;
	return g->ops->upload(g, tmp, c->path, e);
}

int guest_drivers_apply(
	struct guest *g, const struct guest_change *c, struct err *e)
{
	_free_ char *tmp = NULL;
	int rc;

	if (guest_fetch(g, c->path, &tmp, e))
		return -1;
	rc = rebuild(g, c, tmp, e);
	unlink(tmp);
	return rc ? err_in(e, "add drivers to %s in the guest", c->path) : 0;
}
