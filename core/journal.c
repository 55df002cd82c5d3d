/*
 * The journal's writer and its memory: see journal.h. Keeps true: the file
 * ends with a whole line whenever journal_open or journal_add returned 0;
 * what could not be written whole is taken back.
 */
#include "journal_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operator.h"

/* --- writing --- */

/* The name of a secret whose value stands in some text of v, or null. */
static const char *secret_in(const struct secrets *s, const json_t *v)
{
	const char *key, *hit;
	const json_t *m;
	size_t i;

	if (json_is_string(v))
		return secrets_find(s, json_string_value(v));
	json_array_foreach (v, i, m) {
		hit = secret_in(s, m);
		if (hit)
			return hit;
	}
	if (!json_is_object(v))
		return NULL;
	json_object_foreach ((json_t *)v, key, m) {
		hit = secrets_find(s, key);
		if (!hit)
			hit = secret_in(s, m);
		if (hit)
			return hit;
	}
	return NULL;
}

/* The line's text without newline, its members in the order people read. */
static char *line_text(const json_t *line, size_t *n)
{
	_free_ char *body = json_dumps(line, JSON_COMPACT);
	char sum[SHA256_HEX];
	char *text;

	if (!body)
		abort();
	body[strlen(body) - 1] = '\0';
	sha256_hex(body, strlen(body), sum);
	text = xasprintf("%s,\"sum\":\"%s\"}", body, sum);
	*n = strlen(text);
	return text;
}

static json_t *line_new(const struct journal *j, const char *step,
	const char *event, json_t *data)
{
	json_t *o = json_object();
	char time[32];

	json_put_u64(o, "seq", j->chain.seq + 1);
	json_put_str(o, "time", now_utc(time));
	json_object_set(o, "operator", j->who);
	json_put_str(o, "host", j->host);
	json_put_str(o, "step", step ? step : "");
	json_put_str(o, "event", event);
	json_put(o, "data", data);
	json_put_str(o, "prev", j->chain.head);
	return o;
}

/* Append text and newline whole, or leave the file as it was. */
static int append(struct journal *j, const char *text, size_t n, struct err *e)
{
	_free_ char *s = xasprintf("%s\n", text);
	ssize_t w = write(j->fd, s, n + 1);

	if (w != (ssize_t)(n + 1)) {
		/* A short write is a full disk that was just hit. */
		if (w >= 0)
			errno = ENOSPC;
		err_sys(e, ERR_IO, "write the journal");
		if (w > 0 && ftruncate(j->fd, j->size))
			j->failed = true;
		return -1;
	}
	if (fdatasync(j->fd)) {
		/* Nobody knows what is on disk now. */
		j->failed = true;
		return err_sys(e, ERR_IO, "flush the journal");
	}
	j->size += n + 1;
	return 0;
}

/* Take the text through the same check a reader will use. */
static int append_checked(
	struct journal *j, const char *text, size_t n, struct err *e)
{
	struct chain next = j->chain;
	_json_ json_t *line = NULL;

	if (n > JOURNAL_LINE_MAX)
		return err_set(
			e, ERR_INTERNAL, "a journal line of %zu bytes", n);
	if (chain_take(&next, text, n, &line, e) != LINE_OK) {
		if (e)
			e->code = ERR_INTERNAL;
		return -1;
	}
	if (append(j, text, n, e))
		return -1;
	j->chain = next;
	journal_learn(j, line);
	return 0;
}

int journal_add(struct journal *j, const char *step, const char *event,
	json_t *data, struct err *e)
{
	_json_ json_t *line = NULL;
	_free_ char *text = NULL;
	const char *secret;
	size_t n;

	if (!data)
		data = json_object();
	line = line_new(j, step, event, data);
	if (j->failed)
		return err_set(
			e, ERR_IO, "the journal could not be written before");
	secret = j->secrets ? secret_in(j->secrets, data) : NULL;
	if (secret)
		return err_set(e, ERR_INTERNAL,
			"%s %s was not journalled: it holds the value of %s",
			step ? step : "job", event, secret);
	text = line_text(line, &n);
	return append_checked(j, text, n, e);
}

/* --- opening --- */

/* What stands behind the last good line. */
struct torn {
	uint64_t bytes;
	char sha256[SHA256_HEX];
};

static void torn_set(struct torn *t, const char *s, size_t n)
{
	t->bytes = n;
	sha256_hex(s, n, t->sha256);
}

/*
 * A line that is no JSON, with its newline: torn if nothing follows it, else
 * broken as *e already says. text lies in l's buffer, so it is hashed before
 * the next read.
 */
static int take_torn(struct journal *j, struct jlines *l, const char *text,
	size_t n, struct torn *t)
{
	size_t left;

	torn_set(t, text, n + 1);
	if (jlines_next(l, &text, &n, NULL) != 0)
		return -1;
	jlines_rest(l, &left);
	if (left)
		return -1;
	j->size = jlines_offset(l) - t->bytes;
	return 0;
}

static int read_all(
	struct journal *j, struct jlines *l, struct torn *t, struct err *e)
{
	const char *text;
	size_t n;
	int rc;

	while ((rc = jlines_next(l, &text, &n, e)) > 0) {
		_json_ json_t *line = NULL;

		switch (chain_take(&j->chain, text, n, &line, e)) {
		case LINE_OK:
			journal_learn(j, line);
			break;
		case LINE_TORN:
			if (take_torn(j, l, text, n, t))
				return -1;
			err_clear(e);
			return 0;
		case LINE_BAD:
			return -1;
		}
	}
	if (rc < 0)
		return -1;
	j->size = jlines_offset(l);
	text = jlines_rest(l, &n);
	torn_set(t, text, n);
	return 0;
}

static int cut(struct journal *j, const struct torn *t, struct err *e)
{
	json_t *data;

	if (!t->bytes)
		return 0;
	if (ftruncate(j->fd, j->size) || fdatasync(j->fd))
		return err_sys(e, ERR_IO, "cut the journal's torn end");
	data = json_object();
	json_put_u64(data, "bytes", t->bytes);
	json_put_str(data, "sha256", t->sha256);
	return journal_add(j, NULL, "cut", data, e);
}

static int load(struct journal *j, const char *path, struct err *e)
{
	_jlines_ struct jlines l = {.fd = -1};
	struct torn t = {0};

	j->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return err_sys(e, ERR_PERMISSION, "%s", path);
	if (jlines_open(&l, path, 0, e) || read_all(j, &l, &t, e))
		return -1;
	return cut(j, &t, e);
}

static struct journal *journal_new(const struct secrets *secrets)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->fd = -1;
	j->secrets = secrets;
	j->who = operator_json();
	if (gethostname(j->host, sizeof(j->host) - 1))
		j->host[0] = '\0';
	j->last = json_object();
	j->asked = json_object();
	j->made = json_array();
	chain_start(&j->chain);
	return j;
}

static int learn_line(void *arg, const json_t *line, struct err *e)
{
	(void)e;
	journal_learn(arg, line);
	return 0;
}

int journal_peek(const char *dir, struct journal **out, struct err *e)
{
	_journal_ struct journal *j = journal_new(NULL);

	j->failed = true; /* nothing can be added */
	if (journal_each(dir, learn_line, j, e))
		return -1;
	*out = j;
	j = NULL;
	return 0;
}

int journal_open(const char *dir, const struct secrets *secrets,
	struct journal **out, struct err *e)
{
	_free_ char *path = path_join(dir, "journal");
	struct journal *j = journal_new(secrets);

	if (load(j, path, e)) {
		journal_close(j);
		return err_in(e, "open the journal");
	}
	*out = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	json_decref(j->who);
	json_decref(j->last);
	json_decref(j->asked);
	json_decref(j->made);
	free(j);
}

void cleanup_journal(struct journal **j)
{
	journal_close(*j);
}
