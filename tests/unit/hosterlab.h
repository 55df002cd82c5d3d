/*
 * The stand-ins of tests/lab/hoster on free ports of 127.0.0.1, one directory
 * a test; and a job of one failover IP. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_HOSTERLAB_H
#define TESTS_UNIT_HOSTERLAB_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "errtest.h"
#include "hoster_job.h"
#include "proc.h"
#include "run.h"
#include "str.h"
#include "testdir.h"

static char hl_dir[TEST_DIR_LEN];
static char hl_certs[TEST_DIR_LEN]; /* certificates and secrets, made once */
static pid_t hl_pid;
static unsigned hl_port[3]; /* ovh, dedibox, hetzner */
static struct secrets *hl_secrets;
static struct buf hl_said;

static inline void hl_nap(unsigned ms)
{
	nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

static inline bool hl_have(void)
{
	return file_exists("build/lab-hoster");
}

static inline char *hl_file(const char *name)
{
	_free_ char *path = path_join(hl_dir, name);
	char *text = NULL;

	if (file_read(path, 64 << 20, &text, NULL, NULL))
		return xstrdup("");
	return text;
}

static inline void hl_launch(void)
{
	const char *const argv[] = {"build/lab-hoster", "--dir", hl_dir,
		"--seed", "tests/lab/hoster/seed.json", "--port", "0", NULL};
	_free_ char *ready = path_join(hl_dir, "ready");
	double until = now_mono() + 60;

	unlink(ready);
	ok(proc_spawn_bound(argv, -1, &hl_pid, e));
	while (!file_exists(ready)) {
		if (now_mono() > until)
			fail_msg("lab-hoster does not start");
		hl_nap(20);
	}
	_free_ char *text = hl_file("ready");
	if (sscanf(text, "%u %u %u", &hl_port[0], &hl_port[1], &hl_port[2]) !=
		3)
		fail_msg("ready: %s", text);
}

/* POST to /lab/fault or /lab/set. */
static inline void hl_post(const char *what, const char *json)
{
	_free_ char *url =
		xasprintf("https://127.0.0.1:%u/lab/%s", hl_port[0], what);
	const char *const argv[] = {"curl", "-skf", "-H",
		"Content-Type: application/json", "-d", json, url, NULL};

	ok(proc_must(argv, NULL, NULL, ERR_IO, e));
}

static inline int hl_group_setup(void **state)
{
	(void)state;
	if (!test_dir(hl_certs, "hoster"))
		return -1;
	if (!hl_have())
		return 0;
	return proc_must((const char *const[]){"tests/lab/hoster/prepare",
				 hl_certs, NULL},
		NULL, NULL, ERR_IO, NULL);
}

static inline int hl_group_teardown(void **state)
{
	(void)state;
	return proc_must((const char *const[]){"rm", "-rf", hl_certs, NULL},
		NULL, NULL, ERR_IO, NULL);
}

static inline int hl_setup(void **state)
{
	static const char *const files[] = {
		"ovh.secrets", "dedibox.secrets", "hetzner.secrets"};

	(void)state;
	if (!test_dir(hl_dir, "hoster"))
		return -1;
	setenv("VMFERRY_STATE", hl_dir, 1);
	if (!hl_have())
		return 0;
	ok(proc_must((const char *const[]){"cp", "-rT", hl_certs, hl_dir, NULL},
		NULL, NULL, ERR_IO, e));
	hl_launch();
	hl_post("fault", "{\"name\":\"delay\",\"ms\":\"90\"}");
	hl_secrets = secrets_new();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_free_ char *path = path_join(hl_dir, files[i]);

		ok(secrets_load(hl_secrets, path, e));
	}
	return 0;
}

static inline int hl_teardown(void **state)
{
	(void)state;
	if (hl_pid)
		proc_end(hl_pid, 5);
	hl_pid = 0;
	secrets_free(hl_secrets);
	hl_secrets = NULL;
	buf_free(&hl_said);
	return proc_must((const char *const[]){"rm", "-rf", hl_dir, NULL}, NULL,
		NULL, ERR_IO, NULL);
}

/* How many requests of that text are in the log. */
static inline unsigned hl_count(const char *text)
{
	_free_ char *log = hl_file("requests.log");
	unsigned n = 0;

	for (const char *s = log; (s = strstr(s, text)); s++)
		n++;
	return n;
}

/* "ovh.blocks.203..": a text of the lab's state; dots in names are not
 * steps, so the path is a list. To be freed. */
static inline char *hl_state(
	const char *a, const char *b, const char *c, const char *d)
{
	_free_ char *text = hl_file("state.json");
	_json_ json_t *all = NULL;
	const char *const path[] = {a, b, c, d};
	const json_t *at;

	ok(json_parse(text, strlen(text), &all, e));
	at = all;
	for (size_t i = 0; i < 4 && path[i]; i++)
		at = json_object_get(at, path[i]);
	return xstrdup(json_string_value(at));
}

/* --- a job --- */

static inline json_t *hl_plan(
	const char *provider, const char *address, const char *to)
{
	static const char *const names[] = {"ovh", "dedibox", "hetzner"};
	static const char *const prefix[] = {"/1.0", "/api/v1", ""};
	_free_ char *print = hl_file("fingerprint");
	_free_ char *url = NULL;
	size_t i = 0;

	while (strcmp(names[i], provider))
		i++;
	url = xasprintf("https://127.0.0.1:%u%s", hl_port[i], prefix[i]);
	return json_pack("{s:{s:s,s:s,s:s,s:s,s:s,s:f,s:f},"
			 "s:{s:{s:s}},s:{s:s,s:[{s:s,s:s,s:s}]},"
			 "s:{s:b,s:b},s:[s,s],s:i}",
		"hoster", "provider", provider, "address", address, "to", to,
		"url", url, "fingerprint", str_trim(print), "poll", 0.02,
		"patience", 20.0, "source", "vm", "name", "web01", "target",
		"name", "web01", "nics", "slot", "ethernet0", "bridge", "lo",
		"mac", "00:50:56:01:02:03", "allow", "move_block", 1,
		"host_route", 0, "steps", "move_ip", "await_ip", "schema", 1);
}

static inline void hl_say(void *arg, const char *line)
{
	(void)arg;
	buf_addf(&hl_said, "%s\n", line);
}

/* Open the job's journal as run_job does. */
static inline void hl_open(struct run *r, struct run_opts *o, const char *name)
{
	*o = (struct run_opts){.secrets = hl_secrets, .say = hl_say};
	*r = (struct run){.opts = o};
	ok(job_open(name, &r->job, e));
	ok(job_lock(r->job, e));
	job_guard(r->job, hl_secrets);
	ok(journal_open(r->job->dir, hl_secrets, &r->j, e));
	ok(job_plan(r->job, &r->plan, e));
}

static inline void hl_close(struct run *r)
{
	journal_close(r->j);
	json_decref(r->plan);
	job_close(r->job);
}

static inline void hl_job(const char *name, json_t *plan)
{
	struct job *job;

	ok(job_create(name, plan, &job, e));
	job_close(job);
	json_decref(plan);
}

static inline int hl_phase(
	struct run *r, const char *event, const char *key, const char *value)
{
	return run_note(r, event, json_pack("{s:s}", key, value), NULL);
}

/* What the executor does with both steps; those that are done are not done
 * again. */
static inline int hl_forward(struct run *r, struct err *e)
{
	int there;

	r->step = step_find("move_ip");
	if (!journal_ended(r->j, "move_ip")) {
		hl_phase(r, "begin", "x", "x");
		there = hoster_job_there(r, e);
		if (there < 0 ||
			(!there &&
				(hoster_job_ask(r, e) ||
					hoster_job_asked(r, e))))
			return -1;
		hl_phase(r, "end", "result", there ? "already" : "done");
	}
	r->step = step_find("await_ip");
	if (!journal_ended(r->j, "await_ip")) {
		hl_phase(r, "begin", "x", "x");
		if (hoster_job_finish(r, e) || hoster_job_verify(r, e))
			return -1;
		hl_phase(r, "end", "result", "done");
	}
	return 0;
}

static inline int hl_take_back(struct run *r, const char *kind,
	int (*undo)(struct run *r, struct err *e), struct err *e)
{
	r->step = step_find(kind);
	if (!run_begun(r, kind))
		return 0;
	if (!journal_undoing(r->j, kind))
		hl_phase(r, "undo", "phase", "begin");
	if (undo(r, e))
		return -1;
	hl_phase(r, "undo", "phase", "end");
	return 0;
}

static inline int hl_back(struct run *r, struct err *e)
{
	return hl_take_back(r, "await_ip", hoster_job_unfinish, e) ||
			hl_take_back(r, "move_ip", hoster_job_return, e)
		? -1
		: 0;
}

static inline int hl_run(const char *name,
	int (*what)(struct run *r, struct err *e), struct err *e)
{
	struct run_opts o;
	struct run r;
	int rc;

	hl_open(&r, &o, name);
	rc = what(&r, e);
	hl_close(&r);
	return rc;
}

#endif
