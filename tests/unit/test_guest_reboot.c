/*
 * A restart on the operator's word, against a Proxmox VE of the test's own
 * words: what the guest's agent says, one answer after the other. It is back
 * when another start answers; a worker that died waits for the same one; what
 * stands in the way is a question, and a stop ends the wait.
 */
#include "jobtest.h"

#include "guest_reboot.h"
#include "guest_said.h"
#include "pveweb.h"
#include "run_own.h"
#include "stop.h"

#define VM "/api2/json/nodes/pve/qemu/130/"
#define OLD "3c3e7a52-0d4f-4d3a-9b0e-6a2f1d1f0c77"
#define NEW "9f1b2c3d-4e5f-4071-8293-a4b5c6d7e8f9"

/* --- which start it is --- */

static void reads_life(void **state)
{
	static const struct {
		const char *text, *boot;
		uint64_t up;
		bool whole;
	} row[] = {
		{OLD "\nvmferry up\n123\n", OLD, 123, true},
		{OLD "\r\nvmferry up\r\n0\r\n", OLD, 0, true},
		{"vmferry up\n7\n", "", 7, true},
		{"cat: no such file\nvmferry up\n7\n", "", 7, true},
		{"", "", 0, false},
		{OLD "\nvmferry up\n", "", 0, false},
		{OLD "\n", "", 0, false},
		{"vmferry up\nsoon\n", "", 0, false},
		{"vmferry up\n99999999999\n", "", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct guest_life l = {.boot = "untouched", .up = 1};

		assert_int_equal(
			guest_said_life(row[i].text, &l), row[i].whole);
		assert_string_equal(
			l.boot, row[i].whole ? row[i].boot : "untouched");
		assert_int_equal(l.up, row[i].whole ? row[i].up : 1);
	}
}

static void knows_another_start(void **state)
{
	static const struct {
		struct guest_life was, is;
		bool new;
	} row[] = {
		{{OLD, 100}, {OLD, 130}, false},
		{{OLD, 100}, {NEW, 5}, true},
		/* The id decides, whatever the clock does. */
		{{OLD, 100}, {OLD, 5}, false},
		{{OLD, 5}, {NEW, 50}, true},
		{{"", 100}, {"", 130}, false},
		{{"", 100}, {"", 5}, true},
		{{OLD, 100}, {"", 101}, false},
		{{"", 100}, {NEW, 99}, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		assert_int_equal(
			guest_life_is_new(&row[i].was, &row[i].is), row[i].new);
}

/* The line itself, on this machine. */
static void life_line_runs(void **state)
{
	const char *argv[] = {"sh", "-c", GUEST_LIFE, NULL};
	_proc_ struct proc_result res = {0};
	struct guest_life l;

	(void)state;
	assert_int_equal(proc_run(argv, NULL, &res, NULL), 0);
	assert_true(guest_said_life(res.out, &l));
	assert_int_equal(strlen(l.boot), 36);
}

/* --- a job before its check of the network --- */

struct world {
	struct web web;
	struct secrets *secrets;
	struct job *job;
};

static json_t *plan_of(unsigned port, int boot_timeout)
{
	return json_pack("{s:i,s:s,s:{s:{s:s,s:s,s:s,s:i,s:i,s:[],s:[]}},"
			 "s:{s:s,s:i,s:s,s:s,s:{},s:[],s:[]},s:{s:i},s:[s]}",
		"schema", 1, "name", "web01", "source", "vm", "name", "web01",
		"id", "7", "guest", "debian12-64", "memory_mib", 64, "cpus", 1,
		"disks", "nics", "target", "host", "127.0.0.1", "port", port,
		"user", WEB_TOKEN, "node", "pve", "config", "disks", "nics",
		"checks", "boot_timeout", boot_timeout, "steps",
		"check_network");
}

static void put(
	struct world *w, const char *step, const char *event, json_t *data)
{
	struct journal *j = NULL;

	ok(job_lock(w->job, e));
	ok(journal_open(w->job->dir, NULL, &j, e));
	ok(journal_add(j, step, event, data, e));
	journal_close(j);
	job_unlock(w->job);
}

static void begin(struct world *w, int boot_timeout)
{
	*w = (struct world){.secrets = secrets_new()};
	web_start(&w->web);
	pve_close(web_open(&w->web, "8.4.1")); /* its certificate is known */
	secrets_put(w->secrets, "pve.secret", WEB_SECRET);
	_json_ json_t *plan = plan_of(w->web.d.port, boot_timeout);

	ok(job_create("web01", plan, &w->job, e));
	put(w, "create_vm", "made",
		json_pack("{s:s,s:s,s:b}", "kind", "vm", "id", "130", "created",
			1));
	put(w, "check_network", "begin", NULL);
}

static void finish(struct world *w)
{
	job_close(w->job);
	secrets_free(w->secrets);
	web_end(&w->web);
}

/* From here on it says this; a login first. */
static void anew(struct world *w)
{
	web_clear(&w->web);
	web_ok(&w->web, "GET /api2/json/version",
		"{\"data\":{\"version\":\"8.4.1\",\"release\":\"8.4\"}}");
	web_ok(&w->web, "GET /api2/json/nodes",
		"{\"data\":[{\"node\":\"pve\",\"status\":\"online\"}]}");
}

/* The next command in the guest prints that; times -1: all later ones. */
static void says(struct world *w, int times, const char *out)
{
	_free_ char *body = xasprintf("{\"data\":{\"exited\":1,\"exitcode\":0,"
				      "\"out-data\":\"%s\"}}",
		out);

	web_on(&w->web, "POST " VM "agent/exec", times, "200 OK",
		"{\"data\":{\"pid\":7}}");
	web_on(&w->web, "GET " VM "agent/exec-status", times, "200 OK", body);
}

static void silent(struct world *w, int times)
{
	web_on(&w->web, "POST " VM "agent/exec", times,
		"500 QEMU guest agent is not running", "{\"data\":null}");
}

static void runs(struct world *w, const char *status)
{
	_free_ char *body = xasprintf("{\"data\":{\"status\":\"%s\","
				      "\"qmpstatus\":\"%s\"}}",
		status, status);

	web_ok(&w->web, "GET " VM "status/current", body);
}

static void quiet(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

/* One worker's turn. */
static int turn(struct world *w, bool *pending, struct err *why)
{
	const struct run_opts o = {
		.secrets = w->secrets, .say = quiet, .hurry = 20};
	struct run r = {.opts = &o, .job = w->job};
	int rc;

	ok(run_begin(&r, e));
	r.step = step_find("check_network");
	rc = guest_reboot_if_needed(&r, why);
	*pending = guest_reboot_pending(&r);
	run_end(&r);
	return rc;
}

/* It ends with that; 1: restarted, 0: not, -1: code. */
static void ends(struct world *w, int rc, enum err_code code, bool pending)
{
	bool still;
	struct err e = {0};
	int is = turn(w, &still, &e);

	if (is != rc || (rc < 0 && e.code != code) || still != pending)
		fail_msg("%d %s: %s, pending %d", is, err_id(e.code), e.why,
			still);
}

static void answer(struct world *w, const char *id, const char *value)
{
	struct journal *j = NULL;

	ok(job_lock(w->job, e));
	ok(journal_open(w->job->dir, NULL, &j, e));
	ok(ask_answer(j, id, value, NULL, e));
	journal_close(j);
	job_unlock(w->job);
}

static void asks(struct world *w, const char *id, const char *why)
{
	_json_ json_t *open = NULL;
	const json_t *q;

	ok(ask_open(w->job->dir, &open, e));
	assert_int_equal(json_array_size(open), 1);
	q = json_array_get(open, 0);
	assert_string_equal(json_str(q, "id"), id);
	if (!strstr(json_str_or(q, "why", ""), why))
		fail_msg("why: %s", json_str_or(q, "why", ""));
}

static void measured(struct world *w, const char *by)
{
	struct journal *j = NULL;
	const json_t *d;

	ok(journal_peek(w->job->dir, &j, e));
	d = json_object_get(
		journal_last(j, "check_network", "measure"), "data");
	assert_string_equal(json_str_or(d, "name", ""), "reboot");
	assert_string_equal(json_str_or(d, "by", ""), by);
	journal_close(j);
}

static unsigned told(const struct world *w)
{
	return web_count(&w->web, "reboot%29") + web_count(&w->web, "reboot)");
}

#define LIFE_OLD OLD "\\nvmferry up\\n5000\\n"
#define LIFE_NEW NEW "\\nvmferry up\\n9\\n"

/* It was told to restart, by a worker that is no more. */
static void under_way(struct world *w)
{
	put(w, "check_network", "mark",
		json_pack("{s:s,s:s,s:i}", "name", "reboot", "boot_id", OLD,
			"uptime", 5000));
	anew(w);
}

static void comes_back(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 60);
	anew(&w);
	says(&w, 1, "vmferry reboot\\n");
	says(&w, 1, LIFE_OLD);
	ends(&w, -1, ERR_ANSWER_NEEDED, false);
	asks(&w, "reboot", "installed");
	assert_int_equal(told(&w), 0);
	answer(&w, "reboot", "now");
	anew(&w);
	runs(&w, "running");
	says(&w, 1, "vmferry reboot\\n");
	says(&w, 2, LIFE_OLD);
	says(&w, 1, ""); /* told to restart */
	says(&w, 1, LIFE_OLD);
	silent(&w, 1);
	says(&w, -1, LIFE_NEW);
	ends(&w, 1, 0, false);
	assert_int_equal(told(&w), 1);
	measured(&w, "agent");
	finish(&w);
}

static void later_is_later(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 60);
	anew(&w);
	says(&w, 1, "vmferry reboot\\n");
	says(&w, -1, LIFE_OLD);
	ends(&w, -1, ERR_ANSWER_NEEDED, false);
	answer(&w, "reboot", "later");
	anew(&w);
	says(&w, 1, "vmferry reboot\\n");
	says(&w, -1, LIFE_OLD);
	ends(&w, 0, 0, false);
	assert_int_equal(told(&w), 0);
	anew(&w);
	says(&w, -1, "");
	ends(&w, 0, 0, false);
	anew(&w);
	silent(&w, -1);
	ends(&w, 0, 0, false);
	finish(&w);
}

/* The worker died: it was down meanwhile, and is not told again. */
static void waits_on(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 60);
	under_way(&w);
	runs(&w, "running");
	silent(&w, 1);
	says(&w, -1, LIFE_NEW);
	ends(&w, 1, 0, false);
	assert_int_equal(told(&w), 0);
	measured(&w, "agent");
	/* Before the guest was told: now it is. */
	under_way(&w);
	says(&w, 1, LIFE_OLD);
	says(&w, 1, "");
	says(&w, -1, LIFE_NEW);
	ends(&w, 1, 0, false);
	assert_int_equal(told(&w), 1);
	finish(&w);
}

/* It was shut down instead: seen long before the limit. */
static void sees_it_off(void **state)
{
	double began = now_mono();
	struct world w;

	(void)state;
	begin(&w, 600);
	under_way(&w);
	runs(&w, "stopped");
	silent(&w, -1);
	ends(&w, -1, ERR_ANSWER_NEEDED, true);
	assert_true(now_mono() - began < 300);
	asks(&w, "restart", "The VM is off");
	answer(&w, "restart", "start");
	anew(&w);
	runs(&w, "stopped");
	web_on(&w.web, "POST " VM "status/start", 1,
		"500 VM 130 already running", "{\"data\":null}");
	says(&w, -1, LIFE_NEW);
	ends(&w, 1, 0, false);
	assert_int_equal(web_count(&w.web, "status/start"), 1);
	measured(&w, "agent");
	finish(&w);
}

/* What it was told did nothing, within the limit of twice a second. */
static void runs_as_before(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	under_way(&w);
	runs(&w, "running");
	says(&w, -1, LIFE_OLD);
	ends(&w, -1, ERR_ANSWER_NEEDED, true);
	asks(&w, "restart", "runs as before");
	answer(&w, "restart", "wait");
	ends(&w, -1, ERR_ANSWER_NEEDED, true);
	anew(&w);
	runs(&w, "running");
	silent(&w, -1);
	answer(&w, "restart", "dead");
	ends(&w, -1, ERR_GUEST_BOOT, true);
	answer(&w, "restart", "up");
	ends(&w, 1, 0, false);
	measured(&w, "operator");
	finish(&w);
}

static void on_alarm(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static void can_be_stopped(void **state)
{
	double began = now_mono();
	struct world w;

	(void)state;
	begin(&w, 600);
	under_way(&w);
	runs(&w, "running");
	silent(&w, -1);
	signal(SIGALRM, on_alarm);
	alarm(1);
	ends(&w, -1, ERR_STOPPED, true);
	stop_asked = 0;
	assert_true(now_mono() - began < 300);
	finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_life),
		cmocka_unit_test(knows_another_start),
		cmocka_unit_test(life_line_runs),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(later_is_later),
		cmocka_unit_test(waits_on),
		cmocka_unit_test(sees_it_off),
		cmocka_unit_test(runs_as_before),
		cmocka_unit_test(can_be_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
