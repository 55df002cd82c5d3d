/*
 * What a copy takes over from the run before: see copy_pump.h. Keeps true:
 * marks are only believed of a target that holds what they speak of.
 */
#include <string.h>

#include "copy_pump.h"
#include "i18n.h"
#include "str.h"

#define MIXED "mixed"

void copy_left_out(const struct copy_job *job, const struct extents *x,
	char word[SHA256_HEX])
{
	_sha256_ struct sha256 *d = sha256_new();
	unsigned char sha[SHA256_LEN];

	for (size_t i = 0; i < x->n; i++)
		if (!x->e[i].data) {
			sha256_add(d, &x->e[i].offset, sizeof(x->e[i].offset));
			sha256_add(d, &x->e[i].length, sizeof(x->e[i].length));
		}
	sha256_end(d, sha);
	hex_encode(word, sha, sizeof(sha));
	if (job->identity && (!job->left_out || strcmp(job->left_out, word)))
		snprintf(word, SHA256_HEX, MIXED);
}

bool copy_still_zeroed(const struct copy_job *job, const char *left_out)
{
	return job->target_zeroed && strcmp(left_out, MIXED);
}

/* The first, one in the middle and the last of n ranges with data. */
static bool is_sample(size_t k, size_t n)
{
	return k == 0 || k == n / 2 || k + 1 == n;
}

static int check_range(
	const struct copy_job *job, size_t i, unsigned char *buf, struct err *e)
{
	const struct copy_map *m = job->done;
	uint64_t at = i * m->range, end = at + copy_map_len(m, i);
	_sha256_ struct sha256 *d = sha256_new();
	unsigned char sha[SHA256_LEN];
	char where[STR_SIZE_LEN];

	for (uint64_t n; at < end; at += n) {
		uint64_t over;

		n = end - at < COPY_PIECE ? end - at : COPY_PIECE;
		over = n % job->out->block;
		if (sink_read(job->out, buf,
			    n + (over ? job->out->block - over : 0), at, e))
			return -1;
		sha256_add(d, buf, n);
	}
	sha256_end(d, sha);
	if (memcmp(sha, m->slot[i].sha, SHA256_LEN) == 0)
		return 0;
	return err_set(e, ERR_VERIFY_MISMATCH,
		"the target does not hold what an earlier run copied to %s: "
		"was it made anew since?",
		str_size(where, i * m->range));
}

int copy_still_there(const struct copy_job *job, struct err *e)
{
	const struct copy_map *m = job->done;
	_free_ unsigned char *buf = NULL;
	size_t n = 0, k = 0;

	for (size_t i = 0; m && i < m->n; i++)
		n += m->slot[i].kind == COPY_DATA;
	if (!n)
		return 0;
	buf = xmalloc(COPY_PIECE);
	for (size_t i = 0; i < m->n; i++)
		if (m->slot[i].kind == COPY_DATA && is_sample(k++, n) &&
			check_range(job, i, buf, e))
			return -1;
	return 0;
}
