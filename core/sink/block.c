/* A block device: LVM, zvol, a whole disk. Never made here. */
#include <errno.h>
#include <sys/stat.h>

#include "../nbd.h"
#include "../str.h"

static bool takes(const char *spec)
{
	return str_starts(spec, "/dev/");
}

static int open_block(const char *spec, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	struct stat st;

	if (stat(spec, &st))
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			"%s", spec);
	if (!S_ISBLK(st.st_mode))
		return err_set(
			e, ERR_BAD_INPUT, "%s is not a block device", spec);
	return nbd_open_file(spec, "raw", o, out, e);
}

const struct sink sink_block = {
	.name = "block",
	.takes = takes,
	.open = open_block,
};
