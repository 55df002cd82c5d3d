/*
 * The boot oracle's eyes on a VM of Proxmox VE: its serial line, where it has
 * one (boot_serial.h), and its screen, through the monitor of the API. That
 * needs VM.Monitor (before 9.0), Sys.Modify (from 9.0); without it there is
 * nothing to see, which is no error.
 */
#ifndef CORE_BOOT_LOOK_H
#define CORE_BOOT_LOOK_H

#include "boot_serial.h"
#include "oracle.h"
#include "run.h"

struct boot_sight {
	struct boot_verdict v;
	const char *by; /* "serial" or "screen": who showed it */
	char *text;     /* what stands there now, or null */
};
void boot_sight_free(struct boot_sight *s);

/*
 * Look once; *out is overwritten, after boot_sight_free. serial may be null.
 * The picture is kept as screen.ppm in the job's directory where vmferry runs
 * on the node; from elsewhere only text mode's memory is read. A sign on the
 * screen is newer than all of a serial line's history. -1 only with
 * ERR_STOPPED.
 */
int boot_look(struct run *r, struct boot_serial *serial, struct boot_sight *out,
	struct err *e);

#endif
