/* Screens with every widget, for the tests of tui/ and for looking at. */
#ifndef WIDGETS_H
#define WIDGETS_H

#include "tui/tui.h"

/* Each opens with o, runs one screen until it is left, closes. */
void sample_form(const struct tui_opts *o, void *arg);
void sample_table(const struct tui_opts *o, void *arg);
void sample_pager(const struct tui_opts *o, void *arg);
void sample_checklist(const struct tui_opts *o, void *arg);
/* A menu that leads to all of them and to the dialogs. */
void sample_menu(const struct tui_opts *o, void *arg);

/* The checklist, running: *arg is an int, steps a second of its clock. */
void sample_running(const struct tui_opts *o, void *arg);

#endif
