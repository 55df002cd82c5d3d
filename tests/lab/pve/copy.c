/*
 * copy.c - qemu-img convert and resize on volumes.
 */
#include "pve.h"

#include <errno.h>
#include <unistd.h>

bool volume_ready(struct task *t, const struct volume *v)
{
	for (int i = 0; v->path && i < 100 && access(v->path, F_OK); i++)
		if (!task_wait(t, 50))
			return false;
	return v->path && access(v->path, F_OK) == 0;
}

/* As Proxmox shows it: its qemu-img has "zeroinit:" for --target-is-zero. */
static char *shown_as(const char *const argv[], bool dir)
{
	char *s = xstrdup("/usr/bin/qemu-img");

	for (int i = 1; argv[i]; i++) {
		auto_free char *old = s;

		if (!strcmp(argv[i], "--target-is-zero")) {
			old = NULL;
			continue;
		}
		s = fmt("%s %s%s", old, dir && !argv[i + 1] ? "zeroinit:" : "",
			argv[i]);
	}
	return s;
}

int volume_copy(struct task *t, const char *src, const char *srcfmt,
	const struct volume *dst, long long bytes, long long kib_per_s)
{
	const char *argv[16] = {
		"qemu-img", "convert", "-p", "-n", "--target-is-zero"};
	auto_free char *rate = fmt("%lldK", kib_per_s), *shown = NULL;
	int n = 5, rc;

	if (kib_per_s) {
		argv[n++] = "-r";
		argv[n++] = rate;
	}
	argv[n++] = "-f";
	argv[n++] = srcfmt;
	argv[n++] = "-O";
	argv[n++] = dst->format;
	argv[n++] = src;
	argv[n] = dst->path;
	if (!volume_ready(t, dst))
		return task_die(t, "copy failed: no such path '%s'", dst->path);
	rc = task_run(t, argv, bytes);
	if (rc == 0)
		return 0;
	shown = shown_as(argv, !storage_block(dst->st));
	return task_die(t, "copy failed: command '%s' failed: %s", shown,
		t->abort ? "interrupted by signal" : "exit code 1");
}

int volume_grow(struct task *t, const char *volid, long long bytes)
{
	auto_volume struct volume v = {0};
	auto_free char *size = fmt("%lld", bytes);

	if (volume_parse(volid, &v) || !volume_exists(&v))
		return task_die(t, "volume '%s' does not exist", volid);
	if (storage_block(v.st)) {
		if (truncate(v.file, bytes) || loop_resize(v.file))
			return task_die(t, "resize of '%s' failed: %s", volid,
				strerror(errno));
		return 0;
	}
	const char *const argv[] = {
		"qemu-img", "resize", "-f", v.format, v.file, size, NULL};

	if (cmd_run(argv, NULL, NULL, &t->child))
		return task_die(t,
			"command '/usr/bin/qemu-img resize -f %s %s %s' "
			"failed: exit code 1",
			v.format, v.file, size);
	return 0;
}
