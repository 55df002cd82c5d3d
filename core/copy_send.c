/*
 * What the writer of a copy sends, and the answers: see copy_writer.h. Keeps
 * true: a range is COPY_WRITTEN only when all requests of all its pieces were
 * answered well; a buffer is not given back before the target has answered
 * for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "copy_writer.h"
#include "str.h"

#define ZEROING_MAX 4 /* requests that zero what nobody reads */

/* --- answers --- */

enum err_code writer_code(int err_no)
{
	return err_no == ENOTCONN || err_no == ESHUTDOWN || err_no == ECANCELED
		? ERR_NBD
		: ERR_TARGET_WRITE;
}

static void write_failed(struct writer *w, uint64_t off, int err_no)
{
	char where[STR_SIZE_LEN];
	struct err e = {0};

	errno = err_no;
	err_sys(&e, writer_code(err_no), "at %s", str_size(where, off));
	writer_fail(w, &e);
}

static void work_written(struct writer *w, struct work *work)
{
	if (!work->failed) {
		memcpy(w->map->slot[work->index].sha, work->sha, SHA256_LEN);
		w->state[work->index] = COPY_WRITTEN;
	}
	pump_work_done(w->p, work);
}

static void piece_done(struct writer *w, struct piece *piece)
{
	struct work *work = piece->work;

	if (piece->buf && !work->failed)
		w->data_done += piece->len;
	pump_release(w->p, piece);
	if (--work->pending == 0 && work->closed)
		work_written(w, work);
}

static void request_done(void *arg, int err_no)
{
	struct piece *piece = arg;
	struct writer *w = piece->pump->writer;

	w->in_flight--;
	if (err_no) {
		piece->work->failed = true;
		write_failed(w, piece->off, err_no);
	}
	if (--piece->pending == 0)
		piece_done(w, piece);
}

/* A zeroing without a piece. */
struct zeroing {
	struct writer *w;
	size_t index; /* the range, or w->p->n: the tail */
	uint64_t off;
};

static void zeroing_done(void *arg, int err_no)
{
	struct zeroing *z = arg;
	struct writer *w = z->w;

	w->in_flight--;
	w->zeroing--;
	if (err_no)
		write_failed(w, z->off, err_no);
	else if (z->index < w->p->n)
		w->state[z->index] = COPY_WRITTEN;
	else /* no range: a flush sent before this answer is not enough */
		w->unflushed++;
	free(z);
}

/* --- requests --- */

/* The length of what ends with the source, up to a whole block. */
static uint64_t padded(const struct writer *w, uint64_t off, uint64_t len)
{
	uint64_t over = (off + len) % w->out->block;

	return over ? len + w->out->block - over : len;
}

static bool must_zero(const struct writer *w, uint64_t off, uint64_t len)
{
	return !w->p->zeroed && !extents_zero(&w->known, off, len);
}

static void send_zero(
	struct writer *w, struct piece *piece, uint64_t off, uint64_t len)
{
	struct err e = {0};

	if (!must_zero(w, off, len))
		return;
	piece->pending++;
	w->in_flight++;
	w->unflushed += len;
	if (w->out->ops->zero(
		    w->out->priv, len, off, request_done, piece, &e) == 0)
		return;
	piece->pending--;
	piece->work->failed = true;
	writer_refused(w, &e);
}

static void send_write(
	struct writer *w, struct piece *piece, uint64_t off, uint64_t len)
{
	struct err e = {0};

	piece->pending++;
	w->in_flight++;
	w->unflushed += len;
	if (w->out->ops->write(w->out->priv, piece->buf + (off - piece->off),
		    len, off, request_done, piece, &e) == 0)
		return;
	piece->pending--;
	piece->work->failed = true;
	writer_refused(w, &e);
}

/* Runs of blocks of one kind, each one request. */
static void send_blocks(struct writer *w, struct piece *piece)
{
	uint64_t len = piece->len, o = 0;

	while (o < len && !w->broken) {
		bool zero = piece->zero >> (o / COPY_BLOCK) & 1;
		uint64_t from = o, n;

		while (o < len && (piece->zero >> (o / COPY_BLOCK) & 1) == zero)
			o += COPY_BLOCK;
		o = o < len ? o : len;
		n = o - from;
		if (zero)
			w->r->zero += n;
		else
			w->r->written += n;
		if (o == len)
			n = padded(w, piece->off + from, n);
		if (zero)
			send_zero(w, piece, piece->off + from, n);
		else
			send_write(w, piece, piece->off + from, n);
	}
}

static void take_piece(struct writer *w, struct piece *piece)
{
	struct work *work = piece->work;
	uint64_t end = padded(w, piece->off, piece->len);

	work->pending++;
	work->closed = piece->last;
	piece->pending = 1; /* ours, until all requests are out */
	if (writer_failed(w)) {
		work->failed = true;
	} else if (piece->buf) {
		memset(piece->buf + piece->len, 0, end - piece->len);
		send_blocks(w, piece);
	} else {
		w->r->skipped_by_map += piece->len;
		send_zero(w, piece, piece->off, end);
	}
	if (--piece->pending == 0)
		piece_done(w, piece);
}

void writer_take(struct writer *w)
{
	struct piece *next, *piece = pump_take(w->p);

	for (; piece; piece = next) {
		next = piece->next;
		take_piece(w, piece);
	}
}

static void send_zeroing(
	struct writer *w, size_t index, uint64_t off, uint64_t len)
{
	struct zeroing *z = xcalloc(1, sizeof(*z));
	struct err e = {0};

	*z = (struct zeroing){w, index, off};
	w->in_flight++;
	w->zeroing++;
	w->unflushed += len;
	if (w->out->ops->zero(w->out->priv, len, off, zeroing_done, z, &e) == 0)
		return;
	w->zeroing--;
	free(z);
	writer_refused(w, &e);
}

/* A range that is a hole from end to end: no reader sees it. */
static void zero_range(struct writer *w, size_t i)
{
	uint64_t off = i * w->p->range, len = copy_map_len(w->map, i);

	w->r->skipped_by_map += len;
	memcpy(w->map->slot[i].sha, copy_map_zero(w->map, i), SHA256_LEN);
	len = padded(w, off, len);
	if (must_zero(w, off, len))
		send_zeroing(w, i, off, len);
	else
		w->state[i] = COPY_WRITTEN;
}

static void zero_tail(struct writer *w)
{
	uint64_t from = padded(w, 0, w->p->size);

	if (from < w->out->size && must_zero(w, from, w->out->size - from))
		send_zeroing(w, w->p->n, from, w->out->size - from);
}

bool writer_zeroing(const struct writer *w)
{
	return w->zero_next <= w->p->n;
}

void writer_zero(struct writer *w)
{
	while (writer_zeroing(w) && w->zeroing < ZEROING_MAX &&
		!writer_failed(w)) {
		size_t i = w->zero_next++;

		if (i == w->p->n)
			zero_tail(w);
		else if (!w->p->wanted[i] && w->state[i] == COPY_OPEN)
			zero_range(w, i);
	}
}
