/*
 * A guest that is a directory tree: the same table of operations as
 * core/guest/access.c, for tests without libguestfs.
 */
#ifndef TESTS_GUEST_DIR_H
#define TESTS_GUEST_DIR_H

#include "guest/own.h"

/* A guest of family linux over an empty temporary directory. */
struct guest *guest_dir_new(void);
/* Put a file; directories are made. */
void guest_dir_put(struct guest *g, const char *path, const char *text);
/* Copy a file of this machine to path. */
void guest_dir_copy(struct guest *g, const char *path, const char *from);
/* Removes the directory. */
void guest_dir_free(struct guest *g);

#endif
