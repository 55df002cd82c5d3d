/*
 * What the host remembers: one small file a fact below /lab, replaced by
 * rename, so that a reader never sees half of it; changes of more than one
 * file happen under one flock.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>

static int lock_fd = -1;

bool lab_old(void)
{
	static int old = -1;

	if (old < 0) {
		const char *p = state_get("profile");

		old = p && !strcmp(p, "old");
	}
	return old;
}

void state_lock(void)
{
	if (lock_fd >= 0)
		return;
	lock_fd = open("/lab/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock_fd < 0 || flock(lock_fd, LOCK_EX))
		abort();
}

void state_unlock(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}

char *state_get(const char *f, ...)
{
	va_list ap;
	char *name, *s;
	size_t n;

	va_start(ap, f);
	name = text_vfmt(f, ap);
	va_end(ap);
	s = text_file(text_fmt("/lab/%s", name), &n);
	if (s && n && s[n - 1] == '\n')
		s[n - 1] = 0;
	return s;
}

long long state_num(const char *name, long long dflt)
{
	long long v = text_num(state_get("%s", name));

	return v < 0 ? dflt : v;
}

void state_put(const char *name, const char *f, ...)
{
	va_list ap;
	char *s;

	va_start(ap, f);
	s = text_vfmt(f, ap);
	va_end(ap);
	s = text_fmt("%s\n", s);
	if (text_write(text_fmt("/lab/%s", name), s, strlen(s)))
		fprintf(stderr, "lab: /lab/%s: %s\n", name, strerror(errno));
}

void state_del(const char *name)
{
	unlink(text_fmt("/lab/%s", name));
}

long long state_next(const char *name, long long first)
{
	long long v = state_num(name, first);

	state_put(name, "%lld", v + 1);
	return v;
}

char *fault_get(const char *name)
{
	return state_get("fault/%s", name);
}

char *fault_take(const char *name)
{
	char *arg = fault_get(name);

	if (arg && unlink(text_fmt("/lab/fault/%s", name)))
		return NULL;
	return arg;
}

void state_later(long long ms, void (*fn)(void *), void *arg)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	int null;

	fflush(NULL);
	if (fork())
		return;
	setsid();
	null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
	}
	/* the parent's lock is the parent's */
	state_unlock();
	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
	fn(arg);
	fflush(NULL);
	_exit(0);
}
