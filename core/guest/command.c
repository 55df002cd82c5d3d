/*
 * A program of the guest, run in the guest's own root inside the appliance:
 * its kernel and its root are the appliance's, it has no network, and of this
 * machine it meets nothing. What it breaks are the guest's own disks, or a
 * layer over them. It has a time limit (limit.c), and a stop ends it: with the
 * appliance, as a power cut would.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "../stop.h"
#include "../str.h"
#include "gfs.h"

/* Package managers open their databases for writing even when they only ask.
 */
int gfs_thaw(struct guest *g, struct err *e)
{
	_strings_ char **at = NULL;

	if (g->write || g->thawed)
		return 0;
	at = guestfs_mountpoints(G(g));
	for (char **p = at; p && p[0]; p += 2)
		if (guestfs_remount(G(g), p[1], GUESTFS_REMOUNT_RW, 1, -1))
			return gfs_error(G(g), p[1], e);
	g->thawed = true;
	return 0;
}

/* i386 runs on x86_64; nothing else on another. */
static int fits(struct guest *g, const char *program, struct err *e)
{
	_free_ char *arch = guestfs_file_architecture(G(g), program);
	struct utsname here;

	if (!arch)
		return gfs_error(G(g), program, e);
	if (uname(&here))
		return err_sys(e, ERR_IO, "%s", program);
	if (strcmp(arch, here.machine) == 0 ||
		(strcmp(here.machine, "x86_64") == 0 &&
			strcmp(arch, "i386") == 0))
		return 0;
	return err_set(e, ERR_GUEST_ACCESS,
		"the guest's programs are for %s, which this machine cannot "
		"run",
		arch);
}

#define GRACE 120 /* seconds, for an appliance whose own limit does not act */

static char *watched(struct guest *g, char *const line[])
{
	char *out;

	gfs_watch(g, guest_run_limit + GRACE);
	out = guestfs_command(G(g), line);
	gfs_watch_idle(g);
	return out;
}

int gfs_run(struct guest *g, const char *const argv[], char **said, int *status,
	struct err *e)
{
	_free_ char **line = guest_limited(argv, "/dev");
	_free_ char *out = NULL;

	if (stop_check(e) || fits(g, argv[0], e) || gfs_thaw(g, e))
		return -1;
	out = watched(g, line);
	if (!out)
		return gfs_error(G(g), argv[0], e);
	if (guest_limited_end(argv[0], out, status, e))
		return -1;
	*said = out;
	out = NULL;
	return 0;
}
