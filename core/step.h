/*
 * A step of the checklist: one file in core/step/ ending in
 * `const struct step step_NAME`. The executor (run.c) is one loop over the
 * steps in the order of `order`; resume is the same loop.
 *
 *   check      1 already true, 0 needed, -1 cannot (with the error)
 *   run        may be repeated after a crash; journals what it makes BEFORE
 *              relying on it
 *   verify     looks at the world, not at run's word
 *   undo       touches only what this job made, newest first; never the
 *              source's disks
 *   preflight  what can be known before anything stops: adds findings
 *
 * preflight stands beside check because "cannot" before the VM is stopped
 * and "cannot" at the step's own turn are different questions.
 */
#ifndef CORE_STEP_H
#define CORE_STEP_H

#include <stdbool.h>

#include "err.h"

struct run;

enum step_flag {
	STEP_SKIPPABLE = 1, /* the operator may skip it, with a reason */
	STEP_STOPS = 2,     /* takes the service down or up again */
	STEP_LONG = 4,      /* shows bytes, rate and time left */
	STEP_HOST = 8,      /* asks the ESXi host: not for a VM in files */
};

/* What a step says of itself beside what it does; in a step's own table a
 * null one is as the step says it. */
struct step_words {
	const char *why, *manual, *trouble;
};

struct step {
	const char *kind; /* stands in journals: never renamed */
	int order;
	unsigned flags;
	const char *doing;      /* "Stop the VM on the ESXi host" */
	const char *why;        /* one or two sentences */
	const char *manual;     /* the commands a person would type instead */
	const char *trouble;    /* what if it goes wrong */
	struct step_words file; /* instead, where the VM is in files */
	int (*preflight)(struct run *r, struct err *e);
	int (*check)(struct run *r, struct err *e);
	int (*run)(struct run *r, struct err *e);
	int (*verify)(struct run *r, struct err *e);
	int (*undo)(struct run *r, struct err *e);
};

/* All steps in their order, null-terminated. Made once. */
const struct step *const *steps_all(void);
const struct step *step_find(const char *kind);
/* Its words, for a VM in files or on an ESXi host. */
struct step_words step_words(const struct step *s, bool file);

#endif
