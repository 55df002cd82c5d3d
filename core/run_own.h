/* What run.c and run_help.c share and steps do not need. */
#ifndef CORE_RUN_OWN_H
#define CORE_RUN_OWN_H

#include "run.h"

/* Lock the job, open its journal, read plan and answers. */
int run_begin(struct run *r, struct err *e);
/* Close connections and journal, unlock. Also after a failed run_begin. */
void run_end(struct run *r);
/* Called for a step that is done: takes up what it learnt. */
int run_after_resume(struct run *r, struct err *e);
/* Write the status file; progress is stolen, may be null. */
void run_state(struct run *r, const char *state, const struct err *e,
	json_t *progress);

#endif
