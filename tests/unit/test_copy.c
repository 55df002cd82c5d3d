/* The copy between a source and a target in memory: what arrives, what is
 * read, what is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "copy_bench.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_any_disk),
		cmocka_unit_test(reads_only_what_was_written),
		cmocka_unit_test(zeroes_what_it_must),
		cmocka_unit_test(digest_is_of_the_disk),
		cmocka_unit_test(keeps_to_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
