/*
 * taskapi.c - the calls about tasks: state, log, list, abort.
 */
#include "pve.h"

static json_t *task_done(const char *upid)
{
	json_t *j;
	size_t i;

	json_array_foreach (lab.done, i, j)
		if (!strcmp(js(j, "upid"), upid))
			return j;
	return NULL;
}

/* "user" and "tokenid" from "root@pam!full". */
static void split_user(json_t *j)
{
	auto_free char *u = xstrdup(js(j, "user"));
	char *bang = strchr(u, '!');

	if (!bang)
		return;
	*bang = '\0';
	js_set(j, "user", u);
	js_set(j, "tokenid", bang + 1);
}

static bool own_or_audit(struct call *c, const char *upid, const char *priv)
{
	auto_free char *mine = fmt(":%s:", c->who.id);

	return ends(upid, mine) || auth_need(c, "/nodes/" NODE, priv);
}

static const char *upid_arg(struct call *c)
{
	const char *u = call_arg(c, "upid");
	int colons = 0;

	for (const char *p = u; *p; p++)
		colons += *p == ':';
	if (starts(u, "UPID:") && colons == 8 && !strchr(u, '/'))
		return u;
	call_bad(c, "upid", "unable to parse worker upid");
	return NULL;
}

static void status_get(struct call *c)
{
	const char *upid = upid_arg(c);
	const struct task *t = upid ? task_live(upid) : NULL;
	auto_free char *path = upid ? task_log_path(upid) : NULL, *log = NULL;

	if (!upid || !own_or_audit(c, upid, "Sys.Audit"))
		return;
	log = file_read(path, NULL);
	if (!log) {
		call_bad(c, "upid", "no such task");
		return;
	}
	if (t) {
		c->data = task_json(t);
	} else if (task_done(upid)) {
		c->data = json_deep_copy(task_done(upid));
		if (lab.rel < 700 || lab.rel >= 800)
			json_object_del(c->data, "endtime");
	} else {
		c->data = jp("{s:s,s:s,s:s}", "upid", upid, "exitstatus",
			"unexpected status", "user", c->who.id);
	}
	js_set(c->data, "status", t ? "running" : "stopped");
	js_set(c->data, "node", NODE);
	split_user(c->data);
}

static void log_get(struct call *c)
{
	const char *upid = upid_arg(c), *start = call_arg(c, "start");
	const char *limit = call_arg(c, "limit");
	long long from = 0, most = 50, n = 0;
	auto_free char *path = upid ? task_log_path(upid) : NULL, *log = NULL;
	char *save = NULL;

	if (!upid || !own_or_audit(c, upid, "Sys.Audit"))
		return;
	number(start, &from);
	number(limit, &most);
	log = file_read(path, NULL);
	if (!log) {
		c->data = jp("{s:i,s:s}", "n", 1, "t",
			"unable to open file - No such file or directory");
		c->extra = jp("{s:i}", "total", 1);
		return;
	}
	c->data = json_array();
	for (char *p = strtok_r(log, "\n", &save); p;
		p = strtok_r(NULL, "\n", &save)) {
		if (n++ >= from && (!most || n <= from + most))
			json_array_append_new(c->data,
				jp("{s:I,s:s}", "n", (json_int_t)n, "t", p));
	}
	if (!n) {
		json_array_append_new(
			c->data, jp("{s:i,s:s}", "n", 1, "t", "no content"));
		n = 1;
	}
	c->extra = jp("{s:I}", "total", (json_int_t)n);
}

static void stop_delete(struct call *c)
{
	const char *upid = upid_arg(c);
	int64_t end = now_ms() + 1000;
	struct task *t;

	if (!upid || !own_or_audit(c, upid, "Sys.Modify"))
		return;
	t = task_live(upid);
	if (t)
		task_stop(t);
	while (task_live(upid) && now_ms() < end) {
		lab_unlock();
		sleep_ms(20);
		lab_lock();
	}
}

static bool wanted(const struct call *c, const json_t *j)
{
	const char *vmid = call_arg(c, "vmid");
	const char *type = call_arg(c, "typefilter");
	const char *state = js(j, "exitstatus");

	return (!vmid || !strcmp(js(j, "id"), vmid)) &&
		(!type || !strcmp(js(j, "type"), type)) &&
		(!call_true(c, "errors") || !state ||
			(strcmp(state, "OK") && !starts(state, "WARNINGS")));
}

static void list_get(struct call *c)
{
	const char *source = call_arg(c, "source");
	bool active = source && strcmp(source, "archive");
	bool archive = !source || strcmp(source, "active");
	auto_json json_t *all = active ? tasks_running() : json_array();
	long long start = 0, limit = 50, n = 0;
	json_t *j;
	size_t i;

	number(call_arg(c, "start"), &start);
	number(call_arg(c, "limit"), &limit);
	for (i = archive ? json_array_size(lab.done) : 0; i-- > 0;)
		json_array_append(all, json_array_get(lab.done, i));
	c->data = json_array();
	json_array_foreach (all, i, j) {
		json_t *o;

		if (!wanted(c, j) || n++ < start || n > start + limit)
			continue;
		o = json_deep_copy(j);
		js_set(o, "node", NODE);
		js_set(o, "status",
			js(o, "exitstatus") ? js(o, "exitstatus") : "RUNNING");
		json_object_del(o, "exitstatus");
		split_user(o);
		json_array_append_new(c->data, o);
	}
	c->extra = jp("{s:I}", "total", (json_int_t)n);
}

static void cluster_list(struct call *c)
{
	json_t *o;
	size_t i;

	list_get(c);
	json_decref(c->extra);
	c->extra = NULL;
	json_array_foreach (c->data, i, o) {
		json_object_del(o, "pid");
		json_object_del(o, "pstart");
		js_set(o, "saved", "1");
	}
}

const struct route task_routes[] = {
	{"GET", "/cluster/tasks", cluster_list},
	{"GET", "/nodes/{node}/tasks", list_get},
	{"DELETE", "/nodes/{node}/tasks/{upid}", stop_delete},
	{"GET", "/nodes/{node}/tasks/{upid}/status", status_get},
	{"GET", "/nodes/{node}/tasks/{upid}/log", log_get},
	{NULL, NULL, NULL},
};
