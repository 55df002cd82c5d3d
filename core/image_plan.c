/* What an image is made of, and how QEMU opens it: see image_plan.h. */
#include "image_plan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "i18n.h"
#include "ovf.h"
#include "proc.h"
#include "str.h"
#include "vmdk.h"

#define HEAD 65536   /* bytes looked at; enough for an embedded descriptor */
#define LINKS_MAX 64 /* VMware makes 32 snapshots at most */

static void add_file(struct image_plan *m, const char *path)
{
	m->files = xreallocarray(m->files, m->n_files + 1, sizeof(char *));
	m->files[m->n_files++] = xstrdup(path);
}

/* QEMU's options part at commas; a comma of a name is written twice. */
static void add_value(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == ',')
			buf_addc(b, ',');
		buf_addc(b, *s);
	}
}

/* The first HEAD bytes of a file, parsed. */
static int read_vmdk(const char *path, struct vmdk **out, struct err *e)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_free_ unsigned char *head = xcalloc(1, HEAD);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, HEAD, 0);

	if (n < 0)
		return err_sys(e, ERR_IO, "%s", path);
	return vmdk_parse(head, n, out, e);
}

/* --- what may be opened, and how --- */

static int refuse_qcow2(
	const unsigned char *head, size_t n, const char *path, struct err *e)
{
	uint64_t backing = 0;
	bool external;

	if (n < 104 || memcmp(head, "QFI\xfb", 4) != 0)
		return err_set(e, ERR_BAD_INPUT, "%s is not a qcow2", path);
	for (int i = 8; i < 16; i++)
		backing = backing << 8 | head[i];
	/* Incompatible feature bit 2, of version 3. */
	external = head[7] >= 3 && (head[79] & 4);
	if (backing)
		return err_set(e, ERR_DISK_CHAIN,
			"%s has a backing file: qemu-img convert makes one "
			"whole image of it",
			path);
	if (external)
		return err_set(e, ERR_DISK_UNSUPPORTED,
			"%s keeps its data in another file", path);
	return 0;
}

static bool qemu_reads(const struct vmdk *d)
{
	static const char *const kinds[] = {"monolithicSparse",
		"streamOptimized", "monolithicFlat", "twoGbMaxExtentSparse",
		"twoGbMaxExtentFlat"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(d->create_type, kinds[i]) == 0)
			return !d->unsupported ||
				!strstr(d->unsupported, "encrypted");
	return false;
}

static int add_extents(struct image_plan *m, const struct vmdk *d,
	const char *path, struct err *e)
{
	_free_ char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	for (size_t i = 0; i < d->n_extents; i++) {
		const char *file = d->extents[i].file;
		_free_ char *full = NULL;
		struct stat st;

		if (!file)
			continue;
		if (strchr(file, '/'))
			return err_set(e, ERR_DISK_UNSUPPORTED,
				"%s names an extent in another directory: %s",
				path, file);
		full = path_join(dir, file);
		if (stat(full, &st))
			return err_sys(e, ERR_DISK_MISSING, "%s", full);
		if (vmdk_check_size(d, i, st.st_size, e))
			return -1;
		add_file(m, full);
	}
	return 0;
}

/* embedded: the descriptor of a sparse image names its own file as it was
 * called when it was made; nobody follows that name. */
static int plan_vmdk(struct image_plan *m, const struct vmdk *d,
	const char *path, struct err *e)
{
	if (!d->embedded && add_extents(m, d, path, e))
		return -1;
	if (!d->unsupported && !d->embedded) {
		m->file = xstrdup(m->files[m->n_files - 1]);
		m->format = "raw";
		m->capacity = d->capacity; /* the file may be longer */
		return 0;
	}
	if (!qemu_reads(d))
		return vmdk_usable(d, e);
	m->file = xstrdup(path);
	m->format = "vmdk";
	return 0;
}

/* --- a disk on snapshots --- */

static void add_link(struct image_plan *m, const char *path)
{
	m->links = xreallocarray(m->links, m->n_links + 1, sizeof(char *));
	m->links[m->n_links++] = xstrdup(path);
}

/* QEMU's options for the chain from link `from` on: each file is named here,
 * so that QEMU follows no name that stands in a descriptor. */
static char *chain_options(const struct image_plan *m, size_t from)
{
	_buf_ struct buf b = {0}, at = {0};

	for (size_t i = from; i < m->n_links; i++) {
		const char *in = at.s ? at.s : "";

		buf_addf(&b,
			"%s%sdriver=vmdk,%sfile.driver=file,%sfile.filename=",
			i > from ? "," : "", in, in, in);
		add_value(&b, m->links[i]);
		buf_adds(&at, "backing.");
	}
	return buf_steal(&b);
}

static bool chain_kind(const struct vmdk *d)
{
	static const char *const kinds[] = {"vmfsSparse", "seSparse",
		"monolithicSparse", "twoGbMaxExtentSparse"};

	if (!d->child)
		return !d->unsupported || qemu_reads(d);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(d->create_type, kinds[i]) == 0)
			return true;
	return false;
}

static int take_link(struct image_plan *m, const struct vmdk *d,
	const char *path, struct err *e)
{
	if (!chain_kind(d))
		return vmdk_usable(d, e);
	if (m->n_links == LINKS_MAX)
		return err_set(e, ERR_DISK_CHAIN,
			"%s is the end of more than %d snapshots", path,
			LINKS_MAX);
	add_link(m, path);
	return d->embedded ? 0 : add_extents(m, d, path, e);
}

/* The file beside it that the child means, and whether it is still what it
 * was when the snapshot was made. */
static int find_parent(const struct vmdk *d, const char *path, char **where,
	struct vmdk **out, struct err *e)
{
	const char *hint = d->parent_hint ? d->parent_hint : "", *base = hint;
	_free_ char *dir = xstrdup(path), *full = NULL;
	_vmdk_ struct vmdk *parent = NULL;

	*strrchr(dir, '/') = '\0';
	for (const char *p = hint; *p; p++)
		if (*p == '/' || *p == '\\')
			base = p + 1;
	if (!*base)
		return err_set(e, ERR_DISK_CHAIN,
			"%s is on a snapshot and does not name its parent",
			path);
	full = path_join(dir, base);
	if (!file_exists(full))
		return err_set(e, ERR_DISK_MISSING,
			"%s is on a snapshot, its parent %s is not there", path,
			full);
	if (read_vmdk(full, &parent, e))
		return -1;
	if (!parent->cid || !d->parent_cid ||
		strcmp(parent->cid, d->parent_cid) != 0 ||
		parent->capacity != d->capacity)
		return err_set(e, ERR_DISK_CHAIN,
			"%s was changed after the snapshot %s was made "
			"(content "
			"id %s, not %s)",
			full, path, parent->cid ? parent->cid : "none",
			d->parent_cid ? d->parent_cid : "none");
	*where = full;
	full = NULL;
	*out = parent;
	parent = NULL;
	return 0;
}

static int plan_chain(struct image_plan *m, const struct vmdk *top,
	const char *path, struct err *e)
{
	_free_ char *at = xstrdup(path);
	_vmdk_ struct vmdk *own = NULL;
	const struct vmdk *d = top;

	while (take_link(m, d, at, e) == 0) {
		struct vmdk *parent = NULL;
		char *where = NULL;

		if (!d->child) {
			m->file = chain_options(m, 0);
			m->format = "vmdk";
			m->options = true;
			return 0;
		}
		if (find_parent(d, at, &where, &parent, e))
			return -1;
		free(at);
		at = where;
		vmdk_free(own);
		d = own = parent;
		add_file(m, at);
	}
	return -1;
}

static int plan_qcow2(struct image_plan *m, const char *path, struct err *e)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char head[512];
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

	if (n < 0)
		return err_sys(e, ERR_IO, "%s", path);
	m->file = xstrdup(path);
	m->format = "qcow2";
	return refuse_qcow2(head, n, path, e);
}

static int plan_file(struct image_plan *m, const char *path, struct err *e)
{
	_vmdk_ struct vmdk *d = NULL;

	add_file(m, path);
	if (str_ends(path, ".qcow2"))
		return plan_qcow2(m, path, e);
	return read_vmdk(path, &d, e) ||
			(d->child ? plan_chain(m, d, path, e)
				  : plan_vmdk(m, d, path, e))
		? -1
		: 0;
}

/* --- inside an OVA --- */

static const struct ova_member *only_disk(const struct ova *a)
{
	const struct ova_member *found = NULL;

	for (size_t i = 0; i < a->n; i++) {
		if (!str_ends(a->members[i].name, ".vmdk"))
			continue;
		if (found)
			return NULL;
		found = &a->members[i];
	}
	return found;
}

static int refuse_member(int fd, const struct ova_member *x, struct err *e)
{
	_free_ unsigned char *head = xcalloc(1, HEAD);
	size_t len = x->size < HEAD ? x->size : HEAD;
	_vmdk_ struct vmdk *d = NULL;
	ssize_t n = pread(fd, head, len, x->offset);

	if (n < 0)
		return err_sys(e, ERR_IO, "%s", x->name);
	if (vmdk_parse(head, n, &d, e))
		return -1;
	return d->child || !d->embedded || !qemu_reads(d)
		? err_set(e, ERR_DISK_UNSUPPORTED, "%s: %s", x->name,
			  d->unsupported ? d->unsupported
					 : N_("only a descriptor"))
		: 0;
}

static int plan_ova(struct image_plan *m, const char *path, const char *member,
	struct err *e)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_ova_ struct ova *a = NULL;
	const struct ova_member *x;
	_buf_ struct buf b = {0};

	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", path);
	if (ova_list(fd, &a, e))
		return -1;
	x = member ? ova_find(a, member) : only_disk(a);
	if (!x)
		return err_set(e, ERR_NOT_FOUND,
			member ? "%s has no member %s"
			       : N_("%s has not exactly one disk: name it "
				    "behind "
				    "a '#'%s"),
			path, member ? member : "");
	if (refuse_member(fd, x, e))
		return -1;
	add_file(m, path);
	buf_addf(&b,
		"driver=vmdk,file.driver=raw,file.offset=%llu,file.size=%llu,"
		"file.file.driver=file,file.file.filename=",
		(unsigned long long)x->offset, (unsigned long long)x->size);
	add_value(&b, path);
	m->file = buf_steal(&b);
	m->format = "vmdk";
	m->options = true;
	return 0;
}

static int plan(struct image_plan *m, struct err *e)
{
	char *hash = strstr(m->path, ".ova#");

	if (hash) {
		hash[4] = '\0';
		return plan_ova(m, m->path, hash + 5, e);
	}
	if (str_ends(m->path, ".ova"))
		return plan_ova(m, m->path, NULL, e);
	return plan_file(m, m->path, e);
}

static int check_one(const char *file, const char *format, bool options,
	const char *path, struct err *e)
{
	const char *const argv[] = {"qemu-img", "check",
		options ? "--image-opts" : "-f", options ? file : format,
		options ? NULL : file, NULL};
	_proc_ struct proc_result r = {0};

	if (proc_run(argv, NULL, &r, e))
		return -1;
	if (r.status == 0)
		return 0;
	return err_set(e, ERR_DISK_MISSING,
		"%s is damaged or cut off: qemu-img check: %.100s", path,
		str_trim(*r.err ? r.err : r.out));
}

int image_check(const struct image_plan *m, struct err *e)
{
	if (strcmp(m->format, "raw") == 0)
		return 0;
	if (!m->n_links)
		return check_one(m->file, m->format, m->options, m->path, e);
	for (size_t i = 0; i < m->n_links; i++) {
		_free_ char *options = chain_options(m, i);
		_vmdk_ struct vmdk *d = NULL;

		if (read_vmdk(m->links[i], &d, e))
			return -1;
		/* Grains of 512 bytes: it would take hours. */
		if (!strstr(d->create_type, "onolithicSparse") &&
			!strstr(d->create_type, "ExtentSparse"))
			continue;
		if (check_one(options, NULL, true, m->links[i], e))
			return -1;
	}
	return 0;
}

void image_plan_free(struct image_plan *m)
{
	for (size_t i = 0; i < m->n_files; i++)
		free(m->files[i]);
	for (size_t i = 0; i < m->n_links; i++)
		free(m->links[i]);
	free(m->links);
	free(m->files);
	free(m->path);
	free(m->file);
	*m = (struct image_plan){0};
}

int image_plan(const char *spec, struct image_plan *out, struct err *e)
{
	struct image_plan m = {.path = xstrdup(spec)};

	if (plan(&m, e)) {
		image_plan_free(&m);
		return -1;
	}
	*out = m;
	return 0;
}
