/*
 * Disks in files, and copies between them by real qemu-nbd processes, in a
 * temporary directory of the test's own. Tests skip where qemu-nbd is not.
 */
#ifndef REAL_DISK_H
#define REAL_DISK_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/copy.h"
#include "core/copy_state.h"
#include "core/nbd.h"
#include "core/proc.h"
#include "core/str.h"
#include "testdir.h"

#define MIB (1ULL << 20)

static char real_dir[TEST_DIR_LEN];
static const char *real_missing = "not looked for";

static inline int real_setup(void **state)
{
	const char *const argv[] = {"qemu-nbd", "--version", NULL};

	(void)state;
	real_missing = proc_must(argv, NULL, NULL, ERR_IO, NULL)
		? "qemu-nbd is missing (qemu-utils)"
		: NULL;
	return test_dir(real_dir, "disk") ? 0 : -1;
}

static inline int real_teardown(void **state)
{
	const char *const argv[] = {
		"rm", "-rf", "--one-file-system", real_dir, NULL};

	(void)state;
	return proc_must(argv, NULL, NULL, ERR_IO, NULL);
}

#define real_need()                                                     \
	do {                                                            \
		if (real_missing) {                                     \
			fprintf(stderr, "skipped: %s\n", real_missing); \
			skip();                                         \
		}                                                       \
	} while (0)

static inline char *real_path(const char *name)
{
	return path_join(real_dir, name);
}

static inline char *real_spec(const char *kind, const char *name)
{
	return xasprintf("%s%s/%s", kind, real_dir, name);
}

/* A sparse file: runs of random data, of zeros, and holes. */
static inline void real_raw(const char *path, uint64_t size)
{
	_close_ int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
	_free_ unsigned char *run = xcalloc(1, MIB);

	assert_true(fd >= 0 && ftruncate(fd, size) == 0);
	for (uint64_t at = 0, len; at < size; at += len) {
		int kind = random() % 4;

		len = 512 * (1 + random() % 2048);
		len = len < size - at ? len : size - at;
		for (uint64_t i = 0; i < len; i++)
			run[i] = kind < 2 ? random() >> 8 : 0;
		if (kind != 3)
			assert_int_equal(pwrite(fd, run, len, at), len);
	}
}

/* A file full of something else. */
static inline void real_rubbish(const char *path, uint64_t size)
{
	_close_ int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
	_free_ unsigned char *run = xmalloc(MIB);

	memset(run, 0xa5, MIB);
	for (uint64_t at = 0; at < size; at += MIB) {
		size_t n = size - at < MIB ? size - at : MIB;

		assert_int_equal(pwrite(fd, run, n, at), n);
	}
}

/* qemu-img compare: a target may be longer, with zeros. */
static inline void real_same(
	const char *raw, const char *format, const char *path)
{
	const char *const argv[] = {"qemu-img", "compare", "-f", "raw", "-F",
		format, raw, path, NULL};
	_proc_ struct proc_result r = {0};
	struct err e = {0};

	if (proc_run(argv, NULL, &r, &e))
		fail_msg("%s", e.why);
	if (r.status)
		fail_msg("%s%s", r.out, r.err);
}

static inline void must(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s: %s: %s", err_id(e->code), e->what, e->why);
}

/* --- a copy with a state file --- */

struct real_copy {
	struct copy_job job; /* what is set here is used */
	struct copy_state *state;
	const char *source, *target;
	struct source_opts opts;
	bool create;
	/* Called after each mark, with their number. */
	void (*marked)(int n);
	int marks;
};

static inline int real_begin(
	void *ctx, const json_t *identity, const char *left_out, struct err *e)
{
	struct real_copy *c = ctx;

	return copy_state_begin(
		c->state, c->source, c->target, &c->job, identity, left_out, e);
}

static inline int real_mark(void *ctx, const struct copy_mark *m, struct err *e)
{
	struct real_copy *c = ctx;

	if (copy_state_mark(c->state, m, e))
		return -1;
	c->marks++;
	if (c->marked)
		c->marked(c->marks);
	return 0;
}

/* As the verb does it; the result's map stays with the caller. */
static inline int real_run(struct real_copy *c, const char *state_path,
	struct copy_result *r, struct err *e)
{
	_disk_in_ struct disk_in in = {0};
	_disk_out_ struct disk_out out = {0};
	_copy_state_ struct copy_state *s = NULL;
	struct sink_opts ko = {.create = c->create};

	if (copy_state_open(state_path, c->source, c->target, &s, e) ||
		source_open(c->source, &c->opts, &in, e))
		return -1;
	ko.size = in.size;
	if (sink_open(c->target, &ko, &out, e))
		return -1;
	c->state = s;
	c->job.in = &in;
	c->job.out = &out;
	c->job.ctx = c;
	c->job.begin = real_begin;
	c->job.mark = real_mark;
	c->job.done = s->map;
	c->job.identity = s->head ? json_object_get(s->head, "identity") : NULL;
	c->job.left_out = s->left_out;
	c->job.target_zeroed |=
		out.created || (s->head && json_flag(s->head, "zeroed", false));
	if (copy_run(&c->job, r, e))
		return -1;
	if (sink_close(&out, e) == 0)
		return 0;
	copy_result_free(r);
	return -1;
}

static inline int real_verify(
	const char *target, const struct copy_map *map, struct err *e)
{
	_disk_out_ struct disk_out out = {0};
	const struct sink_opts o = {.read_only = true};
	const struct copy_check check = {.out = &out, .map = map};
	struct copy_checked r;

	if (sink_open(target, &o, &out, e))
		return -1;
	return copy_verify(&check, &r, e);
}

#endif
