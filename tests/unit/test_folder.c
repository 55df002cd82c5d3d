/* core/folder.c against a server that lies: each answer that is not exactly
 * the range asked for is an error, and nothing of it is handed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "folder.h"
#include "testdir.h"
#include "tlsd.h"
#include "trust.h"

#define SIZE 100000

enum fault {
	NONE,
	WHOLE_FILE,  /* 200 and all of it */
	NO_RANGE,    /* 206 without Content-Range */
	OTHER_RANGE, /* 206 of other bytes */
	SHORT_RANGE, /* 206 of fewer bytes */
	OTHER_SIZE,  /* 206, the file has grown */
	CUT,         /* the connection ends in the body */
	TOO_MUCH,    /* the body is longer than the range says */
	BUSY,        /* 503 */
	LOCKED,      /* 500 */
	GONE,        /* 404 */
	MOVED,       /* 302 */
	EXPIRED,     /* the session ended */
	NO_COOKIE,   /* none is ever given */
};

struct host {
	struct tlsd d;
	unsigned char data[SIZE];
	enum fault fault;
	int times; /* how often */
	unsigned logins, sessions, asked, refusals;
	bool other_password; /* it was changed meanwhile */
	struct folder *folder;
	struct folder_conn *conn;
};

static const struct {
	const char *status;
	enum err_code code;
} plain[] = {
	[BUSY] = {"503 Service Unavailable", ERR_ESXI_BUSY},
	[LOCKED] = {"500 Internal Server Error", ERR_SOURCE_LOCKED},
	[GONE] = {"404 Not Found", ERR_DISK_MISSING},
	[MOVED] = {"302 Found", ERR_SOURCE_READ},
};

static void head(struct buf *out, const char *status, uint64_t len)
{
	buf_addf(out, "HTTP/1.1 %s\r\nContent-Length: %llu\r\n", status,
		(unsigned long long)len);
}

static enum tlsd_then say(struct buf *out, const char *status)
{
	head(out, status, 5);
	buf_adds(out, "\r\nwords");
	return TLSD_KEEP;
}

/* The part, or what the fault makes of it. */
static enum tlsd_then part(
	struct host *h, enum fault f, uint64_t a, uint64_t b, struct buf *out)
{
	uint64_t from = a, to = b, size = SIZE, len = b - a + 1, sent;

	if (f == OTHER_RANGE)
		from++, to++;
	if (f == SHORT_RANGE)
		to--, len--;
	if (f == OTHER_SIZE)
		size += 512;
	if (f == TOO_MUCH)
		len += 3;
	sent = f == CUT ? len / 2 : len;
	head(out, f == WHOLE_FILE ? "200 OK" : "206 Partial Content",
		f == WHOLE_FILE ? SIZE : len);
	if (f != NO_RANGE && f != WHOLE_FILE)
		buf_addf(out, "Content-Range: bytes %llu-%llu/%llu\r\n",
			(unsigned long long)from, (unsigned long long)to,
			(unsigned long long)size);
	if (h->logins != h->sessions && f != NO_COOKIE) {
		h->sessions = h->logins;
		buf_addf(out,
			"Set-Cookie: vmware_soap_session=\"s%u\"; Path=/; "
			"HttpOnly\r\n",
			h->sessions);
	}
	buf_adds(out, "\r\n");
	if (f == WHOLE_FILE)
		buf_add(out, h->data, SIZE);
	else
		buf_add(out, h->data + from,
			from + sent > SIZE ? SIZE - from : sent);
	return f == CUT || f == TOO_MUCH ? TLSD_CLOSE : TLSD_KEEP;
}

static enum tlsd_then serve(void *arg, const char *req, struct buf *out)
{
	struct host *h = arg;
	const char *r = strstr(req, "Range: bytes="), *cookie;
	enum fault f = NONE;
	uint64_t a, b;
	char mine[64], *end;

	assert_non_null(r);
	a = strtoull(r + 13, &end, 10);
	b = strtoull(end + 1, NULL, 10);
	h->asked++;
	cookie = strstr(req, "Cookie: vmware_soap_session=");
	/* Faults begin after the login. */
	if (h->fault == NO_COOKIE)
		f = NO_COOKIE;
	else if (h->times > 0 && cookie)
		f = h->times-- ? h->fault : NONE;
	snprintf(mine, sizeof(mine), "session=\"s%u\"\r\n", h->sessions);
	if (h->other_password && !cookie) {
		h->refusals++;
		return say(out, "401 Unauthorized");
	}
	if (strstr(req, "Authorization: Basic cm9vdDpwdyA6JQ=="))
		h->logins++;
	else if (!cookie || !strstr(cookie, mine) || f == EXPIRED)
		return say(out, "401 Unauthorized");
	if (f < ARRAY_LEN(plain) && plain[f].status)
		return say(out, plain[f].status);
	return part(h, f, a, b, out);
}

static void host_open(struct host *h)
{
	struct folder_at at = {.host = "127.0.0.1",
		.user = "root",
		.password = "pw :%",
		.accept = TRUST_FIRST};

	memset(h, 0, sizeof(*h));
	for (int i = 0; i < SIZE; i++)
		h->data[i] = random() >> 8;
	h->d.serve = serve;
	h->d.arg = h;
	tlsd_start(&h->d);
	at.port = h->d.port;
	trust_forget(TRUST_TLS, "127.0.0.1", at.port, NULL);
	h->folder = folder_new(&at);
	assert_int_equal(folder_connect(h->folder, &h->conn, NULL), 0);
}

static void host_close(struct host *h)
{
	folder_disconnect(h->conn);
	folder_free(h->folder);
	tlsd_end(&h->d);
}

static int keep(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(arg, p, n);
	return 0;
}

static enum err_code read_at(
	struct host *h, uint64_t from, uint64_t len, struct buf *got)
{
	const struct folder_part p = {.url = "/folder/a?dsName=b",
		.from = from,
		.len = len,
		.size = SIZE,
		.got = keep,
		.arg = got};
	struct err e = {0};

	if (folder_read(h->conn, &p, &e) == 0)
		return ERR_NONE;
	assert_true(*e.why);
	return e.code;
}

static void parts_and_sessions(void **state)
{
	struct host h;

	(void)state;
	host_open(&h);
	for (int i = 0; i < 50; i++) {
		_buf_ struct buf got = {0};
		uint64_t from = random() % SIZE;
		uint64_t len = 1 + random() % (SIZE - from);

		assert_int_equal(read_at(&h, from, len, &got), ERR_NONE);
		assert_int_equal(got.len, len);
		assert_memory_equal(got.s, h.data + from, len);
	}
	assert_int_equal(h.logins, 1);
	assert_int_equal(h.d.connections, 1);
	host_close(&h);
}

static void lies_are_errors(void **state)
{
	static const struct {
		enum fault fault;
		enum err_code code;
		bool some; /* bytes of the right range may come before it */
	} rows[] = {
		{WHOLE_FILE, ERR_SOURCE_READ, false},
		{NO_RANGE, ERR_SOURCE_READ, false},
		{OTHER_RANGE, ERR_SOURCE_READ, false},
		{SHORT_RANGE, ERR_SOURCE_READ, false},
		{OTHER_SIZE, ERR_SOURCE_CHANGED, false},
		{CUT, ERR_HTTPS_CONNECT, true},
		{BUSY, ERR_ESXI_BUSY, false},
		{LOCKED, ERR_SOURCE_LOCKED, false},
		{GONE, ERR_DISK_MISSING, false},
		{MOVED, ERR_SOURCE_READ, false},
	};
	struct host h;

	(void)state;
	host_open(&h);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_buf_ struct buf got = {0}, again = {0};

		/* The first request logs in. */
		assert_int_equal(read_at(&h, 0, 10, &again), ERR_NONE);
		buf_clear(&again);
		h.fault = rows[i].fault;
		h.times = 1;
		assert_int_equal(read_at(&h, 1000, 50000, &got), rows[i].code);
		if (!rows[i].some)
			assert_int_equal(got.len, 0);
		else if (got.len)
			assert_memory_equal(got.s, h.data + 1000, got.len);
		assert_int_equal(read_at(&h, 1000, 50000, &again), ERR_NONE);
		assert_memory_equal(again.s, h.data + 1000, 50000);
	}
	host_close(&h);
}

/* More than the range is not handed on; the connection's rest is not taken
 * for the next answer. */
static void too_much_is_refused(void **state)
{
	_buf_ struct buf got = {0}, again = {0};
	struct host h;

	(void)state;
	host_open(&h);
	assert_int_equal(read_at(&h, 0, 10, &got), ERR_NONE);
	buf_clear(&got);
	h.fault = TOO_MUCH;
	h.times = 1;
	assert_int_equal(read_at(&h, 500, 1000, &got), ERR_SOURCE_READ);
	assert_int_equal(read_at(&h, 500, 1000, &again), ERR_NONE);
	assert_memory_equal(again.s, h.data + 500, 1000);
	host_close(&h);
}

static void an_ended_session_is_renewed_once(void **state)
{
	_buf_ struct buf got = {0};
	struct host h;

	(void)state;
	host_open(&h);
	assert_int_equal(read_at(&h, 0, 10, &got), ERR_NONE);
	h.fault = EXPIRED;
	h.times = 1;
	buf_clear(&got);
	assert_int_equal(read_at(&h, 0, SIZE, &got), ERR_NONE);
	assert_memory_equal(got.s, h.data, SIZE);
	assert_int_equal(h.logins, 2);
	h.times = 2;
	assert_int_equal(read_at(&h, 0, SIZE, &got), ERR_HTTPS_AUTH);
	host_close(&h);
}

static void hosts_without_cookies(void **state)
{
	_buf_ struct buf got = {0};
	struct host h;

	(void)state;
	host_open(&h);
	h.fault = NO_COOKIE;
	assert_int_equal(read_at(&h, 7, 900, &got), ERR_NONE);
	assert_memory_equal(got.s, h.data + 7, 900);
	assert_int_equal(h.logins, 2);
	host_close(&h);
}

/* ESXi locks an account after some refusals: one is all that it gets, however
 * many connections go on asking. */
static void a_refused_password_is_not_sent_again(void **state)
{
	static const enum fault faults[] = {EXPIRED, NO_COOKIE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		_buf_ struct buf got = {0};
		struct host h;

		host_open(&h);
		h.fault = faults[i];
		assert_int_equal(read_at(&h, 7, 900, &got), ERR_NONE);
		h.other_password = true;
		h.times = 5;
		for (int k = 0; k < 4; k++)
			assert_int_equal(
				read_at(&h, 7, 900, &got), ERR_HTTPS_AUTH);
		assert_int_equal(h.refusals, 1);
		host_close(&h);
	}
}

static void names(void **state)
{
	_free_ char *url = folder_url("d s&1", "it's/a+b%.vmdk"), *other = NULL;

	(void)state;
	assert_string_equal(url,
		"/folder/it%27s/a%2Bb%25.vmdk"
		"?dcPath=ha-datacenter&dsName=d%20s%261");
	other = folder_sibling(url, "x y-flat.vmdk");
	assert_string_equal(other,
		"/folder/it%27s/x%20y-flat.vmdk"
		"?dcPath=ha-datacenter&dsName=d%20s%261");
}

static int setup(void **state)
{
	static char dir[TEST_DIR_LEN];

	*state = dir;
	return test_dir(dir, "folder") ? setenv("VMFERRY_STATE", dir, 1) : -1;
}

static int teardown(void **state)
{
	static const char *const files[] = {"trust", "trust.lock"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_free_ char *path = path_join(*state, files[i]);

		unlink(path);
	}
	return rmdir(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(parts_and_sessions),
		cmocka_unit_test(lies_are_errors),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(an_ended_session_is_renewed_once),
		cmocka_unit_test(hosts_without_cookies),
		cmocka_unit_test(a_refused_password_is_not_sent_again),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
