/*
 * Reading over ssh as our child: see ssh_child.h. Keeps true: the last bytes
 * of a group are handed on only after the host's shell said that every dd of
 * it gave all it was asked for, and, where they came compressed, after the
 * checksum was right; nothing is data before the host's shell said where data
 * begins. So no range is whole that holds bytes of another place.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ddread.h"
#include "gunzip.h"
#include "i18n.h"
#include "proc.h"
#include "ssh_child_int.h"
#include "stop.h"

#define COMMAND_MAX 60000 /* bytes of commands sent ahead */
#define GROUP_MAX 20000   /* of these, of one group */
#define SPAN (8ULL << 20) /* bytes */
#define SILENCE 90.0      /* s, as of struct ssh */
#define WORDS_MAX 8192    /* of standard error kept */
#define SHORT 10.0 /* s after the end that bytes may still be under way */
#define SENT "vmferry: sent"
#define FAILED "vmferry: failed"

/* A batch of commands under way. */
struct batch {
	const struct ssh_reading *from;
	uint64_t *group; /* bytes of each */
	size_t n, i;
	uint64_t left;             /* of group i, still to come */
	const unsigned char *last; /* its last bytes, held back */
	size_t held;
	bool closed;             /* its gzip member ended, and is right */
	const unsigned char *in; /* compressed, not yet unpacked */
	size_t in_n;
	const char *send;
	size_t send_left;
	double heard;
	ssh_bytes *got;
	void *arg;
};

/* --- standard error --- */

/* True where the line says nothing that the operator must hear. */
static bool understood(struct ssh_child *c, const char *line)
{
	if (strcmp(line, SENT) == 0) {
		c->sent++;
		c->sent_at = now_mono();
		return true;
	}
	c->failed |= strcmp(line, FAILED) == 0;
	if (!c->cut && dd_short(line)) {
		c->cut = true;
		c->cut_at = c->sent;
	}
	return strcmp(line, FAILED) == 0 || strstr(line, "records in") ||
		strstr(line, "records out") || strstr(line, "copied");
}

/* What is too much goes, but the line that is still coming. */
static void forget_words(struct buf *w)
{
	char *nl = strrchr(w->s, '\n');
	size_t left = nl ? strlen(nl + 1) : w->len;

	if (left > WORDS_MAX)
		left = 0; /* no line of ours */
	memmove(w->s, w->s + w->len - left, left + 1);
	w->len = left;
}

/* Keep what nobody understands; dd's counts would only fill memory. */
static void take_words(struct ssh_child *c, const char *p, size_t n)
{
	size_t had = c->words.len;
	char *at, *nl;

	buf_add(&c->words, p, n);
	/* A NUL would hide all that stands behind it. */
	for (at = c->words.s + had; n--; at++)
		*at = *at ? *at : '?';
	for (at = c->words.s; (nl = strchr(at, '\n'));) {
		size_t len = nl + 1 - at, rest = strlen(nl + 1) + 1;

		*nl = '\0';
		if (!understood(c, at)) {
			*nl = '\n';
			at = nl + 1;
			continue;
		}
		memmove(at, at + len, rest);
		c->words.len -= len;
	}
	if (c->words.len > WORDS_MAX)
		forget_words(&c->words);
}

static void read_err(struct ssh_child *c)
{
	char part[4096];
	ssize_t n = read(c->err, part, sizeof(part));

	if (n > 0)
		take_words(c, part, n);
	else if (n == 0) {
		close(c->err); /* its end shows at standard output */
		c->err = -1;
	}
}

static int judge(struct ssh_child *c, const char *file, struct err *e)
{
	char none[] = "";

	return dd_judge(file, 1, "", c->words.s ? c->words.s : none, e);
}

/* It ended: how, and in whose words? */
static int ended(struct ssh_child *c, const char *file, struct err *e)
{
	enum err_code code;
	char part[1024];
	ssize_t n;
	int status;

	while ((n = read(c->err, part, sizeof(part))) > 0)
		take_words(c, part, n);
	status = proc_end(c->pid, SSH_CHILD_GRACE);
	c->pid = 0;
	/* 255 is ssh's own; everything else the host's shell. */
	if (c->heard && status != 255 && status < 128)
		return judge(c, file, e);
	if (c->words.len)
		c->words.s[strcspn(c->words.s, "\r\n")] = '\0';
	code = c->heard ? ERR_SSH_LOST
		: c->words.s && strstr(c->words.s, "ermission denied")
		? ERR_SSH_AUTH
		: ERR_SSH_CONNECT;
	ssh_child_known(c, code == ERR_SSH_AUTH);
	return err_set(e, code, "ssh ended: %s",
		c->words.s && *c->words.s ? c->words.s : N_("no reason given"));
}

/* --- bytes --- */

static int too_many(struct err *e)
{
	return err_set(
		e, ERR_SOURCE_READ, "the host gave more than was asked for");
}

/* The next n bytes of the group: on, or held back where they are its last. */
static int take(
	struct batch *b, const unsigned char *p, size_t n, struct err *e)
{
	if (n > b->left)
		return too_many(e);
	b->left -= n;
	if (b->left)
		return b->got(b->arg, p, n, e);
	b->last = p;
	b->held = n;
	return 0;
}

/* Hand on what is held, once all is said of it. */
static int let_go(struct ssh_child *c, struct batch *b, struct err *e)
{
	if (!b->held || c->sent <= b->i || (b->from->packer && !b->closed))
		return 0;
	if (c->cut && c->cut_at <= b->i)
		return dd_cut(b->from->file, e);
	if (b->got(b->arg, b->last, b->held, e))
		return -1;
	b->held = 0;
	b->closed = false;
	if (++b->i < b->n)
		b->left = b->group[b->i];
	return 0;
}

/* A member ended before its group did: why shows at standard error. */
static int ended_early(struct ssh_child *c, struct batch *b, struct err *e)
{
	struct pollfd p = {.fd = c->err, .events = POLLIN};
	double until = now_mono() + SHORT;

	while (c->err >= 0 && !c->failed && c->sent <= b->i &&
		now_mono() < until && !stop_check(NULL)) {
		poll(&p, 1, 200);
		if (p.revents)
			read_err(c);
	}
	if (c->failed)
		return judge(c, b->from->file, e);
	return c->err < 0 ? ended(c, b->from->file, e)
			  : dd_cut(b->from->file, e);
}

/* What came, unpacked up to the end of its member. */
static int unpack(struct ssh_child *c, struct batch *b, struct err *e)
{
	bool more = true;

	if (b->i == b->n)
		return too_many(e);
	while (!b->closed && (b->in_n || more)) {
		unsigned char beyond;
		bool whole = !b->left;
		long made = gunzip_some(c->z, &b->in, &b->in_n,
			whole ? &beyond : c->out_buf,
			whole ? 1 : SSH_CHILD_PIECE, &b->closed, e);

		if (made < 0 || (made && take(b, c->out_buf, made, e)))
			return -1;
		more = made > 0;
	}
	return b->closed && b->left ? ended_early(c, b, e) : 0;
}

/* As far as it goes with what is here. */
static int drive(struct ssh_child *c, struct batch *b, struct err *e)
{
	for (;;) {
		if (let_go(c, b, e))
			return -1;
		if (!b->in_n || b->closed)
			return 0;
		if (unpack(c, b, e))
			return -1;
	}
}

static bool wants_bytes(const struct batch *b)
{
	return b->from->packer ? !b->in_n && !b->closed : !b->held;
}

/* Bytes to be read now: not beyond a group whose end waits for its word. */
static size_t room(const struct ssh_child *c, const struct batch *b)
{
	bool part = !b->from->packer && b->i + 1 < b->n &&
		b->left < SSH_CHILD_PIECE;

	if (dd_to_begin(c->begun))
		return dd_to_begin(c->begun);
	return part ? b->left : SSH_CHILD_PIECE;
}

static int read_out(struct ssh_child *c, struct batch *b, struct err *e)
{
	ssize_t n = read(c->out, c->buf, room(c, b));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return ended(c, b->from->file, e);
	c->heard = true;
	ssh_child_known(c, false);
	b->heard = now_mono();
	if (dd_to_begin(c->begun))
		return dd_begin(&c->begun, c->buf, n, e) < 0 ? -1 : 0;
	if (!b->from->packer)
		return take(b, c->buf, n, e);
	b->in = c->buf;
	b->in_n = n;
	return 0;
}

static void send_some(struct ssh_child *c, struct batch *b)
{
	ssize_t n = write(c->in, b->send, b->send_left);

	if (n > 0) {
		b->send += n;
		b->send_left -= n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		b->send_left = 0; /* its end shows at standard output */
	}
}

/* Nothing came for too long? */
static int look_at_clock(struct ssh_child *c, struct batch *b, struct err *e)
{
	double now = now_mono();

	if (c->failed)
		return judge(c, b->from->file, e);
	if (c->cut && c->sent > c->cut_at)
		return dd_cut(b->from->file, e);
	if (b->i < b->n && c->sent == b->n && now - c->sent_at > SHORT &&
		now - b->heard > SHORT)
		return err_set(e, ERR_SOURCE_READ,
			"%s: the host gave %llu bytes less than was asked for",
			b->from->file, (unsigned long long)b->left);
	if (now - b->heard > SILENCE)
		return err_set(e, ERR_SSH_LOST, "silent for %.0f s", SILENCE);
	return stop_check(e);
}

static int step(struct ssh_child *c, struct batch *b, struct err *e)
{
	struct pollfd p[3] = {
		{.fd = wants_bytes(b) ? c->out : -1, .events = POLLIN},
		{.fd = c->err, .events = POLLIN},
		{.fd = b->send_left ? c->in : -1, .events = POLLOUT},
	};

	/* Its end shows at standard output, which is not looked at. */
	if (c->err < 0 && p[0].fd < 0 && c->sent <= b->i && b->i < b->n)
		return ended(c, b->from->file, e);
	poll(p, 3, 200);
	if (p[2].revents)
		send_some(c, b);
	if (p[1].revents)
		read_err(c);
	if (p[0].revents && read_out(c, b, e))
		return -1;
	if (drive(c, b, e))
		return -1;
	return look_at_clock(c, b, e);
}

/* A dead child makes a write fail; the signal is nobody's. */
static int run_batch(struct ssh_child *c, struct batch *b, struct err *e)
{
	b->heard = now_mono();
	b->left = b->group[0];
	c->sent = 0;
	while (b->i < b->n || b->send_left)
		if (step(c, b, e))
			return -1;
	return 0;
}

/* --- commands --- */

size_t ssh_span_end(
	const struct ssh_reading *r, const struct extent *x, size_t n, size_t i)
{
	uint64_t span = r->span ? r->span : SPAN, at = x[i].offset / span;

	while (i < n && x[i].offset / span == at)
		i++;
	return i;
}

/* The next group: as many of x[*i, n) as it takes. */
static int add_group(struct buf *cmd, const struct ssh_reading *r,
	const struct extent *x, size_t n, size_t *i, struct err *e)
{
	_buf_ struct buf dd = {0};

	if (dd_list(&dd, r->file, x, ssh_span_end(r, x, n, *i), i, GROUP_MAX,
		    e))
		return -1;
	if (r->packer)
		buf_addf(cmd,
			"{ %s && echo '" SENT "' >&2 || echo '" FAILED
			"' >&2; } | %s\n",
			dd.s, r->packer);
	else
		buf_addf(cmd, "%s && echo '" SENT "' >&2 || exit 1\n", dd.s);
	return 0;
}

static uint64_t bytes(const struct extent *x, size_t from, size_t to)
{
	uint64_t sum = 0;

	for (size_t i = from; i < to; i++)
		sum += x[i].length;
	return sum;
}

static int read_some(struct ssh_child *c, const struct ssh_reading *r,
	const struct extent *x, size_t n, size_t *i, struct batch *b,
	struct err *e)
{
	_buf_ struct buf cmd = {0};
	_free_ uint64_t *group = xcalloc(n - *i, sizeof(*group));

	if (!c->begun)
		buf_adds(&cmd, DD_BEGIN_COMMAND "\n");
	while (*i < n && cmd.len < COMMAND_MAX) {
		size_t first = *i;

		if (add_group(&cmd, r, x, n, i, e))
			return -1;
		group[b->n++] = bytes(x, first, *i);
	}
	b->group = group;
	b->send = cmd.s;
	b->send_left = cmd.len;
	return run_batch(c, b, e);
}

int ssh_child_read(struct ssh_child *c, const struct ssh_reading *r,
	const struct extent *x, size_t n, ssh_bytes *got, void *arg,
	struct err *e)
{
	size_t i = 0;

	if (r->packer && !c->z) {
		c->z = gunzip_new();
		c->out_buf = xmalloc(SSH_CHILD_PIECE);
	}
	while (i < n) {
		struct batch b = {.from = r, .got = got, .arg = arg};

		if (read_some(c, r, x, n, &i, &b, e))
			return -1;
	}
	return 0;
}
