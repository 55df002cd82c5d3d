/*
 * What is learnt from a guest that runs: words of fstrim and ip, its serial
 * line, its host keys by the files on its disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "boot_serial.h"
#include "guest_dir.h"
#include "guest_reboot.h"
#include "guest_said.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

/* --- fstrim --- */

static void reads_fstrim(void **state)
{
	static const struct {
		const char *text;
		size_t rows;
		uint64_t sum;
	} row[] = {
		{"", 0, 0},
		/* util-linux 2.19, 2.25, 2.36; busybox */
		{"/: 123456 bytes were trimmed\n", 1, 123456},
		{"/boot: 1.2 GiB (1234567 bytes) trimmed\n"
		 "/: 0 B (0 bytes) trimmed\n",
			2, 1234567},
		{"/srv: 4 KiB (4096 bytes) trimmed on /dev/sdb1\r\n", 1, 4096},
		{"/data: 98304000 bytes trimmed\n", 1, 98304000},
		{"/a: b: 12 bytes were trimmed\n", 1, 12},
		/* What is no result. */
		{"fstrim: /: the discard operation is not supported\n", 0, 0},
		{"fstrim: /: FITRIM ioctl failed: Operation not supported\n", 0,
			0},
		{"/: bytes were trimmed\n", 0, 0},
		{"/: 99999999999999999999999 bytes were trimmed\n", 0, 0},
		{"/: 12 bytes\n", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint64_t sum = 7;
		_json_ json_t *rows = guest_said_fstrim(row[i].text, &sum);

		assert_int_equal(json_array_size(rows), row[i].rows);
		assert_int_equal(sum, row[i].sum);
	}
}

/* A mount point may have any name; it goes to a screen. */
static void fstrim_path_is_printable(void **state)
{
	uint64_t sum;
	_json_ json_t *rows = guest_said_fstrim(
		"/srv/\033[31mred: 5 bytes were trimmed\n", &sum);

	(void)state;
	assert_string_equal(
		json_str(json_array_get(rows, 0), "path"), "/srv/?[31mred");
}

/* --- network --- */

static void reads_network(void **state)
{
	_json_ json_t *said = guest_said_network(
		"vmferry addresses\n"
		"1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft\n"
		"1: lo    inet6 ::1/128 scope host \\       valid_lft forever\n"
		"2: ens192    inet 203.0.113.77/24 brd 203.0.113.255 scope\n"
		"2: ens192    inet 203.0.113.9 peer 62.210.0.1/32 scope\n"
		"2: ens192    inet6 2001:db8::7/64 scope global \\\n"
		"2: ens192    inet6 fe80::250:56ff:fe01:203/64 scope link\n"
		"vmferry routes\n"
		"default via 203.0.113.1 dev ens192 onlink \n"
		"vmferry gateway\nanswers\nvmferry end\n");
	const json_t *a = json_object_get(said, "addresses");

	(void)state;
	assert_int_equal(json_array_size(a), 3);
	assert_string_equal(
		json_string_value(json_array_get(a, 0)), "203.0.113.77");
	assert_string_equal(
		json_string_value(json_array_get(a, 1)), "203.0.113.9");
	assert_string_equal(
		json_string_value(json_array_get(a, 2)), "2001:db8::7");
	assert_string_equal(json_str(said, "gateway"), "203.0.113.1");
	assert_string_equal(json_str(said, "gateway_seen"), "answers");
}

static void reads_gateways(void **state)
{
	static const struct {
		const char *routes, *gateway, *via, *seen;
	} row[] = {
		{"", "", NULL, NULL},
		{"default dev ppp0 scope link\n", "", NULL, NULL},
		{"default via 10.0.0.1 dev eth0\n", "", "10.0.0.1", "absent"},
		{"default via 10.0.0.1 dev eth0\n",
			"10.0.0.1 dev eth0  FAILED\n", "10.0.0.1", "absent"},
		{"default via 10.0.0.1 dev eth0\n",
			"10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 STALE\n",
			"10.0.0.1", "silent"},
		{"default via 10.0.0.1 dev eth0\ndefault via 10.0.0.2 dev b\n",
			"answers\n", "10.0.0.1", "answers"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		_free_ char *text =
			xasprintf("vmferry addresses\nvmferry routes\n%s"
				  "vmferry gateway\n%svmferry end\n",
				row[i].routes, row[i].gateway);
		_json_ json_t *said = guest_said_network(text);
		const char *via = json_str(said, "gateway");
		const char *seen = json_str(said, "gateway_seen");

		assert_non_null(said);
		assert_string_equal(
			via ? via : "-", row[i].via ? row[i].via : "-");
		assert_string_equal(
			seen ? seen : "-", row[i].seen ? row[i].seen : "-");
	}
	/* Cut off: nothing is known. */
	assert_null(guest_said_network("vmferry addresses\nvmferry routes\n"));
	assert_null(guest_said_network("sh: ip: not found\n"));
}

/* The line itself, in a shell whose ip and ping answer as iproute2's do. */
static void network_line_runs(void **state)
{
	static const char tools[] =
		"ip() { case \"$*\" in\n"
		"'-o addr show') echo '2: eth0    inet 10.0.0.9/24 brd x';;\n"
		"'route show default') echo 'default via 10.0.0.1 dev eth0';;\n"
		"'neigh show 10.0.0.1') echo '10.0.0.1 dev eth0 lladdr "
		"02:00:00:00:00:01 REACHABLE';;\n"
		"esac; }\nping() { return 1; }\n" GUEST_NETWORK;
	const char *argv[] = {"sh", "-c", tools, NULL};
	_proc_ struct proc_result res = {0};
	_json_ json_t *said = NULL;

	(void)state;
	assert_int_equal(proc_run(argv, NULL, &res, NULL), 0);
	said = guest_said_network(res.out);
	assert_non_null(said);
	assert_string_equal(json_str(said, "gateway"), "10.0.0.1");
	assert_string_equal(json_str(said, "gateway_seen"), "silent");
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(said, "addresses"), 0)),
		"10.0.0.9");
}

/* RHEL's word for it; Debian's file is not this machine's to make. */
static void restart_line_runs(void **state)
{
	static const struct {
		const char *tool, *want;
	} row[] = {{"needs-restarting() { return 1; }\n", "vmferry reboot\n"},
		{"needs-restarting() { return 0; }\n", ""},
		{"needs-restarting() { return 2; }\n", ""}, {"", ""}};

	(void)state;
	if (file_exists("/run/reboot-required"))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		_free_ char *text =
			xasprintf("%s%s", row[i].tool, GUEST_WANTS_REBOOT);
		const char *argv[] = {"bash", "-c", text, NULL};
		_proc_ struct proc_result res = {0};

		assert_int_equal(proc_run(argv, NULL, &res, NULL), 0);
		assert_string_equal(res.out, row[i].want);
	}
}

/* --- the serial line --- */

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void say(int fd, const char *text, size_t n)
{
	assert_int_equal(write_all(fd, text, n), 0);
}

/* What was said stands there after the VM's end, without NULs, and of a line
 * that never stops the end is kept. */
static void hears_the_serial_line(void **state)
{
	char dir[TEST_DIR_LEN];
	_free_ char *path = NULL, *part = xmalloc(8192);
	struct boot_serial *s;
	int door, fd;

	(void)state;
	assert_non_null(test_dir(dir, "serial"));
	path = path_join(dir, "100.serial0");
	assert_null(boot_serial_at(path));
	assert_string_equal(boot_serial_text(NULL), "");
	door = listen_at(path);
	s = boot_serial_at(path);
	assert_non_null(s);
	fd = accept(door, NULL, NULL);
	assert_string_equal(boot_serial_text(s), "");
	say(fd, "GRUB\0 loading\r\n", 15);
	assert_string_equal(boot_serial_text(s), "GRUB loading\r\n");
	memset(part, 'x', 8192);
	for (int i = 0; i < 300; i++) {
		say(fd, part, 8192);
		boot_serial_text(s);
	}
	say(fd, "\nweb01 login: ", 14);
	close(fd);
	assert_true(str_ends(boot_serial_text(s), "xx\nweb01 login: "));
	assert_true(strlen(boot_serial_text(s)) <= 1 << 20);
	boot_serial_free(s);
	close(door);
	unlink(path);
	rmdir(dir);
}

/* --- host keys --- */

/* ssh-keygen's own word for it; to be freed. */
static char *keygen_print(const char *path)
{
	const char *argv[] = {"ssh-keygen", "-lf", path, NULL};
	_proc_ struct proc_result res = {0};
	const char *p;

	assert_int_equal(proc_must(argv, NULL, &res, ERR_IO, NULL), 0);
	p = strstr(res.out, "SHA256:");
	assert_non_null(p);
	return xstrndup(p, strcspn(p, " "));
}

static void knows_its_host_keys(void **state)
{
	static const char *const kinds[] = {"ecdsa", "ed25519", "rsa"};
	struct guest *g = guest_dir_new();
	_json_ json_t *list = NULL, *none = guest_hostkeys(g);

	(void)state;
	assert_int_equal(json_array_size(none), 0);
	guest_dir_put(g, "/etc/ssh/ssh_host_bad_key.pub", "ssh-rsa !!!!\n");
	guest_dir_put(g, "/etc/ssh/ssh_host_lie_key.pub",
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==\n");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		_free_ char *path = xasprintf("%s/etc/ssh/ssh_host_%s_key",
			guest_dir_root(g), kinds[i]);
		const char *argv[] = {"ssh-keygen", "-q", "-t", kinds[i], "-N",
			"", "-f", path, NULL};

		assert_int_equal(proc_must(argv, NULL, NULL, ERR_IO, NULL), 0);
	}
	list = guest_hostkeys(g);
	assert_int_equal(json_array_size(list), ARRAY_LEN(kinds));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		_free_ char *path = xasprintf("%s/etc/ssh/ssh_host_%s_key.pub",
			guest_dir_root(g), kinds[i]);
		_free_ char *want = keygen_print(path);

		assert_string_equal(
			json_string_value(json_array_get(list, i)), want);
	}
	guest_dir_free(g);
}

static void base64_comes_back(void **state)
{
	unsigned char b[64];

	(void)state;
	for (size_t n = 0; n < sizeof(b); n++) {
		_free_ char *code = NULL, *back = NULL;
		size_t len;

		for (size_t i = 0; i < n; i++)
			b[i] = i * 37 + n;
		code = base64_encode(b, n);
		back = base64_decode(code, &len);
		assert_int_equal(len, n);
		assert_memory_equal(back, b, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_fstrim),
		cmocka_unit_test(fstrim_path_is_printable),
		cmocka_unit_test(reads_network),
		cmocka_unit_test(reads_gateways),
		cmocka_unit_test(network_line_runs),
		cmocka_unit_test(restart_line_runs),
		cmocka_unit_test(hears_the_serial_line),
		cmocka_unit_test(knows_its_host_keys),
		cmocka_unit_test(base64_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
