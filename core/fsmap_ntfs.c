/*
 * NTFS: the clusters that $Bitmap says are free. Keeps true: only a volume
 * that Windows itself would call clean is believed: not dirty, its log
 * closed, not hibernated nor left by a fast startup, with its mirror alike;
 * and one without shadow copies, since those need blocks that the volume has
 * long called free.
 *
 * Format: as in fsmap_ntfsrec.c; the header of shadow copies as libvshadow
 * documents it.
 */
#include "fsmap_ntfs.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

enum { MFT = 0, LOG_FILE = 2, VOLUME = 3, ROOT = 5, BITMAP = 6 };

/* Flags of a volume that must not be touched: dirty, resize the log, upgrade,
 * chkdsk underway. */
#define UNCLEAN 0x4007U
#define BITMAP_PIECE (64U << 10)
#define INDEX_MAX 65536U /* bytes of a block */
#define ROOT_MAX (8U << 20)

static bool power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static int read_boot(struct ntfs *v)
{
	unsigned char b[512];
	uint64_t sector, sectors, per;
	int8_t record;

	if (area_read(v->a, 0, b, sizeof(b)))
		return -1;
	sector = le16(b + 11);
	/* From 2^-x on: 225 is 2^31. */
	per = b[13] <= 128 ? b[13] : b[13] >= 225 ? 1ULL << (256 - b[13]) : 0;
	sectors = le64(b + 40);
	record = (int8_t)b[64];
	if (le16(b + 510) != 0xaa55 || !power_of_two(sector) || sector < 512 ||
		sector > 4096 || !power_of_two(per) ||
		per * sector > (2U << 20))
		return doubt(v->a, "its boot sector is damaged");
	v->cluster = per * sector;
	v->record = record < 0 && record >= -12 ? 1U << -record
		: record > 0                    ? record * v->cluster
						: 0;
	v->clusters = sectors / per;
	if (!sectors || sectors > v->a->about.size / sector)
		return doubt(v->a, "it is larger than its partition");
	if (!power_of_two(v->record) || v->record < 512 ||
		v->record > NTFS_RECORD_MAX || le64(b + 48) >= v->clusters ||
		le64(b + 56) >= v->clusters)
		return doubt(v->a, "its boot sector is damaged");
	v->mft_at = le64(b + 48) * v->cluster;
	v->mirror_at = le64(b + 56) * v->cluster;
	return 0;
}

/* The first records have a second copy elsewhere. */
static int check_mirror(struct ntfs *v)
{
	_free_ unsigned char *a = xmalloc(4 * NTFS_RECORD_MAX);
	_free_ unsigned char *b = xmalloc(4 * NTFS_RECORD_MAX);

	if (area_read(v->a, v->mft_at, a, 4 * v->record) ||
		area_read(v->a, v->mirror_at, b, 4 * v->record))
		return -1;
	return memcmp(a, b, 4 * v->record) == 0
		? 0
		: doubt(v->a, "its file table and the mirror differ");
}

static int read_stream(struct ntfs *v, uint64_t number, unsigned char *rec,
	struct ntfs_stream *s)
{
	if (ntfs_record(v, number, rec))
		return -1;
	return ntfs_stream(v, ntfs_attribute(v, rec, NTFS_DATA, ""), s);
}

/* --- is it clean? --- */

static int check_volume(struct ntfs *v, unsigned char *rec)
{
	_ntfs_stream_ struct ntfs_stream s = {0};
	unsigned char info[12];

	if (ntfs_record(v, VOLUME, rec) ||
		ntfs_stream(v,
			ntfs_attribute(v, rec, NTFS_VOLUME_INFORMATION, ""),
			&s) ||
		ntfs_read(v, &s, 0, info, sizeof(info)))
		return -1;
	if (info[8] != 3 || info[9] > 1)
		return doubt(v->a, "its version %u.%u is not known", info[8],
			info[9]);
	return le16(info + 10) & UNCLEAN ? doubt(v->a, "it is marked dirty")
					 : 0;
}

/* One of the log's two restart pages. */
static int check_restart(struct ntfs *v, const struct ntfs_stream *s,
	uint64_t at, uint32_t *page)
{
	unsigned char p[4096];
	size_t area;

	if (ntfs_read(v, s, at, p, sizeof(p)))
		return -1;
	if (memcmp(p, "RSTR", 4) != 0 || !ntfs_fixup(p, sizeof(p)))
		return doubt(v->a, "its log is not understood");
	*page = le32(p + 16);
	area = le16(p + 24);
	/* Version 2 is what a fast startup leaves: Windows goes on from
	 * memory that it has saved. */
	if (le16(p + 28) != 1)
		return doubt(v->a, "Windows did not end it (fast startup)");
	if (*page != sizeof(p) || area < 30 || area + 48 > sizeof(p))
		return doubt(v->a, "its log is not understood");
	/* No client, or "the volume is clean". */
	return le16(p + area + 12) == 0xffff || (le16(p + area + 14) & 2)
		? 0
		: doubt(v->a, "its log is not closed");
}

/* A log of nothing but 0xff was never begun. */
static bool log_empty(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0xff)
			return false;
	return true;
}

static int check_log(struct ntfs *v, unsigned char *rec)
{
	_ntfs_stream_ struct ntfs_stream s = {0};
	_free_ unsigned char *head = xmalloc(BITMAP_PIECE);
	uint32_t page = 0;

	if (read_stream(v, LOG_FILE, rec, &s) ||
		ntfs_read(v, &s, 0, head, BITMAP_PIECE))
		return -1;
	if (log_empty(head, BITMAP_PIECE))
		return 0;
	return check_restart(v, &s, 0, &page)
		? -1
		: check_restart(v, &s, page, &page);
}

/* --- hibernation --- */

static int check_hiberfil(struct ntfs *v, uint64_t number)
{
	_ntfs_stream_ struct ntfs_stream s = {0};
	unsigned char rec[NTFS_RECORD_MAX], head[4];

	if (read_stream(v, number, rec, &s))
		return -1;
	if (s.size < sizeof(head))
		return 0;
	if (ntfs_read(v, &s, 0, head, sizeof(head)))
		return -1;
	/* Woken up again, or never slept. */
	if (memcmp(head, "wake", 4) == 0 || memcmp(head, "WAKE", 4) == 0 ||
		le32(head) == 0)
		return 0;
	return doubt(v->a, "Windows is hibernated on it");
}

static bool name_is(const unsigned char *key, size_t n, const char *name)
{
	if (n < 66 || key[64] != strlen(name) || n < 66 + 2U * key[64])
		return false;
	for (size_t i = 0; name[i]; i++) {
		uint32_t c = le16(key + 66 + 2 * i);

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c != (unsigned char)name[i])
			return false;
	}
	return true;
}

/* A list of index entries behind its header, all of it in n bytes. */
static int look_through(struct ntfs *v, const unsigned char *p, size_t n)
{
	size_t at = n >= 16 ? le32(p) : n, end = n >= 16 ? le32(p + 4) : 0;

	if (end > n)
		return doubt(v->a, "its root directory is damaged");
	for (;;) {
		size_t len, key;

		if (at > end || end - at < 16)
			return doubt(v->a, "its root directory is damaged");
		len = le16(p + at + 8);
		key = le16(p + at + 10);
		if (le16(p + at + 12) & 2) /* the last has no key */
			return 0;
		if (len < 16 || len > end - at || key > len - 16)
			return doubt(v->a, "its root directory is damaged");
		if (name_is(p + at + 16, key, "hiberfil.sys") &&
			check_hiberfil(v, le64(p + at) & 0xffffffffffffULL))
			return -1;
		at += len;
	}
}

/* Every block of the root's index, in use or not: what is found in an old one
 * costs a look. */
static int check_blocks(
	struct ntfs *v, const struct ntfs_stream *s, uint32_t size)
{
	_free_ unsigned char *b = xmalloc(INDEX_MAX);

	if (!power_of_two(size) || size < 512 || size > INDEX_MAX ||
		s->size > ROOT_MAX || s->value)
		return doubt(v->a, "its root directory is not understood");
	for (uint64_t at = 0; at + size <= s->size; at += size) {
		if (ntfs_read(v, s, at, b, size))
			return -1;
		if (memcmp(b, "INDX", 4) != 0)
			continue;
		if (!ntfs_fixup(b, size))
			return doubt(v->a, "its root directory is damaged");
		if (look_through(v, b + 24, size - 24))
			return -1;
	}
	return 0;
}

static int check_hibernated(struct ntfs *v, unsigned char *rec)
{
	_ntfs_stream_ struct ntfs_stream root = {0}, blocks = {0};
	const unsigned char *more;

	if (ntfs_record(v, ROOT, rec) ||
		ntfs_stream(v, ntfs_attribute(v, rec, NTFS_INDEX_ROOT, "$I30"),
			&root))
		return -1;
	if (!root.value || root.size < 32)
		return doubt(v->a, "its root directory is not understood");
	if (look_through(v, root.value + 16, root.size - 16))
		return -1;
	more = ntfs_attribute(v, rec, NTFS_INDEX_ALLOCATION, "$I30");
	if (!more)
		return 0;
	return ntfs_stream(v, more, &blocks)
		? -1
		: check_blocks(v, &blocks, le32(root.value + 8));
}

/* --- shadow copies --- */

static int check_shadows(struct ntfs *v)
{
	static const unsigned char id[16] = {0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1,
		0x48, 0x4e, 0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52};
	unsigned char h[64];

	if (area_read(v->a, 0x1e00, h, sizeof(h)))
		return -1;
	/* With a catalog there are copies. */
	return memcmp(h, id, sizeof(id)) == 0 && le64(h + 48)
		? doubt(v->a, "it has shadow copies")
		: 0;
}

/* --- the bitmap --- */

static bool bit(const unsigned char *p, uint64_t i)
{
	return p[i / 8] >> i % 8 & 1;
}

static void take_piece(
	struct ntfs *v, const unsigned char *p, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0, len; i < n; i += len) {
		bool used = bit(p, i);

		for (len = 1; i + len < n && bit(p, i + len) == used;)
			len++;
		if (!used)
			area_unused(v->a, (first + i) * v->cluster,
				len * v->cluster);
	}
}

static void expect(struct ntfs *v, const struct ntfs_stream *s)
{
	uint64_t *off = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < s->n; i++)
		for (uint64_t at = 0; at < s->run[i].n * v->cluster;
			at += FSMAP_GRAIN) {
			if (n == cap) {
				cap = cap ? 2 * cap : 64;
				off = xreallocarray(off, cap, sizeof(*off));
			}
			off[n++] = s->run[i].cluster * v->cluster + at;
		}
	area_expect(v->a, off, n);
	free(off);
}

static int take_bitmap(struct ntfs *v, const struct ntfs_stream *s)
{
	_free_ unsigned char *p = xmalloc(BITMAP_PIECE);
	uint64_t bytes = (v->clusters + 7) / 8;

	if (s->size < bytes)
		return doubt(v->a, "its bitmap is too short");
	expect(v, s);
	for (uint64_t at = 0; at < bytes; at += BITMAP_PIECE) {
		uint64_t n =
			bytes - at < BITMAP_PIECE ? bytes - at : BITMAP_PIECE;
		uint64_t left = v->clusters - at * 8;

		if (ntfs_read(v, s, at, p, n))
			return -1;
		take_piece(v, p, at * 8, left < n * 8 ? left : n * 8);
	}
	return 0;
}

/* A bitmap that calls the file system's own files free is not its own. */
static int check_run(struct ntfs *v, const struct ntfs_stream *bitmap,
	uint64_t cluster, uint64_t n)
{
	for (uint64_t i = cluster; i < cluster + n; i++) {
		unsigned char byte;

		if (ntfs_read(v, bitmap, i / 8, &byte, 1))
			return -1;
		if (!bit(&byte, i % 8))
			return doubt(v->a, "its bitmap is wrong");
	}
	return 0;
}

static int check_own(struct ntfs *v, const struct ntfs_stream *bitmap,
	const struct ntfs_stream *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (check_run(v, bitmap, s->run[i].cluster, s->run[i].n))
			return -1;
	return 0;
}

static int look(struct ntfs *v, unsigned char *rec)
{
	_ntfs_stream_ struct ntfs_stream bitmap = {0};

	if (read_stream(v, MFT, rec, &v->mft))
		return -1;
	if (v->mft.value)
		return doubt(v->a, "its file table is damaged");
	if (check_volume(v, rec) || check_log(v, rec) ||
		check_hibernated(v, rec) || check_shadows(v) ||
		read_stream(v, BITMAP, rec, &bitmap))
		return -1;
	if (bitmap.value)
		return doubt(v->a, "its bitmap is not understood");
	if (check_run(v, &bitmap, 0, 1) || check_own(v, &bitmap, &v->mft) ||
		check_own(v, &bitmap, &bitmap))
		return -1;
	return take_bitmap(v, &bitmap);
}

int fsmap_ntfs(struct area *a)
{
	_free_ unsigned char *rec = xcalloc(1, NTFS_RECORD_MAX);
	struct ntfs v = {.a = a};
	int rc = read_boot(&v) || check_mirror(&v) ? -1 : look(&v, rec);

	ntfs_stream_free(&v.mft);
	return rc;
}
