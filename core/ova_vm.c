/* What an OVA holds: its envelope, its manifest, its members together. */
#include "ovf.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

/* --- manifest --- */

void ovf_names_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

/* "SHA256(NAME)= HEX", also "SHA1 (NAME) = HEX"; null where it is none. */
static char *manifest_name(char *line)
{
	char *open = strchr(line, '('), *close = strrchr(line, ')');

	if (strncasecmp(line, "SHA", 3) != 0 || !open || !close ||
		close <= open + 1 || !strchr(close, '='))
		return NULL;
	return xstrndup(open + 1, close - open - 1);
}

int ovf_manifest(const char *text, char ***names, struct err *e)
{
	_free_ char *copy = xstrdup(text);
	char *p = copy, *line, *name, **all = xcalloc(1, sizeof(*all));
	size_t n = 0, at = 0;

	while ((line = str_line(&p))) {
		at++;
		line = str_trim(line);
		if (!*line)
			continue;
		name = manifest_name(line);
		if (!name) {
			ovf_names_free(all);
			return err_set(e, ERR_BAD_OVF,
				"line %zu of the manifest is not "
				"DIGEST(NAME)= HEX",
				at);
		}
		all = xreallocarray(all, n + 2, sizeof(*all));
		all[n++] = name;
		all[n] = NULL;
	}
	*names = all;
	return 0;
}

/* --- the package --- */

static bool named(char **names, const char *name)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static const struct ova_member *find_manifest(const struct ova *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (str_ends(a->members[i].name, ".mf"))
			return &a->members[i];
	return NULL;
}

static void check_manifest(int fd, const struct ova *a, struct vm *v)
{
	const struct ova_member *mf = find_manifest(a);
	_free_ char *text = NULL;
	char **names = NULL;
	struct err e = {0};

	if (!mf)
		return;
	if (ova_read(fd, mf, 1u << 20, &text, &e) ||
		ovf_manifest(text, &names, &e)) {
		vm_warn(v, "The manifest %s cannot be read: %s.", mf->name,
			e.why);
		return;
	}
	for (size_t i = 0; names[i]; i++)
		if (!ova_find(a, names[i]))
			vm_warn(v,
				"The manifest lists %s, which is not in the "
				"archive.",
				names[i]);
	for (size_t i = 0; i < v->n_disks; i++)
		if (v->disks[i].file && ova_find(a, v->disks[i].file) &&
			!named(names, v->disks[i].file))
			vm_warn(v, "The manifest has no digest of %s.",
				v->disks[i].file);
	ovf_names_free(names);
}

static void check_disks(const struct ova *a, struct vm *v)
{
	for (size_t i = 0; i < v->n_disks; i++) {
		struct vm_disk *d = &v->disks[i];

		str_set(&d->path, NULL);
		if (!d->file || d->unsupported || ova_find(a, d->file))
			continue;
		d->unsupported = xstrdup("its file is not in the archive");
		vm_warn(v, "The archive does not have %s, the disk of %s.",
			d->file, d->slot);
	}
}

int ova_parse(int fd, const char *path, struct vm **out, struct err *e)
{
	_ova_ struct ova *a = NULL;
	_vm_ struct vm *v = NULL;
	_free_ char *text = NULL;
	const struct ova_member *m;

	if (ova_list(fd, &a, e))
		return -1;
	m = &a->members[a->ovf];
	if (ova_read(fd, m, OVF_MAX, &text, e) ||
		ovf_parse(text, m->size, path, &v, e))
		return -1;
	check_disks(a, v);
	check_manifest(fd, a, v);
	*out = v;
	v = NULL;
	return 0;
}
