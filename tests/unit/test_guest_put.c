/* A guest's files under kill -9: old or new, and the old one kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest_dir.h"
#include "str.h"

static struct guest *g;

static int set_up(void **state)
{
	(void)state;
	g = guest_dir_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guest_dir_free(g);
	return 0;
}

/* Killed at any byte, the next session finds the file as it was or as it was
 * to become, with the old one kept whole, and goes on. */
static void killed_at(size_t after, const char *old, bool *came)
{
	struct guest_change c = {.path = (char *)"/etc/a/b",
		.why = (char *)"",
		.before = (char *)old,
		.after = (char *)"the new text\n",
		.mode = 0600};
	_free_ char *now = NULL, *kept = NULL, *end = NULL;

	if (old)
		guest_dir_put(g, c.path, old);
	guest_dir_kill(g, after);
	guest_apply(g, &c, NULL);
	*came = guest_dir_kill(g, SIZE_MAX);
	assert_int_equal(guest_recover(g, NULL), 0);
	assert_false(guest_unfinished(g));
	now = guest_text(g, c.path);
	if (!now || !old)
		assert_true(!now == !old || strcmp(now, c.after) == 0);
	else
		assert_true(!strcmp(now, old) || !strcmp(now, c.after));
	if (old && strcmp(now, old) == 0)
		assert_int_equal(guest_apply(g, &c, NULL), 0);
	if (!now)
		assert_int_equal(guest_apply(g, &c, NULL), 0);
	end = guest_dir_get(g, c.path);
	assert_string_equal(end, c.after);
	kept = guest_text(g, "/var/backups/vmferry/etc_a_b");
	if (old)
		assert_string_equal(kept, old);
	else
		assert_null(kept);
}

static void a_kill_loses_nothing(void **state)
{
	static const char *const olds[] = {"what it was before\n", "", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(olds); i++) {
		bool came = true;
		size_t n = 0;

		for (; came; n++) {
			killed_at(n, olds[i], &came);
			tear_down(state);
			set_up(state);
		}
		assert_true(n > strlen("the new text\n"));
	}
}

/* A second try after another one: the old text is this file's own, the backup
 * stays the first. */
static void the_second_time_too(void **state)
{
	struct guest_change c = {.path = (char *)"/etc/a/b",
		.why = (char *)"",
		.before = (char *)"two",
		.after = (char *)"three",
		.mode = 0600};
	_free_ char *now = NULL, *kept = NULL;

	(void)state;
	guest_dir_put(g, "/var/backups/vmferry/etc_a_b", "one");
	guest_dir_put(g, "/etc/a/b", "thr");
	guest_dir_put(g, "/var/backups/vmferry/.writing",
		"/etc/a/"
		"b\n3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b"
		"0dbe685e2f3\ntwo");
	assert_int_equal(guest_recover(g, NULL), 0);
	now = guest_dir_get(g, "/etc/a/b");
	assert_string_equal(now, "two");
	assert_int_equal(guest_apply(g, &c, NULL), 0);
	kept = guest_dir_get(g, "/var/backups/vmferry/etc_a_b");
	assert_string_equal(kept, "one");
	/* A note that is not whole: the file was not touched yet. */
	guest_dir_put(g, "/var/backups/vmferry/.writing",
		"/etc/a/"
		"b\n3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b"
		"0dbe685e2f3\ntw");
	assert_int_equal(guest_recover(g, NULL), 0);
	_free_ char *then = guest_dir_get(g, "/etc/a/b");

	assert_string_equal(then, "three");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_kill_loses_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_second_time_too, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
