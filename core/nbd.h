/*
 * NBD: the one way to read and write a target, and to read images that are
 * not plain bytes. A struct nbdc is one connection, used by one thread; a
 * struct nbd_server is a qemu-nbd that is our child, on a UNIX socket in a
 * directory of its own (0700), and ends with us.
 */
#ifndef CORE_NBD_H
#define CORE_NBD_H

#include "sink.h"

struct nbd_serve {
	const char *file;   /* path, or a set of image options */
	const char *format; /* "raw", "qcow2", "vmdk": never guessed */
	bool image_opts;    /* file is "driver=...,..."; format is unused */
	bool read_only;
	unsigned clients; /* connections at once; 0: 1, and end with it */
	bool direct;      /* go past the page cache: file_takes_direct */
};

struct nbd_server;
struct nbdc;

/*
 * Start qemu-nbd and be its first client. A file that another process has
 * open is waited for up to 15 s: the qemu-nbd of a worker that was killed a
 * moment ago. ERR_TOOL_MISSING, ERR_NBD with qemu-nbd's words, ERR_NO_SPACE,
 * ERR_STOPPED. Must be called by a thread that lives as long as the server.
 */
int nbd_server_start(const struct nbd_serve *s, struct nbd_server **out,
	struct nbdc **first, struct err *e);
/* Its socket; borrowed. */
const char *nbd_server_socket(const struct nbd_server *s);
/* Wait for its end (asking for it where it serves many). ERR_NBD where it
 * ended badly. Null allowed. */
int nbd_server_end(struct nbd_server *s, struct err *e);

/* Connect to the default export. ERR_NBD. */
int nbdc_unix(const char *socket, struct nbdc **out, struct err *e);
/* nbd+unix:///EXPORT?socket=PATH and nothing else. */
int nbdc_uri(const char *uri, struct nbdc **out, struct err *e);
/* Start a server and be its one client; both end with nbdc_close. */
int nbdc_serve(const struct nbd_serve *s, struct nbdc **out, struct err *e);
int nbdc_close(struct nbdc *c, struct err *e); /* null allowed */

uint64_t nbdc_size(const struct nbdc *c);
bool nbdc_read_only(const struct nbdc *c);
/* Exactly len bytes, at once. ERR_NBD. */
int nbdc_pread(
	struct nbdc *c, void *buf, size_t len, uint64_t off, struct err *e);
/* The connection as a target; c is closed by the disk_out from now on.
 * ERR_PERMISSION where it is read-only and o is not. */
int nbdc_sink(struct nbdc *c, const struct sink_opts *o, struct disk_out *out,
	struct err *e);

/* A file or block device as a target, served by a qemu-nbd of our own.
 * ERR_NOT_FOUND where it is not there. */
int nbd_open_file(const char *path, const char *format,
	const struct sink_opts *o, struct disk_out *out, struct err *e);

#endif
