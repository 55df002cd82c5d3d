/*
 * The one door to jansson, with the getters and file routines that all
 * modules share. Objects got from a getter are borrowed.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* From now on what jansson frees is zeroed first (secrets_harden). */
void json_wipe_freed(void);

void cleanup_json(json_t **j);
#define _json_ __attribute__((cleanup(cleanup_json)))

/* The member's text, or null where absent or not a string. */
const char *json_str(const json_t *o, const char *key);
/* The member's text, or def. */
const char *json_str_or(const json_t *o, const char *key, const char *def);
/* A number, given as JSON number or as decimal text (Proxmox mixes them);
 * def where absent or neither. */
uint64_t json_u64(const json_t *o, const char *key, uint64_t def);
double json_num(const json_t *o, const char *key, double def);
/* true/false, 0/1, "0"/"1"; def where absent. */
bool json_flag(const json_t *o, const char *key, bool def);
/* Member's member ... by a dotted path: "target.storage". Borrowed. */
json_t *json_at(const json_t *o, const char *path);

/* Set, stealing v; key and text are made valid UTF-8 by replacing bad bytes. */
void json_put(json_t *o, const char *key, json_t *v);
void json_put_str(json_t *o, const char *key, const char *s); /* null: none */
void json_put_u64(json_t *o, const char *key, uint64_t v);
void json_put_bool(json_t *o, const char *key, bool v);
/* json_string that accepts any bytes. */
json_t *json_text(const char *s);
/* The first object of an array whose member is that text; borrowed, null: there
 * is none. */
const json_t *json_find(const json_t *rows, const char *key, const char *text);

/* Parse text; ERR_BAD_INPUT names line and column. New reference. */
int json_parse(const char *text, size_t len, json_t **out, struct err *e);
int json_read(const char *path, json_t **out, struct err *e);
/* Sorted keys, indented, with final newline: byte-stable. mode as chmod. */
int json_write(const char *path, const json_t *j, unsigned mode, struct err *e);
/* The texts of a list: "a, b, c"; to be freed. */
char *json_join(const json_t *texts);
/* One line, sorted keys, no newline; to be freed. */
char *json_line(const json_t *j);
/* Indented by 2, sorted keys, final newline; to be freed. */
char *json_pretty(const json_t *j);

#endif
