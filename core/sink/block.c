/* A block device: LVM, zvol, a whole disk. Never made here. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../aio.h"
#include "../stop.h"
#include "../str.h"

#define LOOKS 30 /* at a device that is held */
#define LOOK_MS 100

static bool takes(const char *spec)
{
	return str_starts(spec, "/dev/");
}

/* Held by nobody here: not mounted, not part of a volume group, an array or
 * another device, and no partition of it either. Who only looks at a new disk
 * (udev) may have it for a moment. */
static int check_free(const char *spec, struct err *e)
{
	int fd = -1;

	for (int i = 0; fd < 0 && i < LOOKS; i++) {
		if (i && stop_sleep(LOOK_MS, e))
			return -1;
		fd = open(spec, O_RDONLY | O_EXCL | O_CLOEXEC);
		if (fd < 0 && errno != EBUSY)
			return err_sys(e, ERR_IO, "%s", spec);
	}
	if (fd < 0)
		return err_set(e, ERR_TARGET_HELD,
			"%s is in use on this machine", spec);
	close(fd);
	return 0;
}

static int open_block(const char *spec, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	struct stat st;

	if (stat(spec, &st))
		return err_sys(e, ERR_IO, "%s", spec);
	if (!S_ISBLK(st.st_mode))
		return err_set(
			e, ERR_BAD_INPUT, "%s is not a block device", spec);
	if (!o->read_only && check_free(spec, e))
		return -1;
	return aio_open_file(spec, o, out, e);
}

const struct sink sink_block = {
	.name = "block",
	.takes = takes,
	.open = open_block,
};
