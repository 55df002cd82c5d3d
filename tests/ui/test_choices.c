/*
 * What is chosen on the pages before Review, and what becomes of it: hosters,
 * blockers that a key mends, firmware, kept passwords, the token (wizlab.h).
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

static int count(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

#define TO_NETWORK                                                      \
	"<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter><wait 3/8>" \
	"<wait 768.0 MiB><Enter><wait 4/8><^N><wait 8.4.21><^N><wait 5/8>"

/* --- blockers, firmware --- */

/* No place for the VM as chosen: told with what helps, mended by f, and every
 * other choice is as it was. */
static void blocker_fixed(void **state)
{
	_free_ char *choices = NULL;

	(void)state;
	golden("wizard-fix",
		"<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter><wait 3/8>"
		"<wait 768.0 MiB><Enter><wait 4/8><^N><wait 8.4.21><^U>mail01"
		"<Tab>105<^N><wait 5/8><^N><wait BLOCKER><snap>f"
		"<wait mail01><snap>",
		80, 24, "", false);
	choices = wiz_read("../wizard/choices.json");
	assert_non_null(strstr(choices, "\"vmid\": 0"));
	assert_non_null(strstr(choices, "\"name\": \"mail01\""));
}

/* A blocker without a key: f does nothing, Enter goes back to the choices. */
static void blocker_not_fixed(void **state)
{
	_free_ char *s = NULL;

	(void)state;
	wiz_write("fail-plan",
		"VM_UNSUPPORTED  plan the move of web01\n"
		"  why   web01 is suspended: resume it, then shut it down\n");
	s = wiz_run(TO_NETWORK "<^N><wait BLOCKER>f<snap><Enter><wait 5/8>", 80,
		24, "", false);
	if (strstr(s, "(waited") || strstr(s, "f Fix"))
		fail_msg("%s", s);
}

static void firmware_chosen(void **state)
{
	_free_ char *choices = NULL, *s = NULL;

	(void)state;
	s = wiz_run("<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter>"
		    "<wait 3/8><wait 768.0 MiB><Enter><wait 4/8><^N>"
		    "<wait 8.4.21><Tab><Tab><Tab><Tab><Right><Right><snap>"
		    "<^N><wait 5/8><^N><wait 6/8><wait web01>",
		80, 24, "", false);
	choices = wiz_read("../wizard/choices.json");
	if (!strstr(choices, "\"firmware\": \"uefi\"") ||
		!strstr(s, "> Firmware") || strstr(s, "(waited"))
		fail_msg("%s\n%s", choices, s);
}

/* --- kept passwords --- */

static void forget_file(const char *name)
{
	_free_ char *path = wiz_path(name);

	unlink(path);
}

/* Asked for, kept once it served; offered by leaving the field empty; off
 * again, it is gone. */
static void password_kept(void **state)
{
	static const char line[] =
		"esxi.password root@esxi1.example:22=correct-horse\n";
	_free_ char *none = NULL, *kept = NULL, *given = NULL, *gone = NULL;
	_free_ char *s = NULL;

	(void)state;
	free(wiz_run("<wait 1/8>n<wait 2/8><^N><wait SHA256><Left><Enter>"
		     "<wait 3/8>",
		80, 24, "", false));
	none = wiz_read("../secrets");
	assert_string_equal(none, "");
	free(wiz_run("<wait 1/8>n<wait 2/8><Tab><Tab><Tab><Tab> <^N><wait 3/8>",
		80, 24, "", false));
	kept = wiz_read("../secrets");
	assert_string_equal(kept, line);
	/* Another day, nothing typed. */
	wiz_write("secrets", "pve.secret=battery-staple\n");
	s = wiz_run(
		"<wait 1/8>n<wait 2/8><snap><^N><wait 3/8>", 80, 24, "", false);
	given = wiz_read("given");
	if (!strstr(s, "[x] Keep") || strstr(s, "correct-horse") ||
		!strstr(given, "esxi.password=correct-horse\n"))
		fail_msg("%s\n%s", given, s);
	/* Not for another host; and off. */
	free(wiz_run("<wait 1/8>n<wait 2/8><Tab><^U>esxi9<^N><wait 3/8><Esc>"
		     "<wait 2/8><Tab><^U>esxi1.example<Tab><Tab><Tab> <^N>"
		     "<wait 3/8>",
		80, 24, "", false));
	gone = wiz_read("../secrets");
	assert_string_equal(gone, "");
}

static void not_for_another(void **state)
{
	_free_ char *given = NULL;

	(void)state;
	forget_file("stranger");
	wiz_write("secrets", "pve.secret=battery-staple\n");
	wiz_write("../secrets",
		"esxi.password root@esxi1.example:22=correct-horse\n");
	free(wiz_run("<wait 1/8>n<wait 2/8><Tab><^U>esxi9<^N><wait 3/8>", 80,
		24, "", false));
	given = wiz_read("given");
	assert_null(strstr(given, "correct-horse"));
}

/* Refused: told, forgotten, and not sent a second time. */
static void kept_is_refused(void **state)
{
	_free_ char *s = NULL, *kept = NULL, *seen = NULL;

	(void)state;
	wiz_write("secrets", "pve.secret=battery-staple\n");
	wiz_write("../secrets",
		"esxi.password root@esxi1.example:22=old-horse\n");
	wiz_write("fail-scan",
		"SSH_AUTH  log in to esxi1.example as root\n"
		"  why   the password was refused\n");
	s = wiz_run("<wait 1/8>n<wait 2/8><^N><wait vmferry-errors><Enter>"
		    "<wait forgotten><snap><Enter><snap>",
		80, 24, "", false);
	kept = wiz_read("../secrets");
	seen = wiz_read("calls");
	if (strstr(s, "(waited") || *kept || count(seen, "scan") != 1)
		fail_msg("%s\n%s\n%s", kept, seen, s);
}

/* On a node, as lines: the token instead of typing. */
static void token_plain(void **state)
{
	_free_ char *s = NULL, *seen = NULL, *given = NULL;

	(void)state;
	forget_file("stranger");
	wiz_write("node", "");
	wiz_write("secrets", "esxi.password=correct-horse\n");
	s = wiz_run_plain("n<Enter>"
			  "<Enter><Enter><Enter><Enter><Enter><Enter><Enter>"
			  "1<Enter>"
			  "<Enter>y<Enter>1<Enter>"
			  "<called token>q<Enter>1<Enter>");
	seen = wiz_read("calls");
	given = wiz_read("given");
	if (!strstr(s, "Make an API token on this node (y/n) [n]:") ||
		!strstr(seen,
			"--pve localhost --pve-user "
			"root@pam!vmferry-testhost") ||
		!strstr(given, "pve.secret=aaaa-bbbb\n") ||
		strstr(s, "aaaa-bbbb"))
		fail_msg("%s\n%s\n%s", given, seen, s);
}

/* A hoster with an API: its keys, the address, and its word in Review. Keys
 * go through the pipe only. */
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

/* On a machine of theirs the hoster is proposed; routed through the node the
 * guest's gateway is the node's address on the bridge, and no MAC is made. */
static void hoster_routed_here(void **state)
{
	_free_ char *seen = NULL, *choices = NULL, *s = NULL;

	(void)state;
	if (geteuid() != 0)
		skip();
	wiz_host = "ns3141.ip-198-51-100.eu";
	s = wiz_run(TO_NETWORK
		"<^U><Tab><^U><Tab><^U><Tab><snap><Tab><Tab>applab-key<Tab>"
		"applab-secret<Tab>consumer-lab<Tab>203.0.113.9<Tab><Tab>"
		"<Right><snap><^N><wait 6/8>",
		80, 24, "", false);
	wiz_host = "testhost";
	if (strstr(s, "(waited") || !strstr(s, "OVHcloud"))
		fail_msg("%s", s);
	seen = wiz_read("calls");
	assert_non_null(
		strstr(seen, "--routed 203.0.113.1 --json 203.0.113.9"));
	choices = wiz_read("../wizard/choices.json");
	assert_non_null(strstr(choices, "\"network\": \"routed\""));
	assert_non_null(strstr(choices, "\"gateway\": \"203.0.113.1\""));
	assert_non_null(strstr(choices, "\"mac\": \"none\""));
}

/* From the first field of Network to VMware Tools. */
#define TO_TOOLS "<Tab><Tab><Tab><Tab><Tab>"

/* What is changed inside: all of it is in the plan's choices, the password of
 * the guest with the secrets alone. */
static void inside_chosen(void **state)
{
	static const char *const said[] = {"\"tools_remove\": true",
		"\"agent\": true", "\"serial\": true",
		"\"agent_package\": \"/root/agent.deb\"", "\"user\": \"admin\"",
		"\"port\": 2222", "\"key_file\": \"/root/key\""};
	_free_ char *choices = NULL, *recent = NULL, *given = NULL;

	(void)state;
	wiz_new_job("ask-bus");
	golden("wizard-inside",
		TO_NETWORK TO_TOOLS
		"<Right><Tab> <Tab>agent.deb<Tab><wait its path><snap>"
		"<BackTab><^U>/root/agent.deb<Tab> <Tab> <Tab><^U>admin<Tab>"
		"/root/key<Tab>hunter2<Tab><Tab><^U>2222<snap><^N><wait 6/8>"
		"<PgDn><wait inside><snap><Enter>web01<Enter><Enter>"
		"<wait 7/8>",
		80, 24, "", false);
	choices = wiz_read("../wizard/choices.json");
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		if (!strstr(choices, said[i]))
			fail_msg("%s\n%s", said[i], choices);
	recent = wiz_read("../recent");
	given = wiz_read("given");
	assert_null(strstr(choices, "hunter2"));
	assert_null(strstr(recent, "hunter2"));
	assert_non_null(strstr(given, "guest.password=hunter2\n"));
}

/* A guest that is not adapted has nothing of it; SSH is only a look. */
static void inside_left(void **state)
{
	_free_ char *choices = NULL, *s = NULL;

	(void)state;
	s = wiz_run(TO_NETWORK TO_TOOLS
		"<Right><BackTab> <snap><Tab> <snap><^N><wait 6/8>",
		80, 24, "", false);
	choices = wiz_read("../wizard/choices.json");
	if (strstr(s, "(waited") || strstr(choices, "tools_remove") ||
		!strstr(choices, "\"fix\": false") ||
		!strstr(choices, "\"ssh\"") || !strstr(s, "SSH password"))
		fail_msg("%s\n%s", choices, s);
}

/* How long the old VM is kept is the operator's choice, remembered. */
static void kept_days(void **state)
{
	_free_ char *choices = NULL, *recent = NULL, *s = NULL;

	(void)state;
	wiz_new_job("ask-bus");
	s = wiz_run(TO_NETWORK TO_TOOLS
		"<Tab><Tab><Tab><Tab><Tab><Tab><^U>0<^N><wait 1><snap><^U>30"
		"<^N>"
		"<wait 6/8><snap><Enter>web01<Enter><Enter>"
		"<wait 7/8>",
		80, 24, "", false);
	if (strstr(s, "(waited") || !strstr(s, "off, for 30 days"))
		fail_msg("%s", s);
	choices = wiz_read("../wizard/choices.json");
	assert_non_null(strstr(choices, "\"keep_days\": 30"));
	recent = wiz_read("../recent");
	assert_non_null(strstr(recent, "\"keep_days\": \"30\""));
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

#define IN_STATE(f) cmocka_unit_test_setup_teardown(f, wiz_setup, wiz_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STATE(hoster),
		IN_STATE(hoster_says_no),
		IN_STATE(hoster_routed_here),
		IN_STATE(inside_chosen),
		IN_STATE(inside_left),
		IN_STATE(kept_days),
		IN_STATE(blocker_fixed),
		IN_STATE(blocker_not_fixed),
		IN_STATE(firmware_chosen),
		IN_STATE(password_kept),
		IN_STATE(not_for_another),
		IN_STATE(kept_is_refused),
		IN_STATE(token_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
