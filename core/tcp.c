/* TCP connections: see tcp.h. */
#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stop.h"
#include "str.h"

int tcp_wait(int fd, int events, double until, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		double left = until - now_mono();
		int ms = left <= 0 ? 0 : left < 0.2 ? left * 1000 + 1 : 200;

		if (poll(&p, 1, ms) > 0)
			return 1;
		if (stop_check(e))
			return -1;
		if (left <= 0)
			return 0;
	}
}

/* The socket, or -1 with errno; ESTALE stands for a stop request. */
static int connect_one(const struct addrinfo *a, double until, struct err *e)
{
	int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1, cause = 0, rc = 1;
	socklen_t len = sizeof(cause);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	if (connect(fd, a->ai_addr, a->ai_addrlen)) {
		cause = errno;
		if (cause == EINPROGRESS) {
			rc = tcp_wait(fd, POLLOUT, until, e);
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &len);
		}
	}
	if (rc == 1 && !cause)
		return fd;
	close(fd);
	errno = rc < 0 ? ESTALE : rc == 0 ? ETIMEDOUT : cause;
	return -1;
}

int tcp_connect(
	const char *host, unsigned port, double until, int *fd, struct err *e)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char service[16];
	int rc, got = -1;

	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc)
		return err_set(
			e, ERR_SSH_CONNECT, "%s: %s", host, gai_strerror(rc));
	errno = ETIMEDOUT;
	for (const struct addrinfo *a = list; a && got < 0; a = a->ai_next) {
		got = connect_one(a, until, e);
		if (got < 0 && errno == ESTALE)
			break;
	}
	freeaddrinfo(list);
	if (got < 0 && errno == ESTALE)
		return -1;
	if (got < 0)
		return err_sys(e, ERR_SSH_CONNECT, "%s port %u", host, port);
	*fd = got;
	return 0;
}
