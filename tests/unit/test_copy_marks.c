/* Marks as lines, and the reading back of a target against them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "copy_bench.h"

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
		LINE("131072", "8589934592", "0", "131072", "[1]"),
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_stay_small),
		cmocka_unit_test(damaged_marks_are_refused),
		cmocka_unit_test(range_follows_the_disk),
		cmocka_unit_test(one_flipped_bit_is_found),
		cmocka_unit_test(verify_wants_a_whole_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
