/*
 * /etc/resolv.conf, for systems whose network files do not write it: a plain
 * file without resolvconf, systemd-resolved or NetworkManager above it.
 */
#include <string.h>

#include "../str.h"
#include "network.h"

#define RESOLV "/etc/resolv.conf"

static bool written_by_others(struct guest *g)
{
	static const char *const tools[] = {"/sbin/resolvconf",
		"/usr/sbin/resolvconf", "/usr/bin/resolvconf"};
	_free_ char *to = g->ops->link(g, RESOLV);

	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		if (guest_has(g, tools[i]))
			return true;
	return to != NULL;
}

static bool is_server(const char *line)
{
	line += strspn(line, " \t");
	return str_starts(line, "nameserver") && strspn(line + 10, " \t") > 0;
}

/* The servers' places are kept: the first becomes all, the rest go. */
static void set_servers(struct text *t, const char *dns)
{
	_free_ char *copy = xstrdup(dns);
	char *save = NULL, *w;
	size_t at = t->n;

	for (size_t i = t->n; i-- > 0;) {
		if (!is_server(t->line[i].s))
			continue;
		text_remove(t, i, 1);
		at = i;
	}
	for (w = strtok_r(copy, " ", &save); w;
		w = strtok_r(NULL, " ", &save)) {
		_free_ char *line = xasprintf("nameserver %s", w);

		text_insert(t, at++, line);
	}
}

static char *servers(const struct text *t)
{
	struct buf b = {0};

	for (size_t i = 0; i < t->n; i++) {
		_free_ char *copy = xstrdup(t->line[i].s);

		if (is_server(copy))
			buf_addf(&b, "%s%s", b.len ? " " : "",
				str_trim(str_trim(copy) + 10));
	}
	return buf_steal(&b);
}

void resolv_change(struct guest *g, const char *dns, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, RESOLV);
	_free_ char *old = NULL, *after = NULL;
	_text_ struct text t = {0};

	if (!before || written_by_others(g))
		return;
	text_open(&t, before);
	old = servers(&t);
	if (strcmp(old, dns) == 0)
		return;
	set_servers(&t, dns);
	after = text_join(&t);
	guest_change_add(g, cs, RESOLV, after, 0644,
		"The name servers are the new ones.");
}
