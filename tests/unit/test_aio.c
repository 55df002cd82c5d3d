/* Raw targets without a server between: core/aio.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sched.h>
#include <sys/mount.h>

#include "core/aio_own.h"
#include "real_disk.h"
#include "testdir.h"

/* While we have it, no QEMU writes it; after that one may. */
static void qemu_is_shut_out(void **state)
{
	_free_ char *w = real_path("ours.raw");
	_free_ char *ws = real_spec("raw:", "ours.raw");
	const char *const argv[] = {
		"qemu-io", "-f", "raw", "-c", "write 0 512", w, NULL};
	const struct sink_opts o = {0}, look = {.read_only = true};
	_disk_out_ struct disk_out out = {0};
	struct err e = {0};

	(void)state;
	real_need();
	real_rubbish(w, MIB);
	for (int i = 0; i < 2; i++) {
		must(sink_open(ws, i ? &look : &o, &out, &e), &e);
		assert_true(out.direct);
		assert_int_equal(proc_must(argv, NULL, NULL, ERR_IO, &e), -1);
		assert_true(strstr(e.why, "lock") ||
			strstr(e.why, "another process"));
		err_clear(&e);
		must(sink_close(&out, &e), &e);
	}
	must(proc_must(argv, NULL, NULL, ERR_IO, &e), &e);
}

static void on_done(void *arg, int err_no)
{
	*(int *)arg = err_no;
}

static void until_answered(struct disk_out *out, const int *answer)
{
	struct err e = {0};

	while (*answer == -1)
		must(out->ops->wait(out->priv, -1, 1000, &e), &e);
	assert_int_equal(*answer, 0);
}

/* Buffers at odd addresses, which O_DIRECT does not take; a zeroing of more
 * than one step, and what is known of it. */
static void odd_buffers_and_zeros(void **state)
{
	enum { SIZE = 80 << 20, LEN = 8192 };
	_free_ char *w = real_path("odd.raw"), *ws = NULL;
	_free_ unsigned char *a = xcalloc(1, LEN + 1), *b = xcalloc(1, LEN + 1);
	_disk_out_ struct disk_out out = {0};
	_extents_ struct extents x = {0};
	int wrote = -1, zeroed = -1;
	struct err e = {0};

	(void)state;
	real_need();
	real_rubbish(w, SIZE);
	ws = real_spec("raw:", "odd.raw");
	must(sink_open(ws, &(struct sink_opts){0}, &out, &e), &e);
	memset(a, 0x5a, LEN + 1);
	must(out.ops->write(out.priv, a + 1, LEN, 512, on_done, &wrote, &e),
		&e);
	must(out.ops->zero(out.priv, 70 * MIB, MIB, on_done, &zeroed, &e), &e);
	until_answered(&out, &wrote);
	until_answered(&out, &zeroed);
	must(sink_read(&out, b + 1, LEN, 512, &e), &e);
	assert_memory_equal(a + 1, b + 1, LEN);
	must(sink_extents(&out, 100, &x, &e), &e);
	assert_int_equal(extents_end(&x), SIZE);
	assert_int_equal(extents_data(&x), 10 * MIB);
	assert_true(extents_zero(&x, MIB, 70 * MIB));
	unlink(w);
}

/* Where the file system or the device cannot be told to, zeros are written. */
static void zeros_by_writing(void **state)
{
	enum { SIZE = 4 << 20 };
	_free_ char *w = real_path("zeros.raw");
	_free_ unsigned char *b = xcalloc(1, SIZE), *was = xcalloc(1, SIZE);
	struct aio_file f;
	struct err e = {0};
	_close_ int fd = -1;

	(void)state;
	real_need();
	real_rubbish(w, SIZE);
	fd = open(w, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, was, SIZE, 0), SIZE);
	must(aio_file_open(&f, w, false, &e), &e);
	f.no_hole = f.no_range = true;
	assert_int_equal(aio_zero(&f, MIB, 2 * MIB + 512), 0);
	assert_int_equal(aio_file_close(&f), 0);
	memset(was + MIB, 0, 2 * MIB + 512);
	assert_int_equal(pread(fd, b, SIZE, 0), SIZE);
	assert_memory_equal(b, was, SIZE);
}

static bool own_mounts(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool script_runs(const char *script, const char *a, const char *b)
{
	return proc_must((const char *const[]){"sh", "-c", script, "sh", a, b,
				 NULL},
		       NULL, NULL, ERR_IO, NULL) == 0;
}

/* A file system on a disk of 4096 byte sectors, and a source that is no
 * multiple of them: into a new file and into an old one that is long enough. */
static void on_a_disk_of_large_sectors(void **state)
{
	static const char script[] =
		"truncate -s 32M \"$1\" && mkdir \"$2\" && "
		"d=$(losetup -b 4096 --show -f \"$1\") && { "
		"mke2fs -q -F \"$d\" && mount \"$d\" \"$2\"; rc=$?; "
		"losetup -d \"$d\"; exit $rc; }";
	static const uint64_t old[] = {0, 4 * MIB + 1536, 5 * MIB};
	_free_ char *img = real_path("4kn.img"), *at = real_path("4kn");
	_free_ char *target = real_spec("raw:", "4kn/t.raw");
	_free_ char *w = real_path("4kn/t.raw"), *src = real_path("src.raw");
	_free_ char *keep = real_path("state.4kn");

	(void)state;
	real_need();
	if (!own_mounts() || !script_runs(script, img, at)) {
		fprintf(stderr, "skipped: no such disk (needs root)\n");
		skip();
	}
	srandom(8);
	for (size_t i = 0; i < ARRAY_LEN(old); i++) {
		_copy_result_ struct copy_result r = {0};
		struct real_copy c = {
			.source = src, .target = target, .create = !old[i]};
		struct err e = {0};

		real_raw(src, 4 * MIB + 1536);
		if (old[i])
			real_raw(w, old[i]);
		must(real_run(&c, keep, &r, &e), &e);
		real_same(src, "raw", w);
		must(real_verify(target, r.map, &e), &e);
		assert_int_equal(unlink(w) || unlink(keep), 0);
	}
	umount(at);
}

/* A file system that fills up under it, and has room again. */
static void full_without_a_server(void **state)
{
	static const char script[] =
		"truncate -s 64M \"$1\" && mke2fs -q -F \"$1\" && mkdir \"$2\" "
		"&&"
		" mount \"$1\" \"$2\" && "
		"dd if=/dev/zero of=\"$2/filler\" bs=1M count=48 status=none";
	_free_ char *img = real_path("full.img"), *at = real_path("full");
	_free_ char *target = real_spec("raw:", "full/t.raw");
	_free_ char *w = real_path("full/t.raw"), *src = real_path("src.raw");
	_free_ char *filler = real_path("full/filler");
	_free_ char *keep = real_path("state.full.raw");
	_copy_result_ struct copy_result r = {0};
	struct real_copy c = {.source = src,
		.target = target,
		.create = true,
		.job = {.flush_every = 0.001, .range = 256 << 10}};
	struct err e = {0};

	(void)state;
	real_need();
	if (!own_mounts() || !script_runs(script, img, at)) {
		fprintf(stderr,
			"skipped: needs root, for a small file system\n");
		skip();
	}
	srandom(7);
	real_raw(src, 40 * MIB);
	assert_int_equal(real_run(&c, keep, &r, &e), -1);
	assert_int_equal(e.code, ERR_NO_SPACE);
	assert_int_equal(unlink(filler), 0);
	err_clear(&e);
	must(real_run(&c, keep, &r, &e), &e);
	assert_true(r.done_before > 0);
	real_same(src, "raw", w);
	umount(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_is_shut_out),
		cmocka_unit_test(odd_buffers_and_zeros),
		cmocka_unit_test(zeros_by_writing),
		cmocka_unit_test(on_a_disk_of_large_sectors),
		cmocka_unit_test(full_without_a_server),
	};

	return cmocka_run_group_tests(tests, real_setup, real_teardown);
}
