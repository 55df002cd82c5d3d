/* Samples of holes: see sample.h. */
#include "sample.h"

#define EDGES_MAX 128
#define SPREAD_MIN 16
#define SPREAD_MAX (SAMPLES_MAX - EDGES_MAX)

/* The piece of a hole that lies k bytes into all holes. */
static struct extent hole_at(const struct extents *x, uint64_t k)
{
	struct extent s = {0, SAMPLE_LEN, false};

	for (size_t i = 0; i < x->n; i++) {
		const struct extent *h = &x->e[i];

		if (h->data)
			continue;
		if (k >= h->length) {
			k -= h->length;
			continue;
		}
		s.length = h->length < SAMPLE_LEN ? h->length : SAMPLE_LEN;
		/* On a sample's boundary where the hole is that long. */
		s.offset = h->offset + k - (h->offset + k) % SAMPLE_LEN;
		if (s.offset < h->offset)
			s.offset = h->offset;
		if (s.offset + s.length > h->offset + h->length)
			s.length = h->offset + h->length - s.offset;
		break;
	}
	return s;
}

/* The first bytes of a hole lie behind data: where a map that is cut short
 * would be wrong. All holes, or as many as EDGES_MAX, evenly. */
static size_t pick_edges(const struct extents *x, struct extent *out)
{
	size_t holes = 0, seen = 0, kept = 0;

	for (size_t i = 0; i < x->n; i++)
		holes += !x->e[i].data;
	for (size_t i = 0; i < x->n; i++) {
		const struct extent *h = &x->e[i];

		if (h->data)
			continue;
		if (holes > EDGES_MAX && seen++ * EDGES_MAX / holes < kept)
			continue;
		out[kept++] = (struct extent){h->offset,
			h->length < SAMPLE_LEN ? h->length : SAMPLE_LEN, false};
	}
	return kept;
}

/* Spread over all holes, more of them where there is more to be wrong. */
static size_t pick_spread(const struct extents *x, struct extent *out)
{
	uint64_t holes = extents_end(x) - extents_data(x);
	uint64_t n = holes >> 30; /* one a GiB */
	size_t kept = 0;

	n = n < SPREAD_MIN ? SPREAD_MIN : n > SPREAD_MAX ? SPREAD_MAX : n;
	for (uint64_t i = 0; holes && i < n; i++) {
		struct extent s = hole_at(x, holes / n * i + holes / n / 2);

		if (!kept || out[kept - 1].offset != s.offset)
			out[kept++] = s;
	}
	return kept;
}

size_t samples_pick(const struct extents *x, struct extent out[SAMPLES_MAX])
{
	size_t n = pick_edges(x, out);

	return n + pick_spread(x, out + n);
}
