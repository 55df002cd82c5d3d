/*
 * storeapi.c - the storage calls of the API.
 */
#include "pve.h"

#include <sys/stat.h>

static bool may_see(struct call *c, const struct storage *s)
{
	auto_free char *path = fmt("/storage/%s", s->id);

	return auth_can(&c->who, path, "Datastore.Audit") ||
		auth_can(&c->who, path, "Datastore.AllocateSpace");
}

static struct storage *need_storage(struct call *c)
{
	struct storage *s = storage_get(call_arg(c, "storage"));

	if (!s)
		call_fail(c, 500, "storage '%s' does not exist",
			call_arg(c, "storage"));
	return s;
}

static json_t *usage_json(const struct storage *s)
{
	auto_free char *content = storage_content(s);
	struct storage_use u;

	storage_usage(s, &u);
	return jp("{s:s,s:s,s:i,s:i,s:i,s:I,s:I,s:I}", "type", s->type,
		"content", content, "shared", 0, "active", u.active, "enabled",
		u.enabled, "total", (json_int_t)u.total, "used",
		(json_int_t)u.used, "avail", (json_int_t)u.avail);
}

/* [{raw: 1, ...}, default], as format=1 asks for. */
static json_t *formats_json(const struct storage *s)
{
	auto_free char *copy = xstrdup(s->formats);
	json_t *set = json_object();
	char *save = NULL;

	for (char *p = strtok_r(copy, " ", &save); p;
		p = strtok_r(NULL, " ", &save))
		ji_set(set, p, 1);
	ji_set(set, "subvol", 1);
	return jp("[o,s]", set, "raw");
}

static bool list_wants(struct call *c, const struct storage *s)
{
	const char *content = call_arg(c, "content");
	const char *one = call_arg(c, "storage");

	if ((one && strcmp(one, s->id)) || !may_see(c, s))
		return false;
	if (content) {
		auto_free char *copy = xstrdup(content);
		char *save = NULL;
		bool some = false;

		for (char *p = strtok_r(copy, ",", &save); p;
			p = strtok_r(NULL, ",", &save))
			some |= storage_has(s, p);
		if (!some || s->disabled || s->nodes)
			return false;
	}
	return !call_true(c, "enabled") || !s->disabled;
}

static void list_get(struct call *c)
{
	c->data = json_array();
	for (size_t i = 0; i < storages_n; i++) {
		const struct storage *s = &storages[i];
		json_t *o;

		if (!list_wants(c, s))
			continue;
		o = usage_json(s);
		js_set(o, "storage", s->id);
		if (ji(o, "total"))
			json_object_set_new(o, "used_fraction",
				json_real((double)ji(o, "used") /
					(double)ji(o, "total")));
		if (call_true(c, "format")) {
			json_object_set_new(o, "format", formats_json(s));
			ji_set(o, "select_existing", 0);
		}
		json_array_append_new(c->data, o);
	}
}

static void status_get(struct call *c)
{
	struct storage *s = storage_get(call_arg(c, "storage"));

	if (s)
		c->data = usage_json(s);
	else
		call_bad(c, "storage", "No such storage.");
}

static const char *content_of(const struct volume *v)
{
	return v->vtype;
}

static json_t *volume_json(const struct volume *v)
{
	bool image = !strcmp(content_of(v), "images");
	long long size, used;
	struct stat st;
	json_t *o;

	if (stat(v->file, &st))
		return NULL;
	if (!image) {
		size = (long long)st.st_size;
	} else if (volume_size(v, &size, &used)) {
		return NULL;
	}
	o = jp("{s:s,s:s,s:s,s:I,s:I}", "volid", v->id, "content",
		content_of(v), "format", v->format, "size", (json_int_t)size,
		"ctime", (json_int_t)st.st_ctime);
	if (image) {
		ji_set(o, "vmid", v->vmid);
		if (!storage_block(v->st)) {
			ji_set(o, "used", used);
			json_object_set_new(o, "parent", json_null());
		}
	}
	return o;
}

static bool content_usable(struct call *c, const struct storage *s)
{
	struct task t = {.quiet = true};
	auto_free char *err = NULL;

	storage_usable(&t, s->id);
	err = t.err;
	if (err)
		call_fail(c, 500, "%s", err);
	return !err;
}

static void content_get(struct call *c)
{
	const char *want = call_arg(c, "content");
	struct storage *s = need_storage(c);
	auto_json json_t *ids = NULL;
	json_t *id;
	size_t i;

	if (!s || !content_usable(c, s))
		return;
	ids = volume_list(s, call_vmid(c));
	c->data = json_array();
	if (fault_hit("hide-volumes", s->id, NULL))
		return;
	json_array_foreach (ids, i, id) {
		auto_volume struct volume v = {0};
		json_t *o;

		if (volume_parse(json_string_value(id), &v) ||
			(want && strcmp(want, content_of(&v))))
			continue;
		o = volume_json(&v);
		if (o)
			json_array_append_new(c->data, o);
	}
}

/* "64M", "2G" or KiB without a suffix. */
static long long content_size(const char *s)
{
	char *end;
	long long n = strtoll(s, &end, 10);

	return n * (*end == 'G' ? 1LL << 30 : *end == 'M' ? 1 << 20 : 1 << 10);
}

static void content_post(struct call *c)
{
	const char *name = call_arg(c, "filename");
	const char *given = call_arg(c, "format"), *format = given;
	const char *dot = strrchr(name, '.');
	struct storage *s = need_storage(c);
	struct task t = {.quiet = true};
	auto_free char *id = NULL;

	if (!s)
		return;
	if (dot && strstr("raw qcow2 vmdk", dot + 1) && !storage_block(s)) {
		if (given && strcmp(given, dot + 1)) {
			call_bad(c, "format",
				"different storage formats (%s != %s)", given,
				dot + 1);
			return;
		}
		format = dot + 1;
	}
	if (volume_alloc(&t, s->id, call_vmid(c), name, format ? format : "raw",
		    content_size(call_arg(c, "size")), &id))
		call_fail(c, 500, "%s", t.err);
	else
		c->data = json_string(id);
	free(t.err);
}

/* The volume of .../content/{volume}, with or without its storage. */
static char *volume_arg(struct call *c)
{
	const char *v = call_arg(c, "volume"), *s = call_arg(c, "storage");

	return strchr(v, ':') ? xstrdup(v) : fmt("%s:%s", s, v);
}

static void volume_get(struct call *c)
{
	auto_free char *id = volume_arg(c);
	auto_volume struct volume v = {0};
	long long size, used;

	if (!need_storage(c))
		return;
	if (volume_parse(id, &v)) {
		call_fail(c, 500, "unable to parse volume ID '%s'", id);
		return;
	}
	if (!may_see(c, v.st)) {
		call_fail(c, 403, "Permission check failed");
		return;
	}
	if (volume_size(&v, &size, &used)) {
		call_fail(c, 500, "volume_size_info on '%s' failed - no format",
			id);
		return;
	}
	if (!strcmp(v.st->type, "lvmthin"))
		used = 0; /* lvs knows no bytes */
	c->data = jp("{s:s?,s:I,s:I,s:s}", "path", v.path, "size",
		(json_int_t)size, "used", (json_int_t)used, "format", v.format);
}

static int delete_work(struct task *t, void *arg)
{
	auto_volume struct volume v = {0};

	if (volume_parse(arg, &v) == 0 && !volume_exists(&v) &&
		storage_block(v.st))
		return task_die(t, "no such volume '%s'", (char *)arg);
	if (volume_delete(t, arg))
		return -1;
	task_log(t, "Removed volume '%s'", (char *)arg);
	return 0;
}

static void volume_del(struct call *c)
{
	auto_free char *id = volume_arg(c), *path = NULL, *what = NULL;
	auto_volume struct volume v = {0};
	struct task now = {.quiet = true};

	if (!need_storage(c))
		return;
	if (volume_parse(id, &v)) {
		call_fail(c, 500, "unable to parse volume ID '%s'", id);
		return;
	}
	path = fmt("/storage/%s", v.st->id);
	if (!auth_need(c, path, "Datastore.AllocateSpace"))
		return;
	if (lab.rel >= 600) {
		what = fmt("%d@%s", v.vmid, v.st->id);
		call_upid(c,
			task_start("imgdel", what, c->who.id, delete_work,
				xstrdup(id), free));
		return;
	}
	if (volume_delete(&now, id))
		call_fail(c, 500, "%s", now.err);
	free(now.err);
}

static json_t *config_json(const struct storage *s)
{
	auto_free char *content = storage_content(s), *digest = NULL;
	json_t *o = jp("{s:s,s:s,s:s}", "storage", s->id, "type", s->type,
		"content", content);

	if (!strcmp(s->type, "dir"))
		js_set(o, "path", s->path);
	if (!strcmp(s->type, "lvmthin")) {
		js_set(o, "vgname", "pve");
		js_set(o, "thinpool", "data");
	}
	if (!strcmp(s->type, "zfspool")) {
		js_set(o, "pool", "rpool/data");
		ji_set(o, "sparse", 1);
	}
	if (s->disabled)
		ji_set(o, "disable", 1);
	if (s->nodes)
		js_set(o, "nodes", s->nodes);
	digest = sha1_hex(lab.dir);
	js_set(o, "digest", digest);
	return o;
}

static void config_list(struct call *c)
{
	const char *type = call_arg(c, "type");

	c->data = json_array();
	for (size_t i = 0; i < storages_n; i++)
		if (may_see(c, &storages[i]) &&
			(!type || !strcmp(type, storages[i].type)))
			json_array_append_new(
				c->data, config_json(&storages[i]));
}

static void config_get(struct call *c)
{
	struct storage *s = need_storage(c);

	if (s)
		c->data = config_json(s);
}

const struct route storage_routes[] = {
	{"GET", "/storage", config_list},
	{"GET", "/storage/{storage}", config_get},
	{"GET", "/nodes/{node}/storage", list_get},
	{"GET", "/nodes/{node}/storage/{storage}/status", status_get},
	{"GET", "/nodes/{node}/storage/{storage}/content", content_get},
	{"POST", "/nodes/{node}/storage/{storage}/content", content_post},
	{"GET", "/nodes/{node}/storage/{storage}/content/{volume}", volume_get},
	{"DELETE", "/nodes/{node}/storage/{storage}/content/{volume}",
		volume_del},
	{NULL, NULL, NULL},
};
