/*
 * Who is told of each command before it is sent to another machine: a job
 * journals them, so that a worker that dies in mid-command has left word.
 */
#ifndef CORE_TOLD_H
#define CORE_TOLD_H

#include <stdbool.h>

#include "err.h"

struct told {
	/* line: as a person would type it there, may hold newlines. changes:
	 * false for what only reads. -1: it must not be sent. */
	int (*fn)(void *arg, const char *line, bool changes, struct err *e);
	void *arg;
};

#endif
