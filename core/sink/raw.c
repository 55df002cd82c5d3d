/* A raw file; made sparse where asked for. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../aio.h"
#include "../str.h"

#define PREFIX "raw:"

static bool takes(const char *spec)
{
	return str_starts(spec, PREFIX);
}

static int make(const char *path, uint64_t size, struct err *e)
{
	_free_ char *part = sink_part(path);
	_close_ int fd =
		open(part, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size) || fsync(fd)) {
		err_sys(e, ERR_IO, "cannot make %s of %llu bytes", part,
			(unsigned long long)size);
		unlink(part);
		return -1;
	}
	return sink_place(part, path, e);
}

static int open_raw(const char *spec, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	const char *path = spec + sizeof(PREFIX) - 1;
	bool created = o->create && !file_exists(path);
	struct stat st;

	/* Whatever leads to it, a device is looked at as one. */
	if (!created && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		return sink_block.open(path, o, out, e);
	if (created && make(path, o->size, e))
		return -1;
	if (aio_open_file(path, o, out, e))
		return -1;
	out->created = created;
	return 0;
}

const struct sink sink_raw = {
	.name = "raw",
	.takes = takes,
	.open = open_raw,
};
