/*
 * A job as the checklist shows it: journal, status and log followed by
 * reading what came since. Keeps true: reads only, no lock, never waits.
 */
#ifndef SCREENS_FOLLOW_H
#define SCREENS_FOLLOW_H

#include "core/job.h"
#include "tui/checklist.h"
#include "wizard.h"

#define FOLLOW_STEPS 64
#define FOLLOW_LOG 300

struct follow {
	struct job *job;
	json_t *plan;
	uint64_t journal_at, log_at;
	struct tui_step steps[FOLLOW_STEPS];
	const struct step *kinds[FOLLOW_STEPS];
	double began[FOLLOW_STEPS]; /* seconds of the journal's clock */
	int n;
	bool undoing; /* the newest begin or undo is an undo */
	char *log[FOLLOW_LOG];
	int log_n;
	unsigned log_count; /* lines that ever came */
	bool brief;         /* only what a step says: no commands, no diffs */
	json_t *status;     /* newest */
	char *what;         /* its progress in the screen's language */
	char *log_path;
};

/* Open a job. 0 or -1. */
int follow_open(struct follow *f, const char *job, struct err *e);
void follow_close(struct follow *f);
/* Read what came since. True where something did. */
bool follow_read(struct follow *f);
/* status's state; "running" where a worker is there. */
const char *follow_state(const struct follow *f);
/* The step of the status in steps, -1 none. */
int follow_current(const struct follow *f);
/* Progress of the status into p. */
void follow_progress(struct follow *f, struct tui_progress *p);

#endif
