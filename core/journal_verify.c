/*
 * Is a journal what was written, and is it complete? See journal.h. Keeps
 * true: nothing is changed, and no lock is needed.
 */
#include "journal_own.h"

#include <string.h>

struct verify {
	struct journal_verdict *v;
	struct chain chain;
	const char *dir;
	char step[64]; /* began and has not ended */
	/* what the status file has seen */
	uint64_t status_seq;
	char status_head[SHA256_HEX];
};

/* A fault of the line at hand (or of the whole, seq 0). Returns -1. */
static int fault(struct verify *c, uint64_t seq, struct err *e)
{
	c->v->ok = false;
	c->v->bad_seq = seq;
	str_printable(c->v->why, sizeof(c->v->why), e->why);
	return -1;
}

static void copy_text(char *to, size_t size, const char *from)
{
	str_printable(to, size, from ? from : "");
}

/* --- what the lines say together --- */

static int take_plan(struct verify *c, const json_t *line)
{
	const char *want = json_str(json_object_get(line, "data"), "sha256");
	_free_ char *path = path_join(c->dir, "plan.json");
	char sum[SHA256_HEX];
	struct err e = {0};

	if (strcmp(json_str(line, "event"), "plan") != 0 || !want)
		err_set(&e, ERR_JOURNAL_BROKEN,
			"the first line is not the plan's");
	else if (sha256_file(path, sum, &e) == 0 && strcmp(sum, want) != 0)
		err_set(&e, ERR_JOURNAL_BROKEN,
			"plan.json was changed after the job was made");
	return e.code ? fault(c, 1, &e) : 0;
}

/* begin..end or begin..error; a new worker (resume) may find one open. */
static int take_step(struct verify *c, const json_t *line)
{
	const char *event = json_str(line, "event");
	const char *step = json_str(line, "step");
	struct err e;

	if (strcmp(event, "resume") == 0 || strcmp(event, "undo") == 0)
		c->step[0] = '\0';
	if (strcmp(event, "begin") == 0) {
		if (c->step[0]) {
			err_set(&e, ERR_JOURNAL_BROKEN,
				"%s begins, but %s neither ended nor failed",
				step, c->step);
			return fault(c, c->chain.seq, &e);
		}
		copy_text(c->step, sizeof(c->step), step);
	} else if (strcmp(event, "end") == 0) {
		if (strcmp(c->step, step) != 0) {
			err_set(&e, ERR_JOURNAL_BROKEN,
				"%s ends, but did not begin", step);
			return fault(c, c->chain.seq, &e);
		}
		c->step[0] = '\0';
	} else if (strcmp(event, "error") == 0) {
		c->step[0] = '\0';
	}
	return 0;
}

static int take_line(struct verify *c, const json_t *line)
{
	struct journal_verdict *v = c->v;
	struct err e;

	v->lines++;
	if (v->lines == 1)
		copy_text(v->first, sizeof(v->first), json_str(line, "time"));
	copy_text(v->last, sizeof(v->last), json_str(line, "time"));
	if (strcmp(json_str(line, "event"), "cut") == 0)
		v->cuts++;
	if (c->status_seq == c->chain.seq &&
		strcmp(c->status_head, c->chain.head) != 0) {
		err_set(&e, ERR_JOURNAL_BROKEN,
			"line %llu is not the one the status file has seen",
			(unsigned long long)c->chain.seq);
		return fault(c, c->chain.seq, &e);
	}
	if (v->lines == 1 && take_plan(c, line))
		return -1;
	return take_step(c, line);
}

/* --- the end of the file --- */

/* The rest is not a line. A whole line whose newline is another byte is not
 * what a crash leaves. */
static int take_rest(struct verify *c, const char *rest, size_t n)
{
	struct chain next = c->chain;
	_json_ json_t *line = NULL;
	struct err e;

	if (n == 0)
		return 0;
	if (chain_take(&next, rest, n - 1, &line, NULL) == LINE_OK) {
		err_set(&e, ERR_JOURNAL_BROKEN,
			"the newline of line %llu was changed",
			(unsigned long long)next.seq);
		return fault(c, next.seq, &e);
	}
	c->v->torn = true;
	return 0;
}

static int take_end(struct verify *c)
{
	struct err e;

	if (c->status_seq > c->chain.seq)
		err_set(&e, ERR_JOURNAL_BROKEN,
			"lines are missing at the end: the status file has "
			"seen line %llu, the journal ends at %llu",
			(unsigned long long)c->status_seq,
			(unsigned long long)c->chain.seq);
	else if (!c->v->lines)
		err_set(&e, ERR_JOURNAL_BROKEN, "the journal is empty");
	else
		return 0;
	return fault(c, c->chain.seq + 1, &e);
}

/* -1 where it could not be read; a fault found stands in the verdict. */
static int check_lines(struct verify *c, struct err *e)
{
	_jlines_ struct jlines l = {.fd = -1};
	const char *text;
	struct err bad;
	size_t n;
	int rc;

	if (jlines_open(&l, c->dir, 0, e))
		return -1;
	while ((rc = jlines_next(&l, &text, &n, e)) > 0) {
		_json_ json_t *line = NULL;

		if (chain_take(&c->chain, text, n, &line, &bad) != LINE_OK) {
			fault(c, c->chain.seq + 1, &bad);
			return 0;
		}
		if (take_line(c, line))
			return 0;
	}
	if (rc < 0 && (!e || e->code != ERR_JOURNAL_BROKEN))
		return -1;
	if (rc < 0) {
		fault(c, c->chain.seq + 1, e);
		err_clear(e);
		return 0;
	}
	text = jlines_rest(&l, &n);
	if (take_rest(c, text, n) == 0)
		take_end(c);
	return 0;
}

static void read_status(struct verify *c)
{
	_free_ char *path = path_join(c->dir, "status");
	_json_ json_t *s = NULL;

	/* Absent or half lost in a power cut: then it proves nothing. */
	if (json_read(path, &s, NULL) || !json_str(s, "head"))
		return;
	c->status_seq = json_u64(s, "seq", 0);
	copy_text(c->status_head, sizeof(c->status_head), json_str(s, "head"));
}

int journal_verify(const char *dir, struct journal_verdict *v, struct err *e)
{
	struct journal_verdict found = {.ok = true};
	struct verify c = {.v = &found, .dir = dir};
	struct err own = {0};

	chain_start(&c.chain);
	read_status(&c);
	if (check_lines(&c, &own)) {
		if (e)
			*e = own;
		return err_in(e, "verify %s", dir);
	}
	memcpy(found.head, c.chain.head, sizeof(found.head));
	copy_text(found.open, sizeof(found.open), c.step);
	*v = found;
	return 0;
}

int journal_find_head(
	const char *dir, const char *head, uint64_t *seq, struct err *e)
{
	_jlines_ struct jlines l = {.fd = -1};
	char sum[SHA256_HEX];
	const char *text;
	uint64_t at = 0;
	size_t n;
	int rc;

	if (jlines_open(&l, dir, 0, e))
		return -1;
	while ((rc = jlines_next(&l, &text, &n, e)) > 0) {
		at++;
		sha256_hex(text, n, sum);
		if (strcmp(sum, head) == 0) {
			*seq = at;
			return 0;
		}
	}
	if (rc < 0)
		return -1;
	return err_set(e, ERR_NOT_FOUND,
		"no line of this journal has the hash %s", head);
}
