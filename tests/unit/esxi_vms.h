/* VMs on the stand-in ESXi hosts, 8.0 and 5.5, for the tests of the ESXi
 * client; include after cmocka.h. */
#ifndef TESTS_UNIT_ESXI_VMS_H
#define TESTS_UNIT_ESXI_VMS_H

#include "tests/unit/esxi_lab.h"

#include <signal.h>

#include "esxi_int.h"

#define ODD "it's $(x) [b] c&#;"
#define DS1 "/vmfs/volumes/661ab9c9-ea3e9a38-f0ba-d89ef3ff34e7"
#define DS2 "/vmfs/volumes/5e0607d4-ae255451-ad8d-2c56dc945d15"

static struct esxi *x;

static inline struct esxi *connect_to(unsigned port)
{
	struct ssh_target t = lab_target(port);
	struct esxi *h = NULL;

	ok(esxi_open(&t, &h, e));
	esxi_set_poll(h, 50);
	esxi_set_retry(h, 5, 20);
	return h;
}

static inline void need(void **state)
{
	(void)state;
	lab_need();
	if (!x)
		x = connect_to(LAB_NEW);
}

static inline void add_vm(const char *host, const char *const opts[])
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

static inline json_t *row(const json_t *rows, const char *name)
{
	const json_t *r;
	size_t i;

	json_array_foreach (rows, i, r)
		if (strcmp(json_str_or(r, "name", ""), name) == 0)
			return (json_t *)r;
	fail_msg("no VM %s", name);
	return NULL;
}

static inline const char *id_of(const char *name)
{
	static char id[16];
	_json_ json_t *rows = NULL;

	ok(esxi_list(x, &rows, e));
	snprintf(id, sizeof(id), "%s", json_str(row(rows, name), "id"));
	return id;
}

static inline void on_host(const char *fmt, const char *id)
{
	_ssh_result_ struct ssh_result r = {0};
	_free_ char *cmd = xasprintf("vim-cmd vmsvc/%s %s", fmt, id);

	assert_true(strspn(id, "0123456789") == strlen(id));
	ok(ssh_exec(esxi_ssh(x), cmd, NULL, 0, 20, &r, e));
}

static inline void add_twin(const char *ds)
{
	_free_ char *dir = lab_path("new"), *image = lab_path("image");
	_free_ char *disk = xasprintf("slot=scsi0:0,ds=%s,src=%s", ds, image);

	assert_int_equal(lab_run("tests/lab/esxi/addvm", dir, "--name", "twin",
				 "--disk", disk),
		0);
}

static inline void add_vms(const char *host_name)
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

/* Of the group of tests. */
static inline int vms_setup(void **state)
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

static inline int vms_teardown(void **state)
{
	(void)state;
	esxi_close(x);
	return lab_stop_all();
}

/* Nothing was ever sent that changes more than power and snapshots. */
static inline void vms_audit(const char *log)
{
	static const char *const never[] = {"destroy", "unregister", "reload",
		"snapshot.create", "vmkfstools -i", "vmkfstools -U",
		"vmkfstools -K", " of=/vmfs", "rm ", "mv ", "kill"};

	assert_true(strstr(log, "vmsvc/getallvms") != NULL);
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		assert_null(strstr(log, never[i]));
}

#endif
