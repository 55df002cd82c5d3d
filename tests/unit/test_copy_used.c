/* What a guest's file system does not use is not copied, and everything that
 * it does use is: a thick disk with deleted data, ext4 made by mke2fs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/digest.h"
#include "real_disk.h"

#define DISK (96 * MIB)
#define PART (1 * MIB)
#define FILES 40

static const char *missing;

#define tool(...)                                                       \
	proc_must((const char *const[]){__VA_ARGS__, NULL}, NULL, NULL, \
		ERR_IO, NULL)

/* Files of many sizes in a directory, to be put into the file system. */
static void make_tree(const char *dir)
{
	assert_int_equal(mkdir(dir, 0700), 0);
	for (int i = 0; i < FILES; i++) {
		_free_ char *path = xasprintf("%s/f%d", dir, i);
		size_t n = random() % (400 << 10);
		_free_ unsigned char *b = xmalloc(n + 1);

		for (size_t k = 0; k < n; k++)
			b[k] = random() >> 8;
		assert_int_equal(file_write(path, b, n, 0600, NULL), 0);
	}
}

static int setup(void **state)
{
	_free_ char *tree = NULL, *src = NULL, *offset = NULL;

	if (real_setup(state))
		return -1;
	srandom(7);
	tree = real_path("tree");
	src = real_path("src.raw");
	make_tree(tree);
	real_rubbish(src, DISK); /* what was deleted once */
	offset = xasprintf("nodiscard,offset=%llu", PART);
	if (tool("mke2fs", "-q", "-t", "ext4", "-F", "-E", offset, "-d", tree,
		    src, "90m"))
		missing = "mke2fs is missing (e2fsprogs)";
	return 0;
}

/* The MBR that says where it lies. */
static void put_table(bool whole)
{
	_free_ char *src = real_path("src.raw");
	_close_ int fd = open(src, O_WRONLY);
	unsigned char mbr[512] = {[446] = 0x80,
		[450] = 0x83,
		[454 + 1] = 8, /* sector 2048 */
		[510] = 0x55,
		[511] = 0xaa};
	uint32_t sectors = (whole ? 90 * MIB : 80 * MIB) / 512;

	for (int i = 0; i < 4; i++)
		mbr[458 + i] = sectors >> (8 * i);
	assert_int_equal(pwrite(fd, mbr, 512, 0), 512);
}

struct run {
	char *src, *target, *state, *dst;
	struct real_copy c;
};

static void run_make(struct run *r)
{
	real_need();
	if (missing) {
		fprintf(stderr, "skipped: %s\n", missing);
		skip();
	}
	*r = (struct run){.src = real_path("src.raw"),
		.target = real_spec("raw:", "dst.raw"),
		.state = real_path("state.copy"),
		.dst = real_path("dst.raw")};
	unlink(r->dst);
	unlink(r->state);
	r->c = (struct real_copy){.source = r->src,
		.target = r->target,
		.create = true,
		.job = {.range = 1 << 20}};
}

static void run_free(struct run *r)
{
	free(r->src);
	free(r->target);
	free(r->state);
	free(r->dst);
}

/* Every file of the copy is what was put in. */
static void same_files(const char *image)
{
	_free_ char *at = xasprintf("%s?offset=%llu", image, PART);
	_free_ char *out = real_path("out");

	for (int i = 0; i < FILES; i++) {
		_free_ char *dump = xasprintf("dump f%d %s", i, out);
		_free_ char *name = xasprintf("tree/f%d", i);
		_free_ char *was = real_path(name);
		char a[SHA256_HEX], b[SHA256_HEX];

		assert_int_equal(tool("debugfs", "-R", dump, at), 0);
		assert_int_equal(sha256_file(was, a, NULL), 0);
		assert_int_equal(sha256_file(out, b, NULL), 0);
		assert_string_equal(a, b);
		unlink(out);
	}
	assert_int_equal(tool("e2fsck", "-fn", at), 0);
}

static void unused_blocks_stay_behind(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct err e = {0};
	struct run r;

	(void)state;
	run_make(&r);
	put_table(true);
	must(real_run(&r.c, r.state, &res, &e), &e);
	must(real_verify(r.target, res.map, &e), &e);
	assert_true(res.skipped_by_fs > DISK / 2);
	assert_int_equal(
		res.read + res.skipped_by_fs + res.skipped_by_map, DISK);
	assert_int_equal(json_array_size(res.areas) > 0, 1);
	same_files(r.dst);
	run_free(&r);
}

static void read_all_reads_all(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct err e = {0};
	struct run r;

	(void)state;
	run_make(&r);
	put_table(true);
	r.c.job.read_all = true;
	must(real_run(&r.c, r.state, &res, &e), &e);
	assert_int_equal(res.skipped_by_fs, 0);
	assert_int_equal(res.read, DISK);
	real_same(r.src, "raw", r.dst);
	run_free(&r);
}

/* A file system that is longer than its partition is a doubt. */
static void doubt_reads_all(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct err e = {0};
	struct run r;

	(void)state;
	run_make(&r);
	put_table(false);
	must(real_run(&r.c, r.state, &res, &e), &e);
	assert_int_equal(res.skipped_by_fs, 0);
	assert_non_null(res.fs_note);
	real_same(r.src, "raw", r.dst);
	run_free(&r);
}

/* Half by one rule and half by the other would be no copy of anything. */
static void state_keeps_the_rule(void **state)
{
	_free_ char *path = real_path("rule");

	(void)state;
	for (int all = 0; all < 2; all++) {
		_copy_state_ struct copy_state *s = NULL;
		struct copy_job job = {.read_all = all};
		_json_ json_t *id = json_object();
		struct err e = {0};

		unlink(path);
		must(copy_state_open(path, "a", "b", &s, &e), &e);
		must(copy_state_same(s, &job, &e), &e);
		must(copy_state_begin(s, "a", "b", &job, id, "x", &e), &e);
		must(copy_state_same(s, &job, &e), &e);
		job.read_all = !all;
		assert_int_equal(copy_state_same(s, &job, &e), -1);
		assert_int_equal(e.code, ERR_BAD_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unused_blocks_stay_behind),
		cmocka_unit_test(read_all_reads_all),
		cmocka_unit_test(doubt_reads_all),
		cmocka_unit_test(state_keeps_the_rule),
	};

	return cmocka_run_group_tests(tests, setup, real_teardown);
}
