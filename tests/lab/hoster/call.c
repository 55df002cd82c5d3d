/*
 * call.c - one request from its text to its answer.
 *
 * Keeps true: DIR/requests.log has a line for every request, written before
 * the answer leaves, with no password, token or signature in it: what a test
 * counts there is what was asked.
 */
#include "hoster.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

void call_ok(struct call *c, json_t *out)
{
	if (c->status) {
		json_decref(out);
		return;
	}
	c->status = 200;
	c->out = out;
}

void call_fail(
	struct call *c, unsigned status, const char *code, const char *f, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	if (c->status)
		return;
	va_start(ap, f);
	if (vasprintf(&text, f, ap) < 0)
		abort();
	va_end(ap);
	c->status = status;
	c->code = xstrdup(code);
	c->out = c->h->error(status, code, text);
}

const char *call_arg(const struct call *c, const char *name)
{
	return js(c->params, name);
}

void call_free(struct call *c)
{
	free(c->target);
	free(c->host);
	free(c->path);
	for (size_t i = 0; i < c->segs; i++)
		free(c->seg[i]);
	free(c->body);
	json_decref(c->query);
	json_decref(c->params);
	free(c->user);
	free(c->password);
	json_decref(c->out);
	free(c->code);
	free(c);
}

/* Path and query; -1: not below the API's prefix. */
static int target_read(struct call *c)
{
	size_t n = strlen(c->h->prefix);
	char *q, *save = NULL;

	c->query = json_object();
	if (!strncmp(c->target, "/lab/", 5))
		n = 0;
	else if (strncmp(c->target, c->h->prefix, n) || c->target[n] != '/')
		return -1;
	c->path = xstrdup(c->target + n);
	q = strchr(c->path, '?');
	if (q) {
		*q = '\0';
		form_decode(q + 1, c->query);
	}
	auto_free char *copy = xstrdup(c->path);
	for (char *p = strtok_r(copy, "/", &save); p && c->segs < SEGS;
		p = strtok_r(NULL, "/", &save)) {
		url_decode(p, false);
		c->seg[c->segs++] = xstrdup(p);
	}
	return 0;
}

/* -1: the body is not what its type says. */
static int body_read(struct call *c)
{
	const char *type = c->header(c, "Content-Type");

	c->params = json_object();
	if (!c->len)
		return 0;
	if (type && !strncasecmp(type, "application/json", 16)) {
		json_decref(c->params);
		c->params = json_loads(c->body, 0, NULL);
		return json_is_object(c->params) ? 0 : -1;
	}
	if (type &&
		!strncasecmp(type, "application/x-www-form-urlencoded", 33)) {
		form_decode(c->body, c->params);
		return 0;
	}
	return -1;
}

/* Does the path stand in the route?  Its free parts go to c->arg. */
static bool route_is(struct call *c, const char *path)
{
	size_t i = 0, args = 0;

	for (; *path; path += strspn(path, "/")) {
		size_t n = strcspn(path, "/");

		if (i == c->segs)
			return false;
		if (*path == '?')
			c->arg[args++] = c->seg[i];
		else if (strlen(c->seg[i]) != n || strncmp(c->seg[i], path, n))
			return false;
		i++;
		path += n;
	}
	return i == c->segs;
}

static void dispatch(struct call *c)
{
	bool known = false;

	for (const struct route *r = c->h->routes; r->method; r++) {
		if (!route_is(c, r->path))
			continue;
		known = true;
		if (strcmp(r->method, c->method))
			continue;
		r->fn(c);
		return;
	}
	call_fail(c, known ? 405 : 404, known ? "METHOD" : "NO_SUCH_CALL",
		"Got an invalid (or empty) URL");
}

/* How a request stands in the log; the body is shown without secrets. */
static void log_line(const struct call *c, int64_t began)
{
	auto_free char *path = fmt("%s/requests.log", lab.dir), *line = NULL;
	auto_free char *when = now_text(began);
	auto_json json_t *o = jp("{s:s,s:s,s:s,s:s,s:O?,s:O?,s:i,s:s?,s:I}",
		"time", when, "hoster", c->h->name, "method", c->method, "path",
		c->path ? c->path : c->target, "query",
		json_object_size(c->query) ? c->query : NULL, "body",
		json_object_size(c->params) ? c->params : NULL, "status",
		c->drop ? 0 : (int)c->status, "code", c->code, "ms",
		(json_int_t)(now_ms() - began));
	FILE *f = fopen(path, "ae");

	line = json_dumps(o, JSON_COMPACT);
	if (!f || fprintf(f, "%s\n", line) < 0 || fclose(f))
		perror(path);
}

static void work(struct call *c)
{
	if (target_read(c)) {
		call_fail(c, 404, "NO_SUCH_CALL", "not below %s", c->h->prefix);
		return;
	}
	if (body_read(c)) {
		call_fail(c, 400, "BAD_BODY",
			"the body is not what Content-Type says");
		return;
	}
	if (fault_call(c))
		return;
	fault_before(c);
	if (c->status || c->drop || c->h->login(c))
		return;
	dispatch(c);
	fault_after(c);
}

void call_answer(struct call *c)
{
	int64_t began = now_ms();

	c->h->tick(state_of(c->h), began);
	work(c);
	if (!c->path || strncmp(c->path, "/lab/", 5))
		log_line(c, began);
	state_save();
	wire_update();
}
