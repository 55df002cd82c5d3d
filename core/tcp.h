/* A TCP connection with a deadline that a stop request ends early. */
#ifndef CORE_TCP_H
#define CORE_TCP_H

#include "err.h"

/* Connect to the first address of host that answers before `until` (clock of
 * now_mono). *fd does not block. ERR_SSH_CONNECT, ERR_STOPPED. */
int tcp_connect(
	const char *host, unsigned port, double until, int *fd, struct err *e);
/* Wait for POLLIN/POLLOUT on fd. 1 ready, 0 the time `until` came, -1
 * ERR_STOPPED. */
int tcp_wait(int fd, int events, double until, struct err *e);

#endif
