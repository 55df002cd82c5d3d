/*
 * A plain local disk: a raw or flat file, or a block device. Holes of the
 * file (SEEK_HOLE) are what was never written; a block device is read whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../i18n.h"
#include "../blockid.h"
#include "../source.h"
#include "../str.h"

#define PIECE (1U << 20)

struct file {
	int fd;
	char *path;
};

struct file_reader {
	int fd;
	const char *path;
	unsigned char *buf; /* PIECE */
};

/* image.c has the kinds that are more than bytes. */
static bool takes(const char *spec)
{
	if (!source_is_path(spec))
		return false;
	if (str_ends(spec, "-flat.vmdk"))
		return true;
	return !str_ends(spec, ".vmdk") && !str_ends(spec, ".qcow2") &&
		!strstr(spec, ".ova");
}

/* Copied as bytes, an image file would give a disk that does not boot. */
static int refuse_images(const struct file *f, struct err *e)
{
	static const struct {
		const char *magic, *kind;
	} known[] = {
		{"QFI\xfb", "qcow2"},
		{"KDMV", "sparse vmdk"},
		{"COWD", "vmdk delta"},
		{"# Disk DescriptorFile", "vmdk descriptor"},
	};
	char head[32] = "";

	if (pread(f->fd, head, sizeof(head) - 1, 0) < 0)
		return err_sys(e, ERR_SOURCE_READ, "%s", f->path);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_starts(head, known[i].magic))
			return err_set(e, ERR_BAD_INPUT,
				"%s is a %s, not a raw disk: its name must end "
				"in .qcow2 or .vmdk",
				f->path, known[i].kind);
	return 0;
}

static int find_size(const struct file *f, uint64_t *size, struct err *e)
{
	struct stat st;

	if (fstat(f->fd, &st))
		return err_sys(e, ERR_IO, "%s", f->path);
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(f->fd, BLKGETSIZE64, size))
			return err_sys(e, ERR_IO, "size of %s", f->path);
	} else if (S_ISREG(st.st_mode)) {
		*size = st.st_size;
	} else {
		return err_set(e, ERR_BAD_INPUT,
			"%s is neither a file nor a block device", f->path);
	}
	if (!*size)
		return err_set(e, ERR_BAD_INPUT, "%s is empty", f->path);
	return 0;
}

static void close_file(struct disk_in *in)
{
	struct file *f = in->priv;

	close(f->fd);
	free(f->path);
	free(f);
}

static int open_file(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	int fd = open(spec, O_RDONLY | O_CLOEXEC);
	struct file *f;

	(void)o;
	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", spec);
	f = xcalloc(1, sizeof(*f));
	f->fd = fd;
	f->path = xstrdup(spec);
	in->priv = f;
	source_one_road(in, "file");
	if (find_size(f, &in->size, e) || refuse_images(f, e)) {
		close_file(in);
		return -1;
	}
	return 0;
}

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	const struct file *f = in->priv;
	_free_ char *id = NULL;
	uint64_t size;
	struct stat st;
	json_t *o;

	if (fstat(f->fd, &st))
		return err_sys(e, ERR_IO, "%s", f->path);
	if (find_size(f, &size, e))
		return -1;
	o = json_object();
	json_put_str(o, "path", f->path);
	json_put_u64(o, "size", size);
	if (S_ISBLK(st.st_mode)) {
		/* The times of a device node say nothing of its content, and
		 * its number is another after a reboot. */
		id = block_id(f->path);
		if (id)
			json_put_str(o, "device", id);
		else
			json_put_u64(o, "rdev", st.st_rdev);
	} else {
		json_put_u64(o, "inode", st.st_ino);
		json_put_u64(o, "mtime", st.st_mtim.tv_sec);
		json_put_u64(o, "mtime_ns", st.st_mtim.tv_nsec);
	}
	*out = o;
	return 0;
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	const struct file *f = in->priv;
	struct extents x = {0};
	uint64_t at = 0;

	(void)e;
	while (at < in->size) {
		off_t data = lseek(f->fd, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			data = in->size;
		hole = data < 0 ? -1 : lseek(f->fd, data, SEEK_HOLE);
		if ((uint64_t)data >= in->size && data > 0)
			hole = data = in->size;
		if (data < 0 || hole < 0 || (uint64_t)data < at) {
			/* A kind that does not tell. */
			extents_free(&x);
			extents_add(&x, in->size, true);
			*why = xasprintf(
				N_("%s does not tell its holes"), f->path);
			break;
		}
		if ((uint64_t)hole > in->size)
			hole = in->size;
		extents_add(&x, data - at, false);
		extents_add(&x, hole - data, true);
		at = hole;
	}
	*out = x;
	return 0;
}

static int reader_open(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	const struct file *f = in->priv;
	struct file_reader *r;
	char self[32];
	int fd;

	(void)road;
	/* The same file, even where the name has moved on. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	fd = open(self, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, ERR_SOURCE_READ, "%s", f->path);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	r = xcalloc(1, sizeof(*r));
	r->fd = fd;
	r->path = f->path;
	r->buf = xmalloc(PIECE);
	*out = r;
	return 0;
}

static int read_some(struct file_reader *r, uint64_t off, size_t want,
	size_t *n, struct err *e)
{
	char where[STR_SIZE_LEN];
	ssize_t got = pread(r->fd, r->buf, want, off);

	if (got < 0 && errno == EINTR)
		got = pread(r->fd, r->buf, want, off);
	if (got < 0)
		return err_sys(e, ERR_SOURCE_READ, "%s at %s", r->path,
			str_size(where, off));
	if (got == 0)
		return err_set(e, ERR_SOURCE_READ, "%s ends at %s", r->path,
			str_size(where, off));
	*n = got;
	return 0;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	struct file_reader *r = reader;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = x[i].offset, left = x[i].length;

		while (left) {
			size_t part = left < PIECE ? left : PIECE;

			if (read_some(r, at, part, &part, e) ||
				got(arg, r->buf, part, e))
				return -1;
			at += part;
			left -= part;
		}
		/* Read once: the node's page cache has better to keep. */
		posix_fadvise(
			r->fd, x[i].offset, x[i].length, POSIX_FADV_DONTNEED);
	}
	return 0;
}

static void reader_close(void *reader)
{
	struct file_reader *r = reader;

	close(r->fd);
	free(r->buf);
	free(r);
}

const struct source source_file = {
	.name = "file",
	.takes = takes,
	.open = open_file,
	.identity = identity,
	.extents = extents,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_file,
	.readers = 2,
};
