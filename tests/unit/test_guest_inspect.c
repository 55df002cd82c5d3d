/* The look into the disks as a job's step, where it fails: the operator's word
 * is not asked for twice, and what mount said is one sentence. */
#include "jobtest.h"

#include "guest/own.h"
#include "run.h"

static void quiet(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void add(struct journal *j, const char *event, json_t *data)
{
	ok(journal_add(j, "guest_inspect", event, data, e));
}

/* The worker that looked and asked has ended. There is no node here: another
 * look would fail, with another reason. */
static void blind_is_not_looked_again(void **state)
{
	struct run_opts o = {.secrets = secrets_new(), .say = quiet};
	_json_ json_t *plan = json_pack(
		"{s:i,s:s,s:{s:{s:s,s:s,s:s,s:i,s:i,s:[],s:[]}},"
		"s:{s:s,s:i,s:s,s:s,s:{},s:[{s:s,s:s,s:s,s:i}],s:[]},s:[s]}",
		"schema", 1, "name", "web01", "source", "vm", "name", "web01",
		"id", "7", "guest", "debian12-64", "memory_mib", 64, "cpus", 1,
		"disks", "nics", "target", "host", "127.0.0.1", "port", 1,
		"user", "a@pam!b", "node", "pve", "config", "disks", "slot",
		"scsi0:0", "storage", "local", "format", "raw", "capacity",
		8 << 20, "nics", "steps", "guest_inspect");
	struct job *job = NULL;
	struct journal *j = NULL;
	const json_t *note;

	(void)state;
	ok(job_create("web01", plan, &job, e));
	ok(job_lock(job, e));
	ok(journal_open(job->dir, NULL, &j, e));
	add(j, "begin", NULL);
	add(j, "question",
		json_pack("{s:s,s:s,s:s,s:s,s:b,s:[{s:s,s:s},{s:s,s:s}]}", "id",
			"blind", "kind", "choice", "text", "Go on?", "why",
			"the disk is encrypted", "once", 1, "choices", "value",
			"retry", "label", "try again", "value", "blind",
			"label", "go on"));
	add(j, "answer",
		json_pack("{s:s,s:s,s:s}", "id", "blind", "value", "blind",
			"source", "operator"));
	journal_close(j);
	job_unlock(job);
	ok(run_job(job, &o, e));
	ok(journal_peek(job->dir, &j, e));
	note = journal_last(j, "guest_inspect", "note");
	assert_string_equal(json_str(json_object_get(note, "data"), "text"),
		"the disk is encrypted");
	journal_close(j);
	job_close(job);
	secrets_free((struct secrets *)o.secrets);
}

static void damage_is_one_sentence(void **state)
{
	static const struct {
		const char *error, *words;
	} row[] = {
		{"mount_ro: mount exited with status 32: mount: /sysroot: "
		 "can't read superblock on /dev/sda1.\n       dmesg(1) may "
		 "have more information after failed mount system call.",
			"can't read superblock on /dev/sda1"},
		{"mount_ro: mount exited with status 12: Failed to read last "
		 "sector (7): Invalid argument\nHINTS: Either the volume is "
		 "a RAID/LDM but it wasn't setup yet,",
			"Failed to read last sector (7): Invalid argument"},
		{"mount_ro: /dev/sda1 on / (options: 'ro'): mount: "
		 "/sysroot/: wrong \033[31mfs type, bad option",
			"wrong ?[31mfs type, bad option"},
		{"", "no reason given"},
		{NULL, "no reason given"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		_free_ char *want = xasprintf(
			"the ext4 file system on /dev/sda1 is damaged and "
			"cannot be read: check it in the old VM, then copy "
			"again (mount says: %s)",
			row[i].words);
		_free_ char *got =
			guest_damage("/dev/sda1", "ext4", row[i].error);

		assert_string_equal(got, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(blind_is_not_looked_again,
			jobtest_setup, jobtest_teardown),
		cmocka_unit_test(damage_is_one_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
