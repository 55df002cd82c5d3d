/*
 * The fault matrix of a copy from the lab's ESXi hosts: connections cut at
 * offsets spread over the disk, by every road; storms of 503; a byte of the
 * target flipped. All is survived or found out, and the copy is identical.
 * COPY_FAULTS says how many offsets: some here, 200 in `make copy-faults`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "esxi_copy.h"

static unsigned faults(void)
{
	const char *text = getenv("COPY_FAULTS");
	uint64_t n = 4;

	if (text && str_u64(text, 100000, &n))
		fail_msg("COPY_FAULTS=%s is no number", text);
	return n;
}

/* Before the first byte of the disk itself a cut may end the copy, with an
 * error that says: again. */
static void survives(struct run *r, struct copy_result *res)
{
	struct err e = {0};

	if (real_run(&r->c, r->state, res, &e) == 0) {
		must(real_verify(r->target, res->map, &e), &e);
	} else if (!err_retryable(e.code)) {
		fail_msg("%s: %s: %s", err_id(e.code), e.what, e.why);
	}
	copy_result_free(res);
	copies(r, res);
}

static void one_cut(unsigned i, unsigned n)
{
	static const char *const roads[] = {
		"https", "ssh", "libssh2", NULL, "ssh", "ssh+gzip", "ssh+gzip"};
	_copy_result_ struct copy_result res = {0};
	_free_ char *arg = NULL, *left = NULL;
	bool old = i % 2;
	struct run r;

	/* Neither the descriptor nor the very end. */
	arg = xasprintf("%llu%s",
		(unsigned long long)((uint64_t)i * (12 * MIB) / n + 8192 +
			random() % 4096),
		i % ARRAY_LEN(roads) == 4 || i % ARRAY_LEN(roads) == 6
			? " session"
			: "");
	run_make(&r, old ? LAB_OLD : LAB_NEW);
	r.c.opts.road = roads[i % ARRAY_LEN(roads)];
	r.c.job.check = i % 3 == 1; /* read back while it goes on */
	lab_fault(old ? "old" : "new", "cut-after", arg);
	survives(&r, &res);
	/* It did strike. */
	left = xasprintf(
		"%s/%s/root/lab/fault/cut-after", lab_dir, old ? "old" : "new");
	assert_false(file_exists(left));
	run_free(&r);
}

static void cuts_at_every_offset(void **state)
{
	unsigned n = faults();

	(void)state;
	lab_need();
	for (unsigned i = 0; i < n; i++)
		one_cut(i, n);
}

static void storms_of_503(void **state)
{
	(void)state;
	lab_need();
	for (unsigned i = 0; i < 1 + faults() / 20; i++) {
		_copy_result_ struct copy_result res = {0};
		_free_ char *many = xasprintf("%u", 3 + i % 12);
		struct run r;

		run_make(&r, LAB_NEW);
		r.c.opts.road = i % 2 ? NULL : "https";
		r.c.job.readers = 1 + i % 4;
		lab_fault("new", "http-503", many);
		copies(&r, &res);
		run_free(&r);
		lab_fault("new", "http-503", "off");
	}
}

/* One bit of one byte, anywhere in what was copied or is zero. */
static void flip(const char *path, uint64_t at, unsigned char bit)
{
	_close_ int fd = open(path, O_RDWR);
	unsigned char b;

	assert_int_equal(pread(fd, &b, 1, at), 1);
	b ^= bit;
	assert_int_equal(pwrite(fd, &b, 1, at), 1);
}

static void flipped_bytes_are_found(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct err e = {0};
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	copies(&r, &res);
	for (unsigned i = 0; i < faults(); i++) {
		uint64_t at = i * (DISK - 512) / faults() + random() % 512;
		unsigned char bit = 1U << random() % 8;
		_free_ char *where = NULL;

		flip(r.dst, at, bit);
		err_clear(&e);
		assert_int_equal(real_verify(r.target, res.map, &e), -1);
		assert_int_equal(e.code, ERR_VERIFY_MISMATCH);
		where = xasprintf("offset %llu",
			(unsigned long long)(at - at % res.map->range));
		if (!strstr(e.why, where))
			fail_msg("%s, not %s", e.why, where);
		flip(r.dst, at, bit);
	}
	err_clear(&e);
	must(real_verify(r.target, res.map, &e), &e);
	run_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_every_offset),
		cmocka_unit_test(storms_of_503),
		cmocka_unit_test(flipped_bytes_are_found),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
