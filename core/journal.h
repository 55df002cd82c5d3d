/*
 * The journal of a job: append-only JSON lines, hash-chained, the audit log
 * and the protocol in one (docs/formats.md). Keeps true: a line that
 * journal_add returned from is on disk; nothing is ever rewritten, but a torn
 * end left by a crash is cut, and the cut is journalled.
 *
 * A line:
 *   {"seq":N, "time":"UTC, ms", "operator":{"login","from"}, "host":"...",
 *    "step":"kind or empty", "event":"...", "data":{...},
 *    "prev":"SHA-256 of the line before", "sum":"SHA-256 of this line up to
 *    the comma before sum"}
 *
 * Events and what the data of each holds:
 *   plan      sha256                     always line 1, written by job_create
 *   begin     -                          a step starts to run
 *   end       result, free figures       the step's verify was content
 *   error     id, what, why              the step (or its undo) failed
 *   undo      phase: begin|end           way back of a step
 *   resume    -                          a worker starts on a job begun before
 *   command   text, where, status        what was done to the outside
 *   made      kind, id, ...              BEFORE the object is relied on
 *   removed   kind, id                   the object is gone again
 *   question  id, kind, text, ...        see ask.h
 *   answer    id, value, source          see ask.h
 *   decision  id, value, why             a choice taken (by vmferry or man)
 *   mark      free                       progress that resume goes on from
 *   measure   name, value, unit          a figure for the report
 *   note      text                       free text for the report
 *   cut       bytes, sha256              a torn end was cut here
 *
 * One thread only. All readers may read while the worker writes.
 */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "json.h"
#include "secret.h"

/* A longer line is refused: ERR_INTERNAL when written, broken when read. */
#define JOURNAL_LINE_MAX (1 << 20)

struct journal;

/*
 * Open dir/journal for writing; the caller holds the job's lock. Reads the
 * whole file once, streaming, checks each line (ERR_JOURNAL_BROKEN names the
 * seq), cuts a torn end. A missing file is begun. secrets may be null; it is
 * borrowed until journal_close and guards journal_add. ERR_IO, ERR_NO_SPACE.
 */
int journal_open(const char *dir, const struct secrets *secrets,
	struct journal **out, struct err *e);
/* The same memory for a reader, without the lock: nothing can be added. A
 * torn end is passed over; lines are parsed, not chained. */
int journal_peek(const char *dir, struct journal **out, struct err *e);
void journal_close(struct journal *j);
void cleanup_journal(struct journal **j);
#define _journal_ __attribute__((cleanup(cleanup_journal)))

/*
 * Append a line: one write, then fdatasync. step may be null (the job as a
 * whole). data is stolen, also on failure; null becomes {}. ERR_INTERNAL
 * where data holds a known secret (nothing is written), ERR_NO_SPACE, ERR_IO.
 * After an ERR_IO nothing more is taken: end the worker, open again.
 */
int journal_add(struct journal *j, const char *step, const char *event,
	json_t *data, struct err *e);

/* --- what the worker asks; all borrowed, valid until the next add --- */

/* The newest whole line of this step and event, null where none. Marks too:
 * the newest mark only; all of them by journal_each. */
const json_t *journal_last(
	const struct journal *j, const char *step, const char *event);
/* The step ended well and was neither begun nor undone after that. */
bool journal_ended(const struct journal *j, const char *step);
/* seq of the line that ended the newest undo of the step, 0 where none. */
uint64_t journal_undone(const struct journal *j, const char *step);
/* An undo of the step began, and neither ended nor was the step begun again. */
bool journal_undoing(const struct journal *j, const char *step);
/* Some worker was here before: there is more than the plan line. */
bool journal_begun(const struct journal *j);
/* Objects made and not removed, newest first: array of the data of the
 * `made` lines, each with "step" and "seq" added. New reference. An object is
 * known by kind and id; made again is one object, at its first place, with
 * the newest data. */
json_t *journal_made(const struct journal *j);
/* The newest question / answer / decision of this id in the step. An undo of
 * the step forgets them. */
const json_t *journal_asked(const struct journal *j, const char *step,
	const char *event, const char *id);
/* SHA-256 that the next line's prev will be, and the last line's seq. */
const char *journal_head(const struct journal *j);
uint64_t journal_seq(const struct journal *j);

/* --- reading without the lock --- */

/* Called with each line (borrowed). 0 goes on, 1 is enough, -1 with *e. */
typedef int journal_fn(void *arg, const json_t *line, struct err *e);

/*
 * Give each whole line from *offset on to fn, and move *offset behind the
 * last one given: call again later for what came since. path is a job
 * directory or a journal file. A torn end is left for later. Lines are
 * parsed, not chained: journal_verify does that. ERR_NOT_FOUND, ERR_IO,
 * ERR_JOURNAL_BROKEN (no journal line before the end).
 */
int journal_follow(const char *path, uint64_t *offset, journal_fn *fn,
	void *arg, struct err *e);
/* journal_follow from the start. */
int journal_each(const char *path, journal_fn *fn, void *arg, struct err *e);

struct journal_verdict {
	bool ok;
	char why[240];    /* what is wrong, empty where ok */
	uint64_t bad_seq; /* the first wrong line, 0 where none */
	uint64_t lines;   /* whole lines that hold */
	unsigned cuts;    /* torn ends cut after crashes: not a fault */
	bool torn;        /* the end is torn now: a crash, not a fault */
	char open[64];    /* a step that began and has not ended, or "" */
	char head[SHA256_HEX];
	char first[32], last[32]; /* times of first and last line */
};

/*
 * Check a job directory: every line's sum, the chain, seq; that the first
 * line is the plan's and its hash that of plan.json; that each step which
 * began ended, failed or was resumed; that no line which the status file has
 * seen is missing. A broken journal is a verdict (ok false), not an error.
 */
int journal_verify(const char *dir, struct journal_verdict *v, struct err *e);

/* Looks for the line whose hash is head (as a report prints it). ERR_NOT_FOUND;
 * *seq tells which line. */
int journal_find_head(
	const char *dir, const char *head, uint64_t *seq, struct err *e);

#endif
