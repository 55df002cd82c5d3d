/*
 * The eyes of a rehearsal: the agent, the serial line, the screen. A bad sign
 * counts when it stands there for two looks: a BIOS that goes on to its next
 * device, and a shell that is left by itself, are none.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oracle.h"
#include "rehearse_own.h"
#include "screen.h"
#include "stop.h"
#include "str.h"

#define LOOK 3.0         /* s between two looks at the screen */
#define AGENT_GRACE 90.0 /* s for the agent after the login prompt */
#define NET_GRACE 30.0   /* s for an address after the agent's first word */
#define NET_SLOW 240.0   /* the same, emulated, with a carrier */

struct sight {
	struct boot_verdict v;
	const char *by;
	char *text; /* of the last screen */
};

/* --- the agent's answers --- */

static int ask(struct stage *s, const char *command, json_t *args, json_t **out,
	struct err *e)
{
	return qmp_do(s->agent, command, args, out, e);
}

static void add_addresses(json_t *o, const json_t *nic)
{
	json_t *list = json_array();
	const json_t *a;
	size_t i;

	json_array_foreach (json_object_get(nic, "ip-addresses"), i, a) {
		_free_ char *text =
			xasprintf("%s/%u", json_str_or(a, "ip-address", ""),
				(unsigned)json_u64(a, "prefix", 0));

		if (!str_starts(text, "fe80:"))
			json_array_append_new(list, json_text(text));
	}
	json_put(o, "addresses", list);
}

/* New reference; *any: has one of them an address? */
static json_t *interfaces(struct stage *s, bool *any, struct err *e)
{
	_json_ json_t *data = NULL;
	json_t *list = json_array();
	const json_t *nic;
	size_t i;

	*any = false;
	if (ask(s, "guest-network-get-interfaces", NULL, &data, e))
		return list;
	json_array_foreach (data, i, nic) {
		const char *name = json_str_or(nic, "name", "");
		json_t *o;

		if (strcmp(name, "lo") == 0)
			continue;
		o = json_object();
		json_put_str(o, "name", name);
		json_put_str(o, "mac", json_str(nic, "hardware-address"));
		add_addresses(o, nic);
		*any |= json_array_size(json_object_get(o, "addresses")) > 0;
		json_array_append_new(list, o);
	}
	return list;
}

/* The output of a program in the guest; to be freed, null where the agent may
 * not run it. */
static char *output_of(struct stage *s, const char *path, const char *args[])
{
	json_t *o = json_object(), *list = json_array(), *q;
	_json_ json_t *started = NULL;
	double until = now_mono() + 15;

	json_put_str(o, "path", path);
	for (; *args; args++)
		json_array_append_new(list, json_text(*args));
	json_put(o, "arg", list);
	json_put_bool(o, "capture-output", true);
	if (ask(s, "guest-exec", o, &started, NULL))
		return NULL;
	while (now_mono() < until && stop_sleep(200, NULL) == 0) {
		_json_ json_t *st = NULL;

		q = json_object();
		json_put_u64(q, "pid", json_u64(started, "pid", 0));
		if (ask(s, "guest-exec-status", q, &st, NULL))
			return NULL;
		if (json_flag(st, "exited", false))
			return base64_decode(
				json_str_or(st, "out-data", ""), NULL);
	}
	return NULL;
}

/* New reference; false in *able: the agent may not run programs. */
static json_t *routes(struct stage *s, bool *able)
{
	static const char *const families[] = {"-4", "-6"};
	json_t *list = json_array();

	*able = true;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const char *args[] = {
			families[i], "route", "show", "default", NULL};
		_free_ char *text = output_of(s, "ip", args);
		char *p = text, *line;

		*able = *able && text;
		while (p && (line = str_line(&p))) {
			_free_ char *clean = str_printable_dup(str_trim(line));

			if (*clean)
				json_array_append_new(list, json_text(clean));
		}
	}
	return list;
}

/* What an agent that answers can say. */
static void by_agent(struct stage *s, json_t *out)
{
	double until =
		now_mono() + (s->w->hub && !s->kvm ? NET_SLOW : NET_GRACE);
	_json_ json_t *os = NULL;
	json_t *list;
	bool any, able;

	if (ask(s, "guest-get-osinfo", NULL, &os, NULL) == 0)
		json_put_str(out, "os", json_str(os, "pretty-name"));
	for (;;) {
		list = interfaces(s, &any, NULL);
		if (any || !s->w->n_macs || now_mono() > until ||
			stop_sleep(500, NULL))
			break;
		json_decref(list);
	}
	json_put(out, "interfaces", list);
	/* The route comes after the address. */
	for (;;) {
		list = routes(s, &able);
		if (json_array_size(list) || !any || !able ||
			now_mono() > until || stop_sleep(500, NULL))
			break;
		json_decref(list);
	}
	json_put(out, "routes", list);
}

/* --- looking --- */

static void see(struct sight *now, const char *text, const char *by)
{
	struct boot_verdict v;

	oracle_read(text, &v);
	/* The screen is newer than all of a serial line's history. */
	if (!v.sign && now->v.sign)
		return;
	if (v.sign || *v.evidence) {
		now->v = v;
		now->by = by;
	}
}

static void look_serial(struct stage *s, struct sight *now)
{
	_free_ char *path = path_join(s->dir, "serial"), *text = NULL;

	if (file_read(path, 16 << 20, &text, NULL, NULL) == 0)
		see(now, text, "serial");
}

static void look_screen(struct stage *s, struct sight *now)
{
	_free_ char *path = path_join(s->dir, "screen"), *ppm = NULL;
	json_t *args = json_object();
	char *text;
	size_t len;

	json_put_str(args, "filename", path);
	if (qmp_do(s->monitor, "screendump", args, NULL, NULL) ||
		file_read(path, 64 << 20, &ppm, &len, NULL))
		return;
	if (s->w->screen)
		file_write(s->w->screen, ppm, len, 0600, NULL);
	if (screen_text(ppm, len, &text, NULL))
		return;
	see(now, text, "screen");
	free(now->text);
	now->text = text;
}

/* --- the verdict --- */

static json_t *verdict(struct stage *s, const char *word, const char *by,
	const struct boot_verdict *v)
{
	json_t *o = json_object();

	json_put_str(o, "verdict", word);
	json_put_str(o, "by", by);
	json_put(o, "seconds",
		json_real((int)((now_mono() - s->began) * 10) / 10.0));
	json_put_str(o, "accel", s->kvm ? "kvm" : "tcg");
	json_put_str(o, "machine", stage_is_q35(s) ? "q35" : "pc");
	json_put_str(o, "bus", s->w->bus);
	json_put_str(o, "nic", s->w->nic);
	if (!v)
		return o;
	json_put_str(o, "evidence", v->evidence);
	json_put_str(o, "sign", boot_sign_name(v->sign));
	if (strcmp(word, "up")) {
		json_put_str(o, "advice", boot_sign_advice(v->sign));
		json_put_bool(o, "climb", boot_sign_is_bus(v->sign));
	}
	return o;
}

static bool ended(struct stage *s)
{
	int status;

	if (waitpid(s->pid, &status, WNOHANG) != s->pid)
		return false;
	s->pid = 0;
	return true;
}

/* The sign stands since two looks: "up", "down", or null: not yet. */
static const char *settled(struct stage *s, const struct sight *now,
	const struct sight *before, double login_since)
{
	if (now->v.sign == BOOT_NOTHING)
		return NULL;
	if (now->v.sign == BOOT_LOGIN) {
		if (s->w->no_agent || now_mono() - login_since > AGENT_GRACE)
			return "up";
		return NULL;
	}
	return now->v.sign == before->v.sign &&
			strcmp(now->v.evidence, before->v.evidence) == 0
		? "down"
		: NULL;
}

static void look(struct stage *s, struct sight *now)
{
	look_serial(s, now);
	look_screen(s, now);
}

static int agent_up(struct stage *s, double wait, struct err *e)
{
	struct err why = {0};

	if (qmp_answer(s->agent, wait, NULL, &why) == 0)
		return 1;
	if (why.code == ERR_STOPPED) {
		*e = why;
		return -1;
	}
	return 0;
}

static int watch(
	struct stage *s, struct sight *last, json_t **out, struct err *e)
{
	double patience = s->w->patience > 0 ? s->w->patience : 300;
	double next = s->began + LOOK, login = 0;

	for (;;) {
		double t = now_mono();
		struct sight now = {.text = last->text, .by = "screen"};
		const char *word;
		int up = agent_up(s, 0.5, e);

		if (up < 0)
			return -1;
		if (up) {
			*out = verdict(s, "up", "agent", NULL);
			by_agent(s, *out);
			return 0;
		}
		if (ended(s)) {
			*out = verdict(s, "down", "qemu", &last->v);
			return 0;
		}
		if (t < next)
			continue;
		next = t + LOOK;
		look(s, &now);
		if (now.v.sign == BOOT_LOGIN && !login)
			login = t;
		word = settled(s, &now, last, login);
		*last = now;
		if (!word && t - s->began > patience)
			word = now.v.sign == BOOT_LOGIN ? "up" : "unknown";
		if (word) {
			*out = verdict(s, word, now.by, &now.v);
			return 0;
		}
		if (s->w->progress)
			s->w->progress(s->w->arg, t - s->began);
	}
}

/* The screen's own words, for whoever judges the verdict. */
static void add_screen(json_t *out, const char *text)
{
	_free_ char *copy = xstrdup(text ? text : "");
	json_t *list = json_array();
	char *p = copy, *line;

	while ((line = str_line(&p)))
		if (*line)
			json_array_append_new(list, json_text(line));
	if (json_array_size(list))
		json_put(out, "screen", list);
	else
		json_decref(list);
}

int stage_watch(struct stage *s, json_t **out, struct err *e)
{
	struct sight last = {.by = "screen"};
	int rc = -1;

	/* Waits in the port until an agent opens it. */
	if (qmp_send(s->agent, "guest-ping", NULL, e) == 0)
		rc = watch(s, &last, out, e);
	if (rc == 0 && strcmp(json_str_or(*out, "by", ""), "agent"))
		add_screen(*out, last.text);
	free(last.text);
	return rc;
}
