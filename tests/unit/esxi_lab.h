/*
 * A stand-in ESXi host (tests/lab/esxi) for a unit test: started in a network
 * namespace of the test's own, so that ports are free and nothing is reached.
 * Needs root; lab_need() skips the test where there is none.
 */
#ifndef TESTS_ESXI_LAB_H
#define TESTS_ESXI_LAB_H

#include <glob.h>
#include <sys/stat.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"
#include "ssh.h"
#include "str.h"
#include "testdir.h"

#define LAB_PASSWORD "vmware1!"
#define LAB_NEW 2201
#define LAB_OLD 2202
#define LAB_WEB 100 /* HTTPS is on the port of SSH plus this */

static char lab_dir[TEST_DIR_LEN]; /* holds new/, old/, state/ */
static const char *lab_missing = "not started";

#define lab_run(...)                                                    \
	proc_must((const char *const[]){__VA_ARGS__, NULL}, NULL, NULL, \
		ERR_IO, NULL)

/* The call works. */
#define ok(call)                                                         \
	do {                                                             \
		struct err e_ = {0}, *e = &e_;                           \
		if (call)                                                \
			fail_msg("%s: %s: %s", err_id(e->code), e->what, \
				e->why);                                 \
	} while (0)

/* The call fails with this code, and the cause holds the words. */
#define bad(call, want, words)                                           \
	do {                                                             \
		struct err e_ = {0}, *e = &e_;                           \
		assert_int_equal(call, -1);                              \
		if (e->code != (want) || !strstr(e->why, words))         \
			fail_msg("%s: %s: %s", err_id(e->code), e->what, \
				e->why);                                 \
	} while (0)

/* "DIR/name", to be freed. */
static inline char *lab_path(const char *name)
{
	return path_join(lab_dir, name);
}

static inline int lab_start(const char *profile, unsigned port)
{
	_free_ char *dir = lab_path(profile);
	_free_ char *addr = xasprintf("127.0.0.1:%u", port);
	_free_ char *web = xasprintf("127.0.0.1:%u", port + LAB_WEB);
	struct err e = {0};

	if (proc_must((const char *const[]){"tests/lab/esxi/start", dir,
			      profile, addr, web, NULL},
		    NULL, NULL, ERR_IO, &e) == 0)
		return 0;
	fprintf(stderr, "%s\n", e.why);
	return -1;
}

static inline int lab_stop_all(void)
{
	_free_ char *new = lab_path("new"), *old = lab_path("old");

	if (!*lab_dir)
		return 0;
	lab_run("tests/lab/esxi/stop", new);
	lab_run("tests/lab/esxi/stop", old);
	return lab_run("rm", "-rf", "--one-file-system", lab_dir);
}

/* Start both hosts; what hinders it is told by lab_need(). */
static inline int lab_setup(void)
{
	_free_ char *state = NULL;

	if (geteuid() != 0)
		lab_missing = "needs root";
	else if (!file_exists("build/lab-esxi") ||
		!file_exists("build/lab-esxi-https"))
		lab_missing = "build/lab-esxi is missing: make lab";
	else if (unshare(CLONE_NEWNET) ||
		lab_run("ip", "link", "set", "lo", "up"))
		lab_missing = "no network namespace here";
	else
		lab_missing = NULL;
	if (lab_missing)
		return 0;
	if (!test_dir(lab_dir, "lab"))
		return -1;
	state = lab_path("state");
	setenv("VMFERRY_STATE", state, 1);
	return lab_start("new", LAB_NEW) || lab_start("old", LAB_OLD);
}

static inline void lab_need(void)
{
	if (!lab_missing)
		return;
	fprintf(stderr, "skipped: %s\n", lab_missing);
	skip();
}

static inline void lab_fault(
	const char *host, const char *name, const char *arg)
{
	_free_ char *dir = lab_path(host);

	assert_int_equal(lab_run("tests/lab/esxi/fault", dir, name,
				 arg ? arg : (const char *)NULL),
		0);
}

/* The whole of DIR/host/file. */
static inline char *lab_read(const char *host, const char *file)
{
	_free_ char *path = xasprintf("%s/%s/%s", lab_dir, host, file);
	char *text = NULL;

	assert_int_equal(file_read(path, 8 << 20, &text, NULL, NULL), 0);
	return text;
}

static inline void lab_write(
	const char *host, const char *file, const char *text)
{
	_free_ char *path = xasprintf("%s/%s/%s", lab_dir, host, file);

	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* Bytes that the files matching the pattern take on the new host. */
static inline uint64_t lab_taken(const char *pattern)
{
	_free_ char *path = xasprintf("%s/new/root%s", lab_dir, pattern);
	uint64_t sum = 0;
	glob_t g;

	assert_int_equal(glob(path, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct stat st;

		assert_int_equal(stat(g.gl_pathv[i], &st), 0);
		sum += (uint64_t)st.st_blocks * 512;
	}
	globfree(&g);
	return sum;
}

static inline size_t lab_starts(const char *host)
{
	_free_ char *log = lab_read(host, "sshd.log");
	size_t n = 0;

	for (const char *p = log; (p = strstr(p, "Server listening")); p++)
		n++;
	return n;
}

/* Make sshd read its configuration anew. */
static inline void lab_reload(const char *host)
{
	_free_ char *pid = lab_read(host, "pid"), *path = NULL, *child = NULL;
	double until = now_mono() + 60;
	size_t before = lab_starts(host);
	uint64_t v;

	/* sshd is the one child of the unshare whose id is kept */
	pid[strcspn(pid, " ")] = '\0';
	path = xasprintf("/proc/%s/task/%s/children", pid, pid);
	assert_int_equal(file_read(path, 64, &child, NULL, NULL), 0);
	assert_int_equal(str_u64(str_trim(child), INT32_MAX, &v), 0);
	assert_int_equal(kill((pid_t)v, SIGHUP), 0);
	while (lab_starts(host) == before) {
		assert_true(now_mono() < until);
		usleep(5000);
	}
}

static inline struct ssh_target lab_target(unsigned port)
{
	return (struct ssh_target){.host = "127.0.0.1",
		.port = port,
		.user = "root",
		.password = LAB_PASSWORD,
		.accept_hostkey = "first",
		.timeout = 20};
}

#endif
