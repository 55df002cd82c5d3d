/* Files of a datastore over HTTPS: see folder.h. */
#include "folder.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "i18n.h"
#include "str.h"
#include "trust.h"

#define REQUEST_MAX (64ULL << 20) /* bytes */
#define CONNECT_TIMEOUT 10.0      /* s: a firewall that drops is found out */

struct folder {
	struct folder_at at;
	char *host, *user, *accept; /* what at points to */
	pthread_mutex_t lock;       /* of all below */
	char *cookie;               /* "NAME=VALUE", or null */
	bool no_cookie;             /* the host gives none */
	bool refused;               /* the password was */
};

struct folder_conn {
	struct folder *f;
	struct http *http;
};

/* --- names --- */

/* Every byte but letters, digits and "-_.~" (and '/' where it parts names)
 * as %XX. */
static void add_encoded(struct buf *b, const char *s, bool slashes)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_.~";

	for (; *s; s++) {
		if (strchr(plain, *s) || (slashes && *s == '/'))
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", (unsigned char)*s);
	}
}

char *folder_url(const char *datastore, const char *path)
{
	_buf_ struct buf b = {0};

	buf_adds(&b, "/folder/");
	add_encoded(&b, path + strspn(path, "/"), true);
	buf_adds(&b, "?dcPath=ha-datacenter&dsName=");
	add_encoded(&b, datastore, false);
	return buf_steal(&b);
}

char *folder_sibling(const char *url, const char *file)
{
	size_t head = strcspn(url, "?");
	_buf_ struct buf b = {0};
	const char *query = url + head;

	while (head && url[head - 1] != '/')
		head--;
	buf_add(&b, url, head);
	add_encoded(&b, file, false);
	buf_adds(&b, query);
	return buf_steal(&b);
}

/* --- the host --- */

struct folder *folder_new(const struct folder_at *at)
{
	struct folder *f = xcalloc(1, sizeof(*f));

	f->at = *at;
	f->at.port = at->port ? at->port : 443;
	f->at.host = f->host = xstrdup(at->host);
	f->at.user = f->user = xstrdup(at->user);
	f->at.accept = f->accept = xstrdup(at->accept);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void folder_free(struct folder *f)
{
	if (!f)
		return;
	str_wipe(&f->cookie);
	pthread_mutex_destroy(&f->lock);
	free(f->host);
	free(f->user);
	free(f->accept);
	free(f);
}

bool folder_old_tls(const struct folder *f)
{
	return f->at.old_tls;
}

static int check_cert(void *arg, const char *fingerprint, struct err *e)
{
	const struct folder *f = arg;
	struct err why = {0};

	if (trust_check(TRUST_TLS, f->at.host, f->at.port, NULL, fingerprint,
		    f->at.accept, &why) == 0)
		return 0;
	if (why.code == ERR_PVE_CERT_NEW)
		why.code = ERR_ESXI_CERT_NEW;
	if (why.code == ERR_PVE_CERT_CHANGED)
		why.code = ERR_ESXI_CERT_CHANGED;
	if (e)
		*e = why;
	return -1;
}

int folder_connect(struct folder *f, struct folder_conn **out, struct err *e)
{
	const struct http_opts o = {
		.host = f->at.host,
		.port = f->at.port,
		.trust = check_cert,
		.trust_arg = f,
		.lost = ERR_HTTPS_CONNECT,
		.connect_timeout = CONNECT_TIMEOUT,
		.old_tls = f->at.old_tls,
	};
	struct http *http;

	if (http_open(&o, &http, e))
		return -1;
	*out = xcalloc(1, sizeof(**out));
	**out = (struct folder_conn){f, http};
	return 0;
}

void folder_disconnect(struct folder_conn *c)
{
	if (!c)
		return;
	http_close(c->http);
	free(c);
}

/* --- requests --- */

static int judge(const struct folder *f, const char *url,
	const struct http_part_answer *a, struct err *e)
{
	const char *words = a->words ? a->words : "";

	switch (a->status) {
	case 206:
		return 0;
	case 200:
		return err_set(e, ERR_SOURCE_READ,
			"%s answers a range with the whole file", f->host);
	case 401:
		return err_set(e, ERR_HTTPS_AUTH,
			"%s refused the password of %s", f->host, f->user);
	case 403:
		return err_set(e, ERR_HTTPS_AUTH,
			"%s may not read datastores: %s", f->user, words);
	case 404:
		return err_set(e, ERR_DISK_MISSING, "%s is not there", url);
	case 416:
		return err_set(e, ERR_SOURCE_READ,
			"%s: the file ends before that", f->host);
	case 429:
	case 503:
		return err_set(e, ERR_ESXI_BUSY, "%s answers %u: %s", f->host,
			a->status, words);
	case 500:
		return err_set(e, ERR_SOURCE_LOCKED,
			"%s answers 500, as for a file in use: %s", f->host,
			words);
	default:
		return err_set(e, ERR_SOURCE_READ, "%s answers %u: %s", f->host,
			a->status, words);
	}
}

/* The line that says who asks: to be wiped. */
static char *basic(const struct folder *f)
{
	_wipe_ char *plain = xasprintf("%s:%s", f->at.user, f->at.password);
	_wipe_ char *code = base64_encode(plain, strlen(plain));

	return xasprintf("Authorization: Basic %s", code);
}

static int ask(struct folder_conn *c, const struct folder_part *p,
	const char *who, struct http_part_answer *a, struct err *e)
{
	const char *const headers[] = {who, NULL};
	const struct http_part q = {
		.path = p->url,
		.headers = headers,
		.from = p->from,
		.len = p->len,
		.size = p->size,
		.got = p->got,
		.arg = p->arg,
	};

	return http_part(c->http, &q, a, e);
}

static int nothing(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg, (void)p, (void)n, (void)e;
	return 0;
}

/* The caller of the next three holds the lock. */

static int has_password(const struct folder *f, struct err *e)
{
	if (!f->refused && f->at.password)
		return 0;
	return err_set(e, ERR_HTTPS_AUTH,
		f->refused ? "%s refused the password of %s before"
			   : N_("%s wants a password of %s: none is given"),
		f->host, f->user);
}

/* By password, with one byte of the file, so that several connections make
 * one session. */
static int log_in(struct folder_conn *c, const char *url, struct err *e)
{
	const struct folder_part one = {.url = url, .len = 1, .got = nothing};
	_http_part_ struct http_part_answer a = {0};
	struct folder *f = c->f;
	_wipe_ char *who = NULL;

	if (has_password(f, e))
		return -1;
	who = basic(f);
	if (ask(c, &one, who, &a, e))
		return -1;
	if (a.status == 401)
		f->refused = true;
	if (judge(f, url, &a, e))
		return -1;
	f->cookie = a.cookie;
	a.cookie = NULL;
	f->no_cookie = !f->cookie;
	return 0;
}

static int find_who(
	struct folder_conn *c, const char *url, char **who, struct err *e)
{
	struct folder *f = c->f;

	if (!f->cookie &&
		(f->no_cookie ? has_password(f, e) : log_in(c, url, e)))
		return -1;
	*who = f->cookie ? xasprintf("Cookie: %s", f->cookie) : basic(f);
	return 0;
}

/* The header that goes with a request; logs in where that is needed. */
static int who_asks(
	struct folder_conn *c, const char *url, char **who, struct err *e)
{
	int rc;

	pthread_mutex_lock(&c->f->lock);
	rc = find_who(c, url, who, e);
	pthread_mutex_unlock(&c->f->lock);
	return rc;
}

/* `who` was refused. A session has ended: it is forgotten, unless there is a
 * newer. A password is not sent again: hosts count. */
static void forget(struct folder *f, const char *who)
{
	pthread_mutex_lock(&f->lock);
	if (!str_starts(who, "Cookie"))
		f->refused = true;
	else if (f->cookie && strcmp(f->cookie, who + strlen("Cookie: ")) == 0)
		str_wipe(&f->cookie);
	pthread_mutex_unlock(&f->lock);
}

static int request(struct folder_conn *c, const struct folder_part *p,
	struct http_part_answer *a, struct err *e)
{
	for (int again = 0;; again++) {
		_http_part_ struct http_part_answer got = {0};
		_wipe_ char *who = NULL;

		if (who_asks(c, p->url, &who, e) || ask(c, p, who, &got, e))
			return -1;
		if (got.status == 401)
			forget(c->f, who);
		if (got.status == 401 && !again && str_starts(who, "Cookie"))
			continue;
		if (judge(c->f, p->url, &got, e))
			return -1;
		*a = got;
		got = (struct http_part_answer){0};
		return 0;
	}
}

int folder_read(
	struct folder_conn *c, const struct folder_part *p, struct err *e)
{
	_http_part_ struct http_part_answer a = {0};

	return request(c, p, &a, e);
}

int folder_list(struct folder_conn *c, const char *url, uint64_t size,
	const struct extent *x, size_t n,
	int (*got)(void *arg, const void *p, size_t n, struct err *e),
	void *arg, struct err *e)
{
	size_t i = 0;

	while (i < n) {
		struct folder_part p = {.url = url,
			.from = x[i].offset,
			.len = x[i].length,
			.size = size,
			.got = got,
			.arg = arg};

		for (i++; i < n && x[i].offset == p.from + p.len &&
			p.len + x[i].length <= REQUEST_MAX;
			i++)
			p.len += x[i].length;
		if (folder_read(c, &p, e))
			return -1;
	}
	return 0;
}

int folder_size(struct folder_conn *c, const char *url, uint64_t *size,
	char **modified, struct err *e)
{
	const struct folder_part one = {.url = url, .len = 1, .got = nothing};
	_http_part_ struct http_part_answer a = {0};

	if (request(c, &one, &a, e))
		return -1;
	if (!a.size)
		return err_set(e, ERR_SOURCE_READ,
			"%s does not say how long %s is", c->f->host, url);
	*size = a.size;
	if (modified) {
		*modified = a.modified;
		a.modified = NULL;
	}
	return 0;
}

static int keep(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(arg, p, n);
	return 0;
}

int folder_text(struct folder_conn *c, const char *url, size_t max, char **text,
	size_t *len, struct err *e)
{
	_buf_ struct buf b = {0};
	struct folder_part p = {.url = url, .got = keep, .arg = &b};

	if (folder_size(c, url, &p.size, NULL, e))
		return -1;
	if (p.size > max)
		return err_set(e, ERR_BAD_INPUT, "%s has more than %zu bytes",
			url, max);
	p.len = p.size;
	if (folder_read(c, &p, e))
		return -1;
	*len = b.len;
	*text = buf_steal(&b);
	return 0;
}
