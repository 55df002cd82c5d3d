/* HTTPS to one host: see http.h. Parts of files stand in http_part.c. */
#include "http_int.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <strings.h>

#include "stop.h"

#define MAX_ANSWER (16u << 20)
#define MAX_HEADER 8192
/* A write under way when a stop is asked for: so long it may still take. */
#define STOP_GRACE 10.0
/* pveproxy drops an idle connection after 5 s. */
#define IDLE_MAX 4L

/* One request under way. */
struct call {
	struct http *h;
	struct buf body, reason, type;
	size_t max;
	uint64_t retry_after;
	bool too_large, write;
	double stop_seen;
};

/* --- memory --- */

static void *plain_alloc(size_t n)
{
	return xmalloc(n);
}

static void *plain_calloc(size_t n, size_t size)
{
	return xcalloc(n, size);
}

static void *ssl_alloc(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return n ? xmalloc(n) : NULL;
}

static void *ssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return wipe_realloc(p, n);
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	wipe_free(p);
}

void http_wipe_freed(void)
{
	/* Refused where OpenSSL is in use already: then as it was. */
	CRYPTO_set_mem_functions(ssl_alloc, ssl_realloc, ssl_free);
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, plain_alloc, wipe_free,
		wipe_realloc, xstrdup, plain_calloc);
}

/* "AA:BB:...", to be freed; null where it cannot be had. */
static char *fingerprint(const X509 *x)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	_buf_ struct buf hex = {0};

	if (!x || !X509_digest(x, EVP_sha256(), md, &n))
		return NULL;
	for (unsigned i = 0; i < n; i++)
		buf_addf(&hex, i ? ":%02X" : "%02X", md[i]);
	return buf_steal(&hex);
}

char *http_fingerprint(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	char *fp = fingerprint(x);

	X509_free(x);
	BIO_free(b);
	return fp;
}

static int ask_trust(X509_STORE_CTX *ctx, void *arg)
{
	struct http *h = arg;
	_free_ char *fp = fingerprint(X509_STORE_CTX_get0_cert(ctx));

	err_clear(&h->trust_err);
	if (!fp) {
		err_set(&h->trust_err, h->o.lost, "no certificate shown");
		return 0;
	}
	if (h->o.trust(h->o.trust_arg, fp, &h->trust_err) < 0) {
		X509_STORE_CTX_set_error(
			ctx, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	err_clear(&h->trust_err);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static CURLcode on_ssl_ctx(CURL *curl, void *ctx, void *h)
{
	(void)curl;
	SSL_CTX_set_cert_verify_callback(ctx, ask_trust, h);
	return CURLE_OK;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;

	if (size * n > c->max - c->body.len) {
		c->too_large = true;
		return 0;
	}
	buf_add(&c->body, p, size * n);
	return size * n;
}

/* Each status line starts a new answer (after "100 Continue"). */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	size_t len = size * n;
	_wipe_ char *line = xstrndup(p, len < MAX_HEADER ? len : MAX_HEADER);
	char *text = str_trim(line);

	if (str_starts(text, "HTTP/")) {
		/* "HTTP/1.1 500 storage 'x' does not exist" */
		text = strchr(text, ' ');
		text = text ? strchr(text + 1, ' ') : NULL;
		buf_clear(&c->reason);
		buf_clear(&c->type);
		c->retry_after = 0;
		buf_adds(&c->reason, text ? text + 1 : "");
	} else if (strncasecmp(text, "Content-Type:", 13) == 0) {
		buf_clear(&c->type);
		buf_adds(&c->type, str_trim(text + 13));
	} else if (strncasecmp(text, "Retry-After:", 12) == 0) {
		/* Its other form, a date, is passed over. */
		str_u64(str_trim(text + 12), 86400, &c->retry_after);
	}
	return len;
}

/* Non-zero ends the request. */
static int on_progress(
	void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t u)
{
	struct call *c = arg;

	(void)a, (void)b, (void)d, (void)u;
	if (!stop_asked)
		return 0;
	if (!c->stop_seen)
		c->stop_seen = now_mono();
	return !c->write || now_mono() - c->stop_seen > STOP_GRACE;
}

static void set_lasting_options(struct http *h)
{
	CURL *c = h->curl;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "vmferry/" VERSION);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, IDLE_MAX);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(1000 *
			(h->o.connect_timeout > 0 ? h->o.connect_timeout
						  : 15)));
	/* A resumed TLS session shows no certificate to ask about. */
	curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	if (!h->o.old_tls)
		return;
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_0);
	curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
}

static int set_trust(struct http *h, struct err *e)
{
	CURL *c = h->curl;

	if (!h->o.trust) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
		return 0;
	}
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, h);
	if (curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx))
		return err_set(e, ERR_INTERNAL,
			"this libcurl (%s) cannot check a certificate's "
			"fingerprint: it needs OpenSSL",
			curl_version());
	return 0;
}

int http_open(const struct http_opts *o, struct http **out, struct err *e)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->o = *o;
	h->o.host = h->host = xstrdup(o->host);
	h->curl = curl_easy_init();
	if (!h->curl) {
		http_close(h);
		return err_set(e, ERR_INTERNAL, "libcurl does not start");
	}
	set_lasting_options(h);
	if (set_trust(h, e) < 0) {
		http_close(h);
		return -1;
	}
	*out = h;
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	if (h->curl)
		curl_easy_cleanup(h->curl);
	free(h->host);
	free(h);
}

void http_resp_free(struct http_resp *r)
{
	str_wipe(&r->body);
	free(r->reason);
	free(r->type);
	memset(r, 0, sizeof(*r));
}

void http_wipe_list(struct curl_slist **l)
{
	for (struct curl_slist *i = *l; i; i = i->next)
		explicit_bzero(i->data, strlen(i->data));
	curl_slist_free_all(*l);
	*l = NULL;
}

struct curl_slist *http_headers(const char *const *headers)
{
	/* pveproxy does not answer Expect: 100-continue. */
	struct curl_slist *l = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; headers && headers[i]; i++)
		l = curl_slist_append(l, headers[i]);
	return l;
}

void http_set_url(struct http *h, const char *path)
{
	bool v6 = strchr(h->host, ':');
	_free_ char *url = xasprintf("https://%s%s%s:%u%s", v6 ? "[" : "",
		h->host, v6 ? "]" : "", h->o.port, path);

	curl_easy_setopt(h->curl, CURLOPT_URL, url);
}

static void set_request(struct http *h, const struct http_req *q,
	struct curl_slist *headers, struct call *c)
{
	CURL *u = h->curl;

	http_set_url(h, q->path);
	curl_easy_setopt(u, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(u, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(u, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(u, CURLOPT_LOW_SPEED_TIME, 0L);
	curl_easy_setopt(u, CURLOPT_RANGE, NULL);
	curl_easy_setopt(u, CURLOPT_HTTPGET, 1L);
	if (c->write && strcmp(q->method, "DELETE") != 0) {
		curl_easy_setopt(u, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)q->body_len);
		curl_easy_setopt(u, CURLOPT_POSTFIELDS, q->body ? q->body : "");
	}
	curl_easy_setopt(u, CURLOPT_CUSTOMREQUEST, c->write ? q->method : NULL);
	curl_easy_setopt(u, CURLOPT_HTTPHEADER, headers);
	/* On a kept connection that turns out dead libcurl sends again by
	 * itself, whatever the method. */
	curl_easy_setopt(u, CURLOPT_FRESH_CONNECT, (long)c->write);
	curl_easy_setopt(u, CURLOPT_TIMEOUT_MS,
		(long)(1000 * (q->timeout > 0 ? q->timeout : 60)));
	curl_easy_setopt(u, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(u, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(u, CURLOPT_XFERINFODATA, c);
}

int http_failed(struct http *h, int rc, bool sent, struct err *e)
{
	const char *text = h->error[0] ? h->error : curl_easy_strerror(rc);

	if (h->trust_err.code) {
		if (e)
			*e = h->trust_err;
		return -1;
	}
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return err_set(
			e, ERR_STOPPED, "stopped while %s was asked", h->host);
	if (rc == CURLE_OPERATION_TIMEDOUT && sent)
		return err_set(
			e, ERR_TIMEOUT, "no answer from %s: %s", h->host, text);
	return err_set(e, h->o.lost, "%s:%u: %s", h->host, h->o.port, text);
}

int http_do(struct http *h, const struct http_req *q, struct http_resp *r,
	struct err *e)
{
	struct curl_slist *headers __attribute__((cleanup(http_wipe_list))) =
		http_headers(q->headers);
	struct call c = {.h = h,
		.max = q->max ? q->max : MAX_ANSWER,
		.write = strcmp(q->method, "GET") != 0};
	long status = 0, sent = 0;
	CURLcode rc;

	err_clear(&h->trust_err);
	h->error[0] = '\0';
	set_request(h, q, headers, &c);
	rc = curl_easy_perform(h->curl);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_getinfo(h->curl, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	r->sent = sent > 0;
	if (rc == CURLE_OK) {
		r->status = status;
		r->len = c.body.len;
		r->body = buf_steal(&c.body);
		r->reason = buf_steal(&c.reason);
		r->type = buf_steal(&c.type);
		r->retry_after = c.retry_after;
	}
	buf_free(&c.body);
	buf_free(&c.reason);
	buf_free(&c.type);
	if (c.too_large)
		return err_set(e, ERR_BAD_INPUT,
			"the answer of %s is larger than %zu bytes", h->host,
			c.max);
	return rc == CURLE_OK ? 0 : http_failed(h, rc, sent > 0, e);
}
