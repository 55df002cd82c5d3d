/* Every widget from key scripts; screens in tests/ui/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/str.h"

#include "uitest.h"
#include "widgets.h"

static const char *const ascii[] = {"LANG=C", NULL};
static const char *const plain[] = {"PLAIN=1", NULL};

static void golden(const char *name, ui_fn fn, const char *keys, int cols,
	int rows, const char *const *env)
{
	_free_ char *s = ui_test_run(fn, NULL, keys, cols, rows, env);

	ui_golden(name, s);
}

/* --- as they stand, in each size and charset ------------------------------ */

static void sizes(void **state)
{
	static const struct {
		const char *name;
		ui_fn fn;
	} screens[] = {{"form", sample_form}, {"table", sample_table},
		{"pager", sample_pager}, {"checklist", sample_checklist},
		{"menu", sample_menu}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(screens); i++) {
		_free_ char *small = xasprintf("%s-80", screens[i].name);
		_free_ char *large = xasprintf("%s-132", screens[i].name);
		_free_ char *seven = xasprintf("%s-ascii", screens[i].name);

		golden(small, screens[i].fn, "", 80, 24, NULL);
		golden(large, screens[i].fn, "", 132, 43, NULL);
		golden(seven, screens[i].fn, "", 80, 24, ascii);
	}
}

/* The screen says the same on every terminal. */
static void terminals(void **state)
{
	static const char *const terms[] = {"TERM=linux", "TERM=screen",
		"TERM=tmux-256color", "TERM=vt100", "TERM=xterm"};
	_free_ char *want =
		ui_test_run(sample_checklist, NULL, "<Down>", 80, 24, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
		const char *env[] = {terms[i], NULL};
		_free_ char *s = ui_test_run(
			sample_checklist, NULL, "<Down>", 80, 24, env);

		if (strcmp(s, want) != 0)
			fail_msg("%s:\n%s", terms[i], s);
	}
}

static void ascii_only(void **state)
{
	_free_ char *s = ui_test_run(
		sample_table, NULL, "/caf<snap><Enter>?", 80, 24, ascii);

	(void)state;
	for (const char *p = s; *p; p++)
		if (*p & 0x80)
			fail_msg("not ASCII:\n%s", s);
}

static void too_small(void **state)
{
	golden("too-small", sample_form, "", 60, 20, NULL);
	(void)state;
}

/* --- form ----------------------------------------------------------------- */

static void form_typing(void **state)
{
	(void)state;
	/* Wrong: it says so beside the field and does not go on. */
	golden("form-wrong", sample_form, "<^U>two words<^N>", 80, 24, NULL);
	/* A field appears; a number only takes digits. */
	golden("form-more", sample_form,
		"<Tab><Tab>s3cret<Tab><Tab> <Tab>x70000<Tab>", 80, 24, NULL);
	golden("form-choice", sample_form,
		"<Up><Up><Tab><Tab><Tab><Tab><Tab><Enter><Down><snap><Enter>",
		80, 24, NULL);
}

static void form_secret(void **state)
{
	_free_ char *s = ui_test_run(sample_form, NULL,
		"<Tab><Tab>hunter2<snap><look><Tab><snap>?<snap>", 80, 24,
		NULL);
	_free_ char *longer = ui_test_run(
		sample_form, NULL, "<Tab><Tab>hunter2hunter2", 80, 24, NULL);
	_free_ char *shorter =
		ui_test_run(sample_form, NULL, "<Tab><Tab>h", 80, 24, NULL);

	(void)state;
	assert_null(strstr(s, "hunter"));
	assert_non_null(strstr(s, "********"));
	/* Nor its length. */
	assert_string_equal(longer, shorter);
}

static void form_paste(void **state)
{
	_free_ char *s = ui_test_run(
		sample_form, NULL, "<^U><paste 192.0.2.7\\n>", 80, 24, NULL);
	/* A paste into a table is not a row of commands. */
	_free_ char *t =
		ui_test_run(sample_table, NULL, "<paste q/s\\n>", 80, 24, NULL);

	(void)state;
	assert_non_null(strstr(s, "> Address   192.0.2.7"));
	assert_non_null(strstr(t, "> web01"));
	assert_null(strstr(t, "(ended"));
}

static void back_keeps(void **state)
{
	_free_ char *s = ui_test_run(sample_menu, NULL,
		"<Enter><wait Address><^U>kept.example<Esc><wait answer 2>"
		"<Enter><wait Address>",
		80, 24, NULL);

	(void)state;
	assert_non_null(strstr(s, "kept.example"));
}

/* --- table ---------------------------------------------------------------- */

static void table_keys(void **state)
{
	(void)state;
	golden("table-filter", sample_table, "/\xd0\x9c<BS>DEB<snap><Enter>",
		80, 24, NULL);
	golden("table-sort", sample_table, "<Down><Down>sS", 80, 24, NULL);
	golden("table-empty", sample_table, "/no such VM", 80, 24, NULL);
	/* Broken text of the other side cannot move the cursor. */
	golden("table-blocked", sample_table, "<End><Up>", 132, 43, NULL);
}

/* --- pager, dialogs ------------------------------------------------------- */

static void pager_keys(void **state)
{
	(void)state;
	golden("pager-diff", sample_pager, "<look>/ens18<Enter>", 80, 24, NULL);
	golden("pager-end", sample_pager, "<End><Tab><Tab>", 80, 24, NULL);
	golden("pager-fix", sample_pager, "<Enter>", 80, 24, NULL);
}

static void dialogs(void **state)
{
	(void)state;
	golden("dialog-error", sample_form, "<^T>", 80, 24, NULL);
	golden("dialog-error-ascii", sample_form, "<^T>", 80, 24, ascii);
	golden("dialog-confirm", sample_menu, "<Down><Down><Down><Enter>", 80,
		24, NULL);
	golden("dialog-typed", sample_pager, "<Tab><Enter>web1<Enter>", 80, 24,
		NULL);
	golden("help", sample_form, "<^G>", 80, 24, NULL);
}

static void answer(const char *keys, const char *want)
{
	_free_ char *s = ui_test_run(sample_menu, NULL, keys, 80, 24, NULL);

	if (!strstr(s, want))
		fail_msg("%s: no \"%s\" in\n%s", keys, want, s);
}

static void answers(void **state)
{
	(void)state;
	/* What changes something is not in focus: Enter alone is "no". */
	answer("<End><Up><Up><Enter><Enter>", "answer 0");
	answer("<End><Up><Up><Enter><Left><Enter>", "answer 1");
	answer("<End><Up><Up><Enter><Left><Esc>", "answer 0");
	answer("<End><Up><Enter><Right><Right><Enter>", "answer 2");
	answer("<End><Up><Enter><Esc>", "answer -1");
	answer("<End><Enter> more<Enter>", "answer 1");
	answer("<End><Enter> more<Esc>", "answer 0");
}

/* --- what colour says, words and marks say -------------------------------- */

/* The attributes of the review page. */
static char *pager_look(const char *const *env)
{
	char *s = ui_test_run(sample_pager, NULL, "<look>", 80, 24, env);
	char *end = strstr(s, "--\n");

	assert_non_null(end);
	*end = 0;
	return s;
}

static void no_color(void **state)
{
	const char *const env[] = {"NO_COLOR=1", NULL};
	_free_ char *s = pager_look(env), *c = pager_look(NULL);

	(void)state;
	assert_null(strpbrk(s, "rgybmc"));
	assert_non_null(strchr(c, 'r'));
	assert_non_null(strchr(c, 'g'));
	/* Added and removed lines differ without colour too. */
	assert_non_null(strstr(s, "UUUUUUUUUUU"));
}

/* --- plain ---------------------------------------------------------------- */

static void plain_screens(void **state)
{
	(void)state;
	golden("plain-form", sample_form,
		"?\n\nadmin\nb\n=b\nsecret\ny\nn\n4\n2\nt\n\n", 80, 24, plain);
	golden("plain-table", sample_table, "/deb\ns\n?\n2\n", 80, 24, plain);
	golden("plain-pager", sample_pager, "1\n\nweb01\n", 80, 24, plain);
	golden("plain-checklist", sample_checklist, "x\nb\n", 80, 24, plain);
	golden("plain-menu", sample_menu, "4\n\n4\n1\n5\n9\n3\nb\n", 80, 24,
		plain);
}

static void plain_secret(void **state)
{
	_free_ char *s = ui_test_run(
		sample_form, NULL, "\n\nhunter2\n\n\n\n\n", 80, 24, plain);

	(void)state;
	assert_null(strstr(s, "hunter2"));
	/* No control sequence at all. */
	assert_null(strchr(s, '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(terminals),
		cmocka_unit_test(ascii_only),
		cmocka_unit_test(too_small),
		cmocka_unit_test(form_typing),
		cmocka_unit_test(form_secret),
		cmocka_unit_test(form_paste),
		cmocka_unit_test(back_keeps),
		cmocka_unit_test(table_keys),
		cmocka_unit_test(pager_keys),
		cmocka_unit_test(dialogs),
		cmocka_unit_test(answers),
		cmocka_unit_test(no_color),
		cmocka_unit_test(plain_screens),
		cmocka_unit_test(plain_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
