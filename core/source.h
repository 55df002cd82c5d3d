/*
 * Where disk bytes come from. One file a kind in core/source/, ending in
 * `const struct source source_NAME`; an open disk is a struct disk_in.
 *
 *   ssh://user@host[:port]/vmfs/volumes/DS/VM/x.vmdk    (or x-flat.vmdk)
 *   https://user@host[:port]/folder/VM/x.vmdk?dcPath=..&dsName=..
 *   /path/x.raw  /path/x-flat.vmdk  /dev/x               source/file.c
 *   /path/x.vmdk /path/x.qcow2 /path/x.ova#member.vmdk   source/image.c
 *   nbd+unix:///[EXPORT]?socket=PATH                     source/nbd.c
 *
 * Readers are what threads hold: each has its own connection, and two
 * readers may be used at the same time by two threads. Everything else is
 * called by one thread.
 */
#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

#include "digest.h"
#include "extent.h"
#include "json.h"
#include "secret.h"

struct source;

struct source_opts {
	const struct secrets *secrets; /* esxi.password; may be null */
	const char *key;               /* path of a private key, or null */
	const char *accept_hostkey;    /* fingerprint to pin, or null */
	const char *accept_cert;       /* the same for HTTPS */
	const char *road;    /* "https", "ssh", "ssh+gzip", "libssh2"; null: all
			      * there are */
	bool no_gzip;        /* nothing is compressed on the host */
	unsigned https_port; /* beside ssh://; 0: 443 */
	bool old_tls;        /* https://: TLS 1.0 is good enough */
	bool check;          /* an image: look whether its files are whole */
};

#define SOURCE_ROADS 4

/* An open source disk, read-only. */
struct disk_in {
	const struct source *kind;
	void *priv;
	uint64_t size; /* bytes of the disk: its capacity */
	/* The ways to its bytes, by name; static. The first `try` are worth
	 * trying, the rest serves where those fail. */
	const char *roads[SOURCE_ROADS];
	unsigned n_roads, n_try;
	/* The one that lets the host compress, which costs it processor time:
	 * tried only where the others are slow. 0: none. */
	unsigned packed;
	/* Set by who reads, before the readers: bytes between two multiples of
	 * it are believed together; 0: 8 MiB. */
	uint64_t span;
	char *road_note; /* why a road is not there, or what it has; or null */
};

/* The next n bytes; p is valid during the call. -1 with the error: stop. */
typedef int source_got(void *arg, const void *p, size_t n, struct err *e);

struct source {
	const char *name;
	/* True where the text is a disk of this kind. */
	bool (*takes)(const char *spec);
	int (*open)(const char *spec, const struct source_opts *o,
		struct disk_in *in, struct err *e);
	/* What tells whether the disk is still the same: an object of size,
	 * mtime, inode, CID and whatever else the kind knows. New reference. */
	int (*identity)(struct disk_in *in, json_t **out, struct err *e);
	/* What is written, covering the size. *why, to be freed, says in one
	 * sentence why everything will be read, or stays null. An unreadable
	 * map is not an error: everything is data then. */
	int (*extents)(struct disk_in *in, struct extents *out, char **why,
		struct err *e);
	/* SHA-256 of n extents, each made where the disk is; null: cannot. */
	int (*digests)(struct disk_in *in, const struct extent *x, size_t n,
		unsigned char (*sha)[SHA256_LEN], struct err *e);
	/* By one of its roads. May be called by several threads at once. */
	int (*reader_open)(struct disk_in *in, unsigned road, void **reader,
		struct err *e);
	/*
	 * Hand over every byte of these extents (which begin at multiples of
	 * 64 KiB, and end so or with the disk), in this order and nothing
	 * else. Extents that follow one another may be read as one. 0 only
	 * where all bytes came; an error of got ends it and is returned.
	 * After an error the reader is only good for reader_close.
	 */
	int (*read)(void *reader, const struct extent *x, size_t n,
		source_got *got, void *arg, struct err *e);
	void (*reader_close)(void *reader);
	void (*close)(struct disk_in *in);
	/* The most readers at once, where the caller does not say. */
	unsigned readers;
};

/* source_NAME of every file in core/source/. */
#define X(name) extern const struct source source_##name;
#include "gen/source.h"
#undef X

/* Is spec a path on this machine: absolute or relative, and nothing else? A
 * relative one with a ':' before its first '/' needs "./". */
bool source_is_path(const char *spec);

/* in has one road only. */
void source_one_road(struct disk_in *in, const char *name);

/* Open by spec. ERR_USAGE where no kind takes it. close releases all. */
int source_open(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e);
void source_close(struct disk_in *in);
#define _disk_in_ __attribute__((cleanup(source_close)))

/* A file as an identity has it: path, size, inode, mtime. New reference.
 * ERR_DISK_MISSING. */
int source_file_json(const char *path, json_t **out, struct err *e);

/*
 * 0 where both identities are the same disk in the same state, else
 * ERR_SOURCE_CHANGED naming the first member that differs.
 */
int source_same(const json_t *was, const json_t *is, struct err *e);

#endif
