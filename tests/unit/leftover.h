/*
 * What is left of a secret in this process: every byte that it can write to
 * is looked at, but for the stack, where the loader of libraries may spill
 * registers that last copied a part of it. The secret stands nowhere in the
 * clear, so that the test is not what it finds: `hidden` is its text with each
 * byte one higher.
 */
#ifndef TESTS_UNIT_LEFTOVER_H
#define TESTS_UNIT_LEFTOVER_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

/* The secret in the clear, to be wiped by the caller. */
static inline char *leftover_clear(const char *hidden)
{
	char *s = xstrdup(hidden);

	for (char *p = s; *p; p++)
		p[0]--;
	return s;
}

static inline bool leftover_at(const char *p, const char *hidden)
{
	for (; *hidden; hidden++, p++)
		if ((char)(*p + 1) != *hidden)
			return false;
	return true;
}

static inline unsigned leftover_in(
	const char *from, const char *to, const char *hidden, const char *where)
{
	size_t n = strlen(hidden);
	unsigned found = 0;

	for (const char *p = from; p + n <= to; p++)
		if (leftover_at(p, hidden)) {
			fprintf(stderr, "in %s at %p, behind '", where, p);
			for (const char *c = p - 24; c < p; c++)
				if (c >= from)
					fputc(*c >= 32 && *c < 127 ? *c : '.',
						stderr);
			fprintf(stderr, "'\n");
			found++;
		}
	return found;
}

/* How often it stands in memory: heap, data and mappings. */
static inline unsigned leftovers(const char *hidden)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], where[256];
	unsigned found = 0;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long from, to;
		char mode[8];

		*where = '\0';
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255[^\n]", &from,
			    &to, mode, where) < 3 ||
			strncmp(mode, "rw", 2) || str_starts(where, "[stack"))
			continue;
		found += leftover_in((char *)from, (char *)to, hidden, where);
	}
	if (f)
		fclose(f);
	return found;
}

#endif
