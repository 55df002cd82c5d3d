/* A qcow2 file; made by qemu-img where asked for. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "../nbd.h"
#include "../proc.h"
#include "../str.h"

#define PREFIX "qcow2:"
#define CHECK_CORRUPT 2 /* exit status of qemu-img check */

static bool takes(const char *spec)
{
	return str_starts(spec, PREFIX);
}

/* QEMU takes "name:..." for a protocol. */
static char *plain(const char *path)
{
	return *path == '/' ? xstrdup(path) : path_join(".", path);
}

static int make(const char *path, uint64_t size, struct err *e)
{
	_free_ char *part = sink_part(path), *file = plain(part);
	/* Made here first, so that its mode is ours. */
	_close_ int fd =
		open(part, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	char bytes[24];
	const char *const argv[] = {
		"qemu-img", "create", "-q", "-f", "qcow2", file, bytes, NULL};

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot make %s", part);
	snprintf(bytes, sizeof(bytes), "%" PRIu64, size);
	if (proc_must(argv, NULL, NULL, ERR_TARGET_WRITE, e)) {
		unlink(part);
		return -1;
	}
	fsync(fd);
	return sink_place(part, path, e);
}

/* A writer that was killed leaves clusters that nothing refers to: they are
 * given back. What else may be wrong (a lock, no qcow2 at all) qemu-nbd says
 * when it opens the file. */
static int mend(const char *path, struct err *e)
{
	_free_ char *file = plain(path);
	const char *const argv[] = {"qemu-img", "check", "-q", "-f", "qcow2",
		"-r", "leaks", file, NULL};
	_proc_ struct proc_result r = {0};

	if (proc_run(argv, NULL, &r, e))
		return -1;
	if (r.status == CHECK_CORRUPT)
		return err_set(
			e, ERR_NBD, "qemu-img check: %s is corrupt", path);
	return 0;
}

static int open_qcow2(const char *spec, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	const char *path = spec + sizeof(PREFIX) - 1;
	bool created = o->create && !file_exists(path);

	if (created && make(path, o->size, e))
		return -1;
	if (!created && !o->read_only && file_exists(path) && mend(path, e))
		return -1;
	if (nbd_open_file(path, "qcow2", o, out, e))
		return -1;
	out->created = created;
	return 0;
}

const struct sink sink_qcow2 = {
	.name = "qcow2",
	.takes = takes,
	.open = open_qcow2,
};
