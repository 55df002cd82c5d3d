/*
 * Signals of the screen: ordinary ones become a byte in a pipe that the loop
 * polls, so none is lost between drawing and waiting. Keeps true: a crash and
 * a second SIGTERM leave a usable terminal (async-signal-safe calls only).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "own.h"

static const int caught[] = {
	SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT};
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define N_CAUGHT (int)(sizeof(caught) / sizeof(*caught))
#define N_CRASHES (int)(sizeof(crashes) / sizeof(*crashes))

static struct {
	int pipe[2], tty_in, tty_out;
	bool have_modes;
	struct termios modes;
	char restore[256];
	size_t restore_len;
	pid_t pid;
	char stack[65536] __attribute__((aligned(16)));
	stack_t before_stack;
	struct sigaction before[N_CAUGHT], before_crash[N_CRASHES];
} sig;
static volatile sig_atomic_t ends;

static void give_back(void)
{
	size_t done = 0;
	ssize_t n;

	/* A forked child that crashes has no business with the terminal. */
	if (getpid() != sig.pid)
		return;
	while (done < sig.restore_len) {
		n = write(sig.tty_out, sig.restore + done,
			sig.restore_len - done);
		if (n <= 0)
			break;
		done += n;
	}
	if (sig.have_modes)
		tcsetattr(sig.tty_in, TCSANOW, &sig.modes);
}

static void die_of(int s)
{
	signal(s, SIG_DFL);
	raise(s);
}

static void on_crash(int s)
{
	give_back();
	die_of(s);
}

static void on_signal(int s)
{
	int keep = errno;
	char c = (char)s;

	if (s == SIGTERM || s == SIGHUP) {
		if (ends) {
			give_back();
			die_of(s);
		}
		ends = 1;
	}
	/* A full pipe has enough to wake the loop. */
	if (write(sig.pipe[1], &c, 1) < 0)
		errno = keep;
	errno = keep;
}

static void catch_all(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction crash = {.sa_handler = on_crash,
		.sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER};
	stack_t stack = {.ss_sp = sig.stack, .ss_size = sizeof(sig.stack)};

	sigaltstack(&stack, &sig.before_stack);
	for (int i = 0; i < N_CAUGHT; i++)
		sigaction(caught[i], &sa, &sig.before[i]);
	for (int i = 0; i < N_CRASHES; i++)
		sigaction(crashes[i], &crash, &sig.before_crash[i]);
}

void signals_open(struct tui *t, const char *restore)
{
	ends = 0;
	sig.pid = getpid();
	sig.tty_in = t->in_fd;
	sig.tty_out = t->out_fd;
	sig.restore_len = strlen(restore);
	if (sig.restore_len > sizeof(sig.restore))
		sig.restore_len = 0;
	memcpy(sig.restore, restore, sig.restore_len);
	if (pipe2(sig.pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		abort();
	t->sig_fd = sig.pipe[0];
	catch_all();
}

void signals_modes(const struct termios *modes)
{
	sig.have_modes = modes != NULL;
	if (modes)
		sig.modes = *modes;
}

void signals_close(struct tui *t)
{
	for (int i = 0; i < N_CAUGHT; i++)
		sigaction(caught[i], &sig.before[i], NULL);
	for (int i = 0; i < N_CRASHES; i++)
		sigaction(crashes[i], &sig.before_crash[i], NULL);
	sigaltstack(&sig.before_stack, NULL);
	close(sig.pipe[0]);
	close(sig.pipe[1]);
	t->sig_fd = -1;
	sig.have_modes = false;
}

void signals_stop(bool group)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL}, ours;

	sigaction(SIGTSTP, &dfl, &ours);
	if (group)
		kill(0, SIGTSTP);
	else
		raise(SIGTSTP);
	sigaction(SIGTSTP, &ours, NULL);
}
