/* The guest's disks of a job, for the steps that look inside. */
#ifndef CORE_GUEST_JOB_H
#define CORE_GUEST_JOB_H

#include "guest/guest.h"
#include "run.h"

struct guest_disks {
	struct guest_disk *d;
	size_t n;
	bool layers; /* files of ours, unlinked when freed */
};
void guest_disks_free(struct guest_disks *ds);
#define _disks_ __attribute__((cleanup(guest_disks_free)))

/* The target volumes of a job. ERR_TARGET_REMOTE. */
int guest_job_disks(struct run *r, struct guest_disks *out, struct err *e);
/* A writable layer over each, in TMPDIR or /var/tmp. */
int guest_job_layers(struct run *r, struct guest_disks *out, struct err *e);
/* guest_open on all target volumes. ERR_TARGET_REMOTE and guest_open's. */
int guest_job_open(
	struct run *r, bool write, struct guest **out, struct err *e);
/* The facts that guest_inspect found, null where it found none. Borrowed. */
const json_t *guest_job_facts(const struct run *r);
/* May drivers be added to the guest's initramfs, by the plan? */
bool guest_job_may_add(const struct run *r);
/* What guest_changes shall reach, from the plan, the source VM's cards and the
 * MAC that move_ip learnt. New reference. */
json_t *guest_job_wanted(const struct run *r);
/* {"changes": [{"path", "why", "diff"}], "left": [sentences]}. New reference.
 */
json_t *guest_job_shown(const struct guest_changes *cs);
/*
 * Keep the texts of changes that a person can edit in the job directory, and
 * add their digests to the rows of shown (guest_job_shown of cs): "after",
 * and "before" where the file is there already, else its "mode". A file that is
 * no plain text (content_check) gets none. ERR_IO, ERR_NO_SPACE.
 */
int guest_job_keep(const char *dir, const struct guest_changes *cs,
	json_t *shown, struct err *e);

#endif
