/*
 * Reading a target back: see copy.h. Keeps true: every byte of the target is
 * either read and compared, or the target itself says that it is zero where
 * zero is expected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "i18n.h"
#include "stop.h"
#include "str.h"

#define PIECE (1U << 20)
#define DEPTH 8  /* reads under way */
#define AGAIN 64 /* of so many checked ranges one is read once more */
#define KNOWN_MAX 100000
#define PROGRESS_EVERY 0.25

struct slot {
	unsigned char *buf;
	uint64_t off;
	size_t len;
	bool busy; /* the answer is to come */
	int err_no;
};

struct check {
	const struct copy_check *job;
	struct disk_out *out;
	const struct copy_map *map;
	struct extents known;
	unsigned char *passed; /* by range: not read once more */
	struct slot slot[DEPTH];
	unsigned first, used; /* a ring, in the order of offsets */
	uint64_t next;        /* first offset not asked for */
	uint64_t done, read, skipped, checked;
	struct sha256 *sum;
	double begun, told_at;
};

static void on_read(void *arg, int err_no)
{
	struct slot *s = arg;

	s->busy = false;
	s->err_no = err_no;
}

static int mismatch(struct err *e, uint64_t off, uint64_t len, const char *why)
{
	char where[STR_SIZE_LEN];

	return err_set(e, ERR_VERIFY_MISMATCH,
		"%s in the %llu bytes from offset %llu (%s) on", why,
		(unsigned long long)len, (unsigned long long)off,
		str_size(where, off));
}

static uint64_t range_begin(const struct check *c, uint64_t off)
{
	return off - off % c->map->range;
}

/* --- what to ask for --- */

/* Up to a whole block: what is read behind the disk is looked at then. */
static uint64_t to_block(const struct check *c, uint64_t end)
{
	uint64_t over = end % c->out->block;

	if (over)
		end += c->out->block - over;
	return end < c->out->size ? end : c->out->size;
}

/* Of what was read back before, all but one in so many. */
static void pass_over(struct check *c)
{
	const struct copy_map *m = c->map;
	unsigned n = 0;

	c->passed = xcalloc(m->n ? m->n : 1, 1);
	for (size_t i = 0; i < m->n && !c->job->all; i++)
		if (m->slot[i].checked)
			c->passed[i] = n++ % AGAIN != 0;
}

/* How far from off on the target says what it must: zero. Whole ranges only,
 * because a digest needs all of its range. */
static uint64_t known_to(const struct check *c, uint64_t off)
{
	const struct copy_map *m = c->map;
	size_t i = off / m->range;
	uint64_t end;

	if (off >= m->size) {
		i = extents_find(&c->known, off);
		if (i == c->known.n || c->known.e[i].data)
			return off;
		return c->known.e[i].offset + c->known.e[i].length;
	}
	if (off % m->range == 0 && c->passed[i])
		return to_block(c, off + copy_map_len(m, i));
	if (off % m->range || m->slot[i].kind != COPY_ZERO)
		return off;
	end = to_block(c, off + copy_map_len(m, i));
	return extents_zero(&c->known, off, end - off) ? end : off;
}

/* The end of the piece at off: of its range, of the disk, of the target. */
static uint64_t piece_end(const struct check *c, uint64_t off)
{
	uint64_t end = range_begin(c, off) + c->map->range;

	if (off < c->map->size && end > c->map->size)
		end = c->map->size;
	return to_block(c, end > off + PIECE ? off + PIECE : end);
}

static void take_known(struct check *c, uint64_t from, uint64_t to)
{
	if (from < c->map->size && c->map->slot[from / c->map->range].checked)
		c->checked += to - from;
	c->skipped += to - from;
	c->done += to - from;
}

static int ask(struct check *c, struct err *e)
{
	struct slot *s = &c->slot[(c->first + c->used) % DEPTH];

	*s = (struct slot){.buf = s->buf, .off = c->next};
	s->len = piece_end(c, c->next) - c->next;
	s->busy = true;
	if (c->out->ops->read(
		    c->out->priv, s->buf, s->len, s->off, on_read, s, e)) {
		s->busy = false;
		return -1;
	}
	c->used++;
	c->next += s->len;
	return 0;
}

static int ask_more(struct check *c, struct err *e)
{
	while (c->used < DEPTH && c->next < c->out->size) {
		uint64_t to = known_to(c, c->next);

		if (to > c->next) {
			take_known(c, c->next, to);
			c->next = to;
		} else if (ask(c, e)) {
			return -1;
		}
	}
	return 0;
}

/* --- what came --- */

static bool all_zero(const unsigned char *p, size_t n)
{
	return n == 0 || (*p == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static int compare(struct check *c, const struct slot *s, struct err *e)
{
	const struct copy_map *m = c->map;
	uint64_t left = s->off < m->size ? m->size - s->off : 0;
	size_t disk = s->len < left ? s->len : left;
	uint64_t end = s->off + disk;
	unsigned char sha[SHA256_LEN];

	if (!all_zero(s->buf + disk, s->len - disk))
		return mismatch(e, end, s->len - disk,
			N_("behind the source's size there is not only zero"));
	if (!disk)
		return 0;
	sha256_add(c->sum, s->buf, disk);
	if (end % m->range && end != m->size)
		return 0;
	sha256_end(c->sum, sha);
	end = range_begin(c, s->off);
	if (memcmp(sha, m->slot[end / m->range].sha, SHA256_LEN))
		return mismatch(e, end, copy_map_len(m, end / m->range),
			N_("another content than was read from the source"));
	return 0;
}

static int take_first(struct check *c, struct err *e)
{
	struct slot *s = &c->slot[c->first];
	char where[STR_SIZE_LEN];

	if (s->err_no) {
		errno = s->err_no;
		return err_sys(e, ERR_IO, "read the target back at %s",
			str_size(where, s->off));
	}
	if (compare(c, s, e))
		return -1;
	c->read += s->len;
	c->done += s->len;
	c->first = (c->first + 1) % DEPTH;
	c->used--;
	return 0;
}

static void tell(struct check *c, bool last)
{
	double now = now_mono(), seconds = now - c->begun;
	struct copy_progress g = {.todo = c->out->size - c->skipped,
		.done = c->done - c->skipped,
		.at = c->next,
		.eta = -1};

	if (!c->job->progress || (!last && now - c->told_at < PROGRESS_EVERY))
		return;
	c->told_at = now;
	g.rate = seconds > 0 ? g.done / seconds : 0;
	if (g.rate > 0)
		g.eta = (g.todo - g.done) / g.rate;
	c->job->progress(c->job->ctx, &g);
}

static int check_all(struct check *c, struct err *e)
{
	for (;;) {
		if (stop_check(e) || ask_more(c, e))
			return -1;
		if (!c->used)
			return 0;
		if (c->slot[c->first].busy) {
			if (c->out->ops->wait(c->out->priv, -1, 100, e))
				return -1;
		} else if (take_first(c, e)) {
			return -1;
		}
		tell(c, false);
	}
}

static bool any_busy(const struct check *c)
{
	for (size_t i = 0; i < DEPTH; i++)
		if (c->slot[i].busy)
			return true;
	return false;
}

static int verify(struct check *c, struct err *e)
{
	int rc;

	if (!copy_map_complete(c->map))
		return err_set(e, ERR_JOB_BAD,
			"the copy has no digest of some of its ranges");
	if (c->out->size < c->map->size)
		return mismatch(e, c->out->size, c->map->size - c->out->size,
			N_("the target ends too early"));
	if (sink_extents(c->out, KNOWN_MAX, &c->known, e))
		return -1;
	for (size_t i = 0; i < DEPTH; i++)
		c->slot[i].buf = xaligned(PIECE);
	pass_over(c);
	rc = check_all(c, e);
	/* A read without an answer has a buffer of ours. */
	if (any_busy(c))
		sink_close(c->out, NULL);
	for (size_t i = 0; i < DEPTH; i++)
		free(c->slot[i].buf);
	free(c->passed);
	extents_free(&c->known);
	return rc;
}

int copy_verify(
	const struct copy_check *job, struct copy_checked *r, struct err *e)
{
	_sha256_ struct sha256 *sum = sha256_new();
	struct check c = {.job = job,
		.out = job->out,
		.map = job->map,
		.sum = sum,
		.begun = now_mono()};

	if (verify(&c, e))
		return -1;
	tell(&c, true);
	*r = (struct copy_checked){
		.read = c.read,
		.known = c.skipped - c.checked,
		.checked = c.checked,
		.seconds = now_mono() - c.begun,
	};
	copy_map_digest(job->map, r->digest);
	return 0;
}
