/* Copies from the lab's ESXi hosts by HTTPS: what it refuses, what it
 * survives, and how a copy with several roads goes on when one fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/trust.h"
#include "esxi_copy.h"

/* The disk by HTTPS alone. */
static void web_make(struct run *r, unsigned port)
{
	run_make(r, port);
	free(r->source);
	r->source = xasprintf("https://root@127.0.0.1:%u/folder/it%%27s%%20web/"
			      "it%%27s%%20web.vmdk?dcPath=ha-datacenter"
			      "&dsName=datastore1",
		port + LAB_WEB);
	r->c.source = r->source;
	r->c.opts.accept_cert = "first";
}

static size_t lines_with(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

static void alone_it_reads_all(void **state)
{
	_copy_result_ struct copy_result res = {0};
	_free_ char *before = NULL, *after = NULL;
	struct run r;

	(void)state;
	web_make(&r, LAB_NEW);
	before = lab_read("new", "auth.log");
	copies(&r, &res);
	after = lab_read("new", "auth.log");
	assert_string_equal(res.road, "https");
	assert_int_equal(res.read, DISK);
	assert_non_null(res.map_note);
	/* One login, whatever the connections. */
	assert_int_equal(
		lines_with(after, "ok root") - lines_with(before, "ok root"),
		1);
	run_free(&r);
}

static void old_tls_must_be_asked_for(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct run r;

	(void)state;
	web_make(&r, LAB_OLD);
	assert_int_equal(fails(&r), ERR_HTTPS_CONNECT);
	unlink(r.state);
	r.c.opts.old_tls = true;
	copies(&r, &res);
	run_free(&r);
}

static void another_certificate_gets_nothing(void **state)
{
	_free_ char *before = NULL, *after = NULL;
	struct run r;

	(void)state;
	web_make(&r, LAB_NEW);
	trust_forget(TRUST_TLS, "127.0.0.1", LAB_NEW + LAB_WEB, NULL);
	r.c.opts.accept_cert = NULL;
	before = lab_read("new", "auth.log");
	assert_int_equal(fails(&r), ERR_ESXI_CERT_NEW);
	assert_int_equal(trust_check(TRUST_TLS, "127.0.0.1", LAB_NEW + LAB_WEB,
				 NULL, "AA:BB", "AA:BB", NULL),
		0);
	assert_int_equal(fails(&r), ERR_ESXI_CERT_CHANGED);
	after = lab_read("new", "auth.log");
	assert_string_equal(before, after);
	trust_forget(TRUST_TLS, "127.0.0.1", LAB_NEW + LAB_WEB, NULL);
	run_free(&r);
}

static void busy_hosts_are_waited_for(void **state)
{
	static const char *const faults[] = {"http-503", "http-limit"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		_copy_result_ struct copy_result res = {0};
		struct run r;

		run_make(&r, LAB_NEW);
		r.c.opts.road = "https";
		r.c.job.readers = 4;
		r.c.job.read_all = true; /* the readers meet it first */
		lab_fault("new", faults[i], i ? "2" : "5");
		copies(&r, &res);
		if (!i)
			assert_true(res.retries >= 1);
		assert_string_equal(res.road, "https");
		lab_fault("new", faults[i], "off");
		run_free(&r);
	}
}

/* A road that is not there, or ends in the middle, is not the copy's end. */
static void another_road_goes_on(void **state)
{
	_copy_result_ struct copy_result none = {0}, late = {0};
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	r.c.opts.https_port = 1; /* nobody listens */
	copies(&r, &none);
	assert_string_equal(none.road, "ssh");
	assert_int_equal(none.roads[0].bytes, 0);
	run_free(&r);

	run_make(&r, LAB_NEW);
	trust_forget(TRUST_TLS, "127.0.0.1", LAB_NEW + LAB_WEB, NULL);
	assert_int_equal(trust_check(TRUST_TLS, "127.0.0.1", LAB_NEW + LAB_WEB,
				 NULL, "AA:BB", "AA:BB", NULL),
		0);
	copies(&r, &late);
	assert_string_equal(late.road, "ssh");
	trust_forget(TRUST_TLS, "127.0.0.1", LAB_NEW + LAB_WEB, NULL);
	run_free(&r);
}

static void a_refused_password_is_not_sent_again(void **state)
{
	_free_ char *before = NULL, *after = NULL;
	struct secrets *wrong = secrets_new();
	struct run r;

	(void)state;
	web_make(&r, LAB_NEW);
	before = lab_read("new", "auth.log");
	secrets_put(wrong, "esxi.password", "not it");
	r.c.opts.secrets = wrong;
	assert_int_equal(fails(&r), ERR_HTTPS_AUTH);
	after = lab_read("new", "auth.log");
	assert_int_equal(lines_with(after, "\n") - lines_with(before, "\n"), 1);
	secrets_free(wrong);
	run_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_it_reads_all),
		cmocka_unit_test(old_tls_must_be_asked_for),
		cmocka_unit_test(another_certificate_gets_nothing),
		cmocka_unit_test(busy_hosts_are_waited_for),
		cmocka_unit_test(another_road_goes_on),
		cmocka_unit_test(a_refused_password_is_not_sent_again),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
