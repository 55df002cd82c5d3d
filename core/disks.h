/*
 * The copies of a job's disks as its journal tells them: what copy_disks
 * writes and verify_disks reads.
 */
#ifndef CORE_DISKS_H
#define CORE_DISKS_H

#include "copy.h"
#include "run.h"

/* "qcow2:PATH", "raw:PATH" or a device's path, for disk i. To be freed. */
int disks_sink_spec(struct run *r, size_t i, char **spec, struct err *e);

/*
 * The map of disk i from the journal's marks, null where none. Marks made
 * before an undo of copy_disks do not count. noted, where it is not null: the
 * copy's result is there, too, which is noted once the source was compared
 * after the last byte.
 */
int disks_map(const struct run *r, size_t i, struct copy_map **map, bool *noted,
	struct err *e);

/* What the source disk was when its copy began, null before: an identity as
 * source.h has it. Borrowed. */
const json_t *disks_identity(const struct run *r, size_t i);
/* copy.h's word for what of it was left out; null before. Borrowed. */
const char *disks_left_out(const struct run *r, size_t i);

/* The plan has what was written read back while the copy goes on
 * (copy.read_back is not "after"). */
bool disks_check_during(const struct run *r);

/* All disks are copied whole, from a source that was the same afterwards. */
int disks_complete(const struct run *r, bool *yes, struct err *e);

/* Progress of disk i while it is read back, for the status file. */
void disks_progress(struct run *r, size_t i, const struct copy_progress *p);

#define DISKS_MAX 64 /* of one VM: ESXi has 256, Proxmox VE fewer */

/* A disk of the plan while all are copied, perhaps several at once. */
struct disks_row {
	enum { DISKS_WAITS, DISKS_COPIES, DISKS_DONE } state;
	/* Bytes; of one that waits, what the source allocated for it. */
	uint64_t done, total, at;
	double rate, eta; /* as in struct copy_progress */
	const char *road; /* static; or null */
	unsigned connections;
	char note[96], why[320];
};
void disks_row_set(struct disks_row *row, const struct copy_progress *p);
/* Progress of all run_disks rows, of which `newest` just changed, for the
 * status file: docs/formats.md. */
void disks_rows_tell(
	struct run *r, const struct disks_row *rows, size_t newest);

#endif
