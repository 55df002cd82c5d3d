/*
 * The file or device of a target: see aio_own.h. Keeps true: QEMU and we never
 * write it at the same time.
 */
#include "aio_own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stop.h"
#include "str.h"

#define LOCK_TIMEOUT 15.0 /* s, for the one who has it open */
#define ZEROS (1U << 20)  /* bytes written at once */

/* --- zeros --- */

static int by_fallocate(const struct aio_file *f, int mode, uint64_t off,
	uint64_t len, bool *no)
{
	if (*no)
		return EOPNOTSUPP;
	if (fallocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, off, len) == 0)
		return 0;
	/* A device says EINVAL or ENOTTY for what its driver does not know. */
	*no = errno != EINTR && errno != EIO && errno != ENOSPC;
	return errno;
}

static int by_writing(struct aio_file *f, uint64_t off, uint64_t len)
{
	if (!f->zeros) {
		f->zeros = xaligned(ZEROS);
		memset(f->zeros, 0, ZEROS);
	}
	while (len) {
		ssize_t n =
			pwrite(f->fd, f->zeros, len < ZEROS ? len : ZEROS, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : ENOSPC;
		off += n;
		len -= n;
	}
	return 0;
}

int aio_zero(struct aio_file *f, uint64_t off, uint64_t len)
{
	int rc = by_fallocate(f, FALLOC_FL_PUNCH_HOLE, off, len, &f->no_hole);

	if (f->no_hole)
		rc = by_fallocate(
			f, FALLOC_FL_ZERO_RANGE, off, len, &f->no_range);
	if (f->no_hole && f->no_range)
		rc = by_writing(f, off, len);
	return rc;
}

/* --- open --- */

/* What the device below a file is addressed in, or 0. A hole of the file is
 * read in any size, so that trying tells nothing. */
static uint32_t blocks_below(const struct stat *st)
{
	static const char *const names[] = {"queue/logical_block_size",
		"../queue/logical_block_size"}; /* of a disk, a partition */
	_free_ char *dir = xasprintf(
		"/sys/dev/block/%u:%u", major(st->st_dev), minor(st->st_dev));
	uint64_t n = 0;

	for (size_t i = 0; !n && i < ARRAY_LEN(names); i++) {
		_free_ char *path = path_join(dir, names[i]), *text = NULL;

		if (file_read(path, 64, &text, NULL, NULL) ||
			str_u64(str_trim(text), AIO_ALIGN, &n))
			n = 0;
	}
	return n;
}

/* A block that it takes and its size is a multiple of; 0: none that we can. */
static uint32_t block_of(const struct aio_file *f, const struct stat *st)
{
	uint32_t block = AIO_ALIGN;
	unsigned char *buf;
	int n = 0;

	if (f->device) {
		if (ioctl(f->fd, BLKSSZGET, &n) || n < 512 || n > AIO_ALIGN)
			n = 0;
		return n;
	}
	/* Whole pages suit every file system. */
	if (f->size % AIO_ALIGN)
		block = blocks_below(st);
	buf = xaligned(AIO_ALIGN);
	if (block && pread(f->fd, buf, block, 0) < 0)
		block = 0;
	free(buf);
	return block;
}

static int look_at(struct aio_file *f, struct err *e)
{
	struct stat st;

	if (fstat(f->fd, &st))
		return err_sys(e, ERR_IO, "look at the target");
	f->device = S_ISBLK(st.st_mode);
	f->size = st.st_size;
	if (f->device && ioctl(f->fd, BLKGETSIZE64, &f->size))
		return err_sys(e, ERR_IO, "ask the target for its size");
	f->block = block_of(f, &st);
	return 0;
}

/* QEMU has read locks on some bytes of what it has open, and looks for locks
 * of others there: one of us on all of it shuts out whoever writes. */
static int lock(const struct aio_file *f, const char *path, bool read_only,
	struct err *e)
{
	double until = now_mono() + LOCK_TIMEOUT;

	for (;;) {
		struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

		if (fcntl(f->fd, F_OFD_GETLK, &l))
			return 0; /* a file system without locks */
		if (l.l_type == F_UNLCK) {
			l.l_type = read_only ? F_RDLCK : F_WRLCK;
			if (fcntl(f->fd, F_OFD_SETLK, &l) == 0 ||
				(errno != EAGAIN && errno != EACCES))
				return 0;
		}
		if (now_mono() > until)
			return err_set(e, ERR_TARGET_OPEN,
				"another process has %s open", path);
		if (stop_sleep(200, e))
			return -1;
	}
}

int aio_file_close(struct aio_file *f)
{
	int rc = f->fd >= 0 ? close(f->fd) : 0;

	f->fd = -1;
	free(f->zeros);
	f->zeros = NULL;
	return rc;
}

int aio_file_open(
	struct aio_file *f, const char *path, bool read_only, struct err *e)
{
	int mode = (read_only ? O_RDONLY : O_RDWR) | O_DIRECT | O_CLOEXEC;
	int rc;

	*f = (struct aio_file){.fd = open(path, mode)};
	if (f->fd < 0)
		return errno == EINVAL ? 1 : err_sys(e, ERR_IO, "%s", path);
	rc = look_at(f, e);
	if (rc == 0)
		rc = !f->block || f->size % f->block
			? 1
			: lock(f, path, read_only, e);
	if (rc)
		aio_file_close(f);
	return rc;
}
