/*
 * The places of a job's disks on the target: the keys of the bus that was
 * chosen, and the way from one bus to the next.
 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include "target.h"

/* Parameters that put all disks on target_bus. ERR_PLAN_BAD where it has no
 * place for one. */
int bus_disks(struct run *r, struct pve_params *params, struct err *e);
/* Parameters of the boot order: the system disk first. */
int bus_boot(
	struct run *r, struct pve *p, struct pve_params *params, struct err *e);
/* The VM is off: put its disks on target_bus, wherever they are, the cards to
 * the model that goes with it, and the boot order right. Nothing is done where
 * all disks are in their places. */
int bus_settle(struct run *r, struct pve *p, struct err *e);
/* The next rung of the ladder: "scsi", "sata", "ide", null. */
const char *bus_next(const char *bus);
/* "virtio-scsi", "SATA", "IDE". */
const char *bus_name(const char *bus);

#endif
