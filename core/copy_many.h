/*
 * Several copies at once, each in a thread of its own, with one rate limit
 * for all of them. Keeps true: what the callers of the copies do to things
 * that they share (the journal), they do one at a time; after the first error
 * nothing new begins, and the copies under way end as if they had been asked
 * to stop: flushed and marked.
 */
#ifndef CORE_COPY_MANY_H
#define CORE_COPY_MANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct copy_share;

struct copy_task {
	/* The copy, called in a thread; ctx is the caller's. */
	int (*run)(void *ctx, struct copy_share *s, struct err *e);
	void *ctx;
	/* No two of the same group run at once; null: with any. Borrowed. */
	const char *group;
};

/*
 * Run all tasks, so many at once at most, in order as far as their groups
 * let them; returns when none runs. limit: bytes a second of all together, 0
 * none. -1 with the first error that was.
 */
int copy_many(const struct copy_task *t, size_t n, unsigned at_once,
	uint64_t limit, struct err *e);

/* Between these only one task runs; not to be nested. */
void copy_share_enter(struct copy_share *s);
void copy_share_leave(struct copy_share *s);

/* --- for the copy itself; s may be null --- */

/* When n bytes more are allowed, by now_mono(). */
double copy_share_book(struct copy_share *s, uint64_t n);
/* ERR_STOPPED once another task failed. */
int copy_share_stopped(struct copy_share *s, struct err *e);

#endif
