/*
 * The whole wizard without a network: a state directory of its own with the
 * jobs of tests/ui/data/jobs (or some of them), and tests/ui/fake-vmferry for
 * the verbs. Times, operator and host name are always the same.
 */
#ifndef WIZLAB_H
#define WIZLAB_H

#include "uitest.h"

/* For cmocka: makes and removes the directory. */
int wiz_setup(void **state);
int wiz_teardown(void **state);

/* What the host is called, where root runs the test. */
extern const char *wiz_host;

/* Put a job there, in the state that its files have. A "running" one needs
 * wiz_hold, else it is told as interrupted. */
void wiz_job(const char *name);
/* The job that the wizard starts from Review. */
void wiz_new_job(const char *name);
/* Hold the lock of a job as its worker does; returns what wiz_release frees. */
struct job *wiz_hold(const char *name);
void wiz_release(struct job *job);
/* A file of the fake's directory: "calls", "fail-scan". */
char *wiz_path(const char *name);
void wiz_write(const char *name, const char *text);
/* What is in it, "" where it is not there. To be freed. */
char *wiz_read(const char *name);

/* From Start through all pages to the question of the job it started; jobs
 * that wiz_new_job("ask-bus") makes. */
extern const char wiz_walk[];
/* From Start to Review, the VM in a file. */
extern const char wiz_file_walk[];
/* One job each: what is done with it. Ends with a null job. */
struct wiz_script {
	const char *job;
	bool held;        /* a worker is at it */
	const char *keys; /* from Start on, where it is the first row */
};
extern const struct wiz_script wiz_scripts[];

/*
 * Run the wizard with a script (uitest.h). lang: "", "fr", "ru"; ascii: in
 * the C charset. The screens, to be freed; texts that did not fit are lines
 * "FUNCTION: TEXT" of wiz_read("told").
 */
char *wiz_run(
	const char *keys, int cols, int rows, const char *lang, bool ascii);

/* The wizard as a line dialogue (<Enter> ends a line): all that was written,
 * to be freed. */
char *wiz_run_plain(const char *keys);

#endif
