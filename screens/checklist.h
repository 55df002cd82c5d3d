/*
 * Inside of the checklist: checklist.c shows it, steer.c does what the
 * operator wants.
 */
#ifndef SCREENS_CHECKLIST_H
#define SCREENS_CHECKLIST_H

#include "child.h"
#include "follow.h"

struct checklist {
	struct wizard *w;
	struct follow f;
	struct worker k;
	struct tui_checklist list;
	struct tui_screen screen;
	bool told; /* this stop of the job has been opened */
	char status[WIZ_TEXT];
	char *now; /* what parts() points into */
};

/* A worker is there, ours or another's. */
bool checklist_works(const struct checklist *c);
/* The job's state is this one. */
bool checklist_is(const struct checklist *c, const char *state);
/* It waits for guided mode's word, the step at hand being shown. */
bool checklist_asks_go(const struct checklist *c);
/* Start a worker: run, or undo where the way back was begun. */
void checklist_go_on(struct checklist *c);

/* The job has come to a stop, or Enter was pressed there (by_hand): its
 * question, its error, its end. What the page leaves with, or TUI_STAY. */
int steer_attend(struct checklist *c, bool by_hand);
void steer_skip(struct checklist *c);
void steer_back(struct checklist *c);
void steer_stop(struct checklist *c);
/* Guided or express, at any time. */
void steer_mode(struct checklist *c);

#endif
