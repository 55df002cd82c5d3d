/*
 * Windows' way to virtio as a job's step: its gates, what it does to the VM in
 * the lab's Proxmox VE between them, and the ways back. The disks are empty:
 * nothing boots, no agent answers, the operator's word decides. Once more with
 * an agent of the test's own words, who contradicts.
 */
#include "jobtest.h"

#include "bus.h"
#include "pvelab.h"
#include "pveweb.h"
#include "run.h"
#include "run_own.h"
#include "target.h"

#define ID 130
#define DISC "local:iso/virtio-win-0.1.240.iso"

/* --- a job whose VM runs from SATA --- */

struct world {
	struct lab lab;
	struct pve *p;
	struct secrets *secrets;
	struct job *job;
	char *volid;
};

static json_t *plan_of(unsigned port, const char *user)
{
	return json_pack("{s:i,s:s,s:{s:{s:s,s:s,s:s,s:i,s:i,s:[],s:[]}},"
			 "s:{s:s,s:i,s:s,s:s,s:{},s:[{s:s,s:s,s:s,s:i}],s:[]},"
			 "s:{s:i},s:[s]}",
		"schema", 1, "name", "win01", "source", "vm", "name", "win01",
		"id", "7", "guest", "windows9srv-64", "memory_mib", 64, "cpus",
		1, "disks", "nics", "target", "host", "127.0.0.1", "port", port,
		"user", user, "node", "pve", "config", "disks", "slot",
		"scsi0:0", "storage", "local", "format", "raw", "capacity",
		8 << 20, "nics", "checks", "boot_timeout", 1, "steps",
		"windows_virtio");
}

/* Lines that the steps before would have left. */
static void history(struct job *job, const char *volid)
{
	struct journal *j = NULL;
	json_t *facts = json_pack("{s:s,s:s,s:s}", "family", "windows", "name",
		"Windows Server 2019", "version", "10.0");

	ok(job_lock(job, e));
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "create_vm", "made",
		json_pack("{s:s,s:s,s:b}", "kind", "vm", "id", "130", "created",
			1),
		e));
	ok(journal_add(j, "create_vm", "made",
		json_pack("{s:s,s:s,s:s,s:b}", "kind", "volume", "id", volid,
			"slot", "scsi0:0", "allocated", 1),
		e));
	ok(journal_add(j, "guest_inspect", "measure",
		json_pack("{s:s,s:o}", "name", "guest", "facts", facts), e));
	ok(journal_add(j, "choose_bus", "measure",
		json_pack("{s:s,s:s,s:s,s:s}", "name", "bus", "value", "sata",
			"bus", "sata", "nic", "e1000"),
		e));
	journal_close(j);
	job_unlock(job);
}

static void make_vm(struct world *w)
{
	_pve_params_ struct pve_params ps = {0};
	struct run r = {0};

	ok(pve_volume_alloc(
		w->p, "local", ID, "raw", 8 << 20, NULL, &w->volid, e));
	_json_ json_t *plan = plan_of(w->lab.port, w->lab.token);

	ok(job_create("win01", plan, &w->job, e));
	history(w->job, w->volid);
	ok(job_lock(w->job, e));
	r.job = w->job;
	ok(journal_open(w->job->dir, NULL, &r.j, e));
	_free_ char *tag = target_tag(&r);

	journal_close(r.j);
	job_unlock(w->job);
	pve_param(&ps, "memory", "64");
	pve_param(&ps, "description", "%s", tag);
	pve_param(&ps, "sata0", "%s,discard=on", w->volid);
	pve_param(&ps, "boot", "order=sata0");
	ok(pve_vm_create(w->p, ID, &ps, NULL, e));
	ok(pve_vm_start(w->p, ID, NULL, e));
}

static void put_disc(struct world *w, const char *name)
{
	_free_ char *path = NULL;
	struct err e;

	if (pve_volume_path(w->p, w->volid, &path, NULL, NULL, &e))
		fail_msg("%s", e.why);
	*strstr(path, "/images/") = '\0';
	_free_ char *iso = xasprintf("%s/template/iso/%s", path, name);

	assert_int_equal(file_write(iso, "iso", 3, 0600, NULL), 0);
}

static void begin(struct world *w)
{
	*w = (struct world){0};
	lab_start(&w->lab, "8.4");
	w->p = lab_open(&w->lab);
	w->secrets = secrets_new();
	secrets_put(w->secrets, "pve.secret", w->lab.secret);
	make_vm(w);
}

static void finish(struct world *w)
{
	pve_vm_stop(w->p, ID, NULL, NULL);
	pve_close(w->p);
	job_close(w->job);
	secrets_free(w->secrets);
	free(w->volid);
	lab_end(&w->lab);
}

static void quiet(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static struct run_opts opts_of(struct secrets *s)
{
	return (struct run_opts){.secrets = s, .say = quiet, .hurry = 20};
}

/* Run to the next gate, which must be `id` (null: to the end). */
static void runs_to(struct job *job, struct secrets *s, const char *id)
{
	const struct run_opts o = opts_of(s);
	_json_ json_t *open = NULL;
	struct err e = {0};
	int rc = run_job(job, &o, &e);

	if (rc == 0 ? id != NULL : e.code != ERR_ANSWER_NEEDED)
		fail_msg("gate %s: %d %s: %s: %s", id ? id : "(end)", rc,
			err_id(e.code), e.what, e.why);
	assert_int_equal(ask_open(job->dir, &open, NULL), 0);
	assert_int_equal(json_array_size(open), id ? 1 : 0);
	if (id)
		assert_string_equal(
			json_str(json_array_get(open, 0), "id"), id);
}

static void answer(struct job *job, const char *id, const char *value)
{
	struct journal *j = NULL;

	ok(job_lock(job, e));
	ok(journal_open(job->dir, NULL, &j, e));
	ok(ask_answer(j, id, value, NULL, e));
	journal_close(j);
	job_unlock(job);
}

/* Answer the gate that is open, and run to the next one. */
static void then(
	struct world *w, const char *id, const char *value, const char *gate)
{
	answer(w->job, id, value);
	runs_to(w->job, w->secrets, gate);
}

static void holds(struct world *w, const char *key, const char *want)
{
	_json_ json_t *c = NULL;
	const char *now;

	ok(pve_vm_config(w->p, ID, &c, e));
	now = json_str(c, key);
	if (!want ? now != NULL : !now || !str_starts(now, want))
		fail_msg("%s is %s, not %s", key, now ? now : "(none)",
			want ? want : "(none)");
}

static bool running(struct world *w)
{
	struct pve_vm_status st;

	ok(pve_vm_status(w->p, ID, &st, e));
	return st.running;
}

/* Only the system's volume is left. */
static void one_volume(struct world *w)
{
	_json_ json_t *left = NULL;

	ok(pve_volumes(w->p, "local", ID, &left, e));
	assert_int_equal(json_array_size(left), 1);
	holds(w, "unused0", NULL);
	holds(w, "scsi13", NULL);
	holds(w, "ide2", NULL);
}

/* From the offer to the console: the temporary disk and the disc are there,
 * the system is on SATA and runs. */
static void to_console(struct world *w)
{
	bool on = running(w);

	then(w, "virtio", "prepare", "disc");
	then(w, "disc", DISC, on ? "off" : "drivers");
	if (on)
		then(w, "off", "force", "drivers");
	holds(w, "sata0", w->volid);
	holds(w, "scsi13", "local:130/vm-130-disk-1");
	holds(w, "scsihw", "virtio-scsi-single");
	holds(w, "ide2", DISC);
	assert_true(running(w));
}

static void whole_way(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	put_disc(&w, "virtio-win-0.1.96.iso");
	put_disc(&w, "virtio-win-0.1.240.iso");
	put_disc(&w, "debian-12.iso");
	runs_to(w.job, w.secrets, "virtio");
	to_console(&w);
	then(&w, "drivers", "seen", "switch");
	holds(&w, "sata0", w.volid);
	then(&w, "switch", "e1000", "off");
	then(&w, "off", "force", "look");
	holds(&w, "scsi0", w.volid);
	holds(&w, "sata0", NULL);
	holds(&w, "boot", "order=scsi0");
	one_volume(&w);
	assert_true(running(&w));
	then(&w, "look", "up", NULL);
	holds(&w, "scsi0", w.volid);
	finish(&w);
}

/* It stops with 0x7B: back to SATA, and the offer stands again. */
static void back_from_virtio(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	put_disc(&w, "virtio-win-0.1.240.iso");
	runs_to(w.job, w.secrets, "virtio");
	to_console(&w);
	then(&w, "drivers", "seen", "switch");
	then(&w, "switch", "virtio", "off");
	then(&w, "off", "force", "look");
	then(&w, "look", "back", "virtio");
	holds(&w, "sata0", w.volid);
	holds(&w, "scsi0", NULL);
	holds(&w, "boot", "order=sata0");
	one_volume(&w);
	assert_true(running(&w));
	then(&w, "virtio", "stay", NULL);
	finish(&w);
}

static void back_from_console(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	runs_to(w.job, w.secrets, "virtio");
	then(&w, "virtio", "prepare", "disc");
	put_disc(&w, "virtio-win-0.1.240.iso");
	then(&w, "disc", "again", "disc");
	then(&w, "disc", DISC, "off");
	then(&w, "off", "force", "drivers");
	then(&w, "drivers", "back", "off");
	then(&w, "off", "force", "virtio");
	holds(&w, "sata0", w.volid);
	one_volume(&w);
	assert_true(running(&w));
	finish(&w);
}

/* vmferry undo, with the temporary disk in and after the switch. */
static void undone(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	put_disc(&w, "virtio-win-0.1.240.iso");
	for (int switched = 0; switched < 2; switched++) {
		const struct run_opts o = opts_of(w.secrets);

		runs_to(w.job, w.secrets, "virtio");
		to_console(&w);
		if (switched) {
			then(&w, "drivers", "seen", "switch");
			then(&w, "switch", "e1000", "off");
			then(&w, "off", "force", "look");
			holds(&w, "scsi0", w.volid);
		}
		ok(run_undo(w.job, &o, "windows_virtio", e));
		assert_false(running(&w));
		holds(&w, "sata0", w.volid);
		holds(&w, "boot", "order=sata0");
		one_volume(&w);
	}
	runs_to(w.job, w.secrets, "virtio");
	then(&w, "virtio", "stay", NULL);
	assert_true(running(&w));
	finish(&w);
}

/* A worker that died between taking the disk out and putting it in, and
 * between that and the boot order. */
static void torn_between_buses(void **state)
{
	_pve_params_ struct pve_params out = {0}, order = {0};
	struct world w;

	(void)state;
	begin(&w);
	put_disc(&w, "virtio-win-0.1.240.iso");
	runs_to(w.job, w.secrets, "virtio");
	to_console(&w);
	then(&w, "drivers", "seen", "switch");
	then(&w, "switch", "e1000", "off");
	ok(pve_vm_stop(w.p, ID, NULL, e));
	pve_param(&out, "delete", "sata0");
	ok(pve_vm_set(w.p, ID, &out, NULL, e));
	holds(&w, "unused0", w.volid);
	then(&w, "off", "off", "look");
	holds(&w, "scsi0", w.volid);
	holds(&w, "boot", "order=scsi0");
	one_volume(&w);
	ok(pve_vm_stop(w.p, ID, NULL, e));
	pve_param(&order, "delete", "boot");
	ok(pve_vm_set(w.p, ID, &order, NULL, e));
	then(&w, "look", "back", "virtio");
	holds(&w, "boot", "order=sata0");
	finish(&w);
}

/* --- where it does not apply --- */

/* No server is asked: there is none. */
static void passed_over(const char *facts, const char *allow)
{
	struct secrets *s = secrets_new();
	json_t *plan = plan_of(1, "root@pam"), *f = NULL;
	_job_ struct job *job = NULL;
	struct journal *j = NULL;

	ok(json_parse(facts, strlen(facts), &f, e));
	if (allow)
		json_object_set_new(
			plan, "allow", json_pack("{s:b}", "windows_virtio", 0));
	ok(job_create("other", plan, &job, e));
	history(job, "local:130/x");
	ok(job_lock(job, e));
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "guest_inspect", "measure",
		json_pack("{s:s,s:o}", "name", "guest", "facts", f), e));
	journal_close(j);
	job_unlock(job);
	runs_to(job, s, NULL);
	secrets_free(s);
	json_decref(plan);
	const char *const rm[] = {"rm", "-rf", job->dir, NULL};

	ok(proc_must(rm, NULL, NULL, ERR_IO, e));
}

static void not_for_others(void **state)
{
	(void)state;
	passed_over("{\"family\":\"linux\"}", NULL);
	passed_over("{\"family\":\"windows\",\"version\":\"5.2\"}", NULL);
	passed_over("{\"family\":\"windows\",\"version\":\"10.0\"}", "no");
}

/* --- the agent's word against the operator's --- */

static void agent_says(struct web *web, const char *out)
{
	_free_ char *body = xasprintf("{\"data\":{\"exited\":1,\"exitcode\":0,"
				      "\"out-data\":\"%s\"}}",
		out);

	web_ok(web, "GET /api2/json/version",
		"{\"data\":{\"version\":\"8.4.1\",\"release\":\"8.4\"}}");
	web_ok(web, "GET /api2/json/nodes",
		"{\"data\":[{\"node\":\"pve\",\"status\":\"online\"}]}");
	web_ok(web, "POST /api2/json/nodes/pve/qemu/130/agent/exec",
		"{\"data\":{\"pid\":7}}");
	web_ok(web, "GET /api2/json/nodes/pve/qemu/130/agent/exec-status",
		body);
}

static void agent_contradicts(void **state)
{
	struct secrets *s = secrets_new();
	struct journal *j = NULL;
	struct job *job = NULL;
	struct web web;

	(void)state;
	web_start(&web);
	pve_close(web_open(&web, "8.4.1")); /* its certificate is known now */
	secrets_put(s, "pve.secret", WEB_SECRET);
	_json_ json_t *plan = plan_of(web.d.port, WEB_TOKEN);

	ok(job_create("agent", plan, &job, e));
	history(job, "local:130/x");
	ok(job_lock(job, e));
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "windows_virtio", "begin", NULL, e));
	ok(journal_add(j, "windows_virtio", "measure",
		json_pack("{s:s,s:s,s:s,s:s,s:s}", "value", "install", "bus",
			"sata", "nic", "e1000", "was_bus", "sata", "was_nic",
			"e1000"),
		e));
	journal_close(j);
	job_unlock(job);
	agent_says(&web, "STATE : 1 STOPPED");
	runs_to(job, s, "drivers");
	answer(job, "drivers", "seen");
	runs_to(job, s, "drivers");
	_json_ json_t *open = NULL;

	ok(ask_open(job->dir, &open, e));
	assert_non_null(strstr(
		json_str(json_array_get(open, 0), "why"), "does not run"));
	/* Both words are in this one text: it runs, and starts at boot. */
	web_clear(&web);
	agent_says(&web, "STATE : 4 RUNNING, Start REG_DWORD 0x0");
	answer(job, "drivers", "seen");
	runs_to(job, s, "switch");
	assert_true(web_count(&web, "vioscsi") >= 2);
	job_close(job);
	secrets_free(s);
	web_end(&web);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_way),
		cmocka_unit_test(back_from_virtio),
		cmocka_unit_test(back_from_console),
		cmocka_unit_test(undone),
		cmocka_unit_test(torn_between_buses),
		cmocka_unit_test_setup_teardown(
			not_for_others, jobtest_setup, jobtest_teardown),
		cmocka_unit_test(agent_contradicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
