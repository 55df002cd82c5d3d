/*
 * Partition tables, file systems and LVM2 as an evil guest would write them.
 * An input is a sparse disk:
 *
 *   u32 sectors of the disk, then any number of
 *   u32 sector, u16 n, u8 kind: 0: n * 512 bytes follow; 1: one byte follows,
 *   that n sectors are full of
 *
 * (little endian; what is cut short is empty). One that begins with T is a
 * text for the parser of LVM2's metadata. tests/fuzz/seeds/fsmap/make makes
 * such files of images.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "fsmap.h"
#include "fsmap_lvmtext.h"
#include "str.h"

#define SECTOR 512U
#define CHUNKS_MAX 512

const char *const fuzz_seeds[] = {
	"tests/fuzz/seeds/fsmap/*.bin", "tests/fuzz/seeds/fsmap/*.txt", NULL};
const char *const fuzz_words[] = {"\x53\xef\x01", "XFSB", "XAGF", "ABTB",
	"AB3B", "NTFS    ", "FILE", "INDX", "RSTR", "hibr", "LABELONE",
	"LVM2 001", "EFI PART", "SWAPSPACE2", "\xfe\xed\xba\xbe", "\x55\xaa",
	"segment1 {\n", "stripes = [\n\"pv0\", 0\n]\n", "}\n",
	"\xff\xff\xff\xff", "\x80", "\x7f\xff\xff\xff", NULL};

struct chunk {
	uint64_t at, n; /* bytes */
	const uint8_t *p;
	bool fill;
};

struct sparse {
	uint64_t size;
	struct chunk c[CHUNKS_MAX];
	size_t n;
};

static uint32_t take(const uint8_t **p, const uint8_t *end, int bytes)
{
	uint32_t v = 0;

	for (int i = 0; i < bytes && *p < end; i++)
		v |= (uint32_t) * (*p)++ << (8 * i);
	return v;
}

static void parse(struct sparse *s, const uint8_t *p, const uint8_t *end)
{
	s->size = (uint64_t)take(&p, end, 4) * SECTOR;
	while (p < end && s->n < CHUNKS_MAX) {
		struct chunk *c = &s->c[s->n++];
		uint64_t left;

		c->at = (uint64_t)take(&p, end, 4) * SECTOR;
		c->n = (uint64_t)take(&p, end, 2) * SECTOR;
		c->fill = take(&p, end, 1) & 1;
		left = end - p;
		if (!c->fill && c->n > left)
			c->n = left;
		if (c->fill && !left)
			c->n = 0;
		c->p = p;
		p += c->fill ? left > 0 : c->n;
	}
}

static void fill(const struct sparse *s, uint64_t at, uint64_t n, uint8_t *to)
{
	memset(to, 0, n);
	for (size_t i = 0; i < s->n; i++) {
		const struct chunk *c = &s->c[i];
		uint64_t from = c->at > at ? c->at : at;
		uint64_t end = c->at + c->n < at + n ? c->at + c->n : at + n;

		if (from >= end)
			continue;
		if (c->fill)
			memset(to + (from - at), *c->p, end - from);
		else
			memcpy(to + (from - at), c->p + (from - c->at),
				end - from);
	}
}

static int on_read(
	void *ctx, const struct extent *x, size_t n, void *buf, struct err *e)
{
	const struct sparse *s = ctx;
	uint8_t *to = buf;

	(void)e;
	for (size_t i = 0; i < n; to += x[i++].length) {
		uint64_t end = x[i].offset + x[i].length;

		if (x[i].offset % FSMAP_GRAIN || !x[i].length ||
			end > s->size || (end % FSMAP_GRAIN && end != s->size))
			abort();
		fill(s, x[i].offset, x[i].length, to);
	}
	return 0;
}

/* Whatever it found: the list is whole, and the boot sector is in it. */
static void check(
	const struct extents *x, const struct fsmap_report *r, uint64_t size)
{
	if (extents_end(x) != size || extents_data(x) + r->unused != size ||
		(size && !x->e[0].data) || !r->n)
		abort();
	for (size_t i = 0; i < x->n; i++)
		if (!x->e[i].length ||
			(!x->e[i].data &&
				(x->e[i].offset % FSMAP_GRAIN ||
					x->e[i].length % FSMAP_GRAIN)))
			abort();
	for (size_t i = 0; i < r->n; i++)
		if (*r->area[i].why && r->area[i].unused)
			abort();
	json_decref(fsmap_report_to_json(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};
	_free_ struct sparse *s = NULL;
	struct fsmap_disk d = {.read = on_read};
	struct err e = {0};

	if (size && data[0] == 'T') {
		json_decref(lvm_text((const char *)data + 1, size - 1));
		return 0;
	}
	s = xcalloc(1, sizeof(*s));
	parse(s, data, data + size);
	d.size = s->size;
	d.ctx = s;
	if (fsmap_used(&d, &x, &r, &e))
		abort();
	check(&x, &r, d.size);
	return 0;
}
