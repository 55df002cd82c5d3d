/*
 * The failover IP of a job at a hoster with an API: what move_ip, await_ip,
 * guest_fix and check_network share. See docs/hosters.md.
 *
 * Keeps true: what is about to be asked of the hoster is in the journal
 * before it is asked; a resumed job reads the state first, and asks again
 * only where nothing came of the first request; nothing is moved that does
 * not point where it pointed when the job began.
 */
#ifndef CORE_HOSTER_JOB_H
#define CORE_HOSTER_JOB_H

#include "hoster.h"
#include "run.h"

/* The plan's hoster has an API. */
bool hoster_job_managed(const struct run *r);
/* "early: ..." and "cut-over: ..." of a plan's "hoster", the chosen one
 * first: list of {"timing", "text", "chosen"}. bytes: to be read. New
 * reference; null where there is no address to move. */
json_t *hoster_job_outage(const json_t *settings, uint64_t bytes);
/* A plan's "hoster" checked, and estimate.outage (hoster_job_outage) put
 * beside estimate.written. ERR_PLAN_BAD. */
int hoster_job_plan(json_t *plan, struct err *e);
/* Is the move asked for at cut-over? Is it followed (await_ip)? */
bool hoster_job_late(const json_t *settings);
bool hoster_job_follows(const json_t *settings);
/* The NIC of a plan that the address is on: hoster.nic, else the first with
 * an address, else the first. Its index. */
size_t hoster_job_nic(const json_t *plan);
/* Does the plan leave that NIC's address to the hoster's pattern, or name the
 * moved one itself? */
bool hoster_job_fits(const json_t *plan);
/* Of the plan's "hoster": ERR_PLAN_BAD says what is wrong. */
int hoster_job_check(const json_t *settings, struct err *e);

/* Findings: where the address points, whether it could move, what moves with
 * it. Errors are findings too. */
void hoster_job_preflight(struct run *r);

/* Is it there already, by nobody's doing of this job? Notes what it was
 * before. 1, 0, -1. */
int hoster_job_there(struct run *r, struct err *e);
/* Ask for the move, unless it is under way or done. The source is off. */
int hoster_job_ask(struct run *r, struct err *e);
/* Was it asked for and taken, is it under way or done? Reads the state. */
int hoster_job_asked(struct run *r, struct err *e);
/* Follow it to its end; the MAC and the guest's network become decisions of
 * the step at hand. */
int hoster_job_finish(struct run *r, struct err *e);
/* Points here, with the MAC that was decided. */
int hoster_job_verify(struct run *r, struct err *e);

/* The way back of finish: a MAC and a route that this job made. */
int hoster_job_unfinish(struct run *r, struct err *e);
/* The way back of the move. */
int hoster_job_return(struct run *r, struct err *e);

/* The guest's network as decided (struct hoster's pattern), null before.
 * Borrowed. */
const json_t *hoster_job_pattern(const struct run *r);
/* The MAC as decided; null before, or where it is none of the hoster's. */
const char *hoster_job_mac(const struct run *r);
/* Put the hoster's word where the address points into a sentence, to be
 * freed; null where it cannot be told. */
char *hoster_job_word(struct run *r);

#endif
