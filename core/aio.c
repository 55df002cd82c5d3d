/*
 * Linux's asynchronous I/O: see aio.h. The only file with libaio's header.
 * Keeps true: a done function is called exactly once for each request that
 * was queued, at the latest by close; a buffer is not given back while the
 * kernel has it.
 */
#include "aio.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "aio_own.h"
#include "nbd.h"
#include "str.h"

#define QUEUE 1024 /* requests that the kernel has at once */
#define EVENTS 64  /* answers taken at once */
/* Zeroing in steps, so that a slow target answers now and then. */
#define ZERO_STEP (32U << 20)

enum kind { READ, WRITE, FLUSH, ZERO };

struct op {
	struct iocb cb; /* first: the kernel's answer names it */
	struct aio *aio;
	struct op *next;
	enum kind kind;
	unsigned char *buf, *bounce; /* bounce: aligned, or null */
	uint64_t off, len, did;
	sink_done *done;
	void *arg;
	int err_no;
};

struct list {
	struct op *first, **end;
};

struct aio {
	struct aio_file file;
	io_context_t ctx;
	int event;
	unsigned in_flight;       /* requests that the kernel has */
	struct list later, ready; /* to be zeroed; to be told */
};

/* --- lists --- */

static void list_init(struct list *l)
{
	*l = (struct list){.end = &l->first};
}

static void list_put(struct list *l, struct op *op)
{
	op->next = NULL;
	*l->end = op;
	l->end = &op->next;
}

static struct op *list_get(struct list *l)
{
	struct op *op = l->first;

	if (!op)
		return NULL;
	l->first = op->next;
	if (!l->first)
		l->end = &l->first;
	return op;
}

/* --- answers --- */

static void answered(struct op *op, int err_no)
{
	op->err_no = err_no;
	list_put(&op->aio->ready, op);
}

static void tell(struct op *op)
{
	if (op->kind == READ && op->bounce && !op->err_no)
		memcpy(op->buf, op->bounce, op->len);
	op->done(op->arg, op->err_no);
	free(op->bounce);
	free(op);
}

static bool tell_ready(struct aio *a)
{
	struct op *op;
	bool any = a->ready.first;

	while ((op = list_get(&a->ready)))
		tell(op);
	return any;
}

/* --- the kernel's queue --- */

static void prepare(struct op *op)
{
	unsigned char *at = (op->bounce ? op->bounce : op->buf) + op->did;
	uint64_t len = op->len - op->did, off = op->off + op->did;
	int fd = op->aio->file.fd;

	if (op->kind == READ)
		io_prep_pread(&op->cb, fd, at, len, off);
	else if (op->kind == WRITE)
		io_prep_pwrite(&op->cb, fd, at, len, off);
	else
		io_prep_fdsync(&op->cb, fd);
	io_set_eventfd(&op->cb, op->aio->event);
}

static void submit(struct op *op)
{
	struct iocb *cb = &op->cb;
	int rc;

	prepare(op);
	rc = io_submit(op->aio->ctx, 1, &cb);
	if (rc == 1)
		op->aio->in_flight++;
	else if (op->kind == FLUSH && rc == -EINVAL) /* Linux before 4.18 */
		answered(op, fdatasync(op->aio->file.fd) ? errno : 0);
	else
		answered(op, rc < 0 ? -rc : EIO);
}

/* What the kernel says of a request: so many bytes, or an error. */
static void take_event(struct op *op, long res)
{
	op->aio->in_flight--;
	if (res < 0 || op->kind == FLUSH) {
		answered(op, res < 0 ? -res : 0);
		return;
	}
	op->did += res;
	if (op->did >= op->len)
		answered(op, 0);
	else if (!res)
		answered(op, op->kind == WRITE ? ENOSPC : EIO);
	else
		submit(op);
}

/* Take answers, waiting for one of them so long; null: for ever. */
static void collect(struct aio *a, struct timespec *wait)
{
	struct io_event ev[EVENTS];
	int n;

	do {
		n = io_getevents(a->ctx, 1, EVENTS, ev, wait);
		for (int i = 0; i < n; i++)
			take_event((struct op *)ev[i].obj, (long)ev[i].res);
	} while (a->in_flight && (n == EVENTS || (n == -EINTR && !wait)));
}

/* --- zeros --- */

/* One step of the first zeroing in the queue. */
static void zero_some(struct aio *a)
{
	struct op *op = a->later.first;
	uint64_t off = op->off + op->did, left = op->len - op->did;
	uint64_t n = left < ZERO_STEP ? left : ZERO_STEP;
	int err_no = aio_zero(&a->file, off, n);

	if (err_no == EINTR)
		return;
	op->did += n;
	if (err_no || op->did == op->len)
		answered(list_get(&a->later), err_no);
}

/* --- requests --- */

static int queue(struct aio *a, const struct op *want)
{
	struct op *op = xcalloc(1, sizeof(*op));

	*op = *want;
	op->aio = a;
	if (op->kind == ZERO) {
		list_put(&a->later, op);
		return 0;
	}
	if ((uintptr_t)op->buf % AIO_ALIGN) {
		op->bounce = xaligned(op->len);
		if (op->kind == WRITE)
			memcpy(op->bounce, op->buf, op->len);
	}
	while (a->in_flight >= QUEUE)
		collect(a, NULL);
	submit(op);
	return 0;
}

static int do_write(void *priv, const void *buf, size_t len, uint64_t off,
	sink_done *done, void *arg, struct err *e)
{
	(void)e;
	return queue(priv,
		&(struct op){.kind = WRITE,
			.buf = (unsigned char *)buf,
			.len = len,
			.off = off,
			.done = done,
			.arg = arg});
}

static int do_read(void *priv, void *buf, size_t len, uint64_t off,
	sink_done *done, void *arg, struct err *e)
{
	(void)e;
	return queue(priv,
		&(struct op){.kind = READ,
			.buf = buf,
			.len = len,
			.off = off,
			.done = done,
			.arg = arg});
}

static int do_zero(void *priv, uint64_t len, uint64_t off, sink_done *done,
	void *arg, struct err *e)
{
	(void)e;
	return queue(priv,
		&(struct op){.kind = ZERO,
			.len = len,
			.off = off,
			.done = done,
			.arg = arg});
}

static int do_flush(void *priv, sink_done *done, void *arg, struct err *e)
{
	(void)e;
	return queue(
		priv, &(struct op){.kind = FLUSH, .done = done, .arg = arg});
}

static int do_wait(void *priv, int wake_fd, int ms, struct err *e)
{
	struct aio *a = priv;
	struct timespec now = {0};
	struct pollfd p[2] = {
		{.fd = a->event, .events = POLLIN},
		{.fd = wake_fd, .events = POLLIN},
	};
	uint64_t n;

	(void)e;
	if (a->later.first)
		zero_some(a);
	/* A signal is a reason to come back, like a timeout. */
	if (poll(p, 2, a->later.first || a->ready.first ? 0 : ms) > 0 &&
		p[0].revents) {
		(void)!read(a->event, &n, sizeof(n));
		collect(a, &now);
	}
	tell_ready(a);
	return 0;
}

static int do_status(void *priv, uint64_t off, uint64_t len,
	struct extents *out, struct err *e)
{
	const struct aio *a = priv;
	int fd = a->file.fd;
	off_t data = a->file.device ? (off_t)off : lseek(fd, off, SEEK_DATA);
	off_t hole;

	(void)e;
	if (data < 0 && errno == ENXIO)
		data = off + len;
	if (data > (off_t)off) {
		uint64_t n = data - off;

		extents_add(out, n < len ? n : len, false);
		return 0;
	}
	hole = a->file.device || data < 0 ? -1 : lseek(fd, off, SEEK_HOLE);
	if (hole > (off_t)off && (uint64_t)hole - off < len)
		len = hole - off;
	extents_add(out, len, true);
	return 0;
}

static int release(struct aio *a)
{
	int rc;

	if (a->ctx)
		io_destroy(a->ctx);
	if (a->event >= 0)
		close(a->event);
	rc = aio_file_close(&a->file);
	free(a);
	return rc;
}

static int do_close(void *priv, struct err *e)
{
	struct aio *a = priv;
	struct op *op;

	while ((op = list_get(&a->later)))
		answered(op, ECANCELED);
	/* The kernel has their buffers: nothing else can be done. */
	while (a->in_flight)
		collect(a, NULL);
	tell_ready(a);
	/* NFS tells here what it could not write. */
	return release(a) ? err_sys(e, ERR_IO, "close the target") : 0;
}

static const struct sink_ops aio_ops = {
	.write = do_write,
	.zero = do_zero,
	.flush = do_flush,
	.wait = do_wait,
	.read = do_read,
	.status = do_status,
	.close = do_close,
};

/* --- open --- */

/* 1: not this way. */
static int open_it(struct aio *a, const char *path, const struct sink_opts *o,
	struct err *e)
{
	int rc = aio_file_open(&a->file, path, o->read_only, e);

	if (rc)
		return rc;
	if (io_setup(QUEUE, &a->ctx))
		return 1;
	a->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->event < 0)
		return err_sys(e, ERR_IO, "cannot make an eventfd");
	return 0;
}

int aio_open_file(const char *path, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	struct aio *a = xcalloc(1, sizeof(*a));
	int rc;

	a->file.fd = a->event = -1;
	list_init(&a->later);
	list_init(&a->ready);
	rc = open_it(a, path, o, e);
	if (rc) {
		release(a);
		return rc < 0 ? -1 : nbd_open_file(path, "raw", o, out, e);
	}
	*out = (struct disk_out){
		.ops = &aio_ops,
		.priv = a,
		.size = a->file.size,
		.block = a->file.block,
		.direct = true,
	};
	return 0;
}
