/*
 * Images of real file systems for the tests of core/fsmap: made by the tools
 * that make them everywhere, on files full of rubbish, so that a byte wrongly
 * called unused is missed.
 */
#ifndef FSIMAGE_H
#define FSIMAGE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fsmap.h"
#include "core/proc.h"
#include "core/str.h"
#include "testdir.h"

#ifndef MIB
#define MIB (1ULL << 20)
#endif

static char fs_dir[TEST_DIR_LEN];

static inline int fs_setup(void **state)
{
	(void)state;
	return test_dir(fs_dir, "fsmap") ? 0 : -1;
}

static inline int fs_teardown(void **state)
{
	const char *const argv[] = {
		"rm", "-rf", "--one-file-system", fs_dir, NULL};

	(void)state;
	return proc_must(argv, NULL, NULL, ERR_IO, NULL);
}

/* Run a script of bash in the directory; fails the test with its words. */
static inline void fs_sh(const char *script, const char *arg)
{
	_free_ char *text = xasprintf("set -euo pipefail\n"
				      "PATH=$PATH:/usr/sbin:/sbin\ncd %s\n%s",
		fs_dir, script);
	/* Mounts in a namespace of their own: another process's copy of ours
	 * would keep a file system alive that was unmounted here. */
	const char *const argv[] = {
		"unshare", "-m", "bash", "-c", text, "sh", arg, NULL};
	_proc_ struct proc_result r = {0};
	struct err e = {0};

	if (proc_run(argv + (geteuid() ? 2 : 0), NULL, &r, &e))
		fail_msg("%s", e.why);
	if (r.status) {
		fprintf(stderr, "%s\n%s\n", script, r.err);
		fail_msg("a script of the shell ended with %d", r.status);
	}
}

static inline bool fs_has(const char *tool)
{
	_free_ char *text =
		xasprintf("PATH=$PATH:/usr/sbin:/sbin; command -v %s", tool);
	const char *const argv[] = {"bash", "-c", text, NULL};

	return proc_must(argv, NULL, NULL, ERR_IO, NULL) == 0;
}

#define fs_need(yes, what)                                         \
	do {                                                       \
		if (!(yes)) {                                      \
			fprintf(stderr, "skipped: no %s\n", what); \
			skip();                                    \
		}                                                  \
	} while (0)

static inline int fs_open(const char *name, int flags)
{
	_free_ char *path = path_join(fs_dir, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

/* A file full of rubbish. */
static inline void fs_rubbish(const char *name, uint64_t size)
{
	_close_ int fd = fs_open(name, O_CREAT | O_TRUNC | O_RDWR);
	_free_ uint32_t *b = xmalloc(MIB);

	for (size_t i = 0; i < MIB / 4; i++)
		b[i] = (uint32_t)random() * 2654435761U | 0x01010101;
	for (uint64_t at = 0; at < size; at += MIB)
		assert_int_equal(
			pwrite(fd, b, size - at < MIB ? size - at : MIB, at),
			size - at < MIB ? size - at : MIB);
}

struct fs_file {
	int fd;
	uint64_t size;
	int requests;
	int fail_after; /* 0: never */
};

static inline int fs_read(
	void *ctx, const struct extent *x, size_t n, void *buf, struct err *e)
{
	struct fs_file *f = ctx;
	unsigned char *p = buf;

	f->requests++;
	if (f->fail_after && f->requests > f->fail_after)
		return err_set(e, ERR_SSH_LOST, "cut");
	for (size_t i = 0; i < n; i++) {
		uint64_t end = x[i].offset + x[i].length;

		if (x[i].offset % FSMAP_GRAIN || !x[i].length ||
			end > f->size || (end % FSMAP_GRAIN && end != f->size))
			abort();
		if (pread(f->fd, p, x[i].length, x[i].offset) !=
			(ssize_t)x[i].length)
			abort();
		p += x[i].length;
	}
	return 0;
}

/* What every answer must be. */
static inline void fs_whole(
	const struct extents *x, const struct fsmap_report *r, uint64_t size)
{
	assert_int_equal(extents_end(x), size);
	assert_int_equal(extents_data(x) + r->unused, size);
	for (size_t i = 0; i < x->n; i++) {
		assert_true(x->e[i].length > 0);
		if (x->e[i].data)
			continue;
		assert_int_equal(x->e[i].offset % FSMAP_GRAIN, 0);
		assert_int_equal(x->e[i].length % FSMAP_GRAIN, 0);
	}
}

static inline void fs_map(
	const char *name, struct extents *x, struct fsmap_report *r)
{
	_close_ int fd = fs_open(name, O_RDONLY);
	struct stat st;
	struct fs_file f = {.fd = fd};
	struct fsmap_disk d = {.read = fs_read, .ctx = &f};
	struct err e = {0};

	assert_int_equal(fstat(fd, &st), 0);
	f.size = d.size = st.st_size;
	if (fsmap_used(&d, x, r, &e))
		fail_msg("%s: %s", name, e.why);
	fs_whole(x, r, d.size);
}

/* NAME.copy: what is used, and zeros. */
static inline void fs_copy(const char *name, const struct extents *x)
{
	_free_ char *copy = xasprintf("%s.copy", name);
	_close_ int in = fs_open(name, O_RDONLY);
	_close_ int out = fs_open(copy, O_CREAT | O_TRUNC | O_RDWR);
	_free_ char *b = xmalloc(MIB);

	assert_int_equal(ftruncate(out, extents_end(x)), 0);
	for (size_t i = 0; i < x->n; i++) {
		uint64_t at = x->e[i].offset, end = at + x->e[i].length;

		while (x->e[i].data && at < end) {
			size_t n = end - at < MIB ? end - at : MIB;

			assert_int_equal(pread(in, b, n, at), n);
			assert_int_equal(pwrite(out, b, n, at), n);
			at += n;
		}
	}
}

/* Overwrite bytes at an offset. */
static inline void fs_poke(
	const char *name, uint64_t at, const void *p, size_t n)
{
	_close_ int fd = fs_open(name, O_RDWR);

	assert_int_equal(pwrite(fd, p, n, at), n);
}

/* Another byte at an offset, whatever was there: what is random (a UUID, a
 * time) may be any byte one thinks of. */
static inline void fs_spoil(const char *name, uint64_t at)
{
	_close_ int fd = fs_open(name, O_RDONLY);
	unsigned char b;

	assert_int_equal(pread(fd, &b, 1, at), 1);
	b ^= 1;
	fs_poke(name, at, &b, 1);
}

/* All of the disk is used, and the first area says why. */
static inline void fs_all_used(const char *name, const char *why)
{
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};
	bool said = false;

	fs_map(name, &x, &r);
	for (size_t i = 0; i < r.n; i++)
		said |= strstr(r.area[i].why, why) != NULL;
	if (r.unused || !said)
		fail_msg("%s: %llu unused, why: %s (expected: %s)", name,
			(unsigned long long)r.unused,
			r.n ? r.area[r.n - 1].why : "-", why);
}

#endif
