/*
 * seSparse redo logs, the kind that VMFS 6 makes: two headers, journal,
 * grain directory, all grain tables (each 4096 entries for 16 MiB), free
 * bitmap, back map, grains of 4 KiB. Numbers are 64-bit little-endian,
 * positions in sectors.
 *
 * The lab always writes whole grains, sector by sector: the sectors of a new
 * grain that were not put yet are zero, not the parent's.
 */
#include "redo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SE_GTES 4096
#define SE_GRAIN 8
#define SE_GT_SECTORS 64
#define SE_ALLOCATED (3ULL << 60)
#define SE_GD_PRESENT (1ULL << 60)

struct se_head {
	uint64_t magic, version, capacity, grain, gt_size, flags;
	uint64_t reserved[4];
	uint64_t volatile_at, volatile_size, journal_head_at, journal_head_size,
		journal_at, journal_size, gd_at, gd_size, gt_at, gt_len,
		bitmap_at, bitmap_size, backmap_at, backmap_size, grains_at,
		grains_size;
	char rest[304];
};

struct se_volatile {
	uint64_t magic, free_gt, next_txn, replay;
	char rest[480];
};

_Static_assert(sizeof(struct se_head) == LAB_SECTOR, "one sector");
_Static_assert(sizeof(struct se_volatile) == LAB_SECTOR, "one sector");

static uint64_t in_sectors(uint64_t bytes)
{
	return (bytes + LAB_SECTOR - 1) / LAB_SECTOR;
}

static int put(int fd, const void *p, size_t n, uint64_t sector)
{
	return pwrite(fd, p, n, (off_t)(sector * LAB_SECTOR)) == (ssize_t)n
		? 0
		: -1;
}

static uint64_t get64(int fd, uint64_t sector, uint64_t index)
{
	uint64_t v = 0;
	off_t at = (off_t)(sector * LAB_SECTOR + index * 8);

	return pread(fd, &v, 8, at) == 8 ? v : 0;
}

static int put64(int fd, uint64_t sector, uint64_t index, uint64_t v)
{
	off_t at = (off_t)(sector * LAB_SECTOR + index * 8);

	return pwrite(fd, &v, 8, at) == 8 ? 0 : -1;
}

static void lay_out(struct se_head *h, uint64_t sectors)
{
	uint64_t grains = (sectors + SE_GRAIN - 1) / SE_GRAIN;
	uint64_t tables = (grains + SE_GTES - 1) / SE_GTES;

	*h = (struct se_head){.magic = 0xcafebabe,
		.version = 0x200000001,
		.capacity = sectors,
		.grain = SE_GRAIN,
		.gt_size = SE_GT_SECTORS,
		.volatile_at = 1,
		.volatile_size = 1,
		.journal_head_at = 2,
		.journal_head_size = 2,
		.journal_at = 2048,
		.journal_size = 2048,
		.gd_at = 4096,
		.gd_size = in_sectors(tables * 8),
		.gt_len = tables * SE_GT_SECTORS,
		.bitmap_size = in_sectors((grains + 7) / 8),
		.backmap_size = in_sectors(grains * 8),
		.grains_size = grains * SE_GRAIN};
	h->gt_at = h->gd_at + h->gd_size;
	h->bitmap_at = h->gt_at + h->gt_len;
	h->backmap_at = h->bitmap_at + h->bitmap_size;
	h->grains_at = (h->backmap_at + h->backmap_size + 7) / 8 * 8;
}

int sesparse_create(const char *path, int64_t sectors)
{
	struct se_volatile v = {.magic = 0xcafecafe};
	struct se_head h;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	lay_out(&h, (uint64_t)sectors);
	if (put(fd, &h, sizeof(h), 0) || put(fd, &v, sizeof(v), 1) ||
		ftruncate(fd, (off_t)(h.grains_at * LAB_SECTOR))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The high 12 of the 60 bits are the low ones of the number. */
static uint64_t entry_of(uint64_t grain)
{
	return SE_ALLOCATED | (grain & 0xfff) << 48 | grain >> 12;
}

static uint64_t grain_of(uint64_t entry)
{
	return (entry >> 48 & 0xfff) | (entry & 0xffffffffffffULL) << 12;
}

/* Sector of the table with this index; it is entered in the directory. */
static int table_of(int fd, const struct se_head *h, uint64_t i, uint64_t *at)
{
	uint64_t e = get64(fd, h->gd_at, i), next;

	if (!e) {
		next = get64(fd, h->volatile_at, 1);
		e = SE_GD_PRESENT | next;
		if (put64(fd, h->gd_at, i, e) ||
			put64(fd, h->volatile_at, 1, next + 1))
			return -1;
	}
	*at = h->gt_at + (e & 0xffffffff) * SE_GT_SECTORS;
	return 0;
}

int sesparse_put(int fd, int64_t sector, const void *data)
{
	static const char zero[SE_GRAIN * LAB_SECTOR];
	uint64_t s = (uint64_t)sector, grain = s / SE_GRAIN, gt, e, at;
	struct se_head h;
	off_t end;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) ||
		table_of(fd, &h, grain / SE_GTES, &gt))
		return -1;
	e = get64(fd, gt, grain % SE_GTES);
	if (!e) {
		end = lseek(fd, 0, SEEK_END);
		at = ((uint64_t)end / LAB_SECTOR - h.grains_at) / SE_GRAIN;
		e = entry_of(at);
		if (put(fd, zero, sizeof(zero), h.grains_at + at * SE_GRAIN) ||
			put64(fd, h.backmap_at, at, grain) ||
			put64(fd, gt, grain % SE_GTES, e))
			return -1;
	}
	at = h.grains_at + grain_of(e) * SE_GRAIN + s % SE_GRAIN;
	return put(fd, data, LAB_SECTOR, at);
}

int sesparse_open(int fd, struct layer *l)
{
	struct se_volatile v;
	struct se_head h;
	size_t bytes;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || h.magic != 0xcafebabe ||
		pread(fd, &v, sizeof(v), LAB_SECTOR) != sizeof(v) ||
		v.magic != 0xcafecafe || v.replay) {
		errno = EINVAL;
		return -1;
	}
	*l = (struct layer){.fd = fd,
		.kind = REDO_SESPARSE,
		.ngd = (uint32_t)(h.gt_len / SE_GT_SECTORS),
		.gt_at = (int64_t)h.gt_at,
		.grains_at = (int64_t)h.grains_at};
	bytes = l->ngd * 8UL;
	l->gd64 = text_alloc(bytes);
	l->gt64 = text_alloc(l->ngd * sizeof(*l->gt64));
	return pread(fd, l->gd64, bytes, (off_t)h.gd_at * LAB_SECTOR) ==
			(ssize_t)bytes
		? 0
		: -1;
}

int64_t sesparse_find(struct layer *l, int64_t sector)
{
	int64_t grain = sector / SE_GRAIN, i = grain / SE_GTES;
	size_t bytes = SE_GTES * 8;
	off_t at;
	uint64_t e;

	if (i >= l->ngd || !l->gd64[i])
		return 0;
	if (!l->gt64[i]) {
		at = l->gt_at +
			(off_t)(l->gd64[i] & 0xffffffff) * SE_GT_SECTORS;
		l->gt64[i] = text_alloc(bytes);
		if (pread(l->fd, l->gt64[i], bytes, at * LAB_SECTOR) !=
			(ssize_t)bytes)
			return -1;
	}
	e = l->gt64[i][grain % SE_GTES];
	if (!e)
		return 0;
	if (e >> 60 != 3)
		return -1; /* the lab writes no other kind */
	return (l->grains_at + (int64_t)grain_of(e) * SE_GRAIN +
		       sector % SE_GRAIN) *
		LAB_SECTOR;
}
