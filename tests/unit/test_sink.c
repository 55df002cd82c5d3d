/* Copies into real targets: qcow2, raw, block device, a server of somebody
 * else; targets that are full, locked, broken, or die. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <linux/loop.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "real_disk.h"
#include "testdir.h"

/* Copy src.raw of that size to target, compare, verify, spoil, verify. */
static void copy_and_look(const char *target, const char *format,
	const char *path, uint64_t size, bool create)
{
	_free_ char *src = real_path("src.raw"), *state = real_path("state");
	_copy_result_ struct copy_result r = {0};
	struct real_copy c = {
		.source = src, .target = target, .create = create};
	struct err e = {0};

	unlink(state);
	real_raw(src, size);
	must(real_run(&c, state, &r, &e), &e);
	real_same(src, format, path);
	must(real_verify(target, r.map, &e), &e);
	assert_int_equal(r.read + r.skipped_by_map, size);
}

/* A directory for a server's socket, as a process of that pid made it. */
static char *old_place(pid_t pid, time_t age)
{
	char *dir = xasprintf("%s/vmferry-nbd-%d-XXXXXX", test_tmp(), (int)pid);
	struct timespec t[2] = {{.tv_sec = time(NULL) - age}};
	_free_ char *socket = NULL;

	assert_non_null(mkdtemp(dir));
	socket = path_join(dir, "s");
	assert_int_equal(file_write(socket, "", 0, 0600, NULL), 0);
	t[1] = t[0];
	assert_int_equal(utimensat(AT_FDCWD, dir, t, 0), 0);
	return dir;
}

/* What a killed process left in /tmp goes with the next server; what may
 * still be in use stays. */
static void places_of_the_dead(void **state)
{
	_free_ char *w = real_path("swept.qcow2"), *spec = NULL, *dead = NULL;
	_free_ char *young = NULL, *alive = NULL, *s = NULL;
	const struct sink_opts o = {.create = true, .size = 1 << 20};
	_disk_out_ struct disk_out out = {0};
	struct err e = {0};
	pid_t pid = fork();

	(void)state;
	real_need();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	dead = old_place(pid, 3600);
	young = old_place(pid, 0);
	alive = old_place(getpid(), 3600);
	spec = real_spec("qcow2:", "swept.qcow2");
	must(sink_open(spec, &o, &out, &e), &e);
	assert_false(file_exists(dead));
	assert_true(file_exists(young) && file_exists(alive));
	must(sink_close(&out, &e), &e);
	unlink(w);
	s = path_join(young, "s");
	assert_int_equal(unlink(s) || rmdir(young), 0);
	free(s);
	s = path_join(alive, "s");
	assert_int_equal(unlink(s) || rmdir(alive), 0);
}

static void into_new_files(void **state)
{
	_free_ char *q = real_path("new.qcow2"), *w = real_path("new.raw");
	_free_ char *qs = real_spec("qcow2:", "new.qcow2");
	_free_ char *ws = real_spec("raw:", "new.raw");
	struct stat st;

	(void)state;
	real_need();
	srandom(1);
	for (int i = 0; i < 4; i++) {
		uint64_t size = 512 * (1 + random() % 65536);

		copy_and_look(qs, "qcow2", q, size, true);
		copy_and_look(ws, "raw", w, size, true);
		assert_int_equal(stat(q, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		unlink(q);
		unlink(w);
	}
}

static void into_old_files(void **state)
{
	_free_ char *w = real_path("old.raw"), *q = real_path("old.qcow2");
	_free_ char *ws = real_spec("raw:", "old.raw");
	_free_ char *qs = real_spec("qcow2:", "old.qcow2");
	const char *const convert[] = {
		"qemu-img", "convert", "-f", "raw", "-O", "qcow2", w, q, NULL};
	struct err e = {0};

	(void)state;
	real_need();
	srandom(2);
	for (int i = 0; i < 3; i++) {
		uint64_t size = 512 * (1 + random() % 32768);

		real_rubbish(w, size + MIB * (random() % 3));
		must(proc_must(convert, NULL, NULL, ERR_IO, &e), &e);
		copy_and_look(ws, "raw", w, size, false);
		copy_and_look(qs, "qcow2", q, size, false);
	}
}

static int loop_attach(const char *path, char dev[32])
{
	_close_ int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file = open(path, O_RDWR | O_CLOEXEC), n, fd;

	n = ctl < 0 ? -1 : ioctl(ctl, LOOP_CTL_GET_FREE);
	snprintf(dev, 32, "/dev/loop%d", n);
	fd = n < 0 ? -1 : open(dev, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && ioctl(fd, LOOP_SET_FD, file) == 0) {
		close(file);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	close(file);
	return -1;
}

static void into_a_block_device(void **state)
{
	_free_ char *back = real_path("loop.img");
	char dev[32];
	int fd;

	(void)state;
	real_need();
	real_rubbish(back, 20 * MIB);
	fd = loop_attach(back, dev);
	if (fd < 0) {
		fprintf(stderr, "skipped: no loop device (needs root)\n");
		skip();
	}
	srandom(3);
	copy_and_look(dev, "raw", dev, 16 * MIB + 1536, false);
	ioctl(fd, LOOP_CLR_FD);
	close(fd);
}

/* A slip of the finger at two in the morning: this machine's own disk. */
static void not_into_a_mounted_disk(void **state)
{
	static const char script[] =
		"mke2fs -q -F \"$1\" && mkdir \"$2\" && mount \"$1\" \"$2\" && "
		"touch \"$2/alive\"";
	static const char *const names[] = {"", "raw:", "raw:"};
	const struct sink_opts look = {.read_only = true}, o = {0};
	_free_ char *back = real_path("mounted.img"), *at = real_path("mnt");
	_free_ char *other = real_path("mounted.link");
	_disk_out_ struct disk_out out = {0};
	struct err e = {0};
	size_t refused = 0;
	char dev[32];
	int fd, rc;

	(void)state;
	real_need();
	real_rubbish(back, 20 * MIB);
	fd = loop_attach(back, dev);
	if (fd < 0) {
		fprintf(stderr, "skipped: no loop device (needs root)\n");
		skip();
	}
	/* Labs begin beside us: their name spaces would keep our mount. */
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	must(proc_must((const char *const[]){"sh", "-c", script, "sh", dev, at,
			       NULL},
		     NULL, NULL, ERR_IO, &e),
		&e);
	assert_int_equal(symlink(dev, other), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_free_ char *spec =
			xasprintf("%s%s", names[i], i == 2 ? other : dev);

		rc = sink_open(spec, &o, &out, &e);
		refused += rc == -1 && e.code == ERR_TARGET_HELD;
		cleanup_sink(&out);
		err_clear(&e);
	}
	assert_int_equal(umount(at), 0);
	assert_int_equal(refused, ARRAY_LEN(names));
	must(sink_open(dev, &look, &out, &e), &e);
	must(sink_close(&out, &e), &e);
	must(sink_open(dev, &o, &out, &e), &e);
	must(sink_close(&out, &e), &e);
	ioctl(fd, LOOP_CLR_FD);
	close(fd);
}

/* --- a server that somebody else runs --- */

static pid_t server;

/* The socket's file is there before anybody listens on it. */
static bool answers(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static void server_start(const char *file, const char *socket)
{
	const char *const argv[] = {"qemu-nbd", "--socket", socket,
		"--persistent", "--discard=unmap", "--format", "raw", file,
		NULL};
	struct err e = {0};

	unlink(socket);
	must(proc_spawn(argv, -1, -1, -1, &server, &e), &e);
	for (int i = 0; !answers(socket) && i < 6000; i++)
		usleep(10000);
}

static void kill_server(int marks)
{
	if (marks == 2)
		kill(server, SIGKILL);
}

static void into_a_server_that_dies(void **state)
{
	_free_ char *src = real_path("src.raw"), *sock = real_path("sock");
	_free_ char *file = real_path("served.raw");
	_free_ char *target = xasprintf("nbd+unix:///?socket=%s", sock);
	_free_ char *keep = real_path("state.nbd");
	_copy_result_ struct copy_result r = {0};
	struct real_copy c = {.source = src,
		.target = target,
		.job = {.flush_every = 0.001,
			.limit = 64 * MIB,
			.range = 256 << 10},
		.marked = kill_server};
	struct err e = {0};

	(void)state;
	real_need();
	srandom(4);
	real_raw(src, 24 * MIB);
	real_rubbish(file, 24 * MIB);
	server_start(file, sock);
	assert_int_equal(real_run(&c, keep, &r, &e), -1);
	/* Where it is noticed, at a write or in between, is chance. */
	assert_true(e.code == ERR_NBD || e.code == ERR_TARGET_WRITE);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server_start(file, sock);
	c.marked = NULL;
	err_clear(&e);
	must(real_run(&c, keep, &r, &e), &e);
	proc_end(server, 5);
	assert_true(r.done_before > 0);
	real_same(src, "raw", file);
}

static void flips_are_found(void **state)
{
	_free_ char *src = real_path("src.raw"), *w = real_path("flip.raw");
	_free_ char *ws = real_spec("raw:", "flip.raw");
	_free_ char *keep = real_path("state.flip");
	_copy_result_ struct copy_result r = {0};
	struct real_copy c = {.source = src, .target = ws, .create = true};
	struct err e = {0};
	_close_ int fd = -1;
	unsigned char b;

	(void)state;
	real_need();
	srandom(5);
	real_raw(src, 20 * MIB);
	must(real_run(&c, keep, &r, &e), &e);
	must(real_verify(ws, r.map, &e), &e);
	fd = open(w, O_RDWR);
	assert_int_equal(pread(fd, &b, 1, 13 * MIB + 5), 1);
	b ^= 1;
	assert_int_equal(pwrite(fd, &b, 1, 13 * MIB + 5), 1);
	assert_int_equal(real_verify(ws, r.map, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY_MISMATCH);
	assert_non_null(strstr(e.why, "offset 8388608 "));
}

/* --- targets that will not --- */

static void broken_and_absent(void **state)
{
	_free_ char *q = real_path("broken.qcow2");
	_free_ char *qs = real_spec("qcow2:", "broken.qcow2");
	_free_ char *none = real_spec("raw:", "none");
	const struct sink_opts o = {0};
	struct disk_out out = {0};
	struct err e = {0};

	(void)state;
	real_need();
	real_rubbish(q, MIB);
	assert_int_equal(sink_open(qs, &o, &out, &e), -1);
	assert_int_equal(e.code, ERR_NBD);
	assert_non_null(strstr(e.why, "qcow2"));
	err_clear(&e);
	assert_int_equal(sink_open(none, &o, &out, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	err_clear(&e);
	assert_int_equal(sink_open("/dev/null", &o, &out, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	err_clear(&e);
	assert_int_equal(sink_open("vmdk:/tmp/x", &o, &out, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
}

static pid_t holder;

static void end_holder(int sig)
{
	(void)sig;
	kill(holder, SIGTERM);
}

/* The qemu-nbd of a worker that was killed: it is waited for. */
static void locked_for_a_moment(void **state)
{
	_free_ char *w = real_path("held.raw"), *sock = real_path("held.sock");
	_free_ char *ws = real_spec("raw:", "held.raw");
	const char *const argv[] = {"qemu-nbd", "--socket", sock,
		"--persistent", "--format", "raw", w, NULL};
	const struct itimerval soon = {.it_value = {.tv_usec = 400000}};
	const struct sink_opts o = {0};
	_disk_out_ struct disk_out out = {0};
	struct err e = {0};

	(void)state;
	real_need();
	real_rubbish(w, MIB);
	must(proc_spawn(argv, -1, -1, -1, &holder, &e), &e);
	for (int i = 0; !file_exists(sock) && i < 6000; i++)
		usleep(10000);
	signal(SIGALRM, end_holder);
	setitimer(ITIMER_REAL, &soon, NULL);
	must(sink_open(ws, &o, &out, &e), &e);
	waitpid(holder, NULL, 0);
}

/* --- a full target --- */

static void full_in_the_middle(void **state)
{
	_free_ char *src = real_path("src.raw"), *small = real_path("small");
	_free_ char *target = real_spec("qcow2:", "small/t.qcow2");
	_free_ char *q = real_path("small/t.qcow2");
	_free_ char *keep = real_path("state.full");
	_copy_result_ struct copy_result r = {0};
	struct real_copy c = {.source = src,
		.target = target,
		.create = true,
		.job = {.flush_every = 0.001, .range = 256 << 10}};
	struct err e = {0};

	(void)state;
	real_need();
	if (geteuid() != 0 || unshare(CLONE_NEWNS) ||
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
		mkdir(small, 0700) ||
		mount("tmpfs", small, "tmpfs", 0, "size=6m")) {
		fprintf(stderr, "skipped: no small tmpfs (needs root)\n");
		skip();
	}
	srandom(6);
	real_raw(src, 32 * MIB);
	assert_int_equal(real_run(&c, keep, &r, &e), -1);
	assert_int_equal(e.code, ERR_NO_SPACE);
	mount("tmpfs", small, "tmpfs", MS_REMOUNT, "size=64m");
	err_clear(&e);
	must(real_run(&c, keep, &r, &e), &e);
	assert_true(r.done_before > 0);
	real_same(src, "qcow2", q);
	umount(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_of_the_dead),
		cmocka_unit_test(into_new_files),
		cmocka_unit_test(into_old_files),
		cmocka_unit_test(into_a_block_device),
		cmocka_unit_test(not_into_a_mounted_disk),
		cmocka_unit_test(into_a_server_that_dies),
		cmocka_unit_test(flips_are_found),
		cmocka_unit_test(broken_and_absent),
		cmocka_unit_test(locked_for_a_moment),
		cmocka_unit_test(full_in_the_middle),
	};

	return cmocka_run_group_tests(tests, real_setup, real_teardown);
}
