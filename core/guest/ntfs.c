/*
 * What a volume of NTFS says of itself: whether Windows left it in order.
 * Format as in core/fsmap_ntfsrec.c, whose record reader is used.
 */
#include <string.h>

#include "../fsmap_ntfs.h"
#include "own.h"

#define VOLUME 3 /* the record of $Volume */
#define DIRTY 1

bool guest_ntfs_volume(
	const unsigned char boot[512], uint64_t *at, uint32_t *len)
{
	/* From 2^-x on, as core/fsmap_ntfs.c has it. */
	uint64_t per = boot[13] <= 128 ? boot[13]
		: boot[13] >= 225      ? 1ull << (256 - boot[13])
				       : 0;
	uint64_t cluster = le16(boot + 11) * per;
	int n = (signed char)boot[64];
	uint64_t record = n > 0 ? n * cluster : 1ull << (-n & 31);

	if (memcmp(boot + 3, "NTFS    ", 8) || !cluster || record < 512 ||
		record > NTFS_RECORD_MAX || le64(boot + 48) > UINT32_MAX)
		return false;
	*at = le64(boot + 48) * cluster + VOLUME * record;
	*len = record;
	return true;
}

bool guest_ntfs_dirty(unsigned char *record, uint32_t len)
{
	const struct ntfs v = {.record = len};
	const unsigned char *a;
	size_t value;

	if (memcmp(record, "FILE", 4) || !ntfs_fixup(record, len))
		return false;
	a = ntfs_attribute(&v, record, NTFS_VOLUME_INFORMATION, "");
	if (!a || a[8])
		return false;
	/* Reserved (8 bytes), version (2), flags (2). */
	value = le16(a + 20);
	return value + 12 <= le32(a + 4) && le16(a + value + 10) & DIRTY;
}
