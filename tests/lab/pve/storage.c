/*
 * storage.c - the storages of the node: where they lie, how full they are,
 * and their set-up and removal.
 *
 * Keeps true: everything below DIR/store; the tmpfs of "small", the loop
 * devices and the zvol links are gone after storage_teardown().
 */
#include "pve.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB (1024LL * 1024)
#define GIB (1024 * MIB)

struct storage storages[] = {
	{.id = "local",
		.type = "dir",
		.formats = "raw qcow2 vmdk",
		.content = "images,iso,vztmpl,import,rootdir,backup,snippets"},
	{.id = "second",
		.type = "dir",
		.formats = "raw qcow2 vmdk",
		.content = "images"},
	{.id = "small",
		.type = "dir",
		.formats = "raw qcow2 vmdk",
		.content = "images",
		.size = 64 * MIB,
		.tmpfs = true},
	{.id = "isoonly",
		.type = "dir",
		.formats = "raw qcow2 vmdk",
		.content = "iso"},
	{.id = "turnedoff",
		.type = "dir",
		.formats = "raw qcow2 vmdk",
		.content = "images",
		.disabled = true},
	{.id = "elsewhere",
		.type = "dir",
		.formats = "raw qcow2 vmdk",
		.content = "images",
		.nodes = "othernode"},
	{.id = "local-lvm",
		.type = "lvmthin",
		.formats = "raw",
		.content = "images,rootdir",
		.size = 256 * GIB},
	{.id = "local-zfs",
		.type = "zfspool",
		.formats = "raw",
		.content = "images,rootdir",
		.size = 256 * GIB},
};
const size_t storages_n = sizeof(storages) / sizeof(storages[0]);

struct storage *storage_get(const char *id)
{
	for (size_t i = 0; id && i < storages_n; i++)
		if (!strcmp(storages[i].id, id))
			return &storages[i];
	return NULL;
}

bool storage_block(const struct storage *s)
{
	return strcmp(s->type, "dir") != 0;
}

bool storage_has(const struct storage *s, const char *content)
{
	auto_free char *have = storage_content(s);
	char *save = NULL;

	for (char *p = strtok_r(have, ",", &save); p;
		p = strtok_r(NULL, ",", &save))
		if (!strcmp(p, content))
			return true;
	return false;
}

/* Content types of the release: "import" came with 8.2. */
char *storage_content(const struct storage *s)
{
	char *c = xstrdup(s->content), *at;

	at = lab.rel < 802 ? strstr(c, ",import") : NULL;
	if (at)
		memmove(at, at + 7, strlen(at + 7) + 1);
	return c;
}

static bool is_tmpfs(const char *path)
{
	struct statfs f;

	return statfs(path, &f) == 0 && f.f_type == TMPFS_MAGIC;
}

static int small_mount(const struct storage *s)
{
	auto_free char *opt = fmt("size=%lld,mode=0700", s->size);

	if (is_tmpfs(s->path))
		return 0;
	if (mount("tmpfs", s->path, "tmpfs", MS_NOSUID | MS_NODEV, opt) == 0)
		return 0;
	fprintf(stderr, "lab-pve: mount a tmpfs on %s: %s (run as root)\n",
		s->path, strerror(errno));
	return -1;
}

static int each_volume(const struct storage *s, int (*fn)(const char *file))
{
	auto_json json_t *ids = volume_list(s, 0);
	json_t *id;
	size_t i;
	int rc = 0;

	json_array_foreach (ids, i, id) {
		auto_volume struct volume v = {0};

		if (volume_parse(json_string_value(id), &v) == 0)
			rc |= fn(v.file);
	}
	return rc;
}

static int attach_one(const char *file)
{
	auto_free char *dev = loop_attach(file);

	if (!dev)
		fprintf(stderr, "lab-pve: no loop device for %s: %s\n", file,
			strerror(errno));
	return dev ? 0 : -1;
}

static int relink_all(const struct storage *s)
{
	auto_json json_t *ids = volume_list(s, 0);
	json_t *id;
	size_t i;

	json_array_foreach (ids, i, id) {
		auto_volume struct volume v = {0};
		auto_free char *dev = NULL;

		if (volume_parse(json_string_value(id), &v))
			return -1;
		dev = loop_find(v.file);
		unlink(v.path);
		if (!dev || symlink(dev, v.path))
			return -1;
	}
	return 0;
}

int storage_setup(void)
{
	for (size_t i = 0; i < storages_n; i++) {
		struct storage *s = &storages[i];

		s->path = fmt("%s/store/%s", lab.dir, s->id);
		if (s->disabled || s->nodes)
			continue;
		dir_make(s->path);
		if (s->tmpfs && small_mount(s))
			return -1;
		if (!storage_block(s))
			continue;
		if (each_volume(s, attach_one))
			return -1;
		if (!strcmp(s->type, "zfspool")) {
			auto_free char *d =
				fmt("%s/dev/zvol/rpool/data", lab.dir);

			dir_make(d);
			if (relink_all(s))
				return -1;
		}
	}
	for (const char *const *d = (const char *const[]){"images",
		     "template/iso", "import", NULL};
		*d; d++) {
		auto_free char *p = fmt("%s/%s", storages[0].path, *d);

		dir_make(p);
	}
	return 0;
}

void storage_teardown(void)
{
	for (size_t i = 0; i < storages_n; i++) {
		struct storage *s = &storages[i];

		if (s->disabled || s->nodes)
			continue;
		if (storage_block(s))
			each_volume(s, loop_detach);
		if (s->tmpfs && is_tmpfs(s->path) && umount(s->path))
			fprintf(stderr, "lab-pve: umount %s: %s\n", s->path,
				strerror(errno));
	}
}

/* Bytes allocated below a block storage's directory. */
static long long allocated(const struct storage *s)
{
	auto_json json_t *ids = volume_list(s, 0);
	long long sum = 0, size, used;
	json_t *id;
	size_t i;

	json_array_foreach (ids, i, id) {
		auto_volume struct volume v = {0};

		if (volume_parse(json_string_value(id), &v) == 0 &&
			volume_size(&v, &size, &used) == 0)
			sum += used;
	}
	return sum;
}

void storage_usage(const struct storage *s, struct storage_use *u)
{
	struct statvfs f;

	*u = (struct storage_use){.enabled = !s->disabled && !s->nodes};
	if (!u->enabled)
		return;
	u->active = true;
	if (storage_block(s)) {
		u->total = s->size;
		u->used = allocated(s);
		u->avail = u->total - u->used;
	} else if (statvfs(s->path, &f) == 0) {
		long long b = (long long)f.f_frsize;

		u->total = (long long)f.f_blocks * b;
		u->avail = (long long)f.f_bavail * b;
		u->used = u->total - (long long)f.f_bfree * b;
	}
	if (s->full) {
		u->used = u->total;
		u->avail = 0;
	}
}

int storage_usable(struct task *t, const char *id)
{
	const struct storage *s = storage_get(id);

	if (!s)
		return task_die(t, "storage '%s' does not exist", id);
	if (s->disabled)
		return task_die(t, "storage '%s' is disabled", id);
	if (s->nodes)
		return task_die(t, "storage '%s' is not available on node '%s'",
			id, NODE);
	return 0;
}
