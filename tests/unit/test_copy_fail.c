/* The copy when its source or target fails, stops, lies or dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "copy_bench.h"

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
			b.out.die_after = again++ < 20 ? 1 + random() % 25 : 0;
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
	fprintf(stderr, "%d crashes\n", crashes);
	assert_true(crashes > rounds / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(survives_any_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
