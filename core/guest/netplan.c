/*
 * The .yaml files of /etc/netplan: read with libyaml, changed by cutting new
 * values into the text at the places libyaml names, so that comments, order and
 * style stay as they are. Keys: netplan's YAML reference (addresses, gateway4,
 * routes/to/via/on-link, nameservers, dhcp4, match, set-name).
 */
#include <yaml.h>

#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "network.h"

static const char *const dirs[] = {
	"/etc/netplan", "/run/netplan", "/lib/netplan"};

struct edit {
	size_t from, to; /* bytes of the text */
	char *text;
};

struct doc {
	const char *text;
	yaml_document_t y;
	struct edit edit[16];
	size_t n;
};

/* --- the tree --- */

static int doc_open(struct doc *d, const char *text)
{
	yaml_parser_t parser;
	int ok;

	d->text = text;
	d->n = 0;
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

static void doc_close(struct doc *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->edit[i].text);
	yaml_document_delete(&d->y);
}

static const char *scalar(const yaml_node_t *n)
{
	return n && n->type == YAML_SCALAR_NODE
		? (const char *)n->data.scalar.value
		: NULL;
}

static yaml_node_t *node(struct doc *d, int index)
{
	return yaml_document_get_node(&d->y, index);
}

/* Value of a key, and the key itself where key_node is given. */
static yaml_node_t *get(struct doc *d, const yaml_node_t *map, const char *key,
	yaml_node_t **key_node)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
		p < map->data.mapping.pairs.top; p++) {
		const char *k = scalar(node(d, p->key));

		if (!k || strcmp(k, key))
			continue;
		if (key_node)
			*key_node = node(d, p->key);
		return node(d, p->value);
	}
	return NULL;
}

static size_t items(const yaml_node_t *seq)
{
	if (!seq || seq->type != YAML_SEQUENCE_NODE)
		return 0;
	return seq->data.sequence.items.top - seq->data.sequence.items.start;
}

static yaml_node_t *item(struct doc *d, const yaml_node_t *seq, size_t i)
{
	return node(d, seq->data.sequence.items.start[i]);
}

/* Marks count characters; the text is edited by bytes. */
static size_t byte_of(const struct doc *d, yaml_mark_t m)
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

static void add_edit(struct doc *d, size_t from, size_t to, char *text)
{
	if (d->n == ARRAY_LEN(d->edit)) {
		free(text);
		return;
	}
	d->edit[d->n++] = (struct edit){from, to, text};
}

static void replace(struct doc *d, const yaml_node_t *n, const char *text)
{
	add_edit(d, byte_of(d, n->start_mark), byte_of(d, n->end_mark),
		xstrdup(text));
}

static int later_first(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	return (x->from < y->from) - (x->from > y->from);
}

static char *apply(struct doc *d)
{
	char *text = xstrdup(d->text);

	qsort(d->edit, d->n, sizeof(d->edit[0]), later_first);
	for (size_t i = 0; i < d->n; i++) {
		char *next = xasprintf("%.*s%s%s", (int)d->edit[i].from, text,
			d->edit[i].text, text + d->edit[i].to);

		free(text);
		text = next;
	}
	return text;
}

/* --- facts --- */

static yaml_node_t *ethernets(struct doc *d)
{
	yaml_node_t *root = yaml_document_get_root_node(&d->y);

	return get(d, get(d, root, "network", NULL), "ethernets", NULL);
}

static const char *truth(const char *s)
{
	bool b;

	return s && str_bool(s, &b) == 0 && b ? s : NULL;
}

static void one_fact(struct doc *d, const char *path, const char *name,
	yaml_node_t *eth, json_t *list)
{
	yaml_node_t *a = get(d, eth, "addresses", NULL);
	const char *set = scalar(get(d, eth, "set-name", NULL));
	json_t *o = json_object();

	json_put_str(o, "name", set ? set : name);
	json_put_str(o, "file", path);
	json_put_str(o, "method",
		truth(scalar(get(d, eth, "dhcp4", NULL))) ? "dhcp" : "static");
	if (items(a))
		json_put_str(o, "address", scalar(item(d, a, 0)));
	json_put_str(o, "gateway", scalar(get(d, eth, "gateway4", NULL)));
	json_array_append_new(list, o);
}

static void file_facts(struct guest *g, const char *path, json_t *list)
{
	_free_ char *text = guest_text(g, path);
	yaml_node_t *e;
	struct doc d;

	if (!text || doc_open(&d, text))
		return;
	e = ethernets(&d);
	if (e && e->type == YAML_MAPPING_NODE)
		for (yaml_node_pair_t *p = e->data.mapping.pairs.start;
			p < e->data.mapping.pairs.top; p++)
			if (scalar(node(&d, p->key)))
				one_fact(&d, path, scalar(node(&d, p->key)),
					node(&d, p->value), list);
	doc_close(&d);
}

static json_t *all_files(struct guest *g)
{
	json_t *files = json_array();

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		_json_ json_t *names = g->ops->list(g, dirs[i]);
		const json_t *v;
		size_t k;

		json_array_foreach (names, k, v)
			if (str_ends(json_string_value(v), ".yaml")) {
				_free_ char *path = path_join(
					dirs[i], json_string_value(v));

				json_array_append_new(files, json_text(path));
			}
	}
	return files;
}

static void facts(struct guest *g, json_t *net)
{
	json_t *files = all_files(g), *list = json_array(), *v;
	size_t i;

	json_put(net, "files", files);
	json_put(net, "interfaces", list);
	json_array_foreach (files, i, v)
		file_facts(g, json_string_value(v), list);
}

static bool present(struct guest *g)
{
	_json_ json_t *files = all_files(g);

	return json_array_size(files) > 0;
}

/* --- changes --- */

/* Insert lines before a key, at its own indentation. */
static void insert_before(
	struct doc *d, const yaml_node_t *key, const char *const *lines)
{
	struct buf b = {0};

	for (; *lines; lines++)
		buf_addf(
			&b, "%s\n%*s", *lines, (int)key->start_mark.column, "");
	add_edit(d, byte_of(d, key->start_mark), byte_of(d, key->start_mark),
		buf_steal(&b));
}

static yaml_node_t *first_key(struct doc *d, const yaml_node_t *map)
{
	if (map->type != YAML_MAPPING_NODE ||
		map->data.mapping.pairs.start >= map->data.mapping.pairs.top)
		return NULL;
	return node(d, map->data.mapping.pairs.start->key);
}

static bool is_default(const char *to)
{
	return to &&
		(strcmp(to, "default") == 0 || strcmp(to, "0.0.0.0/0") == 0 ||
			strcmp(to, "0/0") == 0);
}

/* The `via` of the default route, if there is one. */
static yaml_node_t *default_via(struct doc *d, yaml_node_t *eth)
{
	yaml_node_t *routes = get(d, eth, "routes", NULL);

	for (size_t i = 0; i < items(routes); i++) {
		yaml_node_t *r = item(d, routes, i);
		const char *to = scalar(get(d, r, "to", NULL));
		yaml_node_t *via = get(d, r, "via", NULL);

		/* "::/0" has another family: scalar via holds colons. */
		if (is_default(to) && scalar(via) && !strchr(scalar(via), ':'))
			return via;
	}
	return NULL;
}

static void change_gateway(struct doc *d, yaml_node_t *eth,
	const struct net_goal *goal, struct buf *add)
{
	yaml_node_t *old = get(d, eth, "gateway4", NULL);
	yaml_node_t *via = default_via(d, eth);
	struct addr gw;
	bool far = addr_parse(goal->gateway, &gw) == 0 &&
		!addr_inside(&goal->addr, gw.ip);

	if (via)
		replace(d, via, goal->gateway);
	else if (old)
		replace(d, old, goal->gateway);
	else
		buf_addf(add, "routes: [{to: 0.0.0.0/0, via: %s%s}]|",
			goal->gateway, far ? ", on-link: true" : "");
}

static void change_dns(struct doc *d, yaml_node_t *eth,
	const struct net_goal *goal, struct buf *add)
{
	yaml_node_t *a =
		get(d, get(d, eth, "nameservers", NULL), "addresses", NULL);
	_free_ char *list = xstrdup(goal->dns);

	for (char *p = list; *p; p++)
		if (*p == ' ')
			*p = ',';
	if (a && a->type == YAML_SEQUENCE_NODE &&
		a->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE) {
		_free_ char *flow = xasprintf("[%s]", list);

		replace(d, a, flow);
	} else if (items(a)) {
		list[strcspn(list, ",")] = '\0';
		replace(d, item(d, a, 0), list);
	} else if (!get(d, eth, "nameservers", NULL)) {
		buf_addf(add, "nameservers: {addresses: [%s]}|", list);
	}
}

static void change_address(struct doc *d, yaml_node_t *eth,
	const struct net_goal *goal, struct buf *add)
{
	yaml_node_t *a = get(d, eth, "addresses", NULL);
	yaml_node_t *dhcp = get(d, eth, "dhcp4", NULL);
	_free_ char *full = NULL;
	char ip[ADDR_LEN];

	full = xasprintf(
		"%s/%u", addr_text(ip, goal->addr.ip), goal->addr.prefix);
	if (dhcp && truth(scalar(dhcp)))
		replace(d, dhcp, "false");
	for (size_t i = 0; i < items(a); i++) {
		const char *s = scalar(item(d, a, i));
		struct addr old;

		if (s && addr_parse(s, &old) == 0) {
			replace(d, item(d, a, i), full);
			return;
		}
	}
	if (!a)
		buf_addf(add, "addresses: [%s]|", full);
}

/* Lines of `add`, ended by '|', go in before the first key. */
static void add_lines(struct doc *d, yaml_node_t *eth, char *add)
{
	const char *lines[8] = {0};
	yaml_node_t *key = first_key(d, eth);
	char *save = NULL;
	size_t n = 0;

	for (char *s = strtok_r(add, "|", &save); s && n < 7;
		s = strtok_r(NULL, "|", &save))
		lines[n++] = s;
	if (n && key)
		insert_before(d, key, lines);
}

/* The definition of a card by its key, set-name, or by a match. */
static yaml_node_t *find_card(struct doc *d, const char *name)
{
	yaml_node_t *e = ethernets(d), *direct = get(d, e, name, NULL);

	if (direct || !e || e->type != YAML_MAPPING_NODE)
		return direct;
	for (yaml_node_pair_t *p = e->data.mapping.pairs.start;
		p < e->data.mapping.pairs.top; p++) {
		yaml_node_t *eth = node(d, p->value);
		const char *set = scalar(get(d, eth, "set-name", NULL));

		if (set && strcmp(set, name) == 0)
			return eth;
	}
	return NULL;
}

/* The file with the card changed, null where it is not in it. */
static char *rewrite(
	const char *text, const char *name, const struct net_goal *goal)
{
	_buf_ struct buf add = {0};
	yaml_node_t *eth;
	char *after = NULL;
	struct doc d;

	if (doc_open(&d, text))
		return NULL;
	eth = find_card(&d, name);
	/* A flow mapping on one line has no lines to insert before. */
	if (eth && eth->type == YAML_MAPPING_NODE &&
		eth->data.mapping.style != YAML_FLOW_MAPPING_STYLE) {
		change_address(&d, eth, goal, &add);
		if (goal->gateway)
			change_gateway(&d, eth, goal, &add);
		if (goal->dns)
			change_dns(&d, eth, goal, &add);
		if (add.len)
			add_lines(&d, eth, add.s);
		after = apply(&d);
	}
	doc_close(&d);
	return after;
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = all_files(g);
	const json_t *v;
	size_t i;

	json_array_foreach (files, i, v) {
		const char *path = json_string_value(v);
		_free_ char *text = guest_future(g, cs, path);
		_free_ char *after = text ? rewrite(text, name, goal) : NULL;
		_free_ char *why = NULL;

		if (!after)
			continue;
		why = xasprintf("%s gets its new address.", name);
		if (strcmp(after, text))
			guest_change_add(g, cs, path, after, 0600, why);
		return true;
	}
	return false;
}

const struct net_stack net_netplan = {
	.name = "netplan",
	.present = present,
	.facts = facts,
	.change = change,
};
