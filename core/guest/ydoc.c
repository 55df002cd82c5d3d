/* YAML changed in place: see ydoc.h. */
#include "ydoc.h"

#include <stdlib.h>
#include <string.h>

#include "../str.h"

bool ydoc_has_aliases(const char *text)
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool found = false, more = true;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(
		&parser, (const unsigned char *)text, strlen(text));
	while (more && yaml_parser_parse(&parser, &event)) {
		more = event.type != YAML_STREAM_END_EVENT;
		found |= event.type == YAML_ALIAS_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return found;
}

int ydoc_read(struct ydoc *d, const char *text)
{
	yaml_parser_t parser;
	int ok;

	*d = (struct ydoc){.text = text};
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(
		&parser, (const unsigned char *)text, strlen(text));
	ok = yaml_parser_load(&parser, &d->y);
	yaml_parser_delete(&parser);
	if (ok && yaml_document_get_root_node(&d->y))
		return 0;
	if (ok)
		yaml_document_delete(&d->y);
	return -1;
}

int ydoc_open(struct ydoc *d, const char *text)
{
	return ydoc_has_aliases(text) ? -1 : ydoc_read(d, text);
}

void ydoc_close(struct ydoc *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->edit[i].text);
	free(d->edit);
	yaml_document_delete(&d->y);
}

yaml_node_t *ydoc_root(struct ydoc *d)
{
	return yaml_document_get_root_node(&d->y);
}

const char *ydoc_scalar(const yaml_node_t *n)
{
	return n && n->type == YAML_SCALAR_NODE
		? (const char *)n->data.scalar.value
		: NULL;
}

bool ydoc_pair(struct ydoc *d, const yaml_node_t *map, size_t i,
	yaml_node_t **key, yaml_node_t **value)
{
	yaml_node_pair_t *p;

	if (!map || map->type != YAML_MAPPING_NODE)
		return false;
	p = map->data.mapping.pairs.start + i;
	if (p >= map->data.mapping.pairs.top)
		return false;
	*key = yaml_document_get_node(&d->y, p->key);
	*value = yaml_document_get_node(&d->y, p->value);
	return true;
}

yaml_node_t *ydoc_get(struct ydoc *d, const yaml_node_t *map, const char *key,
	yaml_node_t **key_node)
{
	yaml_node_t *k, *v;

	for (size_t i = 0; ydoc_pair(d, map, i, &k, &v); i++) {
		const char *s = ydoc_scalar(k);

		if (!s || strcmp(s, key))
			continue;
		if (key_node)
			*key_node = k;
		return v;
	}
	return NULL;
}

size_t ydoc_items(const yaml_node_t *seq)
{
	if (!seq || seq->type != YAML_SEQUENCE_NODE)
		return 0;
	return seq->data.sequence.items.top - seq->data.sequence.items.start;
}

yaml_node_t *ydoc_item(struct ydoc *d, const yaml_node_t *seq, size_t i)
{
	return yaml_document_get_node(&d->y, seq->data.sequence.items.start[i]);
}

/* Marks count characters; the text is edited by bytes. */
static size_t byte_of(const struct ydoc *d, yaml_mark_t m)
{
	size_t at = 0, chars = 0;

	while (d->text[at] && chars < m.index) {
		at++;
		while ((d->text[at] & 0xc0) == 0x80)
			at++;
		chars++;
	}
	return at;
}

static void add_edit(struct ydoc *d, size_t from, size_t to, char *text)
{
	d->edit = xreallocarray(d->edit, d->n + 1, sizeof(*d->edit));
	d->edit[d->n] = (struct ydoc_edit){from, to, text, d->n};
	d->n++;
}

/* Is something put in there already? */
static bool edited(const struct ydoc *d, size_t at)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->edit[i].from == at)
			return true;
	return false;
}

void ydoc_replace(struct ydoc *d, const yaml_node_t *n, const char *text)
{
	add_edit(d, byte_of(d, n->start_mark), byte_of(d, n->end_mark),
		xstrdup(text));
}

void ydoc_pair_before(struct ydoc *d, const yaml_node_t *map,
	const yaml_node_t *key, const char *pair)
{
	size_t at = byte_of(d, key->start_mark);
	bool flow = map->data.mapping.style == YAML_FLOW_MAPPING_STYLE;

	add_edit(d, at, at,
		flow ? xasprintf("%s, ", pair)
		     : xasprintf("%s\n%*s", pair, (int)key->start_mark.column,
			       ""));
}

void ydoc_add_pair(struct ydoc *d, const yaml_node_t *key,
	const yaml_node_t *map, const char *pair)
{
	yaml_node_t *first, *value;
	size_t at = byte_of(d, map->start_mark);

	if (ydoc_pair(d, map, 0, &first, &value))
		ydoc_pair_before(d, map, first, pair);
	else if (map->type == YAML_MAPPING_NODE) /* {} */
		add_edit(d, at + 1, at + 1,
			xasprintf("%s%s", edited(d, at + 1) ? ", " : "", pair));
	else
		add_edit(d, at, byte_of(d, map->end_mark),
			xasprintf("\n%*s%s", (int)key->start_mark.column + 2,
				"", pair));
}

void ydoc_add_item(struct ydoc *d, const yaml_node_t *seq, const char *item)
{
	size_t at = byte_of(d, seq->start_mark);

	if (seq->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE)
		add_edit(d, at + 1, at + 1,
			ydoc_items(seq) ? xasprintf("%s, ", item)
					: xstrdup(item));
	else
		add_edit(d, at, at,
			xasprintf("- %s\n%*s", item,
				(int)seq->start_mark.column, ""));
}

void ydoc_cut_line(struct ydoc *d, const yaml_node_t *n)
{
	size_t from = byte_of(d, n->start_mark), to = from;

	while (from && d->text[from - 1] != '\n')
		from--;
	to += strcspn(d->text + to, "\n");
	add_edit(d, from, to + (d->text[to] == '\n'), xstrdup(""));
}

static int later_first(const void *a, const void *b)
{
	const struct ydoc_edit *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? 1 : -1;
	return x->nth < y->nth ? 1 : -1;
}

char *ydoc_apply(struct ydoc *d)
{
	char *text = xstrdup(d->text);

	if (d->n)
		qsort(d->edit, d->n, sizeof(*d->edit), later_first);
	for (size_t i = 0; i < d->n; i++) {
		char *next = xasprintf("%.*s%s%s", (int)d->edit[i].from, text,
			d->edit[i].text, text + d->edit[i].to);

		free(text);
		text = next;
	}
	return text;
}
