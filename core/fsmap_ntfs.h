/* Records of NTFS's master file table, and what they say of a file's data. */
#ifndef CORE_FSMAP_NTFS_H
#define CORE_FSMAP_NTFS_H

#include "fsmap_own.h"

#define NTFS_RECORD_MAX 4096U
#define NTFS_RUNS_MAX 8192U

enum {
	NTFS_ATTRIBUTE_LIST = 0x20,
	NTFS_VOLUME_INFORMATION = 0x70,
	NTFS_DATA = 0x80,
	NTFS_INDEX_ROOT = 0x90,
	NTFS_INDEX_ALLOCATION = 0xa0,
};

/* Where a stream's bytes are, in clusters, in order. */
struct ntfs_run {
	uint64_t cluster, n;
};

struct ntfs_stream {
	struct ntfs_run *run;
	size_t n;
	uint64_t size; /* bytes that are initialized */
	/* Or, of a small one, in the record: */
	const unsigned char *value; /* null: not resident */
};

struct ntfs {
	struct area *a;
	uint32_t cluster, record; /* bytes */
	uint64_t clusters;
	uint64_t mft_at, mirror_at; /* bytes */
	struct ntfs_stream mft;
};

/* Undo the update sequence of n bytes (whole sectors): false where a sector
 * was torn. */
bool ntfs_fixup(unsigned char *p, size_t n);

/* Record `number` of the table into rec (of NTFS_RECORD_MAX bytes), fixed up
 * and looked at: in use, a base record, without attribute list. */
int ntfs_record(struct ntfs *v, uint64_t number, unsigned char *rec);

/* The attribute of this type and name ("" or "$I30") in rec; null: none. */
const unsigned char *ntfs_attribute(const struct ntfs *v,
	const unsigned char *rec, int type, const char *name);

/* What it holds. A stream that is compressed, sparse, encrypted or damaged
 * is a doubt. */
int ntfs_stream(
	struct ntfs *v, const unsigned char *attribute, struct ntfs_stream *s);
void ntfs_stream_free(struct ntfs_stream *s);
#define _ntfs_stream_ __attribute__((cleanup(ntfs_stream_free)))
int ntfs_read(struct ntfs *v, const struct ntfs_stream *s, uint64_t off,
	void *buf, size_t len);

#endif
