/* Proxmox VE client: certificate, login, release, node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pveweb.h"
#include "trust.h"

#define TICKET "POST /api2/json/access/ticket"
#define VERSION_84 "{\"data\":{\"version\":\"8.4.21\",\"release\":\"8.4\"}}"
#define ONE_NODE "{\"data\":[{\"node\":\"pve\",\"status\":\"online\"}]}"

static const struct pve_at vm100 = {.vmid = 100};
#define CONFIG "/nodes/{node}/qemu/{vmid}/config"

static void first_calls(struct web *w)
{
	web_ok(w, "GET /api2/json/version", VERSION_84);
	web_ok(w, "GET /api2/json/nodes", ONE_NODE);
}

static int open_fails(const struct pve_target *t, struct err *e)
{
	struct pve *p = NULL;
	int rc = pve_open(t, &p, e);

	assert_int_equal(rc, -1);
	assert_null(p);
	return e->code;
}

static struct pve *open_ok(const struct pve_target *t)
{
	struct pve *p = NULL;
	struct err e = {0};

	if (pve_open(t, &p, &e) < 0)
		fail_msg("%s: %s", err_id(e.code), e.why);
	p->pause_ms = 1;
	p->patience = 30;
	return p;
}

/* ---- certificate ---- */

static void certificate(void **state)
{
	struct web w;
	struct pve_target t;
	unsigned before;
	struct err e;

	(void)state;
	web_start(&w);
	first_calls(&w);
	t = web_target(&w);
	t.accept_cert = NULL;
	assert_int_equal(open_fails(&t, &e), ERR_PVE_CERT_NEW);
	assert_non_null(strstr(e.why, w.d.fingerprint));
	t.accept_cert = "00:11";
	assert_int_equal(open_fails(&t, &e), ERR_PVE_CERT_NEW);
	assert_int_equal(w.d.requests, 0);
	t.accept_cert = w.d.fingerprint;
	pve_close(open_ok(&t));
	/* Pinned now. */
	t.accept_cert = NULL;
	pve_close(open_ok(&t));
	/* Somebody else on the same port: as if the pin were of another. */
	assert_int_equal(
		trust_forget(TRUST_TLS, "127.0.0.1", w.d.port, NULL), 0);
	assert_int_equal(trust_check(TRUST_TLS, "127.0.0.1", w.d.port, NULL,
				 "AA:BB", TRUST_FIRST, NULL),
		0);
	before = w.d.requests;
	t.accept_cert = w.d.fingerprint;
	assert_int_equal(open_fails(&t, &e), ERR_PVE_CERT_CHANGED);
	assert_int_equal(w.d.requests, before);
	web_end(&w);
}

/* ---- login ---- */

static const char ticket_1[] =
	"{\"data\":{\"username\":\"root@pam\",\"ticket\":"
	"\"PVE:root@pam:6B0239AD::abc+/==\",\"CSRFPreventionToken\":"
	"\"6B0239AD:csrf1\"}}";
static const char ticket_2[] =
	"{\"data\":{\"username\":\"root@pam\",\"ticket\":"
	"\"PVE:root@pam:6B02FFFF::second\",\"CSRFPreventionToken\":"
	"\"6B02FFFF:csrf2\"}}";

static struct pve_target with_password(const struct web *w)
{
	struct pve_target t = web_target(w);

	t.user = "root@pam";
	t.secret = "s3cret";
	return t;
}

static void ticket(void **state)
{
	struct web w;
	struct pve_target t;
	struct pve *p;

	(void)state;
	web_start(&w);
	t = with_password(&w);
	web_on(&w, TICKET, 1, "200 OK", ticket_1);
	first_calls(&w);
	web_ok(&w, "", "{\"data\":null}");
	p = open_ok(&t);
	assert_int_equal(web_count(&w, TICKET), 1);
	assert_int_equal(web_count(&w, "CSRFPreventionToken"), 0);
	buf_clear(&w.log);
	assert_int_equal(pve_call(p, "DELETE", "/nodes/{node}/qemu/{vmid}",
				 &vm100, NULL, NULL, NULL),
		0);
	assert_int_equal(
		web_count(&w, "CSRFPreventionToken: 6B0239AD:csrf1\r\n"), 1);
	assert_int_equal(
		web_count(&w,
			"Cookie: PVEAuthCookie="
			"PVE%3Aroot%40pam%3A6B0239AD%3A%3Aabc%2B%2F%3D%3D"
			"\r\n"),
		1);
	pve_close(p);
	web_end(&w);
}

static void token(void **state)
{
	struct web w;
	struct pve *p;

	(void)state;
	web_start(&w);
	first_calls(&w);
	p = open_ok(&(struct pve_target){.host = "127.0.0.1",
		.port = w.d.port,
		.user = "root@pam!mig",
		.secret = WEB_SECRET,
		.accept_cert = "first"});
	assert_int_equal(web_count(&w,
				 "Authorization: PVEAPIToken=root@pam!mig=" //
				 WEB_SECRET "\r\n"),
		2);
	assert_int_equal(web_count(&w, TICKET), 0);
	pve_close(p);
	web_end(&w);
}

/* One try, then silence. */
static void refused(void **state)
{
	struct web w;
	struct pve_target t;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	web_on(&w, "", -1, "401 Authentication failed!", "");
	t = web_target(&w);
	assert_int_equal(open_fails(&t, &e), ERR_PVE_AUTH);
	assert_string_equal(e.why, "Authentication failed!");
	assert_int_equal(w.d.requests, 1);
	t = with_password(&w);
	assert_int_equal(open_fails(&t, &e), ERR_PVE_AUTH);
	assert_int_equal(w.d.requests, 2);
	web_clear(&w);
	p = web_open(&w, "8.4.21");
	web_on(&w, "", -1, "401 permission denied - invalid token", "");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			pve_call(p, "GET", "/version", NULL, NULL, NULL, &e),
			-1);
		assert_int_equal(e.code, ERR_PVE_AUTH);
	}
	assert_int_equal(web_count(&w, "GET /"), 1);
	pve_close(p);
	web_end(&w);
}

static void not_even_tried(void **state)
{
	struct web w;
	struct pve_target t;
	struct err e;

	(void)state;
	web_start(&w);
	t = with_password(&w);
	t.user = "root";
	assert_int_equal(open_fails(&t, &e), ERR_PVE_AUTH);
	assert_non_null(strstr(e.why, "root@pam"));
	t = web_target(&w);
	t.secret = "x\r\nX-Evil: 1";
	assert_int_equal(open_fails(&t, &e), ERR_PVE_AUTH);
	assert_int_equal(w.d.connections, 0);
	web_end(&w);
}

static void second_factor(void **state)
{
	static const char *const answers[] = {
		"{\"data\":{\"NeedTFA\":1,\"ticket\":\"PVE:x\","
		"\"CSRFPreventionToken\":\"a:b\"}}",
		"{\"data\":{\"ticket\":\"PVE:!tfa!x\","
		"\"CSRFPreventionToken\":\"a:b\"}}"};
	struct web w;
	struct pve_target t;
	struct err e;

	(void)state;
	web_start(&w);
	t = with_password(&w);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		web_clear(&w);
		web_ok(&w, "", answers[i]);
		assert_int_equal(open_fails(&t, &e), ERR_PVE_AUTH);
		assert_non_null(strstr(e.why, "second factor"));
	}
	web_end(&w);
}

/* An old ticket buys a new one; a dead one is replaced by the password. */
static void renewal(void **state)
{
	struct web w;
	struct pve_target t;
	struct pve *p;

	(void)state;
	web_start(&w);
	t = with_password(&w);
	web_on(&w, TICKET, 1, "200 OK", ticket_1);
	web_on(&w, TICKET, 1, "200 OK", ticket_2);
	web_on(&w, TICKET, 1, "401 authentication failure", "");
	web_on(&w, TICKET, 2, "200 OK", ticket_1);
	first_calls(&w);
	p = open_ok(&t);
	buf_clear(&w.log);
	p->login_at -= 3700;
	assert_int_equal(
		pve_call(p, "GET", "/version", NULL, NULL, NULL, NULL), 0);
	assert_int_equal(
		web_count(&w, "password=PVE%3Aroot%40pam%3A6B0239AD"), 1);
	assert_int_equal(web_count(&w, "6B02FFFF%3A%3Asecond\r\n"), 1);
	/* Refused (the node's key was turned): the password is still good. */
	p->login_at -= 3700;
	assert_int_equal(
		pve_call(p, "GET", "/version", NULL, NULL, NULL, NULL), 0);
	assert_int_equal(web_count(&w, "password=s3cret"), 1);
	p->login_at -= 7000;
	assert_int_equal(
		pve_call(p, "GET", "/version", NULL, NULL, NULL, NULL), 0);
	assert_int_equal(web_count(&w, "password=s3cret"), 2);
	pve_close(p);
	web_end(&w);
}

/* A 401 in mid-job: one fresh login, the call once more, then the end. */
static void lapsed(void **state)
{
	struct web w;
	struct pve_target t;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	t = with_password(&w);
	web_ok(&w, TICKET, ticket_1);
	web_on(&w, "POST /api2/json/nodes/pve/qemu/100/config", 1,
		"401 permission denied - invalid PVE ticket", "");
	web_on(&w, "POST /api2/json/nodes/pve/qemu/100/config", 1, "200 OK",
		"{\"data\":null}");
	first_calls(&w);
	web_on(&w, "", -1, "401 permission denied - invalid PVE ticket", "");
	p = open_ok(&t);
	p->login_at -= 100;
	assert_int_equal(
		pve_call(p, "POST", CONFIG, &vm100, NULL, NULL, &e), 0);
	assert_int_equal(web_count(&w, TICKET), 2);
	p->login_at -= 100;
	assert_int_equal(
		pve_call(p, "POST", CONFIG, &vm100, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PVE_AUTH);
	assert_int_equal(web_count(&w, "POST /api2/json/nodes/"), 4);
	pve_close(p);
	web_end(&w);
}

/* ---- release and node ---- */

static void releases(void **state)
{
	static const struct {
		const char *version, *text;
		unsigned release;
	} rows[] = {
		{"5.3", "5.3-15", 503},
		{"6.0-4", "6.0-4", 600},
		{"7.4-16", "7.4-16", 704},
		{"9.1.3", "9.1.3", 901},
		{"10.0~beta", "10.0~beta", 1000},
	};
	static const char *const bad[] = {"5.2", "4.4", "", "x.y", "-8.4"};
	struct web w;
	struct pve_target t;
	struct err e;

	(void)state;
	web_start(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pve *p = web_open(&w, rows[i].version);

		assert_string_equal(pve_version_text(p), rows[i].text);
		assert_int_equal(pve_release(p), rows[i].release);
		pve_close(p);
	}
	t = web_target(&w);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_free_ char *body =
			xasprintf("{\"data\":{\"version\":\"%s\"}}", bad[i]);

		web_clear(&w);
		web_ok(&w, "", body);
		assert_int_equal(open_fails(&t, &e),
			i < 2 ? ERR_PVE_VERSION : ERR_PVE_SERVER);
	}
	web_end(&w);
}

static void nodes(void **state)
{
	static const char three[] =
		"{\"data\":[{\"node\":\"a\",\"status\":\"online\"},"
		"{\"node\":\"b\",\"status\":\"online\"},"
		"{\"node\":\"c\",\"status\":\"offline\"}]}";
	struct web w;
	struct pve_target t;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	t = web_target(&w);
	web_ok(&w, "GET /api2/json/version", VERSION_84);
	web_ok(&w, "GET /api2/json/nodes", three);
	web_on(&w, "GET /api2/json/cluster/status", 1, "200 OK",
		"{\"data\":[{\"type\":\"cluster\",\"name\":\"x\"},"
		"{\"type\":\"node\",\"name\":\"a\",\"local\":0},"
		"{\"type\":\"node\",\"name\":\"b\",\"local\":1}]}");
	web_on(&w, "GET /api2/json/cluster/status", -1,
		"403 Permission check failed (/, Sys.Audit)", "");
	p = open_ok(&t);
	assert_string_equal(pve_node(p), "b");
	pve_close(p);
	assert_int_equal(open_fails(&t, &e), ERR_NOT_FOUND);
	assert_non_null(strstr(e.why, "a, b, c"));
	t.node = "a";
	pve_close(open_ok(&t));
	t.node = "c";
	assert_int_equal(open_fails(&t, &e), ERR_PVE_CONNECT);
	t.node = "d";
	assert_int_equal(open_fails(&t, &e), ERR_NOT_FOUND);
	web_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate),
		cmocka_unit_test(ticket),
		cmocka_unit_test(token),
		cmocka_unit_test(refused),
		cmocka_unit_test(not_even_tried),
		cmocka_unit_test(second_factor),
		cmocka_unit_test(renewal),
		cmocka_unit_test(lapsed),
		cmocka_unit_test(releases),
		cmocka_unit_test(nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
