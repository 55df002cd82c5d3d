/*
 * The classic road of a job: each disk is first copied to a file in
 * staged.dir of the plan, converted into its volume by qemu-img, and the file
 * removed in cleanup. Offered beside the direct road because people ask to
 * see it. The marks are those of the file; verify_disks reads the volume
 * against them, so the conversion is proven too.
 */
#ifndef CORE_STAGED_H
#define CORE_STAGED_H

#include "run.h"

/* "raw:DIR/JOB-N.raw" for disk i, journalled as made. To be freed. */
int staged_spec(struct run *r, size_t i, char **spec, struct err *e);
/* qemu-img convert into disk i's volume, once. */
int staged_convert(struct run *r, size_t i, struct err *e);
/* All disks are converted. */
bool staged_all(const struct run *r);
/* Remove the files this job's journal says it made. */
int staged_remove(struct run *r, struct err *e);

#endif
