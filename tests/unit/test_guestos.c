/* The table of guest systems: core/guestos.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guestos.h"
#include "str.h"

static const struct guestos *must(const char *id)
{
	const struct guestos *g = guestos_find(id);

	if (!g)
		fail_msg("%s is not found", id);
	return g;
}

/* Both forms of every row lead to that row; no row hides another. */
static void every_row(void **state)
{
	static const char *const ids[][2] = {
#define X(api, id, name, family, bits, ostype) {api, id},
#include "guestos.def"
#undef X
	};

	(void)state;
	assert_int_equal(ARRAY_LEN(ids), 210);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_string_equal(must(ids[i][0])->id, ids[i][1]);
		assert_string_equal(must(ids[i][1])->api, ids[i][0]);
	}
}

static void spellings(void **state)
{
	(void)state;
	assert_string_equal(must("Debian12-64")->id, "debian12-64");
	assert_string_equal(
		must("windows7Server64Guest")->id, "windows7srv-64");
	assert_string_equal(must("windows7server-64")->id, "windows7srv-64");
	assert_string_equal(must("WINLONGHORN-64")->id, "longhorn-64");
	assert_string_equal(must("otherGuest64")->id, "other-64");
	assert_string_equal(must("otherguest")->id, "other");
	assert_null(guestos_find("plan9"));
	assert_null(guestos_find(""));
	assert_null(guestos_find("debianesque"));
	assert_null(guestos_find(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void what_they_are(void **state)
{
	const struct guestos *g = must("debian12_64Guest");

	(void)state;
	assert_string_equal(g->name, "Debian GNU/Linux 12 (64 bit)");
	assert_int_equal(g->family, GUESTOS_LINUX);
	assert_int_equal(g->bits, 64);
	assert_string_equal(g->ostype, "l26");
	assert_int_equal(must("rhel3")->bits, 32);
	assert_string_equal(must("rhel3")->ostype, "l24");
	assert_int_equal(must("freebsd14-64")->family, GUESTOS_BSD);
	assert_int_equal(must("solaris10")->family, GUESTOS_SOLARIS);
	assert_int_equal(must("winNTGuest")->family, GUESTOS_WINDOWS);
	assert_int_equal(must("dos")->family, GUESTOS_OTHER);
}

static void newer_release(void **state)
{
	(void)state;
	assert_string_equal(must("debian19_64Guest")->id, "debian");
	assert_string_equal(must("debian19-64")->ostype, "l26");
	assert_int_equal(
		must("windows2031srv_64Guest")->family, GUESTOS_WINDOWS);
}

static void pve_release(void **state)
{
	const struct guestos *g = must("windows2019srvnext-64");

	(void)state;
	assert_string_equal(guestos_pve(g, 701), "win11");
	assert_string_equal(guestos_pve(g, 900), "win11");
	assert_string_equal(guestos_pve(g, 700), "win10");
	assert_string_equal(guestos_pve(must("windows7-64"), 503), "win7");
}

static void by_cim(void **state)
{
	(void)state;
	assert_string_equal(guestos_by_cim(96)->id, "debian6-64");
	assert_string_equal(guestos_by_cim(101)->ostype, "l26");
	assert_string_equal(guestos_by_cim(123)->ostype, "win11");
	assert_null(guestos_by_cim(9999));
	for (unsigned i = 0; i < 200; i++)
		if (guestos_by_cim(i))
			assert_true(strlen(guestos_by_cim(i)->api) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(spellings),
		cmocka_unit_test(what_they_are),
		cmocka_unit_test(newer_release),
		cmocka_unit_test(pve_release),
		cmocka_unit_test(by_cim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
