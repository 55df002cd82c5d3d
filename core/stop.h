/*
 * A stop asked for by signal: set by the handler in main.c, looked at by
 * everything that waits or loops.
 */
#ifndef CORE_STOP_H
#define CORE_STOP_H

#include <signal.h>

#include "err.h"

extern volatile sig_atomic_t stop_asked;

/* 0, or -1 with ERR_STOPPED once a stop was asked for. */
int stop_check(struct err *e);
/* Sleep up to ms, shorter when a stop is asked for; then as stop_check. */
int stop_sleep(unsigned ms, struct err *e);

#endif
