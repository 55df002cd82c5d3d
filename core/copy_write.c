/*
 * The writer of a copy: see copy_pump.h. Keeps true: a range is marked only
 * when it was written, then a flush was sent, and that was answered well.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "copy_writer.h"
#include "stop.h"
#include "str.h"

#define FLUSH_EVERY 5.0 /* s */
#define FLUSH_BYTES (256ULL << 20)
#define DRAIN_TIMEOUT 60.0 /* s, for requests under way after an error */
#define KNOWN_MAX 100000   /* extents */

void writer_fail(struct writer *w, const struct err *e)
{
	if (!w->err.code)
		w->err = *e;
	pump_end(w->p);
}

bool writer_failed(const struct writer *w)
{
	return w->err.code != 0;
}

int writer_stopped(const struct writer *w, struct err *e)
{
	return stop_check(e) || copy_share_stopped(w->job->share, e) ? -1 : 0;
}

void writer_refused(struct writer *w, const struct err *e)
{
	w->in_flight--;
	w->broken = true;
	writer_fail(w, e);
}

/* --- flush and mark --- */

static void flush_done(void *arg, int err_no)
{
	struct writer *w = arg;
	struct err e = {0};

	w->in_flight--;
	w->flush = err_no ? IDLE : ANSWERED;
	if (!err_no)
		return;
	errno = err_no;
	err_sys(&e, writer_code(err_no), "the target cannot be flushed");
	w->broken = true;
	writer_fail(w, &e);
}

static void send_flush(struct writer *w)
{
	struct err e = {0};

	for (size_t i = 0; i < w->p->n; i++)
		if (w->state[i] == COPY_WRITTEN)
			w->state[i] = COPY_FLUSHING;
	w->flush = SENT;
	w->flushed_at = now_mono();
	w->unflushed = 0;
	w->in_flight++;
	if (w->out->ops->flush(w->out->priv, flush_done, w, &e) == 0)
		return;
	w->flush = IDLE;
	writer_refused(w, &e);
}

static bool any_written(const struct writer *w)
{
	return memchr(w->state, COPY_WRITTEN, w->p->n) != NULL;
}

static void flush_if_due(struct writer *w)
{
	double every =
		w->job->flush_every > 0 ? w->job->flush_every : FLUSH_EVERY;

	if (w->flush != IDLE || writer_failed(w))
		return;
	if ((now_mono() - w->flushed_at >= every ||
		    w->unflushed >= FLUSH_BYTES) &&
		any_written(w))
		send_flush(w);
}

/* Call mark for every run of ranges that the last flush covered. */
static void mark_flushed(struct writer *w)
{
	struct copy_mark mark = {.map = w->map};
	struct err e = {0};
	size_t i = 0;

	w->flush = IDLE;
	while (i < w->p->n) {
		if (w->state[i] != COPY_FLUSHING) {
			i++;
			continue;
		}
		mark.first = i;
		for (; i < w->p->n && w->state[i] == COPY_FLUSHING; i++) {
			copy_map_set(w->map, i, w->map->slot[i].sha);
			w->state[i] = COPY_MARKED;
		}
		mark.n = i - mark.first;
		if (w->job->mark(w->job->ctx, &mark, &e)) {
			w->broken = true;
			writer_fail(w, &e);
			return;
		}
	}
	back_marked(w);
	back_note(w);
}

/* --- the loop --- */

void writer_wait(struct writer *w, int ms)
{
	struct err e = {0};

	if (w->broken)
		return;
	if (w->out->ops->wait(w->out->priv, w->p->wake, ms, &e)) {
		w->broken = true;
		writer_fail(w, &e);
	}
}

/* True while a reader runs or its pieces wait; takes over its error. */
static bool readers_busy(struct writer *w)
{
	struct pump *p = w->p;
	bool busy;

	pthread_mutex_lock(&p->lock);
	busy = p->running || p->head;
	if (p->err.code && !w->err.code)
		w->err = p->err;
	pthread_mutex_unlock(&p->lock);
	return busy;
}

static void pump_all(struct writer *w)
{
	struct err e = {0};

	while (readers_busy(w) || (!writer_failed(w) && writer_zeroing(w)) ||
		(!writer_failed(w) && w->in_flight)) {
		if (!writer_failed(w) && writer_stopped(w, &e))
			writer_fail(w, &e);
		writer_take(w);
		writer_zero(w);
		flush_if_due(w);
		back_look(w);
		roads_look(&w->roads, w->p);
		if (w->broken)
			poll(NULL, 0, 20); /* readers are on their way out */
		else
			writer_wait(w, 100);
		if (w->flush == ANSWERED)
			mark_flushed(w);
		writer_tell(w, false);
	}
}

/* Wait for what is under way; not for ever where all is lost anyway. */
static void drain(struct writer *w)
{
	double until = now_mono() + DRAIN_TIMEOUT;
	struct err e = {0};

	while (w->in_flight && !w->broken && now_mono() < until) {
		writer_wait(w, 100);
		if (!writer_failed(w)) {
			until = now_mono() + DRAIN_TIMEOUT;
			if (writer_stopped(w, &e))
				writer_fail(w, &e);
		}
	}
	if (w->in_flight)
		w->broken = true;
}

static void finish(struct writer *w)
{
	drain(w);
	if (w->flush == ANSWERED)
		mark_flushed(w);
	if (!w->broken && (any_written(w) || w->unflushed)) {
		send_flush(w);
		drain(w);
		if (w->flush == ANSWERED)
			mark_flushed(w);
	}
	back_finish(w);
	drain(w);
	if (!w->broken)
		back_note(w);
	writer_tell(w, true);
	/* A request without an answer has a buffer of ours. */
	if (w->in_flight)
		sink_close(w->out, NULL);
}

static uint64_t data_done_before(const struct writer *w)
{
	const struct pump *p = w->p;
	uint64_t sum = 0;

	for (size_t i = 0; i < p->x.n; i++) {
		uint64_t at = p->x.e[i].offset, end = at + p->x.e[i].length;

		while (p->x.e[i].data && at < end) {
			uint64_t next = (at / p->range + 1) * p->range;

			next = next < end ? next : end;
			if (w->state[at / p->range] == COPY_MARKED)
				sum += next - at;
			at = next;
		}
	}
	return sum;
}

static int prepare(struct writer *w, struct err *e)
{
	for (size_t i = 0; i < w->p->n; i++)
		if (w->map->slot[i].kind != COPY_TODO)
			w->state[i] = COPY_MARKED;
	w->todo = extents_data(&w->p->x);
	w->data_done = data_done_before(w);
	w->flushed_at = now_mono();
	if (w->p->zeroed)
		return 0;
	return sink_extents(w->out, KNOWN_MAX, &w->known, e);
}

int copy_write(struct pump *p, struct copy_map *map, struct copy_result *r,
	struct err *e)
{
	struct writer w = {
		.p = p,
		.job = p->job,
		.out = p->job->out,
		.map = map,
		.r = r,
		.state = xcalloc(p->n, 1),
	};
	struct reader *readers;

	p->writer = &w;
	roads_begin(&w.roads, p);
	if (prepare(&w, e) || copy_readers_start(p, &readers, e)) {
		free(w.state);
		extents_free(&w.known);
		return -1;
	}
	back_start(&w);
	pump_all(&w);
	pump_end(p);
	copy_readers_join(readers);
	writer_take(&w);
	finish(&w);
	back_end(&w);
	r->readers = w.roads.n;
	r->road_why = xstrdup(w.roads.why);
	free(w.state);
	extents_free(&w.known);
	if (!writer_failed(&w))
		return 0;
	if (e)
		*e = w.err;
	return -1;
}
