/*
 * The disk as areas, and what in them is unused: see fsmap.h. Keeps true:
 * what no module vouched for is used, and an area in doubt is used whole.
 */
#include "fsmap_own.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

#define CACHE 128 /* blocks of FSMAP_GRAIN */
#define AHEAD 64  /* of them in one request */
/* More holes than this: only larger ones are kept. */
#define HOLES_MAX (256U << 10)

struct block {
	bool there;
	uint64_t at; /* offset on the disk */
	unsigned char *p;
};

struct hole {
	uint64_t offset, end;
};

struct fsmap {
	const struct fsmap_disk *disk;
	struct fsmap_report *what;
	struct block cache[CACHE];
	size_t oldest;
	/* Offsets of blocks that will be wanted, in order. */
	uint64_t *ahead;
	size_t n_ahead, next_ahead;
	struct hole *hole;
	size_t n, cap, mark; /* mark: those before are settled */
	uint64_t least;      /* bytes of a hole worth keeping */
	struct area **todo;
	size_t n_todo;
	struct err err; /* of the callback: ends everything */
};

uint32_t crc_add(uint32_t poly, uint32_t crc, const void *p, size_t n)
{
	const unsigned char *b = p;

	while (n--) {
		crc ^= *b++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? poly : 0);
	}
	return crc;
}

int doubt(struct area *a, const char *fmt, ...)
{
	char text[sizeof(a->about.why)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The first reason is the cause of those after it. */
	if (!a->about.why[0])
		str_printable(a->about.why, sizeof(a->about.why), text);
	return -1;
}

/* --- reading --- */

static uint64_t block_len(const struct fsmap *m, uint64_t at)
{
	uint64_t left = m->disk->size - at;

	return left < FSMAP_GRAIN ? left : FSMAP_GRAIN;
}

static struct block *cached(struct fsmap *m, uint64_t at)
{
	for (size_t i = 0; i < CACHE; i++)
		if (m->cache[i].there && m->cache[i].at == at)
			return &m->cache[i];
	return NULL;
}

/* at, and what is expected to be wanted after it. */
static size_t choose(struct fsmap *m, uint64_t at, struct extent x[AHEAD])
{
	size_t n = 0, i = m->next_ahead;

	x[n++] = (struct extent){at, block_len(m, at), true};
	while (i < m->n_ahead && m->ahead[i] != at)
		i++;
	if (i == m->n_ahead)
		return n;
	for (i++; i < m->n_ahead && n < AHEAD; i++)
		if (!cached(m, m->ahead[i]))
			x[n++] = (struct extent){
				m->ahead[i], block_len(m, m->ahead[i]), true};
	m->next_ahead = i;
	return n;
}

static int fetch(struct fsmap *m, uint64_t at)
{
	struct extent x[AHEAD];
	size_t n = choose(m, at, x);
	_free_ unsigned char *buf = xmalloc(n * FSMAP_GRAIN);
	const unsigned char *p = buf;

	if (m->disk->read(m->disk->ctx, x, n, buf, &m->err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct block *b = &m->cache[m->oldest];

		m->oldest = (m->oldest + 1) % CACHE;
		if (!b->p)
			b->p = xmalloc(FSMAP_GRAIN);
		memcpy(b->p, p, x[i].length);
		b->at = x[i].offset;
		b->there = true;
		p += x[i].length;
		m->what->read += x[i].length;
	}
	return 0;
}

static int disk_read(struct fsmap *m, uint64_t off, void *buf, size_t len)
{
	unsigned char *to = buf;

	while (len) {
		uint64_t at = off - off % FSMAP_GRAIN, from = off - at;
		uint64_t n = block_len(m, at) - from;
		struct block *b = cached(m, at);

		if (!b && (m->err.code || fetch(m, at)))
			return -1;
		b = b ? b : cached(m, at);
		n = n < len ? n : len;
		memcpy(to, b->p + from, n);
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* The piece that holds byte *off of the area; *off is then within it. */
static const struct extent *find_piece(const struct area *a, uint64_t *off)
{
	for (size_t i = 0; i < a->n; i++) {
		if (*off < a->piece[i].length)
			return &a->piece[i];
		*off -= a->piece[i].length;
	}
	return NULL;
}

int area_read(struct area *a, uint64_t off, void *buf, size_t len)
{
	unsigned char *to = buf;

	if (off > a->about.size || len > a->about.size - off)
		return doubt(a, "it points behind its end");
	while (len) {
		uint64_t in = off;
		const struct extent *x = find_piece(a, &in);
		uint64_t n = x->length - in < len ? x->length - in : len;

		if (disk_read(a->m, x->offset + in, to, n))
			return doubt(a, "it cannot be read");
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

void area_expect(struct area *a, const uint64_t *off, size_t n)
{
	struct fsmap *m = a->m;

	m->ahead = xreallocarray(m->ahead, n ? n : 1, sizeof(*m->ahead));
	m->n_ahead = m->next_ahead = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t in = off[i], at;
		const struct extent *x =
			in < a->about.size ? find_piece(a, &in) : NULL;

		if (!x)
			continue;
		at = x->offset + in;
		at -= at % FSMAP_GRAIN;
		if (!m->n_ahead || m->ahead[m->n_ahead - 1] != at)
			m->ahead[m->n_ahead++] = at;
	}
}

/* --- holes --- */

static struct hole inner(const struct hole *h)
{
	struct hole r = {
		(h->offset + FSMAP_GRAIN - 1) / FSMAP_GRAIN * FSMAP_GRAIN,
		h->end / FSMAP_GRAIN * FSMAP_GRAIN};

	return r;
}

static bool worth(const struct fsmap *m, const struct hole *h)
{
	struct hole in = inner(h);

	return in.end > in.offset && in.end - in.offset >= m->least;
}

/* Memory is bounded: the smallest go first. The last may still grow. */
static void drop_small(struct fsmap *m)
{
	while (m->n >= HOLES_MAX) {
		size_t n = 0, mark = m->mark;

		m->least *= 2;
		for (size_t i = 0; i < m->n; i++) {
			if (i == m->mark)
				mark = n;
			if (i + 1 == m->n || worth(m, &m->hole[i]))
				m->hole[n++] = m->hole[i];
		}
		m->mark = mark;
		m->n = n;
	}
}

static void add_hole(struct fsmap *m, uint64_t offset, uint64_t end)
{
	struct hole *last = m->n > m->mark ? &m->hole[m->n - 1] : NULL;

	if (last && last->end == offset) {
		last->end = end;
		return;
	}
	if (last && !worth(m, last))
		m->n--;
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 256;
		m->hole = xreallocarray(m->hole, m->cap, sizeof(*m->hole));
	}
	m->hole[m->n++] = (struct hole){offset, end};
	drop_small(m);
}

void area_unused(struct area *a, uint64_t off, uint64_t len)
{
	if (off > a->about.size || len > a->about.size - off)
		return;
	a->about.unused += len;
	while (len) {
		uint64_t in = off;
		const struct extent *x = find_piece(a, &in);
		uint64_t n = x->length - in < len ? x->length - in : len;

		add_hole(a->m, x->offset + in, x->offset + in + n);
		off += n;
		len -= n;
	}
}

/* From holes in any order to extents of the disk. */
static int by_offset(const void *a, const void *b)
{
	const struct hole *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void report(struct fsmap *m, const struct fsmap_area *a)
{
	struct fsmap_report *r = m->what;

	r->area = xreallocarray(r->area, r->n + 1, sizeof(*r->area));
	r->area[r->n++] = *a;
}

static void settle(struct fsmap *m, struct extents *x)
{
	static const struct fsmap_area twice = {.name = "disk",
		.kind = "unknown",
		.why = N_("one place is in two areas")};
	uint64_t end = 0;

	if (m->n)
		qsort(m->hole, m->n, sizeof(*m->hole), by_offset);
	for (size_t i = 0; i < m->n; i++) {
		struct hole in = inner(&m->hole[i]);

		/* Nobody can say then which of them is right. */
		if (m->hole[i].offset < end) {
			report(m, &twice);
			extents_free(x);
			break;
		}
		end = m->hole[i].end;
		if (in.end <= in.offset)
			continue;
		extents_add(x, in.offset - extents_end(x), true);
		extents_add(x, in.end - in.offset, false);
	}
	extents_add(x, m->disk->size - extents_end(x), true);
	m->what->unused = m->disk->size - extents_data(x);
}

/* --- areas --- */

size_t area_map(const struct area *a, uint64_t off, uint64_t len,
	struct extent *out, size_t room)
{
	size_t n = 0;

	if (off > a->about.size || len > a->about.size - off)
		return 0;
	while (len) {
		uint64_t in = off;
		const struct extent *x = find_piece(a, &in);
		uint64_t part = x->length - in < len ? x->length - in : len;

		if (n == room)
			return 0;
		out[n++] = (struct extent){x->offset + in, part, true};
		off += part;
		len -= part;
	}
	return n;
}

void area_add(struct fsmap *m, const char *name, enum area_use use, bool nested,
	const struct extent *piece, size_t n)
{
	struct area *a = xcalloc(1, sizeof(*a));

	a->m = m;
	a->use = use;
	a->nested = nested;
	a->n = n;
	a->piece = xreallocarray(NULL, n ? n : 1, sizeof(*piece));
	for (size_t i = 0; i < n; i++) {
		a->piece[i] = piece[i];
		a->about.size += piece[i].length;
	}
	str_printable(a->about.name, sizeof(a->about.name), name);
	a->about.offset = n ? piece[0].offset : 0;
	a->about.kind = "unknown";
	m->todo = xreallocarray(m->todo, m->n_todo + 1, sizeof(struct area *));
	m->todo[m->n_todo++] = a;
}

static int look_into(struct area *a)
{
	const struct fsmap_kind *kind = NULL;

	if (a->use == USE_OTHER)
		return doubt(a, "its partition type is not looked into");
	if (fsmap_probe(a, &kind))
		return -1;
	if (!kind)
		return doubt(a, "nothing known is in it");
	a->about.kind = kind->name;
	if (!kind->look)
		return doubt(a, "%s is not looked into", kind->name);
	if (!(kind->uses & a->use))
		return doubt(
			a, "its partition type is not one of %s", kind->name);
	/* The disk of a guest's own guest, on what was a file system once. Of
	 * NTFS the words of its boot code stand there. */
	if (kind->look != fsmap_ntfs && fsmap_no_table(a))
		return -1;
	return kind->look(a);
}

static void look(struct area *a)
{
	struct fsmap *m = a->m;

	m->mark = m->n;
	area_expect(a, NULL, 0);
	if (look_into(a) || m->err.code) {
		m->n = m->mark;
		a->about.unused = 0;
	}
	report(m, &a->about);
}

/* A disk of partitions: each an area. Without: one itself. */
static void look_at_disk(struct area *disk)
{
	_free_ struct part *part = xcalloc(PARTS_MAX, sizeof(*part));
	const struct fsmap_kind *kind = NULL;
	int n = fsmap_table(disk, part);

	if (n == 0) {
		look(disk);
		return;
	}
	disk->about.kind = "partitions";
	/* A file system below a partition table: one of them is stale. */
	if (n < 0 || fsmap_probe(disk, &kind) ||
		(kind && doubt(disk, "it has partitions and %s", kind->name))) {
		report(disk->m, &disk->about);
		return;
	}
	for (int i = 0; i < n; i++) {
		const struct extent x = {part[i].offset, part[i].size, true};
		char name[32];

		snprintf(name, sizeof(name), "partition %u", part[i].number);
		area_add(disk->m, name, part[i].use, false, &x, 1);
	}
}

static void fsmap_free(struct fsmap *m)
{
	for (size_t i = 0; i < CACHE; i++)
		free(m->cache[i].p);
	for (size_t i = 0; i < m->n_todo; i++) {
		free(m->todo[i]->piece);
		free(m->todo[i]);
	}
	free(m->todo);
	free(m->ahead);
	free(m->hole);
}

int fsmap_used(const struct fsmap_disk *disk, struct extents *used,
	struct fsmap_report *out, struct err *e)
{
	struct fsmap_report what = {0};
	struct fsmap m = {.disk = disk, .what = &what, .least = FSMAP_GRAIN};
	const struct extent all = {0, disk->size, true};
	int rc;

	area_add(&m, "disk", USE_ANY, false, &all, 1);
	look_at_disk(m.todo[0]);
	for (size_t i = 1; i < m.n_todo && !m.err.code; i++)
		look(m.todo[i]);
	if (m.err.code && e)
		*e = m.err;
	rc = m.err.code ? -1 : 0;
	if (rc) {
		fsmap_report_free(&what);
	} else {
		*used = (struct extents){0};
		settle(&m, used);
		*out = what;
	}
	fsmap_free(&m);
	return rc;
}

/* --- the report --- */

void fsmap_report_free(struct fsmap_report *r)
{
	free(r->area);
	*r = (struct fsmap_report){0};
}

json_t *fsmap_report_to_json(const struct fsmap_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n; i++) {
		const struct fsmap_area *a = &r->area[i];
		json_t *o = json_object();

		json_put_str(o, "name", a->name);
		json_put_str(o, "kind", a->kind);
		json_put_u64(o, "offset", a->offset);
		json_put_u64(o, "size", a->size);
		json_put_u64(o, "unused", a->unused);
		json_put_str(o, "why", a->why[0] ? a->why : NULL);
		json_array_append_new(list, o);
	}
	return list;
}
