/*
 * libnbd: see nbd.h. The only file with its header. Keeps true: a done
 * function is called exactly once for each request that was queued, at the
 * latest by nbdc_close.
 */
#include "nbd.h"

#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "i18n.h"
#include "str.h"

#define ALLOCATION LIBNBD_CONTEXT_BASE_ALLOCATION
/* Zeroing in steps, so that a slow target answers now and then. */
#define ZERO_STEP (128U << 20)
/* A multiple of every block size, below the protocol's 32 bits. */
#define STATUS_STEP (1U << 30)
#define WRITE_STEP (1U << 20)

struct nbdc {
	struct nbd_handle *h;
	struct nbd_server *server; /* ended with the connection; or null */
	uint64_t size;
	uint32_t block;
	bool can_zero, has_status;
	unsigned char *zeros; /* WRITE_STEP, where can_zero is not */
};

/* libnbd's last error as ours. */
static int failed(struct err *e, enum err_code code)
{
	const char *why = nbd_get_error();
	int n = nbd_get_errno();

	if (n == ENOSPC || n == EDQUOT)
		code = ERR_NO_SPACE;
	return err_set(e, code, "%s", why ? why : N_("unknown NBD error"));
}

/* --- connect and close --- */

static void release(struct nbdc *c)
{
	nbd_close(c->h);
	free(c->zeros);
	free(c);
}

static int handshake_done(struct nbdc *c, struct err *e)
{
	int64_t size = nbd_get_size(c->h);
	int64_t block = nbd_get_block_size(c->h, LIBNBD_SIZE_MINIMUM);

	if (size < 0)
		return failed(e, ERR_NBD);
	c->size = size;
	c->block = block > 1 ? block : 1;
	c->can_zero = nbd_can_zero(c->h) > 0;
	c->has_status = nbd_can_meta_context(c->h, ALLOCATION) > 0;
	if (!c->can_zero)
		c->zeros = xcalloc(1, WRITE_STEP);
	return 0;
}

/* A whole write at once into the socket: fewer turns between us and the
 * server. Where we may not, it is only slower. */
static void widen(const struct nbdc *c)
{
	int fd = nbd_aio_get_fd(c->h), n = 2 * WRITE_STEP;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &n, sizeof(n)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

static int open_by(int (*how)(struct nbd_handle *h, const char *where),
	const char *where, struct nbdc **out, struct err *e)
{
	struct nbdc *c = xcalloc(1, sizeof(*c));

	c->h = nbd_create();
	if (!c->h) {
		free(c);
		return failed(e, ERR_NBD);
	}
	if (nbd_add_meta_context(c->h, ALLOCATION) < 0 ||
		nbd_set_uri_allow_transports(
			c->h, LIBNBD_ALLOW_TRANSPORT_UNIX) < 0 ||
		how(c->h, where) < 0) {
		failed(e, ERR_NBD);
		release(c);
		return -1;
	}
	widen(c);
	if (handshake_done(c, e)) {
		release(c);
		return -1;
	}
	*out = c;
	return 0;
}

int nbdc_unix(const char *socket, struct nbdc **out, struct err *e)
{
	return open_by(nbd_connect_unix, socket, out, e);
}

int nbdc_uri(const char *uri, struct nbdc **out, struct err *e)
{
	return open_by(nbd_connect_uri, uri, out, e);
}

int nbdc_serve(const struct nbd_serve *s, struct nbdc **out, struct err *e)
{
	struct nbd_server *server;
	struct nbdc *c;

	if (nbd_server_start(s, &server, &c, e))
		return -1;
	c->server = server;
	*out = c;
	return 0;
}

int nbdc_close(struct nbdc *c, struct err *e)
{
	struct nbd_server *server;
	int rc = 0;

	if (!c)
		return 0;
	server = c->server;
	/* With requests under way there is nothing to end in order. */
	if (nbd_aio_is_ready(c->h) > 0 && !nbd_aio_in_flight(c->h) &&
		nbd_shutdown(c->h, 0) < 0)
		rc = failed(e, ERR_NBD);
	release(c);
	if (nbd_server_end(server, rc ? NULL : e))
		rc = -1;
	return rc;
}

uint64_t nbdc_size(const struct nbdc *c)
{
	return c->size;
}

bool nbdc_read_only(const struct nbdc *c)
{
	return nbd_is_read_only(c->h) != 0;
}

int nbdc_pread(
	struct nbdc *c, void *buf, size_t len, uint64_t off, struct err *e)
{
	return nbd_pread(c->h, buf, len, off, 0) < 0 ? failed(e, ERR_NBD) : 0;
}

/* --- requests --- */

/* One request of the caller; several of the wire's where it is long. */
struct op {
	sink_done *done;
	void *arg;
	unsigned refs; /* parts that libnbd still has, plus ours */
	unsigned parts, answers;
	int err_no;
};

static struct op *op_new(sink_done *done, void *arg)
{
	struct op *op = xcalloc(1, sizeof(*op));

	*op = (struct op){.done = done, .arg = arg, .refs = 1};
	return op;
}

static void op_put(struct op *op)
{
	if (--op->refs)
		return;
	if (op->answers < op->parts && !op->err_no)
		op->err_no = ECANCELED;
	op->done(op->arg, op->err_no);
	free(op);
}

static int on_answer(void *arg, int *error)
{
	struct op *op = arg;

	op->answers++;
	if (*error && !op->err_no)
		op->err_no = *error;
	/* Retired by `retire`: a request that libnbd 1.14 forgets by itself
	 * while it is being queued (the server died) is read once more. */
	return 0;
}

/* libnbd calls this for every part, answered, refused or given up. */
static void on_forget(void *arg)
{
	op_put(arg);
}

static nbd_completion_callback answer(struct op *op)
{
	op->refs++;
	op->parts++;
	return (nbd_completion_callback){
		.callback = on_answer, .free = on_forget, .user_data = op};
}

/* After queueing: cookie < 0 says that the last part was refused. Where other
 * parts are under way, the caller hears of it by done. */
static int queued(struct op *op, int64_t cookie, struct err *e)
{
	if (cookie < 0 && op->refs == 1) {
		free(op);
		return failed(e, ERR_NBD);
	}
	if (cookie < 0)
		op->err_no = EIO;
	op_put(op);
	return 0;
}

static int do_write(void *priv, const void *buf, size_t len, uint64_t off,
	sink_done *done, void *arg, struct err *e)
{
	struct nbdc *c = priv;
	struct op *op = op_new(done, arg);

	return queued(
		op, nbd_aio_pwrite(c->h, buf, len, off, answer(op), 0), e);
}

static int do_read(void *priv, void *buf, size_t len, uint64_t off,
	sink_done *done, void *arg, struct err *e)
{
	struct nbdc *c = priv;
	struct op *op = op_new(done, arg);

	return queued(op, nbd_aio_pread(c->h, buf, len, off, answer(op), 0), e);
}

static int do_flush(void *priv, sink_done *done, void *arg, struct err *e)
{
	struct nbdc *c = priv;
	struct op *op = op_new(done, arg);

	if (nbd_can_flush(c->h) <= 0) {
		free(op);
		return err_set(e, ERR_NBD, "the target cannot be flushed");
	}
	return queued(op, nbd_aio_flush(c->h, answer(op), 0), e);
}

static int64_t zero_part(
	struct nbdc *c, uint64_t len, uint64_t off, struct op *op)
{
	if (c->can_zero)
		return nbd_aio_zero(c->h, len, off, answer(op), 0);
	return nbd_aio_pwrite(c->h, c->zeros, len, off, answer(op), 0);
}

static int do_zero(void *priv, uint64_t len, uint64_t off, sink_done *done,
	void *arg, struct err *e)
{
	struct nbdc *c = priv;
	struct op *op = op_new(done, arg);
	uint64_t step = c->can_zero ? ZERO_STEP : WRITE_STEP;
	int64_t cookie = 0;

	while (len && cookie >= 0) {
		uint64_t n = len < step ? len : step;

		cookie = zero_part(c, n, off, op);
		off += n;
		len -= n;
	}
	return queued(op, cookie, e);
}

static int alive(struct nbdc *c, struct err *e)
{
	if (nbd_aio_is_dead(c->h) > 0 || nbd_aio_is_closed(c->h) > 0)
		return err_set(
			e, ERR_NBD, "the connection to the target ended");
	return 0;
}

/* Forget the requests that were answered; their callers hear of it. */
static bool retire(struct nbdc *c)
{
	int64_t cookie;
	bool any = false;

	while ((cookie = nbd_aio_peek_command_completed(c->h)) > 0) {
		(void)!nbd_aio_command_completed(c->h, cookie);
		any = true;
	}
	return any;
}

static int wait_answers(struct nbdc *c, int wake_fd, int ms, struct err *e)
{
	unsigned dir = nbd_aio_get_direction(c->h);
	struct pollfd p[2] = {
		{.fd = nbd_aio_get_fd(c->h)},
		{.fd = wake_fd, .events = POLLIN},
	};

	if (dir & LIBNBD_AIO_DIRECTION_READ)
		p[0].events |= POLLIN;
	if (dir & LIBNBD_AIO_DIRECTION_WRITE)
		p[0].events |= POLLOUT;
	/* A signal is a reason to come back, like a timeout. */
	if (poll(p, 2, ms) <= 0 || !p[0].revents)
		return alive(c, e);
	if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
		if (nbd_aio_notify_read(c->h) < 0)
			return failed(e, ERR_NBD);
	} else if (nbd_aio_notify_write(c->h) < 0) {
		return failed(e, ERR_NBD);
	}
	return alive(c, e);
}

static int do_wait(void *priv, int wake_fd, int ms, struct err *e)
{
	struct nbdc *c = priv;
	int rc;

	if (retire(c))
		return alive(c, e);
	rc = wait_answers(c, wake_fd, ms, e);
	retire(c);
	return rc;
}

/* --- block status --- */

struct status {
	struct extents *out;
	uint64_t off, left; /* what the answer may still say */
	bool failed;
};

static int on_status(void *arg, const char *context, uint64_t off,
	uint32_t *entries, size_t n, int *error)
{
	struct status *s = arg;

	if (strcmp(context, ALLOCATION) != 0)
		return 0;
	if (*error || off != s->off) {
		s->failed = true;
		return 0;
	}
	for (size_t i = 0; i + 1 < n && s->left; i += 2) {
		uint64_t len = entries[i] < s->left ? entries[i] : s->left;

		extents_add(s->out, len, !(entries[i + 1] & LIBNBD_STATE_ZERO));
		s->off += len;
		s->left -= len;
	}
	return 0;
}

static int do_status(void *priv, uint64_t off, uint64_t len,
	struct extents *out, struct err *e)
{
	struct nbdc *c = priv;
	uint64_t ask = len < STATUS_STEP ? len : STATUS_STEP;
	struct status s = {.out = out, .off = off, .left = ask};
	nbd_extent_callback cb = {.callback = on_status, .user_data = &s};

	if (!c->has_status) {
		extents_add(out, len, true);
		return 0;
	}
	if (nbd_block_status(c->h, ask, off, cb, 0) < 0)
		return failed(e, ERR_NBD);
	if (s.failed || s.left == ask)
		return err_set(e, ERR_NBD, "the server gave no block status");
	return 0;
}

/* --- as a target --- */

static int do_close(void *priv, struct err *e)
{
	return nbdc_close(priv, e);
}

static const struct sink_ops nbd_ops = {
	.write = do_write,
	.zero = do_zero,
	.flush = do_flush,
	.wait = do_wait,
	.read = do_read,
	.status = do_status,
	.close = do_close,
};

int nbdc_sink(struct nbdc *c, const struct sink_opts *o, struct disk_out *out,
	struct err *e)
{
	if (!o->read_only && nbdc_read_only(c))
		return err_set(e, ERR_PERMISSION, "the target is read-only");
	*out = (struct disk_out){
		.ops = &nbd_ops,
		.priv = c,
		.size = c->size,
		.block = c->block,
	};
	return 0;
}

int nbd_open_file(const char *path, const char *format,
	const struct sink_opts *o, struct disk_out *out, struct err *e)
{
	/* QEMU takes "name:..." for a protocol. */
	_free_ char *file = *path == '/' ? xstrdup(path) : path_join(".", path);
	const struct nbd_serve serve = {
		.file = file,
		.format = format,
		.read_only = o->read_only,
		.direct = file_takes_direct(path, strcmp(format, "qcow2") == 0),
	};
	struct nbdc *c;

	if (!file_exists(path))
		return err_set(e, ERR_NOT_FOUND, "%s is not there", path);
	if (nbdc_serve(&serve, &c, e))
		return -1;
	if (nbdc_sink(c, o, out, e)) {
		nbdc_close(c, NULL);
		return -1;
	}
	out->direct = serve.direct;
	return 0;
}
