/*
 * The client against the lab's Proxmox VE (tests/lab/pve): a real TLS
 * server with schemas, state, tasks, images and QEMU. No guest is booted:
 * the disks are empty. Needs root, build/lab-pve, qemu-img and QEMU.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "pve_priv.h"
#include "pvelab.h"
#include "stop.h"

#define VM 120

static int anyone(void *arg, const char *fingerprint, struct err *e)
{
	(void)arg;
	(void)fingerprint;
	(void)e;
	return 0;
}

static void fault(const struct lab *l, const char *name, const char *arg)
{
	struct http_opts o = {.host = "127.0.0.1",
		.port = l->port,
		.trust = anyone,
		.lost = ERR_IO};
	_http_resp_ struct http_resp r = {0};
	_buf_ struct buf form = {0};
	struct http *h = NULL;

	buf_addf(&form, "name=%s&arg=", name);
	pve_encode(&form, arg);
	assert_int_equal(http_open(&o, &h, NULL), 0);
	assert_int_equal(http_do(h,
				 &(struct http_req){.method = "POST",
					 .path = "/lab/fault",
					 .body = form.s,
					 .body_len = form.len},
				 &r, NULL),
		0);
	if (r.status != 200)
		fail_msg("fault %s: %u %s", name, r.status, r.body);
	http_close(h);
}

static void must(int rc, const struct err *e, const char *call)
{
	if (rc < 0)
		fail_msg("%s: %s: %s: %s", call, err_id(e->code), e->what,
			e->why);
}
#define MUST(call) must(call, &e, #call)
#define FAILS(call, id)                                                       \
	do {                                                                  \
		if ((call) == 0 || e.code != (id))                            \
			fail_msg("%s: %s: %s", #call, err_id(e.code), e.why); \
	} while (0)

/* ---- a whole life, release by release ---- */

static void make_vm(struct pve *p, const char *volid)
{
	_pve_params_ struct pve_params ps = {0};
	struct err e;

	pve_param(&ps, "name", "web01");
	pve_param(&ps, "memory", "%d", 64);
	pve_param(&ps, "ostype", "l26");
	pve_param(&ps, "scsihw", "virtio-scsi-pci");
	pve_param(&ps, "scsi0", "%s,discard=on,serial=a%%b", volid);
	pve_param(&ps, "net0",
		"virtio=BC:24:11:00:00:01,bridge=vmbr0,link_down=1");
	pve_param(&ps, "smbios1", "uuid=564d6c27-96ea-1207-6f0b-b11d81469b0b");
	pve_param(&ps, "description", "a=1;b&c+d %% \xc3\xa9\nnew line");
	pve_param_opt(&ps, "tags", "vmferry");
	if (pve_has(p, PVE_BOOT_ORDER)) {
		pve_param(&ps, "boot", "order=scsi0;net0");
	} else {
		pve_param(&ps, "boot", "c");
		pve_param(&ps, "bootdisk", "scsi0");
	}
	MUST(pve_vm_create(p, VM, &ps, NULL, &e));
}

static void check_config(struct pve *p, const char *volid)
{
	_json_ json_t *c = NULL;
	struct err e;

	MUST(pve_vm_config(p, VM, &c, &e));
	assert_true(str_starts(json_str_or(c, "scsi0", ""), volid));
	assert_string_equal(json_str_or(c, "name", ""), "web01");
	assert_string_equal(json_str_or(c, "description", ""),
		"a=1;b&c+d % \xc3\xa9\nnew line");
	assert_string_equal(json_str_or(c, "boot", ""),
		pve_has(p, PVE_BOOT_ORDER) ? "order=scsi0;net0" : "c");
	assert_int_equal(json_str(c, "tags") != NULL, pve_has(p, PVE_TAGS));
}

static void switch_it(struct pve *p)
{
	_pve_params_ struct pve_params ps = {0};
	struct pve_vm_status s;
	struct err e;

	/* The lab's namespace may have no bridge: go without a card. */
	pve_param(&ps, "delete", "net0");
	MUST(pve_vm_set(p, VM, &ps, NULL, &e));
	MUST(pve_vm_start(p, VM, NULL, &e));
	MUST(pve_vm_start(p, VM, NULL, &e));
	MUST(pve_vm_status(p, VM, &s, &e));
	assert_true(s.running);
	FAILS(pve_agent_ping(p, VM, &e), ERR_AGENT_SILENT);
	FAILS(pve_vm_destroy(p, VM, NULL, &e), ERR_VM_RUNNING);
	MUST(pve_vm_stop(p, VM, NULL, &e));
	MUST(pve_vm_stop(p, VM, NULL, &e));
	MUST(pve_vm_status(p, VM, &s, &e));
	assert_false(s.running);
}

static void move_it(struct pve *p, const char *volid)
{
	_json_ json_t *c = NULL;
	_free_ char *path = NULL;
	struct err e;

	MUST(pve_vm_move_disk(p, VM, "scsi0", "second", "raw", true, NULL, &e));
	MUST(pve_vm_config(p, VM, &c, &e));
	assert_true(
		str_starts(json_str(c, "scsi0"), "second:120/vm-120-disk-"));
	FAILS(pve_volume_path(p, volid, &path, NULL, NULL, &e), ERR_NOT_FOUND);
}

static void life(const char *release)
{
	struct lab l;
	struct pve *p;
	_free_ char *volid = NULL, *path = NULL, *format = NULL;
	_json_ json_t *left = NULL;
	uint64_t size = 0;
	unsigned id = 0;
	bool there = true;
	struct err e;

	lab_start(&l, release);
	p = lab_open(&l);
	assert_true(str_starts(pve_version_text(p), release));
	MUST(pve_next_id(p, VM, &id, &e));
	MUST(pve_volume_alloc(
		p, "local", VM, "qcow2", (64 << 20) + 1, NULL, &volid, &e));
	assert_true(str_starts(volid, "local:120/vm-120-disk-0-"));
	MUST(pve_volume_path(p, volid, &path, &size, &format, &e));
	assert_true(file_exists(path));
	assert_string_equal(format, "qcow2");
	assert_int_equal(size, (64 << 20) + 1024);
	make_vm(p, volid);
	FAILS(pve_next_id(p, VM, &id, &e), ERR_VMID_TAKEN);
	check_config(p, volid);
	switch_it(p);
	move_it(p, volid);
	MUST(pve_vm_destroy(p, VM, NULL, &e));
	MUST(pve_vm_destroy(p, VM, NULL, &e));
	MUST(pve_vm_exists(p, VM, &there, &e));
	assert_false(there);
	MUST(pve_volumes(p, "second", VM, &left, &e));
	assert_int_equal(json_array_size(left), 0);
	pve_close(p);
	lab_end(&l);
}

static void life_54(void **state)
{
	(void)state;
	life("5.4");
}

static void life_74(void **state)
{
	(void)state;
	life("7.4");
}

static void life_84(void **state)
{
	(void)state;
	life("8.4");
}

static void life_91(void **state)
{
	(void)state;
	life("9.1");
}

/* ---- who may ---- */

static unsigned logged(const struct lab *l)
{
	_free_ char *path = path_join(l->dir, "requests.log");
	_free_ char *text = NULL;
	unsigned n = 0;

	assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
	for (const char *s = text; (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

static void logins(void **state)
{
	struct lab l;
	struct pve_target t;
	struct pve *p = NULL;
	unsigned before;
	struct err e;

	(void)state;
	lab_start(&l, "8.4");
	t = target(&l);
	t.accept_cert = NULL;
	FAILS(pve_open(&t, &p, &e), ERR_PVE_CERT_NEW);
	pve_close(lab_open(&l));
	before = logged(&l);
	t.secret = "11111111-2222-3333-4444-555555555555";
	FAILS(pve_open(&t, &p, &e), ERR_PVE_AUTH);
	assert_int_equal(logged(&l), before + 1);
	t.user = "root@pam";
	t.secret = "wrong";
	FAILS(pve_open(&t, &p, &e), ERR_PVE_AUTH);
	assert_int_equal(logged(&l), before + 2);
	t.secret = l.password;
	MUST(pve_open(&t, &p, &e));
	/* Bought with the old ticket, and good for a write. */
	p->login_at -= 3700;
	MUST(pve_vm_destroy(p, 999, NULL, &e));
	before = logged(&l);
	fault(&l, "cert-change", "");
	FAILS(pve_vm_start(p, 999, NULL, &e), ERR_PVE_CERT_CHANGED);
	pve_close(p);
	FAILS(pve_open(&t, &p, &e), ERR_PVE_CERT_CHANGED);
	/* Only the fault itself was asked for since. */
	assert_true(logged(&l) <= before + 1);
	lab_end(&l);
}

/* ---- what goes wrong ---- */

static int create_bare(struct pve *p, unsigned vmid, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};

	pve_param(&ps, "name", "bare%u", vmid);
	pve_param(&ps, "memory", "64");
	return pve_vm_create(p, vmid, &ps, NULL, e);
}

static void faults(void **state)
{
	struct lab l;
	struct pve *p;
	_free_ char *volid = NULL;
	json_t *j = NULL;
	bool there;
	struct err e;

	(void)state;
	lab_start(&l, "8.4");
	p = lab_open(&l);
	/* A GET comes through two breaks; a write stops at one. */
	fault(&l, "drop", "2 /nodes/pve/storage");
	MUST(pve_storages(p, &j, &e));
	json_decref(j);
	fault(&l, "drop", "1 /nodes/pve/qemu/120/status/start");
	FAILS(pve_vm_start(p, VM, NULL, &e), ERR_TIMEOUT);
	fault(&l, "http-500", "1 /nodes/pve/qemu");
	FAILS(create_bare(p, VM, &e), ERR_PVE_SERVER);
	fault(&l, "http-403", "/nodes/pve/qemu");
	FAILS(create_bare(p, VM, &e), ERR_PVE_PERMISSION);
	fault(&l, "clear", "");
	fault(&l, "vmid-taken", "");
	FAILS(create_bare(p, 121, &e), ERR_VMID_TAKEN);
	/* The answer to the create is lost: found and followed. */
	fault(&l, "create-lost", "");
	MUST(create_bare(p, VM, &e));
	MUST(pve_vm_exists(p, VM, &there, &e));
	assert_true(there);
	fault(&l, "task-fail", "qmstart start failed: no room");
	FAILS(pve_vm_start(p, VM, NULL, &e), ERR_PVE_TASK);
	assert_non_null(strstr(e.why, "no room"));
	fault(&l, "lock", "120 backup");
	FAILS(pve_vm_start(p, VM, NULL, &e), ERR_PVE_LOCKED);
	fault(&l, "unlock", "120");
	/* The proxy gives up, the work goes on: the volume is waited for. */
	fault(&l, "http-596", "/nodes/pve/storage/local/content 1500");
	p->pause_ms = 200;
	MUST(pve_volume_alloc(p, "local", VM, "raw", 4096, NULL, &volid, &e));
	assert_true(str_starts(volid, "local:120/vm-120-disk-0-"));
	pve_close(p);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_54),
		cmocka_unit_test(life_74),
		cmocka_unit_test(life_84),
		cmocka_unit_test(life_91),
		cmocka_unit_test(logins),
		cmocka_unit_test(faults),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
