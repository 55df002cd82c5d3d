/*
 * A running job: the plan, its journal, and the connections the steps share.
 * run_job is the executor, one loop; resume is the same loop. run_undo is
 * the way back.
 */
#ifndef CORE_RUN_H
#define CORE_RUN_H

#include "ask.h"
#include "json.h"
#include "journal.h"
#include "job.h"
#include "secret.h"
#include "step.h"
#include "vm.h"

struct esxi;
struct pve;

struct run_opts {
	const char *answers; /* file of answers, or null */
	const struct secrets *secrets;
	const char *until; /* last step to do, or null */
	bool guided;       /* from now on: job_set_guided */
	void (*say)(void *arg, const char *line); /* progress for a person */
	void *arg;
	unsigned hurry; /* for tests: so many times shorter pauses; 0: as is */
};

struct run {
	const struct run_opts *opts;
	struct job *job;
	struct journal *j;
	json_t *plan;
	json_t *answers;         /* by "step.question" */
	struct vm *vm;           /* as planned, then as note_hardware read it */
	const struct step *step; /* the step at hand */
	unsigned index, count;   /* its place */
	json_t *findings;        /* while preflight runs, else null */
	struct esxi *x;
	const struct vm *seen; /* x has this one, under its id */
	struct pve *p;
	/* Why a connection could not be opened: not tried a second time by
	 * this process, since a host locks an account that guesses. */
	struct err x_why, p_why;
	struct err guest_why; /* the same of a guest's refusal over SSH */
};

/* Do all steps that are not done. ERR_ANSWER_NEEDED when a question waits. */
int run_job(struct job *job, const struct run_opts *o, struct err *e);

/*
 * Take back what was done, newest step first, down to and including step
 * `to` (null: all). A step that cannot be taken back is passed over, so that
 * the source comes up again, and its error returned at the end: the next undo
 * finds it. Not passed over is one that decides which server runs.
 */
int run_undo(struct job *job, const struct run_opts *o, const char *to,
	struct err *e);

/* --- for the steps --- */

/* The decision of the step cleanup to delete the source VM; where it stands
 * and the VM is gone, undo is refused: ERR_SOURCE_DELETED. */
#define RUN_SOURCE_END "source_end"

/* The connections, opened on first use and kept. */
int run_esxi(struct run *r, struct esxi **x, struct err *e);
int run_pve(struct run *r, struct pve **p, struct err *e);
/* The same, once it is seen that vm->id is the VM of the plan; vm->id follows
 * one that was registered anew (esxi_find_again). For all that is done to it.
 */
int run_source(struct run *r, struct esxi **x, struct err *e);
/* Drop both: the next use opens them again. */
void run_disconnect(struct run *r);

/* A text or number of the plan by dotted path. */
const char *run_str(const struct run *r, const char *path, const char *def);
uint64_t run_u64(const struct run *r, const char *path, uint64_t def);
bool run_flag(const struct run *r, const char *path, bool def);
/* target.disks and target.nics. */
size_t run_disks(const struct run *r);
const json_t *run_disk(const struct run *r, size_t i);
/* The source disk of target disk i; null where the VM lost it. */
const struct vm_disk *run_source_disk(const struct run *r, size_t i);

/* A line in the journal under the step at hand; data is stolen. */
int run_note(struct run *r, const char *event, json_t *data, struct err *e);
/* What is about to be done to the outside, as a person would type it. */
int run_command(
	struct run *r, const char *where, const char *text, struct err *e);
/* Data of the newest such line of a step, or null. Borrowed. */
const json_t *run_recall(
	const struct run *r, const char *step, const char *event);
/* An object this job made on the target: before and after it exists. */
int run_made(struct run *r, const char *kind, const char *id, json_t *more,
	struct err *e);
int run_removed(struct run *r, const char *kind, const char *id, struct err *e);
/* The newest object of that kind made and not removed (with member key equal
 * to value, where key is given); null: none. New reference, with its id, kind
 * and what run_made was given. */
json_t *run_object(const struct run *r, const char *kind, const char *key,
	const char *value);
/* The step began and was not taken back since. */
bool run_begun(const struct run *r, const char *step);

/* A question of the step at hand (a gate): see ask.h. */
int run_ask(struct run *r, const struct question *q, const char **answer,
	struct err *e);
/* yes/no by the plan's allow.KEY if it is there, else by question. */
int run_allowed(struct run *r, const char *key, const char *text,
	const char *why, bool *yes, struct err *e);

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_BLOCKER };
/* In preflight: what was found. code may be ERR_NONE. */
void run_find(struct run *r, enum level level, enum err_code code,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The finding of an error: a blocker with its words. */
void run_find_err(struct run *r, const struct err *e);

/* One line for the person who watches, and for the log. */
void run_say(struct run *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Newest progress for status; steals. */
void run_progress(struct run *r, json_t *progress);

/* stop_sleep, by opts->hurry shorter; and such a time. */
int run_sleep(const struct run *r, unsigned ms, struct err *e);
double run_seconds(const struct run *r, double s);

/* The VM id on the target, 0 before create_vm. */
unsigned run_vmid(const struct run *r);

#endif
