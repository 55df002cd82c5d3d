/*
 * fault.c - what a test may ask the stand-in to do wrong, and what it may
 * look at: POST /lab/fault, GET /lab/state (from this machine only), and
 * DIR/requests.log, one JSON line a request, without secrets.
 *
 * POST /lab/fault takes name=N&arg=A (form or JSON).  A is a text of words
 * in the order below; count, ms and text may also be given by name.  A count
 * of -1 lasts until name=clear (arg: the fault's name, none: all).
 */
#include "pve.h"

static json_t *faults; /* array of {name, arg, count, ms, text} */

/* Order of words in "arg": a what, n count, m milliseconds, t rest. */
static const struct {
	const char *name, *words;
	int count;
} known[] = {
	{"http-401", "n", -1},     /* every login is refused */
	{"http-403", "a", -1},     /* PATH */
	{"http-500", "na", 1},     /* N [PATH] */
	{"http-596", "am", 1},     /* PATH [MS]: the work goes on */
	{"timeout", "amn", 1},     /* PATH MS [N]: late answer */
	{"drop", "na", 1},         /* N [PATH]: no answer, no work */
	{"storage-full", "a", -1}, /* STORAGE */
	{"task-fail", "at", 1},    /* TYPE TEXT */
	{"task-warn", "at", 1},    /* TYPE [TEXT] */
	{"agent-silent", "a", -1}, /* [VMID] */
	{"vmid-taken", "", 1},     /* somebody takes the id of a create */
	{"create-lost", "", 1},    /* POST qemu works, its answer is lost */
	{"hide-volumes", "a", -1}, /* STORAGE: none is listed */
};

static const char *what_of(const json_t *f)
{
	return js(f, "arg") ? js(f, "arg") : "";
}

bool fault_hit(const char *name, const char *what, json_t **found)
{
	json_t *f;
	size_t i;

	json_array_foreach (faults, i, f) {
		const char *arg = what_of(f);
		long long n = ji(f, "count");

		if (strcmp(js(f, "name"), name) ||
			!(!*arg || !strcmp(arg, what) ||
				(*arg == '/' && starts(what, arg))))
			continue;
		if (found)
			*found = json_incref(f);
		if (n > 0)
			ji_set(f, "count", n - 1);
		if (n == 1)
			json_array_remove(faults, i);
		return true;
	}
	return false;
}

/* The words of arg into the fields of the fault. */
static void words_read(json_t *f, const char *order, const char *arg)
{
	for (; *order && *arg; order++) {
		size_t n = *order == 't' ? strlen(arg) : strcspn(arg, " ");
		auto_free char *w = fmt("%.*s", (int)n, arg);
		long long v;

		if (*order == 'a')
			js_set(f, "arg", w);
		else if (*order == 't')
			js_set(f, "text", w);
		else if (number(w, &v))
			ji_set(f, *order == 'n' ? "count" : "ms", v);
		arg += n + strspn(arg + n, " ");
	}
}

static void clear(const char *name)
{
	for (size_t i = json_array_size(faults); i-- > 0;)
		if (!*name ||
			!strcmp(js(json_array_get(faults, i), "name"), name))
			json_array_remove(faults, i);
	for (size_t i = 0; i < storages_n; i++)
		if (!*name || !strcmp(name, "storage-full"))
			storages[i].full = false;
}

/* Faults that are done at once.  True: it was one. */
static bool at_once(const char *name, const char *arg, const char **why)
{
	long long vmid = strtoll(arg, NULL, 10);
	const char *word = strchr(arg, ' ');
	json_t *conf;

	if (!strcmp(name, "clear")) {
		clear(arg);
		return true;
	}
	if (!strcmp(name, "cert-change")) {
		*why = cert_load(true) ? "cannot write a new certificate"
				       : NULL;
		return true;
	}
	if (strcmp(name, "lock") && strcmp(name, "unlock"))
		return false;
	conf = vm_conf((int)vmid);
	if (!conf)
		*why = "no such VM";
	else if (!strcmp(name, "unlock"))
		json_object_del(conf, "lock");
	else
		js_set(conf, "lock", word ? word + 1 : "backup");
	state_save();
	return true;
}

static const char *fault_add(const json_t *p)
{
	const char *name = js(p, "name"), *arg = js(p, "arg"), *why = NULL;
	long long v;
	json_t *f;

	if (!faults)
		faults = json_array();
	if (!name)
		return "name is missing";
	arg = arg ? arg : "";
	if (at_once(name, arg, &why))
		return why;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name))
			continue;
		f = jp("{s:s,s:i}", "name", name, "count", known[i].count);
		words_read(f, known[i].words, arg);
		if (number(js(p, "count"), &v))
			ji_set(f, "count", v);
		if (number(js(p, "ms"), &v))
			ji_set(f, "ms", v);
		if (js(p, "text"))
			js_set(f, "text", js(p, "text"));
		if (!strcmp(name, "storage-full") && storage_get(what_of(f)))
			storage_get(what_of(f))->full = true;
		json_array_append_new(faults, f);
		return NULL;
	}
	return "no such fault";
}

static json_t *state_show(void)
{
	json_t *vms = json_object(), *v;
	const char *id;

	json_object_foreach (lab.vms, id, v) {
		json_t *one = json_deep_copy(v);

		json_object_set_new(one, "running",
			json_boolean(vm_running((int)strtol(id, NULL, 10))));
		json_object_set_new(vms, id, one);
	}
	return jp("{s:s,s:s,s:o,s:O?,s:o}", "release", lab.release, "dir",
		lab.dir, "vms", vms, "faults", faults, "tasks",
		tasks_running());
}

void fault_answer(const struct http_req *q, struct http_resp *r)
{
	auto_json json_t *p = json_object(), *out = NULL;
	const char *why = NULL;

	r->json = true;
	r->code = 200;
	if (!q->loopback) {
		why = "only from the stand-in's own machine";
	} else if (!strcmp(q->path, "/lab/state")) {
		lab_lock();
		out = state_show();
		lab_unlock();
	} else if (!strcmp(q->path, "/lab/fault") && q->len) {
		if (q->body[0] != '{')
			form_decode(q->body, p);
		else if (form_json(q->body, p))
			why = "the body is no JSON object";
		lab_lock();
		why = why ? why : fault_add(p);
		lab_unlock();
	} else {
		why = "POST /lab/fault or GET /lab/state";
	}
	if (why) {
		r->code = 400;
		out = jp("{s:s}", "error", why);
	} else if (!out) {
		out = jp("{s:b}", "ok", true);
	}
	r->reason = xstrdup(why ? why : "OK");
	r->body = json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS);
}

static bool is_secret(const char *key)
{
	static const char *const names[] = {"password", "otp", "value",
		"tfa-challenge", "cipassword", "ticket", "input-data", "tfa"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], key))
			return true;
	return false;
}

void request_log(const struct http_req *q, const json_t *params,
	const char *user, const struct http_resp *r, int64_t ms)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	auto_free char *path = fmt("%s/requests.log", lab.dir), *line = NULL;
	auto_json json_t *shown = json_deep_copy(params), *o = NULL;
	const char *key;
	void *tmp;
	json_t *v;
	FILE *f;

	json_object_foreach_safe(shown, tmp, key, v) if (is_secret(key))
		json_object_set_new(shown, key, json_string("***"));
	o = jp("{s:I,s:s,s:s,s:O,s:s?,s:i,s:s?,s:I}", "time",
		(json_int_t)time(NULL), "method", q->method, "path", q->path,
		"params", shown, "user", user, "status", r->drop ? 0 : r->code,
		"reason", r->drop ? "dropped" : r->reason, "ms",
		(json_int_t)ms);
	line = json_dumps(o, JSON_COMPACT);
	pthread_mutex_lock(&one);
	f = fopen(path, "ae");
	if (f) {
		fprintf(f, "%s\n", line);
		fclose(f);
	}
	pthread_mutex_unlock(&one);
}
