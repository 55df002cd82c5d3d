/*
 * The wizard's screens from key scripts, with verbs and jobs from files
 * (wizlab.h). Few golden files, each one walk: `make ui-golden` writes them
 * anew, the diff is read before it is committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/str.h"

#include "wizlab.h"

/* From Start to the name typed on Review. */
#define WALK                                                         \
	"<wait 1/8><snap>n<wait 2/8><snap><^N><wait SHA256><snap>"   \
	"<Left><Enter><wait 3/8><wait web01><snap><Enter><wait 4/8>" \
	"<snap><^N><wait vmbr0><snap><^N><wait 5/8><snap><^N>"       \
	"<wait 6/8><snap><PgDn><snap><Enter><wait web01>web01<snap>"

static void golden(const char *name, const char *keys, int cols, int rows,
	const char *lang, bool ascii)
{
	_free_ char *s = NULL;

	/* The name of the host stands on Start: only root can set it. */
	if (geteuid() != 0)
		skip();
	s = wiz_run(keys, cols, rows, lang, ascii);
	ui_golden(name, s);
}

static void walk(void **state)
{
	(void)state;
	wiz_job("done");
	wiz_new_job("ask-bus");
	golden("wizard-80", wiz_walk, 80, 24, "", false);
}

static void walk_large(void **state)
{
	(void)state;
	wiz_new_job("ask-bus");
	golden("wizard-132", wiz_walk, 132, 43, "", false);
}

static void walk_file(void **state)
{
	_free_ char *seen = NULL;

	(void)state;
	golden("wizard-file", wiz_file_walk, 80, 24, "", false);
	seen = wiz_read("calls");
	assert_non_null(strstr(seen, "-- /srv/export/web01.ova"));
	assert_null(strstr(seen, "--esxi"));
	/* What has no such ending was never looked for. */
	assert_null(strstr(seen, "web01.vmdk"));
}

/* What the file lacks is told, and the page stays. */
static void file_refused(void **state)
{
	_free_ char *s = NULL;

	(void)state;
	wiz_write("fail-scan",
		"NOT_FOUND  scan the file /srv/x.ova\n"
		"  why   /srv/x.ova: No such file or directory\n");
	s = wiz_run("<wait 1/8>n<wait 2/8><Right><Tab>/srv/x.ova<^N>"
		    "<wait [ Close><snap><Enter><wait 2/8><snap>",
		80, 24, "", false);
	if (!strstr(s, "No such file") || strstr(s, "(waited"))
		fail_msg("%s", s);
}

/* The screens of one job in each state. */
static void jobs(void **state)
{
	(void)state;
	for (const struct wiz_script *s = wiz_scripts; s->job; s++) {
		_free_ char *name = xasprintf("job-%s", s->job);
		struct job *job = NULL;
		void *none = NULL;

		wiz_setup(&none);
		wiz_job(s->job);
		if (s->held)
			job = wiz_hold(s->job);
		golden(name, s->keys, 80, 24, "", false);
		if (job)
			wiz_release(job);
		wiz_teardown(&none);
	}
}

/* --- what the keys do ----------------------------------------------------- */

static int count(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* A script that ends with <called>. */
static void done(const char *keys)
{
	_free_ char *screens = wiz_run(keys, 80, 24, "", false);
	_free_ char *seen = wiz_read("calls");

	if (strstr(screens, "(waited") || strstr(screens, "(ended"))
		fail_msg("%s\n%s", seen, screens);
}

static void answers(void **state)
{
	(void)state;
	wiz_job("ask-bus");
	done("<wait 1/8><Enter><wait E1000><Up><Enter>"
	     "<called answer ask-bus choose_bus.bus scsi><called run ask-bus>");
}

static void answer_checked(void **state)
{
	_free_ char *seen = NULL;

	(void)state;
	wiz_job("ask-mac");
	done("<wait 1/8><Enter><wait 198.51.100.7>02:00:zz<^N><^U>"
	     "02:00:00:12:34:56<^N>"
	     "<called answer ask-mac move_ip.mac 02:00:00:12:34:56>");
	seen = wiz_read("calls");
	assert_null(strstr(seen, "zz"));
}

/* Of the texts that the tests make. */
#define EDITED_SUM                         \
	"56f02bd36a06891f21f93b1d8434e89b" \
	"ce269aabdb687d0bd4ee96bc6c438f23"
#define MINE_SUM                           \
	"49cf24c707d61fd324680bc9e7c5b08a" \
	"b77c7dc9b9d229397b7844085379095f"
#define FIX "<wait 1/8><Enter><wait +auto ens18>"
#define FIXED "answer ask-fix guest_fix.apply/etc/network/interfaces "

static void diff_skipped(void **state)
{
	(void)state;
	wiz_job("ask-fix");
	done(FIX "<Enter><Right><Right><Enter><called " FIXED "skip>");
}

/* A program that stands for the operator and the editor: the nth time it is
 * opened it does the nth of these lines with the file. */
static void editor(const char *script)
{
	_free_ char *path = wiz_path("editor");
	_free_ char *text = xasprintf(
		"#!/bin/sh\nn=$(cat \"$FAKE/opened\" 2>/dev/null || echo 0)\n"
		"echo $((n + 1)) >\"$FAKE/opened\"\nstat -c %%a \"$2\" "
		">\"$FAKE/mode\"\nset -- \"$2\" $n\ncase $2 in\n%s\nesac\n",
		script);

	wiz_write("editor", text);
	assert_int_equal(chmod(path, 0700), 0);
	str_set(&path, NULL);
	path = wiz_path("editor -w");
	setenv("VISUAL", path, 1);
}

/* The proposed text in the operator's editor; the answer brings it along. */
static void diff_edited(void **state)
{
	_free_ char *lines = NULL, *mode = NULL, *left = NULL;

	(void)state;
	wiz_job("ask-fix");
	editor("0) sed -i 's/gateway .*/gateway 203.0.113.254/' \"$1\" ;;");
	done(FIX "<Enter><Right><Enter><called " FIXED "edit --content>"
		 "<called run ask-fix>");
	mode = wiz_read("mode");
	assert_string_equal(mode, "600\n");
	lines = wiz_read("../jobs/ask-fix/content-" EDITED_SUM);
	assert_non_null(strstr(lines, "gateway 203.0.113.254\n"));
	assert_non_null(strstr(lines, "address 203.0.113.77/24\n"));
	left = wiz_read("../wizard/edit/interfaces");
	assert_string_equal(left, "");
}

/* What is refused stands in the editor again, not the proposal. */
static void edit_refused(void **state)
{
	_free_ char *s = NULL, *lines = NULL;

	(void)state;
	wiz_job("ask-fix");
	editor("0) printf '# mine\\n\\033[2J\\n' >\"$1\" ;;\n"
	       "1) sed -i '2d' \"$1\" ;;\n2) exit 1 ;;");
	s = wiz_run(FIX
		"<Enter><Right><Enter><wait [ Close><snap><Enter><Enter>"
		"<Enter><called run ask-fix>",
		80, 24, "", false);
	if (!strstr(s, "line 2") || strstr(s, "(waited"))
		fail_msg("%s", s);
	lines = wiz_read("../jobs/ask-fix/content-" MINE_SUM);
	assert_string_equal(lines, "# mine\n");
}

/* An editor that fails, or none: nothing is answered, and it is said. */
static void edit_given_up(void **state)
{
	_free_ char *s = NULL, *seen = NULL;

	(void)state;
	wiz_job("ask-fix");
	editor("0) exit 3 ;;");
	s = wiz_run(FIX "<Enter><Right><Enter><wait ended with an error><snap>"
			"<Enter><Esc>",
		80, 24, "", false);
	seen = wiz_read("calls");
	if (strstr(s, "(waited") || strstr(seen, "answer"))
		fail_msg("%s\n%s", seen, s);
}

/* As lines: a file that is there already. */
static void edited_plain(void **state)
{
	_free_ char *file = NULL, *keys = NULL, *lines = NULL;

	(void)state;
	wiz_job("ask-fix");
	wiz_write("mine", "# mine\n");
	file = wiz_path("mine");
	keys = xasprintf(
		"1<Enter><Enter><Enter>2<Enter>%s<Enter><called run ask-fix>",
		file);
	free(wiz_run_plain(keys));
	lines = wiz_read("../jobs/ask-fix/content-" MINE_SUM);
	assert_string_equal(lines, "# mine\n");
}

static void retried(void **state)
{
	(void)state;
	wiz_job("failed");
	done("<wait 1/8><Enter><wait vmferry-errors><Enter><called run "
	     "failed>");
}

static void skip_has_reason(void **state)
{
	_free_ char *seen = NULL;

	(void)state;
	/* The copy may not be passed over: nothing is called. */
	wiz_job("failed");
	free(wiz_run("<wait 1/8><Enter><wait vmferry-errors><Esc>k<Enter>", 80,
		24, "", false));
	seen = wiz_read("calls");
	assert_null(strstr(seen, "skip"));
}

/* While a worker is at it, k says why nothing is passed over. */
static void skip_at_work(void **state)
{
	_free_ char *s = NULL;
	struct job *job;

	(void)state;
	wiz_job("copying");
	job = wiz_hold("copying");
	s = wiz_run("<wait 1/8><Enter><wait 7/17>k<wait Stop it first><Enter>",
		80, 24, "", false);
	wiz_release(job);
	if (strstr(s, "(waited"))
		fail_msg("%s", s);
}

/* All that a worker wrote is read before it ends: then its end is seen. */
static void slow_to_end(void **state)
{
	_free_ char *s = NULL;
	const char *bad;

	(void)state;
	wiz_write("lingers", "");
	wiz_new_job("guided");
	s = wiz_run(WALK "<Enter><wait How><Enter><wait 7/8>"
			 "<wait at work><wait waits: Enter does this step>",
		132, 43, "", false);
	if ((bad = strstr(s, "(waited")))
		fail_msg("%s", bad);
}

/* m, while the job is at work. */
static void mode_switched(void **state)
{
	struct job *job;

	(void)state;
	wiz_job("copying");
	job = wiz_hold("copying");
	done("<wait 1/8><Enter><wait 7/17><wait Express:>m"
	     "<called guided copying on><wait Guided:>");
	wiz_release(job);
}

static void way_back(void **state)
{
	(void)state;
	wiz_job("stopped");
	done("<wait 1/8><Enter><wait 7/17>w<Enter><Left><Enter>"
	     "<called undo stopped>");
}

/* Back and forth keeps what was typed; no secret is in an argument or on a
 * screen. */
static void back_keeps(void **state)
{
	_free_ char *s = wiz_run(
		"<wait 1/8>n<wait 2/8><Tab><^U>esxi7.example<^N><wait "
		"SHA256><Left>"
		"<Enter><wait 3/8><Esc><wait 2/8><snap><^N><wait 3/8>"
		"<wait web01><Enter><wait 4/8><^N><wait 8.4.21><^U>mail01"
		"<Esc><wait API><^N><wait 8.4.21>",
		80, 24, "", false);
	_free_ char *seen = wiz_read("calls");

	(void)state;
	if (!strstr(s, "mail01") || count(s, "esxi7.example") < 1)
		fail_msg("%s", s);
	assert_null(strstr(s, "correct-horse"));
	assert_null(strstr(seen, "correct-horse"));
	assert_null(strstr(seen, "battery-staple"));
	assert_non_null(strstr(seen, "--esxi esxi7.example"));
	assert_non_null(strstr(seen, "--accept-hostkey SHA256:uWBAd3"));
}

/* "Not now" to a strange host: no second call, back on the form. */
static void stranger_refused(void **state)
{
	_free_ char *s = wiz_run("<wait 1/8>n<wait 2/8><^N><wait SHA256><Enter>"
				 "<wait 2/8>",
		80, 24, "", false);
	_free_ char *seen = wiz_read("calls");

	(void)state;
	assert_int_equal(count(seen, "scan"), 1);
	assert_null(strstr(s, "(waited"));
}

/* A blocked VM is explained, never taken. */
static void blocked_stays(void **state)
{
	_free_ char *s =
		wiz_run("<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter>"
			"<wait 768.0 MiB><End><snap><Enter><snap><Enter>",
			80, 24, "", false);

	(void)state;
	if (!strstr(s, "BLOCKED") || strstr(s, "4/8") || !strstr(s, "3/8"))
		fail_msg("%s", s);
}

/* Help tells where the chosen hoster's keys are made. */
static void hoster_help_page(void **state)
{
	_free_ char *s =
		wiz_run("<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter>"
			"<wait 768.0 MiB><Enter><wait 4/8><^N><wait 8.4.21><^N>"
			"<wait 5/8><Tab><Tab><Tab><Right><Right><Right>"
			"<wait Hetzner><^G><PgDn><wait robot.hetzner.com>",
			80, 24, "", false);

	(void)state;
	if (strstr(s, "(waited"))
		fail_msg("%s", s);
}

/* The name typed wrong starts nothing. */
static void wrong_name(void **state)
{
	_free_ char *seen = NULL;

	(void)state;
	wiz_new_job("ask-bus");
	free(wiz_run("<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter>"
		     "<wait 768.0 MiB><Enter><wait 4/8><^N><wait 8.4.21><^N>"
		     "<wait 5/8><^N><wait 6/8><Enter>web02<Enter><snap><Esc>",
		80, 24, "", false));
	seen = wiz_read("calls");
	assert_non_null(strstr(seen, "plan --facts"));
	assert_null(strstr(seen, "run --plan"));
}

/* A verb that fails: its error whole, and the form is there again. */
static void verb_fails(void **state)
{
	_free_ char *s = NULL;

	(void)state;
	wiz_write("fail-scan",
		"SSH_AUTH  log in to esxi1.example as root\n"
		"  why   the password was refused\n");
	s = wiz_run(
		"<wait 1/8>n<wait 2/8><^N><wait vmferry-errors><snap><Enter>"
		"<wait 2/8>",
		80, 24, "", false);
	if (!strstr(s, "the password was refused") ||
		!strstr(s, "SSH_AUTH  log in to esxi1.example as root") ||
		strstr(s, "(waited"))
		fail_msg("%s", s);
}

/* Lines that hang under their label are counted as they are wrapped. */
static void error_whole(void **state)
{
	_free_ char *s = NULL;

	(void)state;
	wiz_write("fail-scan",
		"SSH_CONNECT  log in to 127.0.0.1 as root\n"
		"  why   127.0.0.1 port 22: Connection refused\n");
	s = wiz_run("<wait 1/8>n<wait 2/8><^N><wait [ Fermer><snap><Enter>", 80,
		24, "fr", false);
	if (!strstr(s, "vmferry-errors(7)") || strstr(s, "(waited"))
		fail_msg("%s", s);
}

/* A name that not every keyboard has: the job's is asked for. */
static void hard_name(void **state)
{
	_free_ char *s = NULL, *seen = NULL;

	(void)state;
	wiz_new_job("ask-bus");
	s = wiz_run(
		"<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter>"
		"<wait 3/8><Down><Down><Enter><wait 4/8><^N><wait 8.4.21><^N>"
		"<wait 5/8><^N><wait 6/8><Enter><snap>vm<Enter>"
		"<wait ]  [><Enter><wait 7/8>",
		80, 24, "", false);
	seen = wiz_read("calls");
	if (strstr(s, "(waited") || !strstr(s, "hard to type") ||
		!strstr(seen, "run --plan"))
		fail_msg("%s", s);
}

#define IN_STATE(f) cmocka_unit_test_setup_teardown(f, wiz_setup, wiz_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STATE(walk),
		IN_STATE(walk_large),
		IN_STATE(walk_file),
		IN_STATE(file_refused),
		cmocka_unit_test(jobs),
		IN_STATE(answers),
		IN_STATE(answer_checked),
		IN_STATE(diff_skipped),
		IN_STATE(diff_edited),
		IN_STATE(edit_refused),
		IN_STATE(edit_given_up),
		IN_STATE(edited_plain),
		IN_STATE(retried),
		IN_STATE(skip_has_reason),
		IN_STATE(skip_at_work),
		IN_STATE(slow_to_end),
		IN_STATE(mode_switched),
		IN_STATE(way_back),
		IN_STATE(back_keeps),
		IN_STATE(stranger_refused),
		IN_STATE(blocked_stays),
		IN_STATE(hoster_help_page),
		IN_STATE(wrong_name),
		IN_STATE(verb_fails),
		IN_STATE(error_whole),
		IN_STATE(hard_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
