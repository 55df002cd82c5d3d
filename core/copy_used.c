/*
 * What of a copy's disk the guest's file systems use: see copy_used.h. Keeps
 * true: whatever goes wrong here only means that more is read.
 */
#include "copy_used.h"

#include <stdlib.h>
#include <string.h>

#include "fsmap.h"
#include "i18n.h"
#include "stop.h"
#include "str.h"

struct look {
	struct disk_in *in;
	const struct extents *map;
	void *src;
	unsigned road;
	size_t tries; /* after all roads had failed */
};

/* A short trouble must not cost the reading of all that was deleted. */
static const unsigned pauses[] = {500, 2000, 8000, 20000}; /* ms */

/* --- reading a list of places, holes of the map without asking --- */

struct spot {
	unsigned char *to;
	uint64_t len;
};

struct reads {
	struct extent *x;
	struct spot *spot; /* where the bytes of x go */
	size_t n, cap, at;
	uint64_t done; /* bytes of spot[at] */
};

static void reads_free(struct reads *r)
{
	free(r->x);
	free(r->spot);
}

static void reads_add(
	struct reads *r, uint64_t off, uint64_t len, unsigned char *to)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->x = xreallocarray(r->x, r->cap, sizeof(*r->x));
		r->spot = xreallocarray(r->spot, r->cap, sizeof(*r->spot));
	}
	r->x[r->n] = (struct extent){off, len, true};
	r->spot[r->n++] = (struct spot){to, len};
}

static void add_place(struct reads *r, const struct extents *map,
	const struct extent *place, unsigned char *to)
{
	uint64_t at = place->offset, end = at + place->length;

	for (size_t i = extents_find(map, at); at < end; i++) {
		uint64_t stop = map->e[i].offset + map->e[i].length;

		stop = stop < end ? stop : end;
		if (map->e[i].data)
			reads_add(r, at, stop - at, to);
		else
			memset(to, 0, stop - at);
		to += stop - at;
		at = stop;
	}
}

static int on_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	struct reads *r = arg;
	const unsigned char *b = p;

	while (n) {
		struct spot *s = &r->spot[r->at];
		size_t part;

		if (r->at == r->n)
			return err_set(e, ERR_SOURCE_READ,
				"the source gave more than was asked for");
		part = n < s->len - r->done ? n : s->len - r->done;
		memcpy(s->to + r->done, b, part);
		b += part;
		n -= part;
		r->done += part;
		if (r->done == s->len) {
			r->at++;
			r->done = 0;
		}
	}
	return 0;
}

static int read_by(struct look *l, struct reads *r, struct err *e)
{
	const struct source *kind = l->in->kind;

	if (!l->src && kind->reader_open(l->in, l->road, &l->src, e)) {
		l->src = NULL;
		return -1;
	}
	r->at = r->done = 0;
	if (kind->read(l->src, r->x, r->n, on_bytes, r, e) == 0) {
		if (r->at == r->n)
			return 0;
		err_set(e, ERR_SOURCE_READ,
			"the source gave less than was asked for");
	}
	kind->reader_close(l->src);
	l->src = NULL;
	return -1;
}

/* -1: nothing more is to be tried. */
static int wait_again(struct look *l, enum err_code code)
{
	bool lost = code == ERR_SSH_LOST || code == ERR_SSH_CONNECT ||
		code == ERR_HTTPS_CONNECT || code == ERR_TIMEOUT ||
		code == ERR_ESXI_BUSY || code == ERR_NBD;

	if (!lost || l->tries == ARRAY_LEN(pauses) ||
		stop_sleep(pauses[l->tries], NULL))
		return -1;
	l->tries++;
	l->road = 0;
	return 0;
}

static int on_read(
	void *ctx, const struct extent *x, size_t n, void *buf, struct err *e)
{
	struct look *l = ctx;
	struct reads r __attribute__((cleanup(reads_free))) = {0};
	unsigned char *to = buf;

	for (size_t i = 0; i < n; i++) {
		add_place(&r, l->map, &x[i], to);
		to += x[i].length;
	}
	/* By the next road where one fails; after the last, some more tries. */
	while (r.n && read_by(l, &r, e)) {
		if (e->code == ERR_STOPPED)
			return -1;
		if (l->road + 1 < l->in->n_roads)
			l->road++;
		else if (wait_again(l, e->code))
			return -1;
		err_clear(e);
	}
	return 0;
}

/* --- the two lists as one --- */

/* Data where both lists say so. */
static void both(
	const struct extents *a, const struct extents *b, struct extents *out)
{
	size_t i = 0, j = 0;
	uint64_t at = 0;

	while (i < a->n && j < b->n) {
		uint64_t ea = a->e[i].offset + a->e[i].length;
		uint64_t eb = b->e[j].offset + b->e[j].length;
		uint64_t end = ea < eb ? ea : eb;

		extents_add(out, end - at, a->e[i].data && b->e[j].data);
		at = end;
		i += ea == end;
		j += eb == end;
	}
}

/* The sentence of why all is read; null where something is not. */
static char *reason(const struct fsmap_report *r)
{
	_buf_ struct buf b = {0};

	for (size_t i = 0; i < r->n && b.len < 300; i++)
		if (*r->area[i].why)
			buf_addf(&b, "%s%s (%s): %s", b.len ? "; " : "",
				r->area[i].name, r->area[i].kind,
				r->area[i].why);
	return b.len ? buf_steal(&b) : NULL;
}

void copy_used(struct disk_in *in, const struct extents *map,
	struct extents *out, struct copy_used *u)
{
	_fsmap_report_ struct fsmap_report report = {0};
	_extents_ struct extents used = {0};
	struct look l = {.in = in, .map = map};
	const struct fsmap_disk disk = {
		.size = in->size, .read = on_read, .ctx = &l};
	struct err e = {0};
	int rc;

	*u = (struct copy_used){0};
	rc = fsmap_used(&disk, &used, &report, &e);
	if (l.src)
		in->kind->reader_close(l.src);
	if (rc == 0 && extents_end(&used) == in->size) {
		both(map, &used, out);
		u->areas = fsmap_report_to_json(&report);
		u->note = reason(&report);
		u->looked_at = report.read;
		return;
	}
	u->note = xasprintf(N_("the file systems could not be looked at: %s"),
		e.code ? e.why : N_("their map is not whole"));
	for (size_t i = 0; i < map->n; i++)
		extents_add(out, map->e[i].length, map->e[i].data);
}
