/*
 * What an ESXi host's commands print, lists: VMs, processes, snapshots, what
 * VMware Tools know. Pure; formats: esxi-shell.md 3.1, 3.5, 3.7, 4.2.
 */
#include "esxi_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "vmodl.h"

/* --- getallvms --- */

/* One row, pointers into a copy of its line. */
struct row {
	char *id, *name, *datastore, *file, *guest, *hw, *note;
};

static bool is_volume(const json_t *volumes, const char *name, size_t n)
{
	const json_t *v;
	size_t i;

	json_array_foreach (volumes, i, v)
		if (strlen(json_str(v, "name")) == n &&
			memcmp(json_str(v, "name"), name, n) == 0)
			return true;
	return false;
}

/*
 * Where "[datastore] " begins between s and end. A VM's name and its path
 * may hold brackets too: the bracket of a known volume wins, then one behind
 * the three blanks that part columns, then any; of equals the last.
 */
static char *find_datastore(char *s, const char *end, const json_t *volumes)
{
	char *best = NULL;
	int rank = 0;

	for (char *b = s; (b = strstr(b, " [")) && b < end; b++) {
		char *close = strchr(b, ']');
		int r = 1;

		if (!close || close >= end || close[1] != ' ')
			continue;
		if (is_volume(volumes, b + 2, close - b - 2))
			r = 3;
		else if (b - s >= 2 && b[-1] == ' ' && b[-2] == ' ')
			r = 2;
		if (r >= rank) {
			rank = r;
			best = b;
		}
	}
	return best;
}

static char *word_end(char *s)
{
	return s + strcspn(s, " \t");
}

static char *next_word(char *s)
{
	return s + strspn(s, " \t");
}

/* ".vmx  GUEST  vmx-NN" at s? Sets guest, hw and note; nothing is cut yet. */
static bool tail_at(char *s, struct row *r, char *ends[3])
{
	ends[0] = s + (str_starts(s, ".vmtx") ? 5 : 4);
	r->guest = next_word(ends[0]);
	ends[1] = word_end(r->guest);
	r->hw = next_word(ends[1]);
	ends[2] = word_end(r->hw);
	r->note = next_word(ends[2]);
	return r->guest > ends[0] && r->hw > ends[1] &&
		str_starts(r->hw, "vmx-") && ends[2] - r->hw > 4 &&
		strspn(r->hw + 4, "0123456789") ==
		(size_t)(ends[2] - r->hw - 4);
}

static bool row_parse(char *line, const json_t *volumes, struct row *r)
{
	char *ends[3], *name, *vmx = NULL, *ds;
	size_t digits = strspn(line, "0123456789");

	if (!digits || !isblank((unsigned char)line[digits]))
		return false;
	name = next_word(line + digits);
	for (char *s = name; (s = strstr(s, ".vm")); s++) {
		if ((str_starts(s, ".vmx") || str_starts(s, ".vmtx")) &&
			tail_at(s, r, ends)) {
			vmx = s;
			break;
		}
	}
	/* The blank before the bracket may be the one behind the id. */
	ds = vmx ? find_datastore(name - 1, vmx, volumes) : NULL;
	if (!ds || ds < name)
		return false;
	line[digits] = *ds = *ends[0] = *ends[1] = *ends[2] = '\0';
	r->id = line;
	r->name = str_trim(name);
	r->datastore = ds + 2;
	r->file = strchr(ds + 2, ']');
	*r->file = '\0';
	r->file += 2;
	r->hw += 4;
	return true;
}

static bool has_id(const json_t *list, const char *id)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (strcmp(json_str(v, "id"), id) == 0)
			return true;
	return false;
}

static json_t *row_json(const struct row *r)
{
	_free_ char *file = xasprintf("[%s] %s", r->datastore, r->file);
	json_t *o = json_object();

	json_put_str(o, "id", r->id);
	json_put_str(o, "name", r->name);
	json_put_str(o, "datastore", r->datastore);
	json_put_str(o, "file", file);
	json_put_str(o, "guest", r->guest);
	json_put_str(o, "hw", r->hw);
	return o;
}

/* "Skipping invalid VM '6'" */
static void add_invalid(json_t *list, const char *line)
{
	const char *s = strchr(line, '\'');
	_free_ char *id = xstrndup(s + 1, strcspn(s + 1, "'"));
	json_t *o = json_object();

	json_put_str(o, "id", id);
	json_put_bool(o, "invalid", true);
	json_array_append_new(list, o);
}

static void end_note(json_t *row, struct buf *note)
{
	if (row && note->len)
		json_put_str(row, "annotation", str_trim(note->s));
	buf_clear(note);
}

json_t *esxi_text_vms(const char *text, const json_t *volumes)
{
	_free_ char *copy = xstrdup(text);
	_buf_ struct buf note = {0};
	json_t *list = json_array(), *last = NULL;
	char *at = copy, *line;

	while ((line = str_line(&at))) {
		_free_ char *whole = xstrdup(line);
		struct row r;

		if (str_starts(line, "Skipping invalid VM '")) {
			add_invalid(list, line);
		} else if (row_parse(line, volumes, &r) &&
			!has_id(list, r.id)) {
			end_note(last, &note);
			last = row_json(&r);
			json_array_append_new(list, last);
			buf_adds(&note, r.note);
		} else if (last) {
			/* a note goes on, whatever it looks like */
			buf_addf(&note, "\n%s", whole);
		}
	}
	end_note(last, &note);
	return list;
}

/* --- esxcli vm process list --- */

json_t *esxi_text_processes(const char *text)
{
	static const struct {
		const char *label, *key;
	} fields[] = {{"World ID: ", "world"}, {"Display Name: ", "name"},
		{"Config File: ", "config"}};
	_free_ char *copy = xstrdup(text);
	json_t *list = json_array(), *vm = NULL;
	char *at = copy, *line;

	while ((line = str_line(&at))) {
		char *s = line + strspn(line, " ");

		/* A block begins at the left edge, with the VM's name. */
		if (s == line && *s) {
			vm = json_object();
			json_put_str(vm, "name", line);
			json_array_append_new(list, vm);
		}
		for (size_t i = 0; vm && s > line && i < ARRAY_LEN(fields); i++)
			if (str_starts(s, fields[i].label))
				json_put_str(vm, fields[i].key,
					s + strlen(fields[i].label));
	}
	return list;
}

/* --- snapshot.get --- */

#define SNAP_DEPTH 64

/* "|-ROOT" or "--|-CHILD": the depth, or -1. */
static int node_depth(const char *line)
{
	size_t dashes = strspn(line, "-");
	const char *s = line + dashes;

	if (strcmp(s, "|-ROOT") != 0 && strcmp(s, "|-CHILD") != 0)
		return -1;
	return dashes / 2 < SNAP_DEPTH ? (int)(dashes / 2) : SNAP_DEPTH - 1;
}

static json_t *new_node(json_t *siblings)
{
	json_t *o = json_object();

	json_put(o, "children", json_array());
	json_array_append_new(siblings, o);
	return o;
}

/* "--Snapshot Id        : 14"; false where it is no field. */
static bool node_field(json_t *node, const char *line)
{
	static const struct {
		const char *label, *key;
	} fields[] = {{"Snapshot Name", "name"}, {"Snapshot Id", "id"},
		{"Snapshot Desciption", "description"},
		{"Snapshot Description", "description"},
		{"Snapshot Created On", "created"},
		{"Snapshot State", "state"}};
	const char *s = line + strspn(line, "-"), *colon = strchr(s, ':');

	if (s - line < 2 || !colon)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		size_t n = strlen(fields[i].label);

		if (!str_starts(s, fields[i].label) ||
			s + n + strspn(s + n, " ") != colon)
			continue;
		json_put_str(node, fields[i].key,
			colon + 1 + strspn(colon + 1, " "));
		return true;
	}
	return false;
}

static void add_description(json_t *node, const char *line)
{
	const char *had = json_str(node, "description");
	_free_ char *all = NULL;

	/* Only the description may have several lines; it comes before. */
	if (!had || json_str(node, "created"))
		return;
	all = xasprintf("%s\n%s", had, line);
	json_put_str(node, "description", all);
}

int esxi_text_snapshots(const char *text, json_t **tree, struct err *e)
{
	_free_ char *copy = xstrdup(text);
	_json_ json_t *list = json_array();
	json_t *open[SNAP_DEPTH + 1] = {list}, *node = NULL;
	char *at = copy, *line;
	bool head = false;
	int top = 0;

	while ((line = str_line(&at))) {
		int d = node_depth(line);

		head |= str_starts(line, "Get Snapshot:");
		if (d >= 0) {
			d = d < top ? d : top;
			node = new_node(open[d]);
			open[d + 1] = json_object_get(node, "children");
			top = d + 1 < SNAP_DEPTH ? d + 1 : d;
		} else if (node && !node_field(node, line)) {
			add_description(node, line);
		}
	}
	if (!head)
		return err_set(e, ERR_ESXI_COMMAND,
			"snapshot.get does not say 'Get Snapshot:'");
	*tree = json_incref(list);
	return 0;
}

size_t esxi_snapshot_count(const json_t *tree)
{
	const json_t *node;
	size_t i, n = json_array_size(tree);

	json_array_foreach (tree, i, node)
		n += esxi_snapshot_count(json_object_get(node, "children"));
	return n;
}
