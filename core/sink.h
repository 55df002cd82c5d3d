/*
 * Where disk bytes go. One file a kind in core/sink/, ending in
 * `const struct sink sink_NAME`; an open target is a struct disk_out.
 *
 *   qcow2:PATH   raw:PATH   /dev/x   nbd+unix:///[EXPORT]?socket=PATH
 *
 * raw and /dev are written by the kernel's asynchronous I/O past the page
 * cache (core/aio.c) where that can be; all else through NBD (core/nbd.c), to
 * a qemu-nbd that is this process's child and ends with it where there is no
 * other. Requests are queued, and answered inside `wait`. One thread uses a
 * disk_out.
 */
#ifndef CORE_SINK_H
#define CORE_SINK_H

#include "extent.h"

struct sink;

struct sink_opts {
	bool read_only; /* to verify: caches are bypassed where possible */
	/* Make the file when it is not there (qcow2 and raw), this long. */
	bool create;
	uint64_t size;
};

/* The answer to a request: err_no is 0 or what the target said. Called once
 * for each request that was queued, from wait, close or another request; it
 * must not queue requests itself. */
typedef void sink_done(void *arg, int err_no);

struct sink_ops {
	/* Queue; buf stays the caller's and untouched until the answer. */
	int (*write)(void *priv, const void *buf, size_t len, uint64_t off,
		sink_done *done, void *arg, struct err *e);
	/* Queue: len bytes (any number) read as zero after; space may be
	 * given back. */
	int (*zero)(void *priv, uint64_t len, uint64_t off, sink_done *done,
		void *arg, struct err *e);
	/* Queue: every write answered before now survives a power cut once
	 * this is answered. */
	int (*flush)(void *priv, sink_done *done, void *arg, struct err *e);
	/* Wait up to ms for answers, or until wake_fd (or -1) can be read;
	 * calls the done functions. */
	int (*wait)(void *priv, int wake_fd, int ms, struct err *e);
	/* Queue: exactly len bytes at off into buf. */
	int (*read)(void *priv, void *buf, size_t len, uint64_t off,
		sink_done *done, void *arg, struct err *e);
	/* Append to out (which ends at off) what is known of
	 * [off, off + len): data, or reads as zero. At least one byte, at most
	 * len; data where unknown. */
	int (*status)(void *priv, uint64_t off, uint64_t len,
		struct extents *out, struct err *e);
	/* End it in order: what was written is with the target after this.
	 * Releases all even where it returns -1. */
	int (*close)(void *priv, struct err *e);
};

/* An open target. */
struct disk_out {
	const struct sink_ops *ops;
	void *priv;
	uint64_t size;  /* bytes; may be more than was asked for (rounding) */
	uint32_t block; /* offsets and lengths are multiples of this */
	bool created;   /* made by this open: reads as zero everywhere */
	bool direct;    /* what is read comes past this machine's page cache */
};

struct sink {
	const char *name;
	bool (*takes)(const char *spec);
	int (*open)(const char *spec, const struct sink_opts *o,
		struct disk_out *out, struct err *e);
};

/* sink_NAME of every file in core/sink/. */
#define X(name) extern const struct sink sink_##name;
#include "gen/sink.h"
#undef X

/*
 * Open by spec; the target's own kind of file is never guessed from its
 * content. ERR_USAGE where no kind takes it, ERR_NOT_FOUND, ERR_PERMISSION,
 * ERR_TOOL_MISSING (qemu-nbd), ERR_NBD with qemu-nbd's words.
 * Call sink_close once; where it fails, the target is not to be trusted.
 */
int sink_open(const char *spec, const struct sink_opts *o, struct disk_out *out,
	struct err *e);
int sink_close(struct disk_out *out, struct err *e);
/* Read exactly len bytes at off, at once; with no request under way. */
int sink_read(
	struct disk_out *d, void *buf, size_t len, uint64_t off, struct err *e);
/* A file is made under a name of its own first, to be freed, and then put in
 * its place, so that a kill leaves no half of one. ERR_TARGET_USED where
 * there is a file of that name already. */
char *sink_part(const char *path);
int sink_place(const char *part, const char *path, struct err *e);
/* What the target says of [0, size) itself: what reads as zero, and data for
 * all the rest; data only, behind max extents. */
int sink_extents(
	struct disk_out *d, size_t max, struct extents *out, struct err *e);
/* sink_close where nobody looks any more. */
void cleanup_sink(struct disk_out *out);
#define _disk_out_ __attribute__((cleanup(cleanup_sink)))

#endif
