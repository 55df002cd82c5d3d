/*
 * The copy of one disk: written ranges of a source, read by several readers,
 * digested, tested for zero, written to a sink, flushed, and only then
 * marked; and the reading back of a target against the marks.
 *
 * The disk is cut into ranges of one power of two (the last may be shorter).
 * Each has a SHA-256 over its whole content, zeros included, whether they
 * were read, skipped by the block map or as unused by the guest's file
 * systems (which makes them zeros), or written. So a complete map of
 * digests says what the target must hold at every byte, and the disk's own
 * digest is the SHA-256 of the list of range digests (32 bytes each, in
 * order): two copies of one disk by the same range size have the same one.
 *
 * A copy begins anew wherever the last mark ended: SIGKILL at any moment
 * costs what was not yet marked, never correctness.
 *
 * Memory: about 1 MiB times (3 * readers + 4) up to 4 readers, (2 * readers
 * + 4) for more; 4 MiB more where it is read back; plus 34 bytes a range (at
 * most 65536 ranges).
 */
#ifndef CORE_COPY_H
#define CORE_COPY_H

#include "copy_many.h"
#include "digest.h"
#include "sink.h"
#include "source.h"

/* --- the map of ranges, and its lines in the journal ----------------- */

enum copy_kind {
	COPY_TODO,
	COPY_DATA, /* copied, flushed; sha is its digest */
	COPY_ZERO, /* the same, and it is zero from end to end */
};

struct copy_slot {
	unsigned char kind; /* enum copy_kind */
	bool checked;       /* COPY_DATA, and read back from the target */
	unsigned char sha[SHA256_LEN];
};

struct copy_map {
	uint64_t size;  /* of the source disk, bytes */
	uint64_t range; /* bytes, a power of two */
	size_t n;       /* ranges: size / range, rounded up */
	struct copy_slot *slot;
	/* Digests of a whole range of zeros, and of a shorter last one. */
	unsigned char zero[SHA256_LEN], zero_last[SHA256_LEN];
};

/* The range size for a disk: 8 MiB up to 512 GiB, then doubled so that no
 * disk has more than 65536 ranges. */
uint64_t copy_range_for(uint64_t size);
struct copy_map *copy_map_new(uint64_t size, uint64_t range);
void copy_map_free(struct copy_map *m);
void cleanup_copy_map(struct copy_map **m);
#define _copy_map_ __attribute__((cleanup(cleanup_copy_map)))
/* Bytes of range i. */
uint64_t copy_map_len(const struct copy_map *m, size_t i);
/* The digest range i has where it is zero. */
const unsigned char *copy_map_zero(const struct copy_map *m, size_t i);
/* Range i is copied and has this digest. */
void copy_map_set(
	struct copy_map *m, size_t i, const unsigned char sha[SHA256_LEN]);
/* True where no range is COPY_TODO. */
bool copy_map_complete(const struct copy_map *m);
/* Bytes of ranges that are not COPY_TODO. */
uint64_t copy_map_done(const struct copy_map *m);
/* Bytes of ranges that are checked. */
uint64_t copy_map_checked(const struct copy_map *m);
/* The disk's digest (see above) in hexadecimal; the map must be complete. */
void copy_map_digest(const struct copy_map *m, char out[SHA256_HEX]);

/* Ranges [first, first + n) of a map were copied and flushed; or, checked:
 * they were read back from the target after that. */
struct copy_mark {
	const struct copy_map *map;
	size_t first, n;
	bool checked;
};

/*
 * A mark as the data of a journal line; new reference:
 *
 *   {"disk":0, "size":S, "range":R, "at":OFFSET, "len":BYTES,
 *    "sha256":["hex", 12, "hex", ...]}
 *
 * one member a range in order, a number standing for that many ranges of
 * zeros. 67 bytes a written range: a full disk of up to 512 GiB takes
 * 8.4 MiB for each TiB, 2 TiB (ranges of 32 MiB) 4.2 MiB; nothing but
 * numbers where a disk is sparse. One that tells of ranges read back has
 * "checked":true instead of sha256.
 */
json_t *copy_mark_to_json(const struct copy_mark *m, unsigned disk);
/*
 * Take such a line into *map, made when null. The disk number is the
 * caller's to look at. ERR_JOB_BAD where the line is not whole, or its size
 * and range are not the map's; *map is untouched then.
 */
int copy_mark_from_json(const json_t *j, struct copy_map **map, struct err *e);

/* --- the copy -------------------------------------------------------- */

struct copy_progress {
	uint64_t todo;    /* bytes to be read in all, earlier runs included */
	uint64_t done;    /* of these, read and handed to the target */
	uint64_t at;      /* offset being read */
	double rate;      /* bytes a second, over the last seconds */
	double eta;       /* seconds to go, by the written bytes; < 0 unknown */
	const char *note; /* "connection lost, again in 4 s", or null */
	const char *road; /* "https", "ssh", ...: how the bytes come */
	unsigned connections;
	const char *why; /* why so, for people; "" while it is tried */
};

/* Ranges by the time their reading took: below 1, 2, 4, 8, ... ms; the last
 * has all the rest. */
#define COPY_LATENCIES 20

struct copy_job {
	struct disk_in *in;
	struct disk_out *out;
	uint64_t range;     /* 0: the done map's, else copy_range_for */
	unsigned readers;   /* 1 to 16; 0: as many as make it faster, */
	unsigned most;      /* but no more than this; 0: the source's own */
	bool target_zeroed; /* the target reads as zero where never written,
			     * since before the first run of this copy */
	bool read_all;      /* ignore block map and file systems */
	bool check;         /* read back what was marked, while it goes on,
			     * where the target's `direct` says that this
			     * comes from its media */
	uint64_t limit;     /* bytes a second read; 0 none */
	struct copy_share *share; /* one of several copies: its limit counts */
	double flush_every;       /* seconds between marks; 0: 5 (or 256 MiB) */
	double patience;  /* seconds a lost source is tried again; 0: 300 */
	double try_again; /* seconds at least between two trials of the
			   * roads; 0: 60 */

	/* From an earlier run, or null: what is copied, and what `begin` was
	 * given last. All stay the caller's. */
	const struct copy_map *done;
	const json_t *identity;
	const char *left_out;

	/* All are called by the thread that called copy_run; all may be null
	 * but mark. */
	void *ctx;
	/* Before the first write: journal the identity, and the word for what
	 * of the disk is left out. -1 stops the copy. */
	int (*begin)(void *ctx, const json_t *identity, const char *left_out,
		struct err *e);
	/* After a flush: journal the mark durably before returning; ranges
	 * of zeros that needed no write are marked too; later, where check,
	 * once more as checked. -1 stops the copy. */
	int (*mark)(void *ctx, const struct copy_mark *m, struct err *e);
	/* At most 4 times a second. */
	void (*progress)(void *ctx, const struct copy_progress *p);
	/* A sentence for the log: a retry, a map not trusted. */
	void (*note)(void *ctx, const char *line);
};

struct copy_result {
	/* Bytes. provisioned is the disk's size; the rest is of this run,
	 * ranges done before not counted. */
	uint64_t provisioned, read, written, zero;
	uint64_t skipped_by_map; /* holes of the source's own map */
	uint64_t skipped_by_fs;  /* written, but of no use to the guest */
	uint64_t looked_at;      /* read beside, to find that out */
	uint64_t done_before;    /* bytes of ranges marked by earlier runs */
	uint64_t checked;        /* bytes that were read back, in all runs */
	uint64_t target_size;
	double seconds;
	unsigned readers; /* connections, at the end */
	unsigned retries;
	const char *road; /* that most bytes came by; static */
	char *road_why;   /* why this road and so many connections */
	struct {
		const char *name; /* null: none */
		uint64_t bytes;   /* that came by it */
	} roads[SOURCE_ROADS];
	unsigned latency[COPY_LATENCIES];
	char *map_note;       /* why everything was read, or null */
	char *fs_note;        /* what was read whole, and why, or null */
	json_t *areas;        /* what lies on the disk; or null */
	struct copy_map *map; /* complete */
	char digest[SHA256_HEX];
	json_t *identity;
};
void copy_result_free(struct copy_result *r);
#define _copy_result_ __attribute__((cleanup(copy_result_free)))
/* All numbers and texts of it, not the map; new reference. */
json_t *copy_result_to_json(const struct copy_result *r);

/*
 * Copy what is not done. Keeps true: a mark is only called for bytes that
 * the sink has flushed; a byte of the target outside what was copied reads
 * zero afterwards (the tail behind the source's size too); nothing is
 * assumed to be zero but by target_zeroed, and not even that where an earlier
 * run left out something else of the disk than this one: what it wrote and did
 * not mark may lie where nothing is written now.
 *
 * Of an earlier run's marks some ranges are read back first:
 * ERR_VERIFY_MISMATCH where the target does not hold them.
 *
 * ERR_SOURCE_CHANGED (identity compared before the first and after the last
 * byte), ERR_NO_SPACE (target full, or smaller than the source), ERR_STOPPED,
 * ERR_TARGET_WRITE, ERR_NBD, the source's own (ERR_SSH_LOST once patience is
 * over), or what a callback returned. After an error what was written so far
 * is flushed and marked where that still works.
 */
int copy_run(const struct copy_job *job, struct copy_result *r, struct err *e);

/* --- reading the target back ----------------------------------------- */

struct copy_check {
	struct disk_out *out;       /* best opened read_only */
	const struct copy_map *map; /* must be complete */
	bool all;                   /* ranges checked before, too */
	void *ctx;
	void (*progress)(void *ctx, const struct copy_progress *p);
};

struct copy_checked {
	uint64_t read;    /* bytes read back */
	uint64_t known;   /* bytes zero by the target's own block status */
	uint64_t checked; /* bytes that were read back before */
	double seconds;
	char digest[SHA256_HEX]; /* the disk's: the copy's, and found again */
};

/*
 * Read back every range and compare its digest; ranges of zeros and the tail
 * behind the source's size are read wherever the target does not say itself
 * that they are zero. Of the ranges that the map calls checked only one in 64
 * is read once more (all of them with all): the target was opened anew since,
 * and an image's tables are read from the disk now. ERR_VERIFY_MISMATCH names
 * the offset.
 */
int copy_verify(
	const struct copy_check *c, struct copy_checked *r, struct err *e);

/* --- against the source's own checksums ------------------------------ */

struct copy_check_source {
	struct disk_in *in;
	const struct copy_map *map; /* complete, of a copy with read_all */
	void *ctx;
	void (*progress)(void *ctx, const struct copy_progress *p);
};

/*
 * Let the source read itself and sum up every range, and compare. ERR_USAGE
 * where it cannot, ERR_VERIFY_MISMATCH naming the offset, or the source's own.
 */
int copy_check_source(const struct copy_check_source *c, struct err *e);

#endif
