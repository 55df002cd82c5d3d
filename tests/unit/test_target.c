/* What a VM on the target is told to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/charset.h"
#include "core/str.h"
#include "core/target.h"

#define TAG "vmferry-job: web01 2026-11-22T12:00:00Z"
#define FROM "Moved from the ESXi host esx1"

static void no_annotation_no_empty_lines(void **state)
{
	static const char *const none[] = {NULL, ""};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_free_ char *s = target_about(none[i], FROM, TAG);

		assert_string_equal(s, FROM " by vmferry.\n" TAG);
	}
}

static void annotation_comes_first(void **state)
{
	_free_ char *s = target_about("mail\nask Eve", FROM, TAG);

	(void)state;
	assert_string_equal(s, "mail\nask Eve\n\n" FROM " by vmferry.\n" TAG);
}

/* However long it is, and wherever it is cut. */
static void the_tag_is_never_cut(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		_buf_ struct buf b = {0};
		_free_ char *s = NULL;

		for (size_t i = 0; i < shift; i++)
			buf_addc(&b, 'x');
		while (b.len < 20000)
			buf_adds(&b, "\xf0\x9f\x98\x80"); /* 4 bytes */
		s = target_about(b.s, FROM, TAG);
		assert_true(str_ends(s, "\n" TAG));
		assert_true(charset_is_utf8(s, strlen(s)));
		assert_in_range(strlen(s), 7000, 8192);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_annotation_no_empty_lines),
		cmocka_unit_test(annotation_comes_first),
		cmocka_unit_test(the_tag_is_never_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
