/* Extents of a disk: see extent.h. Keeps true: sorted, no gap, no overlap,
 * no two neighbours of one kind. */
#include "extent.h"

#include <stdlib.h>

#include "str.h"

void extents_free(struct extents *x)
{
	free(x->e);
	*x = (struct extents){0};
}

uint64_t extents_end(const struct extents *x)
{
	const struct extent *last = x->n ? &x->e[x->n - 1] : NULL;

	return last ? last->offset + last->length : 0;
}

void extents_add(struct extents *x, uint64_t length, bool data)
{
	uint64_t at = extents_end(x);

	if (!length)
		return;
	if (x->n && x->e[x->n - 1].data == data) {
		x->e[x->n - 1].length += length;
		return;
	}
	if (x->n == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 16;
		x->e = xreallocarray(x->e, x->cap, sizeof(*x->e));
	}
	x->e[x->n++] = (struct extent){at, length, data};
}

uint64_t extents_data(const struct extents *x)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < x->n; i++)
		if (x->e[i].data)
			sum += x->e[i].length;
	return sum;
}

size_t extents_find(const struct extents *x, uint64_t offset)
{
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->e[mid].offset + x->e[mid].length <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint64_t extents_data_in(
	const struct extents *x, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length, sum = 0;

	for (size_t i = extents_find(x, offset); i < x->n; i++) {
		uint64_t a = x->e[i].offset, b = a + x->e[i].length;

		if (a >= end)
			break;
		a = a > offset ? a : offset;
		b = b < end ? b : end;
		if (x->e[i].data)
			sum += b - a;
	}
	return sum;
}

bool extents_zero(const struct extents *x, uint64_t offset, uint64_t length)
{
	size_t i = extents_find(x, offset);

	return length == 0 ||
		(i < x->n && !x->e[i].data &&
			x->e[i].offset + x->e[i].length - offset >= length);
}

void extents_align(const struct extents *x, uint64_t align, struct extents *out)
{
	uint64_t size = extents_end(x);
	struct extents to = {0};

	for (size_t i = 0; i < x->n; i++) {
		const struct extent *e = &x->e[i];
		uint64_t from, till, done = extents_end(&to);

		if (!e->data)
			continue;
		from = e->offset & ~(align - 1);
		till = (e->offset + e->length + align - 1) & ~(align - 1);
		if (till > size)
			till = size;
		if (from > done)
			extents_add(&to, from - done, false);
		/* The one before may reach into this one. */
		if (till > extents_end(&to))
			extents_add(&to, till - extents_end(&to), true);
	}
	extents_add(&to, size - extents_end(&to), false);
	*out = to;
}
