/*
 * A throw-away layer over an image that is only looked at. libguestfs's own
 * lets QEMU guess the format of what lies below, so that a raw disk that
 * begins like qcow2 or LUKS would be taken for one: a guest could name files
 * of this machine as its backing file. Here the format is said.
 */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "../proc.h"
#include "../str.h"
#include "own.h"

int guest_overlay_at(const struct guest_disk *d, const char *at, struct err *e)
{
	_free_ char *below = realpath(d->path, NULL);
	const char *argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-F",
		d->format, "-b", below, at, NULL};

	if (!below)
		return err_sys(e, ERR_IO, "%s", d->path);
	return proc_must(argv, NULL, NULL, ERR_GUEST_ACCESS, e);
}

int guest_overlay(const struct guest_disk *d, char **path, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	_free_ char *layer = xasprintf(
		"%s/vmferry-look.XXXXXX", tmp && *tmp ? tmp : "/var/tmp");
	int fd = mkstemp(layer);

	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", layer);
	close(fd);
	if (guest_overlay_at(d, layer, e)) {
		unlink(layer);
		return -1;
	}
	*path = xstrdup(layer);
	return 0;
}
