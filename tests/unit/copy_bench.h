/*
 * A copy between the fakes of fake_disk.h, with a caller who keeps its marks
 * as journal lines and checks each against what the target holds for sure.
 */
#ifndef COPY_BENCH_H
#define COPY_BENCH_H

#include "core/copy.h"
#include "core/stop.h"
#include "fake_disk.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)

/* What the caller of a copy keeps: the marks, as journal lines. */
struct keeper {
	json_t *lines;
	json_t *identity;
	char *left_out;
	const struct fake_out *out; /* to look at what is marked */
	const struct fake_in *in;
	int marks, refuse_mark, stop_at_mark;
	int notes;
	int checks; /* marks of what was read back */
};

static inline int keep_begin(
	void *ctx, const json_t *identity, const char *left_out, struct err *e)
{
	struct keeper *k = ctx;

	(void)e;
	if (!k->identity)
		k->identity = json_deep_copy(identity);
	str_set(&k->left_out, left_out);
	return 0;
}

/* A marked range is in the safe part of the target, to the byte. */
static inline int keep_mark(void *ctx, const struct copy_mark *m, struct err *e)
{
	struct keeper *k = ctx;

	k->checks += m->checked;
	if (++k->marks == k->refuse_mark)
		return err_set(e, ERR_IO, "the journal is full");
	if (k->marks == k->stop_at_mark)
		stop_asked = 1;
	json_array_append_new(k->lines, copy_mark_to_json(m, 7));
	/* cmocka's own comparison, a byte at a time, took most of a test. */
	for (size_t i = m->first; i < m->first + m->n; i++)
		if (memcmp(k->out->safe + i * m->map->range,
			    k->in->data + i * m->map->range,
			    copy_map_len(m->map, i)) != 0)
			fail_msg("range %zu is marked and not safe", i);
	return 0;
}

static inline void keep_note(void *ctx, const char *line)
{
	struct keeper *k = ctx;

	assert_true(*line);
	k->notes++;
}

static inline struct keeper keeper(
	const struct fake_in *in, const struct fake_out *out)
{
	return (struct keeper){.lines = json_array(), .in = in, .out = out};
}

static inline void keeper_free(struct keeper *k)
{
	json_decref(k->lines);
	json_decref(k->identity);
	free(k->left_out);
}

static inline struct copy_map *keeper_map(const struct keeper *k)
{
	struct copy_map *m = NULL;
	struct err e = {0};
	json_t *line;
	size_t i;

	json_array_foreach (k->lines, i, line) {
		assert_int_equal(json_u64(line, "disk", 0), 7);
		if (copy_mark_from_json(line, &m, &e))
			fail_msg("%s", e.why);
	}
	return m;
}

struct bench {
	struct fake_in in;
	struct fake_out out;
	struct keeper keep;
	struct copy_job job;
	struct disk_in din;
	struct disk_out dout;
};

static inline void bench_make(
	struct bench *b, uint64_t size, uint64_t target, bool zeroed)
{
	fake_in_fill(&b->in, size, 4096);
	fake_out_make(&b->out, target, zeroed);
	b->keep = keeper(&b->in, &b->out);
	b->din = fake_in_open(&b->in);
	b->dout = fake_out_open(&b->out);
	b->job = (struct copy_job){
		.in = &b->din,
		.out = &b->dout,
		.range = 64 * KIB << random() % 3,
		.target_zeroed = zeroed,
		.flush_every = 0.001,
		.patience = 6,
		.ctx = &b->keep,
		.begin = keep_begin,
		.mark = keep_mark,
		.note = keep_note,
	};
}

static inline void bench_free(struct bench *b)
{
	source_close(&b->din);
	cleanup_sink(&b->dout);
	fake_out_free(&b->out);
	keeper_free(&b->keep);
}

static inline void must_copy(struct bench *b, struct copy_result *r)
{
	struct err e = {0};

	if (copy_run(&b->job, r, &e))
		fail_msg("%s: %s: %s", err_id(e.code), e.what, e.why);
}

static inline enum err_code must_fail(struct bench *b)
{
	struct copy_result r;
	struct err e = {0};

	assert_int_equal(copy_run(&b->job, &r, &e), -1);
	assert_true(*e.why);
	return e.code;
}

/* The target holds the source, zeros behind it, and the marks say so. */
static inline void identical(struct bench *b)
{
	_copy_map_ struct copy_map *m = keeper_map(&b->keep);
	struct copy_checked checked;
	struct copy_check check = {.out = &b->dout, .map = m};
	struct err e = {0};
	int bad = memcmp(b->in.data, b->out.safe, b->in.size);

	assert_int_equal(bad, 0);
	for (uint64_t i = b->in.size; i < b->out.size; i++)
		assert_int_equal(b->out.safe[i], 0);
	assert_true(copy_map_complete(m));
	assert_int_equal(copy_map_done(m), b->in.size);
	if (b->out.closed)
		b->dout = fake_out_open(&b->out);
	if (copy_verify(&check, &checked, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	assert_int_equal(
		checked.read + checked.known + checked.checked, b->out.size);
}

/* As a new process would: from the lines alone. */
static inline void resume(struct bench *b, struct copy_result *r)
{
	_copy_map_ struct copy_map *done = keeper_map(&b->keep);

	if (b->out.closed || !b->dout.ops)
		b->dout = fake_out_open(&b->out);
	b->job.done = done;
	b->job.identity = b->keep.identity;
	b->job.left_out = b->keep.left_out;
	must_copy(b, r);
	b->job.done = NULL;
	b->job.identity = NULL;
}

#endif
