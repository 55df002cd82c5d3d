/*
 * Screens from key scripts, without a terminal: the code under test runs in
 * a child of its own (its own locale, TERM and environment), draws with the
 * real curses into a file, libvterm makes cells of it. No sleeps: the next
 * key is given when everything is drawn and the program waits.
 *
 * A script is what is typed, with names in <>:
 *   <Enter> <Esc> <Tab> <BackTab> <Up> <Down> <Left> <Right> <PgUp> <PgDn>
 *   <Home> <End> <Del> <BS> <^N>   keys; <lt> is '<'
 *   <paste TEXT>   TEXT as a terminal pastes it (\n in it is a line end)
 *   <wait TEXT>    until the screen has TEXT (20 s; then the run ends and
 *                  the result says so)
 *   <called TEXT>  until $FAKE/calls (wizlab.h) has TEXT, likewise
 *   <snap>         the screen into the result
 *   <look>         its attributes: . none, B bold, U underline, R reverse, or
 *                  r g y b m c for a colour
 * At the end of the script the last screen is added, and input ends.
 */
#ifndef UITEST_H
#define UITEST_H

#include "tui/tui.h"

/* What is tested: opens with these options, runs, closes. */
typedef void (*ui_fn)(const struct tui_opts *o, void *arg);

/*
 * The screens of a script as text, one after the other, each line cut at its
 * last character; "--" lines between. In plain mode: all that was written.
 * env: NAME=VALUE up to null, over LANG=C.UTF-8 TERM=xterm-256color (may be
 * null); "PLAIN=1" asks for plain mode. "(died of signal N)" is added where
 * it did. Freed by the caller.
 */
char *ui_test_run(ui_fn fn, void *arg, const char *keys, int cols, int rows,
	const char *const *env);

/* Ends a test's child without exit handlers; under ASan leaks are looked for
 * first, and told on standard error with exit code 23. */
void ui_end(void) __attribute__((noreturn));

/* The text is that of tests/ui/golden/NAME.txt, else the cmocka test fails
 * with both. UI_GOLDEN=write in the environment writes it. */
void ui_golden(const char *name, const char *text);

/* A terminal's cells; used by uipty.c too. */
struct vt;
struct vt *vt_new(int cols, int rows);
void vt_free(struct vt *v);
void vt_input(struct vt *v, const char *s, size_t n);
void vt_resize(struct vt *v, int cols, int rows);
/* The screen as text, or its attributes. Freed by the caller. */
char *vt_text(struct vt *v);
char *vt_look(struct vt *v);
bool vt_cursor_visible(const struct vt *v);
bool vt_alternate(const struct vt *v);

#endif
