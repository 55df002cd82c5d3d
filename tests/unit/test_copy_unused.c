/*
 * A copy that leaves out what the guest's file systems do not use, between
 * fakes: the target is the source with zeros there, on rubbish, over crashes
 * and lost connections; and it reads everything where it is told or has to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "copy_bench.h"
#include "core/copy_used.h"
#include "fsimage.h"

#define SIZE (48 * MIB)

/* The disk of all tests, and as it must arrive. */
static unsigned char *disk, *want;
static uint64_t unused;

static int setup(void **state)
{
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};
	_close_ int fd = -1;

	if (fs_setup(state))
		return -1;
	if (!fs_has("mke2fs"))
		return 0;
	fs_rubbish("img", SIZE);
	fs_sh("mkdir tree; head -c 9000000 /dev/urandom >tree/gone\n"
	      "head -c 5000000 /dev/urandom >tree/kept\n"
	      "mke2fs -q -F -t ext4 -E nodiscard -d tree img\n"
	      "debugfs -w -R 'rm gone' img 2>/dev/null",
		NULL);
	fs_map("img", &x, &r);
	disk = xmalloc(SIZE);
	want = xmalloc(SIZE);
	fd = fs_open("img", O_RDONLY);
	if (pread(fd, disk, SIZE, 0) != (ssize_t)SIZE)
		return -1;
	memcpy(want, disk, SIZE);
	for (size_t i = 0; i < x.n; i++)
		if (!x.e[i].data)
			memset(want + x.e[i].offset, 0, x.e[i].length);
	unused = r.unused;
	return 0;
}

static int teardown(void **state)
{
	free(disk);
	free(want);
	return fs_teardown(state);
}

/* The disk without a map; marks are checked against what must arrive. */
static void make(struct bench *b, struct fake_in *expected)
{
	bench_make(b, SIZE, SIZE + MIB, false);
	memcpy(b->in.data, disk, SIZE);
	extents_free(&b->in.map);
	*expected = (struct fake_in){.data = want, .size = SIZE};
	b->keep.in = expected;
	b->job.range = 0;
}

static void arrived(struct bench *b)
{
	_copy_map_ struct copy_map *m = keeper_map(&b->keep);
	struct copy_checked checked;
	struct copy_check check = {.out = &b->dout, .map = m};
	struct err e = {0};
	int bad = memcmp(b->keep.in->data, b->out.safe, SIZE);

	assert_int_equal(bad, 0);
	if (b->out.closed)
		b->dout = fake_out_open(&b->out);
	if (copy_verify(&check, &checked, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
}

static void leaves_out_what_is_unused(void **state)
{
	_copy_result_ struct copy_result r = {0};
	_json_ json_t *j = NULL;
	struct fake_in expected;
	struct bench b;

	(void)state;
	fs_need(disk, "mke2fs");
	assert_true(unused > 30 * MIB);
	make(&b, &expected);
	must_copy(&b, &r);
	arrived(&b);
	assert_int_equal(r.skipped_by_fs, unused);
	assert_int_equal(r.skipped_by_map, 0);
	assert_int_equal(r.read, SIZE - unused);
	assert_in_range(r.looked_at, 1, 2 * MIB);
	j = copy_result_to_json(&r);
	assert_int_equal(json_u64(j, "skipped_by_fs", 0), unused);
	assert_string_equal(
		json_str(
			json_array_get(json_object_get(j, "areas"), 0), "kind"),
		"ext4");
	bench_free(&b);
}

/* What a hole of the map saves is not saved twice. */
static void counts_each_byte_once(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct fake_in expected;
	struct bench b;
	uint64_t tail = 0;

	(void)state;
	fs_need(disk, "mke2fs");
	make(&b, &expected);
	while (tail < SIZE && !want[SIZE - 1 - tail])
		tail++;
	tail -= tail % MIB;
	assert_true(tail >= MIB);
	memset(b.in.data + SIZE - tail, 0, tail);
	extents_add(&b.in.map, SIZE - tail, true);
	extents_add(&b.in.map, tail, false);
	must_copy(&b, &r);
	arrived(&b);
	assert_int_equal(r.skipped_by_map, tail);
	assert_int_equal(r.skipped_by_fs, unused - tail);
	assert_int_equal(r.read, SIZE - unused);
	bench_free(&b);
}

static void reads_all_when_told(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct fake_in expected;
	struct bench b;

	(void)state;
	fs_need(disk, "mke2fs");
	make(&b, &expected);
	expected.data = disk;
	b.job.read_all = true;
	must_copy(&b, &r);
	arrived(&b);
	assert_int_equal(r.read, SIZE);
	assert_int_equal(r.skipped_by_fs + r.looked_at, 0);
	assert_null(r.areas);
	bench_free(&b);
}

static void survives_lost_connections(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct fake_in expected;
	struct bench b;

	(void)state;
	fs_need(disk, "mke2fs");
	make(&b, &expected);
	b.in.refuse_opens = 1;
	b.in.fail_code = ERR_SSH_LOST;
	b.in.fail_times = 2;
	must_copy(&b, &r);
	arrived(&b);
	assert_int_equal(r.skipped_by_fs, unused);
	bench_free(&b);
}

/* A place that cannot be read ends the look, not the copy. */
static void reads_all_where_it_cannot_look(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct fake_in expected;
	struct bench b;

	(void)state;
	fs_need(disk, "mke2fs");
	make(&b, &expected);
	expected.data = disk;
	b.in.fail_code = ERR_SOURCE_READ;
	b.in.fail_times = 1;
	must_copy(&b, &r);
	arrived(&b);
	assert_int_equal(r.read, SIZE);
	assert_int_equal(r.skipped_by_fs, 0);
	assert_non_null(strstr(r.fs_note, "could not be looked at"));
	bench_free(&b);
}

static void goes_on_after_a_kill(void **state)
{
	bool had_marks = false;

	(void)state;
	fs_need(disk, "mke2fs");
	srandom(11);
	for (int round = 0; round < 6; round++) {
		_copy_result_ struct copy_result r = {0};
		struct fake_in expected;
		struct bench b;

		make(&b, &expected);
		b.job.range = 4 * MIB;
		b.out.die_after = 3 + random() % 12;
		assert_int_equal(must_fail(&b), ERR_NBD);
		cleanup_sink(&b.dout);
		fake_out_crash(&b.out);
		b.out.die_after = 0;
		resume(&b, &r);
		arrived(&b);
		assert_true(r.read + r.skipped_by_fs + r.done_before == SIZE);
		had_marks |= r.done_before > 0;
		bench_free(&b);
	}
	assert_true(had_marks);
}

/* What a run wrote that could not look into the file system, and did not mark,
 * must not stay where the next one writes nothing. */
static void goes_on_after_a_run_that_read_all(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct fake_in expected;
	struct bench b;

	(void)state;
	fs_need(disk, "mke2fs");
	srandom(12);
	make(&b, &expected);
	memset(b.out.data, 0, b.out.size);
	memset(b.out.safe, 0, b.out.size);
	b.job.target_zeroed = true;
	b.job.flush_every = 1000;
	b.in.fail_code = ERR_SOURCE_READ;
	b.in.fail_times = 1;
	b.out.die_after = 40;
	assert_int_equal(must_fail(&b), ERR_NBD);
	assert_true(b.out.writes > 10);
	assert_int_equal(json_array_size(b.keep.lines), 0);
	cleanup_sink(&b.dout);
	fake_out_crash(&b.out);
	/* Killed once more, before anything was marked. */
	b.out.die_after = b.out.answers + 1;
	b.dout = fake_out_open(&b.out);
	b.job.identity = b.keep.identity;
	b.job.left_out = b.keep.left_out;
	assert_int_equal(must_fail(&b), ERR_NBD);
	cleanup_sink(&b.dout);
	b.out.die_after = 0;
	resume(&b, &r);
	arrived(&b);
	assert_int_equal(r.skipped_by_fs, unused);
	bench_free(&b);
}

/* The file was removed and made again, or the volume: it is empty. */
static void knows_a_target_made_anew(void **state)
{
	_copy_result_ struct copy_result r = {0};
	struct fake_in expected;
	struct bench b;

	(void)state;
	fs_need(disk, "mke2fs");
	make(&b, &expected);
	must_copy(&b, &r);
	memset(b.out.data, 0, b.out.size);
	memset(b.out.safe, 0, b.out.size);
	b.job.done = keeper_map(&b.keep);
	b.job.identity = b.keep.identity;
	b.job.left_out = b.keep.left_out;
	assert_int_equal(must_fail(&b), ERR_VERIFY_MISMATCH);
	copy_map_free((struct copy_map *)b.job.done);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_out_what_is_unused),
		cmocka_unit_test(counts_each_byte_once),
		cmocka_unit_test(reads_all_when_told),
		cmocka_unit_test(survives_lost_connections),
		cmocka_unit_test(reads_all_where_it_cannot_look),
		cmocka_unit_test(goes_on_after_a_kill),
		cmocka_unit_test(goes_on_after_a_run_that_read_all),
		cmocka_unit_test(knows_a_target_made_anew),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
