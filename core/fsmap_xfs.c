/*
 * XFS, versions 4 and 5: the free space by block number of each allocation
 * group. Keeps true: only a log that ends in an unmount record, features
 * known here, right checksums (version 5), and sums that agree with the
 * counts in the group's header and in the superblock are believed.
 *
 * Format: "XFS Algorithms & Data Structures", 3rd edition; the search for the
 * log's end as fs/xfs/xfs_log_recover.c does it.
 */
#include "fsmap_own.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

#define BB 512U         /* a block of the log */
#define LOG_LOOK 4096U  /* BBs that must fit on both sides of its end: 2 MiB */
#define RECORD_MAX 513U /* BBs of a record: 256 KiB and a header */
#define GROUPS_MAX 65536U
#define LEVELS_MAX 9U

struct xfs {
	struct area *a;
	bool five;
	uint32_t block, sector; /* bytes */
	uint32_t group_blocks, groups;
	uint64_t blocks, free; /* by the superblock */
	bool lazy;
	unsigned group_log;
	uint64_t log_at; /* bytes */
	uint32_t log_bbs;
	unsigned char uuid[16]; /* in metadata */
	unsigned char log_uuid[16];
};

/* CRC-32C of a block whose own field counts as zero. */
static bool crc_right(const unsigned char *p, size_t n, size_t field)
{
	static const unsigned char zero[4];
	uint32_t crc = crc_add(CRC_CASTAGNOLI, ~0U, p, field);

	crc = crc_add(CRC_CASTAGNOLI, crc, zero, 4);
	crc = crc_add(CRC_CASTAGNOLI, crc, p + field + 4, n - field - 4);
	return ~crc == le32(p + field);
}

/* --- the superblock --- */

static int check_features(struct xfs *x, const unsigned char *s)
{
	uint32_t version = be16(s + 100), two = be32(s + 200);

	x->five = (version & 15) == 5;
	if ((version & 15) != 4 && !x->five)
		return doubt(x->a, "its version is not known");
	/* Not: shared read-only; parent pointers of Irix. */
	if ((version & 0x200) || !(version & 0x400) || !(version & 0x2000) ||
		(two & ~0x38aU))
		return doubt(x->a,
			"it has features that are not known "
			"(0x%x 0x%x)",
			version, two);
	x->lazy = x->five || (two & 2);
	if (!x->five)
		return 0;
	/* ro: finobt, rmapbt, reflink, inobtcount. in: ftype, spinodes,
	 * meta_uuid, bigtime, nrext64 (and not: needs repair). */
	if (be32(s + 208) || (be32(s + 212) & ~0xfU) ||
		(be32(s + 216) & ~0x2fU) || be32(s + 220))
		return doubt(x->a,
			"it has features that are not known (0x%x 0x%x)",
			be32(s + 212), be32(s + 216));
	memcpy(x->uuid, s + (be32(s + 216) & 4 ? 248 : 32), 16);
	return 0;
}

static int check_geometry(struct xfs *x, const unsigned char *s)
{
	unsigned block_log = s[120];

	x->block = be32(s + 4);
	x->blocks = be64(s + 8);
	x->sector = be16(s + 102);
	x->group_blocks = be32(s + 84);
	x->groups = be32(s + 88);
	x->group_log = s[124];
	x->free = be64(s + 144);
	if (block_log < 9 || block_log > 16 || x->block != 1U << block_log ||
		x->sector < 512 || x->sector > x->block ||
		(x->sector & (x->sector - 1)) || s[126])
		return doubt(x->a, "its superblock is damaged");
	if (!x->blocks || x->blocks > x->a->about.size / x->block)
		return doubt(x->a, "it is larger than its partition");
	if (!x->groups || x->groups > GROUPS_MAX || !x->group_blocks ||
		x->group_log > 32 || x->group_blocks > 1ULL << x->group_log ||
		(uint64_t)(x->groups - 1) * x->group_blocks >= x->blocks ||
		(uint64_t)x->groups * x->group_blocks < x->blocks)
		return doubt(x->a, "its superblock is damaged");
	if (be64(s + 16))
		return doubt(x->a, "it has a realtime volume");
	return 0;
}

/* From a block's number (group and block in it) to a place. */
static uint64_t place(const struct xfs *x, uint64_t number)
{
	uint64_t group = number >> x->group_log;
	uint64_t block = number & ((1ULL << x->group_log) - 1);

	return (group * x->group_blocks + block) * x->block;
}

static int read_super(struct xfs *x)
{
	unsigned char s[4096];
	uint64_t log, blocks;

	if (area_read(x->a, 0, s, BB) || check_features(x, s) ||
		check_geometry(x, s))
		return -1;
	if (x->sector > sizeof(s) || area_read(x->a, 0, s, x->sector))
		return doubt(x->a, "its sectors are too large");
	if (x->five && !crc_right(s, x->sector, 224))
		return doubt(x->a, "the checksum of its superblock is wrong");
	memcpy(x->log_uuid, s + 32, 16);
	log = be64(s + 48);
	blocks = be32(s + 96);
	if (!log)
		return doubt(x->a, "its log is on another disk");
	x->log_at = place(x, log);
	if ((log >> x->group_log) >= x->groups || !blocks ||
		blocks * x->block > 1ULL << 31 ||
		x->log_at + blocks * x->block > x->blocks * x->block)
		return doubt(x->a, "its superblock is damaged");
	x->log_bbs = blocks * x->block / BB;
	return 0;
}

/* --- the log --- */

static const unsigned char record_magic[4] = {0xfe, 0xed, 0xba, 0xbe};

static uint32_t cycle_of(const unsigned char *bb)
{
	return be32(bb + (memcmp(bb, record_magic, 4) == 0 ? 4 : 0));
}

static int read_bb(struct xfs *x, uint32_t i, unsigned char bb[BB])
{
	return area_read(x->a, x->log_at + (uint64_t)i * BB, bb, BB);
}

/* The first block that is older than the log's first: where it ends. */
static int find_head(struct xfs *x, uint32_t *head, uint32_t *cycle)
{
	unsigned char first[BB], b[BB];
	uint32_t low = 0, high = x->log_bbs - 1;

	if (read_bb(x, 0, first) || read_bb(x, high, b))
		return -1;
	*cycle = cycle_of(first);
	if (!*cycle || cycle_of(b) != *cycle - 1)
		return doubt(x->a, "the end of its log is not found");
	while (low + 1 < high) {
		uint32_t middle = low + (high - low) / 2;

		if (read_bb(x, middle, b))
			return -1;
		if (cycle_of(b) == *cycle)
			low = middle;
		else
			high = middle;
	}
	*head = high;
	return 0;
}

/* Writes that were under way may leave blocks of one round in the other. */
static int check_head(struct xfs *x, uint32_t head, uint32_t cycle)
{
	uint32_t from = head > LOG_LOOK ? head - LOG_LOOK : 0;
	uint32_t to =
		x->log_bbs - head > LOG_LOOK ? head + LOG_LOOK : x->log_bbs;
	uint64_t off[2 * LOG_LOOK * BB / FSMAP_GRAIN + 2];
	unsigned char b[BB];
	size_t n = 0;

	for (uint64_t i = from; i < to; i += FSMAP_GRAIN / BB)
		off[n++] = x->log_at + i * BB;
	area_expect(x->a, off, n);
	for (uint32_t i = from; i < to; i++) {
		if (read_bb(x, i, b))
			return -1;
		if (cycle_of(b) != (i < head ? cycle : cycle - 1))
			return doubt(x->a, "the end of its log is not clean");
	}
	return 0;
}

/* The last record ends at the head, and is that of an unmount. */
static int check_unmount(struct xfs *x, uint32_t head, uint32_t cycle)
{
	unsigned char h[BB], op[BB];
	uint32_t at = head, headers = 1, size;

	do {
		if (!at || head - at >= RECORD_MAX)
			return doubt(x->a, "its log has no last record");
		if (read_bb(x, --at, h))
			return -1;
	} while (memcmp(h, record_magic, 4) != 0);
	size = be32(h + 320);
	if ((be32(h + 8) & 2) && size > 32768)
		headers = (size + 32767) / 32768;
	if (headers > 8 || be32(h + 4) != cycle ||
		memcmp(h + 304, x->log_uuid, 16) != 0 ||
		(uint64_t)at + headers + (be32(h + 12) + BB - 1) / BB != head ||
		head - at <= headers)
		return doubt(x->a, "the last record of its log is not whole");
	if (read_bb(x, at + headers, op))
		return -1;
	return be32(h + 40) == 1 && (op[9] & 0x20)
		? 0
		: doubt(x->a, "it was not cleanly unmounted");
}

static int check_log(struct xfs *x)
{
	uint32_t head = 0, cycle = 0;

	if (find_head(x, &head, &cycle) || check_head(x, head, cycle))
		return -1;
	return check_unmount(x, head, cycle);
}

/* --- free space --- */

struct group {
	struct xfs *x;
	uint32_t number;
	uint64_t at;               /* bytes, of its first block */
	uint32_t blocks;           /* of it */
	uint32_t free, list, tree; /* blocks: free, in its list, of trees */
	uint64_t next;             /* free space must begin here or behind */
	uint64_t sum;
	unsigned char *node;
};

static int bad_group(const struct group *g, const char *what)
{
	return doubt(g->x->a, "%s of group %u is damaged", what, g->number);
}

/* Block `at` of the group: a node of the tree, at this level. */
static int read_node(struct group *g, uint32_t at, unsigned level)
{
	const unsigned char *p = g->node;
	struct xfs *x = g->x;

	if (!at || at >= g->blocks)
		return bad_group(g, N_("the free space"));
	if (area_read(x->a, g->at + (uint64_t)at * x->block, g->node, x->block))
		return -1;
	if (memcmp(p, x->five ? "AB3B" : "ABTB", 4) != 0 ||
		be16(p + 4) != level)
		return bad_group(g, N_("the free space"));
	if (x->five &&
		(be64(p + 16) != (g->at + (uint64_t)at * x->block) / BB ||
			memcmp(p + 32, x->uuid, 16) != 0 ||
			be32(p + 48) != g->number ||
			!crc_right(p, x->block, 52)))
		return bad_group(g, N_("the free space"));
	return 0;
}

static int take_leaf(struct group *g, size_t header)
{
	const unsigned char *p = g->node + header;
	struct xfs *x = g->x;
	uint32_t n = be16(g->node + 6);

	/* Only a full group's one leaf is empty: else this could be a ring. */
	if (header + (size_t)n * 8 > x->block ||
		(!n && be32(g->node + 12) != UINT32_MAX))
		return bad_group(g, N_("the free space"));
	for (; n--; p += 8) {
		uint64_t first = be32(p), count = be32(p + 4);

		if (first < g->next || !count || count > g->blocks ||
			first > g->blocks - count)
			return bad_group(g, N_("the free space"));
		g->next = first + count;
		g->sum += count;
		area_unused(x->a, g->at + first * x->block, count * x->block);
	}
	return 0;
}

/* Down on the left side, then along the leaves. */
static int walk(struct group *g, uint32_t root, unsigned levels)
{
	size_t header = g->x->five ? 56 : 16;
	size_t room = (g->x->block - header) / 12;
	uint32_t at = root;

	if (!levels || levels > LEVELS_MAX)
		return bad_group(g, N_("the header"));
	for (unsigned level = levels - 1; level; level--) {
		if (read_node(g, at, level))
			return -1;
		at = be32(g->node + header + room * 8);
	}
	for (uint32_t seen = 0; at != UINT32_MAX; seen++) {
		if (seen > g->blocks || read_node(g, at, 0) ||
			take_leaf(g, header))
			return bad_group(g, N_("the free space"));
		at = be32(g->node + 12);
	}
	return g->sum == g->free ? 0
				 : bad_group(g, N_("the count of free space"));
}

static int look_at_group(struct group *g)
{
	struct xfs *x = g->x;
	unsigned char s[4096];

	if (area_read(x->a, g->at + x->sector, s, x->sector))
		return -1;
	if (memcmp(s, "XAGF", 4) != 0 || be32(s + 4) != 1 ||
		be32(s + 8) != g->number || be32(s + 12) != g->blocks)
		return bad_group(g, N_("the header"));
	if (x->five &&
		(memcmp(s + 64, x->uuid, 16) != 0 ||
			!crc_right(s, x->sector, 216)))
		return bad_group(g, N_("the header"));
	g->list = be32(s + 48);
	g->free = be32(s + 52);
	g->tree = be32(s + 60);
	return walk(g, be32(s + 16), be32(s + 28));
}

static void expect_groups(const struct xfs *x)
{
	uint64_t *off = xreallocarray(NULL, x->groups, sizeof(*off));

	for (uint32_t i = 0; i < x->groups; i++)
		off[i] = (uint64_t)i * x->group_blocks * x->block + x->sector;
	area_expect(x->a, off, x->groups);
	free(off);
}

static int look_at_groups(struct xfs *x)
{
	_free_ unsigned char *node = xmalloc(x->block);
	uint64_t sum = 0;

	expect_groups(x);
	for (uint32_t i = 0; i < x->groups; i++) {
		uint64_t first = (uint64_t)i * x->group_blocks;
		uint64_t left = x->blocks - first;
		struct group g = {
			.x = x,
			.number = i,
			.at = first * x->block,
			.blocks =
				left < x->group_blocks ? left : x->group_blocks,
			.node = node,
		};

		if (look_at_group(&g))
			return -1;
		sum += (uint64_t)g.free + g.list + g.tree;
	}
	if (x->lazy && sum != x->free)
		return doubt(x->a, "its count of free blocks is wrong");
	return 0;
}

int fsmap_xfs(struct area *a)
{
	struct xfs x = {.a = a};

	if (read_super(&x) || check_log(&x))
		return -1;
	return look_at_groups(&x);
}
