/*
 * The host behind the server: its faults, locks, accounts and logs, as
 * labesxi keeps them below /lab (the server runs in the same chroot).
 */
#include "https.h"

#include <crypt.h>
#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/wait.h>

static const char *fault_path(const char *name, char *buf, size_t n)
{
	snprintf(buf, n, "/lab/fault/%s", name);
	return buf;
}

/* Content of a small file; -1 where there is none. */
static ssize_t slurp(const char *path, char *buf, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, buf, n - 1);
	close(fd);
	buf[got < 0 ? 0 : got] = 0;
	return got;
}

long long host_fault(const char *name)
{
	char path[128], buf[64];

	if (slurp(fault_path(name, path, sizeof(path)), buf, sizeof(buf)) < 0)
		return -1;
	return strtoll(buf, NULL, 10);
}

/* The lock of labesxi's state. */
static int lock_state(void)
{
	int fd = open("/lab/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void put_fault(const char *name, long long left)
{
	char path[128], new[160];
	FILE *f;

	fault_path(name, path, sizeof(path));
	if (left <= 0) {
		unlink(path);
		return;
	}
	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "we");
	if (!f)
		return;
	fprintf(f, "%lld\n", left);
	if (!fclose(f) && rename(new, path))
		unlink(new);
}

bool host_fault_count(const char *name)
{
	int lock;
	long long n;

	if (host_fault(name) < 0)
		return false;
	lock = lock_state();
	n = host_fault(name);
	if (n >= 0)
		put_fault(name, n - 1);
	if (lock >= 0)
		close(lock);
	return n > 0;
}

size_t host_cut(size_t n, bool *last)
{
	long long left = host_fault("cut-after");
	size_t may = n;
	int lock;

	*last = false;
	if (left < 0)
		return n;
	lock = lock_state();
	left = host_fault("cut-after");
	*last = left >= 0 && left <= (long long)n;
	if (*last)
		may = (size_t)left;
	if (left >= 0)
		put_fault("cut-after", left - (long long)n);
	if (lock >= 0)
		close(lock);
	return may;
}

/* Runs a program of labesxi; its exit code, -1 where it did not run. */
static int run(char *const *argv, char *const *env)
{
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, env))
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool host_locked(const char *path)
{
	char prog[] = "/lab/bin/locked", arg[4096], *env[] = {NULL};
	char *argv[] = {prog, arg, NULL};

	snprintf(arg, sizeof(arg), "%s", path);
	return run(argv, env) == 0;
}

/* The password against root's line of /etc/shadow. */
static bool password_is(const char *user, const char *password)
{
	struct crypt_data data = {0};
	char buf[1024], *p, *end;

	if (strcmp(user, "root") ||
		slurp("/etc/shadow", buf, sizeof(buf)) < 0 ||
		strncmp(buf, "root:", 5))
		return false;
	end = strchr(buf + 5, ':');
	if (!end)
		return false;
	*end = 0;
	p = crypt_r(password, buf + 5, &data);
	return p && !strcmp(p, buf + 5);
}

bool host_login(const char *user, const char *password, const char *from)
{
	bool right = password_is(user, password);
	char prog[] = "/lab/bin/auth", ok[] = "ok", fail[] = "fail";
	char who[128], where[128];
	char *argv[] = {prog, right ? ok : fail, NULL};
	char *env[] = {who, where, NULL};

	snprintf(who, sizeof(who), "PAM_USER=%s", user);
	snprintf(where, sizeof(where), "PAM_RHOST=%s", from);
	return run(argv, env) == 0 && right;
}

void host_log(const char *method, const char *url, const char *range)
{
	char line[4400], day[40], *p;
	time_t now = time(NULL);
	struct tm tm;
	int fd, n;

	gmtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(line, sizeof(line), "%s %d https %s %s %s", day,
		(int)getpid(), method, url, range ? range : "-");
	if (n >= (int)sizeof(line))
		return;
	for (p = line; *p; p++) /* one line, whatever was asked for */
		if (iscntrl((unsigned char)*p))
			*p = '?';
	line[n] = '\n';
	fd = open("/lab/commands.log", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, line, (size_t)n + 1) < 0)
		perror("commands.log");
	close(fd);
}
