/* The ESXi client changes what is on the lab's hosts: power and snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "esxi_vms.h"

#include <sys/stat.h>

/* --- power --- */

static void power(void **state)
{
	_vm_ struct vm *vm = NULL;
	_json_ json_t *ev = NULL;
	char id[16], *text = NULL;
	const json_t *ext;
	size_t i;

	need(state);
	ok(esxi_vm(x, "tools", &vm, e));
	snprintf(id, sizeof(id), "%s", vm->id);
	ok(esxi_power_on(x, id, e));
	ok(esxi_power_on(x, id, e)); /* nothing to do */
	bad(esxi_prove_off(x, vm, &ev, e), ERR_VM_RUNNING, "on");
	bad(esxi_blockmap(x, vm->disks[0].path, &text, e), ERR_SOURCE_LOCKED,
		"lock");
	lab_fault("new", "no-shutdown", NULL);
	ok(esxi_shutdown_guest(x, id, e));
	bad(esxi_wait_power(x, id, "off", 0.3, e), ERR_TIMEOUT, "still on");
	lab_fault("new", "no-shutdown", "off");
	ok(esxi_shutdown_guest(x, id, e));
	ok(esxi_wait_power(x, id, "off", 20, e));
	ok(esxi_prove_off(x, vm, &ev, e));
	assert_string_equal(json_str(ev, "power"), "off");
	assert_string_equal(json_str(ev, "process"), "none");
	assert_int_equal(json_array_size(json_object_get(ev, "extents")), 2);
	json_array_foreach (json_object_get(ev, "extents"), i, ext) {
		assert_true(json_flag(ext, "readable", false));
		assert_int_equal(json_u64(ext, "lock", 9), 0);
	}
	ok(esxi_blockmap(x, vm->disks[0].path, &text, e));
	assert_non_null(strstr(text, "VMFS -- LVID"));
	free(text);
}

static void no_tools(void **state)
{
	const char *id;

	need(state);
	id = id_of("off01");
	ok(esxi_power_on(x, id, e));
	bad(esxi_shutdown_guest(x, id, e), ERR_ESXI_COMMAND,
		"VMware Tools is not running");
	lab_fault("new", "no-poweroff", NULL);
	bad(esxi_power_off(x, id, e), ERR_ESXI_COMMAND, "Power off failed");
	lab_fault("new", "no-poweroff", "off");
	ok(esxi_power_off(x, id, e));
	ok(esxi_power_off(x, id, e));
	ok(esxi_shutdown_guest(x, id, e)); /* it is off: that was wanted */
}

static void suspended(void **state)
{
	_vm_ struct vm *vm = NULL;
	_json_ json_t *ev = NULL;

	need(state);
	on_host("power.suspend", id_of("asleep"));
	ok(esxi_vm(x, "asleep", &vm, e));
	assert_string_equal(vm->power, "suspended");
	bad(esxi_power_off(x, vm->id, e), ERR_VM_RUNNING, "suspended");
	bad(esxi_prove_off(x, vm, &ev, e), ERR_VM_RUNNING, "suspended");
}

static void question(void **state)
{
	_free_ char *dir = lab_path("new");
	const char *id;

	need(state);
	id = id_of("off01");
	lab_fault("new", "question", "off01");
	bad(esxi_wait_power(x, id, "on", 1, e), ERR_VM_QUESTION,
		"moved or copied");
	/* asked while power.on waits */
	lab_write("new", "root/lab/vim-cmd-ms", "300");
	bad(esxi_power_on(x, id, e), ERR_VM_QUESTION, "moved or copied");
	lab_write("new", "root/lab/vim-cmd-ms", "0");
	assert_int_equal(lab_run("tests/lab/esxi/fault", dir, "question",
				 "off01", "off"),
		0);
	ok(esxi_power_on(x, id, e));
	ok(esxi_power_off(x, id, e));
}

static void locked(void **state)
{
	_vm_ struct vm *vm = NULL;
	_json_ json_t *ev = NULL;

	need(state);
	ok(esxi_vm(x, "off01", &vm, e));
	lab_fault("new", "locked", "off01");
	bad(esxi_prove_off(x, vm, &ev, e), ERR_SOURCE_LOCKED, "lock");
	bad(esxi_power_on(x, vm->id, e), ERR_ESXI_COMMAND, "failed");
	assert_null(ev);
	lab_fault("new", "locked", "off");
	ok(esxi_prove_off(x, vm, &ev, e));
}

/* --- snapshots --- */

static int percent, told;

static int tell(void *arg, int p, const char *what, struct err *e)
{
	(void)arg, (void)what, (void)e;
	percent = p;
	told++;
	return 0;
}

static void remove_snapshots(void **state)
{
	const struct esxi_progress p = {.tell = tell};
	_json_ json_t *tree = NULL, *none = NULL;
	_vm_ struct vm *vm = NULL;
	char id[16];

	need(state);
	snprintf(id, sizeof(id), "%s", id_of("web01"));
	ok(esxi_snapshots(x, id, &tree, e));
	assert_string_equal(
		json_str(json_array_get(tree, 0), "name"), "before");
	bad(esxi_prove_no_delta(x, id, e), ERR_SNAPSHOT_STUCK,
		"snapshots of it: 1");
	/* the task fails: the host's own words, and all is as before */
	lab_fault("new", "snapshot-stuck", NULL);
	bad(esxi_snapshot_remove_all(x, id, &p, 30, e), ERR_SNAPSHOT_STUCK,
		"consolidating disks");
	lab_fault("new", "snapshot-stuck", "off");
	/* it takes longer than one is willing to wait; then another joins */
	lab_fault("new", "snapshot-slow", "2");
	told = 0;
	bad(esxi_snapshot_remove_all(x, id, &p, 0.3, e), ERR_TIMEOUT,
		"still being removed");
	assert_true(told > 0);
	ok(esxi_snapshot_remove_all(x, id, &p, 30, e));
	lab_fault("new", "snapshot-slow", "off");
	ok(esxi_snapshot_remove_all(x, id, &p, 30, e)); /* nothing to do */
	ok(esxi_snapshots(x, id, &none, e));
	assert_int_equal(json_array_size(none), 0);
	ok(esxi_vm(x, "web01", &vm, e));
	assert_null(vm->disks[0].unsupported);
	assert_string_equal(vm->disks[0].data, DS1 "/web01/web01-flat.vmdk");
}

/* The list of snapshots is empty, the VM runs on the redo log all the same;
 * and a redo log that nobody names. */
static void orphans(void **state)
{
	_free_ char *old = lab_path("new/root" DS1 "/off01/off01-000007.vmdk");
	char id[16];

	need(state);
	snprintf(id, sizeof(id), "%s", id_of("snap02"));
	lab_fault("new", "snapshot-stuck", "orphan");
	bad(esxi_snapshot_remove_all(x, id, NULL, 30, e), ERR_SNAPSHOT_STUCK,
		"");
	bad(esxi_prove_no_delta(x, id, e), ERR_SNAPSHOT_STUCK,
		"snapshot's disk");
	lab_fault("new", "snapshot-stuck", "off");
	snprintf(id, sizeof(id), "%s", id_of("off01"));
	ok(esxi_prove_no_delta(x, id, e));
	assert_int_equal(file_write(old, "x", 1, 0600, NULL), 0);
	bad(esxi_prove_no_delta(x, id, e), ERR_SNAPSHOT_STUCK,
		"off01-000007.vmdk");
	assert_int_equal(unlink(old), 0);
}

/* After all of the above. */
static void audit(void **state)
{
	_free_ char *log = NULL;

	need(state);
	log = lab_read("new", "commands.log");
	vms_audit(log);
	assert_non_null(strstr(log, "vmsvc/snapshot.removeall"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power),
		cmocka_unit_test(no_tools),
		cmocka_unit_test(suspended),
		cmocka_unit_test(question),
		cmocka_unit_test(locked),
		cmocka_unit_test(remove_snapshots),
		cmocka_unit_test(orphans),
		cmocka_unit_test(audit),
	};

	return cmocka_run_group_tests(tests, vms_setup, vms_teardown);
}
