/* What access.c (files) and open.c (disks, root) share of libguestfs. */
#ifndef CORE_GUEST_GFS_H
#define CORE_GUEST_GFS_H

#include <guestfs.h>

#include "own.h"

#define G(g) ((guestfs_h *)(g)->priv)

extern const struct guest_ops gfs_ops;

/* A null-terminated list of texts of libguestfs. */
void gfs_strings_free(char ***list);
#define _strings_ __attribute__((cleanup(gfs_strings_free)))

/* ERR_GUEST_ACCESS with the handle's last error. Returns -1. */
int gfs_error(guestfs_h *h, const char *what, struct err *e);
/* A guest that is only looked at lies on a layer, mounted read-only: let the
 * layer take what is written. */
int gfs_thaw(struct guest *g, struct err *e);
/* struct guest_ops's run (command.c). */
int gfs_run(struct guest *g, const char *const argv[], char **said, int *status,
	struct err *e);

/*
 * Calls of libguestfs hear of no stop, and the appliance's start takes up to a
 * minute: a timer looks, and on a stop ends the appliance, so that the call
 * fails at once (watch.c). One handle at a time.
 */
/* Children of this thread from now on are the appliance's. */
void gfs_watch_mark(void);
/* Until the next call a stop ends the appliance, and so does the time, in
 * seconds; 0: none. g null: while it starts. */
void gfs_watch(struct guest *g, unsigned seconds);
/* Between programs of the guest: on for one that is only looked at; where
 * something may be written, a stop waits until it is. */
void gfs_watch_idle(struct guest *g);
void gfs_watch_off(void);

#endif
