/* Who answers ARP on an interface: a veth pair in a network namespace of the
 * test's own. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "probe.h"
#include "proc.h"
#include "str.h"

#define MAC "02:00:00:1a:2b:3c"

static bool ready;

static bool ip(const char *a, const char *b, const char *c, const char *d,
	const char *f, const char *g, const char *h, const char *i)
{
	const char *const argv[] = {"ip", a, b, c, d, f, g, h, i, NULL};

	return proc_must(argv, NULL, NULL, ERR_IO, NULL) == 0;
}

static int setup(void **state)
{
	(void)state;
	ready = geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
		ip("link", "add", "va", "type", "veth", "peer", "name", "vb") &&
		ip("link", "set", "vb", "address", MAC, "up", NULL, NULL) &&
		ip("link", "set", "va", "up", NULL, NULL, NULL, NULL) &&
		ip("addr", "add", "203.0.113.9/32", "dev", "vb", NULL, NULL,
			NULL);
	return 0;
}

static void need(void)
{
	if (ready)
		return;
	print_message("skipped: needs root and a network namespace\n");
	skip();
}

static void answered(void **state)
{
	char mac[PROBE_MAC_LEN] = "";
	struct err e = {0};

	(void)state;
	need();
	if (probe_arp("va", "203.0.113.9", 10, mac, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	assert_string_equal(mac, MAC);
}

static void nobody(void **state)
{
	char mac[PROBE_MAC_LEN] = "untouched";
	double began = now_mono();
	struct err e = {0};

	(void)state;
	need();
	assert_int_equal(probe_arp("va", "203.0.113.10", 1.5, mac, &e), -1);
	assert_int_equal(e.code, ERR_NET_UNREACHABLE);
	assert_string_equal(mac, "untouched");
	assert_true(now_mono() - began < 60);
}

static void refused(void **state)
{
	char mac[PROBE_MAC_LEN];
	struct err e = {0};

	(void)state;
	need();
	assert_int_equal(probe_arp("vx", "203.0.113.9", 1, mac, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_int_equal(probe_arp("va", "x", 1, mac, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answered),
		cmocka_unit_test(nobody),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
