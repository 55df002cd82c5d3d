/*
 * Where to look whether what a map calls a hole is one. Nothing short of
 * reading it all proves it; these are the places where a map that is wrong
 * in a whole region, or ends its data too early, is found out.
 */
#ifndef CORE_SAMPLE_H
#define CORE_SAMPLE_H

#include "extent.h"

#define SAMPLE_LEN (64U << 10) /* bytes of one, at most */
#define SAMPLES_MAX 192

/*
 * The first bytes of every hole (of 128, evenly, where there are more), and
 * 16 to 64 places (one a GiB) spread over the bytes of all holes. Returns
 * their number; none where there is no hole. Pure.
 */
size_t samples_pick(const struct extents *x, struct extent out[SAMPLES_MAX]);

#endif
