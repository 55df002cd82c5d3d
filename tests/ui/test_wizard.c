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

static void diff_skipped(void **state)
{
	(void)state;
	wiz_job("ask-fix");
	done("<wait 1/8><Enter><wait +auto ens18><Enter><Right><Enter><called "
	     "answer ask-fix guest_fix.apply/etc/network/interfaces skip>");
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
		"<wait 1/8>n<wait 2/8><^U>esxi7.example<^N><wait SHA256><Left>"
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
	if (!strstr(s, "the password was refused") || strstr(s, "(waited"))
		fail_msg("%s", s);
}

#define IN_STATE(f) cmocka_unit_test_setup_teardown(f, wiz_setup, wiz_teardown)

/* A hoster with an API: its keys, the address, and its word in Review. Keys
 * go through the pipe only. */
#define TO_NETWORK                                                      \
	"<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter><wait 3/8>" \
	"<wait 768.0 MiB><Enter><wait 4/8><^N><wait 8.4.21><^N><wait 5/8>"
#define OVH                                                                 \
	"<^U><Tab><^U><Tab><^U><Tab><Right><Right><Right><Right><Tab><Tab>" \
	"applab-key<Tab>"                                                   \
	"applab-secret<Tab>consumer-lab<Tab>203.0.113.9<Tab>ns2"

static void hoster(void **state)
{
	_free_ char *seen = NULL, *choices = NULL;

	(void)state;
	golden("wizard-hoster",
		TO_NETWORK OVH "<snap><PgDn><snap><^N><wait 6/8><snap>"
			       "<PgDn><snap>",
		80, 24, "", false);
	seen = wiz_read("calls");
	assert_non_null(strstr(seen,
		"hoster show --provider ovh --url https://eu.api.ovh.com/1.0 "
		"--json 203.0.113.9 ns2 --secrets fd:3"));
	assert_null(strstr(seen, "applab"));
	assert_null(strstr(seen, "consumer-lab"));
	assert_non_null(strstr(seen, "plan --facts"));
	choices = wiz_read("../wizard/choices.json");
	assert_non_null(strstr(choices, "\"provider\": \"ovh\""));
	assert_non_null(strstr(choices, "\"timing\": \"early\""));
	assert_null(strstr(choices, "applab"));
}

/* What the hoster refuses is known on this page, and it stays. */
static void hoster_says_no(void **state)
{
	_free_ char *s = NULL;

	(void)state;
	wiz_write("fail-hoster",
		"HOSTER_TARGET  check that 203.0.113.8/29 can move\n"
		"  why   blocks are bound to a region\n");
	s = wiz_run(TO_NETWORK OVH "<^N><wait HOSTER_TARGET><Enter><snap>", 80,
		24, "", false);
	if (!strstr(s, "5/8") || strstr(s, "6/8") || strstr(s, "(waited"))
		fail_msg("%s", s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STATE(walk),
		IN_STATE(walk_large),
		cmocka_unit_test(jobs),
		IN_STATE(answers),
		IN_STATE(answer_checked),
		IN_STATE(diff_skipped),
		IN_STATE(retried),
		IN_STATE(skip_has_reason),
		IN_STATE(way_back),
		IN_STATE(back_keeps),
		IN_STATE(stranger_refused),
		IN_STATE(blocked_stays),
		IN_STATE(wrong_name),
		IN_STATE(verb_fails),
		IN_STATE(hoster),
		IN_STATE(hoster_says_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
