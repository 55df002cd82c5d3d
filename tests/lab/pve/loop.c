/*
 * loop.c - loop devices on the files of the block storages: they stand in
 * for logical volumes and zvols.
 *
 * Which device serves a file is asked of the kernel each time, so devices
 * are found again after this program was killed.
 */
#include "pve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static char *find(const char *file)
{
	DIR *d = opendir("/sys/block");
	struct dirent *e;
	char *found = NULL;

	while (d && !found && (e = readdir(d))) {
		auto_free char *p = NULL, *backing = NULL;

		if (!starts(e->d_name, "loop"))
			continue;
		p = fmt("/sys/block/%s/loop/backing_file", e->d_name);
		backing = file_read(p, NULL);
		if (!backing)
			continue;
		chomp(backing);
		if (!strcmp(backing, file))
			found = fmt("/dev/%s", e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static char *attach(const char *file)
{
	int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int fd = open(file, O_RDWR | O_CLOEXEC);
	char *dev = NULL;

	/* Another program may take the free one first: try again. */
	for (int i = 0; ctl >= 0 && fd >= 0 && i < 20; i++) {
		int n = ioctl(ctl, LOOP_CTL_GET_FREE), ld;
		struct loop_config lc = {.fd = (__u32)fd};

		if (n < 0)
			break;
		dev = fmt("/dev/loop%d", n);
		ld = open(dev, O_RDWR | O_CLOEXEC);
		if (ld >= 0 && ioctl(ld, LOOP_CONFIGURE, &lc) == 0) {
			close(ld);
			break;
		}
		if (ld >= 0)
			close(ld);
		free(dev);
		dev = NULL;
	}
	if (ctl >= 0)
		close(ctl);
	if (fd >= 0)
		close(fd);
	return dev;
}

char *loop_find(const char *file)
{
	char *dev;

	pthread_mutex_lock(&one);
	dev = find(file);
	pthread_mutex_unlock(&one);
	return dev;
}

char *loop_attach(const char *file)
{
	char *dev;

	pthread_mutex_lock(&one);
	dev = find(file);
	if (!dev)
		dev = attach(file);
	pthread_mutex_unlock(&one);
	return dev;
}

static int on_loop(const char *file, unsigned long req)
{
	auto_free char *dev = loop_find(file);
	int fd = dev ? open(dev, O_RDWR | O_CLOEXEC) : -1, rc;

	if (fd < 0)
		return -1;
	rc = ioctl(fd, req, 0);
	close(fd);
	return rc;
}

int loop_detach(const char *file)
{
	return on_loop(file, LOOP_CLR_FD);
}

int loop_resize(const char *file)
{
	return on_loop(file, LOOP_SET_CAPACITY);
}
