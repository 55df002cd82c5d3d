/*
 * A secret leaves nothing behind: after it went through JSON, a child's
 * output, HTTP and the file of kept ones, no byte of this process holds it.
 * What plays the other side is a process of its own.
 */
#include "jobtest.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "hoster.h"
#include "kept.h"
#include "leftover.h"
#include "pveweb.h"
#include "secret.h"
#include "verb.h"

/* "vmferry-Secret-0123456789-of-the-test" */
static const char hidden[] = "wngfssz.Tfdsfu.123456789:.pg.uif.uftu";

static void put(struct out *o, const char *s, size_t n)
{
	(void)o, (void)s, (void)n;
}

static void is_gone(void)
{
	assert_int_equal(leftovers(hidden), 0);
}

/* The look itself sees what is there. */
static void is_found(void **state)
{
	char *s = leftover_clear(hidden);
	char *rest = NULL;

	(void)state;
	assert_true(leftovers(hidden) > 0);
	str_wipe(&s);
	is_gone();
	/* An ordinary block, given back as it was. */
	rest = leftover_clear(hidden);
	free(rest);
	s = xmalloc(16);
	rest = leftover_clear(hidden);
	assert_true(leftovers(hidden) > 0);
	str_wipe(&rest);
	free(s);
	is_gone();
}

static void hardened(void **state)
{
	struct rlimit l;

	(void)state;
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &l), 0);
	assert_int_equal(l.rlim_cur, 0);
	assert_int_equal(l.rlim_max, 0);
}

/* --- JSON --- */

static void json(void **state)
{
	char *clear = leftover_clear(hidden);
	char *text = xasprintf("{\"a\":[\"%s\",\"%s\"],\"%s\":\"%s\"}", clear,
		clear, clear, clear);
	json_t *j = NULL;

	(void)state;
	ok(json_parse(text, strlen(text), &j, e));
	json_put_str(j, "b", clear);
	str_wipe(&clear);
	str_wipe(&text);
	assert_true(leftovers(hidden) >= 5);
	json_decref(j);
	is_gone();
}

/* --- vmferry token --- */

static void token(void **state)
{
	/* tr: the script has it hidden, too. */
	static const char script[] =
		"#!/bin/sh\nprintf '{\"full-tokenid\":\"root@pam!x\","
		"\"value\":\"%%s\"}' \"$(echo '%s' | tr 'b-zB-Z1-9:.' "
		"'a-yA-Y0-89-')\"\n";
	_free_ char *path = path_join(jobtest_dir, "pveum");
	_free_ char *text = xasprintf(script, hidden);
	_free_ char *all = xasprintf("%s:/usr/bin:/bin", jobtest_dir);
	char name[] = "token", *argv[] = {name, NULL};
	struct out o = {.put = put};

	(void)state;
	ok(file_write(path, text, strlen(text), 0700, e));
	assert_int_equal(setenv("PATH", all, 1), 0);
	ok(verb_find("token")->run(1, argv, &o, e));
	is_gone();
	{
		_secrets_ struct secrets *s = secrets_new();

		ok(kept_load(s, e));
		assert_true(leftover_at(secrets_get(s, "pve.secret"), hidden));
		assert_int_equal(leftovers(hidden), 1);
		ok(kept_put("esxi.password root@h:22", "another", e));
		ok(kept_forget("pve.secret", NULL, e));
	}
	is_gone();
}

/* --- HTTP --- */

/* A server in a process of its own, which ends with this one. */
struct far {
	pid_t pid;
	unsigned port;
	char fingerprint[96];
};

static void serve_far(int to, void (*routes)(struct web *w))
{
	struct far f = {0};
	struct web w;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	web_start(&w);
	routes(&w);
	f.port = w.d.port;
	snprintf(f.fingerprint, sizeof(f.fingerprint), "%s", w.d.fingerprint);
	(void)!write(to, &f, sizeof(f));
	for (;;)
		pause();
}

static void far_start(struct far *f, void (*routes)(struct web *w))
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve_far(p[1], routes);
	close(p[1]);
	assert_int_equal(read(p[0], f, sizeof(*f)), sizeof(*f));
	close(p[0]);
	f->pid = pid;
}

static void far_end(struct far *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
}

static void put_secret(struct secrets *s, const char *name)
{
	char *clear = leftover_clear(hidden);

	secrets_put(s, name, clear);
	str_wipe(&clear);
}

static void pve_routes(struct web *w)
{
	char *clear = leftover_clear(hidden);
	_free_ char *ticket = xasprintf(
		"{\"data\":{\"username\":\"root@pam\",\"ticket\":\"PVE:%s\","
		"\"CSRFPreventionToken\":\"%s\"}}",
		clear, clear);

	web_ok(w, "POST /api2/json/access/ticket", ticket);
	web_ok(w, "GET /api2/json/version",
		"{\"data\":{\"version\":\"8.4.21\",\"release\":\"8.4\"}}");
	web_ok(w, "GET /api2/json/nodes",
		"{\"data\":[{\"node\":\"pve\",\"status\":\"online\"}]}");
}

static void log_in_as(const char *user)
{
	_secrets_ struct secrets *s = secrets_new();
	struct far f;
	struct pve_target t = {
		.host = "127.0.0.1", .user = user, .accept_cert = "first"};
	struct pve *p = NULL;

	far_start(&f, pve_routes);
	put_secret(s, "pve.secret");
	t.port = f.port;
	t.secret = secrets_get(s, "pve.secret");
	ok(pve_open(&t, &p, e));
	pve_close(p);
	far_end(&f);
	assert_int_equal(leftovers(hidden), 1);
}

static void pve_password(void **state)
{
	(void)state;
	log_in_as("root@pam");
	is_gone();
}

static void pve_token(void **state)
{
	(void)state;
	log_in_as("root@pam!vmferry-a-node-with-a-long-name-of-its-own");
	is_gone();
}

static void hoster_routes(struct web *w)
{
	_free_ char *now = xasprintf("%ld", time(NULL));

	web_ok(w, "GET /1.0/auth/time", now);
	web_ok(w, "", "[]");
}

static void hoster_asks(const char *name)
{
	_secrets_ struct secrets *s = secrets_new();
	_json_ json_t *settings = json_object();
	const struct hoster_opts o = {.settings = settings, .secrets = s};
	_hoster_ struct hoster_conn *c = NULL;
	_json_ json_t *list = NULL;
	_free_ char *url = NULL;
	const struct hoster *h;
	struct far f;

	far_start(&f, hoster_routes);
	url = xasprintf("https://127.0.0.1:%u/1.0", f.port);
	json_put_str(settings, "url", url);
	json_put_str(settings, "fingerprint", f.fingerprint);
	ok(hoster_find(name, &h, e));
	for (const struct hoster_secret *k = h->secrets; k && k->name; k++)
		put_secret(s, k->name);
	ok(hoster_open(h, &o, &c, e));
	ok(hoster_get(c, &list, e, "/server"));
	far_end(&f);
}

static void hoster_calls(void **state)
{
	(void)state;
	for (size_t i = 0; hosters[i]; i++)
		if (hosters[i]->urls) {
			hoster_asks(hosters[i]->name);
			is_gone();
		}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_found),
		cmocka_unit_test(hardened),
		cmocka_unit_test(json),
		T(token),
		T(pve_password),
		T(pve_token),
		T(hoster_calls),
	};

#ifdef __SANITIZE_ADDRESS__
	print_message("skipped: AddressSanitizer keeps what was freed\n");
	return 0;
#endif
	signal(SIGPIPE, SIG_IGN);
	secrets_harden();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
