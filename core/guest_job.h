/* The guest's disks of a job, for the steps that look inside. */
#ifndef CORE_GUEST_JOB_H
#define CORE_GUEST_JOB_H

#include "guest/guest.h"
#include "run.h"

/* guest_open on all target volumes. ERR_TARGET_REMOTE and guest_open's. */
int guest_job_open(
	struct run *r, bool write, struct guest **out, struct err *e);
/* The facts that guest_inspect found, null where it found none. Borrowed. */
const json_t *guest_job_facts(const struct run *r);

#endif
