/*
 * volume.c - volumes: names, sizes, lists, deletion.
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

	if (!n.st ||
		(storage_block(n.st) ? parse_block(colon + 1, &n)
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

			if (volume_parse(
				    json_string_value(json_array_get(all, i)),
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
		auto_free char *dir =
			fmt("%s/%s", s->path, i ? "import" : "template/iso");
		auto_free char *p = fmt("%s:%s/", s->id, i ? "import" : "iso");

		list_dir(all, dir, p);
	}
	return all;
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
		return task_die(
			t, "unlink '%s' failed - %s", v.file, strerror(errno));
	if (!storage_block(v.st) && v.vmid) {
		dir = fmt("%s/images/%d", v.st->path, v.vmid);
		rmdir(dir); /* stays where other volumes lie */
	}
	return 0;
}
