/*
 * Swap: the header's page is all that is needed. A system that was suspended
 * to it has another signature, and is not looked into (fsmap_probe.c).
 *
 * Format: union swap_header of Linux, include/linux/swap.h, version 1.
 */
#include "fsmap_own.h"

#include <string.h>

int fsmap_swap(struct area *a)
{
	static const uint32_t sizes[] = {4096, 8192, 16384, 65536};
	unsigned char head[12], sign[10];
	uint64_t page = 0, end;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		if (a->about.size < sizes[i])
			break;
		if (area_read(a, sizes[i] - 10, sign, sizeof(sign)))
			return -1;
		if (memcmp(sign, "SWAPSPACE2", 10) != 0)
			continue;
		if (page)
			return doubt(a, "it has two signatures");
		page = sizes[i];
	}
	if (!page || area_read(a, 1024, head, sizeof(head)))
		return doubt(a, "it has no signature");
	/* version, last page, number of bad pages */
	if (le32(head) != 1 || le32(head + 8) != 0)
		return doubt(a, "its version is not known");
	end = ((uint64_t)le32(head + 4) + 1) * page;
	if (end > a->about.size || end <= page)
		return doubt(a, "it is larger than its partition");
	area_unused(a, page, end - page);
	return 0;
}
