/*
 * Inside a copy: what the readers (core/copy_read.c, one thread each) and
 * the writer (core/copy_write.c, the thread of copy_run) share. Pieces go
 * from readers to the writer through one queue; the number of their buffers
 * bounds memory and what is under way. Each reader has a seat, on which the
 * writer's thread says by which road it is to read, or that it rests
 * (core/copy_road.c).
 */
#ifndef CORE_COPY_PUMP_H
#define CORE_COPY_PUMP_H

#include <pthread.h>

#include "copy.h"
#include "str.h"

#define COPY_PIECE (1U << 20)  /* bytes of a buffer */
#define COPY_BLOCK (64U << 10) /* what is tested for zero, one by one */
#define COPY_READERS_MAX 16

/* A range under way. Its reader fills sha before the last piece is queued;
 * the rest is the writer's. */
struct work {
	struct work *next;
	size_t index;
	unsigned pending; /* pieces with the writer */
	bool closed;      /* the last piece came */
	bool failed;
	unsigned char sha[SHA256_LEN];
};

struct piece {
	struct piece *next;
	struct work *work;
	struct pump *pump;
	uint64_t off, len;
	unsigned char *buf; /* COPY_PIECE bytes; null: a hole of the map */
	uint32_t zero;      /* bit i: block i of buf is zero */
	bool last;          /* of its range */
	unsigned pending;   /* requests of it, while with the writer */
};

#define SEAT_REST (-1)

/* A reader, as the others see it. */
struct seat {
	int want;     /* the road it is to use, or SEAT_REST */
	int road;     /* that it read its last byte by; SEAT_REST: none yet */
	bool taking;  /* it has ranges to read */
	uint64_t got; /* bytes */
};

struct pump {
	const struct copy_job *job;
	/* Constant while readers run. */
	struct extents x;      /* data, at multiples of COPY_BLOCK */
	unsigned char *wanted; /* by range: 1 has data to be read */
	size_t n;              /* ranges */
	uint64_t size, range;
	bool zeroed; /* the target is zero where this copy has not written */
	unsigned readers;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t room;  /* a buffer came back, or ended */
	pthread_cond_t turn;  /* a seat, left or ended changed */
	struct seat seat[COPY_READERS_MAX];
	bool bad[SOURCE_ROADS];     /* given up */
	uint64_t got[SOURCE_ROADS]; /* bytes that came by it */
	unsigned take_max;          /* ranges a reader takes at once */
	bool settled;               /* readers at rest end their connections */
	unsigned most;         /* readers at once, since the host was busy */
	double busy_at, quiet; /* when it said so; nobody asks until then */
	double starved;        /* seconds that readers waited for buffers */
	unsigned latency[COPY_LATENCIES];
	struct piece *free;
	struct piece *head, *tail;
	struct work *works;
	size_t cursor;     /* next range to hand out */
	size_t left;       /* wanted ranges not handed out */
	unsigned running;  /* readers */
	bool ended;        /* readers must return */
	struct err err;    /* why the first reader gave up */
	uint64_t read, at; /* bytes read; where the last were */
	unsigned retries;
	double next_read; /* when the limit allows more */
	struct buf notes; /* lines of readers that the writer has not told */
	char trouble[96]; /* shown while a source is being tried again */

	int wake; /* eventfd: something for the writer */
	struct writer *writer;
};

/* Buffers for so many readers; x, wanted and n are set by the caller. */
int pump_init(struct pump *p, const struct copy_job *job, unsigned readers,
	struct err *e);
void pump_free(struct pump *p); /* no reader and no request is left */

/* For readers. A buffer; null once ended. */
struct piece *pump_buffer(struct pump *p);
/* A piece without buffer. */
struct piece *pump_hole(struct pump *p);
struct work *pump_work(struct pump *p, size_t index);
void pump_put(struct pump *p, struct piece *piece);
/* Should the reader on this seat, that has no ranges, disconnect? */
bool pump_leave(struct pump *p, unsigned seat);
/* Wait for this seat's turn. The next wanted ranges are among [*first, *end),
 * which is empty for one that is to disconnect; false: none are left. */
bool pump_next(struct pump *p, unsigned seat, size_t *first, size_t *end);
/* The road this seat is to use now. */
int pump_road(struct pump *p, unsigned seat);
/* n bytes came by a road: waits until the limit allows as many. -1 once
 * ended. */
int pump_came(struct pump *p, unsigned seat, int road, size_t n);
/* A range was read from its first to its last byte in so many seconds. */
void pump_latency(struct pump *p, double seconds);
/*
 * A road failed. True where there is another: it is given up then, all its
 * readers go on by the other, and the log says so. for_good: not before it
 * was tried as long as patience lasts; else only where nothing ever came.
 */
bool pump_drop(struct pump *p, int road, bool for_good, const struct err *why);
/* Are there other roads than this? */
bool pump_others(struct pump *p, int road);
/* The host has too much to do: fewer readers, and all are quiet so long. */
void pump_busy(struct pump *p, double seconds);
/* Wait while all are to be quiet. */
void pump_quiet(struct pump *p);
bool pump_ended(struct pump *p);

/* For the writer. All that is queued, in order. */
struct piece *pump_take(struct pump *p);
void pump_release(struct pump *p, struct piece *piece);
void pump_work_done(struct pump *p, struct work *w);
/* Make its wait return. */
void pump_wake(struct pump *p);
/* Make the readers return. */
void pump_end(struct pump *p);

/* Start the readers; pump_join waits for the end of those that started. */
struct reader;
int copy_readers_start(struct pump *p, struct reader **out, struct err *e);
void copy_readers_join(struct reader *r);

/*
 * A resume, in copy_resume.c. The word for what of the disk is left out: alike
 * where two runs leave out the same, "mixed" from the first run on that does
 * not leave out what the one before did.
 */
void copy_left_out(const struct copy_job *job, const struct extents *x,
	char word[SHA256_HEX]);
/* Is target_zeroed still to be relied on? */
bool copy_still_zeroed(const struct copy_job *job, const char *left_out);
/* Does the target hold what the marks of an earlier run say? A few ranges of
 * it are read. */
int copy_still_there(const struct copy_job *job, struct err *e);

/* Write all that the readers bring, zero what nobody reads, flush, mark; to
 * the end or the first error, what came until then flushed and marked. */
int copy_write(struct pump *p, struct copy_map *map, struct copy_result *r,
	struct err *e);

#endif
