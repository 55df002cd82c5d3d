/* The guest's package manager, and removal: see packages.h. packages_add.c
 * installs. */
#include "packages.h"

#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../stop.h"
#include "../str.h"

void guest_package_free(struct guest_package *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->shown);
	json_decref(p->files);
	json_decref(p->config);
	free(p);
}

void cleanup_package(struct guest_package **p)
{
	guest_package_free(*p);
}

const char *packages_manager(struct guest *g)
{
	if (guest_has(g, "/usr/bin/dpkg") &&
		guest_has(g, "/var/lib/dpkg/status"))
		return "dpkg";
	if (guest_has(g, "/usr/bin/rpm") &&
		(guest_has(g, "/var/lib/rpm") ||
			guest_has(g, "/usr/lib/sysimage/rpm")))
		return "rpm";
	return NULL;
}

/* --- what it says --- */

/* The line that tells why, of dpkg, apt-get and rpm; borrowed from a copy that
 * str_line has cut, null: none. */
static const char *telling(char *text)
{
	static const char *const signs[] = {" depends on ",
		" Depends: ", " is needed by ", " conflicts with ",
		"dpkg: error", "error: ", "E: "};
	const char *best = NULL;
	size_t rank = ARRAY_LEN(signs);
	char *line;

	while ((line = str_line(&text))) {
		for (size_t i = 0; i < rank; i++)
			if (strstr(line, signs[i])) {
				best = line;
				rank = i;
			}
		if (!best && *str_trim(line))
			best = line;
	}
	return best;
}

static int why_not(const char *program, const char *said, struct err *e)
{
	_free_ char *copy = xstrdup(said), *clean = NULL;
	const char *line = telling(copy);

	line = line ? line + strspn(line, " \t") : N_("no reason given");
	clean = str_printable_dup(line);
	return err_set(e, ERR_GUEST_ACCESS, "%s: %s", strrchr(program, '/') + 1,
		str_trim(clean));
}

int packages_run(
	struct guest *g, const char *const argv[], char **said, struct err *e)
{
	_free_ char *out = NULL;
	int status;

	if (g->ops->run(g, argv, &out, &status, e))
		return -1;
	if (status)
		return why_not(argv[0], out, e);
	if (said) {
		*said = out;
		out = NULL;
	}
	return 0;
}

int packages_run_on(struct guest *g, const char *const argv[],
	const json_t *files, char **said, struct err *e)
{
	size_t n = 0, i;
	_free_ const char **line = NULL;
	const json_t *v;

	while (argv[n])
		n++;
	line = xcalloc(n + json_array_size(files) + 1, sizeof(*line));
	memcpy(line, argv, n * sizeof(*line));
	json_array_foreach (files, i, v)
		line[n + i] = json_string_value(v);
	return packages_run(g, line, said, e);
}

void packages_change(
	struct guest_changes *cs, struct guest_package *p, const char *why)
{
	cs->c = xreallocarray(cs->c, cs->n + 1, sizeof(*cs->c));
	cs->c[cs->n++] =
		(struct guest_change){.path = xasprintf("package:%s", p->name),
			.why = xstrdup(why),
			.package = p};
}

/* --- removal --- */

/* The version that is installed, to be freed; null: none is. */
static char *installed(
	struct guest *g, const char *manager, const char *name, struct err *e)
{
	const char *const dpkg[] = {"/usr/bin/dpkg-query", "-W", "-f",
		"${Status}\n${Version}\n", name, NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-q", "--qf",
		"ok installed\n%{VERSION}-%{RELEASE}\n", name, NULL};
	_free_ char *said = NULL;
	char *p, *line;

	if (packages_run(g, strcmp(manager, "rpm") ? dpkg : rpm, &said, e))
		return NULL;
	p = said;
	while ((line = str_line(&p)))
		if (str_ends(line, "ok installed") && (line = str_line(&p)))
			return str_printable_dup(line);
	err_set(e, ERR_NOT_FOUND, "the package %s is not installed", name);
	return NULL;
}

char *packages_state(struct guest *g, const struct guest_package *p)
{
	const char *const dpkg[] = {"/usr/bin/dpkg-query", "-W", "-f",
		"${Status}\n", p->name, NULL};
	_free_ char *said = NULL;

	if (strcmp(p->manager, "rpm") == 0 ||
		packages_run(g, dpkg, &said, NULL))
		return NULL;
	said[strcspn(said, "\n")] = '\0';
	return str_ends(said, " installed") || str_ends(said, " not-installed")
		? NULL
		: str_printable_dup(said);
}

/* Paths in a list of `rpm -qc` or dpkg's "${Conffiles}". New reference. */
static json_t *config_files(
	struct guest *g, const char *manager, const char *name)
{
	const char *const dpkg[] = {"/usr/bin/dpkg-query", "-W", "-f",
		"${Conffiles}\n", name, NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-qc", name, NULL};
	_free_ char *said = NULL;
	json_t *out = json_array();
	char *p, *line;

	if (packages_run(g, strcmp(manager, "rpm") ? dpkg : rpm, &said, NULL))
		return out;
	p = said;
	while ((line = str_line(&p))) {
		line = str_trim(line);
		line[strcspn(line, " ")] = '\0';
		if (*line == '/' && guest_has(g, line))
			json_array_append_new(out, json_text(line));
	}
	return out;
}

static int simulate(
	struct guest *g, const char *manager, const char *name, struct err *e)
{
	const char *const dpkg[] = {
		"/usr/bin/dpkg", "--dry-run", "--purge", name, NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-e", "--test", name, NULL};

	return packages_run(g, strcmp(manager, "rpm") ? dpkg : rpm, NULL, e);
}

static char *removal_text(const struct guest_package *p, const char *version)
{
	bool rpm = strcmp(p->manager, "rpm") == 0;
	const char *did = rpm ? "rpm -e" : "dpkg --purge";
	const char *tried = rpm ? "rpm -e --test" : "dpkg --dry-run --purge";
	struct buf b = {0};
	const json_t *v;
	size_t i;

	buf_addf(&b,
		"remove the package %s %s\n"
		"  by %s %s, in the guest's own root, with no network\n"
		"  tried by %s: nothing that is installed needs it\n"
		"  way back: install %s in the guest",
		p->name, version, did, p->name, tried, p->name);
	if (json_array_size(p->config))
		buf_adds(&b,
			"; its configuration is kept in /var/backups/vmferry");
	buf_addc(&b, '\n');
	json_array_foreach (p->config, i, v)
		buf_addf(&b, "    %s\n", json_string_value(v));
	return buf_steal(&b);
}

int packages_remove(struct guest *g, const char *name, const char *why,
	struct guest_changes *cs, struct err *e)
{
	const char *manager = packages_manager(g);
	_free_ char *version = NULL;
	struct guest_package *p;

	if (!manager)
		return err_set(
			e, ERR_NOT_FOUND, "the guest has neither dpkg nor rpm");
	version = installed(g, manager, name, e);
	if (!version || simulate(g, manager, name, e))
		return -1;
	p = xcalloc(1, sizeof(*p));
	*p = (struct guest_package){.manager = manager,
		.name = xstrdup(name),
		.config = config_files(g, manager, name)};
	p->shown = removal_text(p, version);
	packages_change(cs, p, why);
	return 0;
}

/* Of one that could not be removed: the guest's dpkg knows that it is in no
 * order; rpm ends what it began, or begins nothing. */
static char *not_removed(
	struct guest *g, const struct guest_package *p, const char *why)
{
	_free_ char *state = packages_state(g, p);

	if (!state)
		return xasprintf(
			N_("%s was not removed (%s): it stays, and does not "
			   "start outside VMware"),
			p->name, why);
	return xasprintf(
		N_("%s was removed in part only (%s; dpkg has it as \"%s\"): "
		   "it does not start outside VMware. In the guest: dpkg "
		   "--purge %s"),
		p->name, why, state, p->name);
}

static int take_away(struct guest *g, const struct guest_package *p,
	char **said, struct err *e)
{
	const char *const dpkg[] = {"/usr/bin/dpkg", "--purge", p->name, NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-e", p->name, NULL};
	bool is_rpm = strcmp(p->manager, "rpm") == 0;
	struct err why = {0};
	const json_t *v;
	size_t i;

	json_array_foreach (p->config, i, v)
		if (guest_keep(g, json_string_value(v), e))
			return -1;
	if (packages_run(g, is_rpm ? rpm : dpkg, NULL, &why))
		*said = not_removed(g, p, why.why);
	return stop_check(e);
}

int packages_apply(struct guest *g, const struct guest_package *p, char **said,
	struct err *e)
{
	return p->files ? packages_put(g, p, said, e)
			: take_away(g, p, said, e);
}
