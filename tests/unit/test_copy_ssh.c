/* Copies from the lab's ESXi hosts (tests/lab/esxi), 8.0 and 5.5, by every
 * road: whole, over lost connections, with maps that lie, and what must not be
 * copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

#include "core/ssh_child.h"
#include "esxi_copy.h"

static const char *const roads[] = {"https", "ssh", "ssh+gzip", "libssh2"};

static void from_both_ages(void **state)
{
	static const unsigned ports[] = {LAB_NEW, LAB_OLD};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ports) * ARRAY_LEN(roads); i++) {
		_copy_result_ struct copy_result res = {0};
		bool old = i >= ARRAY_LEN(roads);
		_free_ char *want = NULL;
		char hex[SHA256_HEX];
		struct run r;

		run_make(&r, ports[old]);
		r.c.opts.road = roads[i % ARRAY_LEN(roads)];
		copies(&r, &res);
		assert_string_equal(res.road, r.c.opts.road);
		assert_null(res.map_note);
		assert_true(res.skipped_by_map >= 8 * MIB);
		assert_int_equal(res.read + res.skipped_by_map, DISK);
		want = lab_read(old ? "old" : "new",
			"expected/it's web-scsi0:0.sha256");
		assert_int_equal(sha256_file(r.dst, hex, NULL), 0);
		assert_string_equal(str_trim(want), hex);
		run_free(&r);
	}
}

static void the_flat_file_names_the_disk_too(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	r.c.source = xasprintf("ssh://root@127.0.0.1:%u" VOLUME
			       "/it's web/it's web-flat.vmdk",
		LAB_NEW);
	copies(&r, &res);
	free((char *)r.c.source);
	run_free(&r);
}

static void garbage_maps_are_not_used(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	lab_fault("new", "t0-garbage", NULL);
	copies(&r, &res);
	lab_fault("new", "t0-garbage", "off");
	assert_non_null(res.map_note);
	assert_int_equal(res.read, DISK);
	run_free(&r);
}

static void maps_that_lie_are_found_out(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	lab_fault("new", "t0-lies", NULL);
	copies(&r, &res);
	lab_fault("new", "t0-lies", "off");
	assert_non_null(strstr(res.map_note, "calls a hole"));
	assert_int_equal(res.read, DISK);
	run_free(&r);
}

static void lost_sessions_and_killed_readers(void **state)
{
	static const char *const cuts[] = {"5000000 session", "5000000"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cuts) * ARRAY_LEN(roads); i++) {
		_copy_result_ struct copy_result res = {0};
		bool old = i >= ARRAY_LEN(roads);
		struct run r;

		run_make(&r, old ? LAB_OLD : LAB_NEW);
		r.c.opts.road = roads[i % ARRAY_LEN(roads)];
		lab_fault(old ? "old" : "new", "cut-after", cuts[old]);
		copies(&r, &res);
		assert_in_range(res.retries, 1, 3);
		run_free(&r);
	}
}

static void locked_missing_damaged(void **state)
{
	static const struct {
		const char *fault;
		enum err_code code;
	} rows[] = {
		{"locked", ERR_SOURCE_LOCKED},
		{"missing-extent", ERR_DISK_MISSING},
		{"truncated-descriptor", ERR_BAD_VMDK},
	};
	_free_ char *dir = NULL;

	(void)state;
	lab_need();
	dir = lab_path("new");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run r;

		run_make(&r, LAB_NEW);
		lab_fault("new", rows[i].fault, "it's web");
		assert_int_equal(fails(&r), rows[i].code);
		assert_int_equal(lab_run("tests/lab/esxi/fault", dir,
					 rows[i].fault, "it's web", "off"),
			0);
		run_free(&r);
	}
}

/* A dd that dies at the descriptor says nothing of the disk. */
static void a_dd_killed_at_the_descriptor(void **state)
{
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	lab_fault("new", "cut-after", "100");
	assert_int_equal(fails(&r), ERR_SOURCE_READ);
	run_free(&r);
}

/* By the i-th road, on a host whose dd gives less than it was asked for. */
static void run_short(struct run *r, size_t i, const char *how)
{
	run_make(r, LAB_NEW);
	r->c.opts.road = roads[i];
	lab_fault("new", "short-dd", how);
}

/* What came after it would lie at another place. Marks made before are right:
 * the copy that goes on from them is identical. */
static void a_dd_that_gives_less(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(roads); i++) {
		_copy_result_ struct copy_result res = {0};
		struct run r;

		run_short(&r, i, NULL);
		assert_int_equal(fails(&r), ERR_SOURCE_CHANGED);
		copies(&r, &res);
		run_free(&r);
	}
}

/* A bad sector gives less, too, but says so: not the disk has changed, and a
 * place that can be read again is. */
static void a_bad_sector_is_no_change(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(roads); i++) {
		_copy_result_ struct copy_result res = {0};
		struct run r;

		run_short(&r, i, "eio");
		copies(&r, &res);
		assert_int_equal(res.retries, 1);
		run_free(&r);
	}
}

/* From now on the host greets on standard output whoever comes. */
static void greet_all(int marks)
{
	static const char rc[] = "echo 'Authorized use only.'\n";
	_free_ char *dir = lab_path("new/root/.ssh");
	_free_ char *file = path_join(dir, "rc");

	if (marks == 1)
		must(file_mkdirs(dir, 0700, NULL) ||
				file_write(
					file, rc, sizeof(rc) - 1, 0644, NULL),
			NULL);
}

/* What stands before the data would move all that follows: no range of such a
 * connection may be marked. */
static void a_greeting_is_no_data(void **state)
{
	_free_ char *file = NULL;

	(void)state;
	lab_need();
	file = lab_path("new/root/.ssh/rc");
	for (size_t i = 1; i < ARRAY_LEN(roads); i++) {
		_copy_result_ struct copy_result res = {0};
		struct run r;

		run_make(&r, LAB_NEW);
		r.c.opts.road = roads[i];
		r.c.job.limit = 16 * MIB;
		r.c.marked = greet_all;
		lab_fault("new", "cut-after", "8000000 session");
		assert_int_equal(fails(&r), ERR_SOURCE_READ);
		lab_fault("new", "cut-after", "off");
		assert_int_equal(unlink(file), 0);
		r.c.marked = NULL;
		copies(&r, &res);
		assert_true(res.done_before > 0);
		run_free(&r);
	}
}

static void change_source(int marks)
{
	if (marks == 1)
		lab_fault("old", "source-changes", "it's web");
}

/* Last on its host: there is no way back. */
static void changed_sources_are_refused(void **state)
{
	struct run r;

	(void)state;
	run_make(&r, LAB_OLD);
	r.c.job.limit = 8 * MIB; /* the clock of the host counts seconds */
	r.c.marked = change_source;
	assert_int_equal(fails(&r), ERR_SOURCE_CHANGED);
	r.c.marked = NULL;
	assert_int_equal(fails(&r), ERR_SOURCE_CHANGED);
	run_free(&r);
}

static void a_wrong_password_is_tried_once(void **state)
{
	_free_ char *before = NULL, *after = NULL;
	struct secrets *wrong = secrets_new();
	struct run r;
	size_t n = 0;

	(void)state;
	run_make(&r, LAB_NEW);
	before = lab_read("new", "auth.log");
	secrets_put(wrong, "esxi.password", "not it");
	r.c.opts.secrets = wrong;
	assert_int_equal(fails(&r), ERR_SSH_AUTH);
	after = lab_read("new", "auth.log");
	for (const char *p = after + strlen(before); *p; p++)
		n += *p == '\n';
	assert_int_equal(n, 1);
	secrets_free(wrong);
	run_free(&r);
}

static char *shadow; /* as it was */

/* The password is another from now on. */
static void change_password(int marks)
{
	_free_ char *path = lab_path("new/root/etc/shadow"), *text = NULL;

	if (marks != 1)
		return;
	must(file_read(path, 4096, &shadow, NULL, NULL), NULL);
	text = xstrdup(shadow);
	strstr(text, "$labesxi$")[9] ^= 1;
	must(file_write(path, text, strlen(text), 0600, NULL), NULL);
}

static size_t refusals(void)
{
	_free_ char *log = lab_read("new", "auth.log");
	size_t n = 0;

	for (const char *p = log; (p = strstr(p, "fail")); p++)
		n++;
	return n;
}

/* ESXi locks an account at the fifth: readers that lost their connections do
 * not try one after the other. */
static void a_changed_password_is_tried_once(void **state)
{
	_free_ char *path = NULL;

	(void)state;
	lab_need();
	path = lab_path("new/root/etc/shadow");
	for (size_t i = 1; i < ARRAY_LEN(roads); i++) {
		size_t before = refusals();
		struct run r;

		run_make(&r, LAB_NEW);
		r.c.marked = change_password;
		r.c.job.readers = 4;
		r.c.job.limit = 8 * MIB;
		r.c.opts.road = roads[i];
		lab_fault("new", "cut-after", "3000000 session");
		assert_int_equal(fails(&r), ERR_SSH_AUTH);
		lab_fault("new", "cut-after", "off");
		assert_int_equal(refusals() - before, 1);
		must(file_write(path, shadow, strlen(shadow), 0600, NULL),
			NULL);
		str_set(&shadow, NULL);
		run_free(&r);
	}
}

/* Is the password among the arguments or in the environment? */
static bool in_proc(const char *pid, const char *file)
{
	_free_ char *path = xasprintf("/proc/%s/%s", pid, file);
	_close_ int fd = open(path, O_RDONLY);
	char text[65536];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	return n > 0 && memmem(text, n, LAB_PASSWORD, strlen(LAB_PASSWORD));
}

static unsigned children_seen, leaks;

static void look_at_processes(int marks)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	(void)marks;
	while (d && (e = readdir(d))) {
		_free_ char *comm = NULL, *text = NULL;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		comm = xasprintf("/proc/%s/comm", e->d_name);
		if (file_read(comm, 64, &text, NULL, NULL) ||
			(strcmp(text, "ssh\n") && strcmp(text, "askpass\n")))
			continue;
		children_seen++;
		leaks += in_proc(e->d_name, "cmdline") ||
			in_proc(e->d_name, "environ");
	}
	if (d)
		closedir(d);
}

static void the_password_is_nowhere_to_be_seen(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	r.c.opts.road = "ssh";
	r.c.job.limit = 16 * MIB;
	r.c.marked = look_at_processes;
	children_seen = leaks = 0;
	copies(&r, &res);
	assert_true(children_seen > 0);
	assert_int_equal(leaks, 0);
	run_free(&r);
}

static int no_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg, (void)p, (void)n, (void)e;
	fail_msg("bytes of a host that is not the pinned one");
	return -1;
}

/* The child takes no key but the pinned one: not a password is sent. */
static void the_pin_holds_for_the_child(void **state)
{
	const struct ssh_target old = lab_target(LAB_OLD);
	const struct ssh_target new = lab_target(LAB_NEW);
	const struct extent x = {.length = 65536, .data = true};
	const struct ssh_reading what = {.file = "/x"};
	_free_ char *before = NULL, *after = NULL;
	struct ssh_door door = {0};
	struct ssh_child *c;
	struct err e = {0};
	struct ssh *s;

	(void)state;
	lab_need();
	must(ssh_open(&old, &s, &e), &e);
	ssh_door_make(&door, &new, s); /* the key of one, the door of another */
	ssh_close(s);
	before = lab_read("new", "auth.log");
	must(ssh_child_open(&door, &c, &e), &e);
	assert_int_equal(
		ssh_child_read(c, &what, &x, 1, no_bytes, NULL, &e), -1);
	assert_int_equal(e.code, ERR_SSH_CONNECT);
	ssh_child_close(c);
	after = lab_read("new", "auth.log");
	assert_string_equal(before, after);
	ssh_door_free(&door);
}

static int source_sums(struct run *r, const struct copy_map *map, struct err *e)
{
	_disk_in_ struct disk_in in = {0};
	struct copy_check_source check = {.in = &in, .map = map};

	must(source_open(r->source, &r->c.opts, &in, e), e);
	return copy_check_source(&check, e);
}

static void the_hosts_own_checksums(void **state)
{
	_copy_result_ struct copy_result res = {0};
	struct err e = {0};
	struct run r;

	(void)state;
	run_make(&r, LAB_NEW);
	r.c.job.read_all = true;
	copies(&r, &res);
	must(source_sums(&r, res.map, &e), &e);
	res.map->slot[17].sha[5] ^= 1;
	assert_int_equal(source_sums(&r, res.map, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY_MISMATCH);
	assert_non_null(strstr(e.why, "offset 17825792 "));
	run_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_both_ages),
		cmocka_unit_test(the_flat_file_names_the_disk_too),
		cmocka_unit_test(garbage_maps_are_not_used),
		cmocka_unit_test(maps_that_lie_are_found_out),
		cmocka_unit_test(lost_sessions_and_killed_readers),
		cmocka_unit_test(locked_missing_damaged),
		cmocka_unit_test(a_dd_killed_at_the_descriptor),
		cmocka_unit_test(a_dd_that_gives_less),
		cmocka_unit_test(a_bad_sector_is_no_change),
		cmocka_unit_test(a_greeting_is_no_data),
		cmocka_unit_test(a_wrong_password_is_tried_once),
		cmocka_unit_test(a_changed_password_is_tried_once),
		cmocka_unit_test(the_hosts_own_checksums),
		cmocka_unit_test(the_password_is_nowhere_to_be_seen),
		cmocka_unit_test(the_pin_holds_for_the_child),
		cmocka_unit_test(changed_sources_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
