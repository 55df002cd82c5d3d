/*
 * The front of core/guest/: facts, changes, diffs, application. See guest.h.
 */
#include "guest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../stop.h"
#include "../str.h"
#include "own.h"
#include "packages.h"

void cleanup_guest(struct guest **g)
{
	if (*g)
		guest_close(*g, NULL);
}

int guest_close(struct guest *g, struct err *e)
{
	int rc = g->ops->close(g, e);

	json_decref(g->notes);
	json_decref(g->kernels);
	free(g->root);
	free(g->hive);
	free(g);
	return rc;
}

void guest_changes_free(struct guest_changes *cs)
{
	for (size_t i = 0; i < cs->n; i++) {
		free(cs->c[i].path);
		free(cs->c[i].why);
		free(cs->c[i].before);
		free(cs->c[i].after);
		free(cs->c[i].copy_of);
		free(cs->c[i].kernel);
		free(cs->c[i].link_to);
		free(cs->c[i].said);
		guest_package_free(cs->c[i].package);
	}
	for (size_t i = 0; i < cs->n_left; i++)
		free(cs->left[i]);
	free(cs->c);
	free(cs->left);
	*cs = (struct guest_changes){0};
}

char *guest_text(struct guest *g, const char *path)
{
	size_t len;
	char *out;

	if (g->ops->read(g, path, GUEST_FILE_MAX, &out, &len, NULL))
		return NULL;
	/* Not a text: it would be cut at its first NUL. */
	if (strlen(out) == len)
		return out;
	free(out);
	return NULL;
}

bool guest_has(struct guest *g, const char *path)
{
	return g->ops->exists(g, path);
}

json_t *guest_files(struct guest *g, const char *dir, const char *suffix)
{
	_json_ json_t *names = g->ops->list(g, dir);
	json_t *files = json_array(), *v;
	size_t i;

	json_array_foreach (names, i, v) {
		_free_ char *path = path_join(dir, json_string_value(v));

		if (str_ends(path, suffix))
			json_array_append_new(files, json_text(path));
	}
	return files;
}

static struct guest_change *change_of(
	const struct guest_changes *cs, const char *path)
{
	for (size_t i = 0; cs && i < cs->n; i++)
		if (strcmp(cs->c[i].path, path) == 0)
			return &cs->c[i];
	return NULL;
}

char *guest_future(
	struct guest *g, const struct guest_changes *cs, const char *path)
{
	const struct guest_change *c = change_of(cs, path);

	return c ? xstrdup(c->after) : guest_text(g, path);
}

void guest_left(struct guest_changes *cs, const char *fmt, ...)
{
	char *s;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	cs->left = xreallocarray(cs->left, cs->n_left + 1, sizeof(*cs->left));
	cs->left[cs->n_left++] = s;
}

void guest_change_add(struct guest *g, struct guest_changes *cs,
	const char *path, const char *after, unsigned mode, const char *why)
{
	struct guest_change *c = change_of(cs, path);
	_free_ char *before = NULL;

	if (!c) {
		before = guest_text(g, path);
		if (!before && guest_has(g, path)) {
			guest_left(
				cs, "%s is not a text file: left alone", path);
			return;
		}
		/* What is so already is no change: a run that was killed goes
		 * on where it was. */
		if (before && after && strcmp(before, after) == 0)
			return;
	}
	if (c) {
		char *both = xasprintf("%s %s", c->why, why);

		free(c->why);
		c->why = both;
		str_set(&c->after, after);
		return;
	}
	cs->c = xreallocarray(cs->c, cs->n + 1, sizeof(*cs->c));
	c = &cs->c[cs->n++];
	*c = (struct guest_change){.path = xstrdup(path),
		.why = xstrdup(why),
		.before = xstrdup(before),
		.after = xstrdup(after),
		.mode = mode};
}

void guest_copy_add(struct guest_changes *cs, const char *from, const char *to,
	const char *why)
{
	cs->c = xreallocarray(cs->c, cs->n + 1, sizeof(*cs->c));
	cs->c[cs->n++] = (struct guest_change){.path = xstrdup(to),
		.why = xstrdup(why),
		.copy_of = xstrdup(from)};
}

void guest_link_add(struct guest_changes *cs, const char *to, const char *path,
	const char *why)
{
	cs->c = xreallocarray(cs->c, cs->n + 1, sizeof(*cs->c));
	cs->c[cs->n++] = (struct guest_change){.path = xstrdup(path),
		.why = xstrdup(why),
		.link_to = xstrdup(to)};
}

/* --- facts --- */

/* NAME=value or NAME="value" of os-release; to be freed. */
static char *release_value(const char *text, const char *name)
{
	_free_ char *copy = xstrdup(text);
	char *p = copy, *line;
	size_t n = strlen(name);

	while ((line = str_line(&p))) {
		char *v = line + n + 1;

		if (strncmp(line, name, n) || line[n] != '=')
			continue;
		if (*v == '"' || *v == '\'') {
			v++;
			v[strcspn(v, "\"'")] = '\0';
		}
		return str_printable_dup(str_trim(v));
	}
	return NULL;
}

/* Old systems have no os-release: one line in a file of their own. */
static void old_release(struct guest *g, json_t *facts)
{
	static const struct {
		const char *path, *distro;
	} files[] = {{"/etc/redhat-release", "rhel"},
		{"/etc/SuSE-release", "suse"},
		{"/etc/alpine-release", "alpine"},
		{"/etc/debian_version", "debian"}};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_free_ char *text = guest_text(g, files[i].path);
		_free_ char *clean = NULL, *name = NULL;

		if (!text)
			continue;
		text[strcspn(text, "\n")] = '\0';
		clean = str_printable_dup(text);
		name = xasprintf("%s%s", i < 2 ? "" : files[i].distro, clean);
		json_put_str(facts, "distro", files[i].distro);
		json_put_str(facts, "version", clean);
		json_put_str(facts, "name", i < 2 ? clean : name);
		return;
	}
}

void guest_release(struct guest *g, json_t *facts)
{
	_free_ char *text = guest_text(g, "/etc/os-release");
	_free_ char *exact = guest_text(g, "/etc/debian_version");

	if (!text)
		text = guest_text(g, "/usr/lib/os-release");
	if (!text) {
		old_release(g, facts);
		return;
	}
	_free_ char *id = release_value(text, "ID");
	_free_ char *version = release_value(text, "VERSION_ID");
	_free_ char *name = release_value(text, "PRETTY_NAME");

	json_put_str(facts, "distro", id);
	json_put_str(facts, "version", version);
	json_put_str(facts, "name", name ? name : id);
	if (exact && id && strcmp(id, "debian") == 0) {
		exact[strcspn(exact, "\n")] = '\0';
		json_put_str(facts, "version", exact);
	}
}

bool guest_has_agent(struct guest *g)
{
	static const char *const paths[] = {
		"/usr/sbin/qemu-ga", "/usr/bin/qemu-ga", "/sbin/qemu-ga"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (guest_has(g, paths[i]))
			return true;
	return false;
}

static void linux_facts(struct guest *g, json_t *facts)
{
	guest_release(g, facts);
	json_put(facts, "kernels", json_deep_copy(guest_kernels(g)));
	guest_network(g, facts);
	json_put_str(facts, "tools", guest_tools(g));
	json_put_bool(facts, "agent", guest_has_agent(g));
	json_put(facts, "ssh_hostkeys", guest_hostkeys(g));
	json_put_bool(facts, "fstab_device_names", guest_fstab_device_names(g));
	if (guest_has_efi(g))
		json_put_bool(facts, "efi_fallback", guest_efi_fallback(g));
}

int guest_facts(struct guest *g, json_t **out, struct err *e)
{
	json_t *facts = json_object();

	json_put_str(facts, "family", g->family);
	json_put_bool(facts, "clean", g->clean);
	json_put_u64(facts, "free", g->ops->free_bytes(g, "/"));
	json_put(facts, "notes", json_incref(g->notes));
	if (strcmp(g->family, "linux") == 0)
		linux_facts(g, facts);
	else if (strcmp(g->family, "windows") == 0)
		guest_windows_facts(g, facts);
	else
		json_put_str(facts, "name", g->family);
	/* What was asked after a stop was not there to answer. */
	if (stop_check(e)) {
		json_decref(facts);
		return -1;
	}
	*out = facts;
	return 0;
}

/* --- changes --- */

int guest_changes(struct guest *g, const json_t *wanted,
	struct guest_changes *out, struct err *e)
{
	if (strcmp(g->family, "linux")) {
		guest_left(out,
			"the network of a %s system: set it in the "
			"VM's console (docs/guest.md has the way from SATA to "
			"virtio)",
			g->family);
		return 0;
	}
	guest_network_changes(g, wanted, out);
	if (json_flag(wanted, "tools_off", true))
		guest_tools_changes(
			g, json_flag(wanted, "tools_remove", false), out);
	if (json_flag(wanted, "fstab", true))
		guest_fstab_changes(g, out);
	if (json_flag(wanted, "fstab", true))
		guest_names_changes(g, out);
	if (json_flag(wanted, "fstrim", true))
		guest_fstrim_changes(g, out);
	if (json_object_get(wanted, "agent"))
		guest_agent_changes(g, wanted, out);
	if (json_flag(wanted, "serial", false))
		guest_serial_changes(g, out);
	if (json_flag(wanted, "efi", true))
		guest_efi_changes(g, out);
	if (json_flag(wanted, "drivers", true))
		guest_drivers_changes(g, out);
	return stop_check(e);
}

/* What cannot be removed after all is kept from starting. */
static int package_apply(struct guest *g, struct guest_change *c, struct err *e)
{
	int rc = packages_apply(g, c->package, &c->said, e);

	if (rc == 0 && c->said && !c->package->files)
		rc = guest_tools_disarm(g, e);
	return rc ? err_in(e, "change %s in the guest", c->path) : 0;
}

int guest_apply(struct guest *g, struct guest_change *c, struct err *e)
{
	_free_ char *dir = xstrdup(c->path);
	char *slash = strrchr(dir, '/');
	int rc;

	if (!g->write)
		return err_set(e, ERR_INTERNAL, "the guest is open read-only");
	if (c->kernel)
		return guest_drivers_apply(g, c, e);
	if (c->package)
		return package_apply(g, c, e);
	*slash = '\0';
	if (c->before && guest_keep_text(g, c->path, c->before, e))
		return err_in(e, "keep a copy of %s in the guest", c->path);
	if (!c->after && !c->copy_of && !c->link_to)
		rc = g->ops->remove(g, c->path, e);
	else if (*dir && g->ops->mkdirs(g, dir, e))
		rc = -1;
	else if (c->link_to)
		rc = g->ops->symlink(g, c->link_to, c->path, e);
	else if (c->copy_of)
		rc = g->ops->copy(g, c->copy_of, c->path, e);
	else
		rc = guest_put(g, c->path, c->before, c->after, c->mode, e);
	return rc ? err_in(e, "change %s in the guest", c->path) : 0;
}
