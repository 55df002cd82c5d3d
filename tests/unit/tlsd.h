/*
 * A small HTTPS server for tests: threads of the test's own, a certificate
 * made on the spot, answers given byte for byte by the test.
 */
#ifndef TESTS_UNIT_TLSD_H
#define TESTS_UNIT_TLSD_H

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "str.h"

enum tlsd_then {
	TLSD_CLOSE, /* send the answer, close */
	TLSD_KEEP,  /* send the answer, read the next request */
	TLSD_DROP,  /* close without an answer */
	TLSD_HANG,  /* send the answer, then nothing until the end */
};

struct tlsd {
	/* Called for each whole request (head and body), under the lock. */
	enum tlsd_then (*serve)(void *arg, const char *req, struct buf *out);
	void *arg;
	unsigned port;
	char fingerprint[96];
	atomic_uint connections, requests;
	/* private */
	int fd;
	SSL_CTX *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_uint busy;
	atomic_bool over;
};

struct tlsd_conn {
	struct tlsd *d;
	int fd;
};

/* A whole request in b? */
static inline bool tlsd_whole(const struct buf *b)
{
	const char *end = b->s ? strstr(b->s, "\r\n\r\n") : NULL;
	const char *len = b->s ? strcasestr(b->s, "\r\nContent-Length:") : NULL;

	if (!end)
		return false;
	if (!len || len > end)
		return true;
	return b->len >= (size_t)(end + 4 - b->s) + strtoul(len + 17, NULL, 10);
}

static inline bool tlsd_one(struct tlsd *d, SSL *ssl)
{
	_buf_ struct buf in = {0}, out = {0};
	enum tlsd_then then;
	char chunk[4096];

	while (!tlsd_whole(&in)) {
		int n = SSL_read(ssl, chunk, sizeof(chunk));

		if (n <= 0)
			return false;
		buf_add(&in, chunk, n);
	}
	d->requests++;
	pthread_mutex_lock(&d->lock);
	then = d->serve(d->arg, in.s, &out);
	pthread_mutex_unlock(&d->lock);
	if (then != TLSD_DROP && out.len)
		SSL_write(ssl, out.s, out.len);
	if (then == TLSD_HANG)
		/* Until the client goes away or the test is over. */
		while (!d->over && SSL_read(ssl, chunk, sizeof(chunk)) > 0)
			;
	return then == TLSD_KEEP;
}

static inline void *tlsd_serve(void *arg)
{
	struct tlsd_conn *c = arg;
	SSL *ssl = SSL_new(c->d->ctx);

	SSL_set_fd(ssl, c->fd);
	if (SSL_accept(ssl) == 1) {
		while (tlsd_one(c->d, ssl))
			;
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(c->fd);
	c->d->busy--;
	free(c);
	return NULL;
}

static inline void *tlsd_loop(void *arg)
{
	struct tlsd *d = arg;

	for (;;) {
		struct tlsd_conn *c;
		pthread_t t;
		int fd = accept(d->fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		d->connections++;
		d->busy++;
		c = xcalloc(1, sizeof(*c));
		*c = (struct tlsd_conn){d, fd};
		if (pthread_create(&t, NULL, tlsd_serve, c) != 0)
			abort();
		pthread_detach(t);
	}
}

static inline void tlsd_certificate(struct tlsd *d)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n;

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)"tlsd", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	if (!X509_sign(x, key, EVP_sha256()) ||
		!X509_digest(x, EVP_sha256(), md, &n) ||
		SSL_CTX_use_certificate(d->ctx, x) != 1 ||
		SSL_CTX_use_PrivateKey(d->ctx, key) != 1)
		abort();
	d->fingerprint[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		snprintf(d->fingerprint + strlen(d->fingerprint), 4,
			i ? ":%02X" : "%02X", md[i]);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* serve and arg are set by the caller; port and fingerprint are filled. */
static inline void tlsd_start(struct tlsd *d)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	signal(SIGPIPE, SIG_IGN);
	d->ctx = SSL_CTX_new(TLS_server_method());
	tlsd_certificate(d);
	pthread_mutex_init(&d->lock, NULL);
	d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(d->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(d->fd, 64) < 0 ||
		getsockname(d->fd, (struct sockaddr *)&a, &len) < 0)
		abort();
	d->port = ntohs(a.sin_port);
	if (pthread_create(&d->thread, NULL, tlsd_loop, d) != 0)
		abort();
}

/* All clients have closed their connections before. */
static inline void tlsd_end(struct tlsd *d)
{
	d->over = true;
	shutdown(d->fd, SHUT_RDWR);
	pthread_join(d->thread, NULL);
	close(d->fd);
	while (d->busy)
		usleep(1000);
	SSL_CTX_free(d->ctx);
	pthread_mutex_destroy(&d->lock);
}

#endif
