/*
 * Real tasks, and real answers through the functions that read them:
 * ../shared/pve-captures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pveweb.h"
#include "captures.h"

/* ---- tasks ---- */

/* Failed tasks that mean something of their own; the rest is PVE_TASK. */
static const struct {
	const char *name;
	enum err_code code;
	const char *why; /* in it */
} failures[] = {
	{"083-create-storage-disabled-taskstatus", ERR_STORAGE_UNFIT,
		"storage 'turnedoff' is disabled"},
	{"086-create-storage-other-node-taskstatus", ERR_STORAGE_UNFIT,
		"not available on node"},
	{"142-import-no-space-taskstatus", ERR_NO_SPACE,
		"No space left on device"},
	{"193-resize-no-such-disk-taskstatus", ERR_NOT_FOUND,
		"disk 'scsi9' does not exist"},
	{"276-shutdown-timeout-taskstatus", ERR_VM_RUNNING,
		"VM 901 qmp command 'guest-ping' failed"},
	{"300-locked-start-taskstatus", ERR_PVE_LOCKED, "VM is locked"},
	{"304-locked-delete-taskstatus", ERR_PVE_LOCKED, "VM is locked"},
	{"097-start-bridge-unknown-taskstatus", ERR_PVE_TASK,
		"bridge 'vmbr9' does not exist"},
};

struct heard {
	unsigned lines;
	double top;
};

static void hear(void *arg, const char *line, double percent)
{
	struct heard *h = arg;

	assert_non_null(line);
	h->lines++;
	h->top = percent > h->top ? percent : h->top;
}

/* The log captured beside a status, or null. */
static const struct capture *log_of(const struct capture *c)
{
	_free_ char *stem =
		xstrndup(c->name + 4, strlen(c->name) - 4 - strlen("status"));

	for (size_t i = 0; i < count; i++)
		if (str_ends(captures[i].name, "-tasklog") &&
			str_starts(captures[i].name + 4, stem))
			return &captures[i];
	return NULL;
}

static void check_failure(const struct capture *c, const struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		if (strcmp(failures[i].name, c->name) != 0)
			continue;
		if (e->code != failures[i].code ||
			!strstr(e->why, failures[i].why))
			fail_msg(
				"%s: %s: %s", c->name, err_id(e->code), e->why);
		return;
	}
	/* Any other may have the meaning of its text, or just have failed. */
	if (e->code != ERR_PVE_TASK && e->code != ERR_NOT_FOUND)
		fail_msg("%s: %s: %s", c->name, err_id(e->code), e->why);
	assert_true(strlen(e->why) > 3);
}

static void one_task(struct pve *p, struct web *w, const struct capture *c)
{
	const json_t *data = json_object_get(c->body, "data");
	const char *upid = json_str(data, "upid");
	const char *exit = json_str_or(data, "exitstatus", "");
	const struct capture *log = log_of(c);
	struct heard h = {0};
	struct pve_progress pr = {.line = hear, .arg = &h};
	_buf_ struct buf base = {0};
	_free_ char *status = NULL, *lines = NULL;
	struct err e = {0};
	unsigned warnings = 99;
	int rc;

	web_clear(w);
	assert_true(pve_is_upid(upid));
	buf_adds(&base, "GET /api2/json/nodes/pve/tasks/");
	pve_encode(&base, upid);
	status = xasprintf("%s/status", base.s);
	lines = xasprintf("%s/log", base.s);
	on_capture(w, status, 1, c);
	web_ok(w, status,
		"{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"OK\"}}");
	if (log)
		on_capture(w, lines, 1, log);
	web_ok(w, lines, "{\"data\":[],\"total\":1}");
	rc = pve_task_wait(p, upid, &pr, &warnings, &e);
	if (strcmp(json_str_or(data, "status", ""), "running") == 0 ||
		strcmp(exit, "OK") == 0) {
		assert_int_equal(rc, 0);
		assert_int_equal(warnings, 0);
	} else if (str_starts(exit, "WARNINGS: ")) {
		assert_int_equal(rc, 0);
		assert_int_equal(warnings, strtoul(exit + 10, NULL, 10));
	} else {
		assert_int_equal(rc, -1);
		check_failure(c, &e);
	}
	if (log)
		assert_int_equal(h.lines,
			json_array_size(json_object_get(log->body, "data")));
}

static void tasks(void **state)
{
	struct web w;
	struct pve *p;
	unsigned n = 0;

	(void)state;
	if (!count)
		skip();
	web_start(&w);
	p = web_open(&w, "8.4.21");
	for (size_t i = 0; i < count; i++)
		if (str_ends(captures[i].name, "-taskstatus") &&
			captures[i].status == 200) {
			one_task(p, &w, &captures[i]);
			n++;
		}
	assert_true(n > 60);
	pve_close(p);
	web_end(&w);
}

/* ---- answers through the functions that read them ---- */

static json_t *find(const json_t *rows, const char *key, const char *value)
{
	json_t *row;
	size_t i;

	json_array_foreach ((json_t *)rows, i, row)
		if (strcmp(json_str_or(row, key, ""), value) == 0)
			return row;
	fail_msg("no %s %s", key, value);
	return NULL;
}

static void lists(struct pve *p, struct web *w)
{
	_json_ json_t *s = NULL, *b = NULL, *v = NULL;
	struct err e;
	const json_t *row;

	web_clear(w);
	on_capture(w, "GET /api2/json/nodes/pve/storage", -1,
		capture("040-storage-list"));
	on_capture(w, "GET /api2/json/nodes/pve/network", -1,
		capture("053-network-bridges"));
	on_capture(w, "GET /api2/json/nodes/pve/storage/local/content", -1,
		capture("343-content-images"));
	assert_int_equal(pve_storages(p, &s, &e), 0);
	row = find(s, "storage", "local");
	assert_int_equal(json_array_size(json_object_get(row, "formats")), 3);
	assert_true(json_u64(row, "avail", 0) == 55092551680);
	assert_true(json_flag(row, "zeroed", false));
	row = find(s, "storage", "isoonly");
	assert_int_equal(json_array_size(json_object_get(row, "formats")), 0);
	row = find(s, "storage", "esx1");
	assert_int_equal(json_array_size(json_object_get(row, "formats")), 0);
	assert_false(json_flag(find(s, "storage", "turnedoff"), "enabled", 1));
	assert_int_equal(pve_bridges(p, &b, &e), 0);
	assert_true(json_flag(find(b, "iface", "vmbr0"), "active", false));
	assert_int_equal(pve_volumes(p, "local", 901, &v, &e), 0);
	find(v, "volid", "local:901/vm-901-disk-0.qcow2");
}

static void one_volume(struct pve *p, struct web *w)
{
	_free_ char *path = NULL, *format = NULL;
	uint64_t size = 0;
	struct err e;

	web_clear(w);
	on_capture(w,
		"GET /api2/json/nodes/pve/storage/local/content/"
		"local:901/vm-901-disk-0.qcow2",
		1, capture("344-content-volume"));
	assert_int_equal(pve_volume_path(p, "local:901/vm-901-disk-0.qcow2",
				 &path, &size, &format, &e),
		0);
	assert_string_equal(path, "/var/lib/vz/images/901/vm-901-disk-0.qcow2");
	assert_string_equal(format, "qcow2");
	assert_true(size == 8ull << 30);
	on_capture(w, "", -1, capture("345-content-volume-missing"));
	assert_int_equal(pve_volume_path(p, "local:901/vm-901-disk-9.qcow2",
				 NULL, NULL, NULL, &e),
		-1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void ids(struct pve *p, struct web *w)
{
	unsigned id = 0;
	bool exists;
	struct err e;

	web_clear(w);
	on_capture(w, "", 1, capture("039-nextid"));
	on_capture(w, "", 1, capture("071-nextid-free"));
	on_capture(w, "", 1, capture("071-nextid-free"));
	on_capture(w, "", -1, capture("070-nextid-taken"));
	assert_int_equal(pve_next_id(p, 0, &id, &e), 0);
	assert_true(id >= 100);
	assert_int_equal(pve_next_id(p, 12345, &id, &e), 0);
	assert_int_equal(id, 12345);
	assert_int_equal(pve_vm_exists(p, 12345, &exists, &e), 0);
	assert_false(exists);
	assert_int_equal(pve_vm_exists(p, 900, &exists, &e), 0);
	assert_true(exists);
	assert_int_equal(pve_next_id(p, 900, &id, &e), -1);
	assert_int_equal(e.code, ERR_VMID_TAKEN);
}

static struct pve_vm_status status_in(
	struct pve *p, struct web *w, const char *name)
{
	struct pve_vm_status s;
	struct err e;

	web_clear(w);
	on_capture(w, "", -1, capture(name));
	assert_int_equal(pve_vm_status(p, 910, &s, &e), 0);
	return s;
}

static void states(struct pve *p, struct web *w)
{
	struct pve_vm_status s = status_in(p, w, "212-status-stopped");

	assert_false(s.running);
	assert_string_equal(s.lock, "");
	s = status_in(p, w, "220-status-running");
	assert_true(s.running && !s.paused && s.agent);
	s = status_in(p, w, "270-status-suspended");
	assert_true(s.running && s.paused);
	s = status_in(p, w, "306-locked-status");
	assert_string_equal(s.lock, "backup");
	s = status_in(p, w, "314-create-slow-vmstatus");
	assert_string_equal(s.lock, "create");
}

static void agent(struct pve *p, struct web *w)
{
	static const char *const argv[] = {"/bin/busybox", "uname", "-a", NULL};
	_json_ json_t *nics = NULL;
	_free_ char *out = NULL;
	const json_t *a;
	int code = -1;
	struct err e;

	web_clear(w);
	on_capture(w, "", 1, capture("228-agent-network-get-interfaces"));
	on_capture(w, "", 1, capture("230-agent-exec"));
	on_capture(w, "", 1, capture("231-agent-exec-status"));
	on_capture(w, "", 1, capture("224-agent-ping"));
	assert_int_equal(pve_agent_interfaces(p, 910, &nics, &e), 0);
	a = json_array_get(
		json_object_get(find(nics, "name", "eth0"), "addresses"), 0);
	assert_string_equal(json_str(a, "address"), "192.0.2.77");
	assert_int_equal(json_u64(a, "family", 0), 4);
	assert_int_equal(json_u64(a, "prefix", 0), 24);
	assert_int_equal(
		pve_agent_exec(p, 910, argv, 5, &code, &out, NULL, &e), 0);
	assert_int_equal(code, 0);
	assert_true(str_starts(out, "Linux peerguest "));
	assert_non_null(strstr(
		w->log.s, "command=%2Fbin%2Fbusybox&command=uname&command=-a"));
	assert_int_equal(pve_agent_ping(p, 910, &e), 0);
}

static void readers(void **state)
{
	struct web w;
	struct pve *p;

	(void)state;
	if (!count)
		skip();
	web_start(&w);
	p = web_open(&w, "8.4.21");
	lists(p, &w);
	one_volume(p, &w);
	ids(p, &w);
	states(p, &w);
	agent(p, &w);
	pve_close(p);
	web_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks),
		cmocka_unit_test(readers),
	};

	return cmocka_run_group_tests(tests, captures_load, captures_free);
}
