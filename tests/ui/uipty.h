/*
 * The same screens under a real pseudo-terminal: resize, signals, hang-up,
 * what is left behind, and how many bytes go over the line.
 */
#ifndef UIPTY_H
#define UIPTY_H

#include <sys/types.h>

#include "uitest.h"

struct ui_pty {
	pid_t pid;
	int fd, slave; /* slave is kept open to look at its modes */
	struct vt *vt;
	long bytes; /* written by the program so far */
	struct buf *raw;
};

/* Start fn in a child that leads a session on the terminal. */
struct ui_pty *ui_pty_start(
	ui_fn fn, void *arg, int cols, int rows, const char *const *env);
void ui_pty_send(struct ui_pty *p, const char *bytes);
/* Until the screen has text (20 s, else the test fails and shows it). */
void ui_pty_wait(struct ui_pty *p, const char *text);
/* Read for `seconds`, whatever comes; the bytes that came. */
long ui_pty_listen(struct ui_pty *p, double seconds);
void ui_pty_resize(struct ui_pty *p, int cols, int rows);
/* Until the child ends; its wait status. Fails after 20 s. */
int ui_pty_end(struct ui_pty *p);
/* The terminal is as it was given: modes, main screen, cursor. */
void ui_pty_assert_restored(struct ui_pty *p);
/* Ends the child if it runs, frees. */
void ui_pty_free(struct ui_pty *p);

#endif
