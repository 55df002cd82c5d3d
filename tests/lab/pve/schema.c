/*
 * schema.c - the API schema of the release: which calls exist, what their
 * parameters may be.
 *
 * With ../shared/reference/pve-api-schema-X.Y.json it is that of the real
 * release.  Without the file the route tables serve: calls are known, their
 * parameters are not checked but for those the handlers look at.
 */
#include "pve.h"

#include <limits.h>

static json_t *endpoints; /* template -> method -> info */

static const struct route *const tables[] = {access_routes, node_routes,
	task_routes, storage_routes, vm_routes, config_routes, disk_routes,
	power_routes, agent_routes};

static void from_routes(void)
{
	endpoints = json_object();
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct route *r = tables[i]; r->method; r++) {
			json_t *e = json_object_get(endpoints, r->tmpl);
			const char *world = strcmp(r->tmpl, "/access/ticket")
				? "all"
				: "world";

			if (!e) {
				e = json_object();
				json_object_set_new(endpoints, r->tmpl, e);
			}
			json_object_set_new(e, r->method,
				jp("{s:b,s:b,s:{s:s}}", "protected",
					strcmp(r->method, "GET") != 0,
					"allowtoken", true, "permissions",
					"user", world));
		}
	}
}

int schema_load(void)
{
	json_error_t e;
	json_t *all;

	if (!lab.schema_path) {
		from_routes();
		return 0;
	}
	all = json_load_file(lab.schema_path, 0, &e);
	if (!all) {
		fprintf(stderr, "lab-pve: %s: %s\n", lab.schema_path, e.text);
		return -1;
	}
	endpoints = json_incref(json_object_get(all, "endpoints"));
	json_decref(all);
	return endpoints ? 0 : -1;
}

/*
 * Does the path fit the template?  Its parameters go to p.  -1 no, else the
 * number of literal segments: the more the better.
 */
static int fits(const char *t, const char *path, json_t *p)
{
	int literal = 0;

	while (*t && *path) {
		size_t nt, np;

		t++, path++; /* both at '/' */
		nt = strcspn(t, "/");
		np = strcspn(path, "/");
		if (*t == '{' && nt > 2 && np) {
			auto_free char *key = fmt("%.*s", (int)nt - 2, t + 1);

			if (!strcmp(key, "volume") && t[nt] == '\0')
				np = strlen(path);
			json_object_set_new(p, key, json_stringn(path, np));
		} else if (nt == np && !strncmp(t, path, nt)) {
			literal++;
		} else {
			return -1;
		}
		t += nt;
		path += np;
	}
	return *t || *path ? -1 : literal;
}

const json_t *schema_find(
	const char *method, const char *path, const char **tmpl, json_t *p)
{
	const char *key;
	json_t *e, *best = NULL, *args = NULL;
	int most = -1;

	json_object_foreach (endpoints, key, e) {
		json_t *mine = json_object();
		int n = fits(key, path, mine);

		if (n > most) {
			most = n;
			best = e;
			*tmpl = key;
			json_decref(args);
			args = json_incref(mine);
		}
		json_decref(mine);
	}
	if (args)
		json_object_update(p, args);
	json_decref(args);
	return json_object_get(best, method);
}

/* How many of an indexed option there are; older releases had fewer. */
static int index_limit(const char *base)
{
	static const struct {
		const char *base;
		int before, old, now;
	} t[] = {{"scsi", 601, 14, 31}, {"hostpci", 600, 4, 16},
		{"usb", 703, 5, 14}, {"virtio", 0, 0, 16}, {"sata", 0, 0, 6},
		{"ide", 0, 0, 4}, {"net", 0, 0, 32}, {"serial", 0, 0, 4},
		{"parallel", 0, 0, 3}, {"unused", 0, 0, 256}, {"numa", 0, 0, 8},
		{"ipconfig", 0, 0, 32}, {"virtiofs", 0, 0, 10}};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (!strcmp(base, t[i].base))
			return lab.rel < t[i].before ? t[i].old : t[i].now;
	return 8;
}

/* The schema of a property, "scsi3" by way of "scsi[n]". */
static const json_t *property(const json_t *props, const char *key)
{
	const json_t *s = json_object_get(props, key);
	size_t n = strcspn(key, "0123456789");
	long long i;

	if (s || !strcmp(key, "numa"))
		return strchr(key, '[') ? NULL : s;
	if (!number(key + n, &i) || (key[n] == '0' && key[n + 1]))
		return NULL;
	auto_free char *base = fmt("%.*s", (int)n, key);
	auto_free char *indexed = fmt("%s[n]", base);

	return i < index_limit(base) ? json_object_get(props, indexed) : NULL;
}

const json_t *schema_option(const char *key)
{
	const json_t *m = json_object_get(
		json_object_get(endpoints, "/nodes/{node}/qemu/{vmid}/config"),
		"PUT");
	const json_t *props =
		json_object_get(json_object_get(m, "parameters"), "properties");

	return property(props, key);
}

static void bad(struct call *c, const char *key, char *why)
{
	auto_free char *text = why;

	call_bad(c, key, "%s", text);
}

static void check_one(
	struct call *c, const char *key, const json_t *s, json_t *v)
{
	bool array = s && !strcmp(js(s, "type") ? js(s, "type") : "", "array");
	const char *type = js(s, "type"), *format = js(s, "format");
	json_t *item;
	size_t i;
	char *why;

	if (array || (format && ends(format, "-alist"))) {
		if (!json_is_array(v))
			json_object_set_new(c->p, key, jp("[O]", v));
		return;
	}
	if (json_is_array(v)) {
		json_array_foreach (v, i, item)
			if (i + 1 == json_array_size(v))
				json_object_set(c->p, key, item);
		if (type && strcmp(type, "string") == 0 &&
			!(format && ends(format, "-list"))) {
			call_bad(c, key,
				"type check ('string') failed - got ARRAY");
			return;
		}
		v = json_object_get(c->p, key);
	}
	why = format_check(s, json_string_value(v), key);
	if (why)
		bad(c, key, why);
}

bool schema_check(struct call *c, const json_t *info)
{
	json_t *par = json_object_get(info, "parameters");
	json_t *props = json_object_get(par, "properties");
	auto_json json_t *given = json_copy(c->p);
	const char *key;
	json_t *v;

	if (!lab.schema_path)
		return true;
	json_object_foreach (given, key, v) {
		const json_t *s = property(props, key);

		if (s)
			check_one(c, key, s, v);
		else
			call_bad(c, key,
				"property is not defined in schema and the "
				"schema does not allow additional properties");
	}
	json_object_foreach (props, key, v)
		if (!json_object_get(given, key) && !ji(v, "optional") &&
			!strchr(key, '['))
			call_bad(c, key,
				"property is missing and it is not optional");
	return !c->code;
}
