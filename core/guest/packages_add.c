/*
 * A package installed into a guest from files of this machine: see packages.h.
 * The files are put into the guest for the time it takes, under names of ours.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../digest.h"
#include "../i18n.h"
#include "../stop.h"
#include "../str.h"
#include "packages.h"

#define PLACE "/var/tmp/vmferry-packages"
#define FILES_MAX 64

static bool is_rpm(const char *manager)
{
	return strcmp(manager, "rpm") == 0;
}

static const char *ending(const char *manager)
{
	return is_rpm(manager) ? ".rpm" : ".deb";
}

/* --- the files --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of a directory that end so, sorted. */
static int in_directory(
	const char *path, const char *end, json_t *out, struct err *e)
{
	char *name[FILES_MAX];
	struct dirent *de;
	DIR *d = opendir(path);
	size_t n = 0;

	if (!d)
		return err_sys(e, ERR_IO, "%s", path);
	while ((de = readdir(d)))
		if (str_ends(de->d_name, end) && n++ < ARRAY_LEN(name))
			name[n - 1] = path_join(path, de->d_name);
	closedir(d);
	if (n > ARRAY_LEN(name)) {
		for (size_t i = 0; i < ARRAY_LEN(name); i++)
			free(name[i]);
		return err_set(e, ERR_BAD_INPUT,
			"more than %d %s files are in %s: give one with what "
			"the guest needs",
			FILES_MAX, end, path);
	}
	qsort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(out, json_text(name[i]));
		free(name[i]);
	}
	return n ? 0
		 : err_set(e, ERR_NOT_FOUND, "no %s file is in %s", end, path);
}

static int find_files(
	const char *path, const char *end, json_t *out, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_sys(e, ERR_IO, "%s", path);
	if (S_ISDIR(st.st_mode))
		return in_directory(path, end, out, e);
	if (!S_ISREG(st.st_mode) || !str_ends(path, end))
		return err_set(e, ERR_BAD_INPUT,
			"this guest takes packages that end in %s", end);
	json_array_append_new(out, json_text(path));
	return 0;
}

/* Where they lie in the guest; new reference. */
static json_t *places(const json_t *files, const char *end)
{
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(files); i++) {
		_free_ char *at = xasprintf(PLACE "/%zu%s", i, end);

		json_array_append_new(out, json_text(at));
	}
	return out;
}

static int bring(
	struct guest *g, const json_t *files, const json_t *at, struct err *e)
{
	const json_t *v;
	size_t i;

	if (g->ops->mkdirs(g, PLACE, e))
		return -1;
	json_array_foreach (files, i, v)
		if (g->ops->upload(g, json_string_value(v),
			    json_string_value(json_array_get(at, i)), e))
			return -1;
	return 0;
}

static void clear(struct guest *g, const json_t *at)
{
	const char *const rm[] = {"/bin/rm", "-rf", PLACE, NULL};
	const json_t *v;
	size_t i;

	if (packages_run(g, rm, NULL, NULL) == 0)
		return;
	json_array_foreach (at, i, v)
		g->ops->remove(g, json_string_value(v), NULL);
}

/* --- what a file is --- */

struct fields {
	char *name, *version, *arch;
};

static void fields_free(struct fields *f)
{
	free(f->name);
	free(f->version);
	free(f->arch);
}
#define _fields_ __attribute__((cleanup(fields_free)))

/* Three lines, each perhaps behind "Name: ". */
static int read_fields(struct guest *g, const char *manager, const char *at,
	struct fields *f, struct err *e)
{
	const char *const dpkg[] = {"/usr/bin/dpkg-deb", "-W",
		"--showformat=${Package}\\n${Version}\\n${Architecture}\\n", at,
		NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-qp", "--nosignature",
		"--qf", "%{NAME}\\n%{VERSION}-%{RELEASE}\\n%{ARCH}\\n", at,
		NULL};
	char **to[] = {&f->name, &f->version, &f->arch};
	_free_ char *said = NULL;
	char *p, *line;
	size_t n = 0;

	if (packages_run(g, is_rpm(manager) ? rpm : dpkg, &said, e))
		return -1;
	p = said;
	while (n < ARRAY_LEN(to) && (line = str_line(&p)))
		if (*line && !str_starts(line, "warning:"))
			*to[n++] = str_printable_dup(line);
	return n == ARRAY_LEN(to)
		? 0
		: err_set(e, ERR_BAD_INPUT, "it is no package");
}

/* The architecture that the guest's packages have; to be freed, or null. */
static char *own_arch(struct guest *g, const char *manager, struct err *e)
{
	const char *const dpkg[] = {
		"/usr/bin/dpkg", "--print-architecture", NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-E", "%{_arch}", NULL};
	char *said;

	if (packages_run(g, is_rpm(manager) ? rpm : dpkg, &said, e))
		return NULL;
	said[strcspn(said, "\n")] = '\0';
	return said;
}

/* The number behind a mark, up to a digit's end; null: no such mark. */
static char *number_behind(const char *s, const char *mark)
{
	const char *at = strstr(s, mark);
	size_t n = at ? strspn(at + strlen(mark), "0123456789") : 0;

	return n ? xstrndup(at + strlen(mark), n) : NULL;
}

char *packages_foreign(
	const char *package, const char *distro, const char *version)
{
	static const struct {
		const char *mark, *name;
		const char *distros; /* those that it is for */
	} marks[] = {{"deb", "Debian", " debian "},
		{"~bpo", "Debian", " debian "},
		{".el", "RHEL",
			" rhel centos almalinux rocky ol scientific "
			"eurolinux "},
		{".fc", "Fedora", " fedora "}};
	_free_ char *major = xstrndup(version, strspn(version, "0123456789"));
	_free_ char *word = xasprintf(" %s ", distro);

	if (strstr(package, "ubuntu") && strcmp(distro, "debian") == 0)
		return xstrdup("Ubuntu");
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		_free_ char *n = number_behind(package, marks[i].mark);

		if (!n)
			continue;
		/* A derivative of Debian has numbers of its own: its
		 * dependencies decide. */
		if (!strstr(marks[i].distros, word) && i < 2 &&
			strcmp(distro, "ubuntu"))
			return NULL;
		if (strstr(marks[i].distros, word) &&
			(!*major || strcmp(n, major) == 0))
			return NULL;
		return xasprintf("%s %s", marks[i].name, n);
	}
	return NULL;
}

static int compare(struct guest *g, const char *arch, const struct fields *f,
	const char *file, struct err *e)
{
	_json_ json_t *release = json_object();
	_free_ char *made_for = NULL;

	guest_release(g, release);
	made_for =
		packages_foreign(f->version, json_str_or(release, "distro", ""),
			json_str_or(release, "version", ""));
	if (made_for)
		return err_set(e, ERR_BAD_INPUT,
			"%s %s is made for %s, the guest is %s: fetch that of "
			"the guest's release",
			f->name, f->version, made_for,
			json_str_or(release, "name", "another"));
	if (strcmp(f->arch, arch) && strcmp(f->arch, "all") &&
		strcmp(f->arch, "noarch"))
		return err_set(e, ERR_BAD_INPUT,
			"%s is made for %s, the guest is %s", file, f->arch,
			arch);
	return 0;
}

/* --- before --- */

/* Everything that the packages need is there, or comes along: apt-get knows
 * no other package here than those that are installed. */
static int simulate(
	struct guest *g, const char *manager, const json_t *at, struct err *e)
{
	const char *const dpkg[] = {"/usr/bin/apt-get", "--simulate", "-q",
		"--no-install-recommends", "--no-remove", "-o",
		"Dir::State::Lists=" PLACE "/none", "-o", "Dir::Cache=" PLACE,
		"-o", "Dir::Cache::pkgcache=", "-o",
		"Dir::Cache::srcpkgcache=", "install", NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-U", "--test", NULL};

	if (!is_rpm(manager) && !guest_has(g, "/usr/bin/apt-get"))
		return err_set(e, ERR_GUEST_ACCESS,
			"the guest has no apt-get, by which its dependencies "
			"would be checked");
	return packages_run_on(g, is_rpm(manager) ? rpm : dpkg, at, NULL, e);
}

/* Two lines a file: what it is, and its digest, so that another file in its
 * place is not taken for what was shown. */
static int describe(
	const struct fields *f, const char *file, struct buf *b, struct err *e)
{
	char hex[SHA256_HEX];

	if (sha256_file(file, hex, e))
		return -1;
	buf_addf(b, "    %s %s (%s), %s\n      sha256 %s\n", f->name,
		f->version, f->arch, file, hex);
	return 0;
}

/* Looks at each file; b gets their lines. Just one is `name`. */
static int look(struct guest *g, const struct guest_package *p,
	const char *arch, const json_t *at, struct buf *b, struct err *e)
{
	unsigned found = 0;
	const json_t *v;
	size_t i;

	json_array_foreach (at, i, v) {
		const char *file =
			json_string_value(json_array_get(p->files, i));
		_fields_ struct fields f = {0};

		if (read_fields(g, p->manager, json_string_value(v), &f, e) ||
			compare(g, arch, &f, file, e) ||
			describe(&f, file, b, e))
			return -1;
		found += strcmp(f.name, p->name) == 0;
	}
	if (found == 1)
		return 0;
	return err_set(e, ERR_BAD_INPUT,
		found ? N_("there is more than one %s; leave the one that fits "
			   "the guest")
		      : N_("it is no package %s"),
		p->name);
}

static char *text_of(const struct guest_package *p, const char *lines)
{
	bool rpm = is_rpm(p->manager);

	return xasprintf("install the package %s\n"
			 "  by %s, in the guest's own root, with no network\n"
			 "%s"
			 "  tried by %s: all that it needs is there\n"
			 "  way back: %s %s in the guest\n",
		p->name, rpm ? "rpm -U" : "dpkg -i", lines,
		rpm ? "rpm -U --test" : "apt-get --simulate",
		rpm ? "rpm -e" : "dpkg --purge", p->name);
}

/* The first program that runs makes a guest that is only looked at writable,
 * and tells whether any does. */
static int prepare(struct guest *g, struct guest_package *p, const json_t *at,
	struct err *e)
{
	_free_ char *arch = own_arch(g, p->manager, e);
	_buf_ struct buf lines = {0};

	if (!arch || bring(g, p->files, at, e) ||
		look(g, p, arch, at, &lines, e) ||
		simulate(g, p->manager, at, e))
		return -1;
	p->shown = text_of(p, lines.s);
	return 0;
}

int packages_install(struct guest *g, const char *name, const char *path,
	const char *why, struct guest_changes *cs, struct err *e)
{
	const char *manager = packages_manager(g);
	_package_ struct guest_package *p = xcalloc(1, sizeof(*p));
	_json_ json_t *at = NULL;
	int rc;

	if (!manager)
		return err_set(
			e, ERR_NOT_FOUND, "the guest has neither dpkg nor rpm");
	*p = (struct guest_package){.manager = manager,
		.name = xstrdup(name),
		.files = json_array()};
	if (find_files(path, ending(manager), p->files, e))
		return -1;
	at = places(p->files, ending(manager));
	rc = prepare(g, p, at, e);
	clear(g, at);
	if (rc)
		return -1;
	packages_change(cs, p, why);
	p = NULL;
	return 0;
}

/* --- the real thing --- */

/* SELinux is not at work in the appliance, so rpm gives no contexts: they are
 * set by the guest's own setfiles, as its policy has them. */
static void label(struct guest *g, const char *name)
{
	static const char policy[] =
		"/etc/selinux/targeted/contexts/files/file_contexts";
	const char *const list[] = {"/usr/bin/rpm", "-ql", name, NULL};
	const char *const set[] = {"/usr/sbin/setfiles", "-F", policy, NULL};
	_json_ json_t *files = json_array();
	_free_ char *said = NULL;
	char *p, *line;

	if (!guest_has(g, policy) || packages_run(g, list, &said, NULL))
		return;
	p = said;
	while ((line = str_line(&p)))
		if (*line == '/' && guest_has(g, line))
			json_array_append_new(files, json_text(line));
	packages_run_on(g, set, files, NULL, NULL);
}

static char *not_installed(
	struct guest *g, const struct guest_package *p, const char *why)
{
	_free_ char *state = packages_state(g, p);

	if (!state)
		return xasprintf(
			N_("%s was not installed (%s): install it in the "
			   "guest"),
			p->name, why);
	return xasprintf(
		N_("%s was installed in part only (%s; dpkg has it as \"%s\"): "
		   "in the guest, dpkg --purge %s, then install it there"),
		p->name, why, state, p->name);
}

static int install(struct guest *g, const struct guest_package *p,
	const json_t *at, char **said, struct err *e)
{
	const char *const dpkg[] = {
		"/usr/bin/dpkg", "--force-confold", "-i", NULL};
	const char *const rpm[] = {"/usr/bin/rpm", "-U", NULL};
	const char *const undo[] = {"/usr/bin/dpkg", "--purge", p->name, NULL};
	struct err why = {0};

	if (packages_run_on(
		    g, is_rpm(p->manager) ? rpm : dpkg, at, NULL, &why) == 0) {
		if (is_rpm(p->manager))
			label(g, p->name);
		return 0;
	}
	/* dpkg leaves what it unpacked; rpm begins only what it can end. */
	if (!is_rpm(p->manager))
		packages_run(g, undo, NULL, NULL);
	*said = not_installed(g, p, why.why);
	return stop_check(e);
}

int packages_put(struct guest *g, const struct guest_package *p, char **said,
	struct err *e)
{
	_json_ json_t *at = places(p->files, ending(p->manager));
	int rc = bring(g, p->files, at, e);

	if (rc == 0)
		rc = install(g, p, at, said, e);
	clear(g, at);
	return rc;
}
