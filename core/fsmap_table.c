/*
 * Partition tables: MBR with logical partitions, and GPT. Keeps true: a table
 * that is not whole, overlaps itself or reaches behind the disk is a doubt,
 * so that no byte is ever taken for two areas.
 *
 * Formats: UEFI 2.10, chapter 5; the type bytes as util-linux names them.
 */
#include "fsmap_own.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

#define SECTOR 512
#define LOGICAL_MAX 64
#define GPT_ENTRIES_MAX 1024

struct table {
	struct area *disk;
	struct part *part;
	size_t n;
};

static int add(struct table *t, unsigned number, uint64_t first, uint64_t n,
	enum area_use use)
{
	uint64_t sectors = t->disk->about.size / SECTOR;

	if (!first || !n || first >= sectors || n > sectors - first)
		return doubt(
			t->disk, "partition %u is not on the disk", number);
	if (t->n == PARTS_MAX)
		return doubt(t->disk, "more than %d partitions", PARTS_MAX);
	t->part[t->n++] =
		(struct part){number, first * SECTOR, n * SECTOR, use};
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int check_overlap(struct table *t)
{
	if (t->n)
		qsort(t->part, t->n, sizeof(*t->part), by_offset);
	for (size_t i = 1; i < t->n; i++)
		if (t->part[i - 1].offset + t->part[i - 1].size >
			t->part[i].offset)
			return doubt(t->disk, "partitions %u and %u overlap",
				t->part[i - 1].number, t->part[i].number);
	return t->n;
}

/* --- MBR --- */

struct entry {
	unsigned char boot, type;
	uint32_t first, n; /* sectors */
};

static struct entry entry_of(const unsigned char *sector, int i)
{
	const unsigned char *p = sector + 446 + i * 16;

	return (struct entry){p[0], p[4], le32(p + 8), le32(p + 12)};
}

static bool entry_empty(const struct entry *e)
{
	return !e->type && !e->first && !e->n;
}

static bool extended(unsigned char type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static enum area_use use_of_byte(unsigned char type)
{
	switch (type) {
	case 0x83:
		/* Swap and LVM were often made without a change of type. */
		return USE_LINUX | USE_SWAP | USE_LVM;
	case 0x82:
		return USE_SWAP;
	case 0x8e:
		return USE_LVM;
	case 0x07:
	case 0x27: /* Windows recovery, hidden */
		return USE_WINDOWS;
	default:
		return USE_OTHER;
	}
}

static int check_entry(struct area *disk, const struct entry *e)
{
	if (e->boot & 0x7f || !e->type)
		return doubt(disk, "its partition table is not understood");
	return 0;
}

/* One link of the chain: *next is the sector of the following, 0 at the
 * end. first, n: the extended partition. */
static int read_link(struct table *t, const struct entry *outer, uint64_t at,
	unsigned number, uint64_t *next)
{
	unsigned char s[SECTOR];
	struct entry e[4];

	if (area_read(t->disk, at * SECTOR, s, sizeof(s)))
		return -1;
	for (int i = 0; i < 4; i++)
		e[i] = entry_of(s, i);
	if (le16(s + 510) != 0xaa55 || !entry_empty(&e[2]) ||
		!entry_empty(&e[3]))
		return doubt(t->disk, "a logical partition's table is bad");
	*next = 0;
	if (!entry_empty(&e[1])) {
		*next = (uint64_t)outer->first + e[1].first;
		/* Forward only: no circle, no link inside a partition. */
		if (!extended(e[1].type) || *next <= at ||
			e[1].first >= outer->n)
			return doubt(t->disk,
				"the chain of logical partitions is bad");
	}
	if (entry_empty(&e[0]))
		return 0;
	if (check_entry(t->disk, &e[0]) || extended(e[0].type) ||
		at + e[0].first + e[0].n > (uint64_t)outer->first + outer->n ||
		(*next && at + e[0].first + e[0].n > *next))
		return doubt(t->disk, "a logical partition is bad");
	return add(t, number, at + e[0].first, e[0].n, use_of_byte(e[0].type));
}

static int read_chain(struct table *t, const struct entry *outer)
{
	uint64_t at = outer->first, next = 0;
	struct part whole;

	/* As a partition it must be on the disk, and overlap none. */
	if (add(t, 0, outer->first, outer->n, USE_OTHER))
		return -1;
	whole = t->part[--t->n];
	for (size_t i = 0; i < t->n; i++)
		if (t->part[i].offset < whole.offset + whole.size &&
			whole.offset < t->part[i].offset + t->part[i].size)
			return doubt(t->disk,
				"the extended partition overlaps another");
	for (unsigned i = 0; at; i++, at = next)
		if (i == LOGICAL_MAX)
			return doubt(t->disk, "too many logical partitions");
		else if (read_link(t, outer, at, 5 + i, &next))
			return -1;
	return 0;
}

static int read_mbr(struct table *t, const unsigned char *sector)
{
	const struct entry *outer = NULL;
	struct entry e[4];

	for (int i = 0; i < 4; i++) {
		e[i] = entry_of(sector, i);
		if (entry_empty(&e[i]))
			continue;
		if (check_entry(t->disk, &e[i]))
			return -1;
		if (extended(e[i].type)) {
			if (outer)
				return doubt(t->disk,
					"it has two extended partitions");
			outer = &e[i];
		} else if (add(t, i + 1, e[i].first, e[i].n,
				   use_of_byte(e[i].type))) {
			return -1;
		}
	}
	/* Only an extended partition: no area, but no bare disk either. */
	if (outer && read_chain(t, outer))
		return -1;
	if (!t->n && outer)
		return doubt(t->disk, "its extended partition is empty");
	return check_overlap(t);
}

/* --- GPT --- */

static enum area_use use_of_guid(const unsigned char guid[16])
{
	static const struct {
		const char *guid; /* as on disk: the first three fields LE */
		enum area_use use;
	} known[] = {
		/* Linux data */
		{"af3dc60f838472478e793d69d8477de4",
			USE_LINUX | USE_SWAP | USE_LVM},
		/* root, x86 */
		{"4095474497f2b2419af7d131d5f0458a", USE_LINUX},
		/* root, x86-64 */
		{"e3bc684fcde8b14d96e7fbcaf984b709", USE_LINUX},
		/* home */
		{"e1c73a93b42e134fb8440e14e2aef915", USE_LINUX},
		/* srv */
		{"25848f3be0203b4f907f1a25a76f98e8", USE_LINUX},
		/* var */
		{"16b0214d34b5c245a9fb5c16e091fd2d", USE_LINUX},
		/* usr, x86-64 */
		{"0c6884842195c6489c11b0720656f69e", USE_LINUX},
		/* extended boot */
		{"ffc213bce6596242a352b275fd6f7172", USE_LINUX},
		/* swap */
		{"6dfd5706aba4c44384e50933c84b4f4f", USE_SWAP},
		/* LVM */
		{"79d3d6e607f5c244a23c238f2a3df928", USE_LVM},
		/* Microsoft basic data; Linux too, by parted before 3.0 */
		{"a2a0d0ebe5b9334487c068b6b72699c7", USE_ANY},
		/* Windows recovery */
		{"a4bb94ded106404da16abfd50179d6ac", USE_WINDOWS},
	};
	char hex[33];

	hex_encode(hex, guid, 16);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].guid, hex) == 0)
			return known[i].use;
	return USE_OTHER;
}

struct gpt {
	uint64_t first, last; /* usable sectors */
	uint64_t entries;     /* sector */
	uint32_t n, size, crc;
};

static int read_header(struct table *t, struct gpt *g)
{
	unsigned char s[SECTOR];
	uint32_t len, crc;

	if (area_read(t->disk, SECTOR, s, sizeof(s)))
		return -1;
	len = le32(s + 12);
	crc = le32(s + 16);
	if (memcmp(s, "EFI PART", 8) != 0 || len < 92 || len > SECTOR)
		return doubt(t->disk, "it says GPT and has none");
	memset(s + 16, 0, 4);
	if (~crc_add(CRC_IEEE, ~0U, s, len) != crc || le64(s + 24) != 1)
		return doubt(t->disk, "its GPT is damaged");
	*g = (struct gpt){
		.first = le64(s + 40),
		.last = le64(s + 48),
		.entries = le64(s + 72),
		.n = le32(s + 80),
		.size = le32(s + 84),
		.crc = le32(s + 88),
	};
	if (g->size != 128 || g->n > GPT_ENTRIES_MAX || g->entries < 2 ||
		g->first > g->last || g->entries >= g->first)
		return doubt(t->disk, "its GPT is not understood");
	return 0;
}

static int read_gpt(struct table *t)
{
	static const unsigned char none[16];
	_free_ unsigned char *all = NULL;
	struct gpt g = {0};

	if (read_header(t, &g))
		return -1;
	all = xmalloc((size_t)g.n * g.size + 1);
	if (area_read(t->disk, g.entries * SECTOR, all, (size_t)g.n * g.size))
		return -1;
	if (~crc_add(CRC_IEEE, ~0U, all, (size_t)g.n * g.size) != g.crc)
		return doubt(t->disk, "its GPT entries are damaged");
	for (uint32_t i = 0; i < g.n; i++) {
		const unsigned char *p = all + (size_t)i * g.size;
		uint64_t first = le64(p + 32), last = le64(p + 40);

		if (memcmp(p, none, sizeof(none)) == 0)
			continue;
		if (first < g.first || last > g.last || last < first)
			return doubt(t->disk, "partition %u is bad", i + 1);
		if (add(t, i + 1, first, last - first + 1, use_of_guid(p)))
			return -1;
	}
	return t->n ? check_overlap(t) : doubt(t->disk, "its GPT is empty");
}

/* 1: the MBR of a GPT. -1: of a GPT and something else. */
static int protective(const unsigned char *sector)
{
	int gpt = 0, other = 0;

	for (int i = 0; i < 4; i++) {
		struct entry e = entry_of(sector, i);

		if (e.type == 0xee)
			gpt++;
		else if (!entry_empty(&e))
			other++;
	}
	return gpt && (other || gpt > 1) ? -1 : gpt;
}

static bool no_entries(const unsigned char *sector)
{
	for (int i = 446; i < 510; i++)
		if (sector[i])
			return false;
	return true;
}

int fsmap_no_table(struct area *a)
{
	uint64_t sectors = a->about.size / SECTOR;
	unsigned char s[SECTOR];

	if (area_read(a, 0, s, sizeof(s)))
		return -1;
	for (int i = 0; le16(s + 510) == 0xaa55 && i < 4; i++) {
		struct entry e = entry_of(s, i);

		if (!(e.boot & 0x7f) && e.type && e.first && e.n &&
			e.first < sectors)
			return doubt(a, "it has a partition table of its own");
	}
	return 0;
}

int fsmap_table(struct area *disk, struct part out[PARTS_MAX])
{
	struct table t = {.disk = disk, .part = out};
	unsigned char s[SECTOR], next[SECTOR];
	int gpt;

	if (disk->about.size < 2 * SECTOR)
		return doubt(disk, "it is too small");
	if (area_read(disk, 0, s, sizeof(s)) ||
		area_read(disk, SECTOR, next, sizeof(next)))
		return -1;
	if (le16(s + 510) != 0xaa55 || no_entries(s))
		return memcmp(next, "EFI PART", 8) == 0
			? doubt(disk, "it has a GPT without its MBR")
			: 0;
	gpt = protective(s);
	if (gpt < 0)
		return doubt(disk, "it has an MBR and a GPT");
	if (!gpt && memcmp(next, "EFI PART", 8) == 0)
		return doubt(disk, "it has an MBR and an old GPT");
	return gpt ? read_gpt(&t) : read_mbr(&t, s);
}
