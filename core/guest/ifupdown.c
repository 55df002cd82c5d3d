/*
 * /etc/network/interfaces (ifupdown, ifupdown2, ifupdown-ng, busybox; so
 * Alpine too). Lines are changed one by one; comments, order, blanks and all
 * that is not about the address stay as they are. What already is as wanted
 * is not touched.
 */
#include "eni.h"

#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"

/* A file left behind by a release that went to netplan is not read any more:
 * ifup is gone. */
static bool active(struct guest *g)
{
	static const char *const ifup[] = {
		"/sbin/ifup", "/usr/sbin/ifup", "/bin/ifup", "/usr/bin/ifup"};

	for (size_t i = 0; i < ARRAY_LEN(ifup); i++)
		if (guest_has(g, ifup[i]))
			return guest_has(g, ENI_MAIN);
	return false;
}

/* --- one stanza, rewritten --- */

struct edit {
	struct text t;
	struct eni_stanza s;
	const struct net_goal *goal;
	char indent[16];
	struct addr old; /* prefix 32 where none was given */
	bool had, masked;
	char gateway[64]; /* the old one, or "" */
};

static void insert(struct edit *w, size_t at, const char *key, const char *val)
{
	_free_ char *line = xasprintf("%s%s %s", w->indent, key, val);

	text_insert(&w->t, at, line);
	w->s.end++;
}

/* The blanks between word and value stay as they are, and a comment behind. */
static void set_value(struct edit *w, const struct eni_line *l, const char *val)
{
	const char *s = w->t.line[l->at].s;
	size_t n = strspn(s, " \t");
	_free_ char *line = NULL;

	n += strlen(l->word);
	n += strspn(s + n, " \t");
	if (n == strlen(s) || l->n > 1)
		line = xasprintf("%s%s %s", w->indent, l->word, val);
	else
		line = xasprintf("%.*s%s%s", (int)n, s, val,
			strchr(s + n + strlen(l->rest), '#')
				? s + n + strlen(l->rest)
				: "");
	text_remove(&w->t, l->at + 1, l->n - 1);
	w->s.end -= l->n - 1;
	text_set(&w->t, l->at, line);
}

static void put(struct edit *w, const char *key, const char *val)
{
	_eni_line_ struct eni_line l = {0};

	if (!eni_option(&w->t, &w->s, key, 0, &l))
		insert(w, w->s.end, key, val);
	else if (strcmp(l.rest, val))
		set_value(w, &l, val);
}

static bool has(struct edit *w, const char *key)
{
	_eni_line_ struct eni_line l = {0};

	return eni_option(&w->t, &w->s, key, 0, &l);
}

static void drop(struct edit *w, const char *key, size_t keep)
{
	_eni_line_ struct eni_line l = {0};

	while (eni_option(&w->t, &w->s, key, keep, &l)) {
		text_remove(&w->t, l.at, l.n);
		w->s.end -= l.n;
	}
}

static void make_static(struct edit *w)
{
	_eni_line_ struct eni_line l = {0};
	_free_ char *to = xasprintf("%s inet static", w->s.name);

	if (!*w->s.method || strcmp(w->s.method, "static") == 0)
		return;
	eni_line(&w->t, w->s.first, &l);
	set_value(w, &l, to);
}

/* "netmask", "network" and "broadcast" where the stanza has them. */
static void put_masks(struct edit *w)
{
	const struct addr *a = &w->goal->addr;
	uint32_t m = addr_netmask(a->prefix);
	_eni_line_ struct eni_line l = {0};
	char ip[ADDR_LEN];

	if (eni_option(&w->t, &w->s, "netmask", 0, &l) &&
		!strchr(l.rest, '.')) {
		snprintf(ip, sizeof(ip), "%u", a->prefix);
		put(w, "netmask", ip);
	} else if (l.word) {
		put(w, "netmask", addr_text(ip, m));
	}
	if (has(w, "network"))
		put(w, "network", addr_text(ip, a->ip & m));
	/* "broadcast +" and "-" are worked out by ifup. */
	if (eni_option(&w->t, &w->s, "broadcast", 0, &l) && net_is_v4(l.rest))
		put(w, "broadcast", addr_text(ip, a->ip | ~m));
}

/* A prefix behind the address where the file has it there; else the two-line
 * form, which every release reads. */
static void put_address(struct edit *w)
{
	const struct addr *a = &w->goal->addr;
	char full[NET_ADDR_LEN], ip[ADDR_LEN];
	_eni_line_ struct eni_line l = {0};
	bool slash = eni_option(&w->t, &w->s, "address", 0, &l) &&
		strchr(l.rest, '/');

	make_static(w);
	slash |= !*w->s.family;
	if (slash)
		put(w, "address", net_addr_text(full, a));
	else
		put(w, "address", addr_text(ip, a->ip));
	if (!slash && !has(w, "netmask"))
		put(w, "netmask", addr_text(ip, addr_netmask(a->prefix)));
	put_masks(w);
}

/* Hooks that name the old address or gateway name the new one. */
static void swap_hooks(struct edit *w)
{
	_eni_line_ struct eni_line l = {0};
	char was[ADDR_LEN], is[ADDR_LEN];

	addr_text(was, w->old.ip);
	addr_text(is, w->goal->addr.ip);
	for (size_t at = w->s.first; at < w->s.end; at += l.n) {
		eni_line(&w->t, at, &l);
		if (!eni_is_hook(l.word))
			continue;
		if (w->had)
			text_swap_lines(&w->t, at, l.n, was, is);
		if (*w->gateway && w->goal->gateway)
			text_swap_lines(
				&w->t, at, l.n, w->gateway, w->goal->gateway);
	}
}

/* Where the hooks begin that set a default route, 0: there are none; host
 * true: one makes the gateway known as on the link. */
static size_t default_hook(struct edit *w, bool *host)
{
	_eni_line_ struct eni_line l = {0};
	size_t first = 0;

	*host = false;
	for (size_t at = w->s.first; at < w->s.end; at += l.n) {
		_free_ char *seen = NULL;

		eni_line(&w->t, at, &l);
		if (!eni_is_hook(l.word) || str_starts(l.word, "down") ||
			strstr(l.word, "-down"))
			continue;
		seen = text_swap(l.rest, w->goal->gateway, "x");
		if (!seen || strstr(l.rest, " table "))
			continue;
		if (!strstr(l.rest, "default") && !strstr(l.rest, "0.0.0.0"))
			*host = true;
		else if (!first)
			first = at;
	}
	return first;
}

/* A gateway outside the network: pointopoint for a single address (every
 * ifup reads it), else host routes. */
static void put_far_gateway(struct edit *w)
{
	const char *gw = w->goal->gateway;
	_free_ char *route = xasprintf("ip route add %s dev %s", gw, w->s.name);
	_free_ char *via =
		xasprintf("ip route add default via %s dev %s", gw, w->s.name);
	bool host;
	size_t at = default_hook(w, &host);

	if (w->goal->addr.prefix == 32 && (!at || has(w, "gateway"))) {
		put(w, "pointopoint", gw);
		put(w, "gateway", gw);
		return;
	}
	drop(w, "gateway", 0);
	drop(w, "pointopoint", 0);
	at = default_hook(w, &host);
	if (!host)
		insert(w, at ? at : w->s.end, "post-up", route);
	if (!at)
		insert(w, w->s.end, "post-up", via);
}

static void put_gateway(struct edit *w)
{
	bool host;

	if (net_far(w->goal)) {
		put_far_gateway(w);
		return;
	}
	drop(w, "pointopoint", 0);
	if (has(w, "gateway") || !default_hook(w, &host))
		put(w, "gateway", w->goal->gateway);
}

static void put_dns(struct edit *w)
{
	_free_ char *old = eni_dns(&w->t, &w->s);

	if (old && strcmp(old, w->goal->dns) == 0)
		return;
	drop(w, "dns-nameserver", 0);
	drop(w, "dns-nameservers", 1);
	put(w, "dns-nameservers", w->goal->dns);
}

static void rewrite(struct edit *w)
{
	const struct net_goal *g = w->goal;
	bool same_addr = w->had && w->old.ip == g->addr.ip &&
		w->old.prefix == g->addr.prefix;
	bool same_gw = !g->gateway || strcmp(w->gateway, g->gateway) == 0;

	if (!same_addr)
		put_address(w);
	if (!same_addr || !same_gw)
		swap_hooks(w);
	if (g->gateway && (!same_addr || !same_gw))
		put_gateway(w);
	if (g->dns)
		put_dns(w);
}

/* The option lines of the stanza say how far they are indented. */
static void look(struct edit *w)
{
	_eni_line_ struct eni_line l = {0};

	w->had = eni_address(&w->t, &w->s, &w->old, &w->masked) == 0;
	eni_gateway(&w->t, &w->s, w->gateway);
	snprintf(w->indent, sizeof(w->indent), "    ");
	eni_line(&w->t, w->s.first, &l);
	for (size_t at = w->s.first + l.n; at < w->s.end; at += l.n) {
		const char *s = w->t.line[at].s;

		eni_line(&w->t, at, &l);
		if (!*l.word || strspn(s, " \t") >= sizeof(w->indent))
			continue;
		snprintf(w->indent, sizeof(w->indent), "%.*s",
			(int)strspn(s, " \t"), s);
		return;
	}
}

/* --- which stanza --- */

/* How well a stanza fits: one with an address and a way out before one with
 * an address, before one without. 0: not the one. */
static int fits(
	const struct text *t, const struct eni_stanza *s, const char *name)
{
	char gateway[64];
	struct addr a;
	bool masked;

	if (strcmp(s->name, name) || strcmp(s->family, "inet6") == 0)
		return 0;
	if (eni_address(t, s, &a, &masked))
		return strcmp(s->method, "dhcp") ? 1 : 2;
	eni_gateway(t, s, gateway);
	return *gateway ? 4 : 3;
}

static int best(const struct text *t, const char *name, struct eni_stanza *out)
{
	struct eni_stanza s;
	int top = 0;

	for (size_t at = 0; eni_stanza(t, &at, &s);) {
		int f = fits(t, &s, name);

		if (f <= top)
			continue;
		top = f;
		*out = s;
	}
	return top;
}

/* Among all files; null where none has one. */
static const char *best_file(struct guest *g, const struct guest_changes *cs,
	const json_t *files, const char *name)
{
	const char *path = NULL;
	const json_t *v;
	int top = 0;
	size_t i;

	json_array_foreach (files, i, v) {
		_free_ char *s = guest_future(g, cs, json_string_value(v));
		_text_ struct text t = {0};
		struct eni_stanza st;
		int f;

		text_open(&t, s ? s : "");
		f = best(&t, name, &st);
		if (f <= top)
			continue;
		top = f;
		path = json_string_value(v);
	}
	return path;
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = eni_files(g);
	const char *path = best_file(g, cs, files, name);
	_free_ char *before = path ? guest_future(g, cs, path) : NULL;
	_free_ char *after = NULL, *why = NULL;
	struct edit w = {.goal = goal};

	if (!before)
		return false;
	text_open(&w.t, before);
	best(&w.t, name, &w.s);
	look(&w);
	rewrite(&w);
	after = text_join(&w.t);
	text_free(&w.t);
	why = xasprintf(N_("%s gets its new address."), name);
	if (strcmp(after, before))
		guest_change_add(g, cs, path, after, 0644, why);
	if (goal->dns)
		resolv_change(g, goal->dns, cs);
	return true;
}

const struct net_stack net_ifupdown = {
	.name = "ifupdown",
	.active = active,
	.facts = eni_facts,
	.change = change,
};
