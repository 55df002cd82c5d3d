/*
 * /etc/network/interfaces (ifupdown; busybox and Alpine too): interfaces(5).
 * Lines are changed one by one; comments, order, blanks and everything that
 * is not about the address stay as they are.
 */
#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "addr.h"

#define MAIN "/etc/network/interfaces"

/* --- files --- */

static void add_unique(json_t *files, const char *path)
{
	const json_t *v;
	size_t i;

	json_array_foreach (files, i, v)
		if (strcmp(json_string_value(v), path) == 0)
			return;
	json_array_append_new(files, json_text(path));
}

/* Debian reads names of letters, digits, '_' and '-' only in a
 * source-directory; the pattern of a `source` mostly names a whole one. */
static void add_directory(
	struct guest *g, const char *dir, bool plain, json_t *files)
{
	_json_ json_t *names = g->ops->list(g, dir);
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v) {
		const char *name = json_string_value(v);
		_free_ char *path = path_join(dir, name);

		if (plain &&
			strspn(name,
				"abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_-") != strlen(name))
			continue;
		if (*name != '.')
			add_unique(files, path);
	}
}

static char *absolute(const char *path)
{
	return *path == '/' ? xstrdup(path) : path_join("/etc/network", path);
}

static void add_source(
	struct guest *g, const char *word, const char *arg, json_t *files)
{
	_free_ char *path = absolute(arg);
	char *star = strstr(path, "/*");

	if (strcmp(word, "source-directory") == 0) {
		add_directory(g, path, true, files);
	} else if (star && !strchr(star + 1, '/')) {
		*star = '\0';
		add_directory(g, path, false, files);
	} else {
		add_unique(files, path);
	}
}

/* interfaces and all that it names, in the order they are read. */
static json_t *all_files(struct guest *g)
{
	json_t *files = json_array();

	if (!guest_has(g, MAIN))
		return files;
	add_unique(files, MAIN);
	/* A sourced file may source more; each is read once. */
	for (size_t i = 0; i < json_array_size(files) && i < 64; i++) {
		_free_ char *text = guest_text(
			g, json_string_value(json_array_get(files, i)));
		char *p = text, *line;

		while (p && (line = str_line(&p))) {
			char *save = NULL;
			char *word = strtok_r(line, " \t", &save);
			char *arg = strtok_r(NULL, " \t", &save);

			if (word && arg && str_starts(word, "source"))
				add_source(g, word, arg, files);
		}
	}
	return files;
}

/* --- stanzas --- */

/* Words that end the stanza before them (interfaces(5)). */
static bool opens(const char *word)
{
	static const char *const words[] = {"iface", "mapping", "auto",
		"source", "source-directory", "template", "rename",
		"no-auto-down", "no-scripts"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return str_starts(word, "allow-");
}

/* Cut a copy of a line into word and rest (both in `store`). */
static void cut(const char *line, char **store, char **word, char **rest)
{
	char *s = xstrdup(line);
	size_t n;

	*store = s;
	s = str_trim(s);
	n = strcspn(s, " \t");
	*word = s;
	*rest = s[n] ? str_trim(s + n) : s + n;
	s[n] = '\0';
	if (**rest == '\0')
		*rest = s + n;
	else
		s[n] = '\0';
}

/* "iface NAME inet METHOD": 0 where the line is one of this family. */
static int iface_line(
	const char *line, char name[64], char method[32], const char *family)
{
	_free_ char *copy = xstrdup(line);
	char *save = NULL, *w[4] = {0};
	char *s = str_trim(copy);

	for (size_t i = 0; i < 4; i++)
		w[i] = strtok_r(i ? NULL : s, " \t", &save);
	if (!w[3] || strcmp(w[0], "iface") || strcmp(w[2], family))
		return -1;
	snprintf(name, 64, "%s", w[1]);
	snprintf(method, 32, "%s", w[3]);
	return 0;
}

static void fact_option(json_t *iface, const char *line)
{
	_free_ char *store = NULL;
	char *word, *rest;

	cut(line, &store, &word, &rest);
	if (strcmp(word, "address") == 0 || strcmp(word, "gateway") == 0 ||
		strcmp(word, "netmask") == 0)
		json_put_str(iface, word, rest);
}

static void file_facts(struct guest *g, const char *path, json_t *list)
{
	_free_ char *text = guest_text(g, path);
	json_t *now = NULL;
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		_free_ char *store = NULL;
		char name[64], method[32], *word, *rest;

		cut(line, &store, &word, &rest);
		if (iface_line(line, name, method, "inet") == 0) {
			now = json_object();
			json_put_str(now, "name", name);
			json_put_str(now, "method", method);
			json_put_str(now, "file", path);
			json_array_append_new(list, now);
		} else if (opens(word)) {
			now = NULL;
		} else if (now) {
			fact_option(now, line);
		}
	}
}

static void facts(struct guest *g, json_t *net)
{
	json_t *files = all_files(g), *list = json_array(), *v;
	size_t i;

	json_put(net, "files", files);
	json_put(net, "interfaces", list);
	json_array_foreach (files, i, v)
		file_facts(g, json_string_value(v), list);
}

static bool present(struct guest *g)
{
	_free_ char *text = guest_text(g, MAIN);

	return text && strstr(text, "iface");
}

/* --- rewriting one stanza --- */

struct rewrite {
	const struct net_goal *goal;
	struct buf *out;
	bool in, found; /* inside the stanza; it was seen */
	bool plain_address, address, mask, gateway, dns, ptp;
	char indent[16];
	char old_gateway[64];
};

static void emit(struct rewrite *w, const char *key, const char *value)
{
	buf_addf(w->out, "%s%s %s\n", w->indent, key, value);
}

static bool on_link(const struct net_goal *n)
{
	struct addr gw;

	return n->gateway && addr_parse(n->gateway, &gw) == 0 &&
		!addr_inside(&n->addr, gw.ip);
}

static void emit_address(struct rewrite *w)
{
	_free_ char *full = NULL;
	char ip[ADDR_LEN];

	addr_text(ip, w->goal->addr.ip);
	/* Files with a netmask line keep the two-line form. */
	if (w->plain_address) {
		emit(w, "address", ip);
		return;
	}
	full = xasprintf("%s/%u", ip, w->goal->addr.prefix);
	emit(w, "address", full);
}

/* What the stanza did not have is added behind its last line. */
static void finish(struct rewrite *w)
{
	if (!w->in)
		return;
	if (!w->address)
		emit_address(w);
	if (w->goal->gateway && on_link(w->goal) && !w->ptp)
		emit(w, "pointopoint", w->goal->gateway);
	if (w->goal->gateway && !w->gateway)
		emit(w, "gateway", w->goal->gateway);
	if (w->goal->dns && !w->dns)
		emit(w, "dns-nameservers", w->goal->dns);
	w->in = false;
}

static void masks(struct rewrite *w, const char *word, const char *old)
{
	const struct addr *a = &w->goal->addr;
	uint32_t m = addr_netmask(a->prefix);
	char text[ADDR_LEN];

	if (strcmp(word, "netmask") == 0 && strchr(old, '.'))
		emit(w, word, addr_text(text, m));
	else if (strcmp(word, "netmask") == 0)
		snprintf(text, sizeof(text), "%u", a->prefix),
			emit(w, word, text);
	else if (strcmp(word, "network") == 0)
		emit(w, word, addr_text(text, a->ip & m));
	else if (a->prefix < 31)
		emit(w, word, addr_text(text, a->ip | ~m));
}

/* A hook that names the old gateway names the new one. */
static void hook(struct rewrite *w, const char *line)
{
	const char *at = *w->old_gateway && w->goal->gateway
		? strstr(line, w->old_gateway)
		: NULL;

	if (!at) {
		buf_addf(w->out, "%s\n", line);
		return;
	}
	buf_addf(w->out, "%.*s%s%s\n", (int)(at - line), line, w->goal->gateway,
		at + strlen(w->old_gateway));
}

static void option(struct rewrite *w, const char *line)
{
	_free_ char *store = NULL;
	char *word, *rest;
	size_t blank = strspn(line, " \t");

	cut(line, &store, &word, &rest);
	if (*word && *word != '#' && blank < sizeof(w->indent))
		snprintf(
			w->indent, sizeof(w->indent), "%.*s", (int)blank, line);
	if (strcmp(word, "address") == 0) {
		if (!w->address)
			emit_address(w);
		w->address = true;
	} else if (strcmp(word, "netmask") == 0 ||
		strcmp(word, "network") == 0 ||
		strcmp(word, "broadcast") == 0) {
		masks(w, word, rest);
	} else if (strcmp(word, "gateway") == 0 && w->goal->gateway) {
		emit(w, word, w->goal->gateway);
		w->gateway = true;
	} else if (strcmp(word, "pointopoint") == 0) {
		if (on_link(w->goal))
			emit(w, word, w->goal->gateway), w->ptp = true;
	} else if (strcmp(word, "dns-nameservers") == 0 && w->goal->dns) {
		emit(w, word, w->goal->dns);
		w->dns = true;
	} else {
		hook(w, line);
	}
}

/* A file with a netmask line has the address bare; what the old gateway is
 * must be known before hooks are seen. */
static void look_ahead(struct rewrite *w, const char *text, const char *name)
{
	_free_ char *copy = xstrdup(text);
	char *p = copy, *line, method[32], n[64];
	bool in = false;

	while ((line = str_line(&p))) {
		_free_ char *store = NULL;
		char *word, *rest;

		cut(line, &store, &word, &rest);
		if (iface_line(line, n, method, "inet") == 0)
			in = strcmp(n, name) == 0;
		else if (opens(word))
			in = false;
		if (in && strcmp(word, "netmask") == 0)
			w->plain_address = true;
		if (in && strcmp(word, "gateway") == 0)
			snprintf(w->old_gateway, sizeof(w->old_gateway), "%s",
				rest);
	}
}

/* Blank lines and comments before the next stanza belong to that one. */
static bool is_filler(const char *line)
{
	const char *s = line + strspn(line, " \t");

	return !*s || *s == '#';
}

static void rewrite_line(struct rewrite *w, const char *line,
	struct buf *filler, const char *name)
{
	char n[64], method[32], *word, *rest;
	_free_ char *store = NULL;

	cut(line, &store, &word, &rest);
	if (w->in && is_filler(line)) {
		buf_addf(filler, "%s\n", line);
		return;
	}
	if (w->in && opens(word))
		finish(w);
	if (filler->len)
		buf_add(w->out, filler->s, filler->len);
	buf_clear(filler);
	if (!w->found && iface_line(line, n, method, "inet") == 0 &&
		strcmp(n, name) == 0) {
		w->in = w->found = true;
		snprintf(w->indent, sizeof(w->indent), "    ");
		buf_addf(w->out, "iface %s inet static\n", n);
	} else if (w->in) {
		option(w, line);
	} else {
		buf_addf(w->out, "%s\n", line);
	}
}

/* The file with the stanza of `name` changed; null where it has none. */
static char *rewrite(
	const char *text, const char *name, const struct net_goal *goal)
{
	_free_ char *copy = xstrdup(text);
	_buf_ struct buf filler = {0};
	struct buf out = {0};
	struct rewrite w = {.goal = goal, .out = &out};
	char *p = copy, *line;

	look_ahead(&w, text, name);
	while ((line = str_line(&p)))
		rewrite_line(&w, line, &filler, name);
	finish(&w);
	if (filler.len)
		buf_add(&out, filler.s, filler.len);
	if (!w.found) {
		buf_free(&out);
		return NULL;
	}
	/* A last line without newline stays so. */
	if (!str_ends(text, "\n") && out.len)
		out.s[--out.len] = '\0';
	return buf_steal(&out);
}

static bool change(struct guest *g, const char *name,
	const struct net_goal *goal, struct guest_changes *cs)
{
	_json_ json_t *files = all_files(g);
	const json_t *v;
	size_t i;

	json_array_foreach (files, i, v) {
		const char *path = json_string_value(v);
		_free_ char *text = guest_future(g, cs, path);
		_free_ char *after = text ? rewrite(text, name, goal) : NULL;
		_free_ char *why = NULL;

		if (!after)
			continue;
		if (strstr(text, "\\\n")) {
			guest_left(cs,
				"%s has continued lines: change the address "
				"of %s there by hand",
				path, name);
			return true;
		}
		why = xasprintf("%s gets its new address.", name);
		if (strcmp(after, text))
			guest_change_add(g, cs, path, after, 0644, why);
		return true;
	}
	return false;
}

const struct net_stack net_ifupdown = {
	.name = "ifupdown",
	.present = present,
	.facts = facts,
	.change = change,
};
