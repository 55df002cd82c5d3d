/*
 * Commands on the ESXi host: many in one channel (a vim-cmd takes about a
 * second to start, a channel some round trips), their outputs parted by a
 * line that nobody can foresee. Keeps true: nothing is sent that is not in
 * esxi_cmd.def, and what failed to log in once is not tried again.
 */
#include "esxi_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "stop.h"

/* Bytes of script in one channel; libssh2 takes 32000. */
#define SCRIPT_MAX 24000
#define TIMEOUT 120     /* s, and for each call */
#define TIMEOUT_EACH 10 /* s */
#define IDLE 120        /* s after which a connection is tried first */
#define MARK_LEN 40
#define PATH_LINE \
	"export PATH=/bin:/sbin:/usr/bin:/usr/sbin:/usr/lib/vmware/bin\n"

static const struct {
	const char *text;
	bool changes;
} commands[] = {
#define X(id, c, t) [ESXI_##id] = {t, c},
#include "esxi_cmd.def"
#undef X
};

void esxi_calls_free(struct esxi_call *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(c[i].out);
		c[i].out = NULL;
	}
}

char *esxi_line(enum esxi_cmd cmd, const char *arg)
{
	const char *t = commands[cmd].text, *hole = strstr(t, "{}");
	_buf_ struct buf b = {0};

	if (!hole || !arg)
		return xstrdup(t);
	buf_add(&b, t, hole - t);
	sh_quote(&b, arg);
	buf_adds(&b, hole + 2);
	return buf_steal(&b);
}

static int tell(
	struct esxi *x, enum esxi_cmd cmd, const char *arg, struct err *e)
{
	_free_ char *line = NULL;

	if (!x->told.fn)
		return 0;
	line = esxi_line(cmd, arg);
	return x->told.fn(x->told.arg, line, commands[cmd].changes, e);
}

/* --- the connection --- */

static int reopen(struct esxi *x, struct err *e)
{
	struct err why = {0};

	if (x->refused.code) {
		if (e)
			*e = x->refused;
		return -1;
	}
	ssh_cmd_free(x->aside);
	x->aside = NULL;
	ssh_close(x->ssh);
	x->ssh = NULL;
	if (ssh_open(&x->target, &x->ssh, &why) == 0) {
		x->used = now_mono();
		return 0;
	}
	if (why.code == ERR_SSH_AUTH)
		x->refused = why;
	if (e)
		*e = why;
	return -1;
}

int esxi_ready(struct esxi *x, struct err *e)
{
	_ssh_result_ struct ssh_result r = {0};

	if (!x->ssh || !ssh_usable(x->ssh))
		return reopen(x, e);
	if (now_mono() - x->used < IDLE)
		return 0;
	if (ssh_exec(x->ssh, ":", NULL, 0, 20, &r, NULL) == 0)
		return 0;
	return stop_check(e) ? -1 : reopen(x, e);
}

/* --- one channel --- */

static void new_mark(char mark[MARK_LEN])
{
	unsigned char raw[12];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		abort();
	memcpy(mark, "vmferry-", 8);
	hex_encode(mark + 8, raw, sizeof(raw));
}

/* Append a call to the script: "{ CMD; } </dev/null 2>&1; ...". */
static void script_add(
	struct buf *b, const struct esxi_call *c, const char *mark, size_t i)
{
	_free_ char *line = esxi_line(c->cmd, c->arg);

	buf_addf(b, "{ %s; } </dev/null 2>&1; r=$?; echo; echo \"%s %zu $r\"\n",
		line, mark, i);
}

/* NUL bytes have no place in text: what a parser sees is all there is. */
static void no_nul(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!p[i])
			p[i] = '?';
}

/* What a channel printed and was not yet handed out. */
struct rest {
	const char *at;
	size_t n;
};

static void keep(struct esxi_call *c, const char *p, size_t n)
{
	free(c->out);
	c->out = xmalloc(n + 1);
	memcpy(c->out, p, n);
	c->out[n] = '\0';
	c->len = n;
	/* A file may be anything; its parser looks at len. */
	if (c->cmd != ESXI_TEXT)
		no_nul(c->out, n);
}

/* The output up to the mark of call i. */
static int cut_one(struct esxi_call *c, struct rest *r, const char *mark,
	size_t i, struct err *e)
{
	_free_ char *want = xasprintf("\n%s %zu ", mark, i), *number = NULL;
	const char *end = memmem(r->at, r->n, want, strlen(want)), *next;
	uint64_t status;

	if (!end)
		return err_set(e, ERR_ESXI_COMMAND,
			"the host's shell ended before %s did",
			commands[c->cmd].text);
	next = end + strlen(want);
	number = xstrndup(next, strcspn(next, "\n"));
	if (str_u64(number, 255, &status))
		return err_set(e, ERR_ESXI_COMMAND,
			"the host's shell gave '%s' as a status", number);
	keep(c, r->at, end - r->at);
	c->status = status;
	next += strlen(number);
	next += *next == '\n';
	r->n -= next - r->at;
	r->at = next;
	return 0;
}

static int run_channel(struct esxi *x, struct esxi_call **c, size_t n,
	const char *script, const char *mark, struct err *e)
{
	_ssh_result_ struct ssh_result r = {0};
	struct rest rest;

	if (esxi_ready(x, e) ||
		ssh_exec(x->ssh, script, NULL, 0, TIMEOUT + n * TIMEOUT_EACH,
			&r, e))
		return -1;
	x->used = now_mono();
	rest = (struct rest){r.out, r.out_len};
	for (size_t i = 0; i < n; i++)
		if (cut_one(c[i], &rest, mark, i, e))
			return -1;
	return 0;
}

/* Run n calls in as few channels as their length allows. */
static int run_some(
	struct esxi *x, struct esxi_call **c, size_t n, struct err *e)
{
	char mark[MARK_LEN];

	for (size_t from = 0, i = 0; from < n; from = i) {
		_buf_ struct buf b = {0};

		new_mark(mark);
		buf_adds(&b, PATH_LINE);
		for (i = from; i < n && (i == from || b.len < SCRIPT_MAX);
			i++) {
			if (tell(x, c[i]->cmd, c[i]->arg, e))
				return -1;
			script_add(&b, c[i], mark, i - from);
		}
		if (run_channel(x, c + from, i - from, b.s, mark, e))
			return -1;
	}
	return 0;
}

/* --- retries --- */

/* Only the tools that talk to hostd are judged by their words; others may
 * print whatever stands in a file. */
static bool asks_hostd(const struct esxi_call *c)
{
	const char *cmd = commands[c->cmd].text;

	return str_starts(cmd, "vim-cmd ") || str_starts(cmd, "esxcli ");
}

static bool meets_busy_hostd(const struct esxi_call *c)
{
	return asks_hostd(c) &&
		esxi_text_busy(c->out, commands[c->cmd].changes);
}

int esxi_run(struct esxi *x, struct esxi_call *c, size_t n, struct err *e)
{
	_free_ struct esxi_call **todo = xcalloc(n, sizeof(*todo));
	size_t left = n;

	for (size_t i = 0; i < n; i++)
		todo[i] = &c[i];
	for (unsigned t = 0;; t++) {
		size_t busy = 0;

		if (run_some(x, todo, left, e))
			return -1;
		for (size_t i = 0; i < left; i++)
			if (meets_busy_hostd(todo[i]))
				todo[busy++] = todo[i];
		left = busy;
		if (!left)
			return 0;
		if (t >= x->tries)
			break;
		if (stop_sleep(x->wait_ms, e))
			return -1;
	}
	return err_set(e, ERR_ESXI_BUSY, "%s: %s", x->target.host,
		str_trim(todo[0]->out));
}

int esxi_check(const struct esxi_call *c, struct err *e)
{
	_free_ char *line = esxi_line(c->cmd, c->arg);
	char msg[160];

	if (asks_hostd(c) && esxi_text_failed(c->out, msg, sizeof(msg)))
		return err_set(e, ERR_ESXI_COMMAND, "%s: %s", line, msg);
	if (!c->status)
		return 0;
	str_printable(msg, sizeof(msg), str_trim(c->out));
	return err_set(e, ERR_ESXI_COMMAND, "%s ended with %d%s%s", line,
		c->status, *msg ? ": " : "", msg);
}

int esxi_ask(struct esxi *x, enum esxi_cmd cmd, const char *arg, char **out,
	struct err *e)
{
	struct esxi_call c = {.cmd = cmd, .arg = arg};
	int rc = esxi_run(x, &c, 1, e);

	if (rc == 0)
		rc = esxi_check(&c, e);
	if (rc == 0 && out) {
		*out = c.out;
		c.out = NULL;
	}
	esxi_calls_free(&c, 1);
	return rc;
}

/* --- a call beside others --- */

int esxi_aside(
	struct esxi *x, enum esxi_cmd cmd, const char *arg, struct err *e)
{
	_free_ char *line = esxi_line(cmd, arg);
	_buf_ struct buf b = {0};

	ssh_cmd_free(x->aside);
	x->aside = NULL;
	if (esxi_ready(x, e) || tell(x, cmd, arg, e))
		return -1;
	buf_addf(&b, PATH_LINE "{ %s; } </dev/null 2>&1", line);
	return ssh_start(x->ssh, b.s, &x->aside, e);
}

int esxi_aside_wait(
	struct esxi *x, double seconds, bool *done, char **out, struct err *e)
{
	_ssh_result_ struct ssh_result r = {0};
	bool ended = true;

	*done = true;
	if (!x->aside)
		return stop_sleep(seconds * 1000, e);
	if (ssh_wait(x->aside, seconds, &ended, e) ||
		(ended && ssh_finish(x->aside, &r, e)))
		return -1;
	x->used = now_mono();
	*done = ended;
	if (!ended)
		return 0;
	ssh_cmd_free(x->aside);
	x->aside = NULL;
	no_nul(r.out, r.out_len);
	free(*out);
	*out = r.out;
	r.out = NULL;
	return 0;
}
