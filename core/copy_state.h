/*
 * The state file of a copy outside of a job (`vmferry copy --state FILE`),
 * mode 0600: a first line {"source":, "target":, "device": (blockid.h, of a
 * target that is one), "file": (inode and birth of one that is a file),
 * "zeroed":, "read_all":, "identity":, "left_out":} and then a copy's marks,
 * one JSON object a line, each on disk before the copy goes on; {"left_out":}
 * where a later run leaves out something else, {"file":} where it made the
 * target again before anything was marked. A torn last line is cut.
 */
#ifndef CORE_COPY_STATE_H
#define CORE_COPY_STATE_H

#include "copy.h"

struct copy_state {
	int fd;
	char *path;
	json_t *head;         /* null: a new file */
	char *left_out;       /* the newest, or null */
	char *file;           /* the same: the target, where it is a file */
	struct copy_map *map; /* null: nothing was copied yet */
};

/* Open or make. ERR_BAD_INPUT where it is no such file, or one of another
 * source, target, or target device or file; ERR_JOB_BUSY where another process
 * copies by it. */
int copy_state_open(const char *path, const char *source, const char *target,
	struct copy_state **out, struct err *e);
void copy_state_free(struct copy_state *s);
void cleanup_copy_state(struct copy_state **s);
#define _copy_state_ __attribute__((cleanup(cleanup_copy_state)))

/* The first line, once; where there is one, what is left out where that is
 * new. job: what is to be remembered of it. */
int copy_state_begin(struct copy_state *s, const char *source,
	const char *target, const struct copy_job *job, const json_t *identity,
	const char *left_out, struct err *e);
/* Half by one rule and half by another is no copy: ERR_BAD_INPUT where the
 * file is of a copy that read everything and this one does not, or the other
 * way round. */
int copy_state_same(
	const struct copy_state *s, const struct copy_job *job, struct err *e);
int copy_state_mark(
	struct copy_state *s, const struct copy_mark *m, struct err *e);

#endif
