/*
 * The failover IP of a job against the stand-ins with state: there and back
 * at each hoster, a MAC that is made and removed, answers that are lost,
 * somebody else's move, and kill -9 behind every line of the journal and
 * every request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hosterlab.h"

#define NS1 "ns1.ip-192-0-2.eu"
#define NS2 "ns2.ip-198-51-100.eu"
#define MOVE "\"method\":\"POST\",\"path\":\"/ip/"

static void need(void)
{
	if (hl_have())
		return;
	print_message("skipped: no build/lab-hoster (make lab)\n");
	skip();
}

/* Decisions of a job that is done. */
static void decided(const char *name, const char *mac, const char *mode,
	const char *gateway)
{
	struct run_opts o;
	struct run r;

	hl_open(&r, &o, name);
	if (mac)
		assert_string_equal(hoster_job_mac(&r), mac);
	else
		assert_null(hoster_job_mac(&r));
	assert_string_equal(json_str(hoster_job_pattern(&r), "mode"), mode);
	assert_string_equal(
		json_str(hoster_job_pattern(&r), "gateway"), gateway);
	hl_close(&r);
}

static void no_secret_in(const char *name)
{
	static const char *const files[] = {
		"journal", "log", "plan.json", "status"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_free_ char *path = xasprintf("jobs/%s/%s", name, files[i]);
		_free_ char *text = hl_file(path);

		/* Where nothing took time there is no status. */
		assert_true(*text || i == 3);
		assert_null(secrets_find(hl_secrets, text));
	}
}

static void ovh(void **state)
{
	_free_ char *there = NULL, *back = NULL, *mac = NULL;

	(void)state;
	need();
	hl_job("o", hl_plan("ovh", "203.0.113.9", NS2));
	ok(hl_run("o", hl_forward, e));
	there = hl_state("ovh", "blocks", "203.0.113.9/32", "to");
	assert_string_equal(there, NS2);
	decided("o", "00:50:56:01:02:03", "bridged", "198.51.100.254");
	assert_int_equal(
		hl_count("/virtualMac\",\"query\":null,\"body\":{"), 0);
	ok(hl_run("o", hl_back, e));
	back = hl_state("ovh", "blocks", "203.0.113.9/32", "to");
	assert_string_equal(back, NS1);
	mac = hl_state("ovh", "macs", "00:50:56:01:02:03", "server");
	assert_string_equal(mac, NS1);
	assert_int_equal(hl_count(MOVE), 2);
	no_secret_in("o");
	/* And once more: what was taken back is not remembered. */
	ok(hl_run("o", hl_forward, e));
	assert_int_equal(hl_count(MOVE), 3);
}

/* .8 has no MAC: one is made, and it is gone before the address is back. */
static void ovh_makes_a_mac(void **state)
{
	_free_ char *log = NULL, *back = NULL;
	const char *removed, *moved;

	(void)state;
	need();
	hl_job("o", hl_plan("ovh", "203.0.113.8", NS2));
	ok(hl_run("o", hl_forward, e));
	decided("o", "02:00:00:1a:00:01", "bridged", "198.51.100.254");
	ok(hl_run("o", hl_back, e));
	back = hl_state("ovh", "blocks", "203.0.113.8/32", "to");
	assert_string_equal(back, NS1);
	log = hl_file("requests.log");
	removed = strstr(log, "\"DELETE\"");
	assert_non_null(removed);
	assert_null(strstr(removed + 1, "\"DELETE\""));
	moved = strstr(removed, MOVE);
	assert_non_null(moved);
}

/* The MAC does not travel: another is made, the old one is never thrown
 * away, and the way back says what the old VM needs. */
static void ovh_loses_the_mac(void **state)
{
	(void)state;
	need();
	hl_post("fault", "{\"name\":\"mac-lost\",\"n\":\"1\"}");
	hl_job("o", hl_plan("ovh", "203.0.113.9", NS2));
	ok(hl_run("o", hl_forward, e));
	decided("o", "02:00:00:1a:00:01", "bridged", "198.51.100.254");
	ok(hl_run("o", hl_back, e));
	assert_non_null(strstr(hl_said.s, "was 00:50:56:01:02:03 and is gone"));
}

static void dedibox(void **state)
{
	_free_ char *there = NULL, *back = NULL;

	(void)state;
	need();
	hl_job("d", hl_plan("dedibox", "203.0.113.25", "12346"));
	ok(hl_run("d", hl_forward, e));
	there = hl_state("dedibox", "failover", "203.0.113.25", "destination");
	assert_string_equal(there, "198.51.100.21");
	decided("d", "52:54:00:1a:00:01", "bridged", "62.210.0.1");
	ok(hl_run("d", hl_back, e));
	back = hl_state("dedibox", "failover", "203.0.113.25", "destination");
	assert_string_equal(back, "192.0.2.11");
	assert_int_equal(hl_count("deleteMac"), 1);
	no_secret_in("d");
}

static void hetzner(void **state)
{
	_free_ char *there = NULL, *back = NULL;

	(void)state;
	need();
	hl_job("h", hl_plan("hetzner", "203.0.113.40", "322"));
	ok(hl_run("h", hl_forward, e));
	there = hl_state("hetzner", "failover", "203.0.113.40", "active");
	assert_string_equal(there, "198.51.100.22");
	decided("h", NULL, "routed", "198.51.100.22");
	ok(hl_run("h", hl_back, e));
	back = hl_state("hetzner", "failover", "203.0.113.40", "active");
	assert_string_equal(back, "192.0.2.12");
	assert_int_equal(hl_count("\"method\":\"POST\""), 2);
	no_secret_in("h");
}

/* Done, but its answer is lost: no second request, at no hoster. */
static void lost_answers(void **state)
{
	static const char *const rows[][3] = {{"ovh", "203.0.113.9", NS2},
		{"dedibox", "203.0.113.24", "12346"},
		{"hetzner", "203.0.113.40", "322"}};

	(void)state;
	need();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned before = hl_count("\"method\":\"POST\"");

		hl_post("fault", "{\"name\":\"lost\",\"call\":\"POST *\"}");
		hl_job(rows[i][0], hl_plan(rows[i][0], rows[i][1], rows[i][2]));
		ok(hl_run(rows[i][0], hl_forward, e));
		assert_int_equal(hl_count("\"method\":\"POST\""), before + 1);
	}
	assert_non_null(strstr(hl_said.s, "the answer was lost"));
}

/* Not done at all: the error says so; the next run makes the request. */
static void lost_request(void **state)
{
	(void)state;
	need();
	hl_post("fault", "{\"name\":\"drop\",\"call\":\"POST *\"}");
	hl_job("o", hl_plan("ovh", "203.0.113.9", NS2));
	fails(ERR_HOSTER_UNSURE, hl_run("o", hl_forward, e));
	assert_int_equal(hl_count(MOVE), 1);
	ok(hl_run("o", hl_forward, e));
	assert_int_equal(hl_count(MOVE), 2);
	assert_non_null(strstr(hl_said.s, "may have been sent before"));
}

static void somebody_moved_it(void **state)
{
	(void)state;
	need();
	hl_job("o", hl_plan("ovh", "203.0.113.9", NS2));
	hl_post("fault", "{\"name\":\"maintenance\",\"call\":\"POST *\"}");
	fails(ERR_HOSTER_DOWN, hl_run("o", hl_forward, e));
	hl_post("set",
		"{\"ovh\":{\"blocks\":{\"203.0.113.9/32\":{\"to\":"
		"\"ns4.ip-198-51-100.eu\"}}}}");
	fails(ERR_HOSTER_MOVED, hl_run("o", hl_forward, e));
	assert_int_equal(hl_count(MOVE), 1);
	/* The way back waits for the operator's word. */
	fails(ERR_ANSWER_NEEDED, hl_run("o", hl_back, e));
}

static void task_fails(void **state)
{
	(void)state;
	need();
	hl_post("fault", "{\"name\":\"task-fail\",\"call\":\"POST *\"}");
	hl_job("o", hl_plan("ovh", "203.0.113.9", NS2));
	fails(ERR_HOSTER_TASK, hl_run("o", hl_forward, e));
	/* It stays where it was: the next run asks anew. */
	ok(hl_run("o", hl_forward, e));
	assert_int_equal(hl_count(MOVE), 2);
}

static void busy_with_another_task(void **state)
{
	(void)state;
	need();
	hl_job("a", hl_plan("ovh", "203.0.113.9", "ns4.ip-198-51-100.eu"));
	hl_job("o", hl_plan("ovh", "203.0.113.8", NS2));
	hl_post("fault", "{\"name\":\"conflict\",\"call\":\"POST *\"}");
	fails(ERR_HOSTER_BUSY, hl_run("o", hl_forward, e));
	/* ns4 has no virtual MACs: refused before anything is asked. */
	fails(ERR_HOSTER_MAC, hl_run("a", hl_forward, e));
	assert_int_equal(hl_count(MOVE), 1);
}

/* --- kill -9 --- */

static unsigned lines_of(const char *path)
{
	_free_ char *text = hl_file(path);
	unsigned n = 0;

	for (const char *s = text; (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

/* Run it in a child and kill that once the file has so many lines. True: it
 * came to its end before. */
static bool killed_at(const char *name, const char *path, unsigned lines,
	int (*what)(struct run *r, struct err *e))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(hl_run(name, what, &(struct err){0}) ? 1 : 0);
	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status == 0;
		if (lines_of(path) >= lines)
			kill(pid, SIGKILL);
		hl_nap(1);
	}
}

/* There, and back, each cut at that line; then to the end. */
static bool cut_run(unsigned n, const char *file, const char *address)
{
	_free_ char *name = xasprintf("k%u", n);
	_free_ char *journal = xasprintf("jobs/%s/journal", name);
	const char *path = file ? file : journal;
	_free_ char *block = xasprintf("%s/32", address);
	_free_ char *there = NULL, *back = NULL;
	unsigned moves = hl_count(MOVE), at;
	bool whole;

	hl_job(name, hl_plan("ovh", address, NS2));
	at = lines_of(path);
	whole = killed_at(name, path, at + n, hl_forward);
	ok(hl_run(name, hl_forward, e));
	there = hl_state("ovh", "blocks", block, "to");
	assert_string_equal(there, NS2);
	if (hl_count(MOVE) != moves + 1)
		fail_msg("cut at %u: %u moves", n, hl_count(MOVE) - moves);
	at = lines_of(path);
	whole &= killed_at(name, path, at + n, hl_back);
	ok(hl_run(name, hl_back, e));
	back = hl_state("ovh", "blocks", block, "to");
	assert_string_equal(back, NS1);
	if (hl_count(MOVE) != moves + 2)
		fail_msg("cut back at %u: %u moves", n, hl_count(MOVE) - moves);
	return whole;
}

/* .8: with a MAC to make and remove. */
static void cut_behind_each_line(void **state)
{
	unsigned n = 1;

	(void)state;
	need();
	while (!cut_run(n, NULL, "203.0.113.8"))
		n++;
	print_message("%u places\n", n);
	assert_true(n > 10);
}

static void cut_behind_each_request(void **state)
{
	unsigned n = 1;

	(void)state;
	need();
	hl_post("fault", "{\"name\":\"delay\",\"ms\":\"60\"}");
	while (!cut_run(n, "requests.log", "203.0.113.9"))
		n += 12;
	print_message("up to request %u\n", n);
	assert_true(n > 30);
}

#define T(f) cmocka_unit_test_setup_teardown(f, hl_setup, hl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ovh),
		T(ovh_makes_a_mac),
		T(ovh_loses_the_mac),
		T(dedibox),
		T(hetzner),
		T(lost_answers),
		T(lost_request),
		T(somebody_moved_it),
		T(task_fails),
		T(busy_with_another_task),
		T(cut_behind_each_line),
		T(cut_behind_each_request),
	};

	return cmocka_run_group_tests(tests, hl_group_setup, hl_group_teardown);
}
