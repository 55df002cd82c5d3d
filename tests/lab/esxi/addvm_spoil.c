/*
 * addvm: disks with snapshots. The source is what the guest saw last: the
 * logs hold it, and the base is damaged where they do (boot sector, a whole
 * block, data where the truth is zero), so that a copy of the base alone
 * neither boots nor has the right digest.
 */
#include "addvm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct chain {
	int base, log[16], n;
};

/* Writes the truth about 8 sectors into a log, and lies below it. */
static int stale(struct chain *c, int64_t first, int nth, bool punched)
{
	int level = nth % c->n;
	int64_t s;

	for (s = first / 8 * 8; s < first / 8 * 8 + 8; s++) {
		char truth[LAB_SECTOR] = {0}, lie[LAB_SECTOR] = {0};

		if (pread(c->base, truth, LAB_SECTOR, s * LAB_SECTOR) < 0 ||
			redo_put(c->log[level], s, truth))
			return -1;
		snprintf(lie, sizeof(lie), "STALE base, sector %" PRId64, s);
		if (!punched &&
			pwrite(c->base, lie, LAB_SECTOR, s * LAB_SECTOR) !=
				LAB_SECTOR)
			return -1;
		snprintf(lie, sizeof(lie), "STALE log, sector %" PRId64, s);
		if (level && nth % 2 && redo_put(c->log[level - 1], s, lie))
			return -1;
	}
	return 0;
}

/* All of one block comes from the log, the base has a hole there. */
static int stale_block(struct chain *c, int64_t block, int nth)
{
	int64_t s;

	for (s = 0; s < 2048; s += 8)
		if (stale(c, block * 2048 + s, nth, true))
			return -1;
	return fallocate(c->base, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		block * LAB_MIB, LAB_MIB);
}

/* Every fourth written block loses 4 KiB, the first its boot sector; one
 * loses everything; one hole gets data that the log says is zero. */
static int spoil(struct chain *c, int64_t size)
{
	int64_t b, n = size / LAB_MIB;
	int written = 0, nth = 0;
	bool hole_done = false;

	for (b = 0; b < n; b++) {
		int64_t data = lseek(c->base, b * LAB_MIB, SEEK_DATA);
		bool hole = data < 0 || data >= (b + 1) * LAB_MIB;
		int r = 0;

		if (hole && !hole_done) {
			r = stale(c, b * 2048 + 100, nth++, false);
			hole_done = true;
		} else if (!hole && written++ % 4 == 0) {
			r = written == 5 ? stale_block(c, b, nth++)
					 : stale(c, b * 2048 + b * 7 % 2048,
						   nth++, false);
		}
		if (r)
			return -1;
	}
	return 0;
}

static int spoil_disk(struct vm *vm, struct vdisk *v)
{
	struct chain c = {.base = -1};
	struct disk d;
	struct desc desc;
	const char *why;
	int i;

	if (disk_open(v->path, &d, &why))
		return add_complain(vm->name, why);
	for (i = 0; i < d.n; i++) {
		int fd = -1;

		if (!desc_load(d.path[i], &desc))
			fd = open(desc_extent(d.path[i], &desc),
				O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return add_complain(d.path[i], strerror(errno));
		if (i)
			c.log[c.n++] = fd;
		else
			c.base = fd;
	}
	disk_close(&d);
	return c.n && spoil(&c, desc.sectors * LAB_SECTOR)
		? add_complain(vm->name, strerror(errno))
		: 0;
}

int add_spoil(struct vm *vm)
{
	size_t i;

	for (i = 0; i < vm->ndisk; i++)
		if (spoil_disk(vm, &vm->disk[i]))
			return -1;
	return 0;
}
