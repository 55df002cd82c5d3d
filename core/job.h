/*
 * A job directory, STATE/jobs/NAME/ (0700): plan.json, journal, status, log,
 * lock (docs/formats.md). Keeps true: one worker at a time, told by an fcntl
 * lock that dies with its process.
 */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include <stdbool.h>
#include <sys/types.h>

#include "journal.h"
#include "json.h"

struct job {
	char *name;
	char *dir;
	/* private */
	int lock_fd; /* -1 where not locked by us */
	int log_fd;
	const struct secrets *secrets;
	json_t *status; /* newest, perhaps not yet written */
	double written; /* when, by now_mono */
	bool dirty;
};

/* [a-z0-9][a-z0-9.-]*, at most 63. ERR_USAGE says so. */
int job_name_check(const char *name, struct err *e);
/*
 * Make the directory with plan.json and a journal whose first line holds the
 * plan's hash; whole or not at all. plan is borrowed. ERR_JOB_EXISTS.
 */
int job_create(
	const char *name, const json_t *plan, struct job **out, struct err *e);
/* By name, or by path where it has a '/'. ERR_NOT_FOUND, ERR_JOB_BAD. */
int job_open(const char *name, struct job **out, struct err *e);
/* Writes a status still held back, unlocks, frees. */
void job_close(struct job *job);
void cleanup_job(struct job **job);
#define _job_ __attribute__((cleanup(cleanup_job)))

/* plan.json as written. New reference. ERR_JOB_BAD. */
int job_plan(const struct job *job, json_t **out, struct err *e);

/*
 * Become the job's one worker. ERR_JOB_BUSY names the pid. An fcntl lock is
 * the process's: while it is held, do not open the same job a second time in
 * this process.
 */
int job_lock(struct job *job, struct err *e);
void job_unlock(struct job *job);
/* The worker's pid; 0 where there is none; -1 where there is one that cannot
 * be named (another pid namespace). */
pid_t job_worker_pid(const struct job *job);
/* What must never reach log or journal; borrowed. */
void job_guard(struct job *job, const struct secrets *secrets);

/*
 * Replace the status file, at most 4 times a second; call as often as you
 * like. A new state or step is written at once. pid, updated, seq and head
 * are added here (j may be null). status is borrowed. Never fails: a status
 * that cannot be written does not stop a copy.
 *
 *   state     running waiting failed stopped done undoing undone
 *   step      kind; index (1..), count; doing (text)
 *   progress  {disk, done, total (bytes), rate (bytes/s), eta (s), what}
 *   question  as journalled, if waiting
 *   error     {id, what, why, next} if failed or stopped
 */
void job_status_write(
	struct job *job, const struct journal *j, const json_t *status);
/* Write now what is held back. */
void job_status_flush(struct job *job);
/*
 * The newest status, made true: without a worker, "running" and
 * "undoing" become "stopped" with interrupted: true; without a file it is
 * {state: ready}. Adds name, and pid of the worker (0 none). New reference.
 */
int job_status(const struct job *job, json_t **out, struct err *e);

/* Does its worker ask before each step? Read at each step, so it can be
 * switched while the worker runs. Kept as a file: `run` goes on as before. */
bool job_guided(const struct job *job);
int job_set_guided(const struct job *job, bool on, struct err *e);

/* Remove the directory: its report and journal are gone. ERR_JOB_BUSY,
 * ERR_JOB_UNFINISHED where something it did is still to be undone or done. */
int job_remove(struct job *job, struct err *e);

/* All jobs, newest first: array of what job_status gives, and created,
 * title ("vm -> target", from the plan). A damaged one has state "bad" and
 * its error. */
int job_list(json_t **out, struct err *e);

/* A line of debug text into log, with the time, control characters replaced
 * and secrets redacted. Past 8 MiB the log begins anew, one old one kept. */
void job_log(struct job *job, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
