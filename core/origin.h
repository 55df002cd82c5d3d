/*
 * Where a job's VM comes from, for the steps: an ESXi host, or files on this
 * machine (source.kind "file"). What is asked of an ESXi host stands in the
 * steps themselves; here is what they do with files instead.
 */
#ifndef CORE_ORIGIN_H
#define CORE_ORIGIN_H

#include "copy.h"
#include "run.h"
#include "vmfile.h"

bool origin_is_file(const struct run *r);
/* The same of a plan. */
bool origin_file_plan(const json_t *plan);

/* The .ova, .ovf or .vmx. */
const char *origin_path(const struct run *r);

/* The files as they are now. ERR_FILE_IN_USE, ERR_PLAN_BAD where they are not
 * what was planned, and the errors of vmfile_read. */
int origin_read(struct run *r, struct vmfile *now, struct err *e);

/* A disk of such a VM, to be closed with source_close. */
int origin_open(const struct vm_disk *d, struct disk_in *in, struct err *e);

/*
 * Before the new VM starts: the files are still what was copied, nothing runs
 * the VM from them, and the operator said (allow.source_off, or a question)
 * that the machine they were made from is off.
 */
int origin_quiet(struct run *r, struct err *e);

#endif
