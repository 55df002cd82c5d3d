/*
 * Reading back what a copy wrote, while it goes on: see copy_writer.h. Keeps
 * true: a range is checked only when all of its bytes were read from the
 * target after the flush that its mark stands for, past the page cache, and
 * gave the digest taken while the source was read. Reads wait where the
 * target has enough to do with writing.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "copy_writer.h"
#include "str.h"

#define LANES 2 /* ranges at once, each with a thread for its digest */
#define DEPTH 2 /* reads of each under way, or on their way there */

struct back_piece {
	unsigned char *buf; /* COPY_PIECE bytes */
	struct lane *lane;
	uint64_t off;
	size_t len, disk; /* bytes read; of these, bytes of the source's size */
	bool read;        /* the answer came */
	bool last;        /* of its range */
};

enum { GOOD = 1, TO_NOTE, NOTED };

struct lane {
	struct back *back;
	pthread_t thread;
	uint64_t at; /* the next offset to be asked for; UINT64_MAX: none */

	pthread_cond_t more; /* with the lock of back, as all below */
	struct back_piece piece[DEPTH]; /* a ring, in the order of asking */
	unsigned first, used;
};

struct back {
	struct writer *w;
	struct lane lane[LANES];
	unsigned lanes;       /* of these, with a thread */
	unsigned char *asked; /* by range; the writer's thread only */
	bool finishing;
	size_t from; /* no range before it is to be asked for */

	pthread_mutex_t lock; /* of all below */
	bool ended;
	/* By range: it gave its digest; from then on the writer's. */
	unsigned char *good;
	size_t n_good, noted;
	struct err err; /* the first that did not */
};

/* --- the digest's thread --- */

static void compare(struct back *b, const struct back_piece *p,
	const unsigned char sha[SHA256_LEN])
{
	const struct copy_map *m = b->w->map;
	size_t i = p->off / m->range;
	char where[STR_SIZE_LEN];

	pthread_mutex_lock(&b->lock);
	if (memcmp(sha, m->slot[i].sha, SHA256_LEN) == 0) {
		b->good[i] = GOOD;
		b->n_good++;
	} else if (!b->err.code) {
		err_set(&b->err, ERR_VERIFY_MISMATCH,
			"another content than was read from the source comes "
			"back in the %llu bytes from offset %llu (%s) on",
			(unsigned long long)copy_map_len(m, i),
			(unsigned long long)(i * m->range),
			str_size(where, i * m->range));
	}
	pthread_mutex_unlock(&b->lock);
}

/* The next piece in order, once it is read; null: the end. */
static struct back_piece *next_piece(struct lane *l)
{
	struct back *b = l->back;
	struct back_piece *p;

	pthread_mutex_lock(&b->lock);
	p = &l->piece[l->first];
	while (!b->ended && !(l->used && p->read))
		pthread_cond_wait(&l->more, &b->lock);
	if (b->ended)
		p = NULL;
	pthread_mutex_unlock(&b->lock);
	return p;
}

static void *digest(void *arg)
{
	_sha256_ struct sha256 *sum = sha256_new();
	unsigned char sha[SHA256_LEN];
	struct lane *l = arg;
	struct back *b = l->back;
	struct back_piece *p;

	while ((p = next_piece(l))) {
		sha256_add(sum, p->buf, p->disk);
		if (p->last) {
			sha256_end(sum, sha);
			compare(b, p, sha);
		}
		pthread_mutex_lock(&b->lock);
		p->read = false;
		l->first = (l->first + 1) % DEPTH;
		l->used--;
		pthread_mutex_unlock(&b->lock);
		pump_wake(b->w->p);
	}
	return NULL;
}

/* --- the writer's thread --- */

static void on_read(void *arg, int err_no)
{
	struct back_piece *p = arg;
	struct back *b = p->lane->back;
	struct writer *w = b->w;
	char where[STR_SIZE_LEN];
	struct err e = {0};

	w->in_flight--;
	if (err_no) {
		errno = err_no;
		err_sys(&e, ERR_IO, "read the target back at %s",
			str_size(where, p->off));
		writer_fail(w, &e);
		return;
	}
	pthread_mutex_lock(&b->lock);
	p->read = true;
	pthread_cond_signal(&p->lane->more);
	pthread_mutex_unlock(&b->lock);
}

/* Marked, not of zeros (the target's own word serves for those), and nobody
 * has read it back. */
static bool to_be_read(const struct back *b, size_t i)
{
	const struct copy_slot *s = &b->w->map->slot[i];

	return b->w->state[i] == COPY_MARKED && s->kind == COPY_DATA &&
		!s->checked && !b->asked[i];
}

static bool next_range(struct back *b, struct lane *l)
{
	while (b->from < b->w->p->n && !to_be_read(b, b->from))
		b->from++;
	if (b->from == b->w->p->n)
		return false;
	b->asked[b->from] = 1;
	l->at = b->from * b->w->p->range;
	return true;
}

static struct back_piece *free_piece(struct back *b, struct lane *l)
{
	struct back_piece *p = NULL;

	pthread_mutex_lock(&b->lock);
	if (l->used < DEPTH)
		p = &l->piece[(l->first + l->used) % DEPTH];
	pthread_mutex_unlock(&b->lock);
	return p;
}

static void set_piece(struct back *b, struct lane *l, struct back_piece *p)
{
	const struct copy_map *m = b->w->map;
	size_t i = l->at / m->range;
	uint64_t end = i * m->range + copy_map_len(m, i), over;

	p->off = l->at;
	p->disk = end - l->at < COPY_PIECE ? end - l->at : COPY_PIECE;
	over = p->disk % b->w->out->block;
	p->len = p->disk + (over ? b->w->out->block - over : 0);
	p->read = false;
	p->last = p->off + p->disk == end;
	l->at = p->last ? UINT64_MAX : p->off + p->disk;
}

static int ask(
	struct back *b, struct lane *l, struct back_piece *p, struct err *e)
{
	const struct disk_out *out = b->w->out;

	set_piece(b, l, p);
	b->w->in_flight++;
	pthread_mutex_lock(&b->lock);
	l->used++;
	pthread_mutex_unlock(&b->lock);
	return out->ops->read(out->priv, p->buf, p->len, p->off, on_read, p, e);
}

/* As much as it has room for. True where no range is left to be asked for. */
static bool ask_lane(struct back *b, struct lane *l)
{
	struct back_piece *p;
	struct err e = {0};

	while (!writer_failed(b->w) && !b->w->broken) {
		p = free_piece(b, l);
		if (!p)
			return false;
		if (l->at == UINT64_MAX && !next_range(b, l))
			return true;
		if (ask(b, l, p, &e))
			writer_refused(b->w, &e);
	}
	return false;
}

static bool ask_more(struct back *b)
{
	bool all = true;

	for (unsigned i = 0; i < b->lanes; i++)
		all &= ask_lane(b, &b->lane[i]);
	return all;
}

/* A buffer is free: the target takes what the readers bring. */
static bool target_keeps_up(struct pump *p)
{
	bool yes;

	pthread_mutex_lock(&p->lock);
	yes = p->free != NULL && p->running;
	pthread_mutex_unlock(&p->lock);
	return yes;
}

/* What the digest's thread found. */
static void take_good(struct back *b)
{
	struct err e;

	pthread_mutex_lock(&b->lock);
	e = b->err;
	pthread_mutex_unlock(&b->lock);
	if (e.code && !writer_failed(b->w))
		writer_fail(b->w, &e);
}

void back_look(struct writer *w)
{
	if (!w->back)
		return;
	take_good(w->back);
	/* What is measured is measured without it. */
	if (w->roads.phase == ROADS_STEADY && target_keeps_up(w->p))
		ask_more(w->back);
}

void back_marked(struct writer *w)
{
	if (w->back)
		w->back->from = 0;
}

/* Take over what the digest's thread found good. True where there is any. */
static bool take_over(struct back *b)
{
	bool any = b->n_good > b->noted;

	for (size_t i = 0; any && i < b->w->p->n; i++)
		if (b->good[i] == GOOD) {
			b->good[i] = TO_NOTE;
			b->w->map->slot[i].checked = true;
		}
	b->noted = b->n_good;
	return any;
}

static int note_run(struct back *b, size_t first, size_t n, struct err *e)
{
	const struct copy_mark mark = {
		.map = b->w->map, .first = first, .n = n, .checked = true};

	return b->w->job->mark(b->w->job->ctx, &mark, e);
}

void back_note(struct writer *w)
{
	const struct copy_slot *slot = w->map->slot;
	struct back *b = w->back;
	struct err e = {0};
	bool any;

	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	any = take_over(b);
	pthread_mutex_unlock(&b->lock);
	for (size_t i = 0, from; any && i < w->p->n; i++) {
		bool fresh = false;

		for (from = i; i < w->p->n && slot[i].checked; i++) {
			fresh |= b->good[i] == TO_NOTE;
			b->good[i] = b->good[i] ? NOTED : 0;
		}
		if (fresh && note_run(b, from, i - from, &e)) {
			w->broken = true;
			writer_fail(w, &e);
			return;
		}
	}
}

static bool busy(struct back *b)
{
	bool is;

	pthread_mutex_lock(&b->lock);
	is = b->err.code;
	for (unsigned i = 0; i < b->lanes; i++)
		is |= b->lane[i].used > 0;
	pthread_mutex_unlock(&b->lock);
	return is;
}

void back_finish(struct writer *w)
{
	struct err e = {0};

	if (w->back)
		w->back->finishing = true;
	while (w->back && !writer_failed(w)) {
		if (writer_stopped(w, &e)) {
			writer_fail(w, &e);
			return;
		}
		take_good(w->back);
		/* Lanes that were full may be empty a moment later. */
		if (ask_more(w->back) && !busy(w->back))
			return;
		writer_wait(w, 100);
		(void)!pump_take(w->p); /* its wake; no reader is left */
		writer_tell(w, false);
	}
}

bool back_goes_on(const struct writer *w)
{
	return w->back && w->back->finishing;
}

/* Its thread, and the buffers it needs; false: not with this one. */
static bool lane_start(struct back *b, struct lane *l)
{
	l->back = b;
	l->at = UINT64_MAX;
	pthread_cond_init(&l->more, NULL);
	for (unsigned i = 0; i < DEPTH; i++) {
		l->piece[i].buf = xaligned(COPY_PIECE);
		l->piece[i].lane = l;
	}
	return pthread_create(&l->thread, NULL, digest, l) == 0;
}

static void lane_free(struct lane *l)
{
	for (unsigned i = 0; i < DEPTH; i++)
		free(l->piece[i].buf);
	pthread_cond_destroy(&l->more);
}

void back_start(struct writer *w)
{
	struct back *b;
	sigset_t every, before;

	if (!w->job->check || !w->out->direct)
		return;
	b = xcalloc(1, sizeof(*b));
	b->w = w;
	b->asked = xcalloc(w->p->n, 1);
	b->good = xcalloc(w->p->n, 1);
	pthread_mutex_init(&b->lock, NULL);
	w->back = b;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	while (b->lanes < LANES && lane_start(b, &b->lane[b->lanes]))
		b->lanes++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (b->lanes < LANES)
		lane_free(&b->lane[b->lanes]);
	/* Without a thread all is read back afterwards. */
	if (!b->lanes)
		back_end(w);
}

void back_end(struct writer *w)
{
	struct back *b = w->back;

	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->ended = true;
	for (unsigned i = 0; i < b->lanes; i++)
		pthread_cond_signal(&b->lane[i].more);
	pthread_mutex_unlock(&b->lock);
	for (unsigned i = 0; i < b->lanes; i++) {
		pthread_join(b->lane[i].thread, NULL);
		lane_free(&b->lane[i]);
	}
	pthread_mutex_destroy(&b->lock);
	free(b->asked);
	free(b->good);
	free(b);
	w->back = NULL;
}
