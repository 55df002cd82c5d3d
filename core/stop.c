/* Stop requests: see stop.h. */
#include "stop.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "set by a signal handler");

atomic_int stop_asked;

int stop_check(struct err *e)
{
	if (!stop_asked)
		return 0;
	return err_set(e, ERR_STOPPED, "a stop was asked for");
}

int stop_sleep(unsigned ms, struct err *e)
{
	/* The signal ends poll early: no handler restarts it. */
	while (ms && !stop_asked) {
		unsigned part = ms < 200 ? ms : 200;

		poll(NULL, 0, part);
		ms -= part;
	}
	return stop_check(e);
}
