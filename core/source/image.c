/*
 * A disk image that is more than bytes: VMDK (flat with descriptor, sparse,
 * split, streamOptimized, inside an OVA) and qcow2, read through a qemu-nbd
 * of our own. Its block status is the map. Keeps true: nothing is read but
 * the file named and, for a VMDK, extents in the same directory: an image is
 * its maker's to write, and could name any file of this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../i18n.h"
#include "../nbd.h"
#include "../ovf.h"
#include "../proc.h"
#include "../source.h"
#include "../str.h"
#include "../vmdk.h"

#define PIECE (1U << 20)
#define HEAD 65536 /* bytes looked at; enough for an embedded descriptor */
#define CLIENTS 20 /* readers at once, and ourselves */
#define KNOWN_MAX 1000000 /* extents */

struct image {
	struct nbd_server *server;
	struct disk_out look; /* our own connection, for size and status */
	char *path;           /* of the file that was named */
	char **files;         /* all files it is made of, absolute or not */
	size_t n_files;
	uint64_t capacity; /* by the descriptor; 0: what qemu-nbd says */
};

static bool takes(const char *spec)
{
	if (*spec != '/' && !str_starts(spec, "./") && !str_starts(spec, "../"))
		return false;
	if (str_ends(spec, "-flat.vmdk"))
		return false;
	return str_ends(spec, ".vmdk") || str_ends(spec, ".qcow2") ||
		strstr(spec, ".ova");
}

static void add_file(struct image *m, const char *path)
{
	m->files = xreallocarray(m->files, m->n_files + 1, sizeof(char *));
	m->files[m->n_files++] = xstrdup(path);
}

/* --- what may be opened, and how --- */

/* How qemu-nbd is to open it. */
struct how {
	char *file; /* path, or options */
	const char *format;
	bool options;
};

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

static int add_extents(
	struct image *m, const struct vmdk *d, const char *path, struct err *e)
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
static int plan_vmdk(struct image *m, const struct vmdk *d, const char *path,
	struct how *how, struct err *e)
{
	if (d->child)
		return vmdk_usable(d, e);
	if (!d->embedded && add_extents(m, d, path, e))
		return -1;
	if (!d->unsupported && !d->embedded) {
		how->file = xstrdup(m->files[m->n_files - 1]);
		how->format = "raw";
		m->capacity = d->capacity; /* the file may be longer */
		return 0;
	}
	if (!qemu_reads(d))
		return vmdk_usable(d, e);
	how->file = xstrdup(path);
	how->format = "vmdk";
	return 0;
}

static int plan_file(
	struct image *m, const char *path, struct how *how, struct err *e)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_free_ unsigned char *head = xcalloc(1, HEAD);
	_vmdk_ struct vmdk *d = NULL;
	ssize_t n = fd < 0 ? -1 : pread(fd, head, HEAD, 0);

	if (n < 0)
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			"%s", path);
	add_file(m, path);
	if (str_ends(path, ".qcow2")) {
		how->file = xstrdup(path);
		how->format = "qcow2";
		return refuse_qcow2(head, n, path, e);
	}
	if (vmdk_parse(head, n, &d, e))
		return -1;
	return plan_vmdk(m, d, path, how, e);
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

/* QEMU's options part at commas; a comma of a name is written twice. */
static void add_value(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == ',')
			buf_addc(b, ',');
		buf_addc(b, *s);
	}
}

static int plan_ova(struct image *m, const char *path, const char *member,
	struct how *how, struct err *e)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_ova_ struct ova *a = NULL;
	const struct ova_member *x;
	_buf_ struct buf b = {0};

	if (fd < 0)
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			"%s", path);
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
	how->file = buf_steal(&b);
	how->format = "vmdk";
	how->options = true;
	return 0;
}

static int plan(struct image *m, struct how *how, struct err *e)
{
	char *hash = strstr(m->path, ".ova#");

	if (hash) {
		hash[4] = '\0';
		return plan_ova(m, m->path, hash + 5, how, e);
	}
	if (str_ends(m->path, ".ova"))
		return plan_ova(m, m->path, NULL, how, e);
	return plan_file(m, m->path, how, e);
}

/* QEMU reads zeros where the data of a sparse image that was cut off should
 * be; its check finds them by the image's own tables. */
static int check_whole(const struct how *how, const char *path, struct err *e)
{
	const char *const argv[] = {"qemu-img", "check",
		how->options ? "--image-opts" : "-f",
		how->options ? how->file : how->format,
		how->options ? NULL : how->file, NULL};
	_proc_ struct proc_result r = {0};

	if (strcmp(how->format, "raw") == 0)
		return 0;
	if (proc_run(argv, NULL, &r, e))
		return -1;
	if (r.status == 0)
		return 0;
	return err_set(e, ERR_DISK_MISSING,
		"%s is damaged or cut off: qemu-img check: %.100s", path,
		str_trim(*r.err ? r.err : r.out));
}

/* --- open and close --- */

static void close_image(struct disk_in *in)
{
	struct image *m = in->priv;

	cleanup_sink(&m->look);
	nbd_server_end(m->server, NULL);
	for (size_t i = 0; i < m->n_files; i++)
		free(m->files[i]);
	free(m->files);
	free(m->path);
	free(m);
}

static int serve(struct image *m, const struct how *how, struct err *e)
{
	const struct nbd_serve s = {
		.file = how->file,
		.format = how->format,
		.image_opts = how->options,
		.read_only = true,
		.clients = CLIENTS,
		.direct = !how->options && file_takes_direct(how->file, false),
	};
	const struct sink_opts o = {.read_only = true};
	struct nbdc *c;

	if (nbd_server_start(&s, &m->server, &c, e))
		return -1;
	return nbdc_sink(c, &o, &m->look, e);
}

static int open_image(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	struct image *m = xcalloc(1, sizeof(*m));
	struct how how = {0};
	int rc;

	in->priv = m;
	source_one_road(in, "qemu-nbd");
	m->path = xstrdup(spec);
	rc = plan(m, &how, e) ||
		(o && o->check && check_whole(&how, spec, e)) ||
		serve(m, &how, e);
	free(how.file);
	if (rc) {
		close_image(in);
		return -1;
	}
	in->size = m->capacity ? m->capacity : m->look.size;
	if (m->look.size >= in->size)
		return 0;
	err_set(e, ERR_DISK_MISSING, "%s has %llu bytes, its descriptor %llu",
		m->files[m->n_files - 1], (unsigned long long)m->look.size,
		(unsigned long long)in->size);
	close_image(in);
	return -1;
}

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	const struct image *m = in->priv;
	_json_ json_t *o = json_object(), *files = json_array();

	json_put_u64(o, "size", in->size);
	for (size_t i = 0; i < m->n_files; i++) {
		json_t *f;

		if (source_file_json(m->files[i], &f, e))
			return -1;
		json_array_append_new(files, f);
	}
	json_object_set(o, "files", files);
	*out = json_incref(o);
	return 0;
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	struct image *m = in->priv;
	_extents_ struct extents all = {0};
	struct extents x = {0};

	(void)why;
	if (sink_extents(&m->look, KNOWN_MAX, &all, e))
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		uint64_t room = in->size - extents_end(&x);
		uint64_t len = all.e[i].length;

		extents_add(&x, len < room ? len : room, all.e[i].data);
	}
	*out = x;
	return 0;
}

/* --- readers --- */

struct image_reader {
	struct nbdc *c;
	unsigned char *buf; /* PIECE */
};

static int reader_open(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	const struct image *m = in->priv;
	struct image_reader *r;
	struct nbdc *c;

	(void)road;
	if (nbdc_unix(nbd_server_socket(m->server), &c, e))
		return -1;
	r = xcalloc(1, sizeof(*r));
	r->c = c;
	r->buf = xmalloc(PIECE);
	*out = r;
	return 0;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	struct image_reader *r = reader;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = x[i].offset, left = x[i].length;

		while (left) {
			size_t part = left < PIECE ? left : PIECE;

			if (nbdc_pread(r->c, r->buf, part, at, e) ||
				got(arg, r->buf, part, e))
				return -1;
			at += part;
			left -= part;
		}
	}
	return 0;
}

static void reader_close(void *reader)
{
	struct image_reader *r = reader;

	nbdc_close(r->c, NULL);
	free(r->buf);
	free(r);
}

const struct source source_image = {
	.name = "image",
	.takes = takes,
	.open = open_image,
	.identity = identity,
	.extents = extents,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_image,
	.readers = 2,
};
