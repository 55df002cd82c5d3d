/* A larger tree, and one file system believed, for test_fsmap_more.c and
 * test_fsmap_lvm.c; include after cmocka.h. */
#ifndef FSMORE_H
#define FSMORE_H

#include "fsimage.h"

static inline int setup(void **state)
{
	if (fs_setup(state))
		return -1;
	fs_sh("mkdir -p tree/a/b/c tree/many tree/gone mnt\n"
	      "for i in $(seq 300); do head -c $((RANDOM % 9000)) /dev/urandom "
	      ">tree/many/$i; done\n"
	      "for i in $(seq 40); do head -c $((RANDOM * 40)) /dev/urandom "
	      ">tree/gone/$i; done\n"
	      "head -c 9000000 /dev/urandom >tree/a/b/big; : >tree/a/empty\n",
		NULL);
	return 0;
}

/* One area, believed; what is in use is not much more than the data. */
static inline void one(const char *name, const char *kind, uint64_t most)
{
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};

	fs_map(name, &x, &r);
	if (r.area[0].why[0])
		fail_msg("%s: %s", name, r.area[0].why);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.area[0].kind, kind);
	if (extents_data(&x) > most)
		fail_msg("%s: %llu MiB are read", name,
			(unsigned long long)(extents_data(&x) / MIB));
	fs_copy(name, &x);
}

#endif
