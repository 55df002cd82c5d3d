/* Proxmox VE client: tasks and what a broken server sends, by small answers
 * of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pveops.h"
#include "pveweb.h"
#include "stop.h"

/* ---- tasks ---- */

static void upids(void **state)
{
	(void)state;
	assert_true(pve_is_upid(UPID("1", "qmcreate")));
	assert_true(pve_is_upid(
		"UPID:pve:00000836:000815D1:6B023A54:imgdel:901@local:"
		"root@pam!full:"));
	assert_true(pve_is_upid(
		"UPID:n:00000836:0815D1AFF:6B023A54:aptupdate::root@pam:"));
	assert_false(pve_is_upid("nonsense"));
	assert_false(pve_is_upid(""));
	assert_false(pve_is_upid("UPID:"));
	assert_false(pve_is_upid("UPID:pve:1:0645340C:64E5BA99:t:1:root@pam:"));
	assert_false(pve_is_upid(
		"UPID:pve:0000000G:0645340C:64E5BA99:t:1:root@pam:"));
	assert_false(
		pve_is_upid("UPID::00000001:0645340C:64E5BA99:t:1:root@pam:"));
	assert_false(pve_is_upid(
		"UPID:pve:00000001:0645340C:64E5BA99:t:1:root@pam:x"));
	assert_false(
		pve_is_upid("UPID:pve:00000001:0645340C:64E5BA99:t:1:root"));
}

/* Polled while it runs, each line once, an empty log's line never, a page
 * that is full followed by the next. */
static void followed(void **state)
{
	struct fix f;
	struct heard h = {0};
	struct pve_progress pr = {hear, begun, &h};
	_buf_ struct buf page = {0};

	(void)state;
	fix_open(&f, "8.4.21");
	web_on(&f.w, STATUS("1", "x"), 2, "200 OK", RUNNING);
	web_on(&f.w, LOG("1", "x"), 1, "200 OK", NO_LOG);
	web_on(&f.w, LOG("1", "x"), 1, "200 OK",
		"{\"data\":[{\"n\":1,\"t\":\"one\"},"
		"{\"n\":2,\"t\":\"transferred 1.0 GiB of 8.0 GiB (12.50%)\"},"
		"{\"n\":3,\"t\":\"    (50.00/100%)\"}]}");
	web_ok(&f.w, STATUS("1", "x"), ENDED("OK"));
	buf_adds(&page, "{\"data\":[");
	for (int i = 0; i < 500; i++)
		buf_addf(
			&page, "%s{\"n\":%d,\"t\":\"l\"}", i ? "," : "", i + 4);
	buf_adds(&page, "]}");
	web_on(&f.w, LOG("1", "x"), 1, "200 OK", page.s);
	web_ok(&f.w, LOG("1", "x"),
		"{\"data\":[{\"n\":504,\"t\":\"TASK OK\\u001b\"}]}");
	assert_int_equal(
		pve_task_wait(f.p, UPID("1", "x"), &pr, NULL, &f.e), 0);
	assert_true(str_starts(h.lines.s, "one\ntransferred 1.0"));
	assert_true(str_ends(h.lines.s, "\nl\nTASK OK?\n"));
	assert_true(h.percent > 49 && h.percent < 51);
	assert_int_equal(web_count(&f.w, "start=0&"), 2);
	assert_int_equal(web_count(&f.w, "start=3&"), 1);
	assert_int_equal(web_count(&f.w, "start=503&"), 1);
	buf_free(&h.lines);
	fix_close(&f);
}

static void task_ends(void **state)
{
	static const struct {
		const char *end, *log;
		enum err_code code;
		const char *why;
	} rows[] = {
		{"copy failed: exit code 1",
			"{\"data\":[{\"n\":1,\"t\":\"(66.00%)\"},"
			"{\"n\":2,\"t\":\"qemu-img: No space left on device\"},"
			"{\"n\":3,\"t\":\"TASK ERROR: copy failed\"}]}",
			ERR_NO_SPACE,
			"qemu-img: No space left on device; "
			"copy failed: exit code 1"},
		{"start failed: QEMU exited with code 1",
			"{\"data\":[{\"n\":1,\"t\":\"no such bridge\"}]}",
			ERR_PVE_TASK,
			"no such bridge; "
			"start failed: QEMU exited with code 1"},
		{"VM is locked (backup)", NO_LOG, ERR_PVE_LOCKED,
			"VM is locked (backup)"},
		{"unexpected status", NO_LOG, ERR_PVE_TASK,
			"it ended without saying how (was the node "
			"restarted?)"},
		{"", "{\"data\":[{\"n\":1,\"t\":\"allocating\"}]}",
			ERR_PVE_TASK,
			"it ended without saying how (was the node "
			"restarted?); last line: allocating"},
		{"interrupted by signal", NO_LOG, ERR_PVE_TASK,
			"interrupted by signal"},
		/* Another thing that exists already is no VM id taken. */
		{"unable to create VM 120 - image '/x' already exists", NO_LOG,
			ERR_PVE_TASK,
			"unable to create VM 120 - image '/x' already exists"},
	};
	struct fix f;

	(void)state;
	fix_open(&f, "8.4.21");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_free_ char *end =
			xasprintf("{\"data\":{\"status\":\"stopped\","
				  "\"exitstatus\":\"%s\"}}",
				rows[i].end);

		web_clear(&f.w);
		web_ok(&f.w, STATUS("1", "x"), end);
		web_ok(&f.w, LOG("1", "x"), rows[i].log);
		assert_int_equal(
			pve_task_wait(f.p, UPID("1", "x"), NULL, NULL, &f.e),
			-1);
		assert_string_equal(f.e.why, rows[i].why);
		assert_int_equal(f.e.code, rows[i].code);
	}
	fix_close(&f);
}

/* A proxy that restarts is borne; one that stays away is not; a task that is
 * forgotten is not waited for; a stop ends the waiting. */
static void task_lost(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, "8.4.21");
	web_on(&f.w, STATUS("1", "x"), 1, "200 OK", RUNNING);
	web_drop(&f.w, STATUS("1", "x"), 7);
	task(&f.w, STATUS("1", "x"), LOG("1", "x"), ENDED("OK"));
	f.p->patience = 5;
	assert_int_equal(
		pve_task_wait(f.p, UPID("1", "x"), NULL, NULL, &f.e), 0);
	web_clear(&f.w);
	web_drop(&f.w, "", -1);
	f.p->patience = 0.1;
	assert_int_equal(
		pve_task_wait(f.p, UPID("1", "x"), NULL, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_PVE_CONNECT);
	web_clear(&f.w);
	web_on(&f.w, "", -1, "400 Parameter verification failed.",
		"{\"errors\":{\"upid\":\"no such task\"},\"data\":null}");
	assert_int_equal(
		pve_task_wait(f.p, UPID("1", "x"), NULL, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_NOT_FOUND);
	assert_int_equal(pve_task_wait(f.p, "x", NULL, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_PVE_SERVER);
	web_clear(&f.w);
	web_ok(&f.w, STATUS("1", "x"), RUNNING);
	web_ok(&f.w, LOG("1", "x"), NO_LOG);
	stop_asked = 1;
	assert_int_equal(
		pve_task_wait(f.p, UPID("1", "x"), NULL, NULL, &f.e), -1);
	stop_asked = 0;
	assert_int_equal(f.e.code, ERR_STOPPED);
	fix_close(&f);
}

/* A bridge's MTU, as text and as number; where none is set there is none. */
static void bridge_mtu(void **state)
{
	static const uint64_t want[] = {1400, 9000, 0, 0};
	_json_ json_t *rows = NULL;
	struct fix f;

	(void)state;
	fix_open(&f, "8.4.21");
	web_ok(&f.w, "",
		"{\"data\":[{\"iface\":\"vmbr0\",\"mtu\":\"1400\"},"
		"{\"iface\":\"vmbr1\",\"mtu\":9000},{\"iface\":\"vmbr2\"},"
		"{\"iface\":\"vmbr3\",\"mtu\":\"x\"}]}");
	assert_int_equal(pve_bridges(f.p, &rows, &f.e), 0);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(
			json_u64(json_array_get(rows, i), "mtu", 0), want[i]);
	fix_close(&f);
}

/* ---- what a broken server sends ---- */

static void odd_data(void **state)
{
	static const char *const odd[] = {"null", "1", "\"x\"", "[]", "{}",
		"[null,1,\"x\",[],{\"n\":{}}]", "{\"result\":[1,null,{}]}",
		"{\"status\":1,\"paths\":3,\"path\":[]}"};
	struct fix f;

	(void)state;
	fix_open(&f, "8.4.21");
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		_free_ char *body = xasprintf("{\"data\":%s}", odd[i]);
		_json_ json_t *a = NULL, *b = NULL, *c = NULL, *d = NULL;
		_json_ json_t *m = NULL, *n = NULL, *o = NULL;
		_free_ char *path = NULL, *out = NULL;
		int list = odd[i][0] == '[' ? 0 : -1;
		struct pve_vm_status s;
		uint64_t trimmed;
		unsigned id;
		int code;

		web_clear(&f.w);
		web_ok(&f.w, "", body);
		assert_int_equal(pve_storages(f.p, &a, &f.e), list);
		assert_int_equal(pve_nodes(f.p, &b, &f.e), list);
		assert_int_equal(pve_bridges(f.p, &c, &f.e), list);
		assert_int_equal(pve_pci(f.p, &d, &f.e), list);
		assert_int_equal(pve_volumes(f.p, "local", 1, &m, &f.e), list);
		assert_int_equal(pve_agent_interfaces(f.p, 1, &n, &f.e),
			i == 6 ? 0 : -1);
		pve_agent_fstrim(f.p, 1, &trimmed, &o, &f.e);
		assert_int_equal(
			pve_next_id(f.p, 0, &id, &f.e), i == 1 ? 0 : -1);
		assert_int_equal(pve_vm_status(f.p, 1, &s, &f.e), -1);
		assert_int_equal(
			pve_volume_path(f.p, "a:b", &path, NULL, NULL, &f.e),
			-1);
		assert_int_equal(
			pve_agent_exec(f.p, 1, (const char *const[]){"a", NULL},
				1, &code, &out, NULL, &f.e),
			-1);
		assert_int_equal(
			pve_vm_start(f.p, 1, NULL, &f.e), i == 0 ? 0 : -1);
	}
	fix_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upids),
		cmocka_unit_test(bridge_mtu),
		cmocka_unit_test(followed),
		cmocka_unit_test(task_ends),
		cmocka_unit_test(task_lost),
		cmocka_unit_test(odd_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
