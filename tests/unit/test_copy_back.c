/* What a copy reads back while it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "copy_bench.h"

#define SIZE (6 * MIB)

static void make(struct bench *b)
{
	bench_make(b, SIZE + 512, SIZE + 64 * KIB, false);
	b->job.range = 64 * KIB;
	b->job.check = true;
	b->dout.direct = true;
}

static uint64_t data_of(const struct copy_map *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->slot[i].kind == COPY_DATA)
			sum += copy_map_len(m, i);
	return sum;
}

/* All that is not zero, and the marks know it. */
static void all_is_read_back(void **state)
{
	(void)state;
	srandom(91);
	for (int i = 0; i < 20; i++) {
		_copy_result_ struct copy_result r = {0};
		_copy_map_ struct copy_map *m = NULL;
		struct bench b;

		make(&b);
		must_copy(&b, &r);
		assert_int_equal(r.checked, data_of(r.map));
		assert_true(b.out.reads > 0);
		assert_true(b.keep.checks > 0);
		m = keeper_map(&b.keep);
		assert_int_equal(copy_map_checked(m), r.checked);
		assert_memory_equal(
			m->slot, r.map->slot, m->n * sizeof(*m->slot));
		identical(&b);
		bench_free(&b);
	}
}

/* Not from the page cache, and not where nobody asked. */
static void only_past_the_cache(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		_copy_result_ struct copy_result r = {0};
		struct bench b;

		make(&b);
		b.dout.direct = i;
		b.job.check = !i;
		must_copy(&b, &r);
		assert_int_equal(r.checked, 0);
		assert_int_equal(b.out.reads, 0);
		assert_int_equal(b.keep.checks, 0);
		identical(&b);
		bench_free(&b);
	}
}

/* --- a target that forgets --- */

static struct bench *rotten;
static uint64_t rots_at;

/* One bit turns once its range is marked. */
static int mark_and_rot(void *ctx, const struct copy_mark *m, struct err *e)
{
	uint64_t from = m->first * m->map->range;

	if (keep_mark(ctx, m, e))
		return -1;
	if (rots_at >= from && rots_at < from + m->n * m->map->range &&
		!m->checked)
		rotten->out.data[rots_at] ^= 4;
	return 0;
}

static uint64_t some_data(const struct fake_in *in)
{
	uint64_t at;

	do
		at = random() % SIZE;
	while (!in->data[at]);
	return at;
}

static void a_turned_bit_ends_the_copy(void **state)
{
	(void)state;
	srandom(92);
	for (int i = 0; i < 40; i++) {
		struct copy_result r;
		struct err e = {0};
		char offset[32];
		struct bench b;

		make(&b);
		rotten = &b;
		rots_at = some_data(&b.in);
		b.job.mark = mark_and_rot;
		assert_int_equal(copy_run(&b.job, &r, &e), -1);
		assert_int_equal(e.code, ERR_VERIFY_MISMATCH);
		snprintf(offset, sizeof(offset), "offset %llu ",
			(unsigned long long)(rots_at & ~(64 * KIB - 1)));
		if (!strstr(e.why, offset))
			fail_msg("%s, not %s", e.why, offset);
		bench_free(&b);
	}
}

static void a_failed_read_ends_the_copy(void **state)
{
	struct bench b;

	(void)state;
	make(&b);
	b.out.fail_reads = true;
	assert_int_equal(must_fail(&b), ERR_IO);
	bench_free(&b);
}

/* --- killed and resumed --- */

/* What a killed worker had journalled of what it read back is not read
 * again; what it had not, is. */
static void resumes_where_it_was(void **state)
{
	(void)state;
	srandom(93);
	for (int i = 0; i < 60; i++) {
		_copy_result_ struct copy_result r = {0};
		_copy_map_ struct copy_map *m = NULL;
		uint64_t before;
		struct bench b;
		int reads;

		make(&b);
		b.keep.refuse_mark = 1 + random() % 12;
		must_fail(&b);
		fake_out_crash(&b.out);
		b.keep.refuse_mark = 0;
		m = keeper_map(&b.keep);
		before = m ? copy_map_checked(m) : 0;
		reads = b.out.reads;
		b.dout = fake_out_open(&b.out);
		b.dout.direct = true;
		resume(&b, &r);
		assert_int_equal(r.checked, data_of(r.map));
		/* And three ranges at most to see whether it is the target
		 * that the marks speak of. */
		reads += (r.checked - before + 65535) >> 16;
		assert_in_range(b.out.reads, reads, reads + (m ? 3 : 0));
		identical(&b);
		bench_free(&b);
	}
}

static void stops_in_between(void **state)
{
	(void)state;
	srandom(94);
	for (int i = 0; i < 20; i++) {
		_copy_result_ struct copy_result r = {0};
		struct bench b;

		make(&b);
		b.keep.stop_at_mark = 1 + random() % 6;
		assert_int_equal(must_fail(&b), ERR_STOPPED);
		stop_asked = 0;
		b.keep.stop_at_mark = 0;
		b.dout = fake_out_open(&b.out);
		b.dout.direct = true;
		resume(&b, &r);
		assert_int_equal(r.checked, data_of(r.map));
		identical(&b);
		bench_free(&b);
	}
}

/* --- what is looked at afterwards --- */

static int reads_for(struct bench *b, const struct copy_map *m, bool all,
	enum err_code *code)
{
	struct copy_check check = {.out = &b->dout, .map = m, .all = all};
	struct copy_checked c;
	struct err e = {0};
	int reads = b->out.reads;

	if (copy_verify(&check, &c, &e) == 0)
		assert_int_equal(c.read + c.known + c.checked, b->out.size);
	*code = e.code;
	if (b->out.closed)
		b->dout = fake_out_open(&b->out);
	return b->out.reads - reads;
}

/* Data few and far between are no reason to read all of them again. */
static void afterwards_few_of_what_is_scattered(void **state)
{
	const uint64_t size = 4 * 70 * (64 * KIB);
	_copy_result_ struct copy_result r = {0};
	enum err_code code;
	struct bench b;
	int some, all;

	(void)state;
	bench_make(&b, size, size, false);
	b.job.range = 64 * KIB;
	b.job.check = true;
	b.dout.direct = true;
	extents_free(&b.in.map); /* all of it is read */
	memset(b.in.data, 0, size);
	for (uint64_t at = 0; at < size; at += 70 * (64 * KIB))
		b.in.data[at] = 1;
	must_copy(&b, &r);
	assert_int_equal(r.checked, 4 * (64 * KIB));
	some = reads_for(&b, r.map, false, &code);
	assert_int_equal(code, ERR_NONE);
	all = reads_for(&b, r.map, true, &code);
	assert_int_equal(code, ERR_NONE);
	assert_int_equal(all - some, 3);
	bench_free(&b);
}

/* Of 64 ranges one once more; zeros and the tail always; all on request. */
static void afterwards_samples_and_the_rest(void **state)
{
	_copy_result_ struct copy_result r = {0};
	enum err_code code;
	struct bench b;
	uint64_t at;
	int some, all;

	(void)state;
	srandom(95);
	make(&b);
	must_copy(&b, &r);
	some = reads_for(&b, r.map, false, &code);
	assert_int_equal(code, ERR_NONE);
	all = reads_for(&b, r.map, true, &code);
	assert_int_equal(code, ERR_NONE);
	assert_in_range(some, 2, all - 40);
	/* The first of its 64 that has data; the tail. */
	for (at = 0; !b.in.data[at]; at++)
		;
	b.out.data[at] ^= 1;
	reads_for(&b, r.map, false, &code);
	assert_int_equal(code, ERR_VERIFY_MISMATCH);
	b.out.data[at] ^= 1;
	b.out.data[b.out.size - 1] ^= 1;
	reads_for(&b, r.map, false, &code);
	assert_int_equal(code, ERR_VERIFY_MISMATCH);
	b.out.data[b.out.size - 1] ^= 1;
	/* Anywhere, where all is asked for. */
	for (int i = 0; i < 50; i++) {
		at = some_data(&b.in);
		b.out.data[at] ^= 1;
		reads_for(&b, r.map, true, &code);
		assert_int_equal(code, ERR_VERIFY_MISMATCH);
		b.out.data[at] ^= 1;
	}
	bench_free(&b);
}

static void checked_wants_a_copy(void **state)
{
	static const char *const bad[] = {
		"{\"size\":131072,\"range\":65536,\"at\":65536,\"len\":65536,"
		"\"checked\":true}",
		"{\"size\":131072,\"range\":65536,\"at\":0,\"len\":131072,"
		"\"checked\":true}",
		"{\"size\":131072,\"range\":65536,\"at\":0,\"len\":65536,"
		"\"checked\":false}",
	};
	_copy_map_ struct copy_map *m = copy_map_new(131072, 65536);
	unsigned char sha[SHA256_LEN] = {1};
	struct err e = {0};

	(void)state;
	copy_map_set(m, 0, sha);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_json_ json_t *j = NULL;

		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &j, &e), 0);
		err_clear(&e);
		assert_int_equal(copy_mark_from_json(j, &m, &e), -1);
		assert_int_equal(e.code, ERR_JOB_BAD);
		assert_false(m->slot[0].checked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_read_back),
		cmocka_unit_test(only_past_the_cache),
		cmocka_unit_test(a_turned_bit_ends_the_copy),
		cmocka_unit_test(a_failed_read_ends_the_copy),
		cmocka_unit_test(resumes_where_it_was),
		cmocka_unit_test(stops_in_between),
		cmocka_unit_test(afterwards_few_of_what_is_scattered),
		cmocka_unit_test(afterwards_samples_and_the_rest),
		cmocka_unit_test(checked_wants_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
