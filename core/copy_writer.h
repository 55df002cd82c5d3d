/*
 * Inside a copy's writer: what core/copy_write.c (the loop, flush and mark),
 * core/copy_send.c (requests and their answers), core/copy_back.c (reading
 * back) and core/copy_tell.c (progress) share. All of it belongs to the thread
 * of copy_run.
 */
#ifndef CORE_COPY_WRITER_H
#define CORE_COPY_WRITER_H

#include "copy_pump.h"
#include "copy_road.h"

#define COPY_SAMPLES 20 /* of the rate, 0.25 s each */

enum copy_state {
	COPY_OPEN,
	COPY_WRITTEN,  /* answered, not flushed */
	COPY_FLUSHING, /* before the flush under way */
	COPY_MARKED,
};

struct writer {
	struct pump *p;
	const struct copy_job *job;
	struct disk_out *out;
	struct copy_map *map;
	struct copy_result *r;
	unsigned char *state; /* by range: enum copy_state */
	struct extents known; /* what the target says reads as zero */
	size_t zero_next;     /* next range to look at for zeroing */
	unsigned zeroing, in_flight;
	enum { IDLE, SENT, ANSWERED } flush;
	bool broken;        /* the target takes no more requests */
	uint64_t unflushed; /* bytes written or zeroed since */
	double flushed_at;
	uint64_t data_done, todo;
	struct roads roads;
	struct back *back; /* null: nothing is read back */
	struct err err;    /* the first */
	double told_at;
	struct {
		double time;
		uint64_t done;
	} sample[COPY_SAMPLES];
	unsigned n_samples;
};

/* The first error stays; readers are made to return. */
void writer_fail(struct writer *w, const struct err *e);
bool writer_failed(const struct writer *w);
/* ERR_STOPPED where the operator, or a copy beside this one, wants its end. */
int writer_stopped(const struct writer *w, struct err *e);
/* What a request's err_no is: the target's fault, or its server is gone. */
enum err_code writer_code(int err_no);
/* A request was not taken: the connection is gone. */
void writer_refused(struct writer *w, const struct err *e);

/* copy_send.c: requests for what readers queued, and for what nobody reads
 * but must be zero (a few at a time). */
void writer_take(struct writer *w);
void writer_zero(struct writer *w);
/* True where ranges are left that writer_zero has not looked at. */
bool writer_zeroing(const struct writer *w);

/* One turn of waiting for the target's answers or for pump_wake. */
void writer_wait(struct writer *w, int ms);

/*
 * copy_back.c: reading back, past the page cache, what was flushed and
 * marked, where the job asks for it and the target can. back_look asks for
 * more while the copy runs, and takes what was found; back_finish returns once
 * all is read back or the copy failed; back_note journals what was found good
 * since. back_end: with no request under way.
 */
void back_start(struct writer *w);
void back_look(struct writer *w);
void back_marked(struct writer *w); /* after a flush was marked */
void back_note(struct writer *w);
void back_finish(struct writer *w);
void back_end(struct writer *w);

/* All is written, and the rest of it is being read back. */
bool back_goes_on(const struct writer *w);

/* copy_tell.c: progress and notes; last: now, whatever the time. */
void writer_tell(struct writer *w, bool last);

#endif
