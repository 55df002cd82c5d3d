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

#endif
