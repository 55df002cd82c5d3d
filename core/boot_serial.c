/* A VM's serial line: see boot_serial.h. */
#include "boot_serial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "str.h"

#define DIR "/var/run/qemu-server"
#define KEPT (1 << 20)

struct boot_serial {
	int fd; /* -1: the VM ended */
	struct buf text;
};

struct boot_serial *boot_serial_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct boot_serial *s;
	int fd;

	if (strlen(path) >= sizeof(at.sun_path))
		return NULL;
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		close(fd);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	return s;
}

struct boot_serial *boot_serial_open(unsigned vmid)
{
	_free_ char *path = xasprintf(DIR "/%u.serial0", vmid);

	return boot_serial_at(path);
}

/* A NUL would end the text. */
static void keep(struct boot_serial *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			buf_addc(&s->text, p[i]);
	if (s->text.len > KEPT) {
		size_t cut = s->text.len - KEPT / 2;

		memmove(s->text.s, s->text.s + cut, s->text.len - cut + 1);
		s->text.len -= cut;
	}
}

const char *boot_serial_text(struct boot_serial *s)
{
	char part[4096];

	while (s && s->fd >= 0) {
		ssize_t n = read(s->fd, part, sizeof(part));

		if (n > 0) {
			keep(s, part, n);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else {
			if (n == 0 || errno != EAGAIN) {
				close(s->fd);
				s->fd = -1;
			}
			break;
		}
	}
	return s && s->text.s ? s->text.s : "";
}

void boot_serial_free(struct boot_serial *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	buf_free(&s->text);
	free(s);
}
