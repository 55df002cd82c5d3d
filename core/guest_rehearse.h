/*
 * Rehearsal within a job: the accepted changes go to layers over the volumes
 * first, which are started with their links down (rehearse.h). The volumes
 * are written only once that came up, or on the operator's word.
 */
#ifndef CORE_GUEST_REHEARSE_H
#define CORE_GUEST_REHEARSE_H

#include "guest_job.h"

/* Writes the accepted changes (opaque: guest_fix.c) to these disks. */
typedef int guest_writer(struct run *r, const struct guest_disks *ds,
	const json_t *yes, struct err *e);

/* Where the plan says so; unsaid, where the processor makes it quick. */
bool guest_rehearsing(const struct run *r);
/* Until it comes up or the operator knows better. The verdict is the measure
 * "rehearsal" of the step at hand, and a climbed bus its measure "bus". */
int guest_rehearse(
	struct run *r, guest_writer *write, const json_t *yes, struct err *e);

#endif
