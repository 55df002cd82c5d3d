/*
 * Rehearsal: a VM's disks started under QEMU on this machine, on the hardware
 * that Proxmox VE will give them, and watched by the boot oracle.
 *
 * Keeps true: every disk lies below a layer that is thrown away, so that the
 * guest's own writes go nowhere; its network cards reach nothing: their link
 * is down, or they are plugged into a hub that nothing else is plugged into.
 */
#ifndef CORE_REHEARSE_H
#define CORE_REHEARSE_H

#include "guest/guest.h"

struct rehearsal {
	const struct guest_disk *disks;
	size_t n;
	const char *bus;         /* "scsi", "sata", "ide" */
	const char *nic;         /* "virtio", "e1000" */
	const char *const *macs; /* of its cards */
	size_t n_macs;
	const char *machine; /* null or "pc"; "q35", "pc-q35-8.1" */
	bool uefi;
	bool secure_boot; /* with Microsoft's keys, as an efidisk has them */
	unsigned memory;  /* MiB; 0: 1024 */
	double patience;  /* s; 0: 300 */
	/* The cards are plugged into a hub of their own; else their link is
	 * down (systems that wait for a carrier give no address then). */
	bool hub;
	bool no_agent; /* none is inside: a login prompt is enough */
	/* Where the last picture of the screen is kept (PPM); may be null. */
	const char *screen;
	void (*progress)(void *arg, double seconds); /* may be null */
	void *arg;
};

/*
 * Run it; *out is a new reference:
 *
 *   {"verdict": "up" | "down" | "unknown", "by": "agent" | "serial" |
 *    "screen" | "qemu", "sign": "a login prompt", "evidence": the line,
 *    "advice", "climb": true where another bus may help, "seconds",
 *    "accel": "kvm" | "tcg", "machine": "pc" | "q35", "bus", "nic", "os",
 * "interfaces": [{"name", "mac", "addresses": ["203.0.113.7/24"]}], "routes":
 * [lines of ip route]}
 *
 * "unknown": nothing that is known was seen in time. -1 only where it could
 * not be run: ERR_TOOL_MISSING (QEMU, UEFI firmware), ERR_GUEST_ACCESS,
 * ERR_STOPPED.
 */
int rehearse(const struct rehearsal *w, json_t **out, struct err *e);
/* Does this machine emulate the processor (no KVM that can be used)? It is
 * ten times slower then. */
bool rehearse_is_slow(void);

#endif
