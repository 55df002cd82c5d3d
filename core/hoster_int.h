/* One account at a hoster, open: shared by hoster.c and hoster_call.c. */
#ifndef CORE_HOSTER_INT_H
#define CORE_HOSTER_INT_H

#include "hoster.h"

struct http;

struct hoster_conn {
	const struct hoster *h;
	struct hoster_opts o;
	struct http *http;
	char *base;   /* "https://eu.api.ovh.com/1.0" */
	char *prefix; /* "/1.0", or "" */
	char *host;
	unsigned port;
	long skew;
	unsigned wait; /* seconds the hoster asked for with its last error */
	char word[64]; /* its word for that error */
};

/* base, prefix, host and port of an endpoint. ERR_PLAN_BAD. */
int hoster_endpoint(struct hoster_conn *c, const char *url, struct err *e);
/* The certificate is that of the settings; for http_opts. */
int hoster_trust(void *conn, const char *fingerprint, struct err *e);

#endif
