/* The journal: written, remembered, torn, broken, read beside the writer. */
#include "jobtest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "digest.h"

/* A job with a journal of one step done and one begun. */
static struct job *sample(void)
{
	struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;

	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "stop_vm", "begin", NULL, e));
	ok(journal_add(j, "stop_vm", "command",
		jobtest_data("text", "vim-cmd vmsvc/power.shutdown 7"), e));
	ok(journal_add(j, "stop_vm", "end", jobtest_data("result", "done"), e));
	ok(journal_add(j, "create_vm", "begin", NULL, e));
	ok(journal_add(j, "create_vm", "made",
		json_pack("{s:s,s:i}", "kind", "vm", "id", 120), e));
	return job;
}

static struct journal_verdict verdict(const char *dir)
{
	struct journal_verdict v;

	ok(journal_verify(dir, &v, e));
	return v;
}

static int count(void *arg, const json_t *line, struct err *e)
{
	(void)line;
	(void)e;
	++*(int *)arg;
	return 0;
}

static int lines_in(const char *dir)
{
	int n = 0;

	ok(journal_each(dir, count, &n, e));
	return n;
}

static void digest(void **state)
{
	_sha256_ struct sha256 *d = sha256_new();
	unsigned char raw[SHA256_LEN];
	char hex[SHA256_HEX], again[SHA256_HEX];

	(void)state;
	/* FIPS 180-2, "abc". */
	sha256_hex("abc", 3, hex);
	assert_string_equal(hex,
		"ba7816bf8f01cfea414140de5dae2223"
		"b00361a396177a9cb410ff61f20015ad");
	for (int i = 0; i < 2; i++) {
		sha256_add(d, "a", 1);
		sha256_add(d, "bc", 2);
		sha256_end(d, raw);
		hex_encode(again, raw, sizeof(raw));
		assert_string_equal(again, hex);
	}
}

static int in_order(void *arg, const json_t *line, struct err *e)
{
	const json_t *who = json_object_get(line, "operator");
	uint64_t *seq = arg;

	(void)e;
	assert_int_equal(json_u64(line, "seq", 0), ++*seq);
	assert_non_null(json_str(who, "login"));
	assert_non_null(json_str(who, "from"));
	assert_non_null(json_str(line, "host"));
	assert_int_equal(strlen(json_str(line, "time")), 24);
	return 0;
}

static void written(void **state)
{
	_job_ struct job *job = sample();
	struct journal_verdict v = verdict(job->dir);
	uint64_t seq = 0;

	(void)state;
	ok(journal_each(job->dir, in_order, &seq, e));
	assert_int_equal(seq, 6);
	assert_true(v.ok);
	assert_int_equal(v.lines, 6);
	assert_string_equal(v.open, "create_vm");
	assert_false(v.torn);
}

static void check_memory(struct journal *j)
{
	_json_ json_t *made = journal_made(j);
	const json_t *o = json_array_get(made, 0);

	assert_true(journal_begun(j));
	assert_true(journal_ended(j, "stop_vm"));
	assert_false(journal_ended(j, "create_vm"));
	assert_false(journal_ended(j, "copy_disks"));
	assert_null(journal_last(j, "copy_disks", "begin"));
	assert_int_equal(
		json_u64(journal_last(j, "create_vm", "begin"), "seq", 0), 5);
	assert_int_equal(json_array_size(made), 2);
	assert_string_equal(json_str(o, "id"), "local:120/disk-1");
	assert_string_equal(json_str(o, "step"), "create_vm");
	assert_string_equal(json_str(o, "path"), "/new");
	assert_string_equal(json_str(json_array_get(made, 1), "kind"), "vm");
}

static json_t *volume(const char *id, const char *path)
{
	return json_pack(
		"{s:s,s:s,s:s}", "kind", "volume", "id", id, "path", path);
}

/* What the writer remembers, a second one reads from the file. */
static void remembered(void **state)
{
	_job_ struct job *job = sample();
	struct journal *j;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(
		j, "create_vm", "made", volume("local:120/disk-0", "/"), e));
	ok(journal_add(
		j, "create_vm", "made", volume("local:120/disk-1", "/"), e));
	ok(journal_add(j, "create_vm", "removed",
		json_pack("{s:s,s:s}", "kind", "volume", "id",
			"local:120/disk-0"),
		e));
	ok(journal_add(
		j, "create_vm", "made", volume("local:120/disk-1", "/new"), e));
	check_memory(j);
	journal_close(j);
	ok(journal_open(job->dir, NULL, &j, e));
	check_memory(j);
	journal_close(j);
}

static void undone(void **state)
{
	_job_ struct job *job = sample();
	_journal_ struct journal *j = NULL;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "stop_vm", "answer",
		json_pack("{s:s,s:s}", "id", "off", "value", "yes"), e));
	assert_non_null(journal_asked(j, "stop_vm", "answer", "off"));
	ok(journal_add(j, "stop_vm", "undo", jobtest_data("phase", "end"), e));
	assert_false(journal_ended(j, "stop_vm"));
	assert_null(journal_asked(j, "stop_vm", "answer", "off"));
	ok(journal_add(j, "stop_vm", "begin", NULL, e));
	ok(journal_add(j, "stop_vm", "end", NULL, e));
	assert_true(journal_ended(j, "stop_vm"));
	/* An undo that began: not done any more, not taken back till it ends,
	 * which a later worker knows as well. */
	ok(journal_add(
		j, "stop_vm", "undo", jobtest_data("phase", "begin"), e));
	journal_close(j);
	ok(journal_open(job->dir, NULL, &j, e));
	assert_true(journal_undoing(j, "stop_vm"));
	assert_false(journal_ended(j, "stop_vm"));
	assert_true(journal_undone(j, "stop_vm") < journal_seq(j) - 1);
	ok(journal_add(j, "stop_vm", "undo", jobtest_data("phase", "end"), e));
	assert_int_equal(journal_undone(j, "stop_vm"), journal_seq(j));
	ok(journal_add(j, "stop_vm", "begin", NULL, e));
	assert_false(journal_undoing(j, "stop_vm"));
	assert_false(journal_ended(j, "stop_vm"));
}

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

static void secret_guard(void **state)
{
	_job_ struct job *job = sample();
	_secrets_ struct secrets *s = secrets_new();
	_journal_ struct journal *j = NULL;

	(void)state;
	secrets_put(s, "esxi.password", "Tr0ub\"4dor");
	secrets_put(s, "pve.password", "web");
	secrets_put(s, "hoster.key", "debian");
	ok(journal_open(job->dir, s, &j, e));
	fails(ERR_INTERNAL,
		journal_add(j, "stop_vm", "note",
			jobtest_data("text", "sshpass -p Tr0ub\"4dor x"), e));
	fails(ERR_INTERNAL,
		journal_add(j, "stop_vm", "note",
			json_pack("{s:[{s:s}]}", "a", "Tr0ub\"4dor", "b"), e));
	/* Ordinary words pass, or no job could go on. */
	ok(journal_add(
		j, "x", "note", jobtest_data("text", "web01 is debian"), e));
	assert_int_equal(journal_seq(j), 7);
	assert_true(verdict(job->dir).ok);
}

static void limit_size(rlim_t bytes)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* A write that stops half-way leaves the journal as it was. */
static void disk_full(void **state)
{
	_job_ struct job *job = sample();
	_journal_ struct journal *j = NULL;
	_free_ char *text = NULL;
	struct journal_verdict v;
	struct err full = {0};
	size_t n;
	int rc;

	(void)state;
	text = jobtest_read(job->dir, "journal", &n);
	ok(journal_open(job->dir, NULL, &j, e));
	signal(SIGXFSZ, SIG_IGN);
	limit_size(n + 100);
	rc = journal_add(j, "create_vm", "end", NULL, &full);
	limit_size(RLIM_INFINITY);
	assert_int_equal(rc, -1);
	assert_int_equal(full.code, ERR_NO_SPACE);
	assert_false(journal_ended(j, "create_vm"));
	v = verdict(job->dir);
	assert_true(v.ok && !v.torn);
	ok(journal_add(j, "create_vm", "end", NULL, e));
	assert_true(verdict(job->dir).ok);
}

static void too_long(void **state)
{
	_job_ struct job *job = sample();
	_journal_ struct journal *j = NULL;
	_free_ char *big = xmalloc(JOURNAL_LINE_MAX + 1);

	(void)state;
	memset(big, 'x', JOURNAL_LINE_MAX);
	big[JOURNAL_LINE_MAX] = '\0';
	ok(journal_open(job->dir, NULL, &j, e));
	fails(ERR_INTERNAL,
		journal_add(j, "a", "note", jobtest_data("text", big), e));
	jobtest_write(job->dir, "journal", big, JOURNAL_LINE_MAX);
	assert_true(verdict(job->dir).ok == false);
}

static void followed(void **state)
{
	_job_ struct job *job = sample();
	_journal_ struct journal *j = NULL;
	uint64_t offset = 0;
	int n = 0;

	(void)state;
	ok(journal_follow(job->dir, &offset, count, &n, e));
	assert_int_equal(n, 6);
	ok(journal_follow(job->dir, &offset, count, &n, e));
	assert_int_equal(n, 6);
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "create_vm", "end", NULL, e));
	ok(journal_follow(job->dir, &offset, count, &n, e));
	assert_int_equal(n, 7);
}

static void heads(void **state)
{
	_job_ struct job *job = sample();
	_journal_ struct journal *j = NULL;
	char head[SHA256_HEX];
	uint64_t seq = 0;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	snprintf(head, sizeof(head), "%s", journal_head(j));
	assert_string_equal(verdict(job->dir).head, head);
	ok(journal_add(j, "create_vm", "end", NULL, e));
	ok(journal_find_head(job->dir, head, &seq, e));
	assert_int_equal(seq, 6);
	head[0] = head[0] == 'a' ? 'b' : 'a';
	fails(ERR_NOT_FOUND, journal_find_head(job->dir, head, &seq, e));
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
		double end = now_mono() + 20;
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
		cmocka_unit_test(digest),
		T(written),
		T(remembered),
		T(undone),
		T(torn_anywhere),
		T(torn_with_newline),
		T(flipped_anywhere),
		T(reordered),
		T(cut_end),
		T(plan_changed),
		T(incomplete),
		T(secret_guard),
		T(disk_full),
		T(too_long),
		T(followed),
		T(heads),
		T(killed),
		T(fuzzed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
