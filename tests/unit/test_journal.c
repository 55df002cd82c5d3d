/* The journal: written, remembered, torn, broken, read beside the writer. */
#include "jobtest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "digest.h"
#include "journaltest.h"

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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest),
		T(written),
		T(remembered),
		T(undone),
		T(secret_guard),
		T(disk_full),
		T(too_long),
		T(followed),
		T(heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
