/*
 * Redo logs of either format, told apart by their first bytes.
 */
#include "redo.h"

#include <unistd.h>

static enum redo_kind kind_of(int fd)
{
	uint32_t magic = 0;

	if (pread(fd, &magic, 4, 0) != 4)
		return REDO_NONE;
	return magic == 0x44574f43    ? REDO_COWD
		: magic == 0xcafebabe ? REDO_SESPARSE
				      : REDO_NONE;
}

int redo_create(const char *path, int64_t sectors, enum redo_kind kind)
{
	return kind == REDO_COWD ? cowd_create(path, sectors)
				 : sesparse_create(path, sectors);
}

int redo_put(int fd, int64_t sector, const void *data)
{
	return kind_of(fd) == REDO_COWD ? cowd_put(fd, sector, data)
					: sesparse_put(fd, sector, data);
}

int redo_open(int fd, struct layer *l)
{
	return kind_of(fd) == REDO_COWD ? cowd_open(fd, l)
					: sesparse_open(fd, l);
}

int64_t redo_find(struct layer *l, int64_t sector)
{
	return l->kind == REDO_COWD ? cowd_find(l, sector)
				    : sesparse_find(l, sector);
}
