/*
 * A program of the guest, run in the guest's own root inside the appliance:
 * its kernel and its root are the appliance's, it has no network, and of this
 * machine it meets nothing. What it breaks are the guest's own disks, or a
 * layer over them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "../str.h"
#include "gfs.h"

#define MARK "vmferry-status "

/* No input, both streams in order, and the status as the last line: libguestfs
 * itself keeps the output of what succeeds only. */
static const char script[] = "export LC_ALL=C DEBIAN_FRONTEND=noninteractive; "
			     "export PATH=/usr/sbin:/usr/bin:/sbin:/bin; "
			     "\"$@\" </dev/null 2>&1; echo \"" MARK "$?\"";

/* A guest that is looked at lies on a layer, mounted read-only: package
 * managers open their databases for writing even when they only ask. */
static int thaw(struct guest *g, struct err *e)
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

/* Cut the mark off the end; -1: it is not there. */
static int status_of(char *said, int *status)
{
	char *at = said, *last = NULL;
	uint64_t n;

	while ((at = strstr(at, MARK)))
		last = at++;
	if (!last || str_u64(str_trim(last + strlen(MARK)), 255, &n))
		return -1;
	*last = '\0';
	*status = n;
	return 0;
}

int gfs_run(struct guest *g, const char *const argv[], char **said, int *status,
	struct err *e)
{
	const char *head[] = {"/bin/sh", "-c", script, "sh"};
	_free_ char **line = NULL;
	_free_ char *out = NULL;
	size_t n = 0;

	while (argv[n])
		n++;
	line = xcalloc(ARRAY_LEN(head) + n + 1, sizeof(*line));
	memcpy(line, head, sizeof(head));
	memcpy(line + ARRAY_LEN(head), argv, n * sizeof(*argv));
	if (fits(g, argv[0], e) || thaw(g, e))
		return -1;
	out = guestfs_command(G(g), line);
	if (!out)
		return gfs_error(G(g), argv[0], e);
	if (status_of(out, status))
		return err_set(e, ERR_GUEST_ACCESS,
			"%s did not come to its end", argv[0]);
	*said = out;
	out = NULL;
	return 0;
}
