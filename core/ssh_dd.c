/* dd on an ESXi host over one libssh2 session: see ssh_dd.h. */
#include "ssh_dd.h"

#include "ddread.h"

int dd_run(struct ssh *ssh, const char *file, const struct buf *cmd,
	ssh_bytes *got, void *arg, struct err *e)
{
	_ssh_result_ struct ssh_result res = {0};

	if (ssh_stream(ssh, cmd->s, got, arg, &res, e))
		return -1;
	return dd_judge(file, res.status, res.signal, res.err, e);
}

/* A command's last byte waits until dd has said that it read all it was asked
 * for: what is short would stand at another place, and must not be marked. */
struct held {
	size_t begun; /* see dd_begin */
	ssh_bytes *got;
	void *arg;
	uint64_t left; /* bytes that are to come */
	unsigned char last;
	bool full; /* all came, last is kept */
};

static int on_part(void *arg, const void *p, size_t n, struct err *e)
{
	struct held *h = arg;

	if (dd_to_begin(h->begun)) {
		ssize_t part = dd_begin(&h->begun, p, n, e);

		if (part < 0)
			return -1;
		p = (const char *)p + part;
		n -= part;
	}
	if (n > h->left)
		return err_set(e, ERR_SOURCE_READ,
			"the source gave more than was asked for");
	h->left -= n;
	if (!n)
		return 0;
	if (h->left)
		return h->got(h->arg, p, n, e);
	h->full = true;
	h->last = ((const unsigned char *)p)[n - 1];
	return n > 1 ? h->got(h->arg, p, n - 1, e) : 0;
}

static int read_span(struct ssh *ssh, const char *file, const struct buf *cmd,
	struct held *h, struct err *e)
{
	if (dd_run(ssh, file, cmd, on_part, h, e))
		return -1;
	if (!h->full)
		return dd_cut(file, e);
	return h->got(h->arg, &h->last, 1, e);
}

int dd_read(struct ssh *ssh, const struct ssh_reading *how,
	const struct extent *x, size_t n, ssh_bytes *got, void *arg,
	struct err *e)
{
	size_t i = 0;

	while (i < n) {
		struct held h = {.got = got, .arg = arg};
		_buf_ struct buf cmd = {0}, dd = {0};
		size_t first = i;

		if (dd_list(&dd, how->file, x, ssh_span_end(how, x, n, i), &i,
			    DD_COMMAND_MAX, e))
			return -1;
		buf_addf(&cmd, DD_BEGIN_COMMAND " && %s", dd.s);
		while (first < i)
			h.left += x[first++].length;
		if (read_span(ssh, how->file, &cmd, &h, e))
			return -1;
	}
	return 0;
}
