/* The terminal for real: resize, signals, hang-up, crash, bytes on the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/str.h"

#include "uipty.h"
#include "widgets.h"

static struct ui_pty *open_menu(void)
{
	struct ui_pty *p = ui_pty_start(sample_menu, NULL, 80, 24, NULL);

	ui_pty_wait(p, "Widgets");
	ui_pty_wait(p, "Help");
	return p;
}

static void leaves_nothing(void **state)
{
	struct ui_pty *p = open_menu();
	int status;

	(void)state;
	ui_pty_send(p, "q");
	status = ui_pty_end(p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ui_pty_assert_restored(p);
	ui_pty_free(p);
}

/* The screen is drawn for this size: the title ends in the last column but
 * one, the key bar is the last line. */
static bool drawn_for(struct ui_pty *p, int cols)
{
	_free_ char *s = vt_text(p->vt);
	char *first = s, *bar = strstr(s, "? Help  ");

	first[strcspn(first, "\n")] = 0;
	return (int)strlen(first) == cols - 1 && bar && !strchr(bar, '\n')[1];
}

/* A resize right behind a key is where curses programs lose one. */
static void resizes(void **state)
{
	struct ui_pty *p = open_menu();

	(void)state;
	for (int i = 0; i < 60; i++) {
		int cols = 80 + i % 7 * 10, rows = 24 + i % 5 * 6;
		double end = now_mono() + 60;

		ui_pty_send(p, i & 1 ? "\033OB" : "\033OA");
		ui_pty_resize(p, cols, rows);
		while (!drawn_for(p, cols) && now_mono() < end)
			ui_pty_listen(p, 0.01);
		assert_true(drawn_for(p, cols));
	}
	ui_pty_resize(p, 40, 10);
	ui_pty_wait(p, "too small");
	ui_pty_resize(p, 80, 24);
	ui_pty_wait(p, "Widgets");
	ui_pty_free(p);
}

/* What cannot be seen is not answered; Ctrl-C leaves. */
static void small_is_deaf(void **state)
{
	struct ui_pty *p = open_menu();
	long before;
	int status;

	(void)state;
	ui_pty_resize(p, 40, 10);
	ui_pty_wait(p, "too small");
	/* Ctrl-L shows that the keys before it were read. */
	before = p->bytes;
	ui_pty_send(p, "q\r\f");
	for (double end = now_mono() + 60; p->bytes == before;) {
		assert_true(now_mono() < end);
		ui_pty_listen(p, 0.01);
	}
	ui_pty_resize(p, 80, 24);
	ui_pty_wait(p, "Widgets");
	ui_pty_resize(p, 40, 10);
	ui_pty_wait(p, "Ctrl-C");
	ui_pty_send(p, "\003");
	status = ui_pty_end(p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ui_pty_assert_restored(p);
	ui_pty_free(p);
}

/* A key that TERM does not name is no Esc and nothing typed: F1 and F5 of
 * PuTTY and of the Linux console, an arrow with Alt, a number pad's key. */
static void unknown_keys(void **state)
{
	static const char *const keys[] = {
		"\033[15~", "\033[[E", "\033[1;9A", "\033Ow", "\033[99;99Q"};
	static const char *const env[] = {"TERM=vt100", NULL};
	struct ui_pty *p = ui_pty_start(sample_menu, NULL, 80, 24, env);
	int status;

	(void)state;
	ui_pty_wait(p, "Help");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		ui_pty_send(p, keys[i]);
	ui_pty_send(p, "\033[11~");
	ui_pty_wait(p, "draws the screen again");
	ui_pty_send(p, "\033[15~");
	ui_pty_wait(p, "draws the screen again");
	ui_pty_send(p, "qq");
	status = ui_pty_end(p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ui_pty_free(p);
}

static void by_signal(int sig, bool restored)
{
	struct ui_pty *p = open_menu();
	int status;

	kill(p->pid, sig);
	status = ui_pty_end(p);
	if (restored)
		ui_pty_assert_restored(p);
	if (sig == SIGTERM || sig == SIGHUP || sig == SIGINT)
		assert_true(WIFEXITED(status));
	else
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == sig);
	ui_pty_free(p);
}

static void signals(void **state)
{
	(void)state;
	by_signal(SIGTERM, true);
	by_signal(SIGHUP, true);
	by_signal(SIGINT, true);
	/* Crashes: the terminal is given back before the program dies. */
	by_signal(SIGSEGV, true);
	by_signal(SIGABRT, true);
	by_signal(SIGBUS, true);
	/* Nobody can do anything about this one, but the next start. */
	by_signal(SIGKILL, false);
}

/* The line is cut: it must end by itself, and at once. */
static void hang_up(void **state)
{
	struct ui_pty *p = open_menu();
	double began = now_mono();

	(void)state;
	close(p->slave);
	p->slave = -1;
	close(p->fd);
	p->fd = -1;
	ui_pty_end(p);
	assert_true(now_mono() - began < 5);
	ui_pty_free(p);
}

static void hang_up_in_dialog(void **state)
{
	struct ui_pty *p = open_menu();

	(void)state;
	ui_pty_send(p, "\033[4~\033OA\033OA\r");
	ui_pty_wait(p, "Delete the source");
	kill(p->pid, SIGHUP);
	ui_pty_end(p);
	ui_pty_assert_restored(p);
	ui_pty_free(p);
}

static void escape(void **state)
{
	struct ui_pty *p = open_menu();

	(void)state;
	ui_pty_send(p, "\r");
	ui_pty_wait(p, "Address");
	ui_pty_send(p, "\033");
	ui_pty_wait(p, "answer 2");
	/* An arrow is not an Esc, however slowly its bytes come in one piece.
	 */
	ui_pty_send(p, "\033OB");
	ui_pty_wait(p, "> Table");
	ui_pty_free(p);
}

/* Bytes of a character on two packets. */
static void split_character(void **state)
{
	struct ui_pty *p = ui_pty_start(sample_form, NULL, 80, 24, NULL);

	(void)state;
	ui_pty_wait(p, "Address");
	ui_pty_send(p, "\025x\xd0");
	ui_pty_wait(p, "Address   x");
	ui_pty_send(p, "\x96y");
	ui_pty_wait(p, "x\xd0\x96y");
	ui_pty_free(p);
}

static void suspend(void **state)
{
	struct ui_pty *p = ui_pty_start(sample_form, NULL, 80, 24, NULL);
	int status;

	(void)state;
	ui_pty_wait(p, "Address");
	ui_pty_send(p, "\025before");
	ui_pty_wait(p, "before");
	kill(p->pid, SIGTSTP);
	/* A session of its own has nobody who would wake it: some kernels then
	 * do not stop it at all. */
	for (double end = now_mono() + 1; now_mono() < end;)
		if (waitpid(p->pid, &status, WNOHANG | WUNTRACED) == p->pid)
			break;
	kill(p->pid, SIGCONT);
	ui_pty_send(p, " after");
	ui_pty_wait(p, "before after");
	assert_true(vt_alternate(p->vt));
	ui_pty_free(p);
}

static void idle_is_silent(void **state)
{
	struct ui_pty *p = open_menu();

	(void)state;
	ui_pty_listen(p, 0.3);
	assert_int_equal(ui_pty_listen(p, 2), 0);
	ui_pty_free(p);
}

/* Ten times the usual rate, so that the test is short: a second of a copy is
 * a tenth of what is counted. */
static void progress_is_small(void **state)
{
	unsigned rate = 10;
	struct ui_pty *p = ui_pty_start(sample_running, &rate, 80, 24, NULL);
	long bytes;

	(void)state;
	ui_pty_wait(p, "MiB/s");
	ui_pty_listen(p, 0.3);
	bytes = ui_pty_listen(p, 3) / 30;
	print_message("# %ld bytes an update\n", bytes);
	assert_true(bytes > 0);
	assert_true(bytes < 2048);
	ui_pty_free(p);
}

static void plain_on_dumb(void **state)
{
	const char *const env[] = {"TERM=dumb", NULL};
	struct ui_pty *p = ui_pty_start(sample_form, NULL, 80, 24, env);

	(void)state;
	ui_pty_wait(p, "Address [esxi1.example.org]:");
	ui_pty_send(p, "\n");
	ui_pty_wait(p, "User [root]:");
	ui_pty_send(p, "\n");
	ui_pty_wait(p, "Password:");
	ui_pty_send(p, "hunter2\n");
	ui_pty_wait(p, "Keep the password");
	assert_null(strstr(p->raw->s, "hunter2"));
	assert_null(strchr(p->raw->s, '\033'));
	kill(p->pid, SIGTERM);
	ui_pty_end(p);
	ui_pty_assert_restored(p);
	ui_pty_free(p);
}

/* Killed while the echo is off: it is on again. */
static void plain_password_killed(void **state)
{
	const char *const env[] = {"TERM=dumb", NULL};
	struct ui_pty *p = ui_pty_start(sample_form, NULL, 80, 24, env);

	(void)state;
	ui_pty_wait(p, "Address");
	ui_pty_send(p, "\n\n");
	ui_pty_wait(p, "Password:");
	kill(p->pid, SIGTERM);
	ui_pty_end(p);
	ui_pty_assert_restored(p);
	ui_pty_free(p);
}

static void unknown_terminal(void **state)
{
	const char *const env[] = {"TERM=no-such-terminal", NULL};
	struct ui_pty *p = ui_pty_start(sample_form, NULL, 80, 24, env);

	(void)state;
	ui_pty_wait(p, "Address [esxi1.example.org]:");
	ui_pty_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_nothing),
		cmocka_unit_test(resizes),
		cmocka_unit_test(small_is_deaf),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(signals),
		cmocka_unit_test(hang_up),
		cmocka_unit_test(hang_up_in_dialog),
		cmocka_unit_test(escape),
		cmocka_unit_test(split_character),
		cmocka_unit_test(suspend),
		cmocka_unit_test(idle_is_silent),
		cmocka_unit_test(progress_is_small),
		cmocka_unit_test(plain_on_dumb),
		cmocka_unit_test(plain_password_killed),
		cmocka_unit_test(unknown_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
