/*
 * The shell's programs that read files: as busybox, but a file that a
 * running VM holds open cannot be read, and faults can slow or cut a read.
 * dd knows no more options than the one of ESXi.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REAL_BUSYBOX "/lab/bin/busybox"
#define SHELL_BUSYBOX "/bin/busybox"

static int busy(const char *name, const char *path)
{
	fflush(stdout);
	fprintf(stderr, "%s: can't open '%s': Device or resource busy\n", name,
		path);
	return 1;
}

static int exec_busybox(const char *name, char **argv)
{
	bool scp = !strcmp(name, "scp");

	argv[0] = text_dup(name);
	execv(scp ? "/usr/bin/scp" : REAL_BUSYBOX, argv);
	fprintf(stderr, "%s: not found\n", name);
	return 127;
}

int cmd_front(int argc, char **argv)
{
	const char *name = text_base(argv[0]);
	int i, who;

	for (i = 1; i < argc; i++)
		if (*argv[i] != '-' && inv_locked(argv[i], &who))
			return busy(name, argv[i]);
	return exec_busybox(name, argv);
}

int cmd_sh(int argc, char **argv)
{
	bool login = *text_base(argv[0]) == '-';

	(void)argc;
	/* for the fault that cuts a session: who serves it */
	if (getsid(0) == getpid())
		setenv("LAB_SSHD", text_fmt("%d", (int)getppid()), 1);
	argv[0] = text_dup(login ? "-ash" : "ash");
	execv(SHELL_BUSYBOX, argv);
	perror("sh");
	return 127;
}

/* The fault cut-after "BYTES [session]": dies, or kills the SSH session,
 * once that much has been written by all readers together. Of n bytes, how
 * many still may be written; *last: and then it is over (the state stays
 * locked until then). */
static size_t cut(size_t n, bool *last)
{
	char *arg, *end;
	long long left;

	*last = false;
	if (!fault_get("cut-after"))
		return n;
	state_lock();
	arg = fault_get("cut-after");
	left = arg ? strtoll(arg, &end, 10) : 0;
	if (arg && left <= (long long)n) {
		*last = true;
		return (size_t)left;
	}
	if (arg)
		state_put(
			"fault/cut-after", "%lld%s", left - (long long)n, end);
	state_unlock();
	return n;
}

/* The bytes that were left are out: remove the fault and die. */
static void cut_now(void)
{
	char *arg = fault_take("cut-after");
	const char *sshd = getenv("LAB_SSHD");

	state_unlock();
	if (arg && strstr(arg, "session") && sshd && text_num(sshd) > 1)
		kill((pid_t)text_num(sshd), SIGKILL);
	kill(getpid(), SIGKILL);
}

static int put(const char *buf, size_t n)
{
	bool last;
	size_t may = cut(n, &last), at = 0;

	while (at < may) {
		ssize_t put = write(STDOUT_FILENO, buf + at, may - at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += (size_t)put;
	}
	if (last)
		cut_now();
	return 0;
}

static void throttle(long long kibps, size_t n)
{
	long long us = kibps > 0 ? (long long)n * 1000000 / 1024 / kibps : 0;
	struct timespec ts = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&ts, NULL);
}

/* Copies at most `max` bytes (-1: all) of fd to stdout; the number, or -1. */
static long long stream(int fd, long long max)
{
	char *slow = fault_get("slow-read");
	size_t chunk = slow ? 65536 : 1 << 20;
	char *buf = text_alloc(chunk);
	long long done = 0;

	while (max < 0 || done < max) {
		size_t want = max < 0 || max - done > (long long)chunk
			? chunk
			: (size_t)(max - done);
		ssize_t n = read(fd, buf, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		if (put(buf, (size_t)n))
			return -1;
		if (slow)
			throttle(text_num(slow), (size_t)n);
		done += n;
	}
	return done;
}

int cmd_cat(int argc, char **argv)
{
	int i, fd, who, r = 0;

	if (argc < 2 || argv[1][0] == '-')
		return exec_busybox("cat", argv);
	for (i = 1; i < argc; i++) {
		if (inv_locked(argv[i], &who)) {
			r = busy("cat", argv[i]);
			continue;
		}
		fd = open(argv[i], O_RDONLY);
		if (fd < 0 || stream(fd, -1) < 0) {
			fprintf(stderr, "cat: can't open '%s': %s\n", argv[i],
				strerror(errno));
			r = 1;
		}
		if (fd >= 0)
			close(fd);
	}
	return r;
}

/* dd's numbers: 512, 1M, 64k, 2b; -1 when it is none. */
static long long dd_num(const char *s)
{
	static const struct {
		const char *suffix;
		long long mult;
	} unit[] = {{"", 1}, {"c", 1}, {"w", 2}, {"b", 512}, {"kD", 1000},
		{"k", 1024}, {"K", 1024}, {"MD", 1000000}, {"M", LAB_MIB},
		{"GD", 1000000000}, {"G", 1LL << 30}};
	size_t n = strspn(s, "0123456789"), i;
	long long v = text_num(text_fmt("%.*s", (int)n, s));

	for (i = 0; v >= 0 && i < ARRAY_LEN(unit); i++)
		if (!strcmp(s + n, unit[i].suffix))
			return v * unit[i].mult;
	return -1;
}

struct dd {
	const char *in, *out;
	long long bs, skip, count;
	bool other; /* of=, seek=, conv=: busybox does it */
};

static int dd_args(int argc, char **argv, struct dd *d)
{
	static const struct {
		const char *key;
		size_t at;
	} nums[] = {{"bs=", offsetof(struct dd, bs)},
		{"skip=", offsetof(struct dd, skip)},
		{"count=", offsetof(struct dd, count)}};
	size_t k;
	int i;

	for (i = 1; i < argc; i++) {
		const char *v = strchr(argv[i], '=');

		for (k = 0; k < ARRAY_LEN(nums); k++)
			if (!strncmp(argv[i], nums[k].key, strlen(nums[k].key)))
				break;
		if (k < ARRAY_LEN(nums)) {
			long long n = dd_num(v + 1);

			if (n < 0) {
				fprintf(stderr, "dd: invalid number '%s'\n",
					v + 1);
				return -1;
			}
			*(long long *)((char *)d + nums[k].at) = n;
		} else if (!strncmp(argv[i], "if=", 3)) {
			d->in = v + 1;
		} else if (!strncmp(argv[i], "of=", 3)) {
			d->out = v + 1;
		} else if (!strncmp(argv[i], "conv=", 5) ||
			!strncmp(argv[i], "seek=", 5) ||
			!strncmp(argv[i], "ibs=", 4) ||
			!strncmp(argv[i], "obs=", 4)) {
			d->other = true;
		} else {
			fprintf(stderr, "dd: invalid argument '%s'\n", argv[i]);
			return -1;
		}
	}
	return 0;
}

/* The fault short-dd: once, of blocks of a MiB, less by a sector; with "eio" as
 * a bad sector makes it, else no error. */
static long long short_dd(long long max, bool *bad)
{
	const char *arg;

	if (!fault_get("short-dd"))
		return max;
	state_lock();
	arg = fault_take("short-dd");
	state_unlock();
	*bad = arg && strncmp(arg, "eio", 3) == 0;
	return arg ? max - 512 : max;
}

static int dd_stream(const struct dd *d)
{
	int fd = open(d->in, O_RDONLY);
	long long n, max = d->count < 0 ? -1 : d->count * d->bs;
	bool bad = false;

	if (fd < 0) {
		fprintf(stderr, "dd: can't open '%s': %s\n", d->in,
			strerror(errno));
		return 1;
	}
	if (lseek(fd, d->skip * d->bs, SEEK_SET) < 0) {
		fprintf(stderr, "dd: '%s': cannot skip\n", d->in);
		return 1;
	}
	n = stream(fd, d->bs < LAB_MIB ? max : short_dd(max, &bad));
	close(fd);
	if (n < 0) {
		fprintf(stderr, "dd: error writing: %s\n", strerror(errno));
		return 1;
	}
	if (bad)
		fprintf(stderr, "dd: error reading '%s': %s\n", d->in,
			strerror(EIO));
	fprintf(stderr, "%lld+%d records in\n%lld+%d records out\n", n / d->bs,
		n % d->bs != 0, n / d->bs, n % d->bs != 0);
	fprintf(stderr, "%lld bytes (%.1fMB) copied\n", n,
		(double)n / (double)LAB_MIB);
	return bad;
}

int cmd_dd(int argc, char **argv)
{
	struct dd d = {.bs = 512, .count = -1};
	int who;

	if (dd_args(argc, argv, &d) || !d.bs)
		return 1;
	if (d.in && inv_locked(d.in, &who))
		return busy("dd", d.in);
	if (d.out && inv_locked(d.out, &who))
		return busy("dd", d.out);
	if (!d.in || d.out || d.other)
		return exec_busybox("dd", argv);
	return dd_stream(&d);
}
