/*
 * Packages by the guest's own package manager. The words of dpkg and rpm are
 * those of Debian 12's and RHEL 9's; the programs here are scripts in a tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/packages.h"
#include "guest_dir.h"
#include "str.h"

#define CONF "/etc/vmware-tools/tools.conf"
#define DROPIN "/etc/systemd/system/open-vm-tools.service.d/vmferry.conf"

static struct guest *g;
static struct guest_changes cs;

static int set_up(void **state)
{
	(void)state;
	g = guest_dir_new();
	guest_dir_runs(g);
	guest_dir_put(g, "/usr/lib/systemd/system/open-vm-tools.service", "");
	guest_dir_put(g, CONF, "[vmtools]\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guest_changes_free(&cs);
	guest_dir_free(g);
	return 0;
}

/* What every call of a manager was given is in the tree's file "calls". */
#define LOG "echo \"${0##*/} $*\" >>calls\n"

/* dpkg, whose dry run and real run do as told. */
static void put_dpkg(const char *dry, const char *real)
{
	_free_ char *text = xasprintf(LOG
		"case $1 in\n--dry-run) %s ;;\n--purge) %s ;;\nesac\n",
		dry, real);

	guest_dir_put(g, "/var/lib/dpkg/status", "");
	guest_dir_put(g, "/usr/bin/dpkg", text);
	guest_dir_put(g, "/usr/bin/dpkg-query",
		LOG "case $3 in\n"
		    "*Conffiles*) echo; echo ' " CONF " 76d7075d'\n"
		    "echo ' /etc/gone 76d7075d obsolete' ;;\n"
		    "*) echo 'install ok installed'; echo 2:12.2.0-1 ;;\n"
		    "esac\n");
}

static void work_out(bool remove)
{
	_json_ json_t *want = json_object();

	json_put_bool(want, "tools_remove", remove);
	guest_changes_free(&cs);
	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
}

static void assert_calls(const char *want)
{
	_free_ char *calls = guest_dir_get(g, "/calls");

	assert_string_equal(calls, want);
}

static void removed_when_nothing_needs_it(void **state)
{
	(void)state;
	put_dpkg("echo 'Would remove or purge open-vm-tools ...'",
		"rm usr/lib/systemd/system/open-vm-tools.service "
		"etc/vmware-tools/tools.conf");
	work_out(true);
	assert_int_equal(cs.n, 1);
	assert_int_equal(cs.n_left, 0);
	assert_string_equal(cs.c[0].path, "package:open-vm-tools");
	_free_ char *diff = guest_diff(&cs.c[0]);

	assert_string_equal(diff,
		"remove the package open-vm-tools 2:12.2.0-1\n"
		"  by dpkg --purge open-vm-tools, in the guest's own root, "
		"with no network\n"
		"  tried by dpkg --dry-run --purge: nothing that is installed "
		"needs it\n"
		"  way back: install open-vm-tools in the guest; its "
		"configuration is kept in /var/backups/vmferry\n"
		"    " CONF "\n");
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	assert_null(cs.c[0].said);
	_free_ char *kept = guest_dir_get(
		g, "/var/backups/vmferry/etc_vmware-tools_tools.conf");

	assert_string_equal(kept, "[vmtools]\n");
	assert_calls("dpkg-query -W -f ${Status}\n${Version}\n open-vm-tools\n"
		     "dpkg --dry-run --purge open-vm-tools\n"
		     "dpkg-query -W -f ${Conffiles}\n open-vm-tools\n"
		     "dpkg --purge open-vm-tools\n");
	work_out(true);
	assert_int_equal(cs.n, 0);
}

/* Not asked for: nothing of the guest runs. */
static void by_default_nothing_runs(void **state)
{
	(void)state;
	put_dpkg("exit 0", "exit 0");
	work_out(false);
	assert_int_equal(cs.n, 1);
	assert_string_equal(cs.c[0].path, DROPIN);
	assert_false(guest_has(g, "/calls"));
}

static void kept_where_a_package_needs_it(void **state)
{
	(void)state;
	put_dpkg("echo 'dpkg: dependency problems prevent removal of "
		 "open-vm-tools:'; echo ' ubuntu-server depends on "
		 "open-vm-tools.'; echo; echo 'dpkg: error processing package "
		 "open-vm-tools (--purge):'; exit 1",
		"echo never >>calls");
	work_out(true);
	assert_int_equal(cs.n, 1);
	assert_string_equal(cs.c[0].path, DROPIN);
	assert_int_equal(cs.n_left, 1);
	assert_string_equal(cs.left[0],
		"open-vm-tools is not removed (dpkg: ubuntu-server depends on "
		"open-vm-tools.): it stays, and does not start outside VMware");
}

/* The simulated run was wrong: kept from starting after all, and said. */
static void refused_in_the_end(void **state)
{
	(void)state;
	put_dpkg("exit 0",
		"echo 'dpkg: error processing package open-vm-tools "
		"(--purge):'; exit 1");
	work_out(true);
	assert_int_equal(cs.n, 1);
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	assert_non_null(cs.c[0].said);
	assert_non_null(strstr(cs.c[0].said, "was not removed"));
	assert_true(guest_has(g, DROPIN));
}

static void rpm_is_asked_its_own_way(void **state)
{
	(void)state;
	guest_dir_put(g, "/usr/lib/sysimage/rpm/rpmdb.sqlite", "");
	guest_dir_put(g, "/usr/bin/rpm",
		LOG "case $* in\n"
		    "'-e --test '*) echo 'error: Failed dependencies:'\n"
		    "printf '\\topen-vm-tools is needed by (installed) "
		    "open-vm-tools-desktop-12.3.5-2.el9.x86_64\\n'; exit 1 ;;\n"
		    "-q*) echo 'ok installed'; echo 12.3.5-2.el9 ;;\nesac\n");
	work_out(true);
	assert_int_equal(cs.n, 1);
	assert_string_equal(cs.c[0].path, DROPIN);
	assert_string_equal(cs.left[0],
		"open-vm-tools is not removed (rpm: open-vm-tools is needed by "
		"(installed) open-vm-tools-desktop-12.3.5-2.el9.x86_64): it "
		"stays, and does not start outside VMware");
}

static void without_a_manager(void **state)
{
	(void)state;
	work_out(true);
	assert_int_equal(cs.n, 1);
	assert_string_equal(cs.c[0].path, DROPIN);
	assert_non_null(strstr(cs.left[0], "neither dpkg nor rpm"));
}

/* Its words go to a screen. */
static void words_are_printable(void **state)
{
	(void)state;
	put_dpkg("printf 'E: \\033[31mno\\n'; exit 1", "exit 0");
	work_out(true);
	assert_non_null(strstr(cs.left[0], "(dpkg: E: ?[31mno)"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(removed_when_nothing_needs_it),
		T(by_default_nothing_runs), T(kept_where_a_package_needs_it),
		T(refused_in_the_end), T(rpm_is_asked_its_own_way),
		T(without_a_manager), T(words_are_printable)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
