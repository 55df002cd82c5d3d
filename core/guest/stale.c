/*
 * What still speaks of the network a guest has left: static routes, a gateway
 * in a file that no stack of ours writes, name servers. Nothing is changed: a
 * route may be wanted still. It is said, by file and line, because a wrong one
 * is found at two in the morning else.
 */
#include <string.h>

#include "../str.h"
#include "network.h"

struct stale {
	struct addr old;     /* the address before; ip 0: had none */
	struct addr gateway; /* the way out before; ip 0: had none, or kept */
	struct addr now;
	bool moved; /* into another network */
};

static bool is_stale(const struct stale *s, uint32_t ip)
{
	if (ip == s->now.ip)
		return false;
	return ip == s->old.ip || (s->gateway.ip && ip == s->gateway.ip) ||
		(s->moved && addr_inside(&s->old, ip));
}

/* The next address in a line from *at on; false: none. */
static bool next_addr(const char *line, size_t *at, struct addr *a)
{
	const char *digits = "0123456789";

	for (const char *p = line + *at; *(p += strcspn(p, digits));) {
		size_t len = strspn(p, "0123456789.");
		char text[ADDR_LEN];

		*at = (size_t)(p - line) + len;
		if (len < sizeof(text)) {
			memcpy(text, p, len);
			text[len] = '\0';
			if (addr_parse(text, a) == 0)
				return true;
		}
		p += len;
	}
	return false;
}

static void look_at_line(const struct stale *s, const char *path, size_t number,
	const char *line, struct guest_changes *cs)
{
	char text[ADDR_LEN];
	struct addr a;
	size_t at = 0;

	if (strchr("#;!", line[strspn(line, " \t")]))
		return;
	while (next_addr(line, &at, &a)) {
		if (!is_stale(s, a.ip))
			continue;
		guest_left(cs,
			"%s, line %zu still names %s of the network the VM "
			"leaves: look whether it is needed",
			path, number, addr_text(text, a.ip));
		return;
	}
}

static void look_at(struct guest *g, const struct stale *s, const char *path,
	struct guest_changes *cs)
{
	_free_ char *now = guest_future(g, cs, path);
	_text_ struct text t = {0};

	text_open(&t, now ? now : "");
	for (size_t i = 0; i < t.n; i++)
		look_at_line(s, path, i + 1, t.line[i].s, cs);
}

/* The files of the stacks, and what start-up reads beside them; once each. */
static json_t *paths(struct guest *g, const json_t *net)
{
	static const char *const more[] = {"/etc/sysconfig/network",
		"/etc/sysconfig/static-routes", "/etc/sysconfig/network/routes",
		"/etc/rc.local", "/etc/rc.d/rc.local", "/etc/rc.conf"};
	static const struct {
		const char *dir, *start;
	} dirs[] = {{"/etc/sysconfig/network-scripts", "/route-"},
		{"/etc/sysconfig/network", "/ifroute-"}};
	json_t *set = json_object();
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(net, "files"), i, v)
		json_put_bool(set, json_string_value(v), true);
	for (size_t k = 0; k < ARRAY_LEN(more); k++)
		json_put_bool(set, more[k], true);
	for (size_t k = 0; k < ARRAY_LEN(dirs); k++) {
		_json_ json_t *all = guest_files(g, dirs[k].dir, "");

		json_array_foreach (all, i, v)
			if (str_starts(
				    json_string_value(v) + strlen(dirs[k].dir),
				    dirs[k].start))
				json_put_bool(set, json_string_value(v), true);
	}
	return set;
}

void stale_tell(struct guest *g, const json_t *net, const json_t *c,
	const struct net_goal *goal, struct guest_changes *cs)
{
	struct stale s = {.now = goal->addr};
	_json_ json_t *set = paths(g, net);
	const char *path;
	const json_t *v;

	if (addr_parse(json_str_or(c, "address", ""), &s.old))
		return;
	/* A network wider than any site's would take in strangers. */
	s.moved = s.old.prefix >= 8 && s.old.ip != s.now.ip &&
		!addr_inside(&s.old, s.now.ip);
	if (goal->gateway &&
		strcmp(json_str_or(c, "gateway", ""), goal->gateway) &&
		addr_parse(json_str_or(c, "gateway", ""), &s.gateway))
		s.gateway.ip = 0;
	json_object_foreach ((json_t *)set, path, v)
		look_at(g, &s, path, cs);
}
