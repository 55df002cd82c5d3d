/*
 * api.c - from a request to a handler: login, parameters, schema, rights.
 *
 * The order of the checks is the real one: method known, token allowed,
 * rights, node, then (in the daemon) parameters, then the handler.
 */
#include "pve.h"

static const struct route *const tables[] = {access_routes, node_routes,
	task_routes, storage_routes, vm_routes, config_routes, disk_routes,
	power_routes, agent_routes};

static void plain(struct http_resp *r, int code, const char *text)
{
	r->code = code;
	r->reason = xstrdup(text);
	r->body = xstrdup(text);
	r->close = true;
}

/* Query or body into parameters.  False: answered. */
static bool params_read(
	const struct http_req *q, struct call *c, struct http_resp *r)
{
	const char *type = q->ctype ? q->ctype : "";
	bool post = !strcmp(q->method, "POST") || !strcmp(q->method, "PUT");

	if (q->chunked) {
		plain(r, 501, "chunked transfer encoding not supported");
	} else if (q->too_large) {
		plain(r, 501, "for data too large");
	} else if (q->len && !post) {
		auto_free char *m =
			fmt("Unexpected content for method '%s'", q->method);

		plain(r, 501, m);
	} else if (!post) {
		form_decode(q->query ? q->query : "", c->p);
	} else if (!q->len ||
		starts(type, "application/x-www-form-urlencoded")) {
		form_decode(q->len ? q->body : "", c->p);
	} else if (starts(type, "application/json") && lab.rel >= 602) {
		if (form_json(q->body, c->p))
			plain(r, 500,
				"malformed JSON string, neither tag, array, "
				"object, number, string or atom, at character "
				"offset 0 (before \"(end of string)\") at "
				"/usr/share/perl5/PVE/APIServer/AnyEvent.pm "
				"line 917.");
	} else {
		auto_free char *m = fmt(
			"upload 'Content-Type '%.60s' not implemented", type);

		plain(r, 506, m);
	}
	return !r->code;
}

static void (*route_find(const struct call *c))(struct call *)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct route *t = tables[i]; t->method; t++)
			if (c->tmpl && !strcmp(t->method, c->method) &&
				!strcmp(t->tmpl, c->tmpl))
				return t->fn;
	return NULL;
}

static bool may_call(struct call *c, const json_t *info)
{
	const char *node = call_arg(c, "node");
	json_t *allow = json_object_get(info, "allowtoken");
	bool ok;

	if (c->who.token && allow && !json_is_true(allow) &&
		!json_integer_value(allow)) {
		call_fail(c, 403,
			"URI '%s' not available with API token, need proper "
			"ticket.",
			c->path);
		return false;
	}
	lab_lock();
	ok = auth_permits(c, json_object_get(info, "permissions"));
	lab_unlock();
	if (ok && node && strcmp(node, NODE) && strcmp(node, "localhost"))
		call_fail(c, 500,
			"hostname lookup '%s' failed - failed to get address "
			"info for: %s: Name or service not known",
			node, node);
	return !c->code;
}

static bool faults_before(struct call *c, struct http_resp *r)
{
	json_t *f = NULL;
	int wait = 0;

	lab_lock();
	if (fault_hit("timeout", c->path, &f))
		wait = (int)ji(f, "ms");
	json_decref(f);
	f = NULL;
	r->drop = fault_hit("drop", c->path, NULL);
	if (fault_hit("http-500", c->path, &f))
		call_fail(c, 500, "%s",
			js(f, "text") ? js(f, "text")
				      : "got no worker upid "
					"- start worker failed");
	json_decref(f);
	if (fault_hit("http-403", c->path, NULL))
		call_fail(c, 403, "Permission check failed (%s, Sys.Audit)",
			c->path);
	lab_unlock();
	sleep_ms(wait);
	return r->drop || c->code;
}

static bool login(const struct http_req *q, struct call *c, struct http_resp *r)
{
	const char *why = "Authentication failed!";
	bool broken;

	lab_lock();
	broken = fault_hit("http-401", c->path, NULL);
	lab_unlock();
	if (!broken && !strcmp(c->path, "/access/ticket")) {
		c->who.id = xstrdup("");
		c->who.user = xstrdup("");
		return true;
	}
	if (!broken && auth_check(q, &c->who, &why) == 0)
		return true;
	sleep_ms(lab.auth_delay_ms);
	call_no_body(r, 401, why);
	return false;
}

static void index_root(struct http_resp *r)
{
	r->code = 200;
	r->reason = xstrdup("OK");
	r->json = true;
	r->body = xstrdup("{\"data\":[{\"subdir\":\"version\"},{\"subdir\":"
			  "\"cluster\"},{\"subdir\":\"nodes\"},{\"subdir\":"
			  "\"storage\"},{\"subdir\":\"access\"},{\"subdir\":"
			  "\"pools\"}]}");
}

/* The whole way of one call; the log wants its parameters and user. */
static void call_answer(const struct http_req *q, struct http_resp *r,
	json_t *params, char **user)
{
	struct call *c = xalloc(sizeof(*c));
	void (*fn)(struct call *);
	const json_t *info;
	bool lost;

	c->method = q->method;
	c->path = xstrdup(q->path + strlen("/api2/json"));
	c->p = json_object();
	if (!login(q, c, r) || !params_read(q, c, r)) {
		call_free(c);
		return;
	}
	json_object_update(params, c->p);
	*user = xstrdup(c->who.id);
	if (!*c->path || !strcmp(c->path, "/")) {
		index_root(r);
		call_free(c);
		return;
	}
	info = schema_find(c->method, c->path, &c->tmpl, c->p);
	fn = info ? route_find(c) : NULL;
	if (!fn)
		call_fail(c, 501, "Method '%s %s' not implemented", c->method,
			c->path);
	if (!fn || faults_before(c, r) || !may_call(c, info)) {
		call_render(c, r, false);
		if (c->code == 401)
			sleep_ms(lab.auth_delay_ms);
		call_free(c);
		return;
	}
	lost = !strcmp(c->tmpl, "/nodes/{node}/qemu") &&
		!strcmp(c->method, "POST");
	call_run(c, info, fn, r);
	if (r->code == 401)
		sleep_ms(lab.auth_delay_ms);
	lab_lock();
	if (lost && fault_hit("create-lost", "", NULL))
		r->drop = true;
	lab_unlock();
}

void api_answer(const struct http_req *q, struct http_resp *r)
{
	auto_json json_t *params = json_object();
	auto_free char *user = NULL;
	int64_t t0 = now_ms();

	if (starts(q->path, "/lab/")) {
		fault_answer(q, r);
		return;
	}
	if (!strcmp(q->path, "/api2/json") || starts(q->path, "/api2/json/")) {
		call_answer(q, r, params, &user);
	} else {
		auto_free char *m = fmt("no such file '%s'", q->path);

		plain(r, 500, m);
	}
	request_log(q, params, user, r, now_ms() - t0);
}
