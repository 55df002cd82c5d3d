/*
 * The failover IP of a job, from the request to its end, and back: see
 * hoster_job.h. Keeps true: a virtual MAC that was there before the job is
 * never removed; the address goes back only after a MAC of ours is gone.
 */
#include "hoster_job_int.h"

#include <stdlib.h>
#include <string.h>

#include "guest/addr.h"
#include "i18n.h"
#include "proc.h"
#include "str.h"
#include "target.h"

/* --- decisions --- */

static const json_t *decided(const struct run *r, const char *id)
{
	return json_object_get(
		journal_asked(r->j, AWAITED_BY, "decision", id), "data");
}

const json_t *hoster_job_pattern(const struct run *r)
{
	return json_object_get(decided(r, "network"), "pattern");
}

const char *hoster_job_mac(const struct run *r)
{
	return json_str(decided(r, "mac"), "value");
}

static int decide(struct run *r, const char *id, const char *value,
	json_t *pattern, struct err *e)
{
	json_t *d = json_object();

	json_put_str(d, "id", id);
	json_put_str(d, "value", value);
	if (pattern)
		json_object_set(d, "pattern", pattern);
	return run_note(r, "decision", d, e);
}

/* --- the virtual MAC --- */

/* It travels, but not always at once: look a few times before another is
 * made. */
static int wait_for_mac(struct job_conn *j, json_t **state, struct err *e)
{
	const char *before = json_str(hoster_job_before(j->r), "mac");

	for (unsigned n = 0; before && n < j->h->grace; n++) {
		if (json_str(*state, "mac"))
			return 0;
		json_decref(*state);
		*state = NULL;
		if (hoster_pause(j->c, e) || hoster_job_look(j, state, e))
			return -1;
	}
	if (before && !json_str(*state, "mac"))
		run_say(j->r,
			"  the virtual MAC %s did not come along: another is "
			"made",
			before);
	return 0;
}

static int make_mac(struct job_conn *j, char **mac, struct err *e)
{
	_free_ char *text = xasprintf("make a virtual MAC for %s", j->address);
	const char *type = json_str(j->settings, "mac_type");
	struct err own = {0};

	if (run_made(j->r, "mac", j->address, NULL, e) ||
		hoster_job_command(j, text, j->to, e))
		return -1;
	run_say(j->r, "  %s: %s", j->h->title, text);
	if (hoster_mac_add(j->c, j->address, type,
		    run_str(j->r, "target.name", "vm"), mac, &own)) {
		if (own.code != ERR_STOPPED && own.code != ERR_HOSTER_UNSURE &&
			hoster_job_mark(j->r, false, NULL, e))
			return -1;
		*e = own;
		return -1;
	}
	return hoster_job_mark(j->r, true, NULL, e);
}

static int take_mac(struct job_conn *j, const json_t *pattern, struct err *e)
{
	const char *want = json_str_or(j->settings, "mac", "keep");
	_json_ json_t *state = NULL;
	_free_ char *mac = NULL;

	if (strcmp(json_str_or(pattern, "mode", ""), "bridged") ||
		strcmp(want, "none") == 0)
		return 0;
	if (hoster_job_look(j, &state, e) || wait_for_mac(j, &state, e))
		return -1;
	if (json_str(state, "mac"))
		mac = xstrdup(json_str(state, "mac"));
	else if (make_mac(j, &mac, e))
		return -1;
	run_say(j->r, "  virtual MAC %s", mac);
	return decide(j->r, "mac", mac, NULL, e);
}

/* --- the node's route (routed setups) --- */

/* Is there a route to the address on the bridge, and does the node forward? */
static bool routed(const char *address, const char *bridge)
{
	const char *const argv[] = {"ip", "-4", "route", "show", address, NULL};
	_free_ char *forward = NULL, *dev = xasprintf("dev %s ", bridge);
	_proc_ struct proc_result p = {0};

	if (file_read("/proc/sys/net/ipv4/ip_forward", 64, &forward, NULL,
		    NULL) ||
		*forward != '1')
		return false;
	return proc_run(argv, NULL, &p, NULL) == 0 && p.status == 0 &&
		strstr(p.out, dev);
}

static int set_route(struct job_conn *j, const char *bridge, struct err *e)
{
	_free_ char *single = xasprintf("%s/32", j->address);
	const char *const forward[] = {
		"sysctl", "-q", "-w", "net.ipv4.ip_forward=1", NULL};
	const char *const route[] = {
		"ip", "-4", "route", "replace", single, "dev", bridge, NULL};
	json_t *more = json_object();

	json_put_str(more, "bridge", bridge);
	if (run_made(j->r, "route", single, more, e))
		return -1;
	if (proc_must(forward, NULL, NULL, ERR_PERMISSION, e) ||
		proc_must(route, NULL, NULL, ERR_PERMISSION, e))
		return err_in(e, "route %s to %s on this node", single, bridge);
	return 0;
}

/* Changing the node's network is the operator's word; without it the guest
 * behind the address hears nothing. */
static int node_route(struct job_conn *j, const json_t *pattern, struct err *e)
{
	const char *bridge = json_str_or(j->settings, "bridge", "vmbr0");
	_free_ char *why = xasprintf(
		N_("%s is routed to this node. It has to forward it: sysctl -w "
		   "net.ipv4.ip_forward=1; ip route replace %s/32 dev %s. "
		   "'no': you have set it up otherwise."),
		j->address, j->address, bridge);
	bool yes;

	if (!json_object_get(pattern, "host") || routed(j->address, bridge))
		return 0;
	if (run_allowed(j->r, "host_route",
		    N_("Set up this node's route to the address now?"), why,
		    &yes, e))
		return -1;
	return yes ? set_route(j, bridge, e) : 0;
}

static int drop_route(struct run *r, struct err *e)
{
	_json_ json_t *o = run_object(r, "route", NULL, NULL);
	const char *id = json_str_or(o, "id", "");
	const char *const argv[] = {"ip", "-4", "route", "del", id, "dev",
		json_str_or(o, "bridge", ""), NULL};

	if (!o)
		return 0;
	/* Gone already is as good; ip_forward stays, others may need it. */
	proc_must(argv, NULL, NULL, ERR_IO, NULL);
	return run_removed(r, "route", id, e);
}

/* --- to the end --- */

/* What has not come by now is asked for anew by the next run. */
static int arrive(struct job_conn *j, json_t **state, struct err *e)
{
	if (hoster_job_ensure(j, e))
		return -1;
	if (hoster_job_settle(j, j->to, false, state, e) == 0)
		return 0;
	if (e->code == ERR_HOSTER_TASK || e->code == ERR_TIMEOUT)
		hoster_job_mark(j->r, false, NULL, NULL);
	return -1;
}

int hoster_job_finish(struct run *r, struct err *e)
{
	_json_ json_t *state = NULL, *pattern = NULL;
	_conn_ struct job_conn j = {0};

	if (hoster_job_open(r, &j, e) || arrive(&j, &state, e))
		return -1;
	run_say(r, "  %s points to %s", j.address, hoster_job_name(j.to));
	if (hoster_pattern(j.c, state, j.to, &pattern, e) ||
		take_mac(&j, pattern, e) ||
		decide(r, "network", json_str(pattern, "mode"), pattern, e))
		return -1;
	run_say(r, "  guest: %s, %s, gateway %s",
		json_str_or(pattern, "mode", "?"),
		json_str_or(pattern, "address", "?"),
		json_str_or(pattern, "gateway", "?"));
	return node_route(&j, pattern, e);
}

int hoster_job_verify(struct run *r, struct err *e)
{
	const char *mac = hoster_job_mac(r);
	_conn_ struct job_conn j = {0};
	_json_ json_t *s = NULL;

	if (hoster_job_open(r, &j, e) || hoster_job_look(&j, &s, e) ||
		hoster_job_to(&j, e))
		return -1;
	if (!hoster_points(s, j.to))
		return hoster_job_astray(s, j.to, e);
	if (!mac || str_eqi(json_str_or(s, "mac", ""), mac))
		return 0;
	return err_set(e, ERR_HOSTER_MAC, "the virtual MAC of %s is %s, not %s",
		j.address, json_str_or(s, "mac", "none"), mac);
}

char *hoster_job_word(struct run *r)
{
	_json_ json_t *s = NULL, *at = NULL;
	_conn_ struct job_conn j = {0};

	if (hoster_job_open(r, &j, NULL) || hoster_job_look(&j, &s, NULL))
		return NULL;
	at = hoster_job_place(s);
	return xasprintf(N_("%s says that it points to %s, MAC %s"), j.h->title,
		hoster_job_name(at), json_str_or(s, "mac", "none"));
}

/* --- back --- */

/* The hoster says no, or is away: by hand, later, or again. 0: go on. */
static int by_hand(struct run *r, const char *id, const char *text,
	const struct err *cause, bool *again, struct err *e)
{
	static const struct ask_choice c[] = {{"retry", N_("try again")},
		{"done", N_("I did it in the hoster's console")},
		{"leave", N_("leave it: I will see to it later")},
		{NULL, NULL}};
	const struct question q = {.id = id,
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = text,
		.why = cause->why,
		.help = err_advice(cause->code)};
	const char *a;

	run_say(r, "  %s: %s", err_id(cause->code), cause->why);
	if (run_ask(r, &q, &a, e))
		return -1;
	*again = strcmp(a, "retry") == 0;
	return 0;
}

static int drop_mac(struct job_conn *j, struct err *e)
{
	const char *before = json_str(hoster_job_before(j->r), "mac");
	_json_ json_t *s = NULL;
	const char *mac;

	if (hoster_job_look(j, &s, e))
		return -1;
	mac = json_str(s, "mac");
	/* What was there before is not ours, whatever the journal says. */
	if (!mac || (before && str_eqi(before, mac)))
		return 0;
	run_say(j->r, "  %s: removing the virtual MAC %s", j->h->title, mac);
	return hoster_mac_remove(j->c, j->address, e);
}

static int unmake_mac(struct run *r, struct err *e)
{
	_json_ json_t *o = run_object(r, "mac", NULL, NULL);
	bool again = o != NULL;

	while (again) {
		_conn_ struct job_conn j = {0};
		struct err own = {0};

		if (hoster_job_open(r, &j, &own) == 0 &&
			drop_mac(&j, &own) == 0)
			break;
		if (own.code == ERR_STOPPED) {
			*e = own;
			return -1;
		}
		if (by_hand(r, "mac_back",
			    N_("The new virtual MAC could not be removed. What "
			       "now?"),
			    &own, &again, e))
			return -1;
	}
	return o ? run_removed(r, "mac", json_str_or(o, "id", ""), e) : 0;
}

int hoster_job_unfinish(struct run *r, struct err *e)
{
	return drop_route(r, e) || unmake_mac(r, e) ? -1 : 0;
}

/* Until no task runs on it: what it points to then is the truth. */
static int calm(struct job_conn *j, json_t **state, struct err *e)
{
	double until =
		now_mono() + json_num(j->settings, "patience", j->h->patience);

	while (json_object_get(*state, "pending")) {
		if (now_mono() > until)
			return hoster_may_move(j->c, *state, j->to, e);
		json_decref(*state);
		*state = NULL;
		if (hoster_pause(j->c, e) || hoster_job_look(j, state, e))
			return -1;
	}
	return 0;
}

/* The MAC is as it was? If not, the old VM must be told the new one. */
static int tell_mac(struct job_conn *j, const json_t *made, struct err *e)
{
	const char *was = json_str(made, "mac");
	_free_ char *text = NULL;
	_json_ json_t *s = NULL;
	json_t *d;

	if (!was || hoster_job_look(j, &s, e))
		return was ? -1 : 0;
	if (str_eqi(json_str_or(s, "mac", ""), was))
		return 0;
	text = xasprintf(
		N_("the virtual MAC of %s was %s and is %s: make one of type "
		   "vmware (vmferry hoster mac %s --create --type vmware) and "
		   "set "
		   "it on the old VM's network card"),
		j->address, was, json_str_or(s, "mac", "gone"), j->address);
	run_say(j->r, "  %s", text);
	d = json_object();
	json_put_str(d, "text", text);
	return run_note(j->r, "note", d, e);
}

static int send_back(struct job_conn *j, const json_t *made, struct err *e)
{
	json_t *from = json_object_get(made, "server_from");
	_json_ json_t *s = NULL, *after = NULL;

	if (!from) {
		run_say(j->r, "  %s pointed nowhere before: it stays",
			j->address);
		return 0;
	}
	if (hoster_job_to(j, e) || hoster_job_look(j, &s, e) ||
		hoster_job_doubt(j, &s, e) || calm(j, &s, e))
		return -1;
	if (!hoster_job_stands(s, from)) {
		if (!hoster_job_stands(s, j->to))
			return hoster_job_astray(s, from, e);
		if (hoster_may_move(j->c, s, from, e) ||
			hoster_job_send(j, s, from, e) ||
			hoster_job_settle(j, from, false, &after, e))
			return -1;
	}
	run_say(j->r, "  %s points to %s again", j->address,
		hoster_job_name(from));
	return tell_mac(j, made, e);
}

int hoster_job_return(struct run *r, struct err *e)
{
	_json_ json_t *made = run_object(r, "address", NULL, NULL);
	bool again = made != NULL;

	while (again) {
		_conn_ struct job_conn j = {0};
		struct err own = {0};

		if (hoster_job_open(r, &j, &own) == 0 &&
			send_back(&j, made, &own) == 0)
			break;
		if (own.code == ERR_STOPPED) {
			*e = own;
			return -1;
		}
		if (by_hand(r, "address_back",
			    N_("The address could not be moved back to the old "
			       "server. What now?"),
			    &own, &again, e))
			return -1;
	}
	return made ? run_removed(r, "address", json_str_or(made, "id", ""), e)
		    : 0;
}
