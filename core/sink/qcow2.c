/* A qcow2 file; made by qemu-img where asked for. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "../nbd.h"
#include "../proc.h"
#include "../str.h"

#define PREFIX "qcow2:"

static bool takes(const char *spec)
{
	return str_starts(spec, PREFIX);
}

static int make(const char *path, uint64_t size, struct err *e)
{
	/* Made here first, so that its mode is ours and nobody's file is
	 * written over. */
	_close_ int fd =
		open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	_free_ char *file = *path == '/' ? xstrdup(path) : path_join(".", path);
	char bytes[24];
	const char *const argv[] = {
		"qemu-img", "create", "-q", "-f", "qcow2", path, bytes, NULL};

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot make %s", path);
	snprintf(bytes, sizeof(bytes), "%" PRIu64, size);
	if (proc_must(argv, NULL, NULL, ERR_TARGET_WRITE, e)) {
		unlink(path);
		return -1;
	}
	return 0;
}

static int open_qcow2(const char *spec, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	const char *path = spec + sizeof(PREFIX) - 1;
	bool created = o->create && !file_exists(path);

	if (created && make(path, o->size, e))
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
