/* The ESXi client against the lab's hosts (tests/lab/esxi), 8.0 and 5.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/esxi_lab.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "esxi_int.h"
#include "ssh_int.h"

#define ODD "it's $(x) [b] c&#;"
#define DS1 "/vmfs/volumes/661ab9c9-ea3e9a38-f0ba-d89ef3ff34e7"
#define DS2 "/vmfs/volumes/5e0607d4-ae255451-ad8d-2c56dc945d15"

static struct esxi *x;

static struct esxi *connect_to(unsigned port)
{
	struct ssh_target t = lab_target(port);
	struct esxi *h = NULL;

	ok(esxi_open(&t, &h, e));
	esxi_set_poll(h, 50);
	esxi_set_retry(h, 5, 20);
	return h;
}

static void need(void **state)
{
	(void)state;
	lab_need();
	if (!x)
		x = connect_to(LAB_NEW);
}

static void add_vm(const char *host, const char *const opts[])
{
	_free_ char *dir = lab_path(host), *image = lab_path("image");
	_free_ char *one =
		xasprintf("slot=scsi0:0,ds=datastore1,src=%s", image);
	_free_ char *two =
		xasprintf("slot=scsi0:1,ds=datastore2,src=%s", image);
	const char *argv[32] = {
		"tests/lab/esxi/addvm", dir, "--disk", one, "--disk", two};
	size_t n = 6;
	struct err e = {0};

	for (size_t i = 0; opts[i]; i++)
		argv[n++] = opts[i];
	if (proc_must(argv, NULL, NULL, ERR_IO, &e))
		fail_msg("addvm: %s", e.why);
}

static json_t *row(const json_t *rows, const char *name)
{
	const json_t *r;
	size_t i;

	json_array_foreach (rows, i, r)
		if (strcmp(json_str_or(r, "name", ""), name) == 0)
			return (json_t *)r;
	fail_msg("no VM %s", name);
	return NULL;
}

static const char *id_of(const char *name)
{
	static char id[16];
	_json_ json_t *rows = NULL;

	ok(esxi_list(x, &rows, e));
	snprintf(id, sizeof(id), "%s", json_str(row(rows, name), "id"));
	return id;
}

static void on_host(const char *fmt, const char *id)
{
	_ssh_result_ struct ssh_result r = {0};
	_free_ char *cmd = xasprintf("vim-cmd vmsvc/%s %s", fmt, id);

	assert_true(strspn(id, "0123456789") == strlen(id));
	ok(ssh_exec(esxi_ssh(x), cmd, NULL, 0, 20, &r, e));
}

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

/* After all of the above: nothing was ever sent that changes more than power
 * and snapshots. */
static void audit(void **state)
{
	static const char *const never[] = {"destroy", "unregister", "reload",
		"snapshot.create", "vmkfstools -i", "vmkfstools -U",
		"vmkfstools -K", " of=/vmfs", "rm ", "mv ", "kill"};
	_free_ char *log = NULL;

	need(state);
	log = lab_read("new", "commands.log");
	assert_non_null(strstr(log, "vmsvc/getallvms"));
	assert_non_null(strstr(log, "vmsvc/snapshot.removeall"));
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		assert_null(strstr(log, never[i]));
}

static void add_twin(const char *ds)
{
	_free_ char *dir = lab_path("new"), *image = lab_path("image");
	_free_ char *disk = xasprintf("slot=scsi0:0,ds=%s,src=%s", ds, image);

	assert_int_equal(lab_run("tests/lab/esxi/addvm", dir, "--name", "twin",
				 "--disk", disk),
		0);
}

static void add_vms(const char *host_name)
{
	_free_ char *image = lab_path("image");
	_free_ char *of = xasprintf("of=%s", image);

	lab_run("truncate", "-s", "6M", image);
	lab_run("dd", "if=/dev/urandom", of, "bs=1M", "count=1",
		"conv=notrunc");
	lab_run("dd", "if=/dev/urandom", of, "bs=1M", "count=1", "seek=4",
		"conv=notrunc");
	add_vm(host_name,
		(const char *const[]){"--name", "web01", "--power", "on",
			"--tools", "1", "--snapshot", "before", "--nic",
			"model=vmxnet3,mac=00:50:56:01:02:03", "--annotation",
			"line one\n13 two", "--ip", "192.0.2.4/24", "--gw",
			"192.0.2.1", NULL});
	add_vm(host_name,
		(const char *const[]){"--name", "off01", "--tools", "0", NULL});
	add_vm(host_name, (const char *const[]){"--name", ODD, NULL});
	if (strcmp(host_name, "old") == 0)
		return;
	add_vm("new",
		(const char *const[]){"--name", "tools", "--tools", "1", NULL});
	add_vm("new",
		(const char *const[]){
			"--name", "asleep", "--power", "on", NULL});
	add_vm("new",
		(const char *const[]){
			"--name", "snap02", "--snapshot", "a", NULL});
	/* a name that is another's id; a name twice */
	add_vm("new", (const char *const[]){"--name", "1", NULL});
	add_twin("datastore1");
	add_twin("datastore2");
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (lab_setup())
		return -1;
	if (lab_missing)
		return 0;
	add_vms("new");
	add_vms("old");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	esxi_close(x);
	return lab_stop_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host),
		cmocka_unit_test(lists),
		cmocka_unit_test(one_vm),
		cmocka_unit_test(old_host),
		cmocka_unit_test(guest),
		cmocka_unit_test(power),
		cmocka_unit_test(no_tools),
		cmocka_unit_test(suspended),
		cmocka_unit_test(question),
		cmocka_unit_test(locked),
		cmocka_unit_test(remove_snapshots),
		cmocka_unit_test(orphans),
		cmocka_unit_test(damaged),
		cmocka_unit_test(short_extent),
		cmocka_unit_test(hostd),
		cmocka_unit_test(lost),
		cmocka_unit_test(refused),
		cmocka_unit_test(audit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
