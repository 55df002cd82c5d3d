/* Children, where whoever started us ignores their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"

/* SIGCHLD ignored stays ignored over exec: the kernel then keeps no status. */
static void a_lost_status_is_no_success(void **state)
{
	const char *const argv[] = {"false", NULL};
	struct proc_result r;
	struct err e = {0};

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(proc_must(argv, NULL, NULL, ERR_NBD, &e), -1);
	assert_int_equal(proc_run(argv, NULL, &r, &e), -1);
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(proc_run(argv, NULL, &r, &e), 0);
	assert_int_equal(r.status, 1);
	proc_result_free(&r);
}

/* The program itself does not go on so: its parent's taste is not its own. */
static void the_program_takes_it_back(void **state)
{
	pid_t pid;
	int ws;

	(void)state;
	if (access("./vmferry", X_OK)) {
		fprintf(stderr, "skipped: ./vmferry is not built\n");
		skip();
	}
	pid = fork();
	if (pid == 0) {
		signal(SIGCHLD, SIG_IGN);
		execl("/bin/sh", "sh", "-c",
			"d=$(mktemp -d) && trap 'rm -rf \"$d\"' EXIT\n"
			"printf x >$d/src.raw; truncate -s 64K $d/src.raw\n"
			"qemu-img create -q -f qcow2 $d/dst 64K || exit 0\n"
			/* Its first table, pointed behind its end. */
			"printf '\\200\\0\\0\\0\\177\\377\\0\\0' | dd "
			"of=$d/dst "
			"bs=1 seek=196608 conv=notrunc 2>/dev/null\n"
			"export VMFERRY_STATE=$d\n"
			"./vmferry copy $d/src.raw qcow2:$d/dst --overwrite "
			"2>&1 | grep -q 'dst is corrupt'",
			NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &ws, 0), pid);
	assert_int_equal(ws, 0);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A stop that is asked for while a child ends does not lose what became of
 * it. */
static void a_signal_does_not_lose_the_end(void **state)
{
	/* Silent before it ends: only its end is waited for then. */
	const char *const argv[] = {
		"sh", "-c", "exec >&- 2>&-; sleep 0.5; exit 3", NULL};
	const struct itimerval often = {{0, 50000}, {0, 50000}}, never = {0};
	struct sigaction alarm = {.sa_handler = on_alarm}, was;
	struct proc_result r = {0};
	struct err e = {0};

	(void)state;
	sigaction(SIGALRM, &alarm, &was);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(proc_run(argv, NULL, &r, &e), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &was, NULL);
	assert_int_equal(r.status, 3);
	proc_result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_status_is_no_success),
		cmocka_unit_test(the_program_takes_it_back),
		cmocka_unit_test(a_signal_does_not_lose_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
