/* Thin volumes and zeros, with a lvs of our own that answers as lvs(8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lvm.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

/* Prints what stands in a file beside it, where it is asked as it should be. */
static const char fake[] =
	"#!/bin/sh\n"
	"[ \"$*\" = '--noheadings -o lv_attr -- /dev/pve/vm-1-disk-0' ] "
	"|| exit 3\n"
	"cat \"${0%/*}/says\"\n"
	"exit $(cat \"${0%/*}/ends\")\n";

static char dir[TEST_DIR_LEN];

static void put(const char *name, const char *text, mode_t mode)
{
	_free_ char *p = path_join(dir, name);

	assert_int_equal(file_write(p, text, strlen(text), mode, NULL), 0);
	assert_int_equal(chmod(p, mode), 0);
}

static void attributes(void **state)
{
	static const struct {
		const char *says, *ends;
		bool zeroes;
	} rows[] = {
		{"  Vwi-a-tz--\n", "0", true},
		{"  Vwi-aotz--\n", "0", true},
		{"  Vwi-a-t---\n", "0", false}, /* a pool made with -Zn */
		{"  -wi-ao----\n", "0", false}, /* not thin at all */
		{"  twi-aotz--\n", "0", false}, /* the pool itself */
		{"  Vwi-a-tz--\n", "5", false},
		{"", "0", false},
	};
	const char *const rm[] = {"rm", "-rf", dir, NULL};
	_free_ char *path0 = xstrdup(getenv("PATH")), *path = NULL;

	(void)state;
	assert_non_null(test_dir(dir, "lvm"));
	put("lvs", fake, 0700);
	path = xasprintf("%s:%s", dir, path0);
	setenv("PATH", path, 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put("says", rows[i].says, 0600);
		put("ends", rows[i].ends, 0600);
		assert_int_equal(lvm_thin_zeroes("/dev/pve/vm-1-disk-0"),
			rows[i].zeroes);
	}
	setenv("PATH", dir, 1);
	put("lvs", "no program", 0600);
	assert_false(lvm_thin_zeroes("/dev/pve/vm-1-disk-0"));
	setenv("PATH", path0, 1);
	proc_must(rm, NULL, NULL, ERR_IO, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
