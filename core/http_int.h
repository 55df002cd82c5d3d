/*
 * Inside of core/http*.c: the handle, and what both kinds of request need.
 * The one header that includes curl.h.
 */
#ifndef CORE_HTTP_INT_H
#define CORE_HTTP_INT_H

#include <curl/curl.h>

#include "http.h"
#include "str.h"

struct http {
	CURL *curl;
	struct http_opts o;
	char *host;
	char error[CURL_ERROR_SIZE];
	struct err trust_err; /* what trust said, code ERR_NONE: it agreed */
};

/* A list of header lines of ours and the caller's; wiped and freed by
 * http_wipe_list. */
struct curl_slist *http_headers(const char *const *headers);
void http_wipe_list(struct curl_slist **l);
void http_set_url(struct http *h, const char *path);
/* The error of a request that ended with the CURLcode rc. -1. */
int http_failed(struct http *h, int rc, bool sent, struct err *e);

#endif
