/*
 * api.c - from a request to a handler and back: login, schema, rights,
 * the calls that pvedaemon answers, errors.
 *
 * The order of the checks is the real one: method known, token allowed,
 * rights, node, then (in the daemon) parameters, then the handler.
 */
#include "pve.h"

#include <stdarg.h>

/* A call that runs in a thread of its own, as in pvedaemon: the caller may
 * give up waiting while the work goes on. */
struct job {
	struct call *c;
	const json_t *info;
	void (*fn)(struct call *c);
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done, left;
};

static const struct route *const tables[] = {access_routes, node_routes,
	task_routes, storage_routes, vm_routes, config_routes, disk_routes,
	power_routes, agent_routes};

void call_fail(struct call *c, int code, const char *f, ...)
{
	va_list ap;

	if (c->code)
		return;
	c->code = code;
	va_start(ap, f);
	if (vasprintf(&c->reason, f, ap) < 0)
		abort();
	va_end(ap);
	chomp(c->reason);
}

void call_bad(struct call *c, const char *param, const char *f, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, f);
	if (vasprintf(&text, f, ap) < 0)
		abort();
	va_end(ap);
	if (!c->errors)
		c->errors = json_object();
	js_set(c->errors, param, text);
	call_fail(c, 400, "Parameter verification failed.");
}

const char *call_arg(const struct call *c, const char *name)
{
	return js(c->p, name);
}

bool call_true(const struct call *c, const char *name)
{
	const char *v = call_arg(c, name);

	return v && !strcmp(v, "1");
}

int call_vmid(const struct call *c)
{
	const char *v = call_arg(c, "vmid");

	return v ? (int)strtol(v, NULL, 10) : 0;
}

void call_upid(struct call *c, struct task *t)
{
	c->data = json_string(t->upid);
}

static void call_free(struct call *c)
{
	free(c->path);
	json_decref(c->p);
	auth_free(&c->who);
	free(c->reason);
	json_decref(c->errors);
	json_decref(c->data);
	json_decref(c->extra);
	free(c);
}

static void job_free(struct job *j)
{
	call_free(j->c);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->cond);
	free(j);
}

static void run_here(struct call *c, const json_t *info,
	void (*fn)(struct call *c))
{
	lab_lock();
	if (schema_check(c, info))
		fn(c);
	lab_unlock();
}

static void *job_run(void *arg)
{
	struct job *j = arg;
	bool left;

	run_here(j->c, j->info, j->fn);
	pthread_mutex_lock(&j->lock);
	j->done = true;
	left = j->left;
	pthread_cond_signal(&j->cond);
	pthread_mutex_unlock(&j->lock);
	if (left)
		job_free(j);
	return NULL;
}

/* True: the work is done.  False: it goes on and will free the job. */
static bool job_wait(struct job *j, int ms)
{
	struct timespec t;
	bool done;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&j->lock);
	while (!j->done && rc == 0)
		rc = pthread_cond_timedwait(&j->cond, &j->lock, &t);
	done = j->done;
	j->left = !done;
	pthread_mutex_unlock(&j->lock);
	return done;
}

static json_t *body_of(const struct call *c)
{
	json_t *b = jp("{s:O?}", "data", c->code ? NULL : c->data);

	if (c->extra && !c->code)
		json_object_update(b, c->extra);
	if (c->errors)
		json_object_set(b, "errors", c->errors);
	if (c->code && lab.rel >= 804) {
		auto_free char *m =
			fmt("%s%s", c->reason, c->code == 501 ? "" : "\n");

		js_set(b, "message", m);
	}
	return b;
}

/* pvedaemon cannot send a status line beyond Latin-1: pveproxy says so. */
static bool beyond_latin1(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s > 0xc3 && ((unsigned char)*s & 0xc0) != 0x80)
			return true;
	return false;
}

static void render(const struct call *c, struct http_resp *r, bool daemon)
{
	auto_json json_t *b = body_of(c);

	if (daemon && c->code && beyond_latin1(c->reason)) {
		sleep_ms(lab.proxy_ms < 5000 ? lab.proxy_ms : 5000);
		r->code = 596;
		r->reason = xstrdup("Broken pipe");
		r->close = true;
		return;
	}
	r->code = c->code ? c->code : 200;
	r->reason = xstrdup(c->code ? c->reason : "OK");
	for (char *p = r->reason; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	r->body = json_dumps(b, JSON_COMPACT | JSON_ENCODE_ANY);
	r->json = true;
	r->close = c->code != 0;
	r->daemon = daemon;
}

static void plain(struct http_resp *r, int code, const char *text)
{
	r->code = code;
	r->reason = xstrdup(text);
	r->body = xstrdup(text);
	r->close = true;
}

static void no_body(struct http_resp *r, int code, const char *reason)
{
	r->code = code;
	r->reason = xstrdup(reason);
	r->close = true;
}

/* Query or body into parameters.  False: answered. */
static bool params_read(const struct http_req *q, struct call *c,
	struct http_resp *r)
{
	const char *type = q->ctype ? q->ctype : "";
	bool post = !strcmp(q->method, "POST") || !strcmp(q->method, "PUT");

	if (q->chunked) {
		plain(r, 501, "chunked transfer encoding not supported");
	} else if (q->too_large) {
		plain(r, 501, "for data too large");
	} else if (q->len && !post) {
		auto_free char *m = fmt("Unexpected content for method '%s'",
			q->method);

		plain(r, 501, m);
	} else if (!post) {
		form_decode(q->query ? q->query : "", c->p);
	} else if (!q->len || starts(type, "application/x-www-form-urlencoded")) {
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
		auto_free char *m =
			fmt("upload 'Content-Type '%.60s' not implemented",
				type);

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

/* How long the proxy waits for the daemon; the fault http-596 cuts it. */
static int patience(const struct call *c, bool *cut)
{
	json_t *f = NULL;
	int ms = lab.proxy_ms;

	lab_lock();
	*cut = fault_hit("http-596", c->path, &f);
	if (*cut)
		ms = ji(f, "ms") ? (int)ji(f, "ms") : 1000;
	lab_unlock();
	json_decref(f);
	return ms;
}

/* Runs the handler and renders; the call is used up. */
static void call_run(struct call *c, const json_t *info,
	void (*fn)(struct call *c), struct http_resp *r)
{
	struct job *j;
	pthread_t t;
	bool cut;
	int ms;

	if (!json_is_true(json_object_get(info, "protected")) &&
		!ji(info, "protected")) {
		run_here(c, info, fn);
		render(c, r, false);
		call_free(c);
		return;
	}
	ms = patience(c, &cut);
	j = xalloc(sizeof(*j));
	*j = (struct job){.c = c, .info = info, .fn = fn};
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->cond, NULL);
	if (pthread_create(&t, NULL, job_run, j))
		abort();
	pthread_detach(t);
	if (cut) {
		sleep_ms(ms);
		ms = 0;
	}
	if (!job_wait(j, ms)) {
		no_body(r, 596, "Connection timed out");
		return;
	}
	/* The thread leaves the lock last: wait for it. */
	pthread_mutex_lock(&j->lock);
	pthread_mutex_unlock(&j->lock);
	if (cut)
		no_body(r, 596, "Connection timed out");
	else
		render(c, r, true);
	job_free(j);
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
			js(f, "text") ? js(f, "text") : "got no worker upid "
							"- start worker failed");
	json_decref(f);
	if (fault_hit("http-403", c->path, NULL))
		call_fail(c, 403, "Permission check failed (%s, Sys.Audit)",
			c->path);
	lab_unlock();
	sleep_ms(wait);
	return r->drop || c->code;
}

static bool login(const struct http_req *q, struct call *c,
	struct http_resp *r)
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
	no_body(r, 401, why);
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
		render(c, r, false);
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
	if (!strcmp(q->path, "/api2/json") ||
		starts(q->path, "/api2/json/")) {
		call_answer(q, r, params, &user);
	} else {
		auto_free char *m = fmt("no such file '%s'", q->path);

		plain(r, 500, m);
	}
	request_log(q, params, user, r, now_ms() - t0);
}
