/* The ESXi client reads the lab's hosts (tests/lab/esxi), 8.0 and 5.5; what is
 * damaged there, and a connection that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "esxi_vms.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "ssh_int.h"

/* --- what is there --- */

static void host(void **state)
{
	_json_ json_t *nets = NULL, *stores = NULL;
	_free_ char *pci = NULL;
	struct esxi_about a;

	need(state);
	ok(esxi_about(x, &a, e));
	assert_string_equal(a.version, "8.0.2");
	assert_int_equal(a.major, 8);
	ok(esxi_networks(x, &nets, e));
	assert_int_equal(json_u64(row(nets, "DMZ VLAN 20"), "vlan", 0), 20);
	ok(esxi_datastores(x, &stores, e));
	assert_string_equal(json_str(row(stores, "datastore2"), "mount"), DS2);
	ok(esxi_pci(x, &pci, e));
	assert_non_null(strstr(pci, "Vendor ID: 0x"));
}

static void lists(void **state)
{
	_json_ json_t *rows = NULL;

	need(state);
	on_host("power.suspend", id_of("asleep"));
	ok(esxi_list(x, &rows, e));
	assert_string_equal(json_str(row(rows, "web01"), "power"), "on");
	assert_string_equal(json_str(row(rows, "off01"), "power"), "off");
	assert_string_equal(
		json_str(row(rows, "asleep"), "power"), "suspended");
	assert_string_equal(
		json_str(row(rows, "web01"), "vmx"), DS1 "/web01/web01.vmx");
	assert_string_equal(
		json_str(row(rows, "web01"), "annotation"), "line one\n13 two");
	assert_string_equal(
		json_str(row(rows, ODD), "vmx"), DS1 "/" ODD "/" ODD ".vmx");
}

static void one_vm(void **state)
{
	_vm_ struct vm *vm = NULL, *odd = NULL, *web = NULL, *by_id = NULL;
	struct vm *none = NULL;
	uint64_t sum;

	need(state);
	ok(esxi_vm(x, "off01", &vm, e));
	assert_string_equal(vm->power, "off");
	assert_int_equal(vm->snapshots, 0);
	assert_int_equal(vm->n_disks, 2);
	assert_string_equal(vm->disks[1].path, DS2 "/off01/off01_1.vmdk");
	assert_string_equal(vm->disks[1].data, DS2 "/off01/off01_1-flat.vmdk");
	assert_int_equal(vm->disks[1].capacity, 6 << 20);
	assert_int_equal(vm->disks[1].used, 2 << 20);
	assert_null(vm->disks[1].unsupported);
	assert_false(vm->disks[1].snapshot);
	ok(esxi_vm(x, ODD, &odd, e));
	assert_string_equal(odd->name, ODD);
	assert_null(odd->disks[0].unsupported);
	ok(esxi_vm(x, id_of("web01"), &web, e));
	assert_int_equal(web->snapshots, 1);
	assert_true(web->disks[0].snapshot);
	assert_non_null(web->disks[0].unsupported);
	/* Log and base together, and no more than it can be. */
	sum = lab_taken(DS1 "/web01/web01-*[eta].vmdk");
	assert_true(sum > 0 && sum < web->disks[0].capacity);
	assert_true(web->disks[0].used == sum);
	bad(esxi_vm(x, "nobody", &none, e), ERR_VM_NOT_FOUND, "nobody");
	bad(esxi_vm(x, "$(reboot)", &none, e), ERR_VM_NOT_FOUND, "reboot");
	bad(esxi_vm(x, "twin", &none, e), ERR_VM_NOT_FOUND, "several");
	ok(esxi_vm(x, "1", &by_id, e));
	assert_string_equal(by_id->name, "web01");
	assert_null(none);
}

/* The same on 5.5. */
static void old_host(void **state)
{
	__attribute__((cleanup(cleanup_esxi))) struct esxi *h = NULL;
	_json_ json_t *rows = NULL, *ev = NULL;
	_vm_ struct vm *vm = NULL;
	struct esxi_about a;
	char now[ESXI_POWER_LEN];
	const char *id;

	need(state);
	h = connect_to(LAB_OLD);
	ok(esxi_about(h, &a, e));
	assert_int_equal(a.major, 5);
	ok(esxi_list(h, &rows, e));
	assert_string_equal(json_str(row(rows, "web01"), "power"), "on");
	id = json_str(row(rows, "web01"), "id");
	bad(esxi_shutdown_guest(h, "99", e), ERR_ESXI_COMMAND,
		"Unable to find");
	ok(esxi_shutdown_guest(h, id, e));
	ok(esxi_wait_power(h, id, "off", 20, e));
	ok(esxi_snapshot_remove_all(h, id, NULL, 30, e));
	ok(esxi_vm(h, "web01", &vm, e));
	ok(esxi_prove_off(h, vm, &ev, e));
	ok(esxi_power_on(h, id, e));
	ok(esxi_power(h, id, now, e));
	assert_string_equal(now, "on");
	ok(esxi_power_off(h, id, e));
}

static void guest(void **state)
{
	_json_ json_t *g = NULL;
	const json_t *nic;

	need(state);
	ok(esxi_guest(x, id_of("web01"), &g, e));
	nic = json_array_get(json_object_get(g, "nics"), 0);
	assert_string_equal(
		json_str(json_array_get(json_object_get(nic, "addresses"), 0),
			"address"),
		"192.0.2.4");
	assert_string_equal(
		json_str(json_array_get(json_object_get(g, "routes"), 0),
			"gateway"),
		"192.0.2.1");
}

/* --- damage --- */

static void damaged(void **state)
{
	_vm_ struct vm *a = NULL, *b = NULL;
	_json_ json_t *id = NULL, *again = NULL;
	_free_ char *dir = lab_path("new");

	need(state);
	lab_fault("new", "missing-extent", "off01");
	ok(esxi_vm(x, "off01", &a, e));
	assert_non_null(strstr(a->disks[0].unsupported, "is not there"));
	assert_null(a->disks[1].unsupported);
	bad(esxi_disk_identity(x, &a->disks[0], &id, e), ERR_DISK_MISSING,
		"off01-flat.vmdk");
	assert_int_equal(lab_run("tests/lab/esxi/fault", dir, "missing-extent",
				 "off01", "off"),
		0);
	lab_fault("new", "truncated-descriptor", "off01");
	ok(esxi_vm(x, "off01", &b, e));
	assert_non_null(b->disks[0].unsupported);
	bad(esxi_prove_no_delta(x, a->id, e), ERR_SNAPSHOT_STUCK, "scsi0:0");
	assert_int_equal(lab_run("tests/lab/esxi/fault", dir,
				 "truncated-descriptor", "off01", "off"),
		0);
	ok(esxi_disk_identity(x, &a->disks[0], &id, e));
	assert_int_equal(json_u64(id, "size", 0), 6 << 20);
	assert_non_null(json_str(id, "cid"));
	lab_fault("new", "source-changes", "off01");
	ok(esxi_disk_identity(x, &a->disks[0], &again, e));
	assert_false(json_equal(id, again));
}

/* A flat file that is shorter than the descriptor says. */
static void short_extent(void **state)
{
	_free_ char *flat = lab_path("new/root" DS1 "/off01/off01-flat.vmdk");
	_vm_ struct vm *vm = NULL;

	need(state);
	assert_int_equal(truncate(flat, 5 << 20), 0);
	ok(esxi_vm(x, "off01", &vm, e));
	assert_non_null(vm->disks[0].unsupported);
	assert_int_equal(truncate(flat, 6 << 20), 0);
}

/* --- the connection --- */

static void hostd(void **state)
{
	char power_now[ESXI_POWER_LEN];
	const char *id;

	need(state);
	id = id_of("off01");
	lab_fault("new", "hostd-down", "3");
	ok(esxi_power(x, id, power_now, e));
	lab_fault("new", "hostd-down", "2");
	ok(esxi_power_on(x, id, e));
	ok(esxi_power_off(x, id, e));
	lab_fault("new", "hostd-down", "1000");
	bad(esxi_power(x, id, power_now, e), ERR_ESXI_BUSY, "Failed to login");
	lab_fault("new", "hostd-down", "off");
}

static void lost(void **state)
{
	char power_now[ESXI_POWER_LEN];
	const char *id;

	need(state);
	id = id_of("off01");
	/* in use: the caller is told, and the next call goes on */
	shutdown(x->ssh->fd, SHUT_RDWR);
	bad(esxi_power(x, id, power_now, e), ERR_SSH_LOST, "");
	ok(esxi_power(x, id, power_now, e));
	/* idle for long: tried first, opened anew */
	shutdown(x->ssh->fd, SHUT_RDWR);
	x->used -= 3600;
	ok(esxi_power(x, id, power_now, e));
}

/* The password is changed in between: one try, not one each call. */
static void refused(void **state)
{
	_free_ char *before = NULL, *after = NULL;
	struct esxi *h;
	char p[ESXI_POWER_LEN];

	need(state);
	h = connect_to(LAB_NEW);
	before = lab_read("new", "auth.log");
	h->target.password = "changed";
	ssh_close(h->ssh);
	h->ssh = NULL;
	for (int i = 0; i < 3; i++)
		bad(esxi_power(h, "1", p, e), ERR_SSH_AUTH, "once");
	after = lab_read("new", "auth.log");
	assert_non_null(strstr(after + strlen(before), " fail "));
	assert_null(
		strstr(strstr(after + strlen(before), " fail ") + 6, " fail "));
	esxi_close(h);
	lab_fault("new", "unlock", NULL);
}

/* After all of the above. */
static void audit(void **state)
{
	_free_ char *log = NULL;

	need(state);
	log = lab_read("new", "commands.log");
	vms_audit(log);
	assert_null(strstr(log, "vmsvc/snapshot.removeall"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host),
		cmocka_unit_test(lists),
		cmocka_unit_test(one_vm),
		cmocka_unit_test(old_host),
		cmocka_unit_test(guest),
		cmocka_unit_test(damaged),
		cmocka_unit_test(short_extent),
		cmocka_unit_test(hostd),
		cmocka_unit_test(lost),
		cmocka_unit_test(refused),
		cmocka_unit_test(audit),
	};

	return cmocka_run_group_tests(tests, vms_setup, vms_teardown);
}
