/*
 * fault.c - what a test may ask the stand-in to do wrong: POST /lab/fault
 * {"name":..,"hoster":..,"call":"POST /ip/?/move","n":..,"skip":..,"ms":..}
 * (all but name may be left out), GET /lab/state, and POST /lab/set, a JSON
 * object that is merged into the state.
 */
#include "hoster.h"

#include <fnmatch.h>
#include <stdio.h>

/*
 * Beside these each hoster's refusals are names of faults.  once: how often
 * where n is not given (-1: until cleared).
 */
static const struct {
	const char *name;
	int once;
} known[] = {
	{"drop", 1},       /* no answer and no work */
	{"stall", 1},      /* no answer for ms, then none at all; no work */
	{"lost", 1},       /* the work is done, its answer is lost */
	{"late", 1},       /* the work is done, the answer comes ms later */
	{"task-fail", 1},  /* what takes time ends in failure */
	{"task-stuck", 1}, /* ... or never ends */
	{"mac-lost", 1},   /* the virtual MAC does not travel along */
};

static json_t *faults(void)
{
	return jo(lab.state, "faults");
}

static bool meets(const json_t *f, const struct call *c)
{
	auto_free char *call = fmt("%s %s", c->method, c->path);
	const char *h = js(f, "hoster"), *glob = js(f, "call");

	return (!h || !strcmp(h, c->h->name)) &&
		(!glob || fnmatch(glob, call, 0) == 0);
}

bool fault_hit(const struct call *c, const char *name, json_t **found)
{
	json_t *f;
	size_t i;

	json_array_foreach (faults(), i, f) {
		int64_t n = ji(f, "n"), skip = ji(f, "skip");

		if (strcmp(js(f, "name"), name) || !meets(f, c))
			continue;
		if (skip) {
			ji_set(f, "skip", skip - 1);
			continue;
		}
		if (found)
			*found = json_incref(f);
		if (n > 0)
			ji_set(f, "n", n - 1);
		if (n == 1)
			json_array_remove(faults(), i);
		return true;
	}
	return false;
}

void fault_before(struct call *c)
{
	for (const struct refusal *r = c->h->refusals; r->fault; r++) {
		auto_json json_t *f = NULL;

		if (!fault_hit(c, r->fault, &f))
			continue;
		c->retry_s = (int)(ji(f, "ms") / 1000);
		call_fail(c, r->status, r->code, "%s", r->text);
		return;
	}
	auto_json json_t *stall = NULL;

	c->drop = fault_hit(c, "drop", NULL) || fault_hit(c, "stall", &stall);
	if (c->drop) {
		c->wait_ms = (int)ji(stall, "ms");
		return;
	}
	if (strcmp(c->method, "GET")) {
		c->failing = fault_hit(c, "task-fail", NULL);
		c->stuck = fault_hit(c, "task-stuck", NULL);
	}
}

void fault_after(struct call *c)
{
	auto_json json_t *f = NULL;

	if (fault_hit(c, "late", &f))
		c->wait_ms += (int)ji(f, "ms");
	c->drop = fault_hit(c, "lost", NULL);
}

/* How often a fault of that name strikes; 0: there is none. */
static int once(const char *name)
{
	static const struct hoster *const all[] = {&ovh, &dedibox, &hetzner};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].once;
	for (size_t i = 0; i < 3; i++)
		for (const struct refusal *r = all[i]->refusals; r->fault; r++)
			if (!strcmp(r->fault, name))
				return 1;
	return 0;
}

static const char *fault_add(const json_t *p)
{
	const char *name = js(p, "name"), *n = js(p, "n"), *ms = js(p, "ms");
	const char *skip = js(p, "skip");
	auto_json json_t *f = json_object();

	if (!name)
		return "name is missing";
	if (!strcmp(name, "clear")) {
		json_array_clear(faults());
		return NULL;
	}
	if (!strcmp(name, "reset"))
		return state_reset() ? "the seed cannot be read" : NULL;
	if (!strcmp(name, "delay")) {
		if (!ms)
			return "ms is missing";
		ji_set(lab.state, "delay", strtoll(ms, NULL, 10));
		return NULL;
	}
	if (!once(name))
		return "no such fault";
	js_set(f, "name", name);
	if (js(p, "hoster"))
		js_set(f, "hoster", js(p, "hoster"));
	if (js(p, "call"))
		js_set(f, "call", js(p, "call"));
	ji_set(f, "n", n ? strtoll(n, NULL, 10) : once(name));
	ji_set(f, "ms", ms ? strtoll(ms, NULL, 10) : 0);
	ji_set(f, "skip", skip ? strtoll(skip, NULL, 10) : 0);
	json_array_append(faults(), f);
	return NULL;
}

static const char *set(json_t *into, json_t *from)
{
	if (!json_object_size(from))
		return "nothing to set";
	return json_object_update_recursive(into, from) ? "cannot set that"
							: NULL;
}

bool fault_call(struct call *c)
{
	const char *why = NULL;

	if (strncmp(c->path, "/lab/", 5))
		return false;
	if (!strcmp(c->path, "/lab/state") && !strcmp(c->method, "GET")) {
		/* It is written out after the lock is given back. */
		call_ok(c, json_deep_copy(lab.state));
		return true;
	}
	if (!strcmp(c->path, "/lab/fault") && !strcmp(c->method, "POST"))
		why = fault_add(c->params);
	else if (!strcmp(c->path, "/lab/set") && !strcmp(c->method, "POST"))
		why = set(lab.state, c->params);
	else
		why = "POST /lab/fault, POST /lab/set or GET /lab/state";
	call_ok(c, jp("{s:s}", why ? "error" : "ok", why ? why : "done"));
	if (why)
		c->status = 400;
	return true;
}
