/*
 * vmfsSparse redo logs ("COWD"): header of 4 sectors, grain directory at
 * sector 4, then grain tables of 4096 entries and data, as they come. All
 * numbers little-endian, positions in sectors, grains of one sector.
 */
#include "redo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define COWD_GTES 4096
#define COWD_GD_SECTOR 4

struct cowd_head {
	char magic[4];
	uint32_t version, flags, capacity, grain, gd, ngd, next;
	uint32_t cylinders, heads, sectors;
	char rest[2048 - 44];
} __attribute__((packed));

_Static_assert(sizeof(struct cowd_head) == 2048, "header of four sectors");

static int put(int fd, const void *p, size_t n, int64_t at)
{
	return pwrite(fd, p, n, at) == (ssize_t)n ? 0 : -1;
}

int cowd_create(const char *path, int64_t sectors)
{
	struct cowd_head h = {.magic = "COWD",
		.version = 1,
		.flags = 3,
		.capacity = (uint32_t)sectors,
		.grain = 1,
		.gd = COWD_GD_SECTOR};
	uint32_t generation = 1;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	h.ngd = (uint32_t)((sectors + COWD_GTES - 1) / COWD_GTES);
	/* data begins behind the directory, on a sector */
	h.next = COWD_GD_SECTOR + (h.ngd * 4 + LAB_SECTOR - 1) / LAB_SECTOR;
	memcpy((char *)&h + 1060, &generation, 4);
	if (put(fd, &h, sizeof(h), 0) ||
		ftruncate(fd, (off_t)h.next * LAB_SECTOR)) {
		close(fd);
		return -1;
	}
	return fd;
}

static uint32_t get32(int fd, int64_t at)
{
	uint32_t v = 0;

	return pread(fd, &v, 4, at) == 4 ? v : 0;
}

int cowd_put(int fd, int64_t sector, const void *data)
{
	static const char zero[COWD_GTES * 4];
	int64_t gde = COWD_GD_SECTOR * LAB_SECTOR + sector / COWD_GTES * 4;
	uint32_t next = get32(fd, 28), gt = get32(fd, gde), at;
	int64_t gte;

	if (!gt) {
		gt = next;
		next += sizeof(zero) / LAB_SECTOR;
		if (put(fd, zero, sizeof(zero), (int64_t)gt * LAB_SECTOR) ||
			put(fd, &gt, 4, gde))
			return -1;
	}
	gte = (int64_t)gt * LAB_SECTOR + sector % COWD_GTES * 4;
	at = get32(fd, gte);
	if (!at)
		at = next++;
	return put(fd, data, LAB_SECTOR, (int64_t)at * LAB_SECTOR) ||
			put(fd, &at, 4, gte) || put(fd, &next, 4, 28)
		? -1
		: 0;
}

int cowd_open(int fd, struct layer *l)
{
	struct cowd_head h;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) ||
		memcmp(h.magic, "COWD", 4) || h.version != 1 || !h.grain) {
		errno = EINVAL;
		return -1;
	}
	*l = (struct layer){
		.fd = fd, .kind = REDO_COWD, .ngd = h.ngd, .grain = h.grain};
	l->gd = text_alloc(h.ngd * 4UL);
	l->gt = text_alloc(h.ngd * sizeof(*l->gt));
	if (pread(fd, l->gd, h.ngd * 4UL, (off_t)h.gd * LAB_SECTOR) !=
		(ssize_t)(h.ngd * 4UL))
		return -1;
	return 0;
}

int64_t cowd_find(struct layer *l, int64_t sector)
{
	int64_t grain = sector / l->grain, i = grain / COWD_GTES;
	uint32_t at;

	if (i >= l->ngd || !l->gd[i])
		return 0;
	if (!l->gt[i]) {
		l->gt[i] = text_alloc(COWD_GTES * 4);
		if (pread(l->fd, l->gt[i], COWD_GTES * 4,
			    (off_t)l->gd[i] * LAB_SECTOR) != COWD_GTES * 4)
			return -1;
	}
	at = l->gt[i][grain % COWD_GTES];
	return at ? ((int64_t)at + sector % l->grain) * LAB_SECTOR : 0;
}
