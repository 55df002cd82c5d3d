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
#include <unistd.h>
#include <cmocka.h>

#include "guest/packages.h"
#include "guest_dir.h"
#include "proc.h"
#include "stop.h"
#include "str.h"
#include "testdir.h"

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

/* What hangs is a script that dpkg waits for: that is ended, dpkg says so and
 * ends, and what it left is said. */
static void hangs_in_its_script(void **state)
{
	double began = now_mono();

	(void)state;
	put_dpkg("exit 0",
		"sh -c 'echo Stopping; sleep 100; sleep 100'; "
		"echo 'dpkg: error processing package open-vm-tools'; "
		"echo 'echo purge ok half-installed' >usr/bin/dpkg-query; "
		"exit 1");
	work_out(true);
	guest_run_limit = 1;
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	guest_run_limit = 900;
	assert_true(now_mono() - began < 90);
	assert_string_equal(cs.c[0].said,
		"open-vm-tools was removed in part only (/usr/bin/dpkg was "
		"stopped after 1 s; the last it said: dpkg: error processing "
		"package open-vm-tools; dpkg has it as \"purge ok "
		"half-installed\"): it does not start outside VMware. In the "
		"guest: dpkg --purge open-vm-tools");
	assert_true(guest_has(g, DROPIN));
}

/* One that does not heed it is killed. */
static void hangs_itself(void **state)
{
	double began = now_mono();

	(void)state;
	put_dpkg("exit 0", "trap '' TERM; while :; do sleep 1; done");
	work_out(true);
	guest_run_limit = 1;
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	guest_run_limit = 900;
	assert_true(now_mono() - began < 90);
	assert_non_null(strstr(cs.c[0].said, "was not removed"));
	assert_non_null(strstr(cs.c[0].said, "stopped after 1 s"));
}

/* A service that a script started holds neither us nor the disk. */
static void leaves_a_service(void **state)
{
	double began = now_mono();
	uint64_t pid;

	(void)state;
	put_dpkg("exit 0", "sleep 100 & echo $! >service; exit 0");
	work_out(true);
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	assert_true(now_mono() - began < 90);
	assert_null(cs.c[0].said);
	_free_ char *text = guest_dir_get(g, "/service");

	assert_int_equal(str_u64(str_trim(text), UINT32_MAX, &pid), 0);
	/* A zombie has no executable, and holds nothing. */
	_free_ char *exe = xasprintf("/proc/%u/exe", (unsigned)pid);
	char to[64];

	while (readlink(exe, to, sizeof(to)) > 0) {
		assert_true(now_mono() - began < 90);
		stop_sleep(20, NULL);
	}
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

/* --- the agent --- */

#define AGENT "qemu-guest-agent"
#define DEB "1:7.2+dfsg-7+deb12u18"

static char here[TEST_DIR_LEN];

static int set_up_agent(void **state)
{
	assert_non_null(test_dir(here, "packages"));
	return set_up(state);
}

static int tear_down_agent(void **state)
{
	const char *const rm[] = {"rm", "-rf", here, NULL};

	assert_int_equal(proc_must(rm, NULL, NULL, ERR_IO, NULL), 0);
	return tear_down(state);
}

/* A file of this machine; its content is "NAME VERSION ARCH", which the fake
 * dpkg-deb and rpm say of it. Borrowed. */
static const char *put_file(const char *name, const char *content)
{
	static char path[TEST_DIR_LEN + 64];

	snprintf(path, sizeof(path), "%s/%s", here, name);
	assert_int_equal(
		file_write(path, content, strlen(content), 0600, NULL), 0);
	return path;
}

/* A Debian 12 whose apt-get and dpkg -i do as told. */
static void debian(const char *simulated, const char *real)
{
	_free_ char *apt = xasprintf(LOG "%s\n", simulated);
	_free_ char *dpkg = xasprintf(LOG
		"case $1 in\n--print-architecture) echo amd64 ;;\n"
		"--force-confold) %s ;;\nesac\n",
		real);

	guest_dir_put(g, "/etc/os-release",
		"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n");
	guest_dir_put(g, "/etc/debian_version", "12.11\n");
	guest_dir_put(g, "/var/lib/dpkg/status", "");
	guest_dir_put(g, "/usr/bin/dpkg", dpkg);
	guest_dir_put(g, "/usr/bin/apt-get", apt);
	guest_dir_put(g, "/bin/rm", "rm -rf .\"$2\"\n");
	guest_dir_put(g, "/usr/bin/dpkg-deb", "tr ' ' '\\n' <.\"$3\"\n");
}

static void want_agent(const char *package, bool first_boot)
{
	_json_ json_t *want = json_object();

	json_put_str(want, "agent_package", package);
	json_put_bool(want, "agent", first_boot);
	guest_changes_free(&cs);
	guest_agent_changes(g, want, &cs);
}

/* Nothing is left of the files in the guest. */
static void assert_clean(void)
{
	assert_false(guest_has(g, "/var/tmp/vmferry-packages"));
}

static void agent_from_a_file(void **state)
{
	const char *path = put_file("a.deb", AGENT " " DEB " amd64\n");

	(void)state;
	debian("echo Inst", "mkdir -p usr/sbin; cp .$3 usr/sbin/qemu-ga");
	want_agent(path, true);
	assert_int_equal(cs.n_left, 0);
	assert_int_equal(cs.n, 1);
	_free_ char *diff = guest_diff(&cs.c[0]);
	_free_ char *line = xasprintf(
		"    " AGENT " " DEB " (amd64), %s\n      sha256 ", path);

	assert_non_null(strstr(diff, line));
	assert_non_null(strstr(diff, "way back: dpkg --purge " AGENT));
	assert_clean();
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	assert_null(cs.c[0].said);
	_free_ char *there = guest_dir_get(g, "/usr/sbin/qemu-ga");

	assert_string_equal(there, AGENT " " DEB " amd64\n");
	assert_clean();
	want_agent(path, true);
	assert_int_equal(cs.n + cs.n_left, 0);
}

/* Another file in its place is another change. */
static void another_file_is_seen(void **state)
{
	const char *path = put_file("a.deb", AGENT " " DEB " amd64\n");
	_free_ char *was = NULL, *is = NULL;

	(void)state;
	debian("exit 0", "exit 0");
	want_agent(path, false);
	was = guest_diff(&cs.c[0]);
	put_file("a.deb", AGENT " " DEB " amd64\nx");
	want_agent(path, false);
	is = guest_diff(&cs.c[0]);
	assert_string_not_equal(was, is);
}

static void refused_agents(void **state)
{
	static const struct {
		const char *name, *content, *why;
	} row[] = {
		{"a.deb", AGENT " 1:5.2+dfsg-11+deb11u3 amd64\n",
			"is made for Debian 11, the guest is Debian 12"},
		{"a.deb", AGENT " 1:6.2+dfsg-2ubuntu6.22 amd64\n",
			"is made for Ubuntu"},
		{"a.deb", AGENT " " DEB " arm64\n",
			"is made for arm64, the guest is amd64"},
		{"a.deb", "hello " DEB " amd64\n", "it is no package " AGENT},
		{"a.deb", "no package", "it is no package"},
		{"a.rpm", AGENT " 8.2-1.el9 x86_64\n",
			"packages that end in .deb"},
	};

	(void)state;
	debian("exit 0", "exit 0");
	guest_dir_put(g, "/etc/systemd/system/x.service", "");
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const char *path = put_file(row[i].name, row[i].content);

		want_agent(path, true);
		assert_non_null(strstr(cs.left[0], row[i].why));
		/* The unit for the first start comes in its place. */
		assert_int_equal(cs.n, 2);
		assert_null(cs.c[0].package);
		assert_clean();
	}
	want_agent("/nonexistent/a.deb", false);
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 2);
}

static void what_it_needs_is_missing(void **state)
{
	const char *path = put_file("a.deb", AGENT " " DEB " amd64\n");

	(void)state;
	debian("echo 'The following packages have unmet dependencies:'; echo "
	       "' " AGENT " : Depends: liburing2 (>= 2.3) but it is not "
	       "installable'; echo 'E: Unable to correct problems'; exit 100",
		"exit 0");
	want_agent(path, false);
	assert_int_equal(cs.n, 0);
	assert_non_null(strstr(cs.left[0],
		"apt-get: " AGENT " : Depends: liburing2 (>= 2.3) but it is "
		"not installable"));
	assert_clean();
}

/* A directory: the agent and what it needs, all given to one run. */
static void agent_with_its_needs(void **state)
{
	(void)state;
	put_file("b.deb", AGENT " " DEB " amd64\n");
	put_file("a.deb", "liburing2 2.3-3 amd64\n");
	put_file("README", "x");
	debian("exit 0", "exit 0");
	want_agent(here, false);
	assert_int_equal(cs.n, 1);
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	_free_ char *calls = guest_dir_get(g, "/calls");

	assert_non_null(strstr(calls,
		"dpkg --force-confold -i /var/tmp/vmferry-packages/0.deb "
		"/var/tmp/vmferry-packages/1.deb\n"));
	put_file("c.deb", AGENT " " DEB " amd64\n");
	want_agent(here, false);
	assert_int_equal(cs.n, 0);
	assert_non_null(strstr(cs.left[0], "there is more than one"));
}

/* Unpacked and refused: taken away again, and said. */
static void agent_refused_in_the_end(void **state)
{
	const char *path = put_file("a.deb", AGENT " " DEB " amd64\n");

	(void)state;
	debian("exit 0", "echo 'dpkg: error processing package x'; exit 1");
	want_agent(path, false);
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	assert_non_null(strstr(cs.c[0].said, "was not installed (dpkg: "));
	_free_ char *calls = guest_dir_get(g, "/calls");

	assert_non_null(strstr(calls, "dpkg --purge " AGENT "\n"));
	assert_clean();
}

static void agent_as_rpm(void **state)
{
	const char *path = put_file("a.rpm", AGENT " 8.2.0-11.el9_4 x86_64\n");

	(void)state;
	guest_dir_put(
		g, "/etc/os-release", "ID=\"almalinux\"\nVERSION_ID=\"9.4\"\n");
	guest_dir_put(g, "/var/lib/rpm/Packages", "");
	guest_dir_put(g, "/bin/rm", "rm -rf .\"$2\"\n");
	guest_dir_put(g, "/usr/bin/rpm",
		LOG "case $1 in\n-E) echo x86_64 ;;\n"
		    "-qp) echo 'warning: NOKEY'; tr ' ' '\\n' <.\"$5\" ;;\n"
		    "-ql) echo /usr/bin/rpm; echo /gone ;;\nesac\n");
	guest_dir_put(g, "/usr/sbin/setfiles", LOG);
	guest_dir_put(
		g, "/etc/selinux/targeted/contexts/files/file_contexts", "");
	want_agent(path, false);
	assert_int_equal(cs.n, 1);
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	assert_null(cs.c[0].said);
	_free_ char *calls = guest_dir_get(g, "/calls");

	assert_non_null(strstr(
		calls, "rpm -U --test /var/tmp/vmferry-packages/0.rpm\n"));
	assert_non_null(
		strstr(calls, "rpm -U /var/tmp/vmferry-packages/0.rpm\n"));
	assert_non_null(strstr(calls,
		"setfiles -F /etc/selinux/targeted/contexts/files/"
		"file_contexts /usr/bin/rpm\n"));
}

/* None of them is passed over without a word. */
static void too_many_files(void **state)
{
	(void)state;
	debian("exit 0", "exit 0");
	for (int i = 0; i < 65; i++) {
		_free_ char *name = xasprintf("%d.deb", i);

		put_file(name, AGENT " " DEB " amd64\n");
	}
	want_agent(here, true);
	assert_non_null(strstr(cs.left[0], "more than 64 .deb files"));
	assert_clean();
	for (int i = 0; i < 65; i++) {
		_free_ char *path = xasprintf("%s/%d.deb", here, i);

		unlink(path);
	}
}

static void whose_packages_are(void **state)
{
	static const struct {
		const char *package, *distro, *version, *foreign;
	} row[] = {
		{"1:7.2+dfsg-7+deb12u18", "debian", "12.11", NULL},
		{"1:7.2+dfsg-7+deb12u18", "debian", "11.9", "Debian 12"},
		{"1:7.2+dfsg-7+deb12u18", "debian", "trixie/sid", NULL},
		{"1:9.2~bpo12+1", "debian", "12.5", NULL},
		{"1:7.2+dfsg-7", "debian", "11.9", NULL},
		{"1:7.2+dfsg-7+deb12u18", "ubuntu", "22.04", "Debian 12"},
		{"1:7.2+dfsg-7+deb12u18", "devuan", "5", NULL},
		{"1:6.2-2ubuntu6.22", "ubuntu", "22.04", NULL},
		{"1:6.2-2ubuntu6.22", "debian", "12", "Ubuntu"},
		{"8.2.0-11.el9_4", "rocky", "9.4", NULL},
		{"8.2.0-11.el9_4", "rocky", "8.10", "RHEL 9"},
		{"8.2.0-11.el9_4", "opensuse-leap", "15.5", "RHEL 9"},
		{"8.2.0-11.fc40", "fedora", "40", NULL},
		{"8.2.0-11.fc40", "fedora", "41", "Fedora 40"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		_free_ char *f = packages_foreign(
			row[i].package, row[i].distro, row[i].version);

		if (row[i].foreign)
			assert_string_equal(f, row[i].foreign);
		else
			assert_null(f);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define A(name) \
	cmocka_unit_test_setup_teardown(name, set_up_agent, tear_down_agent)

int main(void)
{
	const struct CMUnitTest tests[] = {T(removed_when_nothing_needs_it),
		T(by_default_nothing_runs), T(kept_where_a_package_needs_it),
		T(refused_in_the_end), T(hangs_in_its_script), T(hangs_itself),
		T(leaves_a_service), T(rpm_is_asked_its_own_way),
		T(without_a_manager), T(words_are_printable),
		A(agent_from_a_file), A(another_file_is_seen),
		A(refused_agents), A(what_it_needs_is_missing),
		A(agent_with_its_needs), A(agent_refused_in_the_end),
		A(agent_as_rpm), A(too_many_files),
		cmocka_unit_test(whose_packages_are)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
