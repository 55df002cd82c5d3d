/* Shared by ifcfg.c and suse.c: see sysconfig.h. */
#include "sysconfig.h"

#include <stdlib.h>
#include <string.h>

#include "../str.h"

static bool is_read(const char *name)
{
	static const char *const not_read[] = {
		"~", ".bak", ".orig", ".old", ".rpmsave", ".rpmnew", ".swp"};

	if (!str_starts(name, "ifcfg-") || strcmp(name, "ifcfg-lo") == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(not_read); i++)
		if (str_ends(name, not_read[i]))
			return false;
	return strcmp(name, "ifcfg-template") != 0;
}

json_t *sysconfig_files(struct guest *g, const char *dir)
{
	_json_ json_t *names = g->ops->list(g, dir);
	json_t *files = json_array(), *v;
	size_t i;

	json_array_foreach (names, i, v) {
		_free_ char *path = path_join(dir, json_string_value(v));

		if (is_read(json_string_value(v)))
			json_array_append_new(files, json_text(path));
	}
	return files;
}

static char *value(const struct text *t, const char *key)
{
	struct ini_part p = ini_shell(t);
	char *v = ini_value(t, &p, key, 0);

	if (v && *v)
		return v;
	free(v);
	return NULL;
}

char *sysconfig_name(const struct text *t, const char *path)
{
	char *name = value(t, "DEVICE");

	return name ? name : xstrdup(strrchr(path, '/') + 1 + 6);
}

/* How the first address is numbered, and what says its mask; `add` where
 * nothing does. RHEL: IPADDR0, IPADDR1; SUSE: IPADDR_0. */
struct form {
	const char *ip, *add;
	const char *masks[5];
};

static const struct form forms[] = {
	{"IPADDR", "NETMASK",
		{"PREFIX", "PREFIX0", "PREFIXLEN", "NETMASK", "NETMASK0"}},
	{"IPADDR0", "NETMASK",
		{"PREFIX", "PREFIX0", "PREFIXLEN", "NETMASK", "NETMASK0"}},
	{"IPADDR1", "NETMASK1", {"PREFIX1", "NETMASK1"}},
	{"IPADDR_0", "NETMASK_0", {"PREFIXLEN_0", "NETMASK_0"}},
	{"IPADDR_1", "NETMASK_1", {"PREFIXLEN_1", "NETMASK_1"}},
};

static const struct form *form_of(const struct text *t)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		_free_ char *ip = value(t, forms[i].ip);

		if (ip)
			return &forms[i];
	}
	return &forms[0];
}

int sysconfig_address(const struct text *t, struct addr *out)
{
	const struct form *f = form_of(t);
	_free_ char *ip = value(t, f->ip);
	struct addr a;

	if (!ip || addr_parse(ip, &a))
		return -1;
	for (size_t i = 0; !strchr(ip, '/') && i < ARRAY_LEN(f->masks); i++) {
		_free_ char *m = f->masks[i] ? value(t, f->masks[i]) : NULL;

		if (m && addr_mask(m, &a.prefix) == 0)
			break;
	}
	*out = a;
	return 0;
}

bool sysconfig_dhcp(const struct text *t)
{
	_free_ char *proto = value(t, "BOOTPROTO");

	return proto && strncasecmp(proto, "dhcp", 4) == 0;
}

/* Each key that says the mask says the new one. */
static bool put_masks(struct text *t, struct ini_part *p, const struct form *f,
	unsigned prefix)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(f->masks) && f->masks[i]; i++) {
		_free_ char *m = ini_value(t, p, f->masks[i], 0);
		char now[ADDR_LEN];

		if (!m)
			continue;
		any = true;
		if (str_starts(f->masks[i], "PREFIX") && !strchr(m, '.'))
			snprintf(now, sizeof(now), "%u", prefix);
		else
			addr_text(now, addr_netmask(prefix));
		ini_put(t, p, f->masks[i], 0, now);
	}
	return any;
}

static void put_network(
	struct text *t, struct ini_part *p, const struct addr *a)
{
	uint32_t m = addr_netmask(a->prefix);
	char ip[ADDR_LEN];
	size_t i;

	if (ini_line(t, p, "NETWORK", 0, &i))
		ini_put(t, p, "NETWORK", 0, addr_text(ip, a->ip & m));
	if (ini_line(t, p, "BROADCAST", 0, &i))
		ini_put(t, p, "BROADCAST", 0, addr_text(ip, a->ip | ~m));
}

void sysconfig_put_address(struct text *t, const struct addr *a)
{
	const struct form *f = form_of(t);
	struct ini_part p = ini_shell(t);
	_free_ char *old = value(t, f->ip);
	char full[NET_ADDR_LEN], ip[ADDR_LEN];
	bool masks = put_masks(t, &p, f, a->prefix);

	if ((old && strchr(old, '/')) || !masks) {
		/* NETMASK is read by every release of RHEL. */
		if (!(old && strchr(old, '/'))) {
			ini_put(t, &p, f->ip, 0, addr_text(ip, a->ip));
			ini_put(t, &p, f->add, 0,
				addr_text(ip, addr_netmask(a->prefix)));
		} else {
			ini_put(t, &p, f->ip, 0, net_addr_text(full, a));
		}
	} else {
		ini_put(t, &p, f->ip, 0, addr_text(ip, a->ip));
	}
	put_network(t, &p, a);
}

bool sysconfig_off(const struct text *t)
{
	_free_ char *boot = value(t, "ONBOOT"), *mode = value(t, "STARTMODE");
	bool on = true;

	if (mode && (str_eqi(mode, "off") || str_eqi(mode, "manual")))
		return true;
	return boot && str_bool(boot, &on) == 0 && !on;
}

const char *sysconfig_file(struct guest *g, const struct guest_changes *cs,
	const json_t *files, const char *name)
{
	const char *path = NULL;
	const json_t *v;
	int top = -1;
	size_t i;

	json_array_foreach (files, i, v) {
		_free_ char *s = guest_future(g, cs, json_string_value(v));
		_free_ char *mine = NULL;
		_text_ struct text t = {0};
		struct addr a;
		int rank;

		text_open(&t, s ? s : "");
		mine = sysconfig_name(&t, json_string_value(v));
		rank = net_rank(
			sysconfig_off(&t), sysconfig_address(&t, &a) == 0);
		if (strcmp(mine, name) || rank <= top)
			continue;
		top = rank;
		path = json_string_value(v);
	}
	return path;
}

static bool is_default_route(const char *line)
{
	line += strspn(line, " \t");
	return *line != '#' &&
		(str_starts(line, "default") || str_starts(line, "0.0.0.0/0") ||
			strstr(line, "=default") || strstr(line, "=0.0.0.0"));
}

void sysconfig_routes(struct guest *g, const char *path, const char *from,
	const char *to, const char *const *lines, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, path);
	_free_ char *after = NULL;
	_text_ struct text t = {0};
	bool found = false;

	text_open(&t, before ? before : "");
	if (from && *from)
		text_swap_lines(&t, 0, t.n, from, to);
	for (size_t i = 0; i < t.n; i++)
		found |= is_default_route(t.line[i].s) &&
			!strstr(t.line[i].s, " table ");
	for (; !found && *lines; lines++)
		text_insert(&t, t.n, *lines);
	after = text_join(&t);
	if (t.n && (!before || strcmp(before, after)))
		guest_change_add(g, cs, path, after, 0644,
			"The way out goes by the new gateway.");
}
