/*
 * Child processes: argv arrays only, never a shell. Children get a clean
 * environment (PATH, LANG=C.UTF-8, TMPDIR, LIBGUESTFS_*), no descriptors but
 * 0..2, default signals, and die with the process that made them.
 */
#ifndef CORE_PROC_H
#define CORE_PROC_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct proc_result {
	int status; /* exit code, or 128 + signal */
	char *out;  /* standard output, NUL-terminated */
	size_t out_len;
	char *err; /* standard error, at most 64 KiB kept */
};
#define _proc_ __attribute__((cleanup(proc_result_free)))
void proc_result_free(struct proc_result *r);

struct proc_opts {
	const char *input; /* standard input, or null for /dev/null */
	size_t input_len;
	double timeout; /* seconds; 0: none. Then ERR_TIMEOUT */
	size_t out_max; /* bytes of output allowed; 0: 16 MiB */
};

/*
 * Run argv[0] (looked up in PATH) to its end. A non-zero status is not an
 * error here. ERR_TOOL_MISSING, ERR_TIMEOUT, ERR_STOPPED (a stop was asked
 * for: the child is ended), ERR_IO. opts may be null.
 */
int proc_run(const char *const argv[], const struct proc_opts *opts,
	struct proc_result *r, struct err *e);
/* proc_run that makes a non-zero status the error `code`, with the last line
 * of standard error as the cause. r may be null. */
int proc_must(const char *const argv[], const struct proc_opts *opts,
	struct proc_result *r, enum err_code code, struct err *e);

/*
 * Start argv and leave it running. in/out: descriptors for 0 and 1, or -1
 * for /dev/null; errors go to fd err_fd or -1. *pid is the child.
 */
int proc_spawn(const char *const argv[], int in, int out, int err_fd,
	pid_t *pid, struct err *e);
/*
 * The same for a server that must not outlive us: where we die, SIGKILL ends
 * it (qemu-nbd loses a SIGTERM that comes while it starts); the terminal's
 * Ctrl-C does not reach it.
 */
int proc_spawn_bound(
	const char *const argv[], int err_fd, pid_t *pid, struct err *e);
/* SIGTERM, wait up to grace seconds, SIGKILL; reaps. Returns the status. */
int proc_end(pid_t pid, double grace);

#endif
