/* Screens under a pseudo-terminal (uipty.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>
#include <cmocka.h>

#include "core/str.h"

#include "uipty.h"

#define PATIENCE 60.0

static void child(struct ui_pty *p, ui_fn fn, void *arg, const char *const *env)
{
	struct tui_opts o = {0};

	close(p->fd);
	if (login_tty(p->slave) != 0)
		_exit(99);
	setenv("LANG", "C.UTF-8", 1);
	setenv("TERM", "xterm-256color", 1);
	unsetenv("LC_ALL");
	unsetenv("NO_COLOR");
	/* Not the size of the terminal that the tests run in. */
	unsetenv("LINES");
	unsetenv("COLUMNS");
	for (; env && *env; env++)
		putenv((char *)*env);
	setlocale(LC_ALL, "");
	fn(&o, arg);
	fflush(stdout);
	vt_free(p->vt);
	buf_free(p->raw);
	free(p->raw);
	free(p);
	ui_end();
}

struct ui_pty *ui_pty_start(
	ui_fn fn, void *arg, int cols, int rows, const char *const *env)
{
	struct ui_pty *p = xcalloc(1, sizeof(*p));
	struct winsize ws = {
		.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};

	fflush(NULL);
	p->raw = xcalloc(1, sizeof(*p->raw));
	if (openpty(&p->fd, &p->slave, NULL, NULL, &ws) != 0)
		fail_msg("openpty: %s", strerror(errno));
	p->vt = vt_new(cols, rows);
	p->pid = fork();
	if (p->pid == 0)
		child(p, fn, arg, env);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	return p;
}

void ui_pty_send(struct ui_pty *p, const char *bytes)
{
	if (write_all(p->fd, bytes, strlen(bytes)) != 0)
		fail_msg("pty: %s", strerror(errno));
}

/* What has come within ms; its length. */
static long take(struct ui_pty *p, int ms)
{
	struct pollfd f = {.fd = p->fd, .events = POLLIN};
	char b[4096];
	ssize_t n;
	long sum = 0;

	if (poll(&f, 1, ms) <= 0)
		return 0;
	while ((n = read(p->fd, b, sizeof(b))) > 0) {
		vt_input(p->vt, b, n);
		buf_add(p->raw, b, n);
		sum += n;
	}
	p->bytes += sum;
	return sum;
}

void ui_pty_wait(struct ui_pty *p, const char *text)
{
	double end = now_mono() + PATIENCE;
	_free_ char *s = NULL;

	do {
		free(s);
		s = vt_text(p->vt);
		if (strstr(s, text))
			return;
		take(p, 20);
	} while (now_mono() < end);
	fail_msg("never shown: %s\n%s", text, s);
}

long ui_pty_listen(struct ui_pty *p, double seconds)
{
	double end = now_mono() + seconds, left;
	long sum = 0;

	while ((left = end - now_mono()) > 0)
		sum += take(p, (int)(left * 1000) + 1);
	return sum;
}

void ui_pty_resize(struct ui_pty *p, int cols, int rows)
{
	struct winsize ws = {
		.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};

	vt_resize(p->vt, cols, rows);
	ioctl(p->fd, TIOCSWINSZ, &ws);
}

int ui_pty_end(struct ui_pty *p)
{
	double end = now_mono() + PATIENCE;
	int status;

	while (waitpid(p->pid, &status, WNOHANG) == 0) {
		if (now_mono() > end) {
			_free_ char *s = vt_text(p->vt);

			fail_msg("still runs:\n%s", s);
		}
		if (p->fd >= 0)
			take(p, 10);
		else
			poll(NULL, 0, 10);
	}
	p->pid = 0;
	while (p->fd >= 0 && take(p, 50))
		;
	return status;
}

void ui_pty_assert_restored(struct ui_pty *p)
{
	struct termios now;

	assert_int_equal(tcgetattr(p->slave, &now), 0);
	assert_true(now.c_lflag & ICANON);
	assert_true(now.c_lflag & ECHO);
	assert_true(now.c_lflag & ISIG);
	assert_true(now.c_iflag & ICRNL);
	assert_true(now.c_oflag & OPOST);
	assert_false(vt_alternate(p->vt));
	assert_true(vt_cursor_visible(p->vt));
}

void ui_pty_free(struct ui_pty *p)
{
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (p->fd >= 0)
		close(p->fd);
	if (p->slave >= 0)
		close(p->slave);
	vt_free(p->vt);
	buf_free(p->raw);
	free(p->raw);
	free(p);
}
