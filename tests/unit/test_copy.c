/* The copy against a source and a target in memory that fail on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/copy.h"
#include "core/stop.h"
#include "fake_disk.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)

/* What the caller of a copy keeps: the marks, as journal lines. */
struct keeper {
	json_t *lines;
	json_t *identity;
	const struct fake_out *out; /* to look at what is marked */
	const struct fake_in *in;
	int marks, refuse_mark, stop_at_mark;
	int notes;
};

static int keep_begin(void *ctx, const json_t *identity, struct err *e)
{
	struct keeper *k = ctx;

	(void)e;
	if (!k->identity)
		k->identity = json_deep_copy(identity);
	return 0;
}

/* A marked range is in the safe part of the target, to the byte. */
static int keep_mark(void *ctx, const struct copy_mark *m, struct err *e)
{
	struct keeper *k = ctx;

	if (++k->marks == k->refuse_mark)
		return err_set(e, ERR_IO, "the journal is full");
	if (k->marks == k->stop_at_mark)
		stop_asked = 1;
	json_array_append_new(k->lines, copy_mark_to_json(m, 7));
	for (size_t i = m->first; i < m->first + m->n; i++)
		assert_memory_equal(k->out->safe + i * m->map->range,
			k->in->data + i * m->map->range,
			copy_map_len(m->map, i));
	return 0;
}

static void keep_note(void *ctx, const char *line)
{
	struct keeper *k = ctx;

	assert_true(*line);
	k->notes++;
}

static struct keeper keeper(
	const struct fake_in *in, const struct fake_out *out)
{
	return (struct keeper){.lines = json_array(), .in = in, .out = out};
}

static void keeper_free(struct keeper *k)
{
	json_decref(k->lines);
	json_decref(k->identity);
}

static struct copy_map *keeper_map(const struct keeper *k)
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

static void bench_make(
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

static void bench_free(struct bench *b)
{
	source_close(&b->din);
	cleanup_sink(&b->dout);
	fake_out_free(&b->out);
	keeper_free(&b->keep);
}

static void must_copy(struct bench *b, struct copy_result *r)
{
	struct err e = {0};

	if (copy_run(&b->job, r, &e))
		fail_msg("%s: %s: %s", err_id(e.code), e.what, e.why);
}

static enum err_code must_fail(struct bench *b)
{
	struct copy_result r;
	struct err e = {0};

	assert_int_equal(copy_run(&b->job, &r, &e), -1);
	assert_true(*e.why);
	return e.code;
}

/* The target holds the source, zeros behind it, and the marks say so. */
static void identical(struct bench *b)
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
	assert_int_equal(checked.read + checked.known, b->out.size);
}

/* As a new process would: from the lines alone. */
static void resume(struct bench *b, struct copy_result *r)
{
	_copy_map_ struct copy_map *done = keeper_map(&b->keep);

	if (b->out.closed || !b->dout.ops)
		b->dout = fake_out_open(&b->out);
	b->job.done = done;
	b->job.identity = b->keep.identity;
	must_copy(b, r);
	b->job.done = NULL;
	b->job.identity = NULL;
}

/* The same disk, shorter: its size need be no multiple of anything. */
static void bench_cut(struct bench *b, uint64_t size)
{
	struct extents x = {0};

	for (size_t i = 0; i < b->in.map.n; i++) {
		uint64_t room = size - extents_end(&x);
		const struct extent *m = &b->in.map.e[i];

		extents_add(&x, m->length < room ? m->length : room, m->data);
	}
	extents_free(&b->in.map);
	b->in.map = x;
	b->in.size = b->din.size = size;
}

static void known_zero(struct fake_out *f, uint64_t at)
{
	memset(f->data + at, 0, 4096);
	memset(f->safe + at, 0, 4096);
	f->known[at / 4096] = 1;
}

static void copies_any_disk(void **state)
{
	(void)state;
	srandom(3);
	for (int round = 0; round < 60; round++) {
		uint64_t size = 512 * (1 + random() % 6000), more = 0;
		_copy_result_ struct copy_result r = {0};
		struct bench b;

		if (random() % 2)
			more = 4096 * (random() % 300);
		bench_make(&b, (size + 4095) / 4096 * 4096,
			(size + 4095) / 4096 * 4096 + more, random() % 2);
		bench_cut(&b, size);
		if (!b.job.target_zeroed)
			for (uint64_t at = 0; at + 4096 <= b.out.size;
				at += 4096)
				if (random() % 3 == 0)
					known_zero(&b.out, at);
		b.out.block = b.dout.block = 1U << (random() % 13);
		b.in.piece = 1 + random() % 200000;
		b.job.readers = 1 + random() % 5;
		b.job.read_all = random() % 4 == 0;
		must_copy(&b, &r);
		identical(&b);
		assert_int_equal(r.read + r.skipped_by_map, size);
		assert_int_equal(r.written + r.zero, r.read);
		assert_int_equal(r.provisioned, size);
		bench_free(&b);
	}
}

static void reads_only_what_was_written(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(4);
	bench_make(&b, 8 * MIB, 8 * MIB, true);
	extents_free(&b.in.map);
	memset(b.in.data, 0, 8 * MIB);
	memset(b.in.data + 3 * MIB, 1, MIB);
	memset(b.in.data + 7 * MIB, 2, 64 * KIB);
	extents_add(&b.in.map, 3 * MIB, false);
	extents_add(&b.in.map, MIB, true);
	extents_add(&b.in.map, 3 * MIB, false);
	extents_add(&b.in.map, 512 * KIB, true);
	extents_add(&b.in.map, 512 * KIB, false);
	must_copy(&b, &r);
	identical(&b);
	assert_int_equal(r.read, MIB + 512 * KIB);
	assert_int_equal(r.written, MIB + 64 * KIB);
	assert_int_equal(r.zero, 448 * KIB);
	assert_int_equal(r.skipped_by_map, 8 * MIB - r.read);
	assert_null(r.map_note);
	assert_int_equal(b.out.zeros, 0);
	bench_free(&b);
}

static void zeroes_what_it_must(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(5);
	bench_make(&b, 4 * MIB, 5 * MIB, false);
	/* Half of the target says that it is zero, and is. */
	memset(b.out.data, 0, 2 * MIB);
	memset(b.out.safe, 0, 2 * MIB);
	memset(b.out.known, 1, 2 * MIB / 4096);
	memset(b.in.data, 0, 4 * MIB);
	extents_free(&b.in.map);
	extents_add(&b.in.map, 4 * MIB, false);
	must_copy(&b, &r);
	identical(&b);
	assert_int_equal(r.read, 0);
	assert_int_equal(r.written, 0);
	/* 2 MiB in ranges, and the tail at once. */
	assert_int_equal(b.out.zeros, 2 * MIB / b.job.range + 1);
	bench_free(&b);
}

static void digest_is_of_the_disk(void **state)
{
	_sha256_ struct sha256 *d = sha256_new();
	unsigned char sha[SHA256_LEN];
	char hex[SHA256_HEX], first[SHA256_HEX] = "";

	(void)state;
	for (int readers = 1; readers < 4; readers++) {
		_copy_result_ struct copy_result r = {0};
		struct bench b;

		srandom(6);
		bench_make(&b, 3 * MIB + 512, 4 * MIB, readers % 2);
		b.job.range = 256 * KIB;
		b.job.readers = readers;
		b.job.read_all = readers == 2;
		must_copy(&b, &r);
		for (uint64_t at = 0; at < b.in.size; at += b.job.range) {
			uint64_t n = b.in.size - at;

			n = n < b.job.range ? n : b.job.range;
			sha256(b.in.data + at, n, sha);
			sha256_add(d, sha, sizeof(sha));
		}
		sha256_end(d, sha);
		hex_encode(hex, sha, sizeof(sha));
		assert_string_equal(r.digest, hex);
		if (*first)
			assert_string_equal(first, hex);
		memcpy(first, hex, sizeof(first));
		bench_free(&b);
	}
}

static void survives_a_lost_source(void **state)
{
	static const enum err_code codes[] = {
		ERR_SSH_LOST, ERR_TIMEOUT, ERR_SSH_CONNECT, ERR_SOURCE_READ};

	(void)state;
	srandom(7);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		_copy_result_ struct copy_result r = {0};
		struct bench b;

		bench_make(&b, 4 * MIB, 4 * MIB, i % 2);
		b.in.fail_at = random() % (4 * MIB);
		b.job.read_all = true;
		b.in.fail_code = codes[i];
		b.in.fail_times = 2;
		b.in.refuse_opens = i == 0;
		must_copy(&b, &r);
		identical(&b);
		assert_in_range(r.retries, 2, 3);
		assert_int_equal(b.keep.notes, r.retries);
		bench_free(&b);
	}
}

static void does_not_retry_what_is_final(void **state)
{
	static const enum err_code codes[] = {
		ERR_SSH_AUTH, ERR_SOURCE_LOCKED, ERR_SSH_HOSTKEY_CHANGED};

	(void)state;
	srandom(8);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct bench b;

		bench_make(&b, 2 * MIB, 2 * MIB, true);
		b.job.read_all = true;
		b.job.readers = 1;
		b.in.fail_at = MIB;
		b.in.fail_times = 1;
		b.in.fail_code = codes[i];
		assert_int_equal(must_fail(&b), codes[i]);
		assert_int_equal(b.in.opens, 1);
		bench_free(&b);
	}
}

static void gives_up_in_the_end(void **state)
{
	struct bench b;

	(void)state;
	bench_make(&b, 2 * MIB, 2 * MIB, true);
	b.job.read_all = true;
	b.in.fail_at = MIB;
	b.in.fail_times = 1000;
	b.job.patience = 0.6;
	assert_int_equal(must_fail(&b), ERR_SSH_LOST);
	/* At one bad place, three tries are enough. */
	b.in.fail_code = ERR_SOURCE_READ;
	b.in.opens = 0;
	b.job.patience = 6;
	b.job.readers = 1;
	assert_int_equal(must_fail(&b), ERR_SOURCE_READ);
	assert_int_equal(b.in.opens, 3);
	bench_free(&b);
}

static void counts_every_byte(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(9);
	bench_make(&b, 2 * MIB, 2 * MIB, true);
	b.job.read_all = true;
	b.in.fail_how = FAKE_SHORT;
	b.in.fail_at = MIB + 3;
	b.in.fail_times = 1;
	must_copy(&b, &r);
	identical(&b);
	assert_int_equal(r.retries, 1);
	bench_free(&b);
	bench_make(&b, 2 * MIB, 2 * MIB, true);
	b.job.read_all = true;
	b.in.fail_how = FAKE_SHORT;
	b.in.fail_times = 1000;
	assert_int_equal(must_fail(&b), ERR_SOURCE_READ);
	bench_free(&b);
	bench_make(&b, 2 * MIB, 2 * MIB, true);
	b.job.read_all = true;
	b.job.readers = 1;
	b.in.fail_how = FAKE_MORE;
	b.in.fail_times = 1000;
	assert_int_equal(must_fail(&b), ERR_SOURCE_READ);
	bench_free(&b);
}

static void refuses_a_changed_source(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(10);
	/* While it was read. */
	bench_make(&b, 2 * MIB, 2 * MIB, true);
	b.job.read_all = true;
	b.in.change_at = MIB;
	assert_int_equal(must_fail(&b), ERR_SOURCE_CHANGED);
	/* And so it stays for every later run, before a byte is written. */
	b.out.writes = 0;
	b.job.identity = b.keep.identity;
	b.in.change_at = UINT64_MAX;
	assert_int_equal(must_fail(&b), ERR_SOURCE_CHANGED);
	assert_int_equal(b.out.writes, 0);
	b.in.mtime--;
	must_copy(&b, &r);
	bench_free(&b);
}

static void refuses_a_small_target(void **state)
{
	struct bench b;

	(void)state;
	bench_make(&b, 2 * MIB, 2 * MIB - 512, true);
	assert_int_equal(must_fail(&b), ERR_NO_SPACE);
	assert_int_equal(b.out.writes, 0);
	assert_null(b.keep.identity);
	bench_free(&b);
}

static void full_target_goes_on(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(11);
	bench_make(&b, 8 * MIB, 8 * MIB, true);
	b.job.read_all = true;
	b.job.readers = 1;
	memset(b.in.data, 3, 8 * MIB);
	b.out.fail_at = 5 * MIB + 77;
	b.out.fail_errno = ENOSPC;
	assert_int_equal(must_fail(&b), ERR_NO_SPACE);
	assert_true(b.keep.marks > 0);
	b.out.fail_errno = 0;
	resume(&b, &r);
	identical(&b);
	/* What was safe before the wall was not read again. */
	assert_true(r.done_before > 0);
	assert_int_equal(r.read + r.done_before, 8 * MIB);
	bench_free(&b);
}

static void failed_flush_marks_nothing(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(12);
	bench_make(&b, 4 * MIB, 4 * MIB, false);
	b.out.fail_flush = 1;
	assert_int_equal(must_fail(&b), ERR_TARGET_WRITE);
	assert_int_equal(b.keep.marks, 0);
	resume(&b, &r);
	identical(&b);
	bench_free(&b);
}

static void failed_mark_stops(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(13);
	bench_make(&b, 4 * MIB, 4 * MIB, false);
	b.keep.refuse_mark = 1;
	assert_int_equal(must_fail(&b), ERR_IO);
	assert_int_equal(json_array_size(b.keep.lines), 0);
	resume(&b, &r);
	identical(&b);
	bench_free(&b);
}

static void stops_on_request(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(14);
	bench_make(&b, 8 * MIB, 8 * MIB, true);
	b.job.read_all = true;
	b.job.limit = 64 * MIB;
	b.keep.stop_at_mark = 1;
	assert_int_equal(must_fail(&b), ERR_STOPPED);
	stop_asked = 0;
	b.job.limit = 0;
	resume(&b, &r);
	identical(&b);
	assert_true(r.done_before > 0);
	bench_free(&b);
}

static void keeps_to_the_limit(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(15);
	bench_make(&b, 2 * MIB, 2 * MIB, true);
	b.job.read_all = true;
	b.job.limit = 4 * MIB;
	must_copy(&b, &r);
	identical(&b);
	/* The first piece is free. */
	assert_true(r.seconds > 0.4);
	bench_free(&b);
}

/* The heart of it: the connection dies after any number of answers, the
 * power goes, and only marked ranges can be relied on; again and again. */
static void survives_any_crash(void **state)
{
	int crashes = 0, rounds = 40;

	(void)state;
	srandom(16);
	for (int round = 0; round < rounds; round++) {
		_copy_result_ struct copy_result r = {0};
		struct bench b;
		int again = 0;

		bench_make(&b, 512 * (1 + random() % 16000), 0, false);
		fake_out_free(&b.out);
		fake_out_make(&b.out, b.in.size + 512 * (random() % 100),
			random() % 2);
		b.dout = fake_out_open(&b.out);
		b.job.target_zeroed = !b.out.data[0];
		b.job.readers = 1 + random() % 3;
		for (;;) {
			_copy_map_ struct copy_map *done = keeper_map(&b.keep);
			struct err e = {0};

			b.job.done = done;
			b.job.identity = b.keep.identity;
			b.out.answers = 0;
			b.out.die_after = again++ < 20 ? 1 + random() % 60 : 0;
			if (copy_run(&b.job, &r, &e) == 0)
				break;
			assert_int_equal(e.code, ERR_NBD);
			crashes++;
			cleanup_sink(&b.dout);
			fake_out_crash(&b.out);
			b.dout = fake_out_open(&b.out);
		}
		b.out.die_after = 0;
		b.job.done = NULL;
		identical(&b);
		bench_free(&b);
	}
	assert_true(crashes > rounds);
}

/* --- reading back --- */

static void finds(struct bench *b, uint64_t at)
{
	_copy_map_ struct copy_map *m = keeper_map(&b->keep);
	struct copy_check check = {.out = &b->dout, .map = m};
	struct copy_checked r;
	struct err e = {0};
	uint64_t from = at < b->in.size ? at - at % m->range : b->in.size;
	char offset[32];

	b->out.data[at] ^= 0x10;
	assert_int_equal(copy_verify(&check, &r, &e), -1);
	b->out.data[at] ^= 0x10;
	assert_int_equal(e.code, ERR_VERIFY_MISMATCH);
	if (at < b->in.size) {
		snprintf(offset, sizeof(offset), "offset %llu ",
			(unsigned long long)from);
		assert_non_null(strstr(e.why, offset));
	}
	if (b->out.closed)
		b->dout = fake_out_open(&b->out);
}

static void one_flipped_bit_is_found(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct bench b;

	(void)state;
	srandom(17);
	bench_make(&b, 3 * MIB + 512, 5 * MIB, false);
	must_copy(&b, &r);
	identical(&b);
	for (int i = 0; i < 200; i++)
		finds(&b, random() % b.out.size);
	finds(&b, 0);
	finds(&b, b.in.size - 1);
	finds(&b, b.in.size);
	finds(&b, b.out.size - 1);
	identical(&b);
	bench_free(&b);
}

static void verify_wants_a_whole_map(void **state)
{
	_copy_map_ struct copy_map *m = copy_map_new(MIB, 64 * KIB);
	struct fake_out out;
	struct disk_out d;
	struct copy_check check = {.out = &d, .map = m};
	struct copy_checked r;
	struct err e = {0};

	(void)state;
	fake_out_make(&out, MIB, true);
	d = fake_out_open(&out);
	for (size_t i = 1; i < m->n; i++)
		copy_map_set(m, i, copy_map_zero(m, i));
	assert_int_equal(copy_verify(&check, &r, &e), -1);
	assert_int_equal(e.code, ERR_JOB_BAD);
	copy_map_set(m, 0, copy_map_zero(m, 0));
	assert_int_equal(copy_verify(&check, &r, &e), 0);
	cleanup_sink(&d);
	fake_out_free(&out);
}

/* --- lines --- */

static void marks_stay_small(void **state)
{
	_copy_map_ struct copy_map *m = copy_map_new(
		2048 * 1024 * MIB, copy_range_for(2048 * 1024 * MIB));
	struct copy_mark mark = {.map = m, .n = m->n};
	_json_ json_t *sparse = NULL, *full = NULL;
	_copy_map_ struct copy_map *back = NULL;
	unsigned char sha[SHA256_LEN];
	struct err e = {0};

	(void)state;
	assert_int_equal(m->n, 65536);
	for (size_t i = 0; i < m->n; i++)
		copy_map_set(m, i, m->zero);
	sparse = copy_mark_to_json(&mark, 0);
	{
		_free_ char *line = json_line(sparse);

		assert_in_range(strlen(line), 1, 120);
	}
	for (size_t i = 0; i < m->n; i++) {
		sha256(&i, sizeof(i), sha);
		copy_map_set(m, i, sha);
	}
	full = copy_mark_to_json(&mark, 0);
	{
		_free_ char *line = json_line(full);

		assert_in_range(strlen(line), 1, 4500000);
	}
	assert_int_equal(copy_mark_from_json(full, &back, &e), 0);
	assert_memory_equal(back->slot, m->slot, m->n * sizeof(*m->slot));
}

static void damaged_marks_are_refused(void **state)
{
#define H "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
#define LINE(size, range, at, len, sha)                                     \
	"{\"size\":" size ",\"range\":" range ",\"at\":" at ",\"len\":" len \
	",\"sha256\":" sha "}"
	static const char *const bad[] = {
		"{}",
		LINE("0", "65536", "0", "65536", "[1]"),
		LINE("131072", "65535", "0", "65536", "[1]"),
		LINE("131072", "0", "0", "65536", "[1]"),
		LINE("131072", "65536", "1", "65536", "[1]"),
		LINE("131072", "65536", "131072", "65536", "[1]"),
		LINE("131072", "65536", "0", "0", "[]"),
		LINE("131072", "65536", "0", "65537", "[2]"),
		LINE("131072", "65536", "65536", "131072", "[2]"),
		LINE("131072", "65536", "0", "65536", "[]"),
		LINE("131072", "65536", "0", "65536", "[2]"),
		LINE("131072", "65536", "0", "65536", "[0]"),
		LINE("131072", "65536", "0", "65536", "[-1]"),
		LINE("131072", "65536", "0", "65536", "[\"00\"]"),
		LINE("131072", "65536", "0", "65536", "[" H "," H "]"),
		LINE("131072", "65536", "0", "131072", "[" H "]"),
		LINE("131072", "65536", "0", "65536", "[null]"),
		LINE("131072", "65536", "0", "65536", "1"),
		LINE("9000000000000000000", "65536", "0", "65536", "[1]"),
		LINE("196608", "65536", "0", "65536", "[1]"), /* other size */
		LINE("131072", "131072", "0", "131072", "[1]"),
	};
	_copy_map_ struct copy_map *m = NULL;
	struct err e = {0};
	_json_ json_t *good = NULL;
	const char *text = LINE("131072", "65536", "0", "65536", "[" H "]");

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &good, &e), 0);
	assert_int_equal(copy_mark_from_json(good, &m, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_json_ json_t *j = NULL;

		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &j, &e), 0);
		err_clear(&e);
		if (copy_mark_from_json(j, &m, &e) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.code, ERR_JOB_BAD);
		assert_int_equal(m->slot[0].kind, COPY_DATA);
		assert_int_equal(m->slot[1].kind, COPY_TODO);
	}
}

static void range_follows_the_disk(void **state)
{
	uint64_t gib = 1024 * MIB;

	(void)state;
	assert_int_equal(copy_range_for(1), 8 * MIB);
	assert_int_equal(copy_range_for(512 * gib), 8 * MIB);
	assert_int_equal(copy_range_for(512 * gib + 1), 16 * MIB);
	assert_int_equal(copy_range_for(62 * 1024 * gib), 1024 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_any_disk),
		cmocka_unit_test(reads_only_what_was_written),
		cmocka_unit_test(zeroes_what_it_must),
		cmocka_unit_test(digest_is_of_the_disk),
		cmocka_unit_test(survives_a_lost_source),
		cmocka_unit_test(does_not_retry_what_is_final),
		cmocka_unit_test(gives_up_in_the_end),
		cmocka_unit_test(counts_every_byte),
		cmocka_unit_test(refuses_a_changed_source),
		cmocka_unit_test(refuses_a_small_target),
		cmocka_unit_test(full_target_goes_on),
		cmocka_unit_test(failed_flush_marks_nothing),
		cmocka_unit_test(failed_mark_stops),
		cmocka_unit_test(stops_on_request),
		cmocka_unit_test(keeps_to_the_limit),
		cmocka_unit_test(survives_any_crash),
		cmocka_unit_test(one_flipped_bit_is_found),
		cmocka_unit_test(verify_wants_a_whole_map),
		cmocka_unit_test(marks_stay_small),
		cmocka_unit_test(damaged_marks_are_refused),
		cmocka_unit_test(range_follows_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
