/*
 * A guest that is a directory tree: the same table of operations as
 * core/guest/access.c, for tests without libguestfs. Links are followed
 * inside the tree only (openat2, RESOLVE_IN_ROOT). Linked into each
 * test_guest*.
 */
#ifndef TESTS_GUEST_DIR_H
#define TESTS_GUEST_DIR_H

#include "guest/own.h"

/* A writable guest of family linux over an empty temporary directory. */
struct guest *guest_dir_new(void);
/* Its directory on this machine. */
const char *guest_dir_root(const struct guest *g);
/* Put a file; directories are made. */
void guest_dir_put(struct guest *g, const char *path, const char *text);
/* Copy a file of this machine to path. */
void guest_dir_copy(struct guest *g, const char *path, const char *from);
/* A registry hive with the keys of reg, "[\\A\\B]\n\"Start\"=dword:0\n". */
void guest_dir_hive(struct guest *g, const char *path, const char *reg);
/* A symbolic link at path. */
void guest_dir_link(struct guest *g, const char *path, const char *to);
/* Let programs of the tree be run, as shell scripts of this machine, in its
 * directory; without it none runs. */
void guest_dir_runs(struct guest *g);
/* As if vmferry were killed: after so many bytes and so many other changes
 * (each counts as one) nothing is written any more, a file in the middle stays
 * cut, and each operation fails. SIZE_MAX: never, again. True: it came to
 * that since the last call. */
bool guest_dir_kill(struct guest *g, size_t after);
/* All content of a file; fails the test where it is not there. */
char *guest_dir_get(struct guest *g, const char *path);
/* Removes the directory. */
void guest_dir_free(struct guest *g);

/* "../shared/corpus" (VMFERRY_SHARED overrides); null where it is absent. */
const char *guest_corpus(void);

#endif
