/* HTTPS: core/http.c against a server of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "http.h"
#include "stop.h"
#include "tlsd.h"

/* What the server does, and what it saw. */
struct script {
	const char *answer;
	enum tlsd_then then;
	struct buf seen;
};

static enum tlsd_then serve(void *arg, const char *req, struct buf *out)
{
	struct script *s = arg;

	buf_adds(&s->seen, req);
	if (s->answer)
		buf_adds(out, s->answer);
	return s->then;
}

struct pin {
	const char *want;
	unsigned asked;
};

static int check_pin(void *arg, const char *fingerprint, struct err *e)
{
	struct pin *pin = arg;

	pin->asked++;
	if (strcmp(fingerprint, pin->want) == 0)
		return 0;
	return err_set(e, ERR_PVE_CERT_CHANGED, "now %s", fingerprint);
}

struct fix {
	struct tlsd d;
	struct script s;
	struct pin pin;
	struct http *h;
};

static void fix_open(struct fix *f, const char *answer, enum tlsd_then then)
{
	struct http_opts o = {.host = "127.0.0.1",
		.trust = check_pin,
		.trust_arg = &f->pin,
		.lost = ERR_PVE_CONNECT};

	memset(f, 0, sizeof(*f));
	f->s = (struct script){.answer = answer, .then = then};
	f->d.serve = serve;
	f->d.arg = &f->s;
	tlsd_start(&f->d);
	f->pin.want = f->d.fingerprint;
	o.port = f->d.port;
	assert_int_equal(http_open(&o, &f->h, NULL), 0);
}

static void fix_close(struct fix *f)
{
	http_close(f->h);
	tlsd_end(&f->d);
	buf_free(&f->s.seen);
}

static const struct http_req get = {.method = "GET", .path = "/a?b=1"};
static const char *const secret[] = {"Authorization: SECRET-1", NULL};
static const struct http_req post = {.method = "POST",
	.path = "/p",
	.headers = secret,
	.body = "k=v",
	.body_len = 3};

#define OK_ANSWER                                               \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" \
	"Content-Length: 2\r\n\r\n{}"

static void answers(void **state)
{
	struct fix f;
	_http_resp_ struct http_resp r = {0};
	struct err e;

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_CLOSE);
	assert_int_equal(http_do(f.h, &post, &r, &e), 0);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.reason, "OK");
	assert_string_equal(r.type, "application/json");
	assert_string_equal(r.body, "{}");
	assert_true(r.sent);
	assert_non_null(strstr(f.s.seen.s, "POST /p HTTP/1.1\r\n"));
	assert_non_null(strstr(f.s.seen.s, "\r\nAuthorization: SECRET-1\r\n"));
	assert_non_null(strstr(f.s.seen.s,
		"\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	assert_non_null(strstr(f.s.seen.s, "\r\n\r\nk=v"));
	assert_null(strstr(f.s.seen.s, "Expect"));
	fix_close(&f);
}

/* A POST with nothing to say has a length all the same; DELETE has none. */
static void bodies(void **state)
{
	struct fix f;
	struct http_req q = {.method = "POST", .path = "/p"};

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_CLOSE);
	for (int i = 0; i < 2; i++) {
		_http_resp_ struct http_resp r = {0};

		assert_int_equal(http_do(f.h, &q, &r, NULL), 0);
		assert_int_equal(
			strstr(f.s.seen.s, "Content-Length: 0") != NULL,
			i == 0);
		buf_clear(&f.s.seen);
		q.method = "DELETE";
	}
	fix_close(&f);
}

/* The reason is the whole die text; there may be no body and no length. */
static void reasons(void **state)
{
	static const struct {
		const char *raw, *reason;
		unsigned status;
	} rows[] = {
		{"HTTP/1.1 500 storage 'nope' does not exist\r\n\r\n",
			"storage 'nope' does not exist", 500},
		{"HTTP/1.1 596 Connection timed out\r\n\r\n",
			"Connection timed out", 596},
		{"HTTP/1.0 400 bad request\r\n\r\nbad", "bad request", 400},
		{"HTTP/1.1 500 Gr\xc3\xb6\xc3\x9f"
		 "e\r\n\r\n",
			"Gr\xc3\xb6\xc3\x9f"
			"e",
			500},
		{"HTTP/1.1 401\r\n\r\n", "", 401},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 no\r\n\r\n", "no",
			403},
		/* Not followed. */
		{"HTTP/1.1 301 Moved\r\nLocation: https://127.0.0.1:1/\r\n\r\n",
			"Moved", 301},
	};
	struct fix f;

	(void)state;
	fix_open(&f, NULL, TLSD_CLOSE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_http_resp_ struct http_resp r = {0};

		f.s.answer = rows[i].raw;
		assert_int_equal(http_do(f.h, &get, &r, NULL), 0);
		assert_int_equal(r.status, rows[i].status);
		assert_string_equal(r.reason, rows[i].reason);
	}
	fix_close(&f);
}

/* The wrong certificate: not one byte of the request goes out. */
static void wrong_certificate(void **state)
{
	struct fix f;
	_http_resp_ struct http_resp r = {0};
	struct err e;

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_CLOSE);
	f.pin.want = "AA:BB";
	assert_int_equal(http_do(f.h, &post, &r, &e), -1);
	assert_int_equal(e.code, ERR_PVE_CERT_CHANGED);
	assert_non_null(strstr(e.why, f.d.fingerprint));
	assert_false(r.sent);
	assert_int_equal(f.d.requests, 0);
	fix_close(&f);
}

/* Asked on each new connection: a server swapped later is noticed. */
static void swapped_certificate(void **state)
{
	struct fix f;
	struct err e;

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_CLOSE);
	for (int i = 0; i < 3; i++) {
		_http_resp_ struct http_resp r = {0};

		assert_int_equal(http_do(f.h, &get, &r, &e), 0);
	}
	assert_int_equal(f.pin.asked, 3);
	f.pin.want = "AA:BB";
	{
		_http_resp_ struct http_resp r = {0};

		assert_int_equal(http_do(f.h, &get, &r, &e), -1);
	}
	assert_int_equal(e.code, ERR_PVE_CERT_CHANGED);
	assert_int_equal(f.d.requests, 3);
	fix_close(&f);
}

/* Without a pin the system's CAs decide: ours is not one of theirs. */
static void unknown_ca(void **state)
{
	struct fix f;
	struct http *h;
	_http_resp_ struct http_resp r = {0};
	struct http_opts o = {.host = "127.0.0.1", .lost = ERR_SSH_LOST};
	struct err e;

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_CLOSE);
	o.port = f.d.port;
	assert_int_equal(http_open(&o, &h, &e), 0);
	assert_int_equal(http_do(h, &post, &r, &e), -1);
	assert_int_equal(e.code, ERR_SSH_LOST);
	assert_int_equal(f.d.requests, 0);
	http_close(h);
	fix_close(&f);
}

static void kept_connection(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_KEEP);
	for (int i = 0; i < 3; i++) {
		_http_resp_ struct http_resp r = {0};

		assert_int_equal(http_do(f.h, &get, &r, NULL), 0);
	}
	assert_int_equal(f.d.connections, 1);
	fix_close(&f);
}

/* A write whose answer is lost is sent once, kept connection or not. */
static void lost_answer(void **state)
{
	struct fix f;
	struct err e;

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_KEEP);
	{
		_http_resp_ struct http_resp r = {0};

		assert_int_equal(http_do(f.h, &get, &r, &e), 0);
	}
	f.s.then = TLSD_DROP;
	{
		_http_resp_ struct http_resp r = {0};

		assert_int_equal(http_do(f.h, &post, &r, &e), -1);
		assert_int_equal(e.code, ERR_PVE_CONNECT);
		assert_true(r.sent);
	}
	assert_int_equal(f.d.requests, 2);
	fix_close(&f);
}

static void nobody_there(void **state)
{
	struct fix f;
	_http_resp_ struct http_resp r = {0};
	struct err e;

	(void)state;
	fix_open(&f, OK_ANSWER, TLSD_CLOSE);
	tlsd_end(&f.d);
	assert_int_equal(http_do(f.h, &post, &r, &e), -1);
	assert_int_equal(e.code, ERR_PVE_CONNECT);
	assert_false(r.sent);
	http_close(f.h);
	buf_free(&f.s.seen);
}

static void silence(void **state)
{
	struct fix f;
	_http_resp_ struct http_resp r = {0};
	struct http_req q = get;
	struct err e;

	(void)state;
	q.timeout = 0.2;
	fix_open(&f, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		TLSD_HANG);
	assert_int_equal(http_do(f.h, &q, &r, &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_true(r.sent);
	assert_null(r.body);
	fix_close(&f);
}

static void too_large(void **state)
{
	struct fix f;
	_http_resp_ struct http_resp r = {0};
	struct http_req q = get;
	struct err e;

	(void)state;
	q.max = 5;
	fix_open(&f, "HTTP/1.1 200 OK\r\n\r\n123456", TLSD_CLOSE);
	assert_int_equal(http_do(f.h, &q, &r, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	fix_close(&f);
}

static void stopped(void **state)
{
	struct fix f;
	_http_resp_ struct http_resp r = {0};
	struct err e;
	double begin = now_mono();

	(void)state;
	fix_open(&f, NULL, TLSD_HANG);
	stop_asked = 1;
	assert_int_equal(http_do(f.h, &get, &r, &e), -1);
	assert_int_equal(e.code, ERR_STOPPED);
	stop_asked = 0;
	assert_true(now_mono() - begin < 20);
	fix_close(&f);
}

/* A proxy from the environment would see where we go. */
static void no_proxy(void **state)
{
	struct fix f;
	_http_resp_ struct http_resp r = {0};

	(void)state;
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	fix_open(&f, OK_ANSWER, TLSD_CLOSE);
	assert_int_equal(http_do(f.h, &get, &r, NULL), 0);
	fix_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(bodies),
		cmocka_unit_test(reasons),
		cmocka_unit_test(wrong_certificate),
		cmocka_unit_test(swapped_certificate),
		cmocka_unit_test(unknown_ca),
		cmocka_unit_test(kept_connection),
		cmocka_unit_test(lost_answer),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(silence),
		cmocka_unit_test(too_large),
		cmocka_unit_test(stopped),
		cmocka_unit_test(no_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
