/*
 * SSH, running commands: see ssh.h. Each command has a channel of its own;
 * its standard output and error are always read both, so that neither can
 * block the other.
 */
#include "ssh_int.h"

#include <stdlib.h>
#include <string.h>

#include "stop.h"

/* testbed.md 4: a larger window makes libssh2 slower and the host busier. */
#define WINDOW (2 << 20)
#define OUT_MAX (32 << 20)
#define ERR_KEPT (64 << 10)
/* libssh2 sends no packet beyond 35000 bytes. */
#define CMD_MAX 32000
#define OPEN_TIMEOUT 60 /* s for a channel */

struct ssh_cmd {
	struct ssh *s;
	LIBSSH2_CHANNEL *ch;
	struct buf out, err;
	int (*got)(void *arg, const void *p, size_t n, struct err *e);
	void *arg;
	bool ended; /* all output was read */
};

void ssh_result_free(struct ssh_result *r)
{
	free(r->out);
	free(r->err);
	*r = (struct ssh_result){0};
}

void ssh_cmd_free(struct ssh_cmd *c)
{
	if (!c)
		return;
	/* libssh2 frees an open channel with its session. */
	if (c->ch)
		c->s->dead = true;
	buf_free(&c->out);
	buf_free(&c->err);
	free(c);
}

void cleanup_ssh_cmd(struct ssh_cmd **c)
{
	ssh_cmd_free(*c);
}

static int keep_out(void *arg, const void *p, size_t n, struct err *e)
{
	struct buf *b = arg;

	if (b->len + n > OUT_MAX)
		return err_set(e, ERR_ESXI_COMMAND,
			"a command printed more than %d MiB", OUT_MAX >> 20);
	buf_add(b, p, n);
	return 0;
}

static void keep_err(struct buf *b, const char *p, size_t n)
{
	buf_add(b, p, b->len + n > ERR_KEPT ? ERR_KEPT - b->len : n);
}

static int open_channel(struct ssh_cmd *c, double until, struct err *e)
{
	struct ssh *s = c->s;

	while (!(c->ch = libssh2_channel_open_ex(s->ses, "session", 7, WINDOW,
			 LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0))) {
		if (libssh2_session_last_errno(s->ses) != LIBSSH2_ERROR_EAGAIN)
			return ssh_lost(s, e);
		if (ssh_pause(s, until, e))
			return -1;
	}
	return 0;
}

/* Start cmd; its output goes to got, or is kept where got is null. */
static int start(struct ssh *s, const char *cmd,
	int (*got)(void *arg, const void *p, size_t n, struct err *e),
	void *arg, struct ssh_cmd **out, struct err *e)
{
	_ssh_cmd_ struct ssh_cmd *c = xcalloc(1, sizeof(*c));
	double until = now_mono() + OPEN_TIMEOUT;
	size_t len = strlen(cmd);
	int rc;

	c->s = s;
	c->got = got ? got : keep_out;
	c->arg = got ? arg : &c->out;
	if (s->dead)
		return err_set(e, ERR_SSH_LOST,
			"the connection to %s was given up", s->host);
	if (len > CMD_MAX)
		return err_set(e, ERR_INTERNAL,
			"a command of %zu bytes is too long", len);
	s->heard = now_mono();
	if (open_channel(c, until, e))
		return -1;
	rc = SSH_TRY(s, until, e,
		libssh2_channel_process_startup(c->ch, "exec", 4, cmd, len));
	if (ssh_tried(s, rc, e))
		return -1;
	*out = c;
	c = NULL;
	return 0;
}

static int feed(struct ssh_cmd *c, const char *in, size_t len, double until,
	struct err *e)
{
	int rc;

	while (len) {
		rc = SSH_TRY(c->s, until, e,
			(int)libssh2_channel_write_ex(
				c->ch, 0, in, len < 32768 ? len : 32768));
		/* A command may end without reading all of it. */
		if (rc == LIBSSH2_ERROR_CHANNEL_CLOSED)
			return 0;
		if (ssh_tried(c->s, rc, e))
			return -1;
		in += rc;
		len -= rc;
	}
	rc = SSH_TRY(c->s, until, e, libssh2_channel_send_eof(c->ch));
	return ssh_tried(c->s, rc, e);
}

/* Read one piece of a stream: its size, 0 nothing now, -1. */
static ssize_t piece(struct ssh_cmd *c, int stream, struct err *e)
{
	struct ssh *s = c->s;
	ssize_t n = libssh2_channel_read_ex(
		c->ch, stream, s->part, sizeof(s->part));

	if (n == LIBSSH2_ERROR_EAGAIN)
		return 0;
	if (n < 0)
		return ssh_lost(s, e);
	if (n == 0)
		return 0;
	s->heard = now_mono();
	if (stream == SSH_EXTENDED_DATA_STDERR)
		keep_err(&c->err, s->part, n);
	else if (c->got(c->arg, s->part, n, e)) {
		s->dead = true;
		return -1;
	}
	return n;
}

/* Read what is there; c->ended once there will be no more. */
static int drain(struct ssh_cmd *c, struct err *e)
{
	ssize_t out, err;

	do {
		out = piece(c, 0, e);
		err = out < 0 ? -1 : piece(c, SSH_EXTENDED_DATA_STDERR, e);
		if (err < 0)
			return -1;
		if (stop_check(e)) {
			c->s->dead = true;
			return -1;
		}
	} while (out || err);
	c->ended = libssh2_channel_eof(c->ch) != 0;
	return 0;
}

static int drain_all(struct ssh_cmd *c, double until, struct err *e)
{
	for (;;) {
		if (drain(c, e))
			return -1;
		if (c->ended)
			return 0;
		if (ssh_pause(c->s, until, e))
			return -1;
	}
}

/*
 * The host sends the status, then closes; closing from here before that
 * would lose the status. -1 where it does not.
 */
static int ended(
	struct ssh_cmd *c, double until, struct ssh_result *r, struct err *e)
{
	struct ssh *s = c->s;
	char *sig = NULL;
	size_t len = 0;
	int rc = SSH_TRY(s, until, e, libssh2_channel_wait_closed(c->ch));

	if (ssh_tried(s, rc, e))
		return -1;
	*r = (struct ssh_result){
		.status = libssh2_channel_get_exit_status(c->ch)};
	libssh2_channel_get_exit_signal(
		c->ch, &sig, &len, NULL, NULL, NULL, NULL);
	if (sig) {
		r->status = -1;
		snprintf(r->signal, sizeof(r->signal), "%.*s", (int)len, sig);
		libssh2_free(s->ses, sig);
	}
	SSH_TRY(s, until, NULL, libssh2_channel_free(c->ch));
	c->ch = NULL;
	r->out_len = c->out.len;
	r->out = buf_steal(&c->out);
	r->err = buf_steal(&c->err);
	return 0;
}

int ssh_exec(struct ssh *s, const char *cmd, const void *in, size_t in_len,
	double timeout, struct ssh_result *r, struct err *e)
{
	double until = timeout > 0 ? now_mono() + timeout : 0;
	_ssh_cmd_ struct ssh_cmd *c = NULL;

	if (start(s, cmd, NULL, NULL, &c, e) || feed(c, in, in_len, until, e) ||
		drain_all(c, until, e))
		return -1;
	return ended(c, until, r, e);
}

static int check_status(const struct ssh_result *r, struct err *e)
{
	char *text, *nl;

	if (r->status == 0)
		return 0;
	text = str_trim(r->err);
	nl = strrchr(text, '\n');
	if (r->signal[0])
		return err_set(e, ERR_ESXI_COMMAND,
			"the command was ended by signal %s", r->signal);
	return err_set(e, ERR_ESXI_COMMAND, "the command ended with %d: %s",
		r->status, nl ? nl + 1 : text);
}

int ssh_stream(struct ssh *s, const char *cmd,
	int (*got)(void *arg, const void *p, size_t n, struct err *e),
	void *arg, struct ssh_result *r, struct err *e)
{
	_ssh_cmd_ struct ssh_cmd *c = NULL;
	_ssh_result_ struct ssh_result own = {0};

	if (start(s, cmd, got, arg, &c, e) || feed(c, NULL, 0, 0, e) ||
		drain_all(c, 0, e) || ended(c, 0, &own, e))
		return -1;
	if (!r)
		return check_status(&own, e);
	*r = own;
	own = (struct ssh_result){0};
	return 0;
}

int ssh_start(
	struct ssh *s, const char *cmd, struct ssh_cmd **out, struct err *e)
{
	_ssh_cmd_ struct ssh_cmd *c = NULL;

	if (start(s, cmd, NULL, NULL, &c, e) ||
		feed(c, NULL, 0, now_mono() + OPEN_TIMEOUT, e))
		return -1;
	*out = c;
	c = NULL;
	return 0;
}

int ssh_wait(struct ssh_cmd *c, double seconds, bool *done, struct err *e)
{
	double until = now_mono() + seconds;

	do {
		if (drain(c, e))
			return -1;
		if (c->ended || now_mono() >= until)
			break;
		if (ssh_pause(c->s, 0, e))
			return -1;
	} while (!c->ended);
	*done = c->ended;
	return 0;
}

int ssh_finish(struct ssh_cmd *c, struct ssh_result *r, struct err *e)
{
	return ended(c, now_mono() + OPEN_TIMEOUT, r, e);
}
