/* Proxmox VE client: a VM made, started, changed and removed, by small answers
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
	web_on(&f.w, "POST " VM "/move_disk", 1, "200 OK", NULL_DATA);
	web_on(&f.w, "POST " VM "/move_disk", 1, "200 OK",
		"{\"data\":\"" UPID("1", "move") "\"}");
	task(&f.w, STATUS("1", "move"), LOG("1", "move"),
		ENDED("disk 'scsi9' does not exist"));
	web_ok(&f.w, "PUT " VM "/unlink", NULL_DATA);
	assert_int_equal(pve_vm_move_disk(f.p, 120, "scsi0", "zfs", NULL, true,
				 NULL, &f.e),
		0);
	assert_int_equal(
		web_count(&f.w, "disk=scsi0&storage=zfs&delete=1\n"), 1);
	assert_int_equal(pve_vm_move_disk(f.p, 120, "scsi9", "zfs", NULL, true,
				 NULL, &f.e),
		-1);
	assert_int_equal(f.e.code, ERR_NOT_FOUND);
	assert_int_equal(pve_vm_unlink(f.p, 120, "unused0", true, &f.e), 0);
	assert_int_equal(web_count(&f.w, "idlist=unused0&force=1\n"), 1);
	fix_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(created),
		cmocka_unit_test(create_lost),
		cmocka_unit_test(create_settled),
		cmocka_unit_test(create_lost_without_task),
		cmocka_unit_test(power),
		cmocka_unit_test(destroy),
		cmocka_unit_test(disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
