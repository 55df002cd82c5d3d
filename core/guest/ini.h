/*
 * KEY=value files: sections in brackets (systemd, NetworkManager), or shell
 * assignments (sysconfig). A part is a range of lines; positions are lines
 * of a struct text.
 */
#ifndef CORE_GUEST_INI_H
#define CORE_GUEST_INI_H

#include "text.h"

struct ini_part {
	size_t from, to; /* lines behind the header, up to the next one */
	bool shell;      /* values end at a blank; quotes; no sections */
};

/* The nth section of that name (there may be several [Route]). */
bool ini_section(const struct text *t, const char *name, size_t nth,
	struct ini_part *out);
/* A whole file of shell assignments. */
struct ini_part ini_shell(const struct text *t);
/* The line of the nth KEY=, of shell assignments counted from the last, which
 * is the one that holds; false: none. */
bool ini_line(const struct text *t, const struct ini_part *p, const char *key,
	size_t nth, size_t *line);
/* Its value, unquoted; to be freed, null where there is none. */
char *ini_value(const struct text *t, const struct ini_part *p, const char *key,
	size_t nth);
/* The first value in any section of that name; to be freed, or null. */
char *ini_get(const struct text *t, const char *section, const char *key);
/* Give line i the value; quotes, blanks and a comment behind stay. */
void ini_set(
	struct text *t, const struct ini_part *p, size_t i, const char *value);
/* The nth KEY= gets the value; one is added at the part's end where there are
 * not so many. p->to moves along. */
void ini_put(struct text *t, struct ini_part *p, const char *key, size_t nth,
	const char *value);
/* Remove all but the first `keep` lines of a key. */
void ini_drop(struct text *t, struct ini_part *p, const char *key, size_t keep);
/* As GKeyFile (NetworkManager) reads it: sections of one name are one, and of
 * a key that stands in it twice the last counts. Written so; false: it was. */
bool ini_merge(struct text *t);
/* An empty section at the end of the file. */
struct ini_part ini_add_section(struct text *t, const char *name);

#endif
