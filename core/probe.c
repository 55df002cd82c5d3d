/* Reachability: see probe.h. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc.h"
#include "stop.h"
#include "str.h"

int probe_ping(const char *address, double patience, double *ms, struct err *e)
{
	const char *const argv[] = {
		"ping", "-n", "-c", "1", "-W", "2", "--", address, NULL};
	double until = now_mono() + patience;

	do {
		_proc_ struct proc_result r = {0};
		const char *t;

		if (proc_run(argv, NULL, &r, e))
			return -1;
		t = strstr(r.out, "time=");
		if (r.status == 0) {
			*ms = t ? strtod(t + 5, NULL) : 0;
			return 0;
		}
		if (stop_sleep(500, e))
			return -1;
	} while (now_mono() < until);
	return err_set(e, ERR_NET_UNREACHABLE,
		"no answer to ping from %s within %.0f s", address, patience);
}

/* 0 connected, -1 not within two seconds. */
static int try_tcp(const struct addrinfo *ai)
{
	_close_ int fd = socket(
		ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int err = -1;

	if (fd < 0)
		return -1;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS || poll(&p, 1, 2000) != 1)
		return -1;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err ? -1 : 0;
}

int probe_tcp(
	const char *address, unsigned port, double patience, struct err *e)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	double until = now_mono() + patience;
	struct addrinfo *ai;
	char text[8];
	int rc;

	snprintf(text, sizeof(text), "%u", port & 0xffff);
	if (getaddrinfo(address, text, &hints, &ai))
		return err_set(
			e, ERR_BAD_INPUT, "%s is not an IP address", address);
	do {
		rc = try_tcp(ai);
	} while (rc && now_mono() < until && stop_sleep(500, e) == 0);
	freeaddrinfo(ai);
	if (rc && stop_check(e) == 0)
		err_set(e, ERR_NET_UNREACHABLE,
			"TCP port %u of %s does not answer", port, address);
	return rc;
}
