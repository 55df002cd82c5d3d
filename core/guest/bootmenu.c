/*
 * Which kernel the guest's boot loader starts unless told: GRUB 2's grub.cfg
 * and grubenv, with or without entries in /boot/loader/entries (Boot Loader
 * Specification, as RHEL 8 and Fedora have it), and GRUB legacy's menu.
 *
 * Keeps true: what is not understood is not guessed; the caller takes the
 * newest kernel then, and says so. Grammar: the GRUB manual, "The shell-like
 * scripting language", "menuentry", "default"; GRUB legacy's "default".
 */
#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "own.h"

#define DEPTH 8 /* of nested blocks; deeper ones are passed over */

struct item {
	char *title, *id, *kernel;
	int parent;
};

struct menu {
	struct item *it;
	int n;
};

static void menu_free(struct menu *m)
{
	for (int i = 0; i < m->n; i++) {
		free(m->it[i].title);
		free(m->it[i].id);
		free(m->it[i].kernel);
	}
	free(m->it);
}
#define _menu_ __attribute__((cleanup(menu_free)))

static struct item *add(struct menu *m, int parent, char *title)
{
	m->it = xreallocarray(m->it, m->n + 1, sizeof(*m->it));
	m->it[m->n] = (struct item){.title = title, .parent = parent};
	return &m->it[m->n++];
}

/* --- words --- */

/* The word at *s, quoted or not, which is moved behind it; to be freed, null
 * at the end. */
static char *word(const char **s)
{
	const char *p = *s + strspn(*s, " \t");
	size_t n;
	bool quoted = *p == '\'' || *p == '"';

	if (!*p)
		return NULL;
	n = quoted ? strcspn(p + 1, (char[]){*p, '\0'}) : strcspn(p, " \t");
	*s = p + n + (quoted ? 1 + (p[n + 1] != '\0') : 0);
	return xstrndup(p + quoted, n);
}

/* The rest of a line that begins with this word; null: another line. */
static const char *after(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) || !line[n] || !strchr(" \t=", line[n]))
		return NULL;
	line += n;
	return line + strspn(line, " \t=");
}

/* "6.1.0-18-amd64" of "/boot/vmlinuz-6.1.0-18-amd64"; to be freed, null for
 * another name. */
static char *version_of(const char *rest)
{
	_free_ char *path = word(&rest);
	const char *name = path ? strrchr(path, '/') : NULL;

	if (name &&
		(str_starts(name, "/vmlinuz-") ||
			str_starts(name, "/vmlinux-")))
		return xstrdup(name + 9);
	return NULL;
}

static char *kernel_of(const char *line)
{
	static const char *const commands[] = {
		"linux", "linux16", "linuxefi", "kernel"};
	const char *rest;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if ((rest = after(line, commands[i])))
			return version_of(rest);
	return NULL;
}

/* --- GRUB 2 --- */

static char *id_of(const char *rest)
{
	char *w;

	while ((w = word(&rest))) {
		bool mark = strcmp(w, "$menuentry_id_option") == 0 ||
			strcmp(w, "--id") == 0;

		free(w);
		if (mark)
			return word(&rest);
	}
	return NULL;
}

static void read_cfg(char *text, struct menu *m)
{
	int stack[DEPTH] = {-1}, depth = 0;
	char *p = text, *raw;

	while ((raw = str_line(&p))) {
		const char *line = str_trim(raw), *rest;
		int now = stack[depth < DEPTH ? depth : DEPTH - 1];
		char *k = now >= 0 ? kernel_of(line) : NULL;

		if (k && !m->it[now].kernel)
			m->it[now].kernel = k;
		else
			free(k);
		if (*line == '}') {
			depth -= depth > 0;
			continue;
		}
		rest = after(line, "menuentry");
		if (!rest)
			rest = after(line, "submenu");
		if (rest) {
			const char *tail = rest;
			struct item *i = add(m, now, word(&tail));

			i->id = id_of(tail);
			now = m->n - 1;
		}
		if (str_ends(line, "{") && ++depth < DEPTH)
			stack[depth] = now;
	}
}

/* The nth child, or the one of that title or id; -1: none. */
static int child(const struct menu *m, int parent, const char *what)
{
	uint64_t n;
	bool number = str_u64(what, 1000, &n) == 0;

	for (int i = 0; i < m->n; i++) {
		const struct item *it = &m->it[i];

		if (it->parent != parent)
			continue;
		if (number ? n-- == 0
			   : (it->title && strcmp(it->title, what) == 0) ||
					(it->id && strcmp(it->id, what) == 0))
			return i;
	}
	return -1;
}

/* "1>2", "ID>ID", a title. What is not there is the first entry, as for GRUB.
 * Borrowed version, or null. */
static const char *chosen(const struct menu *m, const char *spec)
{
	_free_ char *copy = xstrdup(spec);
	char *save = NULL;
	int at = -1;

	for (char *w = strtok_r(copy, ">", &save); w;
		w = strtok_r(NULL, ">", &save)) {
		at = child(m, at, w);
		if (at < 0)
			break;
	}
	if (at < 0)
		at = child(m, -1, "0");
	while (at >= 0 && !m->it[at].kernel)
		at = child(m, at, "0");
	return at < 0 ? NULL : m->it[at].kernel;
}

/* NAME=value of grubenv; to be freed. */
static char *env_value(struct guest *g, const char *dir, const char *name)
{
	_free_ char *path = path_join(dir, "grubenv");
	_free_ char *text = guest_text(g, path);
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		const char *v = *line == '#' ? NULL : after(line, name);

		if (v && *v)
			return xstrdup(v);
	}
	return NULL;
}

/* What `default` is in the end: the last one that is set, but for the entry
 * of one start only. "0" where nothing is said. To be freed. */
static char *wanted(struct guest *g, const char *dir, const char *cfg)
{
	_free_ char *text = xstrdup(cfg), *spec = NULL, *saved = NULL;
	char *p = text, *raw;

	while ((raw = str_line(&p))) {
		const char *rest = after(str_trim(raw), "set");

		rest = rest ? after(rest, "default") : NULL;
		if (!rest || strstr(rest, "next_entry"))
			continue;
		free(spec);
		spec = word(&rest);
	}
	if (!spec || !strstr(spec, "saved_entry"))
		return xstrdup(spec && *spec ? spec : "0");
	saved = env_value(g, dir, "saved_entry");
	return xstrdup(saved ? saved : "0");
}

/* --- entries of the Boot Loader Specification --- */

#define ENTRIES "/boot/loader/entries"

static char *entry_kernel(struct guest *g, const char *path)
{
	_free_ char *text = guest_text(g, path);
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		char *k = kernel_of(str_trim(line));

		if (k)
			return k;
	}
	return NULL;
}

/* By the entry's file name. Numbers count from the newest: the caller's
 * choice. */
static char *entry_named(struct guest *g, const char *id)
{
	_free_ char *path = xasprintf(ENTRIES "/%s.conf", id);

	return strchr(id, '/') ? NULL : entry_kernel(g, path);
}

static char *grub2(struct guest *g, const char *dir)
{
	_free_ char *path = path_join(dir, "grub.cfg");
	_free_ char *cfg = guest_text(g, path), *spec = NULL;
	_menu_ struct menu m = {0};
	const char *k;

	if (!cfg)
		return NULL;
	spec = wanted(g, dir, cfg);
	if (strstr(cfg, "\nblscfg") || strstr(cfg, "\n  blscfg"))
		return entry_named(g, spec);
	read_cfg(cfg, &m);
	k = chosen(&m, spec);
	return k ? xstrdup(k) : NULL;
}

/* --- GRUB legacy --- */

/* "default 2", or "default saved": the number in the file `default`. */
static char *legacy_default(struct guest *g, const char *dir, const char *line)
{
	_free_ char *path = path_join(dir, "default");
	const char *rest = after(line, "default");
	_free_ char *text = NULL;

	if (!rest)
		return NULL;
	if (strcmp(rest, "saved"))
		return xstrdup(rest);
	text = guest_text(g, path);
	if (!text)
		return xstrdup("0");
	text[strcspn(text, "\n")] = '\0';
	return xstrdup(str_trim(text));
}

static char *legacy(struct guest *g, const char *dir, const char *name)
{
	_free_ char *path = path_join(dir, name);
	_free_ char *text = guest_text(g, path), *spec = NULL;
	_menu_ struct menu m = {0};
	char *p = text, *raw;
	const char *k;

	while (p && (raw = str_line(&p))) {
		const char *line = str_trim(raw), *title = after(line, "title");
		char *v = title ? NULL : legacy_default(g, dir, line);

		if (title)
			add(&m, -1, xstrdup(title));
		else if (v && !spec)
			spec = xstrdup(v);
		else if (m.n && !m.it[m.n - 1].kernel)
			m.it[m.n - 1].kernel = kernel_of(line);
		free(v);
	}
	k = chosen(&m, spec ? spec : "0");
	return k ? xstrdup(k) : NULL;
}

char *guest_boot_kernel(struct guest *g)
{
	static const char *const dirs[] = {"/boot/grub2", "/boot/grub"};
	static const char *const menus[] = {"grub.conf", "menu.lst"};
	char *k;

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if ((k = grub2(g, dirs[i])))
			return k;
	for (size_t i = 0; i < ARRAY_LEN(menus); i++)
		if ((k = legacy(g, "/boot/grub", menus[i])))
			return k;
	return NULL;
}
