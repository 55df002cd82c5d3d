/*
 * wire.c - the addresses in the lab's network, whose one routing table is the
 * hoster's router and the node at once.
 *
 * Keeps true, where --bridge was given: an address is unreachable while the
 * state sends it elsewhere.  At the node, where the hoster demands a MAC, it
 * is reached through the bridge, at that MAC and at no other; else it is
 * reached once the node itself has a route to it.  The node's main addresses
 * and the gateways are the bridge's.
 */
#include "hoster.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

extern char **environ;

static json_t *applied; /* address to what was done for it */

static void ip(const char *const args[])
{
	const char *argv[16] = {"ip"};
	int st = -1;
	pid_t pid;

	for (size_t i = 0; args[i] && i < 14; i++)
		argv[i + 1] = args[i];
	if (posix_spawnp(&pid, "ip", NULL, NULL, (char *const *)argv, environ))
		return;
	while (waitpid(pid, &st, 0) < 0 && errno == EINTR)
		;
	if (st)
		fprintf(stderr, "lab-hoster: ip %s %s %s failed\n", args[0],
			args[1], args[2]);
}

static void route(const char *what, const char *how, const char *address)
{
	ip((const char *[]){"route", what, how, address, NULL});
}

/* To the bridge, where frames go to that MAC only. */
static void to_bridge(const char *address, const char *mac)
{
	ip((const char *[]){
		"route", "replace", address, "dev", lab.bridge, NULL});
	ip((const char *[]){"neigh", "replace", address, "lladdr", mac, "dev",
		lab.bridge, "nud", "permanent", NULL});
}

/* To the node, whose own route (of the usual metric 0) leads further. */
static void to_node(const char *address, bool was_away)
{
	ip((const char *[]){"route", "replace", "unreachable", address,
		"metric", "4000", NULL});
	if (was_away)
		route("del", "unreachable", address);
}

static void at(void *arg, const char *address, bool here, const char *mac,
	bool needs_mac)
{
	bool reached = here && (mac || !needs_mac);
	auto_free char *now = fmt("%s",
		!reached            ? "away"
			: needs_mac ? mac
				    : "node");
	const char *was = js(applied, address);

	(void)arg;
	if (was && !strcmp(was, now))
		return;
	ip((const char *[]){"neigh", "flush", "to", address, "dev", lab.bridge,
		"nud", "all", NULL});
	if (!reached)
		route("replace", "unreachable", address);
	else if (needs_mac)
		to_bridge(address, mac);
	else
		to_node(address, was != NULL);
	js_set(applied, address, now);
}

static void address_add(const char *address)
{
	auto_free char *one = fmt("%s/32", address);

	ip((const char *[]){"addr", "replace", one, "dev", lab.bridge, NULL});
}

/* The node's main address and its gateway are there from the start. */
static void fixed_add(const struct hoster *h)
{
	const char *id;
	json_t *s;

	json_object_foreach (jo(state_of(h), "servers"), id, s)
		if (jt(s, "node"))
			address_add(js(s, "ip"));
	address_add(h->gateway(state_of(h)));
}

void wire_update(void)
{
	static const struct hoster *const all[] = {&ovh, &dedibox, &hetzner};
	bool first = !applied;

	if (!lab.bridge)
		return;
	applied = applied ? applied : json_object();
	for (size_t i = 0; i < 3; i++) {
		if (first)
			fixed_add(all[i]);
		all[i]->each(state_of(all[i]), at, NULL);
	}
}
