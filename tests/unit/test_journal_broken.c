/* The journal after a crash and under hostile hands: torn, changed, killed. */
#include "jobtest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "digest.h"
#include "journaltest.h"

/* A crash in mid-write, at every byte of the last line. */
static void torn_anywhere(void **state)
{
	_job_ struct job *job = sample();
	_free_ char *text = NULL;
	size_t n, last;

	(void)state;
	text = jobtest_read(job->dir, "journal", &n);
	for (last = n - 1; text[last - 1] != '\n'; last--)
		;
	for (size_t keep = last; keep < n; keep++) {
		_journal_ struct journal *j = NULL;
		struct journal_verdict v;

		jobtest_write(job->dir, "journal", text, keep);
		v = verdict(job->dir);
		assert_true(v.ok);
		assert_int_equal(v.torn, keep > last);
		assert_int_equal(lines_in(job->dir), 5);
		ok(journal_open(job->dir, NULL, &j, e));
		assert_int_equal(journal_seq(j), keep > last ? 6 : 5);
		ok(journal_add(j, "create_vm", "note", NULL, e));
		v = verdict(job->dir);
		assert_true(v.ok && !v.torn);
		assert_int_equal(v.cuts, keep > last);
	}
}

/* The length reached the disk, the text did not: a line of NULs. */
static void torn_with_newline(void **state)
{
	_job_ struct job *job = sample();
	_free_ char *text = NULL, *more = NULL;
	_journal_ struct journal *j = NULL;
	const json_t *cut;
	size_t n;

	(void)state;
	text = jobtest_read(job->dir, "journal", &n);
	more = xcalloc(n + 8, 1);
	memcpy(more, text, n);
	memcpy(more + n, "{\"se\0\0\0\n", 8);
	jobtest_write(job->dir, "journal", more, n + 8);
	assert_int_equal(lines_in(job->dir), 6);
	ok(journal_open(job->dir, NULL, &j, e));
	cut = json_object_get(journal_last(j, NULL, "cut"), "data");
	assert_int_equal(json_u64(cut, "bytes", 0), 8);
	assert_true(verdict(job->dir).ok);
}

static void flipped_anywhere(void **state)
{
	_job_ struct job *job = sample();
	_free_ char *text = NULL, *path = path_join(job->dir, "journal");
	_close_ int fd = open(path, O_WRONLY);
	size_t n;

	(void)state;
	text = jobtest_read(job->dir, "journal", &n);
	for (size_t i = 0; i < n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			char c = text[i] ^ 1 << bit;

			assert_int_equal(pwrite(fd, &c, 1, i), 1);
			if (verdict(job->dir).ok)
				fail_msg("byte %zu bit %d", i, bit);
		}
		assert_int_equal(pwrite(fd, text + i, 1, i), 1);
	}
	assert_true(verdict(job->dir).ok);
}

/* Line no (from 0) of a text, without its newline. */
static char *line_at(char *text, int no)
{
	char *p = xstrdup(text), *at = p, *line = NULL;

	for (int i = 0; i <= no; i++)
		line = str_line(&at);
	line = xstrdup(line);
	free(p);
	return line;
}

/* Lines taken out, put twice, swapped: each line by itself is whole. */
static void reordered(void **state)
{
	static const int orders[][6] = {{0, 1, 3, 4, 5, -1}, {0, 2, 1, 3, 4, 5},
		{0, 1, 2, 2, 3, 4}, {1, 2, 3, 4, 5, -1}, {-1}};
	_job_ struct job *job = sample();
	_free_ char *text = NULL;
	size_t n;

	(void)state;
	text = jobtest_read(job->dir, "journal", &n);
	for (size_t o = 0; o < ARRAY_LEN(orders); o++) {
		_buf_ struct buf b = {0};

		buf_adds(&b, "");
		for (int i = 0; i < 6 && orders[o][i] >= 0; i++) {
			_free_ char *line = line_at(text, orders[o][i]);

			buf_addf(&b, "%s\n", line);
		}
		jobtest_write(job->dir, "journal", b.s, b.len);
		assert_false(verdict(job->dir).ok);
		if (b.len)
			fails(ERR_JOURNAL_BROKEN,
				journal_open(job->dir, NULL,
					&(struct journal *){0}, e));
	}
}

/* Whole lines lost at the end are known from the status file. */
static void cut_end(void **state)
{
	_job_ struct job *job = sample();
	_json_ json_t *s = json_pack("{s:s}", "state", "running");
	_free_ char *text = NULL;
	struct journal_verdict v;
	size_t n;

	(void)state;
	{
		_journal_ struct journal *j = NULL;

		ok(journal_open(job->dir, NULL, &j, e));
		job_status_write(job, j, s);
	}
	assert_true(verdict(job->dir).ok);
	text = jobtest_read(job->dir, "journal", &n);
	for (n--; text[n - 1] != '\n'; n--)
		;
	jobtest_write(job->dir, "journal", text, n);
	v = verdict(job->dir);
	assert_false(v.ok);
	assert_non_null(strstr(v.why, "missing at the end"));
}

static void plan_changed(void **state)
{
	_job_ struct job *job = sample();
	struct journal_verdict v;

	(void)state;
	jobtest_write(job->dir, "plan.json", "{}\n", 3);
	v = verdict(job->dir);
	assert_false(v.ok);
	assert_int_equal(v.bad_seq, 1);
	assert_non_null(strstr(v.why, "plan.json was changed"));
}

static void incomplete(void **state)
{
	_job_ struct job *job = sample();
	_journal_ struct journal *j = NULL;
	struct journal_verdict v;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	/* A worker that died is no gap where the next one says so. */
	ok(journal_add(j, NULL, "resume", NULL, e));
	ok(journal_add(j, "create_vm", "begin", NULL, e));
	assert_true(verdict(job->dir).ok);
	ok(journal_add(j, "copy_disks", "begin", NULL, e));
	v = verdict(job->dir);
	assert_false(v.ok);
	assert_int_equal(v.bad_seq, 9);
}

static void write_until_killed(const char *dir)
{
	struct journal *j;

	if (journal_open(dir, NULL, &j, NULL) ||
		journal_add(j, NULL, "resume", NULL, NULL))
		_exit(1);
	while (journal_add(j, "create_vm", "mark", json_pack("{s:i}", "at", 1),
		       NULL) == 0)
		;
	_exit(1);
}

/* kill -9 at any moment: the next worker opens it and the chain holds. */
static void killed(void **state)
{
	_job_ struct job *job = sample();
	int had = lines_in(job->dir);

	(void)state;
	for (int round = 0; round < 20; round++) {
		double end = now_mono() + 60;
		int status, now;
		pid_t pid = fork();

		if (pid == 0)
			write_until_killed(job->dir);
		do
			now = lines_in(job->dir);
		while (now < had + 2 + round && now_mono() < end);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_true(verdict(job->dir).ok);
		now = lines_in(job->dir);
		assert_true(now >= had + 2 + round);
		had = now;
	}
}

/* --- fuzz-light: any bytes are read without harm, and none is believed --- */

static unsigned rnd(unsigned *seed, unsigned below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

static void mutate(struct buf *b, unsigned *seed)
{
	size_t at = rnd(seed, b->len), n = rnd(seed, 60) + 1;
	_free_ char *part = NULL;

	if (n > b->len - at)
		n = b->len - at;
	switch (rnd(seed, 4)) {
	case 0:
		b->s[at] = rnd(seed, 256);
		break;
	case 1: /* cut out */
		if (n == b->len)
			break;
		memmove(b->s + at, b->s + at + n, b->len - at - n);
		b->len -= n;
		break;
	case 2: /* said again at the end */
		part = xmalloc(n);
		memcpy(part, b->s + at, n);
		buf_add(b, part, n);
		break;
	default: /* cut off */
		b->len = at ? at : 1;
	}
}

static void fuzzed(void **state)
{
	_job_ struct job *job = sample();
	_free_ char *text = NULL;
	unsigned seed = 20261122;
	size_t n;

	(void)state;
	text = jobtest_read(job->dir, "journal", &n);
	for (int i = 0; i < 1000; i++) {
		_journal_ struct journal *j = NULL;
		_buf_ struct buf b = {0};
		struct journal_verdict v;
		int lines = 0;

		buf_add(&b, text, n);
		for (unsigned k = rnd(&seed, 3) + 1; k--;)
			mutate(&b, &seed);
		jobtest_write(job->dir, "journal", b.s, b.len);
		v = verdict(job->dir);
		/* Only the true beginning of it may pass. */
		if (v.ok && !v.torn && (b.len > n || memcmp(b.s, text, b.len)))
			fail_msg("round %d: believed", i);
		journal_each(job->dir, count, &lines, NULL);
		if (journal_open(job->dir, NULL, &j, NULL) == 0 && v.ok)
			assert_true(verdict(job->dir).ok);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {
		T(torn_anywhere),
		T(torn_with_newline),
		T(flipped_anywhere),
		T(reordered),
		T(cut_end),
		T(plan_changed),
		T(incomplete),
		T(killed),
		T(fuzzed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
