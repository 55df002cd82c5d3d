/*
 * A YAML text that is changed by cutting new values in at the places libyaml
 * names, so that comments, order and style stay as they are.
 */
#ifndef CORE_GUEST_YDOC_H
#define CORE_GUEST_YDOC_H

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

struct ydoc_edit {
	size_t from, to; /* bytes of the text */
	char *text;
	size_t nth; /* order of edits at one place */
};

struct ydoc {
	const char *text;
	yaml_document_t y;
	struct ydoc_edit *edit;
	size_t n;
};

/* text must outlive it. -1: not YAML, empty, or with aliases (a value that
 * stands in two places cannot be changed in one). */
int ydoc_open(struct ydoc *d, const char *text);
/* To read only: aliases are what they stand for. */
int ydoc_read(struct ydoc *d, const char *text);
/* Is there a "*name" in it? */
bool ydoc_has_aliases(const char *text);
void ydoc_close(struct ydoc *d);
yaml_node_t *ydoc_root(struct ydoc *d);

/* Null nodes are allowed everywhere and give null, 0. */
const char *ydoc_scalar(const yaml_node_t *n);
/* Value of a key, and the key itself where key_node is given. */
yaml_node_t *ydoc_get(struct ydoc *d, const yaml_node_t *map, const char *key,
	yaml_node_t **key_node);
size_t ydoc_items(const yaml_node_t *seq);
yaml_node_t *ydoc_item(struct ydoc *d, const yaml_node_t *seq, size_t i);
/* Pair i of a mapping: false at the end. */
bool ydoc_pair(struct ydoc *d, const yaml_node_t *map, size_t i,
	yaml_node_t **key, yaml_node_t **value);

/* --- edits: worked out on the text as it was --- */

/* The scalar's text; quotes go. */
void ydoc_replace(struct ydoc *d, const yaml_node_t *n, const char *text);
/* A "key: value" as the first of a mapping (block, flow, empty), or, where
 * the node holds nothing, below its key. */
void ydoc_add_pair(struct ydoc *d, const yaml_node_t *key,
	const yaml_node_t *map, const char *pair);
/* A "key: value" before that key of its mapping. */
void ydoc_pair_before(struct ydoc *d, const yaml_node_t *map,
	const yaml_node_t *key, const char *pair);
/* An item before the sequence's first. */
void ydoc_add_item(struct ydoc *d, const yaml_node_t *seq, const char *item);
/* Remove the whole line that the node begins on (block style). */
void ydoc_cut_line(struct ydoc *d, const yaml_node_t *n);
/* The text with all edits; to be freed. */
char *ydoc_apply(struct ydoc *d);

#endif
