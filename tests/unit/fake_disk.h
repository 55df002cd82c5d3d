/*
 * A source and a target in memory for the tests of the copy. The source can
 * fail, run dry, give too much or change; the target answers late and in any
 * order, keeps apart what was flushed from what was not, can refuse, fail,
 * die, and after a crash holds all that was flushed and any of the rest.
 */
#ifndef FAKE_DISK_H
#define FAKE_DISK_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sink.h"
#include "core/source.h"
#include "core/str.h"

/* --- the source --- */

struct fake_in {
	unsigned char *data;
	uint64_t size;
	struct extents map; /* empty: all data */
	uint64_t mtime;
	uint64_t fail_at; /* reading across it fails, */
	int fail_times;   /* so often, */
	enum err_code fail_code;
	enum { FAKE_ERROR, FAKE_SHORT, FAKE_MORE } fail_how;
	int refuse_opens; /* reader_open fails so often */
	int opens;
	unsigned piece;     /* bytes handed over at once; 0: 100000 */
	uint64_t change_at; /* mtime changes when this is read */
	pthread_mutex_t lock;
};

static inline int fake_in_identity(
	struct disk_in *in, json_t **out, struct err *e)
{
	struct fake_in *f = in->priv;

	(void)e;
	*out = json_object();
	json_put_u64(*out, "size", f->size);
	json_put_u64(*out, "mtime", f->mtime);
	return 0;
}

static inline int fake_in_extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	struct fake_in *f = in->priv;
	struct extents x = {0};

	(void)e;
	for (size_t i = 0; i < f->map.n; i++)
		extents_add(&x, f->map.e[i].length, f->map.e[i].data);
	if (!f->map.n) {
		extents_add(&x, f->size, true);
		*why = xstrdup("a fake without a map");
	}
	*out = x;
	return 0;
}

static inline int fake_in_reader(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	struct fake_in *f = in->priv;
	bool refused;

	(void)road;
	pthread_mutex_lock(&f->lock);
	f->opens++;
	refused = f->refuse_opens > 0 && f->refuse_opens--;
	pthread_mutex_unlock(&f->lock);
	if (refused)
		return err_set(e, ERR_SSH_CONNECT, "refused");
	*out = f;
	return 0;
}

/* Should this piece fail? Takes one of the times. */
static inline bool fake_in_fails(struct fake_in *f, uint64_t at, size_t n)
{
	bool fails;

	pthread_mutex_lock(&f->lock);
	if (f->change_at >= at && f->change_at < at + n)
		f->mtime++;
	fails = f->fail_times > 0 && f->fail_at >= at && f->fail_at < at + n;
	f->fail_times -= fails;
	pthread_mutex_unlock(&f->lock);
	return fails;
}

static inline int fake_in_read(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	struct fake_in *f = reader;
	size_t piece = f->piece ? f->piece : 100000;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = x[i].offset, end = at + x[i].length;

		if (at % 65536 || (end % 65536 && end != f->size))
			abort();
		while (at < end) {
			size_t part = end - at < piece ? end - at : piece;

			if (fake_in_fails(f, at, part)) {
				if (f->fail_how == FAKE_SHORT)
					return 0;
				if (f->fail_how == FAKE_ERROR)
					return err_set(e, f->fail_code, "fake");
			}
			if (got(arg, f->data + at, part, e))
				return -1;
			at += part;
		}
	}
	if (f->fail_how == FAKE_MORE && fake_in_fails(f, f->fail_at, 1))
		return got(arg, "x", 1, e);
	return 0;
}

static inline void fake_in_reader_close(void *reader)
{
	(void)reader;
}

static inline void fake_in_close(struct disk_in *in)
{
	struct fake_in *f = in->priv;

	extents_free(&f->map);
	free(f->data);
}

static const struct source fake_source = {
	.name = "fake",
	.identity = fake_in_identity,
	.extents = fake_in_extents,
	.reader_open = fake_in_reader,
	.read = fake_in_read,
	.reader_close = fake_in_reader_close,
	.close = fake_in_close,
	.readers = 2,
};

/* Data and holes of random lengths, with blocks of zeros inside the data. */
static inline void fake_in_fill(struct fake_in *f, uint64_t size, unsigned unit)
{
	uint64_t at = 0;

	*f = (struct fake_in){.size = size, .fail_code = ERR_SSH_LOST};
	f->data = calloc(1, size);
	f->change_at = UINT64_MAX;
	pthread_mutex_init(&f->lock, NULL);
	while (at < size) {
		uint64_t len = (1 + random() % 40) * (uint64_t)unit;
		int kind = random() % 4; /* 0, 1 data; 2 zeros; 3 hole */

		len = len < size - at ? len : size - at;
		for (uint64_t i = 0; kind < 2 && i < len; i += 2) {
			uint16_t two = random() >> 8;

			memcpy(f->data + at + i, &two, len - i < 2 ? 1 : 2);
		}
		extents_add(&f->map, len, kind != 3);
		at += len;
	}
}

static inline struct disk_in fake_in_open(struct fake_in *f)
{
	return (struct disk_in){.kind = &fake_source,
		.priv = f,
		.size = f->size,
		.roads = {"fake"},
		.n_roads = 1,
		.n_try = 1};
}

/* --- the target --- */

enum fake_kind { FAKE_WRITE, FAKE_ZERO, FAKE_FLUSH, FAKE_READ };

struct fake_op {
	enum fake_kind kind;
	unsigned char *copy; /* of a write's bytes, applied when answered */
	void *buf;
	uint64_t len, off;
	sink_done *done;
	void *arg;
};

struct fake_out {
	unsigned char *data;  /* as answered */
	unsigned char *safe;  /* as flushed */
	unsigned char *known; /* by 4096: the target says it is zero */
	uint64_t size;
	uint32_t block;
	struct fake_op op[4096];
	unsigned n;
	uint64_t fail_at; /* a write across it fails with fail_errno */
	int fail_errno;
	bool fail_reads;
	int fail_flush; /* the flush of this number fails; 1 first; 0 none */
	int die_after;  /* the connection dies after so many answers */
	int flushes, answers, writes, zeros, reads;
	bool closed;
};

static inline int fake_queue(
	struct fake_out *f, struct fake_op op, struct err *e)
{
	if (f->die_after && f->answers >= f->die_after)
		return err_set(e, ERR_NBD, "the fake died");
	if (f->n == ARRAY_LEN(f->op) || op.off % f->block ||
		op.len % f->block || op.off + op.len > f->size)
		abort();
	f->op[f->n++] = op;
	return 0;
}

static inline int fake_write(void *priv, const void *buf, size_t len,
	uint64_t off, sink_done *done, void *arg, struct err *e)
{
	struct fake_op op = {.kind = FAKE_WRITE,
		.buf = (void *)buf,
		.len = len,
		.off = off,
		.done = done,
		.arg = arg};

	return fake_queue(priv, op, e);
}

static inline int fake_zero(void *priv, uint64_t len, uint64_t off,
	sink_done *done, void *arg, struct err *e)
{
	struct fake_op op = {.kind = FAKE_ZERO,
		.len = len,
		.off = off,
		.done = done,
		.arg = arg};

	return fake_queue(priv, op, e);
}

static inline int fake_flush(
	void *priv, sink_done *done, void *arg, struct err *e)
{
	struct fake_out *f = priv;
	struct fake_op op = {.kind = FAKE_FLUSH, .done = done, .arg = arg};

	/* What was answered before now is what it promises. */
	op.copy = malloc(f->size);
	memcpy(op.copy, f->data, f->size);
	if (fake_queue(priv, op, e)) {
		free(op.copy);
		return -1;
	}
	return 0;
}

static inline int fake_read(void *priv, void *buf, size_t len, uint64_t off,
	sink_done *done, void *arg, struct err *e)
{
	struct fake_op op = {.kind = FAKE_READ,
		.buf = buf,
		.len = len,
		.off = off,
		.done = done,
		.arg = arg};

	return fake_queue(priv, op, e);
}

static inline int fake_do(struct fake_out *f, struct fake_op *op)
{
	bool hit = f->fail_errno && f->fail_at >= op->off &&
		f->fail_at < op->off + op->len;

	switch (op->kind) {
	case FAKE_WRITE:
		f->writes++;
		if (hit)
			return f->fail_errno;
		memcpy(f->data + op->off, op->buf, op->len);
		memset(f->known + op->off / 4096, 0, op->len / 4096 + 1);
		return 0;
	case FAKE_ZERO:
		f->zeros++;
		memset(f->data + op->off, 0, op->len);
		return 0;
	case FAKE_FLUSH:
		if (++f->flushes == f->fail_flush)
			return EIO;
		free(f->safe);
		f->safe = op->copy;
		op->copy = NULL;
		return 0;
	case FAKE_READ:
		f->reads++;
		if (f->fail_reads)
			return EIO;
		memcpy(op->buf, f->data + op->off, op->len);
		return 0;
	}
	return EINVAL;
}

static inline void fake_answer(struct fake_out *f, unsigned i, bool cancel)
{
	struct fake_op op = f->op[i];

	f->op[i] = f->op[--f->n];
	f->answers++;
	op.done(op.arg, cancel ? ECANCELED : fake_do(f, &op));
	free(op.copy);
}

/* Some of the requests, in any order. */
static inline int fake_wait(void *priv, int wake_fd, int ms, struct err *e)
{
	struct fake_out *f = priv;
	unsigned some = f->n ? random() % (f->n + 1) : 0;

	(void)wake_fd;
	(void)ms;
	if (!f->n)
		usleep(200);
	while (some--) {
		if (f->die_after && f->answers >= f->die_after)
			return err_set(e, ERR_NBD, "the fake died");
		fake_answer(f, random() % f->n, false);
	}
	return 0;
}

static inline int fake_status(void *priv, uint64_t off, uint64_t len,
	struct extents *out, struct err *e)
{
	struct fake_out *f = priv;
	uint64_t n = 4096 - off % 4096;

	(void)e;
	extents_add(out, n < len ? n : len, !f->known[off / 4096]);
	return 0;
}

static inline int fake_out_close(void *priv, struct err *e)
{
	struct fake_out *f = priv;

	(void)e;
	while (f->n)
		fake_answer(f, 0, true);
	f->closed = true;
	return 0;
}

static const struct sink_ops fake_ops = {
	.write = fake_write,
	.zero = fake_zero,
	.flush = fake_flush,
	.wait = fake_wait,
	.read = fake_read,
	.status = fake_status,
	.close = fake_out_close,
};

/* Full of rubbish, or of zeros. */
static inline void fake_out_make(struct fake_out *f, uint64_t size, bool zeroed)
{
	*f = (struct fake_out){.size = size, .block = 1};
	f->data = malloc(size);
	f->safe = malloc(size);
	f->known = calloc(1, size / 4096 + 2);
	memset(f->data, zeroed ? 0 : 0xa5, size);
	memcpy(f->safe, f->data, size);
}

static inline void fake_out_free(struct fake_out *f)
{
	free(f->data);
	free(f->safe);
	free(f->known);
}

static inline struct disk_out fake_out_open(struct fake_out *f)
{
	f->closed = false;
	return (struct disk_out){.ops = &fake_ops,
		.priv = f,
		.size = f->size,
		.block = f->block};
}

/* The power went: requests under way vanish, what was answered but not
 * flushed is there or not, block by block. */
static inline void fake_out_crash(struct fake_out *f)
{
	for (uint64_t at = 0; at < f->size; at += 4096) {
		uint64_t n = f->size - at < 4096 ? f->size - at : 4096;

		if (random() % 2)
			memcpy(f->data + at, f->safe + at, n);
		else
			memcpy(f->safe + at, f->data + at, n);
	}
}

#endif
