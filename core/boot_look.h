/*
 * The boot oracle's eyes on a VM of Proxmox VE: its screen, through the
 * monitor of the API. Needs VM.Monitor (before 9.0), Sys.Modify (from 9.0);
 * without it there is nothing to see, which is no error.
 */
#ifndef CORE_BOOT_LOOK_H
#define CORE_BOOT_LOOK_H

#include "oracle.h"
#include "run.h"

/*
 * Look once. The picture is kept as screen.ppm in the job's directory where
 * vmferry runs on the node; from elsewhere only text mode's memory is read.
 * *text is what stands there, to be freed, or null. -1 only with ERR_STOPPED.
 */
int boot_look(
	struct run *r, struct boot_verdict *out, char **text, struct err *e);

#endif
