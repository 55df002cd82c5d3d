/* Whole files and directories: declared in str.h. */
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(
	const char *path, size_t max, char **out, size_t *len, struct err *e)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_buf_ struct buf b = {0};
	char part[65536];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", path);
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_IO, "%s", path);
		if (b.len + n > max)
			return err_set(e, ERR_BAD_INPUT,
				"%s is larger than %zu bytes", path, max);
		buf_add(&b, part, n);
		explicit_bzero(part, n);
	}
	if (len)
		*len = b.len;
	*out = buf_steal(&b);
	return 0;
}

int write_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		ssize_t w = write(fd, s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		s += w;
		n -= w;
	}
	return 0;
}

/* The rename is only safe once the directory itself is on disk. */
static int sync_parent(const char *path)
{
	_free_ char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	_close_ int fd = -1;

	if (slash == dir)
		slash[1] = '\0';
	else if (slash)
		*slash = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int file_write(
	const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	_free_ char *tmp = xasprintf("%s.XXXXXX", path);
	_close_ int fd = mkostemp(tmp, O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", tmp);
	if (write_all(fd, p, n) || fchmod(fd, mode) || fsync(fd) ||
		rename(tmp, path) || sync_parent(path)) {
		err_sys(e, ERR_IO, "write %s", path);
		unlink(tmp);
		return -1;
	}
	return 0;
}

int file_mkdirs(const char *path, unsigned mode, struct err *e)
{
	_free_ char *part = xstrdup(path);

	for (char *s = part + 1;; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return err_sys(e, ERR_IO, "mkdir %s", part);
		*s = c;
		if (!c)
			return 0;
	}
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool file_takes_direct(const char *path, bool image)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	struct stat st;
	bool can = fd >= 0 && fstat(fd, &st) == 0 &&
		(image || !S_ISREG(st.st_mode) || st.st_size % 4096 == 0);

	if (fd >= 0)
		close(fd);
	return can;
}

char *path_join(const char *dir, const char *name)
{
	return xasprintf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
}
