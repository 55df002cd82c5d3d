/* The job directory: made whole, one worker, status, list, log. */
#include "jobtest.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "operator.h"

static void names(void **state)
{
	static const char *const good[] = {"web01", "a", "0.x-y", "a.b"};
	static const char *const bad[] = {"", ".", "..", ".new", "-x", "Web",
		"a/b", "a b", "\xc3\xa4",
		("a123456789012345678901234567890123456789"
		 "01234567890123456789012345")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ok(job_name_check(good[i], e));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		fails(ERR_USAGE, job_name_check(bad[i], e));
}

static unsigned mode_of(const char *dir, const char *name)
{
	_free_ char *path = path_join(dir, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void created(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_json_ json_t *plan = NULL;
	struct journal_verdict v;
	struct job *again = NULL;

	(void)state;
	assert_int_equal(mode_of(job->dir, "."), 0700);
	assert_int_equal(mode_of(job->dir, "plan.json"), 0600);
	assert_int_equal(mode_of(job->dir, "journal"), 0600);
	ok(job_plan(job, &plan, e));
	assert_string_equal(
		json_string_value(json_at(plan, "source.vm.name")), "web01");
	ok(journal_verify(job->dir, &v, e));
	assert_true(v.ok && v.lines == 1);
	fails(ERR_JOB_EXISTS, job_create("web01", plan, &again, e));
	fails(ERR_USAGE, job_create("../web02", plan, &again, e));
	assert_null(again);
}

/* A creation that was killed half-way is no job and in nobody's way. */
static void half_created(void **state)
{
	_free_ char *half = xasprintf("%s/jobs/.new", jobtest_dir);
	_job_ struct job *job = NULL;
	_json_ json_t *list = NULL;

	(void)state;
	ok(file_mkdirs(half, 0700, e));
	jobtest_write(half, "plan.json", "{", 1);
	ok(job_list(&list, e));
	assert_int_equal(json_array_size(list), 0);
	job = jobtest_job("web01");
	assert_false(file_exists(half));
}

static void opened(void **state)
{
	struct job *job = jobtest_job("web01");
	_free_ char *dir = xasprintf("%s/", job->dir);
	_free_ char *plan = path_join(job->dir, "plan.json");

	(void)state;
	job_close(job);
	ok(job_open(dir, &job, e));
	assert_string_equal(job->name, "web01");
	job_close(job);
	ok(job_open("web01", &job, e));
	fails(ERR_NOT_FOUND, job_open("web02", &(struct job *){0}, e));
	assert_int_equal(unlink(plan), 0);
	fails(ERR_JOB_BAD, job_open("web01", &(struct job *){0}, e));
	job_close(job);
}

/* A process that locks the job and waits to be killed. */
static pid_t locker(const char *name)
{
	int p[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		struct job *job;

		if (job_open(name, &job, NULL) || job_lock(job, NULL))
			_exit(1);
		(void)!write(p[1], "x", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
	close(p[1]);
	return pid;
}

static void one_worker(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	pid_t pid;
	struct err busy = {0};

	(void)state;
	assert_int_equal(job_worker_pid(job), 0);
	pid = locker("web01");
	assert_int_equal(job_worker_pid(job), pid);
	assert_int_equal(job_lock(job, &busy), -1);
	assert_int_equal(busy.code, ERR_JOB_BUSY);
	{
		_free_ char *text = xasprintf("process %d", (int)pid);

		assert_non_null(strstr(busy.why, text));
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(job_worker_pid(job), 0);
	ok(job_lock(job, e));
	assert_int_equal(job_worker_pid(job), getpid());
	job_unlock(job);
	assert_int_equal(job_worker_pid(job), 0);
}

static json_t *file_status(const struct job *job)
{
	_free_ char *path = path_join(job->dir, "status");
	json_t *s = NULL;

	ok(json_read(path, &s, e));
	return s;
}

static void put_status(struct job *job, const char *state, int done)
{
	_json_ json_t *s = json_pack("{s:s,s:s,s:{s:i}}", "state", state,
		"step", "copy_disks", "progress", "done", done);

	job_status_write(job, NULL, s);
}

static json_int_t done_of(const json_t *s)
{
	return json_u64(json_object_get(s, "progress"), "done", 0);
}

static void status_throttled(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	double end = now_mono() + 1;
	unsigned n = 0, writes = 0;
	double seen = 0;
	json_t *s;

	(void)state;
	while (now_mono() < end) {
		put_status(job, "running", n++);
		writes += job->written > seen;
		seen = job->written;
	}
	assert_true(n > 100);
	assert_in_range(writes, 2, 5);
	put_status(job, "running", n++);
	put_status(job, "done", n);
	s = file_status(job);
	assert_string_equal(json_str(s, "state"), "done");
	assert_int_equal(done_of(s), n);
	assert_int_equal(json_u64(s, "pid", 0), getpid());
	json_decref(s);
	/* What is held back is written at the end. */
	put_status(job, "done", n + 1);
	job_status_flush(job);
	s = file_status(job);
	assert_int_equal(done_of(s), n + 1);
	json_decref(s);
}

static void status_true(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	json_t *s = NULL;

	(void)state;
	ok(job_status(job, &s, e));
	assert_string_equal(json_str(s, "state"), "ready");
	json_decref(s);
	/* "running", said by a worker that is no more. */
	put_status(job, "running", 1);
	ok(job_status(job, &s, e));
	assert_string_equal(json_str(s, "state"), "stopped");
	assert_true(json_flag(s, "interrupted", false));
	json_decref(s);
	ok(job_lock(job, e));
	ok(job_status(job, &s, e));
	assert_string_equal(json_str(s, "state"), "running");
	assert_int_equal(json_u64(s, "pid", 0), getpid());
	json_decref(s);
	jobtest_write(job->dir, "status", "{\"state", 7);
	ok(job_status(job, &s, e));
	assert_string_equal(json_str(s, "state"), "ready");
	json_decref(s);
}

static void listed(void **state)
{
	struct job *a = jobtest_job("a1"), *b = jobtest_job("b2");
	_free_ char *bad = xasprintf("%s/jobs/bad", jobtest_dir);
	_json_ json_t *list = NULL;
	const json_t *o;

	(void)state;
	put_status(b, "done", 1);
	job_close(a);
	job_close(b);
	ok(file_mkdirs(bad, 0700, e));
	ok(job_list(&list, e));
	assert_int_equal(json_array_size(list), 3);
	o = json_array_get(list, 2);
	assert_string_equal(json_str(o, "state"), "bad");
	assert_string_equal(
		json_str(json_object_get(o, "error"), "id"), "JOB_BAD");
	o = json_array_get(list, 0);
	assert_string_equal(json_str(o, "title"), "web01 -> pve1");
	assert_non_null(json_str(o, "created"));
}

static void logged(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_secrets_ struct secrets *s = secrets_new();
	_free_ char *text = NULL, *big = xmalloc(60001);

	(void)state;
	secrets_put(s, "esxi.password", "Geh3im!");
	job_guard(job, s);
	job_log(job, "login with %s\x1b[2J", "Geh3im!");
	text = jobtest_read(job->dir, "log", NULL);
	assert_non_null(strstr(text, "login with ***?[2J\n"));
	assert_int_equal(mode_of(job->dir, "log"), 0600);
	memset(big, 'x', 60000);
	big[60000] = '\0';
	for (int i = 0; i < 160; i++)
		job_log(job, "%s", big);
	assert_true(mode_of(job->dir, "log.1") == 0600);
	job_log(job, "end");
	{
		_free_ char *now = NULL;
		size_t n;

		now = jobtest_read(job->dir, "log", &n);
		assert_true(n < 9 << 20);
		assert_non_null(strstr(now, " end\n"));
	}
}

/* Who: found in an ancestor, where sudo and the wizard cleared our own
 * environment. This program is run again to say it. */
static void guided(void **state)
{
	_job_ struct job *job = jobtest_job("web01");

	(void)state;
	assert_false(job_guided(job));
	ok(job_set_guided(job, true, e));
	ok(job_set_guided(job, true, e));
	assert_true(job_guided(job));
	ok(job_set_guided(job, false, e));
	ok(job_set_guided(job, false, e));
	assert_false(job_guided(job));
}

/* A job whose objects still stand is not forgotten; all others are. */
static void removed(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;
	_json_ json_t *list = NULL;
	json_t *vm = json_pack("{s:s,s:s}", "kind", "vm", "id", "100");

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "create_vm", "begin", NULL, e));
	ok(journal_add(j, "create_vm", "made", json_incref(vm), e));
	fails(ERR_JOB_UNFINISHED, job_remove(job, e));
	fails(ERR_JOB_UNFINISHED,
		(put_status(job, "failed", 0), job_status_flush(job),
			job_remove(job, e)));
	ok(journal_add(j, "create_vm", "removed", vm, e));
	ok(job_remove(job, e));
	assert_false(file_exists(job->dir));
	ok(job_list(&list, e));
	assert_int_equal(json_array_size(list), 0);
}

static void who(void **state)
{
	const char *const argv[] = {"env", "SSH_CONNECTION=203.0.113.9 5 6 22",
		"sh", "-c", "env -i \"$0\" --who; :", "/proc/self/exe", NULL};
	char self[4096] = "";
	const char *run[ARRAY_LEN(argv)];
	_proc_ struct proc_result r = {0};
	_json_ json_t *o = NULL;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	memcpy(run, argv, sizeof(argv));
	run[ARRAY_LEN(run) - 2] = self;
	ok(proc_must(run, NULL, &r, ERR_IO, e));
	ok(json_parse(r.out, r.out_len, &o, e));
	assert_string_equal(json_str(o, "from"), "203.0.113.9");
	assert_non_null(json_str(o, "login"));
}

static int print_who(void)
{
	_json_ json_t *o = operator_json();
	_free_ char *text = json_line(o);

	puts(text);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--who") == 0)
		return print_who();
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who),
		T(guided),
		T(removed),
		cmocka_unit_test(names),
		T(created),
		T(half_created),
		T(opened),
		T(one_worker),
		T(status_throttled),
		T(status_true),
		T(listed),
		T(logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
