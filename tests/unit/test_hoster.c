/*
 * Dedibox and Hetzner, and what all hosters share: refusals, certificates,
 * endpoints, whose machine this is. See also test_hoster_ovh.c and
 * test_hoster_lab.c.
 */
#include "hostertest.h"

/* --- Dedibox --- */

#define FAILOVERS                                                       \
	"[{\"source\":\"203.0.113.24\",\"destination\":\"192.0.2.11\"," \
	"\"mac\":\"00:50:56:0D:00:26\",\"status\":\"active\"},"         \
	"{\"source\":\"203.0.113.25\",\"destination\":\"192.0.2.11\","  \
	"\"mac\":\"00:50:56:0d:00:26\",\"status\":\"active\"},"         \
	"{\"source\":\"203.0.113.26\",\"destination\":null,"            \
	"\"mac\":null,\"status\":\"pending\"}]"

static void dedibox_moves_what_shares_a_mac(void **state)
{
	_hoster_ struct hoster_conn *c = open_("dedibox");
	_json_ json_t *to = server("12346", "198.51.100.21");
	_json_ json_t *s = NULL, *busy = NULL, *p = NULL;
	_free_ char *auth = NULL;

	(void)state;
	web_ok(&w, "GET /1.0/server/failover", FAILOVERS);
	web_ok(&w, "POST /1.0/server/failover/edit", "true");
	ok(hoster_look(c, "203.0.113.24", true, &s, e));
	assert_string_equal(json_str(s, "unit"), "203.0.113.24,203.0.113.25");
	ok(hoster_may_move(c, s, to, e));
	ok(hoster_move(c, s, to, NULL, e));
	assert_int_equal(web_count(&w,
				 "source=203.0.113.24%2C203.0.113.25&"
				 "destination=198.51.100.21"),
		1);
	auth = header("Authorization");
	assert_string_equal(auth, "Bearer " TOKEN);
	ok(hoster_look(c, "203.0.113.26", true, &busy, e));
	fails(ERR_HOSTER_BUSY, hoster_may_move(c, busy, to, e));
	assert_null(json_str(busy, "server_ip"));
	ok(hoster_pattern(c, s, to, &p, e));
	assert_string_equal(json_str(p, "gateway"), "62.210.0.1");
	fails(ERR_HOSTER_NOT_FOUND,
		hoster_look(c, "203.0.113.99", true, &(json_t *){NULL}, e));
}

static void dedibox_makes_a_mac(void **state)
{
	_hoster_ struct hoster_conn *c = open_("dedibox");
	_free_ char *mac = NULL;

	(void)state;
	web_on(&w, "GET /1.0/server/failover", 1, "200 OK",
		"[{\"source\":\"203.0.113.24\",\"destination\":"
		"\"192.0.2.11\",\"mac\":null,\"status\":\"active\"}]");
	web_ok(&w, "GET /1.0/server/failover", FAILOVERS);
	web_ok(&w, "POST /1.0/server/failover/generateMac",
		"\"00:50:56:0D:00:26\"");
	ok(hoster_mac_add(c, "203.0.113.24", NULL, NULL, &mac, e));
	assert_string_equal(mac, "00:50:56:0D:00:26");
	assert_int_equal(web_count(&w, "address=203.0.113.24&type=kvm"), 1);
}

/* --- Hetzner --- */

static void hetzner_failover(void **state)
{
	_hoster_ struct hoster_conn *c = open_("hetzner");
	_json_ json_t *to = server("322", "198.51.100.22");
	_json_ json_t *s = NULL, *p = NULL;
	_free_ char *auth = NULL, *none = NULL;

	(void)state;
	web_ok(&w, "GET /1.0/failover/203.0.113.40",
		"{\"failover\":{\"ip\":\"203.0.113.40\",\"netmask\":"
		"\"255.255.255.255\",\"server_ip\":\"192.0.2.12\","
		"\"server_number\":321,\"active_server_ip\":\"192.0.2.12\"}}");
	web_on(&w, "POST /1.0/failover/203.0.113.40", 1, "409 Conflict",
		"{\"error\":{\"status\":409,\"code\":\"FAILOVER_LOCKED\","
		"\"message\":\"active lock\"}}");
	web_on(&w, "POST /1.0/failover/203.0.113.40", 1, "409 Conflict",
		"{\"error\":{\"status\":409,\"code\":"
		"\"FAILOVER_ALREADY_ROUTED\",\"message\":\"already\"}}");
	ok(hoster_look(c, "203.0.113.40", true, &s, e));
	assert_string_equal(json_str(s, "server_ip"), "192.0.2.12");
	ok(hoster_may_move(c, s, to, e));
	fails(ERR_HOSTER_BUSY, hoster_move(c, s, to, NULL, e));
	ok(hoster_move(c, s, to, NULL, e));
	assert_int_equal(web_count(&w, "active_server_ip=198.51.100.22"), 2);
	auth = header("Authorization");
	assert_string_equal(auth, "Basic I3dzK3Rlc3Q6cm9ib3QtUGFzc3dvcmQtNw==");
	ok(hoster_pattern(c, s, to, &p, e));
	assert_string_equal(json_str(p, "mode"), "routed");
	assert_string_equal(json_str(p, "gateway"), "198.51.100.22");
	assert_int_equal(json_array_size(json_object_get(p, "host")), 2);
	/* Routed: it has no MAC, and none is asked for. */
	fails(ERR_HOSTER_MAC,
		hoster_mac_add(c, "203.0.113.40", NULL, NULL, &none, e));
	assert_int_equal(web_count(&w, "PUT "), 0);
}

static void hetzner_bound_address(void **state)
{
	_hoster_ struct hoster_conn *c = open_("hetzner");
	_json_ json_t *to = server("322", "198.51.100.22");
	_json_ json_t *s = NULL, *p = NULL;

	(void)state;
	web_on(&w, "GET /1.0/failover/203.0.113.42", -1, "404 Not Found",
		"{\"error\":{\"status\":404,\"code\":\"NOT_FOUND\","
		"\"message\":\"no failover ip\"}}");
	web_ok(&w, "GET /1.0/ip/203.0.113.42",
		"{\"ip\":{\"ip\":\"203.0.113.42\",\"server_ip\":"
		"\"192.0.2.12\",\"server_number\":321,\"separate_mac\":"
		"\"00:50:56:00:42:42\",\"gateway\":\"203.0.113.33\","
		"\"mask\":27}}");
	ok(hoster_look(c, "203.0.113.42", true, &s, e));
	fails(ERR_HOSTER_TARGET, hoster_may_move(c, s, to, e));
	ok(hoster_pattern(c, s, to, &p, e));
	assert_string_equal(json_str(p, "address"), "203.0.113.42/27");
	assert_string_equal(json_str(p, "gateway"), "203.0.113.33");
	assert_string_equal(json_str(p, "mode"), "bridged");
}

/* --- what goes wrong --- */

struct refusal {
	const char *hoster, *status, *body;
	enum err_code code;
	const char *said; /* in why */
};

static const struct refusal refusals[] = {
	{"ovh", "403 Forbidden",
		"{\"errorCode\":\"NOT_GRANTED_CALL\",\"message\":\"no\"}",
		ERR_HOSTER_RIGHTS, "NOT_GRANTED_CALL: no"},
	{"ovh", "403 Forbidden",
		"{\"errorCode\":\"INVALID_KEY\",\"message\":\"x\"}",
		ERR_HOSTER_AUTH, "INVALID_KEY"},
	{"ovh", "400 Bad Request", "{\"message\":\"Invalid signature\"}",
		ERR_HOSTER_AUTH, "Invalid signature"},
	{"ovh", "404 Not Found", "{\"class\":\"Client::NotFound\"}",
		ERR_HOSTER_NOT_FOUND, "Client::NotFound"},
	{"ovh", "409 Conflict", "{\"message\":\"task running\"}",
		ERR_HOSTER_BUSY, "task running"},
	{"ovh", "460 Expired", "{\"message\":\"service expired\"}",
		ERR_HOSTER_REFUSED, "expired"},
	{"ovh", "429 Too Many Requests", "{}", ERR_HOSTER_RATE,
		"Too Many Requests"},
	{"ovh", "503 Service Unavailable", "<html>down</html>", ERR_HOSTER_DOWN,
		"503"},
	{"dedibox", "401 Unauthorized", "{\"error\":\"no\",\"code\":1}",
		ERR_HOSTER_AUTH, "no"},
	{"dedibox", "403 Forbidden", "{\"error\":\"no\"}", ERR_HOSTER_RIGHTS,
		"no"},
	{"dedibox", "400 Bad Request", "{\"error\":\"Invalid destination\"}",
		ERR_HOSTER_TARGET, "Invalid destination"},
	{"hetzner", "401 Unauthorized",
		"{\"error\":{\"code\":\"UNAUTHORIZED\"}}", ERR_HOSTER_AUTH,
		"UNAUTHORIZED"},
	{"hetzner", "403 Forbidden",
		"{\"error\":{\"code\":\"RATE_LIMIT_EXCEEDED\",\"message\":"
		"\"limit\",\"max_request\":50,\"interval\":3600}}",
		ERR_HOSTER_RATE, "limit; try again in 3600 s"},
	{"hetzner", "404 Not Found",
		"{\"error\":{\"code\":\"FAILOVER_NEW_SERVER_NOT_FOUND\"}}",
		ERR_HOSTER_TARGET, "NEW_SERVER"},
	{"hetzner", "200 OK", "<html>", ERR_HOSTER_REFUSED, "not JSON"},
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		_hoster_ struct hoster_conn *c = open_(r->hoster);
		struct err err = {0};

		web_clear(&w);
		web_on(&w, "GET /1.0/x", 1, r->status, r->body);
		assert_int_equal(hoster_get(c, NULL, &err, "/x"), -1);
		if (err.code != r->code || !strstr(err.why, r->said))
			fail_msg("%s %s %s: %s %s", r->hoster, r->status,
				r->body, err_id(err.code), err.why);
		assert_true(strlen(err_advice(err.code)) > 20);
		web_clear(&w);
	}
}

/* A gateway that gave up on a write says nothing of what became of it. */
static void gateway_timeout(void **state)
{
	_hoster_ struct hoster_conn *c = open_("dedibox");
	const struct hoster_req q = {
		.method = "POST", .path = "/x", .type = "a/b", .body = "c"};

	(void)state;
	web_on(&w, "", -1, "504 Gateway Timeout", "");
	fails(ERR_HOSTER_UNSURE, hoster_call(c, &q, NULL, e));
	fails(ERR_HOSTER_DOWN, hoster_get(c, NULL, e, "/x"));
}

/* Another certificate than the pinned one: nothing leaves this machine. */
static void foreign_certificate(void **state)
{
	_hoster_ struct hoster_conn *c = NULL;

	(void)state;
	json_put_str(settings, "fingerprint", "AA:BB");
	c = open_("hetzner");
	fails(ERR_HOSTER_CONNECT, hoster_get(c, NULL, e, "/server"));
	assert_int_equal(w.d.requests, 0);
	hoster_close(c);
	/* And without a pin the system's CAs decide. */
	json_object_del(settings, "fingerprint");
	c = open_("hetzner");
	fails(ERR_HOSTER_CONNECT, hoster_get(c, NULL, e, "/server"));
	assert_int_equal(w.d.requests, 0);
}

/* Answers of another form than the documented: errors or nothing, never a
 * crash, and nothing foreign in a path. */
static void strange_answers(void **state)
{
	static const char *const bodies[] = {"[1,null,{},[\"x\"],\"a b\"]",
		"{}", "\"203.0.113.9/32\"", "5", "null", "[]", "",
		"[\"203.0.113.9/32\",\"../../x?\",\"\\u0000\"]",
		"{\"routedTo\":5,\"failover\":[],\"ip\":\"x\",\"mac\":{},"
		"\"network\":{\"ip\":[5]},\"server\":\"../..\"}",
		"[{\"server\":[]},{\"failover\":7},{\"ip\":null},"
		"{\"source\":\"203.0.113.9\",\"mac\":7,\"status\":[]}]"};
	static const char *const names[] = {"ovh", "dedibox", "hetzner"};

	(void)state;
	json_put(settings, "patience", json_real(0.05));
	for (size_t i = 0; i < ARRAY_LEN(names) * ARRAY_LEN(bodies); i++) {
		_hoster_ struct hoster_conn *c = open_(names[i % 3]);
		_json_ json_t *to = server("ns2", "198.51.100.20");
		_json_ json_t *s = json_pack("{s:s,s:s,s:s}", "address",
			"203.0.113.9", "server", "ns1", "unit", "203.0.113.9");
		json_t *out[5] = {NULL};
		struct err e = {0};
		char *mac = NULL;

		web_clear(&w);
		web_on(&w, "", -1, "200 OK", bodies[i / 3]);
		hoster_servers(c, &out[0], &e);
		hoster_addresses(c, &out[1], &e);
		hoster_look(c, "203.0.113.9", true, &out[2], &e);
		hoster_may_move(c, s, to, &e);
		hoster_pattern(c, s, to, &out[3], &e);
		hoster_move(c, s, to, NULL, &e);
		hoster_mac_add(c, "203.0.113.9", NULL, "x", &mac, &e);
		assert_int_equal(web_count(&w, "../"), 0);
		for (size_t k = 0; k < ARRAY_LEN(out); k++)
			json_decref(out[k]);
		free(mac);
		web_clear(&w);
	}
}

static void endpoints(void **state)
{
	static const char *const bad[] = {"http://eu.api.ovh.com/1.0",
		"https://", "https://x:0", "https://x:70000", "https://x?y",
		"https://user@x/", "https://x:1a/"};
	const struct hoster_opts o = {.settings = settings, .secrets = store};
	const struct hoster *h;

	(void)state;
	ok(hoster_find("hetzner", &h, e));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct hoster_conn *c;

		json_put_str(settings, "url", bad[i]);
		fails(ERR_PLAN_BAD, hoster_open(h, &o, &c, e));
	}
	ok(hoster_find("manual", &h, e));
	fails(ERR_USAGE, hoster_open(h, &o, &(struct hoster_conn *){NULL}, e));
	fails(ERR_PLAN_BAD, hoster_find("ovhh", &h, e));
}

static void blocks(void **state)
{
	(void)state;
	assert_true(hoster_block_has("203.0.113.8/29", "203.0.113.15"));
	assert_false(hoster_block_has("203.0.113.8/29", "203.0.113.16"));
	assert_true(hoster_block_has("203.0.113.8/32", "203.0.113.8"));
	assert_false(hoster_block_has("2001:db8::/56", "203.0.113.8"));
	assert_false(hoster_block_has("203.0.113.8/29", "x"));
}

static void whose_machine(void **state)
{
	static const char *const rows[][3] = {
		{"ns3012345.ip-51-77-1.eu", "8.8.8.8", "ovh"},
		{"pve", "213.186.33.99", "ovh"},
		{"pve", "185.12.64.2", "hetzner"},
		{"sd-12345.dedibox.fr", "9.9.9.9", "dedibox"},
		{"pve", "51.159.47.28", "dedibox"},
		{"pve", "192.0.2.53", NULL},
	};
	_json_ json_t *here = hoster_machine(false);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_json_ json_t *m = json_pack("{s:s,s:[s]}", "hostname",
			rows[i][0], "resolvers", rows[i][1]);
		const struct hoster *h = hoster_detect(m);

		assert_string_equal(
			h ? h->name : "none", rows[i][2] ? rows[i][2] : "none");
	}
	assert_non_null(json_str(here, "hostname"));
	assert_true(json_is_array(json_object_get(here, "addresses")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(dedibox_moves_what_shares_a_mac),
		T(dedibox_makes_a_mac),
		T(hetzner_failover),
		T(hetzner_bound_address),
		T(refused),
		T(gateway_timeout),
		T(foreign_certificate),
		T(strange_answers),
		T(endpoints),
		T(blocks),
		T(whose_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
