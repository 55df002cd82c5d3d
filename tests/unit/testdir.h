/*
 * A test's own directory: under TMPDIR, which tests/run-unit makes for its
 * programs and removes with what a killed one left; without it under /tmp.
 * Sockets are made below: their paths have little room.
 */
#ifndef TESTDIR_H
#define TESTDIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_TMP_MAX 30
#define TEST_DIR_LEN 64

static inline const char *test_tmp(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp && *tmp && strlen(tmp) <= TEST_TMP_MAX ? tmp : "/tmp";
}

/* A new one of this name (at most 20 characters) into `to`; null where there
 * can be none. */
static inline char *test_dir(char to[TEST_DIR_LEN], const char *name)
{
	snprintf(to, TEST_DIR_LEN, "%s/vmferry-%.20s-XXXXXX", test_tmp(), name);
	return mkdtemp(to);
}

#endif
