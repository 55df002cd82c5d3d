/* Volumes as devices of this machine, with a PVE::Storage of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "node_volume.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

static char dir[TEST_DIR_LEN];
static char *path0;

static void put(const char *name, const char *text, mode_t mode)
{
	_free_ char *p = path_join(dir, name);

	assert_int_equal(file_write(p, text, strlen(text), mode, NULL), 0);
	assert_int_equal(chmod(p, mode), 0);
}

static int setup(void **state)
{
	_free_ char *lib = NULL, *path = NULL;

	(void)state;
	if (!test_dir(dir, "volume"))
		return -1;
	lib = path_join(dir, "PVE");
	if (mkdir(lib, 0700))
		return -1;
	path0 = xstrdup(getenv("PATH"));
	path = xasprintf("%s:%s", dir, path0);
	return setenv("PATH", path, 1);
}

static int teardown(void **state)
{
	const char *const rm[] = {"rm", "-rf", dir, NULL};

	(void)state;
	setenv("PATH", path0, 1);
	free(path0);
	return proc_must(rm, NULL, NULL, ERR_IO, NULL);
}

/* perl that finds our module; it makes the volume's link when activated. */
static void node(const char *storage_pm)
{
	_free_ char *perl =
		xasprintf("#!/bin/sh\nexec /usr/bin/perl -I%s \"$@\"\n", dir);

	put("perl", perl, 0700);
	put("PVE/Storage.pm", storage_pm, 0600);
}

#define MODULE "package PVE::Storage;\nsub config { return {v => 1} }\n"

static void there(void **state)
{
	struct err e = {0};

	(void)state;
	put("disk.raw", "x", 0600);
	_free_ char *p = path_join(dir, "disk.raw");

	assert_int_equal(node_volume_ready("local:100/x.raw", p, &e), 0);
}

static void activated(void **state)
{
	_free_ char *p = path_join(dir, "lv");
	_free_ char *pm = xasprintf(MODULE
		"sub activate_volumes { my ($c, $v) = @_; die 'config' unless "
		"$c->{v};\n"
		"  die \"which: $v->[0]\" unless $v->[0] eq "
		"'thin:vm-1-disk-0'; "
		"}\n"
		"sub map_volume { my ($c, $v) = @_; open(F, '>', '%s') or die; "
		"}\n1;\n",
		p);
	struct err e = {0};

	(void)state;
	node(pm);
	assert_int_equal(node_volume_ready("thin:vm-1-disk-0", p, &e), 0);
	assert_true(file_exists(p));
}

/* Before 6.0 nothing needs mapping, and there is no map_volume. */
static void old_node(void **state)
{
	_free_ char *p = path_join(dir, "lv");
	_free_ char *pm = xasprintf(MODULE
		"sub activate_volumes { open(F, '>', '%s') or die; "
		"}\n1;\n",
		p);
	struct err e = {0};

	(void)state;
	node(pm);
	assert_int_equal(node_volume_ready("thin:vm-1-disk-0", p, &e), 0);
}

static void refused(void **state)
{
	_free_ char *p = path_join(dir, "lv");
	struct err e = {0};

	(void)state;
	node(MODULE "sub activate_volumes { die \"can't activate LV "
		    "'/dev/vg/x'\\n\" }\n1;\n");
	assert_int_equal(node_volume_ready("thin:x", p, &e), -1);
	assert_int_equal(e.code, ERR_TARGET_REMOTE);
	assert_non_null(strstr(e.why, "can't activate LV '/dev/vg/x'"));
}

static void no_node(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(
		node_volume_ready("local:1/a.raw", "/nonexistent/a.raw", &e),
		-1);
	assert_int_equal(e.code, ERR_TARGET_REMOTE);
	assert_non_null(strstr(e.why, "no Proxmox VE node"));
}

static void no_path(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(node_volume_ready("ceph:vm-1-disk-0",
				 "rbd:rbd/vm-1-disk-0:conf=/etc/x", &e),
		-1);
	assert_int_equal(e.code, ERR_STORAGE_UNFIT);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(there),
		T(activated),
		T(old_node),
		T(refused),
		T(no_node),
		T(no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
