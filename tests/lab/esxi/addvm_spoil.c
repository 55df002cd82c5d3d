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

static int stale(struct chain *c, int64_t sector, int nth, bool punched)
{
	char truth[LAB_SECTOR] = {0}, lie[LAB_SECTOR] = {0};
	int level = nth % c->n;

	if (pread(c->base, truth, sizeof(truth), sector * LAB_SECTOR) < 0)
		return -1;
	snprintf(lie, sizeof(lie), "STALE base, sector %" PRId64, sector);
	if (cowd_put(c->log[level], sector, truth))
		return -1;
	if (!punched &&
		pwrite(c->base, lie, sizeof(lie), sector * LAB_SECTOR) !=
			(ssize_t)sizeof(lie))
		return -1;
	snprintf(lie, sizeof(lie), "STALE log, sector %" PRId64, sector);
	return level && nth % 2 ? cowd_put(c->log[level - 1], sector, lie) : 0;
}

/* Every 2^n-th written block loses a sector; one loses all of them; one
 * hole gets data that the log says is zero. */
static int spoil(struct chain *c, int64_t size)
{
	int64_t b, n = size / LAB_MIB, s;
	int nth = 0, holes = 0;

	for (b = 0; b < n; b++) {
		int64_t data = lseek(c->base, b * LAB_MIB, SEEK_DATA);
		bool hole = data < 0 || data >= (b + 1) * LAB_MIB;

		if (hole && !holes++ && stale(c, b * 2048 + 100, nth++, false))
			return -1;
		if (hole || nth++ % 4)
			continue;
		if (nth != 5 &&
			stale(c, b * 2048 + (b ? b * 7 % 2048 : 0), nth, false))
			return -1;
		if (nth != 5)
			continue;
		for (s = 0; s < 2048; s++)
			if (stale(c, b * 2048 + s, nth, true))
				return -1;
		if (fallocate(c->base,
			    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    b * LAB_MIB, LAB_MIB))
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
