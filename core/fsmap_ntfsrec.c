/*
 * NTFS: records, attributes and runs, see fsmap_ntfs.h. Keeps true: nothing
 * is read behind the end of a record, and no run leaves the volume.
 *
 * Format: the NTFS documentation of the Linux-NTFS project, and
 * include/ntfs-3g/layout.h of ntfs-3g.
 */
#include "fsmap_ntfs.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

#define SECTOR 512U

bool ntfs_fixup(unsigned char *p, size_t n)
{
	size_t at = le16(p + 4), count = le16(p + 6);

	if (count != n / SECTOR + 1 || at % 2 || at + count * 2 > SECTOR - 2)
		return false;
	for (size_t i = 1; i < count; i++) {
		unsigned char *end = p + i * SECTOR - 2;

		if (memcmp(end, p + at, 2) != 0)
			return false;
		memcpy(end, p + at + 2 * i, 2);
	}
	return true;
}

static int bad(struct ntfs *v)
{
	return doubt(v->a, "its file table is damaged");
}

/* The attribute at `at` is whole; its end, or 0. */
static size_t attribute_end(
	const struct ntfs *v, const unsigned char *rec, size_t at)
{
	size_t used = le32(rec + 24), len;

	if (used > v->record || at + 16 > used)
		return 0;
	len = le32(rec + at + 4);
	if (len < 24 || len % 8 || len > used - at ||
		(rec[at + 8] && len < 64) ||
		le16(rec + at + 10) + rec[at + 9] * 2U > len)
		return 0;
	return at + len;
}

static bool same_name(const unsigned char *attribute, const char *name)
{
	const unsigned char *p = attribute + le16(attribute + 10);
	size_t n = attribute[9];

	if (n != strlen(name))
		return false;
	for (size_t i = 0; i < n; i++)
		if (le16(p + 2 * i) != (unsigned char)name[i])
			return false;
	return true;
}

const unsigned char *ntfs_attribute(const struct ntfs *v,
	const unsigned char *rec, int type, const char *name)
{
	size_t at = le16(rec + 20), next;

	for (; at + 4 <= v->record && le32(rec + at) != UINT32_MAX; at = next) {
		next = attribute_end(v, rec, at);
		if (!next)
			return NULL;
		if (le32(rec + at) == (uint32_t)type &&
			same_name(rec + at, name))
			return rec + at;
	}
	return NULL;
}

/* All attributes, up to the mark of the end. */
static bool attributes_whole(const struct ntfs *v, const unsigned char *rec)
{
	size_t at = le16(rec + 20);

	if (at % 8 || at < 42)
		return false;
	while (at && at + 4 <= v->record && le32(rec + at) != UINT32_MAX)
		at = attribute_end(v, rec, at);
	return at && at + 4 <= v->record;
}

int ntfs_record(struct ntfs *v, uint64_t number, unsigned char *rec)
{
	int rc = v->mft.run
		? ntfs_read(v, &v->mft, number * v->record, rec, v->record)
		: area_read(
			  v->a, v->mft_at + number * v->record, rec, v->record);

	if (rc)
		return -1;
	if (memcmp(rec, "FILE", 4) != 0 || !ntfs_fixup(rec, v->record) ||
		!(le16(rec + 22) & 1) || le64(rec + 32) ||
		!attributes_whole(v, rec))
		return bad(v);
	if (ntfs_attribute(v, rec, NTFS_ATTRIBUTE_LIST, ""))
		return doubt(v->a, "a file of its own is in many pieces");
	return 0;
}

/* --- runs --- */

/* n bytes, little endian, signed. */
static int64_t number(const unsigned char *p, unsigned n)
{
	int64_t v = n && (p[n - 1] & 0x80) ? -1 : 0;

	while (n--)
		v = (int64_t)((uint64_t)v << 8 | p[n]);
	return v;
}

static int add_run(
	struct ntfs *v, struct ntfs_stream *s, int64_t cluster, int64_t n)
{
	if (n <= 0 || cluster < 0 || (uint64_t)cluster >= v->clusters ||
		(uint64_t)n > v->clusters - (uint64_t)cluster ||
		s->n == NTFS_RUNS_MAX)
		return bad(v);
	s->run = xreallocarray(s->run, s->n + 1, sizeof(*s->run));
	s->run[s->n++] = (struct ntfs_run){cluster, n};
	return 0;
}

static int read_runs(
	struct ntfs *v, const unsigned char *attribute, struct ntfs_stream *s)
{
	const unsigned char *end = attribute + le32(attribute + 4);
	size_t from = le16(attribute + 32);
	const unsigned char *p = attribute + from;
	int64_t cluster = 0;

	if (from < 64 || p >= end)
		return bad(v);
	while (p < end && *p) {
		unsigned n = *p & 15, m = *p >> 4;

		p++;
		/* m 0: a hole. */
		if (!n || !m || n > 8 || m > 8 || n + m > (size_t)(end - p))
			return bad(v);
		cluster = (int64_t)((uint64_t)cluster +
			(uint64_t)number(p + n, m));
		if (add_run(v, s, cluster, number(p, n)))
			return -1;
		p += n + m;
	}
	return p < end ? 0 : bad(v);
}

static int fill_stream(
	struct ntfs *v, const unsigned char *p, struct ntfs_stream *s)
{
	uint64_t sum = 0;

	if (!p || le16(p + 12))
		return bad(v);
	if (!p[8]) {
		s->size = le32(p + 16);
		s->value = p + le16(p + 20);
		return le16(p + 20) >= 24 &&
				le16(p + 20) + s->size <= le32(p + 4)
			? 0
			: bad(v);
	}
	/* From its first cluster on; initialized size. */
	if (le64(p + 16) || read_runs(v, p, s))
		return bad(v);
	s->size = le64(p + 56);
	for (size_t i = 0; i < s->n; i++)
		sum += s->run[i].n;
	return s->size <= sum * v->cluster ? 0 : bad(v);
}

int ntfs_stream(
	struct ntfs *v, const unsigned char *attribute, struct ntfs_stream *s)
{
	struct ntfs_stream new = {0};

	if (fill_stream(v, attribute, &new)) {
		ntfs_stream_free(&new);
		return -1;
	}
	*s = new;
	return 0;
}

void ntfs_stream_free(struct ntfs_stream *s)
{
	free(s->run);
	*s = (struct ntfs_stream){0};
}

int ntfs_read(struct ntfs *v, const struct ntfs_stream *s, uint64_t off,
	void *buf, size_t len)
{
	unsigned char *to = buf;

	if (off > s->size || len > s->size - off)
		return bad(v);
	if (s->value) {
		memcpy(to, s->value + off, len);
		return 0;
	}
	for (size_t i = 0; len && i < s->n; i++) {
		uint64_t size = s->run[i].n * v->cluster, part;

		if (off >= size) {
			off -= size;
			continue;
		}
		part = size - off < len ? size - off : len;
		if (area_read(v->a, s->run[i].cluster * v->cluster + off, to,
			    part))
			return -1;
		to += part;
		len -= part;
		off = 0;
	}
	return 0;
}
