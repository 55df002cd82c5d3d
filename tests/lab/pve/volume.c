/*
 * volume.c - volumes: names, sizes, making, growing, copying, deleting.
 *
 * A volume of a directory storage is an image file; one of local-lvm or
 * local-zfs is a sparse file DIR/store/ID/NAME behind a loop device.
 */
#include "pve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZVOL_LAG_MS 600 /* udev makes the link a moment after the volume */

void volume_free(struct volume *v)
{
	free(v->id);
	free(v->name);
	free(v->file);
	free(v->path);
	free(v->vtype);
	*v = (struct volume){0};
}

static bool name_ok(const char *n)
{
	return *n && *n != '.' && !strchr(n, '/') && strlen(n) < 128;
}

static void format_of(const char *name, char out[8])
{
	const char *dot = strrchr(name, '.');

	snprintf(out, 8, "%.7s", dot ? dot + 1 : "raw");
}

static int parse_block(const char *rest, struct volume *v)
{
	int vmid = 0, n = 0;

	if (sscanf(rest, "vm-%d-%n", &vmid, &n) != 1 || !n || !name_ok(rest))
		return -1;
	v->vmid = vmid;
	v->vtype = xstrdup("images");
	v->name = xstrdup(rest);
	v->file = fmt("%s/%s", v->st->path, rest);
	snprintf(v->format, sizeof(v->format), "raw");
	v->path = !strcmp(v->st->type, "zfspool")
			  ? fmt("%s/dev/zvol/rpool/data/%s", lab.dir, rest)
			  : loop_find(v->file);
	return 0;
}

static int parse_dir(const char *rest, struct volume *v)
{
	const char *slash = strchr(rest, '/');
	auto_free char *first = NULL;
	long long vmid;

	if (!slash || !name_ok(slash + 1))
		return -1;
	first = fmt("%.*s", (int)(slash - rest), rest);
	if (number(first, &vmid) && vmid > 0) {
		v->vmid = (int)vmid;
		v->vtype = xstrdup("images");
		v->file = fmt("%s/images/%s", v->st->path, rest);
	} else if (!strcmp(first, "iso")) {
		v->file = fmt("%s/template/iso/%s", v->st->path, slash + 1);
		v->vtype = first;
		first = NULL;
	} else if (!strcmp(first, "import")) {
		v->file = fmt("%s/import/%s", v->st->path, slash + 1);
		v->vtype = first;
		first = NULL;
	} else {
		return -1;
	}
	v->name = xstrdup(slash + 1);
	v->path = xstrdup(v->file);
	format_of(v->name, v->format);
	return 0;
}

int volume_parse(const char *volid, struct volume *v)
{
	const char *colon = strchr(volid, ':');
	auto_free char *sid =
		fmt("%.*s", (int)(colon ? colon - volid : 0), volid);
	struct volume n = {.st = storage_get(sid)};

	if (!n.st || (storage_block(n.st) ? parse_block(colon + 1, &n)
					  : parse_dir(colon + 1, &n)))
		return -1;
	n.id = xstrdup(volid);
	*v = n;
	return 0;
}

bool volume_exists(const struct volume *v)
{
	return access(v->file, F_OK) == 0;
}

struct found {
	long long size;
};

static void size_line(void *arg, const char *s, bool cr)
{
	static const char key[] = "\"virtual-size\": ";
	const char *at = strstr(s, key);

	(void)cr;
	if (at)
		((struct found *)arg)->size =
			strtoll(at + strlen(key), NULL, 10);
}

/* Virtual size by qemu-img, or from a qcow2's own head (bytes 24..31). */
static long long virtual_size(const char *file, const char *format)
{
	const char *const argv[] = {"qemu-img", "info", "-U", "--output=json",
		"-f", format, file, NULL};
	struct found f = {-1};
	unsigned char h[32];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, h, sizeof(h));

	if (fd >= 0)
		close(fd);
	if (n == sizeof(h) && !memcmp(h, "QFI\xfb", 4)) {
		f.size = 0;
		for (int i = 24; i < 32; i++)
			f.size = f.size * 256 + h[i];
		return f.size;
	}
	if (!strcmp(format, "qcow2"))
		return -1;
	return cmd_run(argv, size_line, &f, NULL) ? -1 : f.size;
}

int volume_size(const struct volume *v, long long *size, long long *used)
{
	struct stat st;

	if (stat(v->file, &st))
		return -1;
	*used = (long long)st.st_blocks * 512;
	*size = strcmp(v->format, "qcow2") && strcmp(v->format, "vmdk")
			? (long long)st.st_size
			: virtual_size(v->file, v->format);
	return *size < 0 ? -1 : 0;
}

static void list_dir(json_t *out, const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		auto_free char *id = NULL;

		if (e->d_name[0] == '.')
			continue;
		id = fmt("%s%s", prefix, e->d_name);
		json_array_append_new(out, json_string(id));
	}
	if (d)
		closedir(d);
}

static void list_images(json_t *out, const struct storage *s, int vmid)
{
	auto_free char *top = fmt("%s/images", s->path);
	DIR *d = opendir(top);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		long long id;

		if (!number(e->d_name, &id) || (vmid && id != vmid))
			continue;
		auto_free char *dir = fmt("%s/%s", top, e->d_name);
		auto_free char *prefix = fmt("%s:%s/", s->id, e->d_name);

		list_dir(out, dir, prefix);
	}
	if (d)
		closedir(d);
}

json_t *volume_list(const struct storage *s, int vmid)
{
	json_t *all = json_array();

	if (storage_block(s)) {
		auto_free char *prefix = fmt("%s:", s->id);
		size_t i = 0;

		list_dir(all, s->path, prefix);
		while (vmid && i < json_array_size(all)) {
			auto_volume struct volume v = {0};

			if (volume_parse(json_string_value(
						 json_array_get(all, i)),
				    &v) == 0 &&
				v.vmid == vmid)
				i++;
			else
				json_array_remove(all, i);
		}
		return all;
	}
	list_images(all, s, vmid);
	for (int i = 0; !vmid && i < 2; i++) {
		auto_free char *dir = fmt("%s/%s", s->path,
			i ? "import" : "template/iso");
		auto_free char *p = fmt("%s:%s/", s->id, i ? "import" : "iso");

		list_dir(all, dir, p);
	}
	return all;
}

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

static int alloc_block(struct task *t, const struct volume *v,
	long long bytes)
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
		return task_die(t, "unable to create '%s': %s", v->name,
			strerror(e));
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
	const char *const vmdk[] = {"qemu-img", "create", "-f", "vmdk",
		v->file, size, NULL};

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
		: name		 ? fmt("%s:%d/%s", s->id, vmid, n)
				 : fmt("%s:%d/%s.%s", s->id, vmid, n, format);
	if (volume_parse(volid, &v) || v.vmid != vmid) {
		rc = task_die(t, "illegal name '%s' - should be 'vm-%d-*'", n,
			vmid);
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

int volume_delete(struct task *t, const char *volid)
{
	auto_volume struct volume v = {0};
	auto_free char *dir = NULL;

	if (volume_parse(volid, &v))
		return task_die(t, "unable to parse volume ID '%s'", volid);
	if (storage_usable(t, v.st->id))
		return -1;
	if (!volume_exists(&v)) {
		task_log(t, "disk image '%s' does not exist", v.file);
		return 0;
	}
	if (storage_block(v.st)) {
		loop_detach(v.file);
		if (!strcmp(v.st->type, "zfspool"))
			unlink(v.path);
		else
			task_log(t,
				"  Logical volume \"%s\" successfully removed.",
				v.name);
	}
	if (unlink(v.file))
		return task_die(t, "unlink '%s' failed - %s", v.file,
			strerror(errno));
	if (!storage_block(v.st) && v.vmid) {
		dir = fmt("%s/images/%d", v.st->path, v.vmid);
		rmdir(dir); /* stays where other volumes lie */
	}
	return 0;
}
