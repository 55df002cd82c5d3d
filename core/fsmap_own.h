/*
 * Inside core/fsmap*.c: areas of a disk, reading them through a small cache,
 * and taking note of what in them is unused.
 *
 * A module looks at one area and returns 0 with every unused run told by
 * area_unused, or -1 with doubt(): all that it told is then forgotten.
 */
#ifndef CORE_FSMAP_OWN_H
#define CORE_FSMAP_OWN_H

#include "fsmap.h"

struct fsmap;

/* What the partition table or LVM says an area is for: bits. */
enum area_use {
	USE_LINUX = 1,
	USE_SWAP = 2,
	USE_LVM = 4,
	USE_WINDOWS = 8,
	USE_OTHER = 16, /* not to be looked into */
	USE_ANY = 15,
};

struct area {
	struct fsmap *m;
	struct fsmap_area about; /* name, offset and size are set */
	enum area_use use;
	bool nested; /* a logical volume */
	/* Where its bytes are on the disk, in its own order. */
	struct extent *piece;
	size_t n;
};

/* len bytes at off of the area. -1 where they are not all in it, or cannot
 * be read (the whole look then ends): doubt is set. */
int area_read(struct area *a, uint64_t off, void *buf, size_t len);
/* area_read will be asked for these offsets soon, in this order: what they
 * need is then read in few requests. Replaces what was told before. */
void area_expect(struct area *a, const uint64_t *off, size_t n);
void area_unused(struct area *a, uint64_t off, uint64_t len);
/* -1, with the reason for people. */
int doubt(struct area *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Have such an area looked at later. piece (n of them, on the disk) is copied.
 */
void area_add(struct fsmap *m, const char *name, enum area_use use, bool nested,
	const struct extent *piece, size_t n);
/* The same place as seen from inside an area: appended to out, which has room
 * for more pieces; their number. 0: it is not all in the area. */
size_t area_map(const struct area *a, uint64_t off, uint64_t len,
	struct extent *out, size_t room);

/* Modules. */
int fsmap_ext(struct area *a);
int fsmap_lvm(struct area *a);
int fsmap_ntfs(struct area *a);
int fsmap_swap(struct area *a);
int fsmap_xfs(struct area *a);

/* What an area's first and last bytes look like. */
struct fsmap_kind {
	const char *name;
	int (*look)(struct area *a); /* null: a kind nobody looks into */
	unsigned uses;               /* enum area_use that may hold it */
};
/* *kind is null where no signature is known. -1: doubt. */
int fsmap_probe(struct area *a, const struct fsmap_kind **kind);

/* One partition. */
struct part {
	unsigned number; /* as the guest's kernel counts */
	uint64_t offset, size;
	enum area_use use;
};
#define PARTS_MAX 256
/*
 * The partition table at the start of a disk: their number, 0 where there is
 * no table. -1: doubt.
 */
int fsmap_table(struct area *disk, struct part out[PARTS_MAX]);
/* Has something smaller a table in its first sector? A boot sector has code
 * in its place. -1: doubt, or there is one. */
int fsmap_no_table(struct area *a);

/* CRC-32 (reflected), piece by piece and without the final inversion. */
#define CRC_IEEE 0xedb88320U
#define CRC_CASTAGNOLI 0x82f63b78U
uint32_t crc_add(uint32_t poly, uint32_t crc, const void *p, size_t n);

/* Numbers at any alignment. */
static inline uint32_t le16(const void *v)
{
	const unsigned char *p = v;

	return p[0] | p[1] << 8;
}

static inline uint32_t le32(const void *v)
{
	const unsigned char *p = v;

	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const void *v)
{
	const unsigned char *p = v;

	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static inline uint32_t be16(const void *v)
{
	const unsigned char *p = v;

	return p[0] << 8 | p[1];
}

static inline uint32_t be32(const void *v)
{
	const unsigned char *p = v;

	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static inline uint64_t be64(const void *v)
{
	const unsigned char *p = v;

	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

#endif
