/* Reading /etc/network/interfaces: see eni.h. */
#include "eni.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../str.h"

void eni_line_free(struct eni_line *l)
{
	free(l->store);
	*l = (struct eni_line){0};
}

static bool is_comment(const char *s)
{
	s += strspn(s, " \t");
	return !*s || *s == '#';
}

bool eni_line(const struct text *t, size_t at, struct eni_line *l)
{
	struct buf b = {0};
	size_t n;

	eni_line_free(l);
	if (at >= t->n)
		return false;
	*l = (struct eni_line){.at = at, .n = 1};
	buf_adds(&b, t->line[at].s);
	while (!is_comment(t->line[at].s) && str_ends(b.s, "\\") &&
		at + l->n < t->n) {
		b.s[b.len - 1] = ' ';
		buf_adds(&b, t->line[at + l->n++].s);
	}
	l->store = buf_steal(&b);
	l->word = str_trim(l->store);
	if (*l->word == '#')
		*l->word = '\0';
	n = strcspn(l->word, " \t");
	l->rest = str_trim(l->word + n);
	if (l->word[n])
		l->word[n] = '\0';
	return true;
}

/* Words that end the stanza before them (interfaces(5)). */
static bool opens(const char *word)
{
	static const char *const words[] = {"iface", "mapping", "auto",
		"source", "source-directory", "template", "rename",
		"no-auto-down", "no-scripts", "vlan"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return str_starts(word, "allow-");
}

/* The words after `iface`: NAME [inet METHOD], "inherits X" left out. */
static void head(const char *rest, struct eni_stanza *s)
{
	_free_ char *copy = xstrdup(rest);
	char *save = NULL, *w[3] = {0};

	for (size_t i = 0; i < 3; i++)
		w[i] = strtok_r(i ? NULL : copy, " \t", &save);
	*s = (struct eni_stanza){0};
	snprintf(s->name, sizeof(s->name), "%s", w[0] ? w[0] : "");
	if (!w[1] || !w[2] || strcmp(w[1], "inherits") == 0)
		return;
	snprintf(s->family, sizeof(s->family), "%s", w[1]);
	snprintf(s->method, sizeof(s->method), "%s", w[2]);
}

bool eni_stanza(const struct text *t, size_t *at, struct eni_stanza *s)
{
	_eni_line_ struct eni_line l = {0};
	bool in = false;

	for (; eni_line(t, *at, &l); *at += l.n) {
		if (in && opens(l.word))
			return true;
		if (!in && strcmp(l.word, "iface") == 0) {
			head(l.rest, s);
			s->first = l.at;
			s->end = l.at + l.n;
			in = true;
		} else if (in && *l.word) {
			/* Blank lines and comments behind the last option
			 * belong to what follows. */
			s->end = l.at + l.n;
		}
	}
	return in;
}

/* Options that are one word: what follows is a comment, although
 * interfaces(5) knows none there. */
static bool is_word(const char *name)
{
	static const char *const words[] = {"address", "netmask", "gateway",
		"network", "broadcast", "pointopoint"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return false;
}

bool eni_option(const struct text *t, const struct eni_stanza *s,
	const char *name, size_t nth, struct eni_line *l)
{
	bool one = is_word(name);
	bool v4 = strcmp(name, "address") == 0 || strcmp(name, "gateway") == 0;

	eni_line_free(l);
	if (!eni_line(t, s->first, l))
		return false;
	for (size_t at = s->first + l->n; at < s->end; at += l->n) {
		eni_line(t, at, l);
		if (strcmp(l->word, name))
			continue;
		if (one)
			l->rest[strcspn(l->rest, " \t")] = '\0';
		if (v4 && strchr(l->rest, ':'))
			continue;
		if (nth-- == 0)
			return true;
	}
	eni_line_free(l);
	return false;
}

bool eni_is_hook(const char *word)
{
	static const char *const words[] = {
		"up", "post-up", "pre-up", "down", "pre-down", "post-down"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

int eni_address(const struct text *t, const struct eni_stanza *s,
	struct addr *out, bool *masked)
{
	_eni_line_ struct eni_line a = {0}, m = {0};
	struct addr found;

	if (!eni_option(t, s, "address", 0, &a) || addr_parse(a.rest, &found))
		return -1;
	*masked = strchr(a.rest, '/') != NULL;
	if (!*masked && eni_option(t, s, "netmask", 0, &m))
		*masked = addr_mask(m.rest, &found.prefix) == 0;
	*out = found;
	return 0;
}

/* The address behind "via" or "gw" of a default route. */
static bool hook_gateway(const char *command, char out[64])
{
	_free_ char *copy = xstrdup(command);
	char *save = NULL, *w;
	bool next = false;

	if (!strstr(command, "default") && !strstr(command, "0.0.0.0"))
		return false;
	/* A table of its own is policy routing, not the way out. */
	if (strstr(command, " table ") || !strstr(command, "route"))
		return false;
	for (w = strtok_r(copy, " \t;&", &save); w;
		w = strtok_r(NULL, " \t;&", &save)) {
		if (next && net_is_v4(w)) {
			snprintf(out, 64, "%s", w);
			return true;
		}
		next = strcmp(w, "via") == 0 || strcmp(w, "gw") == 0;
	}
	return false;
}

void eni_gateway(const struct text *t, const struct eni_stanza *s, char out[64])
{
	_eni_line_ struct eni_line l = {0};

	*out = '\0';
	if (eni_option(t, s, "gateway", 0, &l)) {
		snprintf(out, 64, "%s", l.rest);
		return;
	}
	for (size_t at = s->first; at < s->end; at += l.n) {
		eni_line(t, at, &l);
		if (eni_is_hook(l.word) && hook_gateway(l.rest, out))
			return;
	}
}

char *eni_dns(const struct text *t, const struct eni_stanza *s)
{
	static const char *const keys[] = {"dns-nameservers", "dns-nameserver"};
	struct buf b = {0};

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		_eni_line_ struct eni_line l = {0};

		for (size_t i = 0; eni_option(t, s, keys[k], i, &l); i++)
			buf_addf(&b, "%s%s", b.len ? " " : "", l.rest);
	}
	return b.len ? buf_steal(&b) : NULL;
}

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

/* Names that Debian reads in a source-directory. */
static bool is_plain(const char *name)
{
	return strspn(name,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		       "0123456789_-") == strlen(name);
}

static void add_matching(struct guest *g, const char *dir, const char *pattern,
	bool plain, json_t *files)
{
	_json_ json_t *names = g->ops->list(g, dir);
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v) {
		const char *name = json_string_value(v);
		_free_ char *path = path_join(dir, name);

		if (plain ? is_plain(name)
			  : fnmatch(pattern, name, FNM_PERIOD) == 0)
			add_unique(files, path);
	}
}

/* `source` names files by a pattern (in the last part of the path here),
 * source-directory a directory; ifupdown-ng takes patterns in both. */
static void add_source(
	struct guest *g, const char *word, const char *arg, json_t *files)
{
	_free_ char *path =
		*arg == '/' ? xstrdup(arg) : path_join("/etc/network", arg);
	char *slash = strrchr(path, '/');

	if (strpbrk(slash, "*?[")) {
		*slash = '\0';
		add_matching(g, path, slash + 1, false, files);
	} else if (strcmp(word, "source-directory") == 0) {
		add_matching(g, path, "*", true, files);
	} else {
		add_unique(files, path);
	}
}

json_t *eni_files(struct guest *g)
{
	json_t *files = json_array();

	if (!guest_has(g, ENI_MAIN))
		return files;
	add_unique(files, ENI_MAIN);
	/* A sourced file may source more; each is read once. */
	for (size_t i = 0; i < json_array_size(files) && i < 64; i++) {
		_free_ char *s = guest_text(
			g, json_string_value(json_array_get(files, i)));
		_eni_line_ struct eni_line l = {0};
		_text_ struct text t;

		text_open(&t, s ? s : "");
		for (size_t at = 0; eni_line(&t, at, &l); at += l.n)
			if (*l.rest && str_starts(l.word, "source"))
				add_source(g, l.word, l.rest, files);
	}
	return files;
}
