/*
 * util.c - see util.h.
 */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool number(const char *s, long long *v)
{
	char *end;
	long long n;

	if (!s || !*s || !strchr("+-0123456789", *s))
		return false;
	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno || *end || end == s)
		return false;
	*v = n;
	return true;
}

void chomp(char *s)
{
	size_t n = strlen(s);

	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
}

void js_set(json_t *o, const char *k, const char *v)
{
	if (json_object_set_new(o, k, json_string(v)))
		json_object_set_new(o, k, json_string("?"));
}

char *file_read(const char *path, size_t *len)
{
	size_t n = 0, room = 4096;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf;
	ssize_t r;

	if (fd < 0)
		return NULL;
	buf = xalloc(room + 1);
	while ((r = read(fd, buf + n, room - n)) > 0) {
		n += (size_t)r;
		if (n < room)
			continue;
		room *= 2;
		buf = realloc(buf, room + 1);
		if (!buf)
			abort();
	}
	close(fd);
	if (r < 0) {
		free(buf);
		return NULL;
	}
	buf[n] = '\0';
	if (len)
		*len = n;
	return buf;
}

int file_write(const char *path, const void *data, size_t len, int mode)
{
	auto_free char *tmp = fmt("%s.new", path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	size_t n = 0;

	if (fd < 0)
		return -1;
	while (n < len) {
		ssize_t w = write(fd, (const char *)data + n, len - n);

		if (w <= 0) {
			close(fd);
			return -1;
		}
		n += (size_t)w;
	}
	if (close(fd))
		return -1;
	return rename(tmp, path);
}

void dir_make(const char *path)
{
	auto_free char *p = xstrdup(path);

	for (char *s = p + 1;; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, 0700) && errno != EEXIST) {
			fprintf(stderr, "lab-pve: mkdir %s: %s\n", p,
				strerror(errno));
			exit(1);
		}
		if (c == '\0')
			return;
		*s = c;
	}
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void sleep_ms(int ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

char *random_hex(size_t n)
{
	char *s = xalloc(2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned char b;

		if (RAND_bytes(&b, 1) != 1)
			abort();
		snprintf(s + 2 * i, 3, "%02x", b);
	}
	return s;
}

char *random_uuid(void)
{
	auto_free char *h = random_hex(16);

	h[12] = '4';
	h[16] = "89ab"[h[16] & 3];
	return fmt("%.8s-%.4s-%.4s-%.4s-%s", h, h + 8, h + 12, h + 16, h + 20);
}

char *base64(const void *p, size_t n)
{
	char *s = xalloc(4 * ((n + 2) / 3) + 1);

	EVP_EncodeBlock((unsigned char *)s, p, (int)n);
	return s;
}

char *base64_decode(const char *s, size_t *len)
{
	size_t n = strlen(s);
	char *d = xalloc(3 * (n / 4) + 4);
	int r = EVP_DecodeBlock((unsigned char *)d, (const void *)s, (int)n);

	while (r > 0 && n && s[--n] == '=')
		r--;
	d[r > 0 ? r : 0] = '\0';
	if (len)
		*len = r > 0 ? (size_t)r : 0;
	return d;
}

static void lines_feed(
	char *buf, size_t *n, cmd_line line, void *arg, bool flush)
{
	size_t from = 0;

	for (size_t i = 0; i < *n; i++) {
		bool cr = buf[i] == '\r';

		if (!cr && buf[i] != '\n')
			continue;
		buf[i] = '\0';
		if (i > from && line)
			line(arg, buf + from, cr);
		from = i + 1;
	}
	if ((flush || from == 0) && *n > from && (flush || *n > 8000)) {
		buf[*n] = '\0';
		if (line)
			line(arg, buf + from, false);
		from = *n;
	}
	memmove(buf, buf + from, *n - from);
	*n -= from;
}

static pid_t spawn(const char *path, const char *const argv[], int out)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none, def;
	pid_t pid;
	int rc;

	sigemptyset(&none);
	sigemptyset(&def);
	sigaddset(&def, SIGPIPE);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_adddup2(&fa, out, 2);
	posix_spawnattr_init(&at);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawnattr_setsigdefault(&at, &def);
	posix_spawnattr_setpgroup(&at, 0);
	posix_spawnattr_setflags(&at,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
			POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawnp(&pid, path, &fa, &at, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	return rc ? -1 : pid;
}

int cmd_run_as(const char *path, const char *const argv[], cmd_line line,
	void *arg, volatile pid_t *pid)
{
	char buf[8192 + 1];
	size_t n = 0;
	int p[2], st;
	pid_t child;
	ssize_t r;

	if (pipe2(p, O_CLOEXEC))
		return -1;
	child = spawn(path, argv, p[1]);
	close(p[1]);
	if (child < 0) {
		close(p[0]);
		return -1;
	}
	if (pid)
		*pid = child;
	while ((r = read(p[0], buf + n, 8192 - n)) > 0) {
		n += (size_t)r;
		lines_feed(buf, &n, line, arg, false);
	}
	lines_feed(buf, &n, line, arg, true);
	close(p[0]);
	while (waitpid(child, &st, 0) < 0 && errno == EINTR)
		;
	if (pid)
		*pid = 0;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

int cmd_run(
	const char *const argv[], cmd_line line, void *arg, volatile pid_t *pid)
{
	return cmd_run_as(argv[0], argv, line, arg, pid);
}

static void keep_last(void *arg, const char *s, bool cr)
{
	char **last = arg;

	(void)cr;
	free(*last);
	*last = xstrdup(s);
}

int cmd_quiet(const char *const argv[], char **last)
{
	char *mine = NULL;
	int rc = cmd_run(argv, keep_last, last ? last : &mine, NULL);

	free(mine);
	return rc;
}

unsigned long long proc_start(pid_t pid)
{
	auto_free char *path = fmt("/proc/%d/stat", (int)pid);
	auto_free char *s = pid > 0 ? file_read(path, NULL) : NULL;
	char *p = s ? strrchr(s, ')') : NULL;

	if (!p || starts(p, ") Z"))
		return 0;
	/* The name may hold blanks: count fields after its bracket. */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return 0;
	return strtoull(p, NULL, 10);
}
