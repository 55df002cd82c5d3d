/*
 * Reading a journal without its lock: see journal.h. Keeps true: memory is
 * bounded by the longest line, and a line that is still being written is
 * left for later.
 */
#include "journal_own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- lines --- */

void jlines_end(struct jlines *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_free(&l->b);
}

int jlines_open(
	struct jlines *l, const char *path, uint64_t offset, struct err *e)
{
	_free_ char *in = path_join(path, "journal");
	struct stat st;

	*l = (struct jlines){.fd = -1, .at = offset};
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		path = in;
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (l->fd >= 0)
		return 0;
	return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_PERMISSION,
		"%s", path);
}

/* Read on behind what the buffer holds. Bytes read, 0 at the end, or -1. */
static int jlines_fill(struct jlines *l, struct err *e)
{
	char part[65536];
	ssize_t n;

	do
		n = pread(l->fd, part, sizeof(part), l->at + l->b.len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, ERR_IO, "read the journal");
	buf_add(&l->b, part, n);
	return n;
}

/* Forget the lines given. */
static void jlines_drop(struct jlines *l)
{
	size_t left = l->b.len - l->pos;

	if (!l->pos)
		return;
	memmove(l->b.s, l->b.s + l->pos, left);
	l->b.len = left;
	l->b.s[left] = '\0';
	l->at += l->pos;
	l->pos = 0;
}

int jlines_next(struct jlines *l, const char **line, size_t *n, struct err *e)
{
	size_t seen = 0;

	for (;;) {
		const char *s = l->b.s ? l->b.s + l->pos : "";
		size_t left = l->b.len - l->pos;
		const char *nl = memchr(s + seen, '\n', left - seen);
		int got;

		if (nl) {
			*line = s;
			*n = nl - s;
			l->pos += *n + 1;
			return 1;
		}
		if (left > JOURNAL_LINE_MAX)
			return err_set(e, ERR_JOURNAL_BROKEN,
				"a line of more than %d bytes at offset %llu",
				JOURNAL_LINE_MAX,
				(unsigned long long)(l->at + l->pos));
		seen = left;
		jlines_drop(l);
		got = jlines_fill(l, e);
		if (got <= 0)
			return got;
	}
}

uint64_t jlines_offset(const struct jlines *l)
{
	return l->at + l->pos;
}

const char *jlines_rest(const struct jlines *l, size_t *n)
{
	*n = l->b.len - l->pos;
	return l->b.s ? l->b.s + l->pos : "";
}

/* --- the chain --- */

void chain_start(struct chain *c)
{
	c->seq = 0;
	memset(c->head, '0', SHA256_HEX - 1);
	c->head[SHA256_HEX - 1] = '\0';
}

static bool sum_holds(const char *line, size_t n)
{
	char want[JOURNAL_TAIL + 1], sum[SHA256_HEX];

	if (n <= JOURNAL_TAIL)
		return false;
	sha256_hex(line, n - JOURNAL_TAIL, sum);
	snprintf(want, sizeof(want), ",\"sum\":\"%s\"}", sum);
	return memcmp(line + n - JOURNAL_TAIL, want, JOURNAL_TAIL) == 0;
}

/* The form every line has; what stands in data is the events' matter. */
static bool form_holds(const json_t *line)
{
	return json_is_integer(json_object_get(line, "seq")) &&
		json_str(line, "time") && json_str(line, "step") &&
		json_str(line, "event") && json_str(line, "prev") &&
		json_is_object(json_object_get(line, "data"));
}

enum line_state chain_take(struct chain *c, const char *line, size_t n,
	json_t **out, struct err *e)
{
	unsigned long long want = c->seq + 1;
	_json_ json_t *j = NULL;
	struct err at = {0};

	if (json_parse(line, n, &j, &at)) {
		err_set(e, ERR_JOURNAL_BROKEN, "line %llu: %s", want, at.why);
		return LINE_TORN;
	}
	if (!sum_holds(line, n))
		err_set(e, ERR_JOURNAL_BROKEN,
			"line %llu was changed: its sum differs", want);
	else if (!form_holds(j))
		err_set(e, ERR_JOURNAL_BROKEN,
			"line %llu is not a journal line", want);
	else if (json_u64(j, "seq", 0) != want)
		err_set(e, ERR_JOURNAL_BROKEN,
			"line %llu has seq %llu: lines are missing", want,
			(unsigned long long)json_u64(j, "seq", 0));
	else if (strcmp(json_str(j, "prev"), c->head) != 0)
		err_set(e, ERR_JOURNAL_BROKEN,
			"line %llu does not follow the line before it", want);
	else {
		c->seq = want;
		sha256_hex(line, n, c->head);
		*out = json_incref(j);
		return LINE_OK;
	}
	return LINE_BAD;
}

/* --- for everyone --- */

int journal_follow(const char *path, uint64_t *offset, journal_fn *fn,
	void *arg, struct err *e)
{
	_jlines_ struct jlines l = {.fd = -1};
	const char *text;
	size_t n;
	int rc;

	if (jlines_open(&l, path, *offset, e))
		return -1;
	while ((rc = jlines_next(&l, &text, &n, e)) > 0) {
		_json_ json_t *line = NULL;

		if (json_parse(text, n, &line, NULL) || !form_holds(line)) {
			size_t left;

			/* The last line: torn, with its end on disk. */
			if (jlines_next(&l, &text, &n, NULL) == 0 &&
				(jlines_rest(&l, &left), left == 0))
				return 0;
			return err_set(e, ERR_JOURNAL_BROKEN,
				"no journal line at offset %llu of %s",
				(unsigned long long)*offset, path);
		}
		rc = fn(arg, line, e);
		if (rc < 0)
			return -1;
		*offset = jlines_offset(&l);
		if (rc > 0)
			return 0;
	}
	return rc;
}

int journal_each(const char *path, journal_fn *fn, void *arg, struct err *e)
{
	uint64_t offset = 0;

	return journal_follow(path, &offset, fn, arg, e);
}

char *journal_key(const char *step, const char *event, const char *id)
{
	return id ? xasprintf("%s\n%s\n%s", step ? step : "", event, id)
		  : xasprintf("%s\n%s", step ? step : "", event);
}
