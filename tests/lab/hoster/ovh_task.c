/*
 * ovh_task.c - tasks: todo for a third of the delay, 0.8 s at most, doing, then
 * done or failed after the delay.
 */
#include "ovh.h"

#define TODO_MAX 800 /* ms */

static json_t *tasks(void)
{
	return jo(state_of(&ovh), "tasks");
}

static bool over(const json_t *task)
{
	const char *s = js(task, "status");

	return strcmp(s, "todo") && strcmp(s, "doing");
}

json_t *ovh_task_new(const struct call *c, const char *kind, const char *on,
	const char *function)
{
	json_t *t = jp("{s:I,s:s,s:s,s:s,s:s,s:I,s:b,s:b}", "id",
		(json_int_t)state_next("next_task"), "kind", kind, "on", on,
		"function", function, "status", "todo", "begin",
		(json_int_t)now_ms(), "fails", c->failing, "stuck", c->stuck);

	json_array_append_new(tasks(), t);
	return t;
}

json_t *ovh_task_show(const json_t *task)
{
	auto_free char *began = now_text(ji(task, "begin"));
	auto_free char *ended =
		ji(task, "end") ? now_text(ji(task, "end")) : NULL;
	json_t *t = jp("{s:I,s:s,s:s,s:s?,s:s,s:s,s:s?}", "taskId",
		(json_int_t)ji(task, "id"), "function", js(task, "function"),
		"status", js(task, "status"), "comment", js(task, "comment"),
		"startDate", began, "lastUpdate", ended ? ended : began,
		"doneDate", ended);

	if (js(task, "to"))
		json_object_set_new(t, "destination",
			jp("{s:s}", "serviceName", js(task, "to")));
	return t;
}

bool ovh_task_busy(const char *about)
{
	const json_t *t;
	size_t i;

	json_array_foreach (tasks(), i, t) {
		const char *ip = js(t, "ip");

		if (!over(t) &&
			(!strcmp(js(t, "on"), about) ||
				(ip && ovh_in_block(ip, about))))
			return true;
	}
	return false;
}

json_t *ovh_task_find(const char *kind, const char *on, const char *id)
{
	json_t *t;
	size_t i;

	json_array_foreach (tasks(), i, t) {
		auto_free char *n = fmt("%lld", (long long)ji(t, "id"));

		if (!strcmp(n, id) && !strcmp(js(t, "kind"), kind) &&
			!strcmp(js(t, "on"), on))
			return t;
	}
	return NULL;
}

static bool filtered(const struct call *c, const json_t *t, const char *key)
{
	const char *want = js(c->query, key);

	return want && strcmp(want, js(t, key));
}

json_t *ovh_task_ids(const struct call *c, const char *kind, const char *on)
{
	json_t *ids = json_array(), *t;
	size_t i;

	json_array_foreach (tasks(), i, t)
		if (!strcmp(js(t, "kind"), kind) && !strcmp(js(t, "on"), on) &&
			!filtered(c, t, "function") &&
			!filtered(c, t, "status"))
			json_array_append_new(ids, json_integer(ji(t, "id")));
	return ids;
}

static void move_begins(const json_t *t)
{
	ovh_macs_follow(js(t, "on"), NULL, false);
}

static void move_ends(const json_t *t, bool failed)
{
	json_t *block =
		json_object_get(jo(state_of(&ovh), "blocks"), js(t, "on"));

	if (!failed)
		js_set(block, "to", js(t, "to"));
	ovh_macs_follow(js(t, "on"), js(block, "to"), jt(t, "loses"));
}

static void end(json_t *t, int64_t now)
{
	bool failed = jt(t, "fails");

	if (!strcmp(js(t, "kind"), "ip"))
		move_ends(t, failed);
	else if (!failed)
		ovh_mac_done(t);
	js_set(t, "status", failed ? "ovhError" : "done");
	if (failed)
		js_set(t, "comment", "Internal error, support was informed");
	ji_set(t, "end", now);
}

bool ovh_tick(json_t *state, int64_t now)
{
	int todo = state_delay() / 3 < TODO_MAX ? state_delay() / 3 : TODO_MAX;
	bool changed = false;
	json_t *t;
	size_t i;

	json_array_foreach (jo(state, "tasks"), i, t) {
		int64_t age = now - ji(t, "begin");

		if (over(t))
			continue;
		if (!strcmp(js(t, "status"), "todo") && age >= todo) {
			js_set(t, "status", "doing");
			if (!strcmp(js(t, "kind"), "ip"))
				move_begins(t);
			changed = true;
		}
		if (age >= state_delay() && !jt(t, "stuck")) {
			end(t, now);
			changed = true;
		}
	}
	return changed;
}
