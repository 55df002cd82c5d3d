/*
 * OVHcloud: the signature, blocks and their MACs, a move whose answer or
 * request is lost, tasks that fail, a dry run, a new key.
 */
#include "hostertest.h"

#include "digest.h"

#define BLOCK "203.0.113.8/29"
#define BLOCK_URL "/1.0/ip/203.0.113.8%2F29"
#define TASKS "GET " BLOCK_URL "/task"
#define NS1 "ns1.ip-192-0-2.eu"
#define NS2 "ns2.ip-198-51-100.eu"

static void ovh_block(const char *at, int times)
{
	_free_ char *body = xasprintf(
		"{\"ip\":\"" BLOCK "\",\"type\":\"failover\",\"campus\":\"rbx\""
		",\"routedTo\":{\"serviceName\":\"%s\"}}",
		at);

	web_on(&w, "GET " BLOCK_URL, times, "200 OK", body);
}

static void ovh_at(const char *at)
{
	web_ok(&w, "GET /1.0/ip",
		"[\"198.51.100.7/32\",\"" BLOCK "\",\"2001:db8::/56\"]");
	web_ok(&w, TASKS, "[]");
	ovh_block(at, -1);
}

static void signature(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_free_ char *when = NULL, *got = NULL, *text = NULL, *want = NULL;
	_json_ json_t *s = NULL;
	char sum[SHA1_HEX];
	long off;

	(void)state;
	web_clear(&w);
	ovh_at(NS1);
	ok(hoster_look(c, "203.0.113.9", false, &s, e));
	when = header("X-Ovh-Timestamp");
	got = header("X-Ovh-Signature");
	off = strtol(when, NULL, 10) - time(NULL) - AHEAD;
	assert_in_range(off + 2, 0, 4);
	text = xasprintf(SECRET "+" CONSUMER "+GET+https://127.0.0.1:%u%s++%s",
		w.d.port, BLOCK_URL, when);
	sha1_hex(text, strlen(text), sum);
	want = xasprintf("$1$%s", sum);
	assert_string_equal(got, want);
	assert_int_equal(web_count(&w, "X-Ovh-Application: " APP), 5);
	assert_int_equal(web_count(&w, SECRET), 0);
	assert_string_equal(json_str(s, "unit"), BLOCK);
	assert_string_equal(json_str(s, "server"), NS1);
	assert_null(json_object_get(s, "pending"));
}

static void ovh_macs(const char *at)
{
	_free_ char *list =
		xasprintf("GET /1.0/dedicated/server/%s/virtualMac", at);
	_free_ char *one = xasprintf("%s/02:00:00:1a:2b:3c", list);
	_free_ char *one_ips = xasprintf("%s/virtualAddress", one);
	_free_ char *two_ips =
		xasprintf("%s/02:00:00:1a:2b:3d/virtualAddress", list);

	web_ok(&w, list, "[\"02:00:00:1a:2b:3c\",\"02:00:00:1a:2b:3d\"]");
	web_ok(&w, one, "{\"type\":\"vmware\"}");
	web_ok(&w, one_ips, "[\"203.0.113.9\"]");
	web_ok(&w, two_ips, "[\"203.0.113.10\",\"198.51.100.7\"]");
}

static void macs_of_a_block(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *s = NULL, *to = server(NS2, "198.51.100.20");
	struct err err = {0};

	(void)state;
	ovh_at(NS1);
	ovh_macs(NS1);
	web_ok(&w, "GET " BLOCK_URL "/move",
		"{\"dedicatedServer\":[{\"service\":\"" NS2 "\"}]}");
	ok(hoster_look(c, "203.0.113.9", true, &s, e));
	assert_string_equal(json_str(s, "mac"), "02:00:00:1a:2b:3c");
	assert_string_equal(json_str(s, "mac_type"), "vmware");
	/* The other one is in the block, and outside of it too. */
	assert_int_equal(json_array_size(json_object_get(s, "others")), 1);
	assert_int_equal(json_array_size(json_object_get(s, "mac_shared")), 1);
	assert_int_equal(hoster_may_move(c, s, to, &err), -1);
	assert_int_equal(err.code, ERR_HOSTER_MAC);
	assert_non_null(strstr(err.why, "198.51.100.7"));
}

static void where_it_may_go(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *to = server(NS2, "198.51.100.20");
	_json_ json_t *far = server("ns3", "198.51.100.30");
	_json_ json_t *s = NULL, *p = NULL;

	(void)state;
	ovh_at(NS1);
	web_ok(&w, "GET " BLOCK_URL "/move",
		"{\"dedicatedServer\":[{\"service\":\"" NS2 "\"}]}");
	web_ok(&w, "GET /1.0/dedicated/server/" NS2 "/specifications/network",
		"{\"routing\":{\"ipv4\":{\"gateway\":\"198.51.100.1\"}},"
		"\"vmac\":{\"supported\":false}}");
	ok(hoster_look(c, "203.0.113.9", false, &s, e));
	ok(hoster_may_move(c, s, to, e));
	fails(ERR_HOSTER_TARGET, hoster_may_move(c, s, far, e));
	/* With a MAC it needs a server that has MACs. */
	json_put_str(s, "mac", "02:00:00:1a:2b:3c");
	fails(ERR_HOSTER_MAC, hoster_may_move(c, s, to, e));
	ok(hoster_pattern(c, s, to, &p, e));
	assert_string_equal(json_str(p, "gateway"), "198.51.100.1");
	assert_string_equal(json_str(p, "address"), "203.0.113.9/32");
	assert_true(json_flag(p, "on_link", false));
	json_put(s, "pending", json_object());
	fails(ERR_HOSTER_BUSY, hoster_may_move(c, s, to, e));
}

static void gateway_is_guessed_where_untold(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *to = server(NS2, "198.51.100.20"), *p = NULL;
	_json_ json_t *s = json_pack("{s:s}", "address", "203.0.113.9");

	(void)state;
	web_ok(&w, "GET /1.0/dedicated/server/" NS2 "/specifications/network",
		"{}");
	ok(hoster_pattern(c, s, to, &p, e));
	assert_string_equal(json_str(p, "gateway"), "198.51.100.254");
}

/* The move's answer is lost; the state says that it happened. */
static void lost_answer(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *to = server(NS2, "198.51.100.20");
	_json_ json_t *s = NULL, *after = NULL;
	struct hoster_wait wait = {
		.address = "203.0.113.9", .server = to, .unsure = true};

	(void)state;
	ovh_block(NS1, 2);
	ovh_at(NS2);
	web_drop(&w, "POST " BLOCK_URL "/move", -1);
	ok(hoster_look(c, "203.0.113.9", false, &s, e));
	fails(ERR_HOSTER_UNSURE, hoster_move(c, s, to, NULL, e));
	ok(hoster_settle(c, &wait, &after, e));
	assert_true(hoster_points(after, to));
	assert_int_equal(web_count(&w, "POST "), 1);
}

/* ... and the state says that it did not: an error, not a second request. */
static void lost_request(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *to = server(NS2, "198.51.100.20");
	_json_ json_t *s = NULL, *after = NULL;
	struct hoster_wait wait = {
		.address = "203.0.113.9", .server = to, .unsure = true};

	(void)state;
	ovh_at(NS1);
	web_drop(&w, "POST " BLOCK_URL "/move", -1);
	ok(hoster_look(c, "203.0.113.9", false, &s, e));
	fails(ERR_HOSTER_UNSURE, hoster_move(c, s, to, NULL, e));
	fails(ERR_HOSTER_UNSURE, hoster_settle(c, &wait, &after, e));
	assert_int_equal(web_count(&w, "POST "), 1);
}

static void task_fails(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *to = server(NS2, "198.51.100.20");
	_json_ json_t *s = NULL, *after = NULL;
	_free_ char *task = NULL;
	struct hoster_wait wait = {.address = "203.0.113.9", .server = to};
	struct err err = {0};

	(void)state;
	web_on(&w, TASKS, 3, "200 OK", "[]");
	web_on(&w, TASKS, 1, "200 OK", "[4711]");
	web_on(&w, "GET " BLOCK_URL "/task/4711", 1, "200 OK",
		"{\"taskId\":4711,\"status\":\"doing\",\"destination\":"
		"{\"serviceName\":\"" NS2 "\"}}");
	web_ok(&w, "GET " BLOCK_URL "/task/4711",
		"{\"taskId\":4711,\"function\":\"genericMoveFloatingIp\","
		"\"status\":\"ovhError\",\"comment\":\"router is away\"}");
	web_ok(&w, "POST " BLOCK_URL "/move",
		"{\"taskId\":4711,\"status\":\"todo\"}");
	ovh_at(NS1);
	ok(hoster_look(c, "203.0.113.9", false, &s, e));
	ok(hoster_move(c, s, to, &task, e));
	assert_string_equal(task, "4711");
	wait.task = task;
	assert_int_equal(hoster_settle(c, &wait, &after, &err), -1);
	assert_int_equal(err.code, ERR_HOSTER_TASK);
	assert_non_null(strstr(err.why, "router is away"));
}

/* A hoster that is away for a moment is waited for, a refusal is not. */
static void away_for_a_moment(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *to = server(NS2, "198.51.100.20");
	_json_ json_t *after = NULL;
	struct hoster_wait wait = {.address = "203.0.113.9", .server = to};

	(void)state;
	web_drop(&w, "GET /1.0/ip", 2);
	web_on(&w, "GET /1.0/ip", 2, "503 Service Unavailable",
		"{\"message\":\"under maintenance\"}");
	ovh_at(NS2);
	ok(hoster_settle(c, &wait, &after, e));
	json_decref(after);
	after = NULL;
	web_clear(&w);
	web_on(&w, "GET /1.0/ip", -1, "403 Forbidden",
		"{\"errorCode\":\"NOT_CREDENTIAL\",\"message\":\"expired\"}");
	fails(ERR_HOSTER_AUTH, hoster_settle(c, &wait, &after, e));
	assert_int_equal(web_count(&w, "GET /1.0/ip"), 1);
}

static void patience_ends(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	_json_ json_t *to = server(NS2, "198.51.100.20");
	_json_ json_t *after = NULL;
	struct hoster_wait wait = {.address = "203.0.113.9", .server = to};

	(void)state;
	json_put(settings, "patience", json_real(0.1));
	ovh_at(NS1);
	fails(ERR_TIMEOUT, hoster_settle(c, &wait, &after, e));
}

static void dry_run(void **state)
{
	_hoster_ struct hoster_conn *c = open_dry("ovh", true);
	_json_ json_t *to = server(NS2, "198.51.100.20"), *s = NULL;

	(void)state;
	ovh_at(NS1);
	ok(hoster_look(c, "203.0.113.9", false, &s, e));
	ok(hoster_move(c, s, to, NULL, e));
	assert_int_equal(web_count(&w, "POST "), 0);
	assert_non_null(strstr(told.s, "not sent: POST https://"));
	assert_non_null(strstr(told.s, "{\"nexthop\":null,\"to\":\"" NS2));
	assert_null(secrets_find(store, told.s));
}

/* A MAC whose making got no answer is looked for, not made twice. */
static void mac_made_once(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	const char *list = "GET /1.0/dedicated/server/" NS2 "/virtualMac";
	_free_ char *mac = NULL;

	(void)state;
	web_on(&w, list, 1, "200 OK", "[]");
	web_drop(&w, "POST /1.0/dedicated/server/" NS2 "/virtualMac", -1);
	ovh_at(NS2);
	ovh_macs(NS2);
	ok(hoster_mac_add(c, "203.0.113.9", NULL, "web01", &mac, e));
	assert_string_equal(mac, "02:00:00:1a:2b:3c");
	assert_int_equal(web_count(&w, "POST "), 1);
	assert_int_equal(web_count(&w, "\"type\":\"ovh\""), 1);
	/* And where one is, none is made. */
	free(mac);
	mac = NULL;
	ok(hoster_mac_add(c, "203.0.113.9", NULL, "web01", &mac, e));
	assert_int_equal(web_count(&w, "POST "), 1);
}

/* The task of an undo that was killed ends between our look and our request:
 * what is not there any more is removed. */
static void mac_gone_meanwhile(void **state)
{
	_hoster_ struct hoster_conn *c = open_("ovh");
	const char *list = "GET /1.0/dedicated/server/" NS2 "/virtualMac";
	const char *gone = "DELETE /1.0/dedicated/server/" NS2
			   "/virtualMac/02:00:00:1a:2b:3c/virtualAddress/"
			   "203.0.113.9";

	(void)state;
	web_on(&w, list, 1, "200 OK", "[\"02:00:00:1a:2b:3c\"]");
	web_ok(&w, list, "[]");
	web_on(&w, gone, -1, "404 Not Found",
		"{\"message\":\"The virtual MAC does not exist\"}");
	ovh_at(NS2);
	ovh_macs(NS2);
	ok(hoster_mac_remove(c, "203.0.113.9", e));
	assert_int_equal(web_count(&w, "DELETE "), 1);
}

static void key_to_confirm(void **state)
{
	_hoster_ struct hoster_conn *c = NULL;
	_free_ char *key = NULL, *url = NULL;

	(void)state;
	secrets_free(store);
	store = secrets_new();
	secrets_put(store, "hoster.application_key", APP);
	c = open_("ovh");
	web_ok(&w, "POST /1.0/auth/credential",
		"{\"validationUrl\":\"https://eu.api.ovh.com/auth/?x\","
		"\"consumerKey\":\"newkey\",\"state\":\"pendingValidation\"}");
	ok(hoster_login(c, &key, &url, e));
	assert_string_equal(key, "newkey");
	assert_string_equal(url, "https://eu.api.ovh.com/auth/?x");
	assert_int_equal(web_count(&w, "X-Ovh-Signature"), 0);
	assert_int_equal(web_count(&w, "\"path\":\"/ip/*/move\""), 1);
	/* Without the secret half nothing else is sent. */
	fails(ERR_SECRET_MISSING,
		hoster_look(c, "203.0.113.9", false, &(json_t *){NULL}, e));
	assert_int_equal(web_count(&w, "GET /1.0/ip"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(signature),
		T(macs_of_a_block),
		T(where_it_may_go),
		T(gateway_is_guessed_where_untold),
		T(lost_answer),
		T(lost_request),
		T(task_fails),
		T(away_for_a_moment),
		T(patience_ends),
		T(dry_run),
		T(mac_made_once),
		T(mac_gone_meanwhile),
		T(key_to_confirm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
