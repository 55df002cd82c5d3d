/*
 * call.c - one call: its errors, its answer, and its run in a thread as in
 * pvedaemon, which goes on when the proxy gives up waiting.
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

void call_free(struct call *c)
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

static void run_here(
	struct call *c, const json_t *info, void (*fn)(struct call *c))
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
		if ((unsigned char)*s > 0xc3 &&
			((unsigned char)*s & 0xc0) != 0x80)
			return true;
	return false;
}

void call_render(const struct call *c, struct http_resp *r, bool daemon)
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

void call_no_body(struct http_resp *r, int code, const char *reason)
{
	r->code = code;
	r->reason = xstrdup(reason);
	r->close = true;
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

void call_run(struct call *c, const json_t *info, void (*fn)(struct call *c),
	struct http_resp *r)
{
	struct job *j;
	pthread_t t;
	bool cut;
	int ms;

	if (!json_is_true(json_object_get(info, "protected")) &&
		!ji(info, "protected")) {
		run_here(c, info, fn);
		call_render(c, r, false);
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
		call_no_body(r, 596, "Connection timed out");
		return;
	}
	/* The thread leaves the lock last: wait for it. */
	pthread_mutex_lock(&j->lock);
	pthread_mutex_unlock(&j->lock);
	if (cut)
		call_no_body(r, 596, "Connection timed out");
	else
		call_render(c, r, true);
	job_free(j);
}
