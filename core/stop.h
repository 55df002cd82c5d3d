/*
 * A stop asked for by signal: set by the handler in main.c, looked at by
 * everything that waits or loops.
 */
#ifndef CORE_STOP_H
#define CORE_STOP_H

#include <stdatomic.h>

#include "err.h"

/* The signal may come to any thread, and all look at it: sig_atomic_t is for
 * one. Without a lock, so a handler may set it. */
extern atomic_int stop_asked;

/* 0, or -1 with ERR_STOPPED once a stop was asked for. */
int stop_check(struct err *e);
/* Sleep up to ms, shorter when a stop is asked for; then as stop_check. */
int stop_sleep(unsigned ms, struct err *e);

#endif
