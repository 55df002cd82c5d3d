/* How often a guest's sshd is asked to let us in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/esxi_lab.h"

#include "guest_shell.h"

struct guest_at {
	struct secrets *secrets;
	struct run_opts opts;
	struct run run;
};

/* The fingerprint that the host shows, while it is not known yet. */
static const char *host_key(void)
{
	static char print[80];
	struct ssh_target t = lab_target(LAB_NEW);
	struct ssh *s = NULL;
	struct err e = {0};
	const char *p;

	if (*print)
		return print;
	t.accept_hostkey = NULL;
	assert_int_equal(ssh_open(&t, &s, &e), -1);
	assert_int_equal(e.code, ERR_SSH_HOSTKEY_NEW);
	p = strstr(e.why, "SHA256:");
	assert_non_null(p);
	snprintf(print, sizeof(print), "%.*s", (int)strcspn(p, " ,;)"), p);
	return print;
}

static void guest_open(
	struct guest_at *g, unsigned port, const char *key, const char *word)
{
	*g = (struct guest_at){.secrets = secrets_new()};
	secrets_put(g->secrets, "guest.password", word);
	g->opts.secrets = g->secrets;
	g->run.opts = &g->opts;
	g->run.plan = json_pack("{s:{s:{s:s,s:i,s:s}}}", "guest", "ssh",
		"address", "127.0.0.1", "port", (int)port, "hostkey", key);
	assert_non_null(g->run.plan);
}

static void guest_close(struct guest_at *g)
{
	json_decref(g->run.plan);
	secrets_free(g->secrets);
}

static size_t refusals(void)
{
	_free_ char *log = lab_read("new", "auth.log");
	size_t n = 0;

	for (const char *p = log; (p = strstr(p, " fail ")); p++)
		n++;
	return n;
}

/* The wait for a guest asks every two seconds: a wrong password goes out the
 * first time only, and the reason stays the same. */
static void refused_once(void **state)
{
	_free_ char *text = NULL;
	const char *key;
	struct guest_at g;
	size_t before;

	(void)state;
	lab_need();
	key = host_key();
	guest_open(&g, LAB_NEW, key, "wrong");
	before = refusals();
	for (int i = 0; i < 3; i++) {
		bad(guest_ssh_try(&g.run, 10, e), ERR_SSH_AUTH, "once");
		assert_int_equal(refusals(), before + 1);
	}
	bad(guest_ssh_shell(&g.run, "id", 10, &text, e), ERR_SSH_AUTH, "once");
	assert_int_equal(refusals(), before + 1);
	guest_close(&g);
	/* Another run, after the operator mended it. */
	lab_fault("new", "unlock", NULL);
	guest_open(&g, LAB_NEW, key, LAB_PASSWORD);
	ok(guest_ssh_try(&g.run, 10, e));
	guest_close(&g);
	assert_int_equal(refusals(), before + 1);
}

/* A guest that does not answer yet has refused nothing. */
static void no_answer_is_no_refusal(void **state)
{
	const char *key;
	struct guest_at g;

	(void)state;
	lab_need();
	key = host_key();
	guest_open(&g, 1, key, LAB_PASSWORD);
	bad(guest_ssh_try(&g.run, 10, e), ERR_SSH_CONNECT, "");
	json_put_u64(json_at(g.run.plan, "guest.ssh"), "port", LAB_NEW);
	ok(guest_ssh_try(&g.run, 10, e));
	guest_close(&g);
}

static int setup(void **state)
{
	(void)state;
	return lab_setup();
}

static int teardown(void **state)
{
	(void)state;
	return lab_stop_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_once),
		cmocka_unit_test(no_answer_is_no_refusal),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
