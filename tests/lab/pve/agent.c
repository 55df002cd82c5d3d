/*
 * agent.c - calls below .../agent: the real agent in the guest.
 *
 * Errors as of PVE::QemuServer::Agent: no agent in the configuration, VM not
 * running, agent does not answer a ping within 3 s; simple commands pass an
 * agent's error on inside "result", exec and file calls fail with it.
 */
#include "pve.h"

/* True: the agent answers.  lab.lock held, released while it is asked. */
static bool agent_ready(struct call *c)
{
	int vmid = call_vmid(c);
	const json_t *conf = vm_need(c, vmid);
	auto_free char *id = fmt("%d", vmid);
	const char *a = js(conf, "agent");
	bool silent;
	json_t *r = NULL;

	if (!conf)
		return false;
	if (!a || !(starts(a, "1") || strstr(a, "enabled=1")))
		call_fail(c, 500, "No QEMU guest agent configured");
	else if (!vm_running(vmid))
		call_fail(c, 500, "VM %d is not running", vmid);
	if (c->code)
		return false;
	silent = fault_hit("agent-silent", id, NULL);
	lab_unlock();
	if (silent)
		sleep_ms(3000);
	else
		r = qga(vmid, "guest-ping", NULL, 3000);
	lab_lock();
	if (!json_object_get(r, "return"))
		call_fail(c, 500, "QEMU guest agent is not running");
	json_decref(r);
	return !c->code;
}

/* The agent's answer, {"return"} or {"error"}; NULL: c has failed. */
static json_t *ask(struct call *c, const char *cmd, json_t *args, int ms)
{
	int vmid = call_vmid(c);
	json_t *r;

	lab_unlock();
	r = qga(vmid, cmd, args, ms);
	lab_lock();
	if (!r)
		call_fail(c, 500, "VM %d qmp command '%s' failed - got timeout",
			vmid, cmd);
	return r;
}

/* As ask(), but an error of the agent fails the call; its "return". */
static json_t *need(struct call *c, const char *cmd, json_t *args, int ms)
{
	auto_json json_t *r = ask(c, cmd, args, ms);
	const json_t *e = json_object_get(r, "error");

	if (e)
		call_fail(c, 500, "Agent error: %s", js(e, "desc"));
	return c->code ? NULL : json_incref(json_object_get(r, "return"));
}

/* agent/NAME is guest-NAME, but for the file system freezes. */
static void simple(struct call *c)
{
	const char *name = strrchr(c->path, '/') + 1;
	auto_free char *cmd = fmt("guest-%s", name);
	json_t *r;
	bool slow = !strcmp(name, "fstrim") || starts(name, "fsfreeze");

	if (!agent_ready(c))
		return;
	if (!strcmp(name, "ping")) {
		c->data = jp("{s:{}}", "result");
		return;
	}
	if (!strcmp(name, "shutdown")) {
		lab_unlock();
		r = qga(call_vmid(c), cmd, NULL, 1000);
		lab_lock();
		c->data = jp("{s:{}}", "result");
		json_decref(r);
		return;
	}
	r = ask(c, cmd, NULL, slow ? 600000 : 10000);
	if (!r)
		return;
	if (json_object_get(r, "error"))
		c->data = jp("{s:{s:O}}", "result", "error",
			json_object_get(r, "error"));
	else
		c->data = jp("{s:O}", "result", json_object_get(r, "return"));
	json_decref(r);
}

/* 5.3..7.4: one element is split at comma, semicolon and blank. */
static json_t *command_words(struct call *c)
{
	json_t *given = json_object_get(c->p, "command"), *out;
	auto_free char *copy = NULL;
	char *save = NULL;

	if (json_is_array(given) &&
		(lab.rel >= 800 || json_array_size(given) > 1))
		return json_incref(given);
	if (json_is_array(given))
		given = json_array_get(given, 0);
	if (lab.rel >= 800)
		return jp("[O]", given);
	copy = xstrdup(json_string_value(given));
	out = json_array();
	for (char *p = strtok_r(copy, ",; \t\n", &save); p;
		p = strtok_r(NULL, ",; \t\n", &save))
		json_array_append_new(out, json_string(p));
	return out;
}

static void exec_post(struct call *c)
{
	auto_json json_t *words = command_words(c);
	const char *input = call_arg(c, "input-data");
	json_t *args, *r;

	if (!agent_ready(c))
		return;
	args = jp("{s:O,s:b}", "path", json_array_get(words, 0),
		"capture-output", true);
	json_array_remove(words, 0);
	json_object_set(args, "arg", words);
	if (input) {
		auto_free char *b = base64(input, strlen(input));

		js_set(args, "input-data", b);
	}
	r = need(c, "guest-exec", args, 10000);
	c->data = r;
}

static void decode(json_t *o, const char *key)
{
	const char *v = js(o, key);
	auto_free char *plain = v ? base64_decode(v, NULL) : NULL;

	if (plain)
		js_set(o, key, plain);
}

static void exec_status(struct call *c)
{
	long long pid = 0;
	json_t *r;

	number(call_arg(c, "pid"), &pid);
	if (!agent_ready(c))
		return;
	r = need(c, "guest-exec-status", jp("{s:I}", "pid", (json_int_t)pid),
		10000);
	if (!r)
		return;
	ji_set(r, "exited", json_is_true(json_object_get(r, "exited")));
	if (js(r, "out-data"))
		ji_set(r, "out-truncated",
			json_is_true(json_object_get(r, "out-truncated")));
	if (js(r, "err-data"))
		ji_set(r, "err-truncated",
			json_is_true(json_object_get(r, "err-truncated")));
	decode(r, "out-data");
	decode(r, "err-data");
	c->data = r;
}

static json_t *file_open(struct call *c, const char *mode)
{
	return need(c, "guest-file-open",
		jp("{s:s,s:s}", "path", call_arg(c, "file"), "mode", mode),
		10000);
}

static void file_close(struct call *c, json_t *handle)
{
	int code = c->code;
	json_t *r = ask(
		c, "guest-file-close", jp("{s:O}", "handle", handle), 10000);

	json_decref(r);
	c->code = code;
}

static void file_write_post(struct call *c)
{
	const char *content = call_arg(c, "content");
	const char *encode = call_arg(c, "encode");
	auto_free char *b = NULL;
	auto_json json_t *h = NULL, *r = NULL;

	if (!agent_ready(c) || !(h = file_open(c, "wb")))
		return;
	b = encode && !strcmp(encode, "0") ? xstrdup(content)
					   : base64(content, strlen(content));
	r = need(c, "guest-file-write",
		jp("{s:O,s:s}", "handle", h, "buf-b64", b), 10000);
	file_close(c, h);
}

static void file_read_get(struct call *c)
{
	auto_json json_t *h = NULL, *r = NULL;
	auto_free char *text = NULL;
	size_t len = 0;

	if (!agent_ready(c) || !(h = file_open(c, "r")))
		return;
	r = need(c, "guest-file-read",
		jp("{s:O,s:i}", "handle", h, "count", 16 << 20), 30000);
	file_close(c, h);
	if (!r)
		return;
	text = base64_decode(js(r, "buf-b64"), &len);
	c->data =
		jp("{s:s,s:I}", "content", text, "bytes-read", (json_int_t)len);
	if (!json_is_true(json_object_get(r, "eof")) && len == 16 << 20)
		ji_set(c->data, "truncated", 1);
}

#define AGENT "/nodes/{node}/qemu/{vmid}/agent/"

const struct route agent_routes[] = {
	{"POST", AGENT "ping", simple},
	{"GET", AGENT "info", simple},
	{"GET", AGENT "get-osinfo", simple},
	{"GET", AGENT "get-host-name", simple},
	{"GET", AGENT "get-fsinfo", simple},
	{"GET", AGENT "get-time", simple},
	{"GET", AGENT "get-timezone", simple},
	{"GET", AGENT "get-users", simple},
	{"GET", AGENT "get-vcpus", simple},
	{"GET", AGENT "network-get-interfaces", simple},
	{"POST", AGENT "fstrim", simple},
	{"POST", AGENT "fsfreeze-status", simple},
	{"POST", AGENT "fsfreeze-freeze", simple},
	{"POST", AGENT "fsfreeze-thaw", simple},
	{"POST", AGENT "shutdown", simple},
	{"POST", AGENT "exec", exec_post},
	{"GET", AGENT "exec-status", exec_status},
	{"POST", AGENT "file-write", file_write_post},
	{"GET", AGENT "file-read", file_read_get},
	{NULL, NULL, NULL},
};
