/* A raw file; made sparse where asked for. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../nbd.h"
#include "../str.h"

#define PREFIX "raw:"

static bool takes(const char *spec)
{
	return str_starts(spec, PREFIX);
}

static int make(const char *path, uint64_t size, struct err *e)
{
	_close_ int fd =
		open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot make %s", path);
	if (ftruncate(fd, size) || fsync(fd)) {
		err_sys(e, ERR_IO, "cannot make %s of %llu bytes", path,
			(unsigned long long)size);
		unlink(path);
		return -1;
	}
	return 0;
}

static int open_raw(const char *spec, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	const char *path = spec + sizeof(PREFIX) - 1;
	bool created = o->create && !file_exists(path);

	if (created && make(path, o->size, e))
		return -1;
	if (nbd_open_file(path, "raw", o, out, e))
		return -1;
	out->created = created;
	return 0;
}

const struct sink sink_raw = {
	.name = "raw",
	.takes = takes,
	.open = open_raw,
};
