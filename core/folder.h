/*
 * Datastore access of an ESXi host over HTTPS: GET /folder with ranges (the
 * host's own file server; esxi-https.md 2). One struct folder is one login,
 * shared by connections of several threads. Keeps true: a password is sent
 * only to a host whose certificate is pinned, and never again once it was
 * refused; after the first login the session cookie stands in for it.
 */
#ifndef CORE_FOLDER_H
#define CORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "extent.h"

struct folder_at {
	const char *host;
	unsigned port; /* 0: 443 */
	const char *user;
	const char *password; /* borrowed until folder_close; or null */
	const char *accept;   /* see trust_check(); may be null */
	/* TLS 1.0 and SHA-1 are good enough: ESXi 5.x has nothing else. */
	bool old_tls;
};

struct folder;
/* Connects to nothing yet. */
struct folder *folder_new(const struct folder_at *at);
void folder_free(struct folder *f); /* after its connections; null allowed */
bool folder_old_tls(const struct folder *f);

/* "/folder/DIR/x.vmdk?dcPath=ha-datacenter&dsName=DS" of a path inside a
 * datastore; to be freed. */
char *folder_url(const char *datastore, const char *path);
/* The same URL with another file in the same directory; to be freed. */
char *folder_sibling(const char *url, const char *file);

struct folder_conn; /* one connection, for one thread */
/* ERR_INTERNAL */
int folder_connect(struct folder *f, struct folder_conn **out, struct err *e);
void folder_disconnect(struct folder_conn *c); /* null allowed */

struct folder_part {
	const char *url;
	uint64_t from, len; /* bytes; len is not 0 */
	uint64_t size;      /* the whole file's; 0: any */
	int (*got)(void *arg, const void *p, size_t n, struct err *e);
	void *arg;
};
/*
 * Hand on exactly these bytes. ERR_HTTPS_CONNECT (no connection, or it
 * broke), ERR_ESXI_BUSY (503: too many requests), ERR_HTTPS_AUTH,
 * ERR_ESXI_CERT_NEW, ERR_ESXI_CERT_CHANGED, ERR_SOURCE_LOCKED (500: what the
 * host says of a file that is open), ERR_DISK_MISSING, ERR_SOURCE_READ (an
 * answer that is not the range asked for), ERR_SOURCE_CHANGED (another
 * size), ERR_TIMEOUT, ERR_STOPPED, or what got returned.
 */
int folder_read(
	struct folder_conn *c, const struct folder_part *p, struct err *e);
/* The same for a list of extents of a file of this size; those that follow
 * one another are asked for as one, up to 64 MiB. */
int folder_list(struct folder_conn *c, const char *url, uint64_t size,
	const struct extent *x, size_t n,
	int (*got)(void *arg, const void *p, size_t n, struct err *e),
	void *arg, struct err *e);
/* Size of a file; *modified (may be null), to be freed, is its Last-Modified
 * where the host tells. */
int folder_size(struct folder_conn *c, const char *url, uint64_t *size,
	char **modified, struct err *e);
/* A text file of at most max bytes, NUL-terminated, to be freed. */
int folder_text(struct folder_conn *c, const char *url, size_t max, char **text,
	size_t *len, struct err *e);

#endif
