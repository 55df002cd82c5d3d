/*
 * The map of a copy's ranges and its lines in the journal: see copy.h. Keeps
 * true: a slot that is not COPY_TODO has its digest, that of zeros where it
 * is COPY_ZERO.
 */
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "str.h"

#define RANGE_MIN (8ULL << 20)
#define RANGE_MAX (4ULL << 30) /* 256 TiB in RANGES_MAX */
#define RANGES_MAX 65536

uint64_t copy_range_for(uint64_t size)
{
	uint64_t range = RANGE_MIN;

	while (range < RANGE_MAX && (size - 1) / range >= RANGES_MAX)
		range *= 2;
	return range;
}

/* The digest of len zeros. */
static void zeros_digest(uint64_t len, unsigned char sha[SHA256_LEN])
{
	static const unsigned char zeros[65536];
	_sha256_ struct sha256 *d = sha256_new();

	while (len) {
		uint64_t n = len < sizeof(zeros) ? len : sizeof(zeros);

		sha256_add(d, zeros, n);
		len -= n;
	}
	sha256_end(d, sha);
}

struct copy_map *copy_map_new(uint64_t size, uint64_t range)
{
	struct copy_map *m = xcalloc(1, sizeof(*m));

	m->size = size;
	m->range = range;
	m->n = size / range + (size % range != 0);
	m->slot = xcalloc(m->n ? m->n : 1, sizeof(*m->slot));
	if (size >= range)
		zeros_digest(range, m->zero);
	zeros_digest(size % range, m->zero_last);
	return m;
}

void copy_map_free(struct copy_map *m)
{
	if (!m)
		return;
	free(m->slot);
	free(m);
}

void cleanup_copy_map(struct copy_map **m)
{
	copy_map_free(*m);
}

uint64_t copy_map_len(const struct copy_map *m, size_t i)
{
	return i + 1 == m->n && m->size % m->range ? m->size % m->range
						   : m->range;
}

const unsigned char *copy_map_zero(const struct copy_map *m, size_t i)
{
	return copy_map_len(m, i) == m->range ? m->zero : m->zero_last;
}

void copy_map_set(
	struct copy_map *m, size_t i, const unsigned char sha[SHA256_LEN])
{
	struct copy_slot *s = &m->slot[i];

	memmove(s->sha, sha, SHA256_LEN); /* may be its own */
	s->checked = false;
	s->kind = memcmp(sha, copy_map_zero(m, i), SHA256_LEN) ? COPY_DATA
							       : COPY_ZERO;
}

bool copy_map_complete(const struct copy_map *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->slot[i].kind == COPY_TODO)
			return false;
	return true;
}

uint64_t copy_map_done(const struct copy_map *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->slot[i].kind != COPY_TODO)
			sum += copy_map_len(m, i);
	return sum;
}

uint64_t copy_map_checked(const struct copy_map *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->slot[i].checked)
			sum += copy_map_len(m, i);
	return sum;
}

void copy_map_digest(const struct copy_map *m, char out[SHA256_HEX])
{
	_sha256_ struct sha256 *d = sha256_new();
	unsigned char sha[SHA256_LEN];

	for (size_t i = 0; i < m->n; i++)
		sha256_add(d, m->slot[i].sha, SHA256_LEN);
	sha256_end(d, sha);
	hex_encode(out, sha, sizeof(sha));
}

/* Numbers for ranges of zeros, digests of the others. */
static json_t *digests(const struct copy_mark *k)
{
	const struct copy_map *m = k->map;
	json_t *list = json_array();
	uint64_t zeros = 0;

	for (size_t i = k->first; i < k->first + k->n; i++) {
		char hex[SHA256_HEX];

		if (m->slot[i].kind == COPY_ZERO) {
			zeros++;
			continue;
		}
		if (zeros)
			json_array_append_new(list, json_integer(zeros));
		zeros = 0;
		hex_encode(hex, m->slot[i].sha, SHA256_LEN);
		json_array_append_new(list, json_string(hex));
	}
	if (zeros)
		json_array_append_new(list, json_integer(zeros));
	return list;
}

json_t *copy_mark_to_json(const struct copy_mark *k, unsigned disk)
{
	const struct copy_map *m = k->map;
	json_t *o = json_object();
	uint64_t len = 0;

	for (size_t i = k->first; i < k->first + k->n; i++)
		len += copy_map_len(m, i);
	json_put_u64(o, "disk", disk);
	json_put_u64(o, "size", m->size);
	json_put_u64(o, "range", m->range);
	json_put_u64(o, "at", k->first * m->range);
	json_put_u64(o, "len", len);
	if (k->checked)
		json_put_bool(o, "checked", true);
	else
		json_put(o, "sha256", digests(k));
	return o;
}

struct line {
	uint64_t size, range, at, len;
	bool checked;
	const json_t *list;
};

static int bad_mark(struct err *e, const char *why)
{
	return err_set(e, ERR_JOB_BAD, "a copy's mark is damaged: %s", why);
}

static int read_line(const json_t *j, struct line *l, struct err *e)
{
	*l = (struct line){
		.size = json_u64(j, "size", 0),
		.range = json_u64(j, "range", 0),
		.at = json_u64(j, "at", UINT64_MAX),
		.len = json_u64(j, "len", 0),
		.checked = json_flag(j, "checked", false),
		.list = json_object_get(j, "sha256"),
	};
	if (!l->size || l->size > INT64_MAX || l->range < 65536 ||
		l->range > RANGE_MAX || (l->range & (l->range - 1)) ||
		l->size / l->range > 64 * RANGES_MAX)
		return bad_mark(e, "size and range");
	if (l->at % l->range || l->at >= l->size || !l->len ||
		l->len > l->size - l->at ||
		(l->len % l->range && l->at + l->len != l->size))
		return bad_mark(e, "at and len");
	if (!l->checked && !json_is_array(l->list))
		return bad_mark(e, "no digests");
	return 0;
}

static size_t ranges_of(const struct line *l)
{
	return l->len / l->range + (l->len % l->range != 0);
}

/* Ranges that a member of the list stands for; 0: it is damaged. */
static uint64_t member_ranges(const json_t *v)
{
	unsigned char sha[SHA256_LEN];

	if (json_is_string(v))
		return hex_decode(sha, sizeof(sha), json_string_value(v)) == 0;
	if (json_is_integer(v) && json_integer_value(v) > 0)
		return json_integer_value(v);
	return 0;
}

static int check_list(const struct line *l, struct err *e)
{
	uint64_t left = ranges_of(l);
	const json_t *v;
	size_t k;

	json_array_foreach (l->list, k, v) {
		uint64_t n = member_ranges(v);

		if (!n || n > left)
			return bad_mark(e, "digests");
		left -= n;
	}
	return left ? bad_mark(e, "digests are missing") : 0;
}

static void take_list(struct copy_map *m, const struct line *l)
{
	size_t i = l->at / l->range;
	unsigned char sha[SHA256_LEN];
	const json_t *v;
	size_t k;

	json_array_foreach (l->list, k, v) {
		if (json_is_string(v)) {
			hex_decode(sha, sizeof(sha), json_string_value(v));
			copy_map_set(m, i++, sha);
			continue;
		}
		for (json_int_t n = json_integer_value(v); n; n--, i++)
			copy_map_set(m, i, copy_map_zero(m, i));
	}
}

/* Only what is copied can have been read back; of zeros nothing is noted. */
static int take_checked(struct copy_map *m, const struct line *l, struct err *e)
{
	size_t first = l->at / l->range, end = first + ranges_of(l);

	for (size_t i = first; i < end; i++)
		if (!m || m->slot[i].kind == COPY_TODO)
			return bad_mark(e, "checked before it was copied");
	for (size_t i = first; i < end; i++)
		m->slot[i].checked = m->slot[i].kind == COPY_DATA;
	return 0;
}

int copy_mark_from_json(const json_t *j, struct copy_map **map, struct err *e)
{
	struct line l;

	if (read_line(j, &l, e))
		return -1;
	if (*map && ((*map)->size != l.size || (*map)->range != l.range))
		return bad_mark(e, "not of the same copy as the one before");
	if (l.checked)
		return take_checked(*map, &l, e);
	if (check_list(&l, e))
		return -1;
	if (!*map)
		*map = copy_map_new(l.size, l.range);
	take_list(*map, &l);
	return 0;
}
