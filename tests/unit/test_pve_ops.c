/* Proxmox VE client: volumes, VMs, tasks, agent, lists, by small answers of
 * our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pveweb.h"
#include "stop.h"

#define NODE "/api2/json/nodes/pve"
#define VM "/api2/json/nodes/pve/qemu/120"
#define NULL_DATA "{\"data\":null}"
#define UPID(n, type) \
	"UPID:pve:0000000" n ":0645340C:64E5BA99:" type ":120:root@pam:"
#define UPID_PATH(n, type)                                        \
	"UPID%3Apve%3A0000000" n "%3A0645340C%3A64E5BA99%3A" type \
	"%3A120%3Aroot%40pam%3A"
#define STATUS(n, type) "GET " NODE "/tasks/" UPID_PATH(n, type) "/status"
#define LOG(n, type) "GET " NODE "/tasks/" UPID_PATH(n, type) "/log"
#define ENDED(how) \
	"{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"" how "\"}}"
#define RUNNING "{\"data\":{\"status\":\"running\"}}"
#define NO_LOG "{\"data\":[{\"n\":1,\"t\":\"no content\"}],\"total\":1}"

struct fix {
	struct web w;
	struct pve *p;
	struct err e;
};

static void fix_open(struct fix *f, const char *version)
{
	web_start(&f->w);
	f->p = web_open(&f->w, version);
	err_clear(&f->e);
}

static void fix_close(struct fix *f)
{
	pve_close(f->p);
	web_end(&f->w);
}

/* A task that ends so, with an empty log. */
static void task(
	struct web *w, const char *status, const char *log, const char *end)
{
	web_ok(w, status, end);
	web_ok(w, log, NO_LOG);
}

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

struct heard {
	struct buf lines;
	double percent;
	char *started;
};

static void hear(void *arg, const char *line, double percent)
{
	struct heard *h = arg;

	buf_addf(&h->lines, "%s\n", line);
	h->percent = percent > h->percent ? percent : h->percent;
}

static void begun(void *arg, const char *upid)
{
	struct heard *h = arg;

	str_set(&h->started, upid);
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

/* ---- create ---- */

#define TASKS "GET " NODE "/tasks"
#define CREATE "POST " NODE "/qemu"
#define OLD_TASK "{\"upid\":\"" UPID("1", "qmcreate") "\",\"starttime\":1000}"
#define OUR_TASK "{\"upid\":\"" UPID("2", "qmcreate") "\",\"starttime\":2000}"

static int create(struct fix *f, struct heard *h)
{
	_pve_params_ struct pve_params ps = {0};
	struct pve_progress pr = {hear, begun, h};
	int rc;

	pve_param(&ps, "name", "web01");
	pve_param(&ps, "boot", "order=scsi0;net0");
	rc = pve_vm_create(f->p, 120, &ps, &pr, &f->e);
	buf_free(&h->lines);
	return rc;
}

static void created(void **state)
{
	struct fix f;
	struct heard h = {0};

	(void)state;
	fix_open(&f, "8.4.21");
	web_ok(&f.w, TASKS, "{\"data\":[]}");
	web_ok(&f.w, CREATE, "{\"data\":\"" UPID("2", "qmcreate") "\"}");
	task(&f.w, STATUS("2", "qmcreate"), LOG("2", "qmcreate"), ENDED("OK"));
	assert_int_equal(create(&f, &h), 0);
	assert_string_equal(h.started, UPID("2", "qmcreate"));
	assert_int_equal(web_count(&f.w,
				 "vmid=120&name=web01&boot=order%3Dscsi0%3B"
				 "net0"),
		1);
	free(h.started);
	fix_close(&f);
}

/* The answer is lost: the new task is found, not the one of last year. */
static void create_lost(void **state)
{
	struct fix f;
	struct heard h = {0};

	(void)state;
	fix_open(&f, "8.4.21");
	web_on(&f.w, TASKS, 3, "200 OK", "{\"data\":[" OLD_TASK "]}");
	web_ok(&f.w, TASKS, "{\"data\":[" OLD_TASK "," OUR_TASK "]}");
	web_drop(&f.w, CREATE, -1);
	task(&f.w, STATUS("2", "qmcreate"), LOG("2", "qmcreate"), ENDED("OK"));
	assert_int_equal(create(&f, &h), 0);
	assert_string_equal(h.started, UPID("2", "qmcreate"));
	assert_int_equal(web_count(&f.w, CREATE), 1);
	free(h.started);
	fix_close(&f);
}

/* A killed worker's task is waited for; a failed one is an end as well. */
static void create_settled(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, "8.4.21");
	web_on(&f.w, TASKS, 1, "200 OK", "{\"data\":[]}");
	web_ok(&f.w, TASKS, "{\"data\":[" OLD_TASK "," OUR_TASK "]}");
	web_on(&f.w, STATUS("2", "qmcreate"), 2, "200 OK", RUNNING);
	task(&f.w, STATUS("2", "qmcreate"), LOG("2", "qmcreate"),
		ENDED("no luck"));
	assert_int_equal(pve_vm_create_settled(f.p, 120, &f.e), 0);
	assert_int_equal(web_count(&f.w, STATUS("2", "qmcreate")), 0);
	assert_int_equal(pve_vm_create_settled(f.p, 120, &f.e), 0);
	assert_int_equal(web_count(&f.w, STATUS("2", "qmcreate")), 3);
	stop_asked = 1;
	assert_int_equal(pve_vm_create_settled(f.p, 120, &f.e), -1);
	stop_asked = 0;
	assert_int_equal(f.e.code, ERR_STOPPED);
	fix_close(&f);
}

static void create_lost_vm(struct fix *f, const char *name, bool there)
{
	_free_ char *config = xasprintf("{\"data\":{\"name\":\"%s\"}}", name);
	struct heard h = {0};
	int rc;

	web_clear(&f->w);
	web_ok(&f->w, TASKS, "{\"data\":[]}");
	web_drop(&f->w, CREATE, -1);
	if (there)
		web_on(&f->w, "GET /api2/json/cluster/nextid", -1,
			"400 Parameter verification failed.",
			"{\"errors\":{\"vmid\":\"VM 120 already exists\"}}");
	else
		web_ok(&f->w, "GET /api2/json/cluster/nextid",
			"{\"data\":\"120\"}");
	web_ok(&f->w, "GET " VM "/config", config);
	rc = create(f, &h);
	assert_null(h.started);
	assert_int_equal(web_count(&f->w, CREATE), 1);
	if (rc == 0)
		f->e.code = ERR_NONE;
}

static void create_lost_without_task(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, "8.4.21");
	f.p->patience = 0.05;
	create_lost_vm(&f, "web01", true);
	assert_int_equal(f.e.code, ERR_NONE);
	create_lost_vm(&f, "other", true);
	assert_int_equal(f.e.code, ERR_VMID_TAKEN);
	create_lost_vm(&f, "web01", false);
	assert_int_equal(f.e.code, ERR_TIMEOUT);
	assert_non_null(strstr(f.e.why, "there is no VM 120"));
	assert_string_equal(f.e.what, "create VM 120 on pve");
	fix_close(&f);
}

/* ---- life ---- */

static void power(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, "8.2.4");
	web_ok(&f.w, "POST " VM "/status/start",
		"{\"data\":\"" UPID("1", "qmstart") "\"}");
	task(&f.w, STATUS("1", "qmstart"), LOG("1", "qmstart"),
		ENDED("VM 120 already running"));
	web_ok(&f.w, "POST " VM "/status/stop", NULL_DATA);
	web_ok(&f.w, "POST " VM "/status/shutdown",
		"{\"data\":\"" UPID("2", "qmshutdown") "\"}");
	task(&f.w, STATUS("2", "qmshutdown"), LOG("2", "qmshutdown"),
		ENDED("VM quit/powerdown failed - got timeout"));
	assert_int_equal(pve_vm_start(f.p, 120, NULL, &f.e), 0);
	assert_int_equal(pve_vm_stop(f.p, 120, NULL, &f.e), 0);
	assert_int_equal(web_count(&f.w, "overrule"), 0);
	f.p->release = 803;
	assert_int_equal(pve_vm_stop(f.p, 120, NULL, &f.e), 0);
	assert_int_equal(web_count(&f.w, "overrule-shutdown=1"), 1);
	assert_int_equal(pve_vm_shutdown(f.p, 120, 30, true, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_VM_RUNNING);
	assert_int_equal(web_count(&f.w, "timeout=30&forceStop=1"), 1);
	fix_close(&f);
}

static void destroy(void **state)
{
	static const struct {
		unsigned release;
		const char *query;
	} rows[] = {
		{504, "DELETE " VM " HTTP"},
		{602, "DELETE " VM "?purge=1 HTTP"},
		{700,
			"DELETE " VM
			"?purge=1&destroy-unreferenced-disks=0 HTTP"},
	};
	struct fix f;

	(void)state;
	fix_open(&f, "5.4");
	web_ok(&f.w, "DELETE " VM, "{\"data\":\"" UPID("1", "qmdestroy") "\"}");
	task(&f.w, STATUS("1", "qmdestroy"), LOG("1", "qmdestroy"),
		ENDED("OK"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f.p->release = rows[i].release;
		assert_int_equal(pve_vm_destroy(f.p, 120, NULL, &f.e), 0);
		assert_int_equal(web_count(&f.w, rows[i].query), 1);
	}
	web_clear(&f.w);
	web_on(&f.w, "", -1,
		"500 Configuration file 'nodes/pve/qemu-server/120.conf' does "
		"not exist",
		NULL_DATA);
	assert_int_equal(pve_vm_destroy(f.p, 120, NULL, &f.e), 0);
	web_clear(&f.w);
	web_on(&f.w, "", -1, "500 VM 120 is running - destroy failed",
		NULL_DATA);
	assert_int_equal(pve_vm_destroy(f.p, 120, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_VM_RUNNING);
	fix_close(&f);
}

/* Null on 7.x, a task from 8.0 on. */
static void disks(void **state)
{
	struct fix f;

	(void)state;
	fix_open(&f, "7.4-16");
	web_on(&f.w, "PUT " VM "/resize", 1, "200 OK", NULL_DATA);
	web_on(&f.w, "PUT " VM "/resize", 1, "200 OK",
		"{\"data\":\"" UPID("1", "resize") "\"}");
	task(&f.w, STATUS("1", "resize"), LOG("1", "resize"),
		ENDED("disk 'scsi9' does not exist"));
	web_ok(&f.w, "POST " VM "/move_disk", NULL_DATA);
	web_ok(&f.w, "PUT " VM "/unlink", NULL_DATA);
	assert_int_equal(pve_vm_resize(f.p, 120, "scsi0", 1025, NULL, &f.e), 0);
	assert_int_equal(web_count(&f.w, "disk=scsi0&size=2K\n"), 1);
	assert_int_equal(
		pve_vm_resize(f.p, 120, "scsi9", 4096, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_NOT_FOUND);
	assert_int_equal(pve_vm_move_disk(f.p, 120, "scsi0", "zfs", NULL, true,
				 NULL, &f.e),
		0);
	assert_int_equal(
		web_count(&f.w, "disk=scsi0&storage=zfs&delete=1\n"), 1);
	assert_int_equal(pve_vm_unlink(f.p, 120, "unused0", true, &f.e), 0);
	assert_int_equal(web_count(&f.w, "idlist=unused0&force=1\n"), 1);
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
		cmocka_unit_test(followed),
		cmocka_unit_test(task_ends),
		cmocka_unit_test(task_lost),
		cmocka_unit_test(created),
		cmocka_unit_test(create_lost),
		cmocka_unit_test(create_settled),
		cmocka_unit_test(create_lost_without_task),
		cmocka_unit_test(power),
		cmocka_unit_test(destroy),
		cmocka_unit_test(disks),
		cmocka_unit_test(odd_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
