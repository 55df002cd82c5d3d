/* Which device a block device is: from trees as sysfs has them, and of two
 * loop devices that change places between the runs of a copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "blockid.h"
#include "copy_state.h"
#include "proc.h"
#include "source.h"
#include "str.h"
#include "testdir.h"

static char dir[TEST_DIR_LEN];

static int set_up(void **state)
{
	(void)state;
	assert_non_null(test_dir(dir, "blockid"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return proc_must((const char *const[]){"rm", "-rf", dir, NULL}, NULL,
		NULL, ERR_IO, NULL);
}

static void put(const char *name, const char *text)
{
	_free_ char *path = path_join(dir, name);
	_free_ char *parent = xstrdup(path);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(
		proc_must((const char *const[]){"mkdir", "-p", parent, NULL},
			NULL, NULL, ERR_IO, NULL),
		0);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void is(const char *name, const char *want)
{
	_free_ char *path = path_join(dir, name);
	_free_ char *id = block_id_in(path);

	if (want)
		assert_string_equal(id, want);
	else
		assert_null(id);
}

static void kinds(void **state)
{
	(void)state;
	put("sda/device/wwid", "naa.5000c500a1b2c3d4\n");
	put("sda/sda2/partition", "2\n");
	put("sda/sda2/start", "2048\n");
	put("sda/sda2/size", "409600\n");
	put("nvme0n1/wwid", "eui.0025385\n");
	put("nvme0n1/device/serial", "S4EV\x1b[2J   \n");
	put("vda/serial", "\n");
	put("dm-3/dm/uuid", "LVM-abc\n");
	put("zd0/size", "16384\n");
	is("sda", "wwid naa.5000c500a1b2c3d4");
	is("sda/sda2",
		"wwid naa.5000c500a1b2c3d4, partition 2, at 2048, sectors "
		"409600");
	is("nvme0n1", "wwid eui.0025385, serial S4EV?[2J");
	is("vda", NULL);
	is("dm-3", "dm LVM-abc");
	is("zd0", NULL);
	assert_null(block_id(dir));
	assert_null(block_id("/dev/null"));
}

/* --- real ones --- */

static char *loop(const char *file, const char *at)
{
	_free_ char *path = path_join(dir, file);
	_proc_ struct proc_result r = {0};
	const char *const any[] = {"losetup", "--find", "--show", path, NULL};
	const char *const there[] = {"losetup", at, path, NULL};

	if (!file_exists(path))
		assert_int_equal(proc_must((const char *const[]){"truncate",
						   "-s", "1M", path, NULL},
					 NULL, NULL, ERR_IO, NULL),
			0);
	if (proc_run(at ? there : any, NULL, &r, NULL) || r.status)
		return NULL;
	return xstrdup(at ? at : str_trim(r.out));
}

static void unloop(const char *device)
{
	assert_int_equal(
		proc_must((const char *const[]){"losetup", "-d", device, NULL},
			NULL, NULL, ERR_IO, NULL),
		0);
}

static json_t *identity(const char *device)
{
	_disk_in_ struct disk_in in = {0};
	struct source_opts o = {0};
	json_t *out = NULL;
	struct err e;

	assert_int_equal(source_open(device, &o, &in, &e), 0);
	assert_int_equal(in.kind->identity(&in, &out, &e), 0);
	return out;
}

/* The name and the size are the same, the device is not. */
static void swapped(void **state)
{
	_free_ char *device = loop("a", NULL), *again = NULL;
	_free_ char *path = path_join(dir, "state");
	_json_ json_t *was = NULL, *same = NULL, *other = NULL;
	_copy_state_ struct copy_state *s = NULL, *t = NULL, *u = NULL;
	const struct copy_job job = {0};
	struct err e;

	(void)state;
	if (!device) {
		fprintf(stderr, "skipped: no loop devices here\n");
		skip();
	}
	was = identity(device);
	same = identity(device);
	assert_int_equal(source_same(was, same, &e), 0);
	assert_int_equal(copy_state_open(path, "x", device, &s, &e), 0);
	assert_int_equal(
		copy_state_begin(s, "x", device, &job, was, NULL, &e), 0);
	copy_state_free(s);
	s = NULL;
	assert_int_equal(copy_state_open(path, "x", device, &t, &e), 0);
	copy_state_free(t);
	t = NULL;
	unloop(device);
	again = loop("b", device);
	assert_non_null(again);
	other = identity(device);
	int rc = copy_state_open(path, "x", device, &u, &e);

	unloop(device);
	assert_int_equal(rc, -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_non_null(strstr(e.why, "/a\"; "));
	assert_int_equal(source_same(was, other, &e), -1);
	assert_int_equal(e.code, ERR_SOURCE_CHANGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kinds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(swapped, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
