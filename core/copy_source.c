/* The copy against checksums made on the source: see copy.h. */
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "stop.h"
#include "str.h"

#define AT_ONCE 32 /* ranges asked for together */

struct asking {
	const struct copy_check_source *c;
	struct extent x[AT_ONCE];
	unsigned char sha[AT_ONCE][SHA256_LEN];
	size_t first, n; /* ranges */
};

static int compare(const struct asking *a, struct err *e)
{
	const struct copy_map *m = a->c->map;
	char where[STR_SIZE_LEN];

	for (size_t i = 0; i < a->n; i++) {
		uint64_t at = a->x[i].offset;

		if (memcmp(a->sha[i], m->slot[a->first + i].sha, SHA256_LEN) ==
			0)
			continue;
		return err_set(e, ERR_VERIFY_MISMATCH,
			"the source's own checksum of the %llu bytes from "
			"offset %llu (%s) on is another than that of the copy",
			(unsigned long long)a->x[i].length,
			(unsigned long long)at, str_size(where, at));
	}
	return 0;
}

static int ask(struct asking *a, struct err *e)
{
	const struct copy_map *m = a->c->map;

	for (a->n = 0; a->n < AT_ONCE && a->first + a->n < m->n; a->n++)
		a->x[a->n] = (struct extent){(a->first + a->n) * m->range,
			copy_map_len(m, a->first + a->n), true};
	if (a->c->in->kind->digests(a->c->in, a->x, a->n, a->sha, e))
		return -1;
	return compare(a, e);
}

int copy_check_source(const struct copy_check_source *c, struct err *e)
{
	struct asking a = {.c = c};
	struct copy_progress p = {.todo = c->map->size};
	double begun = now_mono();

	if (!c->in->kind->digests)
		return err_set(e, ERR_USAGE,
			"a source of the kind %s makes no checksums",
			c->in->kind->name);
	for (; a.first < c->map->n; a.first += a.n) {
		if (stop_check(e) || ask(&a, e))
			return err_in(e, "compare with the source");
		p.done = p.at = a.x[a.n - 1].offset + a.x[a.n - 1].length;
		p.rate = p.done / (now_mono() - begun);
		p.eta = p.rate > 0 ? (p.todo - p.done) / p.rate : -1;
		if (c->progress)
			c->progress(c->ctx, &p);
	}
	return 0;
}
