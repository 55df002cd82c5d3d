/* A state directory of its own, and a job in it, for the tests of jobs. */
#ifndef JOBTEST_H
#define JOBTEST_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "errtest.h"
#include "job.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

static char jobtest_dir[TEST_DIR_LEN];

static inline int jobtest_setup(void **state)
{
	(void)state;
	/* As main.c does: ssh-keygen may end before it read its input. */
	signal(SIGPIPE, SIG_IGN);
	if (!test_dir(jobtest_dir, "test"))
		return -1;
	return setenv("VMFERRY_STATE", jobtest_dir, 1);
}

static inline int jobtest_teardown(void **state)
{
	const char *const rm[] = {"rm", "-rf", jobtest_dir, NULL};

	(void)state;
	return proc_must(rm, NULL, NULL, ERR_IO, NULL);
}

/* Caller closes. */
static inline struct job *jobtest_job(const char *name)
{
	_json_ json_t *plan = json_pack("{s:{s:{s:s}},s:{s:s},s:[s,s]}",
		"source", "vm", "name", "web01", "target", "node", "pve1",
		"steps", "stop_vm", "create_vm");
	struct job *job = NULL;

	ok(job_create(name, plan, &job, e));
	return job;
}

static inline json_t *jobtest_data(const char *key, const char *value)
{
	return json_pack("{s:s}", key, value);
}

static inline char *jobtest_read(const char *dir, const char *name, size_t *n)
{
	_free_ char *path = path_join(dir, name);
	char *text = NULL;

	ok(file_read(path, 64 << 20, &text, n, e));
	return text;
}

static inline void jobtest_write(
	const char *dir, const char *name, const char *text, size_t n)
{
	_free_ char *path = path_join(dir, name);
	_fclose_ FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
}

/* Change the first `from` in a file to `to`, of the same length. */
static inline void jobtest_change(
	const char *dir, const char *name, const char *from, const char *to)
{
	size_t n = 0;
	_free_ char *text = jobtest_read(dir, name, &n);
	char *at = memmem(text, n, from, strlen(from));

	assert_non_null(at);
	memcpy(at, to, strlen(from));
	jobtest_write(dir, name, text, n);
}

#endif
