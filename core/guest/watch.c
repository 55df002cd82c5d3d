/*
 * A stop while libguestfs works: see gfs.h. The appliance's pid is not to be
 * had before it has started, so its processes (QEMU, libguestfs's own watcher,
 * what builds the appliance) are known as the children that came since.
 *
 * Keeps true: only children that came since are ended; a process that was not
 * waited for keeps its number, so none is another's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "../stop.h"
#include "../str.h"
#include "gfs.h"

#define TICKS 2 /* a second */
#define CHILDREN 64

static struct {
	pid_t before[CHILDREN];
	size_t n;
	pid_t qemu;    /* where the kernel lists no children; 0: not known */
	unsigned left; /* ticks */
	bool limited;
} watch;

/* By what a signal's handler may call. -1: the kernel does not say. */
static int children(pid_t out[CHILDREN], size_t *n)
{
	char text[CHILDREN * 12];
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
	pid_t pid = 0;

	if (fd >= 0)
		close(fd);
	*n = 0;
	for (ssize_t i = 0; i < len && *n < CHILDREN; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			pid = 10 * pid + (text[i] - '0');
		} else if (pid) {
			out[(*n)++] = pid;
			pid = 0;
		}
	}
	return len < 0 ? -1 : 0;
}

static bool was_there(pid_t pid)
{
	for (size_t i = 0; i < watch.n; i++)
		if (watch.before[i] == pid)
			return true;
	return false;
}

static void end_them(void)
{
	pid_t now[CHILDREN];
	size_t n;

	if (children(now, &n) && watch.qemu > 0)
		kill(watch.qemu, SIGTERM);
	for (size_t i = 0; i < n; i++)
		if (!was_there(now[i]))
			kill(now[i], SIGTERM);
}

static void on_tick(int sig)
{
	int keep = errno;

	(void)sig;
	if (watch.left)
		watch.left--;
	if (stop_asked || (watch.limited && !watch.left))
		end_them();
	errno = keep;
}

static void set_timer(unsigned usec)
{
	const struct itimerval t = {{0, usec}, {0, usec}};

	setitimer(ITIMER_REAL, &t, NULL);
}

void gfs_watch_mark(void)
{
	children(watch.before, &watch.n);
}

void gfs_watch(struct guest *g, unsigned seconds)
{
	struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_RESTART};

	set_timer(0);
	watch.qemu = g ? guestfs_get_pid(G(g)) : 0;
	watch.left = seconds * TICKS;
	watch.limited = seconds > 0;
	sigaction(SIGALRM, &tick, NULL);
	set_timer(1000000 / TICKS);
}

void gfs_watch_off(void)
{
	set_timer(0);
}

void gfs_watch_idle(struct guest *g)
{
	if (g->write)
		gfs_watch_off();
	else
		gfs_watch(g, 0);
}
