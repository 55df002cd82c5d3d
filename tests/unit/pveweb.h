/*
 * A Proxmox VE of the test's own words: routes answered byte for byte, all
 * requests kept. For tests of core/pve*.c; include after cmocka.h.
 */
#ifndef TESTS_UNIT_PVEWEB_H
#define TESTS_UNIT_PVEWEB_H

#include "proc.h"
#include "pve_priv.h"
#include "testdir.h"
#include "tlsd.h"

struct route {
	char *match; /* "GET /api2/json/version", or "" for anything */
	struct buf raw;
	enum tlsd_then then;
	int times; /* left; negative: for ever */
};

struct web {
	struct tlsd d;
	struct route routes[64];
	size_t n;
	struct buf log; /* every request, head and body */
	char state[TEST_DIR_LEN];
};

/* "GET /path" of a request, without query. */
static inline char *web_call_of(const char *req)
{
	size_t n = strcspn(req, " ");

	n += 1 + strcspn(req + n + 1, " ?");
	return xstrndup(req, n);
}

static inline enum tlsd_then web_serve(
	void *arg, const char *req, struct buf *out)
{
	struct web *w = arg;
	_free_ char *call = web_call_of(req);

	buf_addf(&w->log, "%s\n", req);
	for (size_t i = 0; i < w->n; i++) {
		struct route *r = &w->routes[i];

		if (r->times == 0 || (*r->match && strcmp(r->match, call) != 0))
			continue;
		if (r->times > 0)
			r->times--;
		buf_add(out, r->raw.s ? r->raw.s : "", r->raw.len);
		return r->then;
	}
	buf_adds(out, "HTTP/1.1 501 Method 'no route' not implemented\r\n\r\n");
	return TLSD_CLOSE;
}

/* Answer this call so, so many times (-1: always); routes made first are
 * asked first. */
static inline struct route *web_on(struct web *w, const char *call, int times,
	const char *status, const char *body)
{
	struct route *r = &w->routes[w->n++];

	assert_true(w->n <= ARRAY_LEN(w->routes));
	*r = (struct route){.times = times};
	r->match = *call ? xstrdup(call) : xstrdup("");
	buf_addf(&r->raw,
		"HTTP/1.1 %s\r\nServer: pve-api-daemon/3.0\r\n"
		"Content-Type: application/json;charset=UTF-8\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		status, strlen(body), body);
	return r;
}

static inline void web_ok(struct web *w, const char *call, const char *body)
{
	web_on(w, call, -1, "200 OK", body);
}

/* The connection breaks before the answer. */
static inline void web_drop(struct web *w, const char *call, int times)
{
	web_on(w, call, times, "200 OK", "")->then = TLSD_DROP;
}

static inline void web_clear(struct web *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->routes[i].match);
		buf_free(&w->routes[i].raw);
	}
	w->n = 0;
	buf_clear(&w->log);
}

static inline unsigned web_count(const struct web *w, const char *text)
{
	unsigned n = 0;

	for (const char *s = w->log.s; s && (s = strstr(s, text)); s++)
		n++;
	return n;
}

static inline void web_start(struct web *w)
{
	memset(w, 0, sizeof(*w));
	assert_non_null(test_dir(w->state, "pveweb"));
	setenv("VMFERRY_STATE", w->state, 1);
	w->d.serve = web_serve;
	w->d.arg = w;
	tlsd_start(&w->d);
}

static inline void web_end(struct web *w)
{
	tlsd_end(&w->d);
	web_clear(w);
	buf_free(&w->log);
	proc_must((const char *const[]){"rm", "-r", w->state, NULL}, NULL, NULL,
		ERR_IO, NULL);
}

#define WEB_TOKEN "importer@pve!tok"
#define WEB_SECRET "11111111-2222-3333-4444-555555555555"

static inline struct pve_target web_target(const struct web *w)
{
	return (struct pve_target){.host = "127.0.0.1",
		.port = w->d.port,
		.user = WEB_TOKEN,
		.secret = WEB_SECRET,
		.accept_cert = "first"};
}

/* Routes of the login of a release, and a client without long pauses. */
static inline struct pve *web_open(struct web *w, const char *version)
{
	struct pve_target t = web_target(w);
	_free_ char *body = xasprintf(
		"{\"data\":{\"version\":\"%s\",\"release\":\"15\"}}", version);
	struct pve *p = NULL;
	struct err e = {0};

	web_on(w, "GET /api2/json/version", 1, "200 OK", body);
	web_on(w, "GET /api2/json/nodes", 1, "200 OK",
		"{\"data\":[{\"node\":\"pve\",\"status\":\"online\"}]}");
	if (pve_open(&t, &p, &e) < 0)
		fail_msg("pve_open: %s: %s", err_id(e.code), e.why);
	p->pause_ms = 1;
	p->patience = 30;
	web_clear(w);
	return p;
}

#endif
