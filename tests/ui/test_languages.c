/*
 * The wizard in every language at 80x24 (and one at 132x43): nothing that is
 * cut cannot be reached, nothing stays English, every charset gets characters
 * it has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/str.h"

#include "wizlab.h"

/*
 * Who may cut, since all of it can be reached: cells and the details pane (d
 * shows both in full), a step's name (its own pane has it), the detail of a
 * choice (its list has it), the live log, which is a file.
 */
static const char *const may_cut[] = {"cell", "draw_details", "draw_step",
	"draw_choice", "draw_log", "draw_edit"};

static void no_cut(const char *lang, const char *what)
{
	_free_ char *told = wiz_read("told");
	_buf_ struct buf bad = {0};
	char *p = told, *line;

	while ((line = str_line(&p))) {
		size_t n = strcspn(line, ":");
		bool may = false;

		for (size_t i = 0; i < ARRAY_LEN(may_cut); i++)
			may |= strlen(may_cut[i]) == n &&
				strncmp(line, may_cut[i], n) == 0;
		if (!may && (!bad.len || !strstr(bad.s, line)))
			buf_addf(&bad, "%s\n", line);
	}
	if (bad.len)
		fail_msg("%s, %s: cut:\n%s", *lang ? lang : "en", what, bad.s);
}

/* --- no English left --- */

/* The msgid of a line of a .po file that would be known again: some words,
 * nothing to fill in. Cuts the line. */
static const char *known_again(char *line)
{
	size_t n = strlen(line);

	if (strncmp(line, "msgid \"", 7) || n < 7 + 16 ||
		strpbrk(line, "%\\") || !strchr(line + 7, ' '))
		return NULL;
	line[n - 1] = '\0';
	return line + 7;
}

static void no_english(const char *lang, const char *what, const char *screens)
{
	_free_ char *path = xasprintf("po/%s.po", lang), *po = NULL;
	_buf_ struct buf bad = {0};
	char *p, *line;
	const char *s;
	struct err e = {0};

	if (!*lang)
		return;
	if (file_read(path, 4 << 20, &po, NULL, &e))
		fail_msg("%s: %s", path, e.why);
	p = po;
	while ((line = str_line(&p)))
		if ((s = known_again(line)) && strstr(screens, s))
			buf_addf(&bad, "%s\n", s);
	if (bad.len)
		fail_msg("%s, %s: in English:\n%s", lang, what, bad.s);
}

/* --- every screen --- */

static void good(const char *lang, const char *what, const char *screens)
{
	if (strstr(screens, "(waited in vain") || strstr(screens, "(died") ||
		strstr(screens, "(ended"))
		fail_msg("%s, %s:\n%s", lang, what, screens);
	no_cut(lang, what);
	no_english(lang, what, screens);
}

static void each_script(const char *lang)
{
	for (const struct wiz_script *s = wiz_scripts; s->job; s++) {
		struct job *job = NULL;
		_free_ char *screens = NULL;
		void *none = NULL;

		wiz_setup(&none);
		wiz_job(s->job);
		if (s->held)
			job = wiz_hold(s->job);
		screens = wiz_run(s->keys, 80, 24, lang, false);
		if (job)
			wiz_release(job);
		good(lang, s->job, screens);
		wiz_teardown(&none);
	}
}

static void walk(const char *lang, int cols, int rows)
{
	_free_ char *screens = NULL;

	wiz_new_job("ask-bus");
	screens = wiz_run(wiz_walk, cols, rows, lang, false);
	good(lang, "walk", screens);
	free(screens);
	screens = wiz_run(wiz_file_walk, cols, rows, lang, false);
	good(lang, "walk from a file", screens);
}

static void walk_en(void **state)
{
	(void)state;
	walk("", 80, 24);
}

static void walk_fr(void **state)
{
	(void)state;
	walk("fr", 80, 24);
}

static void walk_ru(void **state)
{
	(void)state;
	walk("ru", 80, 24);
}

static void walk_large(void **state)
{
	(void)state;
	walk("ru", 132, 43);
}

static void jobs_en(void **state)
{
	(void)state;
	each_script("");
}

static void jobs_fr(void **state)
{
	(void)state;
	each_script("fr");
}

static void jobs_ru(void **state)
{
	(void)state;
	each_script("ru");
}

/* --- ASCII --- */

/* A job's screens in the C charset. */
static char *seven_bit(const char *lang)
{
	char *screens;

	wiz_job("failed");
	screens = wiz_run(
		"<wait 1/8><snap><Enter><wait vmferry-errors><snap><Esc>", 80,
		24, lang, true);
	for (const char *p = screens; *p; p++)
		if (*p & 0x80)
			fail_msg("not ASCII:\n%s", screens);
	return screens;
}

/* Accents fall, the words stay. */
static void ascii_fr(void **state)
{
	_free_ char *s = seven_bit("fr");

	(void)state;
	assert_non_null(strstr(s, "Liste des etapes"));
	assert_non_null(strstr(s, "hebergeur") || strstr(s, "reprend"));
	assert_non_null(strstr(s, "noeud") || strstr(s, "neud"));
}

/* What cannot be shown is not chosen: English instead of "????". */
static void ascii_ru(void **state)
{
	_free_ char *s = seven_bit("ru");

	(void)state;
	assert_non_null(strstr(s, "Checklist"));
	assert_null(strstr(s, "??"));
}

#define IN_STATE(f) cmocka_unit_test_setup_teardown(f, wiz_setup, wiz_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STATE(walk_en),
		IN_STATE(walk_fr),
		IN_STATE(walk_ru),
		IN_STATE(walk_large),
		cmocka_unit_test(jobs_en),
		cmocka_unit_test(jobs_fr),
		cmocka_unit_test(jobs_ru),
		IN_STATE(ascii_fr),
		IN_STATE(ascii_ru),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
