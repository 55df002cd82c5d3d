/*
 * What the stand-ins of tests/lab/hoster and tests/lab/pve share: text, JSON
 * members, a digest. Out of memory aborts.
 */
#ifndef LAB_COMMON_H
#define LAB_COMMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void free_json(json_t **j)
{
	json_decref(*j);
}

#define auto_free __attribute__((cleanup(free_ptr)))
#define auto_json __attribute__((cleanup(free_json)))

/* A new string, printf-style. */
char *fmt(const char *f, ...) __attribute__((format(printf, 1, 2)));
/* strdup and calloc that never fail. */
char *xstrdup(const char *s);
void *xalloc(size_t n);
/* 0 to 15, -1 where it is no hexadecimal digit. */
int hexval(char c);
/* "%41" to "A", in place; plus: "+" to a blank as well. */
void url_decode(char *s, bool plus);

/* Member k of an object as text, null where absent or no string; as number,
 * 0. */
const char *js(const json_t *o, const char *k);
long long ji(const json_t *o, const char *k);
void ji_set(json_t *o, const char *k, long long v);
/* json_pack, aborts where the format is wrong. */
json_t *jp(const char *f, ...);

/* SHA-1 of a text as 40 hex digits. */
char *sha1_hex(const char *s);

#endif
