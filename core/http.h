/*
 * HTTPS to one host: the one door to libcurl. Requests go one at a time over
 * a kept connection. Keeps true: nothing of a request is on the wire before
 * the certificate was accepted; no proxy from the environment, no redirect
 * followed, no write sent twice; headers and bodies sent are wiped.
 */
#ifndef CORE_HTTP_H
#define CORE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct http_opts {
	const char *host; /* name or address, without brackets */
	unsigned port;
	/*
	 * Is this leaf certificate the host's? fingerprint: SHA-256 of its
	 * DER form, "AA:BB:...:FF". 0, or -1 with the error the request then
	 * ends with. Asked on every new connection, before anything is sent.
	 * Null: the system's CAs and the host's name decide.
	 */
	int (*trust)(void *arg, const char *fingerprint, struct err *e);
	void *trust_arg;
	enum err_code lost;     /* code of a failed connection */
	double connect_timeout; /* seconds; 0: 15 */
	bool old_tls; /* TLS 1.0 and what goes with it are good enough */
};

/* From now on what libcurl and OpenSSL free is zeroed first (secrets_harden):
 * before either is used, and before there are threads. */
void http_wipe_freed(void);

struct http;
/* Connects on the first request. ERR_INTERNAL (libcurl unusable). */
int http_open(const struct http_opts *o, struct http **out, struct err *e);
void http_close(struct http *h); /* null is allowed */

struct http_req {
	const char *method; /* "GET", "POST", "PUT", "DELETE" */
	const char *path;   /* "/a/b?c=d", percent-encoded already */
	/* "Name: value" lines, null-terminated; may be null. */
	const char *const *headers;
	const char *body; /* null: none */
	size_t body_len;
	double timeout; /* seconds for all of it; 0: 60 */
	size_t max;     /* bytes of answer allowed; 0: 16 MiB */
};

struct http_resp {
	unsigned status;
	char *reason; /* the status line's text, never null */
	char *type;   /* Content-Type, never null */
	char *body;   /* NUL-terminated, never null */
	size_t len;
	unsigned retry_after; /* seconds of the header, 0: none */
	/* On failure: the request may have reached the other side. */
	bool sent;
};
#define _http_resp_ __attribute__((cleanup(http_resp_free)))
void http_resp_free(struct http_resp *r);

/*
 * One request. Any status is success here: 0 means an answer was read whole.
 * -1: opts.lost (no connection, or it broke), ERR_TIMEOUT, ERR_STOPPED (a
 * write under way gets 10 s to end), ERR_BAD_INPUT (answer too large), or
 * what trust said. r->sent is set on failure too, the rest is untouched.
 * A method other than GET goes over a connection of its own, so that
 * libcurl never repeats it.
 */
int http_do(struct http *h, const struct http_req *q, struct http_resp *r,
	struct err *e);

/* A part of a file, handed on as it comes. */
struct http_part {
	const char *path;           /* as in http_req */
	const char *const *headers; /* as in http_req */
	uint64_t from, len;         /* bytes; len is not 0 */
	uint64_t size;              /* the whole file's; 0: any */
	/* The next n bytes; p is valid during the call. -1 with the error
	 * ends it. */
	int (*got)(void *arg, const void *p, size_t n, struct err *e);
	void *arg;
	double silence; /* seconds without a byte; 0: 60 */
};

struct http_part_answer {
	unsigned status;
	uint64_t size;  /* of the whole file by Content-Range; 0 not said */
	char *cookie;   /* "NAME=VALUE" of the last Set-Cookie, or null */
	char *modified; /* Last-Modified, or null */
	char *words;    /* the beginning of another answer's body; never null */
};
#define _http_part_ __attribute__((cleanup(http_part_free)))
void http_part_free(struct http_part_answer *a);

/*
 * GET with Range (RFC 9110, 14). 0 where an answer was read whole: by status
 * 206 exactly the bytes asked for were handed on, by any other none. -1:
 * ERR_SOURCE_READ (206 with another Content-Range or more bytes than that),
 * ERR_SOURCE_CHANGED (the file has another size), opts.lost (no connection, it
 * broke, or fewer bytes), ERR_TIMEOUT, ERR_STOPPED, or what trust or got said;
 * a is untouched then.
 */
int http_part(struct http *h, const struct http_part *q,
	struct http_part_answer *a, struct err *e);

/* The fingerprint of a certificate in PEM, as `trust` is given it; to be
 * freed; null where it is none. */
char *http_fingerprint(const char *pem);

#endif
