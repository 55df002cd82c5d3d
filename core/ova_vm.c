/* What an OVA holds: its envelope, its manifest, its members together. */
#include "ovf.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "manifest.h"
#include "str.h"

/* --- the package --- */

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
	_manifest_ struct manifest m = {0};
	_free_ char *text = NULL;
	struct err e = {0};

	if (!mf)
		return;
	if (ova_read(fd, mf, 1u << 20, &text, &e) ||
		manifest_parse(text, &m, &e)) {
		vm_warn(v, "The manifest %s cannot be read: %s.", mf->name,
			e.why);
		return;
	}
	for (size_t i = 0; i < m.n; i++)
		if (!ova_find(a, m.lines[i].name))
			vm_warn(v,
				"The manifest lists %s, which is not in the "
				"archive.",
				m.lines[i].name);
	for (size_t i = 0; i < v->n_disks; i++)
		if (v->disks[i].file && ova_find(a, v->disks[i].file) &&
			!manifest_find(&m, v->disks[i].file))
			vm_warn(v, "The manifest has no digest of %s.",
				v->disks[i].file);
}

static void check_disks(const struct ova *a, struct vm *v)
{
	for (size_t i = 0; i < v->n_disks; i++) {
		struct vm_disk *d = &v->disks[i];

		str_set(&d->path, NULL);
		if (!d->file || d->unsupported || ova_find(a, d->file))
			continue;
		d->unsupported = xstrdup(N_("its file is not in the archive"));
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
