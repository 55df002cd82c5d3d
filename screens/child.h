/*
 * Verbs as children of the same binary, each in a session of its own, its
 * pipes watched by the event loop. Keeps true: nothing here waits for a
 * child; secrets pass through an inherited pipe, never argv or environment.
 */
#ifndef SCREENS_CHILD_H
#define SCREENS_CHILD_H

#include <sys/types.h>

#include "wizard.h"

struct args {
	const char *v[48];
	int n;
};
void args_add(struct args *a, const char *s);
/* Both, or none where value is empty. */
void args_opt(struct args *a, const char *option, const char *value);

struct child {
	struct wizard *w;
	pid_t pid; /* 0: none */
	int fd[2]; /* output, errors; -1 closed */
	struct buf text[2];
	int status; /* exit code or 128 + signal, once ended */
	/* It ended; may be null. Called from the loop. */
	void (*end)(struct child *c, void *arg);
	/* A line of errors came; may be null. */
	void (*line)(struct child *c, const char *line, void *arg);
	void *arg;
};

/* Start a verb: argv[0] is the verb. secrets: give `--secrets fd:3`.
 * -1 with the error. */
int child_start(struct child *c, struct wizard *w, const struct args *a,
	bool secrets, struct err *e);
/* Forget it; killed where it still runs: for verbs that only read, or whose
 * writes survive kill -9 as the journal does. */
void child_drop(struct child *c);

/*
 * Run a verb with a page "busy" over the screen at hand. 0 where it ended
 * well (*out, if not null, is its output, to be freed); -1 with its error as
 * it told it, or ERR_STOPPED where the operator gave up or hung up.
 */
int child_verb(struct wizard *w, const char *busy, const struct args *a,
	bool secrets, char **out, struct err *e);

/* The error in what a verb wrote to standard error. */
void child_error(const char *text, int status, struct err *e);

/*
 * A worker: run, undo. It outlives us: its output goes to
 * STATE/wizard/JOB.out, and a pipe that it alone holds tells its end.
 */
struct worker {
	struct wizard *w;
	pid_t pid;
	int life;   /* -1: none of ours runs */
	char *path; /* JOB.out */
	int status; /* as child's, -1 while it runs */
};
int worker_start(struct worker *k, struct wizard *w, const char *job,
	const struct args *a, struct err *e);
/* Let go of it; it goes on. */
void worker_drop(struct worker *k);
/* What it said before its job could tell it: *e. */
void worker_error(const struct worker *k, struct err *e);

#endif
