/* The lab's Proxmox VE (tests/lab/pve) for one test: a real TLS server with
 * schemas, state, tasks, images and QEMU. Include after cmocka.h. */
#ifndef TESTS_UNIT_PVELAB_H
#define TESTS_UNIT_PVELAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "pve_priv.h"
#include "stop.h"
#include "testdir.h"

struct lab {
	char dir[TEST_DIR_LEN];
	pid_t pid;
	unsigned port;
	bool old;                        /* has no tokens */
	char *token, *secret, *password; /* "root@pam!x", its UUID */
};

/* build/lab-pve beside build/unit/test_*; null: not built. */
static inline char *lab_binary(void)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	_free_ char *path = NULL;

	assert_true(n > 0);
	self[n] = '\0';
	for (int i = 0; i < 2; i++) {
		slash = strrchr(self, '/');
		*slash = '\0';
	}
	path = path_join(self, "lab-pve");
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: lab-pve mounts things: needs root\n");
		return NULL;
	}
	if (!file_exists(path)) {
		fprintf(stderr, "skipped: no %s (make lab)\n", path);
		return NULL;
	}
	return xstrdup(path);
}

static inline char *lab_file(const struct lab *l, const char *name)
{
	_free_ char *path = path_join(l->dir, name);
	char *text = NULL, *cut;

	if (file_read(path, 4096, &text, NULL, NULL) < 0)
		return NULL;
	cut = str_trim(text);
	memmove(text, cut, strlen(cut) + 1);
	return text;
}

static inline void lab_start(struct lab *l, const char *release)
{
	const char *shared = getenv("VMFERRY_SHARED");
	_free_ char *bin = lab_binary();
	_free_ char *ready = NULL;
	double end = now_mono() + 60;
	uint64_t port;
	char *split;

	if (!bin)
		skip();
	*l = (struct lab){0};
	assert_non_null(test_dir(l->dir, "pvelab"));
	setenv("VMFERRY_STATE", l->dir, 1);
	assert_int_equal(
		proc_spawn(
			(const char *const[]){bin, "--dir", l->dir, "--listen",
				"127.0.0.1:0", "--release", release, "--shared",
				shared ? shared : "../shared", "--auth-delay",
				"10", "--proxy-timeout", "500", NULL},
			-1, -1, 2, &l->pid, NULL),
		0);
	while (!(ready = lab_file(l, "ready")) || !*ready) {
		free(ready);
		if (waitpid(l->pid, NULL, WNOHANG) == l->pid)
			fail_msg("lab-pve ended at its start");
		assert_true(now_mono() < end);
		stop_sleep(20, NULL);
	}
	assert_int_equal(str_u64(strchr(ready, ':') + 1, 65535, &port), 0);
	l->port = port;
	l->old = str_starts(release, "5.");
	l->token = lab_file(l, "token");
	split = strchr(l->token, '=');
	*split = '\0';
	l->secret = split + 1;
	l->password = lab_file(l, "password");
}

static inline void lab_end(struct lab *l)
{
	proc_end(l->pid, 20);
	free(l->token);
	free(l->password);
	proc_must((const char *const[]){"rm", "-rf", l->dir, NULL}, NULL, NULL,
		ERR_IO, NULL);
}

static inline struct pve_target target(const struct lab *l)
{
	return (struct pve_target){.host = "127.0.0.1",
		.port = l->port,
		.user = l->token,
		.secret = l->secret,
		.accept_cert = "first"};
}

static inline struct pve *lab_open(const struct lab *l)
{
	struct pve_target t = target(l);
	struct pve *p = NULL;
	struct err e = {0};

	if (l->old) {
		assert_int_equal(pve_open(&t, &p, &e), -1);
		assert_int_equal(e.code, ERR_PVE_AUTH);
		assert_non_null(strstr(e.why, "too old for API tokens"));
		t.user = "root@pam";
		t.secret = l->password;
	}
	if (pve_open(&t, &p, &e) < 0)
		fail_msg("%s: %s", err_id(e.code), e.why);
	p->pause_ms = 50;
	p->patience = 10;
	return p;
}

#endif
