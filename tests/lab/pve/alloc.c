/*
 * alloc.c - the making of volumes.
 */
#include "pve.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ZVOL_LAG_MS 600 /* udev makes the link a moment after the volume */

/* "vm-100-disk-N" with the first N that is free whatever its suffix. */
static char *free_name(const struct storage *s, int vmid)
{
	auto_json json_t *all = volume_list(s, vmid);

	for (int n = 0;; n++) {
		auto_free char *want = fmt("vm-%d-disk-%d", vmid, n);
		bool taken = false;
		json_t *id;
		size_t i;

		json_array_foreach (all, i, id) {
			const char *at = strstr(json_string_value(id), want);
			size_t len = strlen(want);

			taken |= at && (at[len] == '.' || at[len] == '\0');
		}
		if (!taken)
			return xstrdup(want);
	}
}

/* The link to a zvol comes late, as udev's does. */
static void *link_later(void *arg)
{
	struct volume *v = arg;
	auto_free char *dev = NULL;

	sleep_ms(ZVOL_LAG_MS);
	dev = loop_find(v->file);
	if (dev && volume_exists(v) && symlink(dev, v->path))
		fprintf(stderr, "lab-pve: link %s: %s\n", v->path,
			strerror(errno));
	volume_free(v);
	free(v);
	return NULL;
}

static void link_start(const struct volume *v)
{
	struct volume *copy = xalloc(sizeof(*copy));
	pthread_t t;

	if (volume_parse(v->id, copy) ||
		pthread_create(&t, NULL, link_later, copy))
		abort();
	pthread_detach(t);
}

static int alloc_block(struct task *t, const struct volume *v, long long bytes)
{
	bool zfs = !strcmp(v->st->type, "zfspool");
	long long unit = zfs ? 1 << 20 : 4 << 20;
	auto_free char *dev = NULL;
	int fd;

	if (v->st->full)
		return zfs ? task_die(t,
				     "zfs error: cannot create "
				     "'rpool/data/%s': out of space",
				     v->name)
			   : task_die(t,
				     "lvcreate 'pve/%s' error:   Cannot create "
				     "new thin volume, free space in thin pool "
				     "pve/data reached threshold.",
				     v->name);
	bytes = (bytes + unit - 1) / unit * unit;
	fd = open(v->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, bytes)) {
		int e = errno;

		if (fd >= 0)
			close(fd);
		return task_die(
			t, "unable to create '%s': %s", v->name, strerror(e));
	}
	close(fd);
	dev = loop_attach(v->file);
	if (!dev) {
		unlink(v->file);
		return task_die(t, "no loop device for '%s'", v->name);
	}
	if (zfs)
		link_start(v);
	else
		task_log(t, "  Logical volume \"%s\" created.", v->name);
	return 0;
}

static int alloc_dir(struct task *t, const struct volume *v, long long bytes)
{
	auto_free char *dir = fmt("%s/images/%d", v->st->path, v->vmid);
	auto_free char *size = fmt("%lldK", (bytes + 1023) / 1024);
	bool qcow2 = !strcmp(v->format, "qcow2");
	const char *const argv[] = {"qemu-img", "create", "-f", v->format, "-o",
		qcow2 ? "preallocation=metadata" : "preallocation=off", v->file,
		size, NULL};
	const char *const vmdk[] = {
		"qemu-img", "create", "-f", "vmdk", v->file, size, NULL};

	if (v->st->full)
		return task_die(t,
			"unable to create image: qemu-img: %s: Could not "
			"create file: No space left on device",
			v->file);
	dir_make(dir);
	if (task_run(t, strcmp(v->format, "vmdk") ? argv : vmdk, 0)) {
		unlink(v->file);
		return task_die(t, "unable to create image");
	}
	return 0;
}

static char *exists_text(const struct volume *v)
{
	if (!strcmp(v->st->type, "zfspool"))
		return fmt("zfs error: cannot create 'rpool/data/%s': dataset "
			   "already exists",
			v->name);
	if (storage_block(v->st))
		return fmt("lvcreate 'pve/%s' error:   Logical Volume \"%s\" "
			   "already exists in volume group \"pve\"",
			v->name, v->name);
	return fmt("disk image '%s' already exists", v->file);
}

int volume_alloc(struct task *t, const char *storage, int vmid,
	const char *name, const char *format, long long bytes, char **id)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	const struct storage *s = storage_get(storage);
	auto_volume struct volume v = {0};
	auto_free char *n = NULL, *volid = NULL;
	int rc;

	if (storage_usable(t, storage))
		return -1;
	if (!strstr(s->formats, format))
		return task_die(t, "unsupported format '%s'", format);
	pthread_mutex_lock(&one);
	n = name ? xstrdup(name) : free_name(s, vmid);
	volid = storage_block(s) ? fmt("%s:%s", s->id, n)
		: name           ? fmt("%s:%d/%s", s->id, vmid, n)
				 : fmt("%s:%d/%s.%s", s->id, vmid, n, format);
	if (volume_parse(volid, &v) || v.vmid != vmid) {
		rc = task_die(
			t, "illegal name '%s' - should be 'vm-%d-*'", n, vmid);
	} else if (volume_exists(&v)) {
		auto_free char *why = exists_text(&v);

		rc = task_die(t, "%s", why);
	} else {
		rc = storage_block(s) ? alloc_block(t, &v, bytes)
				      : alloc_dir(t, &v, bytes);
	}
	pthread_mutex_unlock(&one);
	if (rc == 0)
		*id = xstrdup(volid);
	return rc;
}
