/* Hosters and an account at one of them: see hoster.h. */
#include "hoster_int.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "i18n.h"

#define X(name) extern const struct hoster hoster_##name;
#include "gen/hoster.h"
#undef X

const struct hoster *const hosters[] = {
#define X(name) &hoster_##name,
#include "gen/hoster.h"
#undef X
	NULL,
};

int hoster_find(const char *name, const struct hoster **out, struct err *e)
{
	_buf_ struct buf known = {0};

	for (size_t i = 0; hosters[i]; i++) {
		if (strcmp(hosters[i]->name, name) == 0) {
			*out = hosters[i];
			return 0;
		}
		buf_addf(&known, ", %s", hosters[i]->name);
	}
	return err_set(e, ERR_PLAN_BAD,
		"hoster.provider %s is not known: none%s", name, known.s);
}

const struct hoster *hoster_detect(const json_t *machine)
{
	const struct hoster *best = NULL;
	int top = 0;

	for (size_t i = 0; hosters[i]; i++) {
		int n = hosters[i]->detect ? hosters[i]->detect(machine) : 0;

		if (n > top) {
			top = n;
			best = hosters[i];
		}
	}
	return best;
}

/* --- an account --- */

int hoster_open(const struct hoster *h, const struct hoster_opts *o,
	struct hoster_conn **out, struct err *e)
{
	_hoster_ struct hoster_conn *c = xcalloc(1, sizeof(*c));
	struct http_opts ho = {.lost = ERR_HOSTER_CONNECT, .trust_arg = c};
	const char *url;

	if (!h->urls)
		return err_set(e, ERR_USAGE,
			"hoster %s has no API: its addresses are moved by hand",
			h->name);
	c->h = h;
	c->o = *o;
	url = hoster_setting(c, "url");
	if (hoster_endpoint(c, url ? url : h->urls[0], e))
		return -1;
	ho.host = c->host;
	ho.port = c->port;
	if (hoster_setting(c, "fingerprint"))
		ho.trust = hoster_trust;
	if (http_open(&ho, &c->http, e) || (h->begin && h->begin(c, e)))
		return err_in(e, "reach %s", h->title);
	*out = c;
	c = NULL;
	return 0;
}

void hoster_close(struct hoster_conn *c)
{
	if (!c)
		return;
	http_close(c->http);
	free(c->base);
	free(c->prefix);
	free(c->host);
	free(c);
}

void cleanup_hoster(struct hoster_conn **c)
{
	hoster_close(*c);
}

/* --- servers and addresses --- */

static bool has_text(const json_t *list, const char *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (strcmp(json_string_value(v), s) == 0)
			return true;
	return false;
}

int hoster_servers(struct hoster_conn *c, json_t **out, struct err *e)
{
	_json_ json_t *list = json_array(), *machine = hoster_machine(false);
	const json_t *local = json_object_get(machine, "addresses");
	json_t *s;
	size_t i;

	if (c->h->servers(c, list, e))
		return err_in(e, "list the servers at %s", c->h->title);
	json_array_foreach (list, i, s)
		if (has_text(local, json_str_or(s, "ip", "")))
			json_put_bool(s, "here", true);
	*out = json_incref(list);
	return 0;
}

int hoster_addresses(struct hoster_conn *c, json_t **out, struct err *e)
{
	_json_ json_t *list = json_array();

	if (c->h->addresses(c, list, e))
		return err_in(e, "list the addresses at %s", c->h->title);
	*out = json_incref(list);
	return 0;
}

static bool is_server(const json_t *s, const char *want, const char *ip)
{
	if (!want)
		return json_flag(s, "here", false) ||
			(ip && strcmp(json_str_or(s, "ip", ""), ip) == 0);
	return strcmp(json_str_or(s, "id", ""), want) == 0 ||
		strcmp(json_str_or(s, "name", ""), want) == 0 ||
		strcmp(json_str_or(s, "ip", ""), want) == 0;
}

int hoster_server(struct hoster_conn *c, const char *want, const char *ip,
	json_t **out, struct err *e)
{
	_json_ json_t *list = NULL;
	json_t *s, *found = NULL;
	size_t i;

	if (hoster_servers(c, &list, e))
		return -1;
	json_array_foreach (list, i, s) {
		if (!is_server(s, want, ip))
			continue;
		if (found)
			return err_set(e, ERR_HOSTER_TARGET,
				"%s is more than one server: give the id, as "
				"vmferry hoster list shows it",
				want ? want : N_("this machine"));
		found = s;
	}
	if (!found)
		return err_set(e, ERR_HOSTER_TARGET,
			want ? "%s is not a server of this account"
			     : N_("%s is no server of this account: name one "
				  "as "
				  "hoster.to"),
			want ? want : N_("this machine"));
	*out = json_incref(found);
	return 0;
}

/* --- an address --- */

int hoster_look(struct hoster_conn *c, const char *address, bool macs,
	json_t **state, struct err *e)
{
	_json_ json_t *s = json_object();

	json_put_str(s, "address", address);
	json_put_bool(s, "movable", true);
	if (c->h->look(c, address, s, e) ||
		(macs && c->h->look_mac && c->h->look_mac(c, s, e)))
		return err_in(
			e, "look where %s points at %s", address, c->h->title);
	*state = json_incref(s);
	return 0;
}

static bool same(
	const json_t *a, const char *ka, const json_t *b, const char *kb)
{
	const char *x = json_str(a, ka), *y = json_str(b, kb);

	return x && y && strcmp(x, y) == 0;
}

bool hoster_points(const json_t *state, const json_t *server)
{
	if (json_object_get(state, "pending"))
		return false;
	return same(state, "server", server, "id") ||
		same(state, "server_ip", server, "ip");
}

int hoster_may_move(struct hoster_conn *c, const json_t *state,
	const json_t *server, struct err *e)
{
	const json_t *p = json_object_get(state, "pending");
	const char *unit = json_str_or(state, "unit", "?");

	if (p)
		err_set(e, ERR_HOSTER_BUSY, "task %s on %s is %s",
			json_str_or(p, "task", "(unnamed)"), unit,
			json_str_or(p, "status", "running"));
	else if (!json_flag(state, "movable", true))
		err_set(e, ERR_HOSTER_TARGET,
			"%s is bound to its server and never moves", unit);
	else if (c->h->may_move(c, state, server, e) == 0)
		return 0;
	return err_in(e, "check that %s can move to %s", unit,
		json_str_or(server, "name", "?"));
}

int hoster_move(struct hoster_conn *c, const json_t *state,
	const json_t *server, char **task, struct err *e)
{
	char *id = NULL;

	if (c->h->move(c, state, server, &id, e)) {
		free(id);
		return err_in(e, "move %s to %s",
			json_str_or(state, "unit", "?"),
			json_str_or(server, "name", "?"));
	}
	if (task)
		*task = id;
	else
		free(id);
	return 0;
}

/* --- following --- */

/* Errors that may pass by themselves while we wait. */
static bool passing(const struct err *e)
{
	return e->code == ERR_HOSTER_CONNECT || e->code == ERR_TIMEOUT ||
		e->code == ERR_HOSTER_RATE || e->code == ERR_HOSTER_DOWN ||
		e->code == ERR_HOSTER_BUSY;
}

static int still_there(const struct hoster_conn *c, const struct hoster_wait *w,
	const json_t *s, struct err *e)
{
	(void)c;
	return err_set(e, ERR_HOSTER_UNSURE,
		"%s still points to %s, and no task runs on it", w->address,
		json_str_or(
			s, "server", json_str_or(s, "server_ip", "nothing")));
}

/* 1 there, 0 not yet, -1 it will not come. *idle: looks that saw nothing
 * under way. */
static int look_once(struct hoster_conn *c, const struct hoster_wait *w,
	unsigned *idle, json_t **state, struct err *e)
{
	json_t *s;

	if (hoster_look(c, w->address, false, &s, e))
		return passing(e) ? 0 : -1;
	json_decref(*state);
	*state = s;
	if (hoster_points(s, w->server))
		return 1;
	if (json_object_get(s, "pending")) {
		*idle = 0;
		return 0;
	}
	if (w->task && c->h->task && c->h->task(c, s, w->task, e))
		return passing(e) ? 0 : -1;
	if (w->unsure && ++*idle >= c->h->grace)
		return still_there(c, w, s, e);
	return 0;
}

int hoster_settle(struct hoster_conn *c, const struct hoster_wait *w,
	json_t **state, struct err *e)
{
	double patience = json_num(c->o.settings, "patience", c->h->patience);
	double began = now_mono();
	_json_ json_t *s = NULL;
	unsigned idle = 0;

	for (;;) {
		struct err own = {0};
		int rc = look_once(c, w, &idle, &s, &own);
		double waited = now_mono() - began;

		if (rc > 0) {
			*state = json_incref(s);
			return 0;
		}
		if (rc == 0 && w->watch)
			w->watch(w->arg, s, waited);
		if (rc == 0 && waited + c->wait > patience && !own.code)
			err_set(&own, ERR_TIMEOUT,
				"%s does not point to %s after %.0f s",
				w->address, json_str_or(w->server, "name", "?"),
				waited);
		if (rc < 0 || (own.code && waited + c->wait > patience)) {
			if (e)
				*e = own;
			return -1;
		}
		if (hoster_pause(c, e))
			return -1;
	}
}

/* --- virtual MAC --- */

/* Look until there is a MAC, or none. The newest state in *state. */
static int wait_mac(struct hoster_conn *c, const char *address, bool want,
	unsigned looks, json_t **state, struct err *e)
{
	double patience = json_num(c->o.settings, "patience", c->h->patience);
	double began = now_mono();

	for (unsigned n = 1;; n++) {
		_json_ json_t *s = NULL;
		struct err own = {0};
		int rc = hoster_look(c, address, true, &s, &own);

		if (rc == 0 && want == (json_str(s, "mac") != NULL)) {
			*state = json_incref(s);
			return 0;
		}
		if (rc && !passing(&own)) {
			if (e)
				*e = own;
			return -1;
		}
		if ((looks && n >= looks) ||
			now_mono() - began + c->wait > patience) {
			enum err_code code =
				looks ? ERR_HOSTER_UNSURE : ERR_TIMEOUT;

			return want
				? err_set(e, code,
					  "the virtual MAC of %s does not "
					  "appear",
					  address)
				: err_set(e, code,
					  "the virtual MAC of %s does not go "
					  "away",
					  address);
		}
		if (hoster_pause(c, e))
			return -1;
	}
}

/*
 * Ask for a MAC (want), or for its end, unless it is so already. While a task
 * is in the way the request is refused, so making it again makes it once.
 * *looks: how often to look for what may have been lost; 0: it was taken.
 */
static int ask_mac(struct hoster_conn *c, const char *address, bool want,
	const char *type, const char *name, unsigned *looks, struct err *e)
{
	double patience = json_num(c->o.settings, "patience", c->h->patience);
	double began = now_mono();
	unsigned gone = 0;

	for (;;) {
		_json_ json_t *s = NULL;
		struct err own = {0};

		if (hoster_look(c, address, true, &s, e))
			return -1;
		if (want == (json_str(s, "mac") != NULL))
			return 0;
		if ((want ? c->h->mac_add(c, s, type, name, &own)
			  : c->h->mac_remove(c, s, &own)) == 0)
			return 0;
		*looks = c->h->grace;
		if (own.code == ERR_HOSTER_UNSURE)
			return 0;
		/* An earlier request's task ended it since the look. */
		if (!want && own.code == ERR_HOSTER_NOT_FOUND &&
			gone++ < c->h->grace) {
			if (hoster_pause(c, e))
				return -1;
			continue;
		}
		if (own.code != ERR_HOSTER_BUSY ||
			now_mono() - began > patience) {
			if (e)
				*e = own;
			return want ? err_in(e, "make a virtual MAC for %s",
					      address)
				    : err_in(e, "remove the virtual MAC of %s",
					      address);
		}
		*looks = 0;
		if (hoster_pause(c, e))
			return -1;
	}
}

int hoster_mac_add(struct hoster_conn *c, const char *address, const char *type,
	const char *name, char **mac, struct err *e)
{
	_json_ json_t *after = NULL;
	unsigned looks = 0;

	if (!c->h->mac_types)
		return err_set(e, ERR_HOSTER_MAC,
			"%s gives no virtual MACs for such addresses: the "
			"guest is set up routed",
			c->h->title);
	if (ask_mac(c, address, true, type ? type : c->h->mac_types[0], name,
		    &looks, e))
		return -1;
	if (c->o.dry)
		return 0;
	if (wait_mac(c, address, true, looks, &after, e))
		return -1;
	*mac = xstrdup(json_str(after, "mac"));
	return 0;
}

int hoster_mac_remove(struct hoster_conn *c, const char *address, struct err *e)
{
	_json_ json_t *after = NULL;
	unsigned looks = 0;

	if (ask_mac(c, address, false, NULL, NULL, &looks, e))
		return -1;
	return c->o.dry ? 0 : wait_mac(c, address, false, looks, &after, e);
}

/* --- the guest, the key --- */

int hoster_pattern(struct hoster_conn *c, const json_t *state,
	const json_t *server, json_t **out, struct err *e)
{
	_json_ json_t *p = json_object();

	if (c->h->pattern(c, state, server, p, e))
		return err_in(e, "tell the guest network at %s", c->h->title);
	*out = json_incref(p);
	return 0;
}

int hoster_login(struct hoster_conn *c, char **key, char **url, struct err *e)
{
	if (!c->h->login)
		return err_set(e, ERR_USAGE,
			"the key for %s is made by hand: vmferry hoster help "
			"%s",
			c->h->title, c->h->name);
	return c->h->login(c, key, url, e);
}
