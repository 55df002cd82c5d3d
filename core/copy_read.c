/*
 * Readers: see copy_pump.h. Keeps true: the pieces of a range are queued in
 * order and without a gap; its digest is over exactly those bytes, holes as
 * zeros; a reader that lost its source goes on at the piece where it was.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "copy_pump.h"
#include "i18n.h"
#include "str.h"

#define PATIENCE 300.0     /* s a lost source is tried again */
#define SAME_MAX 3         /* tries at a place that cannot be read */
#define PATIENCE_ROAD 30.0 /* s, where there is another road */
/* Pauses between tries: of the patience; each twice the one before. */
#define PAUSE_FIRST (1 / 600.0)
#define PAUSE_MAX (1 / 10.0)

static const unsigned char zeros[COPY_BLOCK];

struct reader {
	struct pump *p;
	unsigned seat;
	pthread_t thread;
	void *src; /* null: not connected */
	int road;  /* of src */
	struct sha256 *sum;
	/* What is being read: data of wanted ranges, cut at ranges. */
	struct extent *list;
	size_t n, cap;
	size_t i;      /* list[i] is being read, */
	uint64_t done; /* so many bytes of it are here */
	uint64_t at;   /* everything before was queued */
	struct piece *piece;
	struct work *work;
	double begun; /* when its range was */
};

/* --- from bytes to pieces --- */

static uint64_t range_end(const struct pump *p, uint64_t at)
{
	uint64_t end = (at / p->range + 1) * p->range;

	return end < p->size ? end : p->size;
}

static void queue(struct reader *r, struct piece *piece)
{
	size_t index = piece->off / r->p->range;

	if (!r->work)
		r->work = pump_work(r->p, index);
	r->at = piece->off + piece->len;
	piece->work = r->work;
	piece->last = r->at == range_end(r->p, piece->off);
	if (piece->last) {
		sha256_end(r->sum, r->work->sha);
		r->work = NULL;
		pump_latency(r->p, now_mono() - r->begun);
		r->begun = now_mono();
	}
	pump_put(r->p, piece);
}

static void queue_hole(struct reader *r, uint64_t len)
{
	struct piece *piece = pump_hole(r->p);

	for (uint64_t left = len; left;) {
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

		sha256_add(r->sum, zeros, n);
		left -= n;
	}
	piece->off = r->at;
	piece->len = len;
	queue(r, piece);
}

/* Queue the holes up to off; pass over ranges that are not wanted. */
static void skip_to(struct reader *r, uint64_t off)
{
	while (r->at < off) {
		uint64_t end = range_end(r->p, r->at);

		if (end > off)
			end = off;
		if (r->p->wanted[r->at / r->p->range])
			queue_hole(r, end - r->at);
		else
			r->at = end;
	}
}

static void queue_data(struct reader *r)
{
	struct piece *piece = r->piece;

	r->piece = NULL;
	piece->zero = 0;
	for (size_t o = 0, i = 0; o < piece->len; o += COPY_BLOCK, i++) {
		size_t n = piece->len - o;

		if (n > COPY_BLOCK)
			n = COPY_BLOCK;
		if (memcmp(piece->buf + o, zeros, n) == 0)
			piece->zero |= 1U << i;
	}
	sha256_add(r->sum, piece->buf, piece->len);
	queue(r, piece);
}

static int begin_piece(struct reader *r, uint64_t off)
{
	skip_to(r, off);
	r->piece = pump_buffer(r->p);
	if (!r->piece)
		return -1;
	r->piece->off = off;
	return 0;
}

/* Take up to n bytes of list[i]: as many as the piece has room for. 0: the
 * copy ends. */
static size_t take_bytes(struct reader *r, const unsigned char *b, size_t n)
{
	const struct extent *x = &r->list[r->i];
	uint64_t off = x->offset + r->done, left = x->length - r->done;
	size_t room = COPY_PIECE - off % COPY_PIECE;
	size_t part = n < room ? n : room;

	if (!r->piece && begin_piece(r, off))
		return 0;
	part = part < left ? part : left;
	memcpy(r->piece->buf + r->piece->len, b, part);
	r->piece->len += part;
	r->done += part;
	if (part == left || part == room)
		queue_data(r);
	if (part == left) {
		r->i++;
		r->done = 0;
	}
	return part;
}

/* Bytes the source handed over: the next of the list. */
static int on_bytes(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct reader *r = arg;
	const unsigned char *b = bytes;

	if (pump_came(r->p, r->seat, r->road, n))
		return err_set(e, ERR_STOPPED, "the copy ends");
	while (n) {
		size_t part;

		if (r->i == r->n)
			return err_set(e, ERR_SOURCE_READ,
				"the source gave more than was asked for");
		part = take_bytes(r, b, n);
		if (!part)
			return err_set(e, ERR_STOPPED, "the copy ends");
		b += part;
		n -= part;
	}
	return 0;
}

/* --- the list --- */

static void list_add(struct reader *r, uint64_t offset, uint64_t length)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->list = xreallocarray(r->list, r->cap, sizeof(*r->list));
	}
	r->list[r->n++] = (struct extent){offset, length, true};
}

static void list_range(struct reader *r, size_t index)
{
	const struct extents *x = &r->p->x;
	uint64_t from = index * r->p->range, end = range_end(r->p, from);

	for (size_t i = extents_find(x, from); i < x->n; i++) {
		uint64_t a = x->e[i].offset, b = a + x->e[i].length;

		if (a >= end)
			break;
		a = a > from ? a : from;
		b = b < end ? b : end;
		if (x->e[i].data)
			list_add(r, a, b - a);
	}
}

static void list_make(struct reader *r, size_t first, size_t end)
{
	r->n = r->i = 0;
	r->done = 0;
	r->at = first * r->p->range;
	for (size_t i = first; i < end; i++)
		if (r->p->wanted[i])
			list_range(r, i);
}

/* --- tries --- */

/* Half a piece is read again: sources are asked from block to block. */
static void disconnect(struct reader *r)
{
	if (r->src)
		r->p->job->in->kind->reader_close(r->src);
	r->src = NULL;
	if (r->piece) {
		r->done -= r->piece->len;
		r->piece->len = 0;
	}
}

static int connect_by(struct reader *r, int road, struct err *e)
{
	struct disk_in *in = r->p->job->in;
	void *src;

	if (r->src && r->road != road)
		disconnect(r);
	r->road = road;
	if (r->src)
		return 0;
	if (in->kind->reader_open(in, road, &src, e))
		return -1;
	r->src = src;
	return 0;
}

static int read_rest(struct reader *r, struct err *e)
{
	const struct disk_in *in = r->p->job->in;
	_free_ struct extent *rest = NULL;
	size_t n = r->n - r->i;

	pump_quiet(r->p);
	if (connect_by(r, pump_road(r->p, r->seat), e))
		return -1;
	rest = xreallocarray(NULL, n, sizeof(*rest));
	memcpy(rest, r->list + r->i, n * sizeof(*rest));
	rest[0].offset += r->done;
	rest[0].length -= r->done;
	if (in->kind->read(r->src, rest, n, on_bytes, r, e))
		return -1;
	if (r->i < r->n)
		return err_set(e, ERR_SOURCE_READ,
			"the source gave less than was asked for");
	return 0;
}

/* A trouble to be shown, "" for none, and a note for the log. */
static void say(struct pump *p, const char *trouble, const char *note)
{
	pthread_mutex_lock(&p->lock);
	snprintf(p->trouble, sizeof(p->trouble), "%s", trouble);
	if (note) {
		buf_addf(&p->notes, "%s\n", note);
		p->retries++;
	}
	pthread_mutex_unlock(&p->lock);
}

/* Errors that another connection may not meet. A refused login is none. */
static bool worth_a_try(enum err_code code)
{
	return code == ERR_SSH_LOST || code == ERR_SSH_CONNECT ||
		code == ERR_HTTPS_CONNECT || code == ERR_TIMEOUT ||
		code == ERR_ESXI_BUSY || code == ERR_SOURCE_READ ||
		code == ERR_IO || code == ERR_NBD;
}

/* Tries at one place: without progress between them. */
struct tries {
	double since, pause;
	unsigned n;
	size_t i;
	uint64_t done;
};

static double patience_of(const struct reader *r)
{
	double all = r->p->job->patience > 0 ? r->p->job->patience : PATIENCE;

	return all > PATIENCE_ROAD && pump_others(r->p, r->road) ? PATIENCE_ROAD
								 : all;
}

/* Wait before the next try. -1: no more of them. */
static int wait_again(struct reader *r, struct tries *t, const struct err *why)
{
	struct pump *p = r->p;
	double patience = patience_of(r);
	double now = now_mono(), until;
	char trouble[96], note[256], where[STR_SIZE_LEN];
	bool here = why->code == ERR_SOURCE_READ || why->code == ERR_IO;

	if (!t->n || t->i != r->i || t->done != r->done)
		*t = (struct tries){
			now, patience * PAUSE_FIRST, 0, r->i, r->done};
	if (!worth_a_try(why->code) || now - t->since > patience ||
		(++t->n >= SAME_MAX && here))
		return -1;
	if (why->code == ERR_ESXI_BUSY)
		pump_busy(p, t->pause);
	snprintf(trouble, sizeof(trouble), "%s, again in %.1f s",
		here                                 ? N_("read error")
			: why->code == ERR_ESXI_BUSY ? N_("the host is busy")
						     : N_("connection lost"),
		t->pause);
	snprintf(note, sizeof(note), N_("at %s: %.150s; again in %.1f s"),
		str_size(where, r->at), why->why, t->pause);
	say(p, trouble, note);
	until = now + t->pause;
	while (now_mono() < until && !pump_ended(p))
		poll(NULL, 0, 20);
	t->pause *= 2;
	if (t->pause > patience * PAUSE_MAX)
		t->pause = patience * PAUSE_MAX;
	return pump_ended(p) ? -1 : 0;
}

/* Nothing that another road would change. */
static bool final(enum err_code code)
{
	return code == ERR_STOPPED || code == ERR_SOURCE_CHANGED ||
		code == ERR_INTERNAL;
}

/* After a failure: wait, or change the road. False: there is no way on. */
static bool goes_on(struct reader *r, struct tries *t, const struct err *why)
{
	struct pump *p = r->p;

	if (pump_ended(p) || final(why->code))
		return false;
	/* Where nothing ever came nobody waits. */
	if (why->code == ERR_ESXI_BUSY || !pump_drop(p, r->road, false, why)) {
		if (wait_again(r, t, why) == 0)
			return true;
		if (pump_ended(p) || !pump_drop(p, r->road, true, why))
			return false;
	}
	*t = (struct tries){0};
	return true;
}

static int read_list(struct reader *r, struct err *e)
{
	struct tries t = {0};
	struct err why = {0};
	bool trouble = false;

	r->begun = now_mono();
	while (read_rest(r, &why)) {
		disconnect(r);
		if (!goes_on(r, &t, &why)) {
			*e = why;
			return -1;
		}
		trouble = true;
		err_clear(&why);
	}
	if (trouble)
		say(r->p, "", NULL);
	return 0;
}

static void give_up(struct pump *p, const struct err *e)
{
	pthread_mutex_lock(&p->lock);
	if (!p->ended && !p->err.code)
		p->err = *e;
	pthread_mutex_unlock(&p->lock);
	pump_end(p);
}

static void running(struct pump *p, int more)
{
	pthread_mutex_lock(&p->lock);
	p->running += more;
	pthread_mutex_unlock(&p->lock);
}

static void *run(void *arg)
{
	struct reader *r = arg;
	struct pump *p = r->p;
	struct err e = {0};
	size_t first, end;

	while (!pump_ended(p) && pump_next(p, r->seat, &first, &end)) {
		if (pump_leave(p, r->seat))
			disconnect(r);
		list_make(r, first, end);
		if (r->n && read_list(r, &e)) {
			give_up(p, &e);
			break;
		}
		skip_to(r, end * p->range < p->size ? end * p->range : p->size);
	}
	disconnect(r);
	if (r->piece)
		pump_release(p, r->piece);
	running(p, -1);
	pump_wake(p);
	return NULL;
}

int copy_readers_start(struct pump *p, struct reader **out, struct err *e)
{
	unsigned many = p->readers;
	struct reader *all = xcalloc(many + 1, sizeof(*all));
	sigset_t every, before;

	/* Signals are for the thread that waits for them. */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	for (unsigned i = 0; i < many; i++) {
		struct reader *r = &all[i];
		int n;

		r->p = p;
		r->seat = i;
		r->sum = sha256_new();
		running(p, 1);
		n = pthread_create(&r->thread, NULL, run, r);
		if (!n)
			continue;
		/* The copy goes on with those there are. */
		running(p, -1);
		sha256_free(r->sum);
		r->p = NULL;
		pthread_mutex_lock(&p->lock);
		p->readers = i;
		pthread_mutex_unlock(&p->lock);
		errno = n;
		break;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	*out = all;
	if (!all[0].p)
		return err_sys(e, ERR_IO, "cannot start a thread");
	return 0;
}

void copy_readers_join(struct reader *all)
{
	for (unsigned i = 0; all[i].p; i++) {
		pthread_join(all[i].thread, NULL);
		sha256_free(all[i].sum);
		free(all[i].list);
	}
	free(all);
}
