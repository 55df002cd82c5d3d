/*
 * Moving the disks as a job's step, on the lab's Proxmox VE, where a run
 * before was killed: what the journal tells afterwards is what the VM has.
 */
#include "jobtest.h"

#include "pvelab.h"
#include "pveweb.h"
#include "run.h"
#include "target.h"

#define ID 130

struct world {
	struct lab lab;
	struct pve *p;
	struct secrets *secrets;
	struct job *job;
	char *volid;
};

static json_t *plan_of(const struct lab *l)
{
	return json_pack("{s:i,s:s,s:{s:{s:s,s:s,s:s,s:i,s:i,s:[],s:[]}},"
			 "s:{s:s,s:i,s:s,s:s,s:s,s:{},"
			 "s:[{s:s,s:s,s:s,s:i}],s:[]},s:[s]}",
		"schema", 1, "name", "web01", "source", "vm", "name", "web01",
		"id", "7", "guest", "debian12-64", "memory_mib", 64, "cpus", 1,
		"disks", "nics", "target", "host", "127.0.0.1", "port", l->port,
		"user", l->token, "node", "pve", "move_to", "second", "config",
		"disks", "slot", "scsi0:0", "storage", "local", "format", "raw",
		"capacity", 8 << 20, "nics", "steps", "move_storage");
}

static void note(
	struct job *job, const char *step, const char *event, json_t *data)
{
	struct journal *j = NULL;

	ok(job_lock(job, e));
	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, step, event, data, e));
	journal_close(j);
	job_unlock(job);
}

static json_t *volume(const char *volid)
{
	return json_pack("{s:s,s:s,s:s,s:b}", "kind", "volume", "id", volid,
		"slot", "scsi0:0", "allocated", 1);
}

static void begin(struct world *w)
{
	_pve_params_ struct pve_params ps = {0};

	*w = (struct world){0};
	lab_start(&w->lab, "8.4");
	w->p = lab_open(&w->lab);
	w->secrets = secrets_new();
	secrets_put(w->secrets, "pve.secret", w->lab.secret);
	ok(pve_volume_alloc(
		w->p, "local", ID, "raw", 8 << 20, NULL, &w->volid, e));
	_json_ json_t *plan = plan_of(&w->lab);

	ok(job_create("web01", plan, &w->job, e));
	note(w->job, "create_vm", "made",
		json_pack("{s:s,s:s,s:b}", "kind", "vm", "id", "130", "created",
			1));
	note(w->job, "create_vm", "made", volume(w->volid));
	pve_param(&ps, "memory", "64");
	pve_param(&ps, "scsi0", "%s,discard=on", w->volid);
	ok(pve_vm_create(w->p, ID, &ps, NULL, e));
}

static void finish(struct world *w)
{
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

static void runs(struct world *w)
{
	struct run_opts o = {.secrets = w->secrets, .say = quiet};

	ok(run_job(w->job, &o, e));
}

/* What the VM has at scsi0, to be freed. */
static char *has(struct world *w)
{
	_json_ json_t *c = NULL;
	char *now;

	ok(pve_vm_config(w->p, ID, &c, e));
	now = xstrdup(json_str_or(c, "scsi0", "none"));
	now[strcspn(now, ",")] = '\0';
	return now;
}

/* The journal names one volume, the one that the VM has, on the storage it
 * shall be on. */
static void agrees(struct world *w)
{
	_free_ char *now = has(w);
	_json_ json_t *made = NULL, *o = NULL;
	struct run r = {.job = w->job};

	assert_true(str_starts(now, "second:"));
	ok(job_lock(w->job, e));
	ok(journal_open(w->job->dir, NULL, &r.j, e));
	made = journal_made(r.j);
	o = run_object(&r, "volume", "slot", "scsi0:0");
	journal_close(r.j);
	job_unlock(w->job);
	assert_string_equal(json_str(o, "id"), now);
	assert_true(json_flag(o, "allocated", false));
	/* The VM and the volume. */
	assert_int_equal(json_array_size(made), 2);
}

static void moves(struct world *w)
{
	ok(pve_vm_move_disk(w->p, ID, "scsi0", "second", NULL, true, NULL, e));
}

static void moved(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	runs(&w);
	agrees(&w);
	finish(&w);
}

/* Killed between the move and its note. */
static void moved_unnoted(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	note(w.job, "move_storage", "begin", NULL);
	moves(&w);
	runs(&w);
	agrees(&w);
	finish(&w);
}

/* Killed between the notes of the new volume and of the old one's end. */
static void moved_half_noted(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	note(w.job, "move_storage", "begin", NULL);
	moves(&w);
	_free_ char *now = has(&w);

	note(w.job, "move_storage", "made", volume(now));
	runs(&w);
	agrees(&w);
	finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved),
		cmocka_unit_test(moved_unnoted),
		cmocka_unit_test(moved_half_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
