/* Volumes as devices of this machine: see node_volume.h. */
#include "node_volume.h"

#include <string.h>

#include "proc.h"
#include "stop.h"
#include "str.h"

#define LINK_TIMEOUT 15.0     /* s; udev takes 1 to 5 (pve-api.md 6) */
#define NO_NODE_TIMEOUT 3.0   /* s */
#define ACTIVATE_TIMEOUT 60.0 /* s */
#define LOOK_MS 50

/* What `qm start` does with a VM's volumes, for every kind of storage: the
 * functions are there from 5.3 to 9.1, where map_volume is not, nothing needs
 * mapping. The volume's id is data: an argument, never a part of the text. */
static const char activate[] =
	"my $cfg = PVE::Storage::config();"
	"PVE::Storage::activate_volumes($cfg, [$ARGV[0]]);"
	"PVE::Storage::map_volume($cfg, $ARGV[0])"
	" if defined(&PVE::Storage::map_volume);";

static int wait_for(const char *path, double timeout, struct err *e)
{
	double end = now_mono() + timeout;

	while (!file_exists(path)) {
		if (now_mono() > end)
			return err_set(e, ERR_TARGET_REMOTE,
				"%s is not on this machine", path);
		if (stop_sleep(LOOK_MS, e))
			return -1;
	}
	return 0;
}

/* Ask the node's own code. Its first words say more than its last. */
static int ask_node(const char *volid, const char *path, struct err *e)
{
	const char *const argv[] = {
		"perl", "-MPVE::Storage", "-e", activate, "--", volid, NULL};
	const struct proc_opts opts = {.timeout = ACTIVATE_TIMEOUT};
	_proc_ struct proc_result r = {0};

	if (proc_run(argv, &opts, &r, e))
		return -1;
	if (r.status == 0)
		return 0;
	if (strstr(r.err, "locate PVE/Storage.pm")) {
		/* Nobody to ask, yet a link may be on its way. */
		if (wait_for(path, NO_NODE_TIMEOUT, e) == 0)
			return 0;
		if (e && e->code == ERR_STOPPED)
			return -1;
		return err_set(e, ERR_TARGET_REMOTE,
			"%s is not on this machine, which is no Proxmox VE "
			"node",
			path);
	}
	return err_set(e, ERR_TARGET_REMOTE, "%s is not there: %.*s", path,
		(int)strcspn(r.err, "\n"), r.err);
}

int node_volume_ready(const char *volid, const char *path, struct err *e)
{
	if (*path != '/')
		return err_set(e, ERR_STORAGE_UNFIT,
			"%s is no file or device of the node, but %s", volid,
			path);
	if (file_exists(path))
		return 0;
	if (ask_node(volid, path, e))
		return err_in(e, "activate %s", volid);
	return wait_for(path, str_starts(path, "/dev/") ? LINK_TIMEOUT : 0, e);
}
