/*
 * `vmferry hoster`: addresses at a hosting provider, by hand and for the
 * wizard. With --dry-run each request is told, and none that changes
 * something is sent.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "../hoster.h"
#include "../hoster_show.h"
#include "../i18n.h"
#include "../kept.h"
#include "../verb.h"

struct args {
	const char *provider, *secrets, *type, *name, *remove;
	bool json, dry, create, whole;
	json_t *settings;
	struct secrets *store;
	const struct hoster *h;
	char **rest; /* words behind the sub-verb */
	int n_rest;
	struct out *out;
};

enum {
	O_PROVIDER = 256,
	O_SECRETS,
	O_URL,
	O_CERT,
	O_POLL,
	O_GATEWAY,
	O_JSON,
	O_DRY,
	O_CREATE,
	O_REMOVE,
	O_TYPE,
	O_NAME,
	O_WHOLE
};

static const struct option longopts[] = {
	{"provider", required_argument, NULL, O_PROVIDER},
	{"secrets", required_argument, NULL, O_SECRETS},
	{"url", required_argument, NULL, O_URL},
	{"accept-cert", required_argument, NULL, O_CERT},
	{"poll", required_argument, NULL, O_POLL},
	{"routed", required_argument, NULL, O_GATEWAY},
	{"json", no_argument, NULL, O_JSON},
	{"dry-run", no_argument, NULL, O_DRY},
	{"create", no_argument, NULL, O_CREATE},
	{"remove", required_argument, NULL, O_REMOVE},
	{"type", required_argument, NULL, O_TYPE},
	{"name", required_argument, NULL, O_NAME},
	{"whole", no_argument, NULL, O_WHOLE},
	{0},
};

static int take(struct args *a, int c)
{
	switch (c) {
	case O_PROVIDER:
		a->provider = optarg;
		return 0;
	case O_SECRETS:
		a->secrets = optarg;
		return 0;
	case O_URL:
		json_put_str(a->settings, "url", optarg);
		return 0;
	case O_CERT:
		json_put_str(a->settings, "fingerprint", optarg);
		return 0;
	case O_POLL:
		json_put(a->settings, "poll", json_real(strtod(optarg, NULL)));
		return 0;
	case O_GATEWAY:
		json_put_str(a->settings, "network", "routed");
		json_put_str(a->settings, "gateway", optarg);
		return 0;
	case O_JSON:
		a->json = true;
		return 0;
	case O_DRY:
		a->dry = true;
		return 0;
	case O_CREATE:
		a->create = true;
		return 0;
	case O_REMOVE:
		a->remove = optarg;
		return 0;
	case O_TYPE:
		a->type = optarg;
		return 0;
	case O_NAME:
		a->name = optarg;
		return 0;
	case O_WHOLE:
		a->whole = true;
		return 0;
	default:
		return -1;
	}
}

/* The named provider, else the one this machine seems to stand at. */
static int find_provider(struct args *a, struct err *e)
{
	_json_ json_t *machine = NULL;

	if (a->provider)
		return hoster_find(a->provider, &a->h, e);
	machine = hoster_machine(true);
	a->h = hoster_detect(machine);
	if (!a->h)
		return err_set(e, ERR_USAGE,
			"which hoster this machine stands at cannot be told: "
			"--provider NAME (vmferry hoster help lists them)");
	out_notef(a->out, "this machine seems to stand at %s", a->h->title);
	return 0;
}

static void tell(void *arg, const char *line)
{
	out_f(arg, "%s\n", line);
}

static int open_account(struct args *a, struct hoster_conn **c, struct err *e)
{
	struct hoster_opts o = {
		.settings = a->settings, .secrets = a->store, .dry = a->dry};

	if (a->dry) {
		o.say = tell;
		o.arg = a->out;
	}
	if (find_provider(a, e))
		return -1;
	if (a->secrets && secrets_load(a->store, a->secrets, e))
		return -1;
	return hoster_open(a->h, &o, c, e);
}

static void put_json(struct args *a, const json_t *j)
{
	_free_ char *text = json_pretty(j);

	out_puts(a->out, text);
}

/* --- list --- */

static int list(struct args *a, struct err *e)
{
	_hoster_ struct hoster_conn *c = NULL;
	_json_ json_t *all = json_object();
	json_t *servers, *addresses;

	if (open_account(a, &c, e) || hoster_servers(c, &servers, e))
		return -1;
	json_put_str(all, "provider", a->h->name);
	json_put_str(all, "title", a->h->title);
	json_put(all, "servers", servers);
	if (hoster_addresses(c, &addresses, e))
		return -1;
	json_put(all, "addresses", addresses);
	if (a->json)
		put_json(a, all);
	else
		hoster_show_list(a->out, all);
	return 0;
}

/* --- show --- */

static int show(struct args *a, struct err *e)
{
	_hoster_ struct hoster_conn *c = NULL;
	_json_ json_t *s = NULL, *server = NULL;
	json_t *pattern;

	if (a->n_rest < 1 || a->n_rest > 2)
		return verb_usage(&verb_hoster, e);
	if (open_account(a, &c, e) || hoster_look(c, a->rest[0], true, &s, e))
		return -1;
	if (a->n_rest == 2) {
		const char *to = a->rest[1];

		if (hoster_server(c, strcmp(to, "here") ? to : NULL, NULL,
			    &server, e) ||
			hoster_may_move(c, s, server, e) ||
			hoster_pattern(c, s, server, &pattern, e))
			return -1;
		json_put(s, "pattern", pattern);
		json_object_set(s, "to", server);
	}
	if (a->json) {
		put_json(a, s);
		return 0;
	}
	hoster_show_state(a->out, s);
	if (server) {
		_free_ char *dns = json_join(json_at(s, "pattern.dns"));

		out_linef(a->out, "  can move to  %s",
			json_str_or(server, "name", "?"));
		out_linef(a->out, "  there        %s, %s, gateway %s, DNS %s",
			json_string_value(json_at(s, "pattern.mode")),
			json_string_value(json_at(s, "pattern.address")),
			json_string_value(json_at(s, "pattern.gateway")), dns);
	}
	return 0;
}

/* --- move --- */

static void watch(void *arg, const json_t *state, double waited)
{
	const json_t *p = json_object_get(state, "pending");

	out_notef(arg, "%.0f s: %s", waited,
		p ? json_str_or(p, "status", "running") : "not there yet");
}

static int alone(struct args *a, const json_t *s, struct err *e)
{
	_free_ char *others = json_join(json_object_get(s, "others"));

	if (!*others || a->whole)
		return 0;
	return err_set(e, ERR_USAGE,
		"%s moves as a whole, and %s with it: give --whole if that is "
		"meant",
		json_str_or(s, "unit", "?"), others);
}

static int move(struct args *a, struct err *e)
{
	_hoster_ struct hoster_conn *c = NULL;
	_json_ json_t *s = NULL, *server = NULL, *after = NULL;
	_free_ char *task = NULL;
	struct hoster_wait w = {.watch = watch, .arg = a->out};

	if (a->n_rest != 2)
		return verb_usage(&verb_hoster, e);
	if (open_account(a, &c, e) || hoster_look(c, a->rest[0], true, &s, e) ||
		hoster_server(c, a->rest[1], NULL, &server, e))
		return -1;
	if (!hoster_points(s, server)) {
		struct err own = {0};

		if (hoster_may_move(c, s, server, e) || alone(a, s, e))
			return -1;
		if (hoster_move(c, s, server, &task, &own)) {
			w.unsure = own.code == ERR_HOSTER_UNSURE;
			if (!w.unsure && e)
				*e = own;
			if (!w.unsure)
				return -1;
		}
		if (a->dry)
			return 0;
		w.address = a->rest[0];
		w.server = server;
		w.task = task;
		if (hoster_settle(c, &w, &after, e))
			return -1;
	}
	out_linef(a->out, "%s points to %s", json_str_or(s, "unit", "?"),
		json_str_or(server, "name", "?"));
	return 0;
}

/* --- mac --- */

static int mac_remove(
	struct args *a, struct hoster_conn *c, const json_t *s, struct err *e)
{
	const char *mac = json_str_or(s, "mac", "none");

	if (!str_eqi(mac, a->remove))
		return err_set(e, ERR_USAGE, "the virtual MAC of %s is %s",
			a->rest[0], mac);
	if (hoster_mac_remove(c, a->rest[0], e))
		return -1;
	if (!a->dry)
		out_linef(a->out, "%s: %s is gone", a->rest[0], mac);
	return 0;
}

static int mac(struct args *a, struct err *e)
{
	_hoster_ struct hoster_conn *c = NULL;
	_json_ json_t *s = NULL;
	_free_ char *made = NULL;

	if (a->n_rest != 1 || (a->create && a->remove))
		return verb_usage(&verb_hoster, e);
	if (open_account(a, &c, e) || hoster_look(c, a->rest[0], true, &s, e))
		return -1;
	if (a->remove)
		return mac_remove(a, c, s, e);
	if (a->create &&
		hoster_mac_add(c, a->rest[0], a->type, a->name, &made, e))
		return -1;
	if (a->create && a->dry)
		return 0;
	if (a->json) {
		json_put_str(s, "mac", made ? made : json_str(s, "mac"));
		put_json(a, s);
		return 0;
	}
	out_linef(a->out, "%s", made ? made : json_str_or(s, "mac", "none"));
	return 0;
}

/* --- keys --- */

static int login(struct args *a, struct err *e)
{
	_hoster_ struct hoster_conn *c = NULL;
	_wipe_ char *key = NULL;
	_free_ char *url = NULL;
	bool was;

	if (!a->secrets || str_starts(a->secrets, "fd:"))
		return err_set(e, ERR_USAGE,
			"vmferry hoster login --secrets FILE: the key is added "
			"to that file");
	if (open_account(a, &c, e) || hoster_login(c, &key, &url, e))
		return -1;
	if (!key)
		return 0;
	if (kept_change(a->secrets, "hoster.consumer_key", key, &was, e))
		return -1;
	out_f(a->out,
		"Open this page, log in, choose how long the key "
		"lives, confirm:\n  %s\nThen: vmferry hoster list "
		"--provider %s --secrets %s\n",
		url, a->h->name, a->secrets);
	return 0;
}

static int help(struct args *a, struct err *e)
{
	const struct hoster *h;

	if (a->n_rest > 1)
		return verb_usage(&verb_hoster, e);
	if (a->n_rest == 1) {
		if (hoster_find(a->rest[0], &h, e))
			return -1;
		hoster_show_help(a->out, h);
		return 0;
	}
	for (size_t i = 0; hosters[i]; i++)
		hoster_show_help(a->out, hosters[i]);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct args *a, struct err *e);
} subs[] = {{"list", list}, {"show", show}, {"move", move}, {"mac", mac},
	{"login", login}, {"help", help}};

static int dispatch(struct args *a, int argc, char **argv, struct err *e)
{
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1)
		if (take(a, c))
			return verb_usage(&verb_hoster, e);
	if (optind >= argc)
		return verb_usage(&verb_hoster, e);
	a->rest = argv + optind + 1;
	a->n_rest = argc - optind - 1;
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		if (strcmp(subs[i].name, argv[optind]) == 0)
			return subs[i].run(a, e);
	return verb_usage(&verb_hoster, e);
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	_secrets_ struct secrets *store = secrets_new();
	_json_ json_t *settings = json_object();
	struct args a = {.settings = settings, .store = store, .out = o};

	return dispatch(&a, argc, argv, e);
}

const struct verb verb_hoster = {
	.name = "hoster",
	.args = "list | show ADDRESS [SERVER|here] | move ADDRESS SERVER "
		"[--whole] "
		"| mac ADDRESS [--create [--type TYPE] [--name VM] | --remove "
		"MAC] | login | help [PROVIDER] | ... [--provider NAME] "
		"[--secrets FILE] [--url URL] [--accept-cert FINGERPRINT] "
		"[--poll SECONDS] [--dry-run] [--json]",
	.help = N_(
		"failover IPs and virtual MACs at OVHcloud, Dedibox, Hetzner"),
	.run = run,
};
