/* How a change of the guest is shown: a diff that patch(1) takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/text.h"
#include "guest_dir.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

static unsigned long rnd_state = 20261122;

static unsigned rnd(unsigned n)
{
	rnd_state = rnd_state * 6364136223846793005ul + 1442695040888963407ul;
	return (rnd_state >> 33) % n;
}

/* A few lines, often the same, often without a last newline. */
static char *random_text(void)
{
	unsigned n = rnd(30);
	struct buf b = {0};

	for (unsigned i = 0; i < n; i++)
		buf_addf(&b, "%s%u\n", rnd(6) ? "line " : "", rnd(9));
	if (b.len && !rnd(3))
		b.s[--b.len] = '\0';
	return buf_steal(&b);
}

/* Lines changed, gone or new. */
static char *random_edit(const char *s)
{
	_text_ struct text t = {0};

	text_open(&t, s);
	for (unsigned i = rnd(5); i > 0; i--) {
		size_t at = t.n ? rnd(t.n) : 0;

		if (t.n && rnd(2))
			text_remove(&t, at, 1);
		else
			text_insert(&t, at, rnd(2) ? "new" : "line 3");
	}
	return text_join(&t);
}

static int run_in(const char *const argv[])
{
	_proc_ struct proc_result r = {0};

	return proc_run(argv, NULL, &r, NULL) ? -1 : r.status;
}

static void diffs_apply(void **state)
{
	char dir[TEST_DIR_LEN];

	(void)state;
	assert_non_null(test_dir(dir, "parts"));
	_free_ char *file = path_join(dir, "f"), *patch = path_join(dir, "p");

	for (int i = 0; i < 60; i++) {
		_free_ char *a = random_text(), *b = random_edit(a);
		struct guest_change c = {
			.path = (char *)"/etc/f", .before = a, .after = b};
		_free_ char *diff = guest_diff(&c), *now = NULL;

		if (strcmp(a, b) == 0) {
			assert_null(strstr(diff, "@@"));
			continue;
		}
		assert_int_equal(file_write(file, a, strlen(a), 0600, NULL), 0);
		assert_int_equal(
			file_write(patch, diff, strlen(diff), 0600, NULL), 0);
		assert_int_equal(
			run_in((const char *const[]){"patch", "-s", "-f", "-F0",
				"--posix", file, patch, NULL}),
			0);
		if (!file_exists(file))
			now = xstrdup("");
		else
			assert_int_equal(
				file_read(file, 1 << 20, &now, NULL, NULL), 0);
		assert_string_equal(now, b);
	}
	run_in((const char *const[]){"rm", "-r", dir, NULL});
}

static void diff_of_a_copy_is_words(void **state)
{
	struct guest_change c = {.path = (char *)"/b", .copy_of = (char *)"/a"};
	_free_ char *diff = guest_diff(&c);

	(void)state;
	assert_string_equal(diff, "copy /a\n  to /b\n");
}

/* What the journal keeps of a diff is the diff: what is shown, agreed to and
 * compared later is one text, whatever charset a comment is in. */
static void diff_of_latin1(void **state)
{
	const struct guest_change c = {.path = (char *)"/etc/x",
		.before = (char *)"# B\xfcro\n\ta\n",
		.after = (char *)"# B\xfcro\n\tb\n"};
	_free_ char *diff = guest_diff(&c);
	_json_ json_t *kept = json_text(diff);

	(void)state;
	assert_string_equal(json_string_value(kept), diff);
	assert_string_equal(diff,
		"--- a/etc/x\n+++ b/etc/x\n@@ -1,2 +1,2 @@\n # B?ro\n-\ta\n"
		"+\tb\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diffs_apply),
		cmocka_unit_test(diff_of_a_copy_is_words),
		cmocka_unit_test(diff_of_latin1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
