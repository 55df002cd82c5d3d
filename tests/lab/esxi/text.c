/*
 * Strings, small files and the clock for the stand-in ESXi host.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

void *text_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *text_grow(void *a, size_t n, size_t size)
{
	void *p = realloc(a, (n + 1) * size);

	if (!p)
		abort();
	memset((char *)p + n * size, 0, size);
	return p;
}

char *text_vfmt(const char *f, va_list ap)
{
	char *s;

	if (vasprintf(&s, f, ap) < 0)
		abort();
	return s;
}

char *text_fmt(const char *f, ...)
{
	va_list ap;
	char *s;

	va_start(ap, f);
	s = text_vfmt(f, ap);
	va_end(ap);
	return s;
}

char *text_dup(const char *s)
{
	return text_fmt("%s", s);
}

char *text_file(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *buf;
	ssize_t got;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
		st.st_size > 16 * LAB_MIB) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	buf = text_alloc((size_t)st.st_size + 1);
	got = read(fd, buf, (size_t)st.st_size);
	close(fd);
	if (got < 0)
		return NULL;
	buf[got] = 0;
	if (n)
		*n = (size_t)got;
	return buf;
}

int text_write(const char *path, const char *data, size_t n)
{
	char *tmp = text_fmt("%s.tmp%d", path, (int)getpid());
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t put;

	if (fd < 0)
		return -1;
	put = write(fd, data, n);
	if (close(fd) || put != (ssize_t)n || rename(tmp, path)) {
		unlink(tmp);
		return -1;
	}
	return 0;
}

long long text_num(const char *s)
{
	long long v = 0;

	if (!s || !*s || strlen(s) > 18)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v;
}

bool text_ends(const char *s, const char *tail)
{
	size_t a = strlen(s), b = strlen(tail);

	return a >= b && !strcmp(s + a - b, tail);
}

const char *text_base(const char *path)
{
	const char *p = strrchr(path, '/');

	return p ? p + 1 : path;
}

char *text_dir(const char *path)
{
	const char *p = strrchr(path, '/');

	return p ? text_fmt("%.*s", (int)(p - path), path) : text_dup(".");
}

char *text_utc(void)
{
	struct timespec ts;
	struct tm tm;
	char day[40];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return text_fmt("%s.%06ldZ", day, ts.tv_nsec / 1000);
}
