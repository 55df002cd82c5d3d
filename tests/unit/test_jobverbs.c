/* The verbs that show, answer, stop and verify jobs. */
#include "jobsample.h"

#include <signal.h>
#include <sys/wait.h>

#include "verb.h"

struct capture {
	struct out out;
	struct buf b, notes;
};

static void cap_put(struct out *o, const char *s, size_t n)
{
	buf_add(&((struct capture *)o)->b, s, n);
}

static void cap_note(struct out *o, const char *line)
{
	buf_addf(&((struct capture *)o)->notes, "%s\n", line);
}

/* Run a verb; its output is to be freed. */
static int verb(char **text, struct err *e, const char *name, ...)
{
	struct capture c = {.out = {.put = cap_put, .note = cap_note}};
	const struct verb *v = verb_find(name);
	char *argv[16] = {(char *)name};
	int argc = 0, rc;
	va_list ap;

	va_start(ap, name);
	while (argv[argc] && argc < 15)
		argv[++argc] = va_arg(ap, char *);
	va_end(ap);
	assert_non_null(v);
	rc = v->run(argc, argv, &c.out, e);
	buf_free(&c.notes);
	*text = buf_steal(&c.b);
	return rc;
}

static void status_verb(void **state)
{
	_job_ struct job *job = sample(0);
	_free_ char *text = NULL, *json = NULL;
	_json_ json_t *j = NULL;

	(void)state;
	ok(verb(&text, e, "status", job->dir, NULL));
	assert_non_null(strstr(text, "[?] network"));
	assert_non_null(strstr(text, "[ ] tidy"));
	assert_non_null(
		strstr(text, "vmferry answer web01 network.silent VALUE"));
	assert_non_null(strstr(text, "retry          try again  (proposed)"));
	ok(verb(&json, e, "status", job->dir, "--json", NULL));
	ok(json_parse(json, strlen(json), &j, e));
	assert_int_equal(json_array_size(json_object_get(j, "questions")), 1);
}

static void status_of_error(void **state)
{
	_job_ struct job *job = sample(26);
	_json_ json_t *s = json_pack("{s:s,s:s,s:{s:s,s:s,s:s,s:s}}", "state",
		"failed", "step", "copy", "error", "id", "SSH_LOST", "what",
		"copy disk scsi0:0", "why", "reset\x1b[2J", "next",
		"Run again.");
	_free_ char *text = NULL;

	(void)state;
	job_status_write(job, NULL, s);
	ok(verb(&text, e, "status", job->dir, NULL));
	assert_non_null(strstr(text, "web01: failed"));
	assert_non_null(strstr(text, "SSH_LOST"));
	assert_non_null(strstr(text, "why     reset?[2J"));
	assert_non_null(strstr(text, "next    Run again."));
}

static void answer_verb(void **state)
{
	_job_ struct job *job = sample(0);
	_free_ char *text = NULL, *none = NULL, *bad = NULL;
	struct journal_verdict v;

	(void)state;
	fails(ERR_ANSWER_BAD,
		verb(&bad, e, "answer", job->dir, "silent", "perhaps", NULL));
	ok(verb(&text, e, "answer", job->dir, "network.silent", "skip", NULL));
	assert_non_null(strstr(text, "vmferry run"));
	fails(ERR_USAGE, verb(&none, e, "answer", job->dir, NULL));
	ok(journal_verify(job->dir, &v, e));
	assert_true(v.ok);
}

static void jobs_verb(void **state)
{
	_free_ char *none = NULL, *text = NULL, *json = NULL;
	_json_ json_t *list = NULL;

	(void)state;
	ok(verb(&none, e, "jobs", NULL));
	assert_string_equal(none, "");
	job_close(jobtest_job("mail2"));
	ok(verb(&text, e, "jobs", NULL));
	assert_non_null(strstr(text, "mail2"));
	assert_non_null(strstr(text, "web01 -> pve1"));
	ok(verb(&json, e, "jobs", "--json", NULL));
	ok(json_parse(json, strlen(json), &list, e));
	assert_int_equal(json_array_size(list), 1);
}

static unsigned sample_lines(void)
{
	_free_ char *text = NULL;
	unsigned n = 0;

	ok(file_read(SAMPLE_DIR "journal.in", 1 << 20, &text, NULL, e));
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

static void verify_verb(void **state)
{
	_job_ struct job *job = sample(0);
	_free_ char *text = NULL, *path = NULL, *no = NULL;
	_free_ char *other = xasprintf("%s/other.txt", jobtest_dir);
	_free_ char *out = NULL, *made = NULL, *alien = NULL;
	_free_ char *whole = NULL, *at = NULL;
	unsigned lines;

	(void)state;
	path = xasprintf("%s/report.html", jobtest_dir);
	ok(verb(&out, e, "report", job->dir, "--output", path, NULL));
	ok(verb(&text, e, "verify", job->dir, NULL));
	lines = sample_lines();
	whole = xasprintf("the journal is whole: %u entries", lines);
	at = xasprintf("made from this journal, at entry %u", lines);
	assert_non_null(strstr(text, whole));
	assert_non_null(strstr(text, "1 torn ends"));
	ok(verb(&made, e, "verify", job->dir, "--report", path, NULL));
	assert_non_null(strstr(made, at));
	jobtest_write(jobtest_dir, "other.txt", "no head here\n", 13);
	fails(ERR_JOURNAL_BROKEN,
		verb(&alien, e, "verify", job->dir, "--report", other, NULL));
	jobtest_change(
		job->dir, "journal", "power.shutdown 7", "power.shutdown 8");
	fails(ERR_JOURNAL_BROKEN, verb(&no, e, "verify", job->dir, NULL));
}

static void keygen(const char *path)
{
	const char *const argv[] = {"ssh-keygen", "-q", "-t", "ecdsa", "-N", "",
		"-C", "anna", "-f", path, NULL};

	ok(proc_must(argv, NULL, NULL, ERR_IO, e));
}

/* allowed_signers: the principal and her public key. */
static void write_signers(const char *key, const char *name)
{
	_free_ char *pub = xasprintf("%s.pub", key), *text = NULL, *line = NULL;

	ok(file_read(pub, 4096, &text, NULL, e));
	line = xasprintf("anna@example %s", text);
	jobtest_write(jobtest_dir, name, line, strlen(line));
}

/* A signed report: whose it is, and that it is not changed. */
static void signed_report(void **state)
{
	_job_ struct job *job = sample(0);
	_free_ char *key = xasprintf("%s/key", jobtest_dir);
	_free_ char *stranger = xasprintf("%s/stranger", jobtest_dir);
	_free_ char *path = xasprintf("%s/r.txt", jobtest_dir);
	_free_ char *signers = xasprintf("%s/signers", jobtest_dir);
	_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL;

	(void)state;
	keygen(key);
	keygen(stranger);
	write_signers(key, "signers");
	for (int i = 0; i < 2; i++) { /* the second replaces the first */
		_free_ char *out = NULL;

		ok(verb(&out, e, "report", job->dir, "--output", path, "--sign",
			key, NULL));
	}
	ok(verb(&a, e, "verify", job->dir, "--report", path, "--signers",
		signers, NULL));
	assert_non_null(strstr(a, "anna@example"));
	write_signers(stranger, "signers");
	fails(ERR_JOURNAL_BROKEN,
		verb(&b, e, "verify", job->dir, "--report", path, "--signers",
			signers, NULL));
	ok(verb(&c, e, "verify", job->dir, "--report", path, NULL));
	jobtest_change(jobtest_dir, "r.txt", "web01", "Web01");
	fails(ERR_JOURNAL_BROKEN,
		verb(&d, e, "verify", job->dir, "--report", path, NULL));
}

static volatile sig_atomic_t asked;

static void on_term(int sig)
{
	(void)sig;
	asked = 1;
}

/* A worker that ends by itself once it is asked to. */
static pid_t polite_worker(const char *dir)
{
	int p[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		struct job *job;

		signal(SIGTERM, on_term);
		if (job_open(dir, &job, NULL) || job_lock(job, NULL))
			_exit(1);
		(void)!write(p[1], "x", 1);
		while (!asked)
			usleep(1000);
		_exit(0);
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
	close(p[1]);
	return pid;
}

static void stop_verb(void **state)
{
	_job_ struct job *job = sample(0);
	_free_ char *none = NULL, *text = NULL, *busy = NULL;
	pid_t pid;
	int status;

	(void)state;
	ok(verb(&none, e, "stop", job->dir, NULL));
	assert_non_null(strstr(none, "nothing is working"));
	pid = polite_worker(job->dir);
	fails(ERR_JOB_BUSY,
		verb(&busy, e, "answer", job->dir, "silent", "skip", NULL));
	ok(verb(&text, e, "stop", job->dir, NULL));
	assert_non_null(strstr(text, "stopped"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A worker that copies until its progress was seen. */
static pid_t seen_worker(struct job *job, const char *seen)
{
	_json_ json_t *s = json_pack("{s:s,s:s,s:s,s:{s:s,s:I,s:I,s:I,s:i}}",
		"state", "running", "step", "copy", "doing", "Copy the disks",
		"progress", "what", "copying scsi0:0", "done",
		(json_int_t)10 << 30, "total", (json_int_t)40 << 30, "rate",
		(json_int_t)300 << 20, "eta", 102);
	double end = now_mono() + 60;
	pid_t pid = fork();

	if (pid)
		return pid;
	if (job_lock(job, NULL))
		_exit(1);
	job_status_write(job, NULL, s);
	while (!file_exists(seen) && now_mono() < end)
		usleep(1000);
	_exit(0);
}

static void put_seen(struct out *o, const char *s, size_t n)
{
	cap_put(o, s, n);
	if (memmem(s, n, "running", 7))
		jobtest_write(jobtest_dir, "seen", "", 0);
}

/* status --follow shows the worker's progress, and ends when it does. */
static void followed(void **state)
{
	_job_ struct job *job = sample(22);
	_free_ char *seen = path_join(jobtest_dir, "seen");
	struct capture c = {.out = {.put = put_seen, .note = cap_note}};
	char name[] = "status", follow[] = "--follow";
	char *argv[] = {name, job->dir, follow, NULL};
	double end = now_mono() + 60;
	pid_t pid;
	int status;

	(void)state;
	pid = seen_worker(job, seen);
	while (job_worker_pid(job) != pid && now_mono() < end)
		usleep(1000);
	ok(verb_find("status")->run(3, argv, &c.out, e));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_non_null(strstr(c.b.s,
		"running: Copy the disks  copying scsi0:0: 25 %, 10.0 GiB of "
		"40.0 GiB, 300.0 MiB/s, 1 min 42 s left\n"));
	assert_non_null(strstr(c.b.s, "its worker is gone"));
	buf_free(&c.b);
	buf_free(&c.notes);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {
		T(status_verb),
		T(status_of_error),
		T(answer_verb),
		T(jobs_verb),
		T(verify_verb),
		T(signed_report),
		T(stop_verb),
		T(followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
