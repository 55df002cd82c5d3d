/*
 * tests/golden/NAME.vmx must give tests/golden/NAME.json, byte by byte.
 * UPDATE_GOLDEN=1 writes the .json files anew: read the diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <cmocka.h>

#include "str.h"
#include "vmx.h"

static char *json_of(const char *file)
{
	_free_ char *text = NULL, *path = NULL;
	_vmx_ struct vmx *x = NULL;
	_vm_ struct vm *v = NULL;
	_json_ json_t *j = NULL;
	struct err e = {0};
	size_t len;

	path = xasprintf("/vmfs/volumes/ds1/vm%s", strrchr(file, '/'));
	if (file_read(file, VMX_MAX, &text, &len, &e) ||
		vmx_parse(text, len, &x, &e) || vmx_to_vm(x, path, &v, &e))
		fail_msg("%s: %s", file, e.why);
	j = vm_to_json(v);
	return json_pretty(j);
}

static void compare(const char *file)
{
	_free_ char *stem = xstrndup(file, strlen(file) - strlen(".vmx"));
	_free_ char *path = xasprintf("%s.json", stem);
	_free_ char *have = json_of(file), *want = NULL;
	struct err e = {0};

	if (getenv("UPDATE_GOLDEN")) {
		assert_int_equal(
			file_write(path, have, strlen(have), 0644, &e), 0);
		return;
	}
	if (file_read(path, VMX_MAX, &want, NULL, &e))
		fail_msg("%s", e.why);
	if (strcmp(have, want) != 0)
		fail_msg("%s gives:\n%s", file, have);
}

/* What the golden form says can be read back, and says the same. */
static void read_back(const char *file)
{
	_free_ char *text = json_of(file), *again = NULL;
	_json_ json_t *in = NULL, *out = NULL;
	_vm_ struct vm *v = NULL;
	struct err e = {0};

	assert_int_equal(json_parse(text, strlen(text), &in, &e), 0);
	if (vm_from_json(in, &v, &e))
		fail_msg("%s: %s", file, e.why);
	out = vm_to_json(v);
	again = json_pretty(out);
	assert_string_equal(again, text);
}

static void golden(void **state)
{
	glob_t g;

	(void)state;
	assert_int_equal(glob("tests/golden/*.vmx", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 13);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		compare(g.gl_pathv[i]);
		read_back(g.gl_pathv[i]);
	}
	globfree(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
