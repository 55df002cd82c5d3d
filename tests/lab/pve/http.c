/*
 * http.c - HTTP/1.1 over TLS as pveproxy speaks it.
 *
 * Written by hand because Proxmox puts its error texts into the reason
 * phrase, and no HTTP library lets a program choose it.  One thread a
 * connection; headers in the order of the captures.
 */
#include "pve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cert.h"

#define HEAD_MAX 8192 /* bytes of a request's head; beyond: closed */
#define IDLE_S 5      /* keep-alive, as the captures show */

struct conn {
	int fd;
	SSL *ssl; /* NULL: plain HTTP, which is only redirected */
	bool loopback;
	char buf[HEAD_MAX + 1];
	size_t have;
};

static int listener = -1;

static ssize_t conn_read(struct conn *c, void *p, size_t n)
{
	if (!c->ssl)
		return recv(c->fd, p, n, 0);
	return SSL_read(c->ssl, p, (int)n);
}

static int conn_write(struct conn *c, const char *p, size_t n)
{
	while (n) {
		ssize_t w = c->ssl ? SSL_write(c->ssl, p, (int)n)
				   : send(c->fd, p, n, MSG_NOSIGNAL);

		if (w <= 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static void http_date(char *out, size_t n)
{
	time_t t = time(NULL);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, n, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static int answer_send(
	struct conn *c, const struct http_resp *r, const char *location)
{
	auto_free char *head = NULL, *len = xstrdup("");
	const char *conn = r->close ? "Connection: close\r\n"
		: r->daemon         ? "Connection: close\r\n"
				      "Connection: Keep-Alive\r\n"
				    : "Connection: Keep-Alive\r\n";
	char date[64];

	http_date(date, sizeof(date));
	if (r->body) {
		free(len);
		len = fmt("Content-Length: %zu\r\n", strlen(r->body));
	}
	head = fmt("HTTP/1.1 %d %s\r\nCache-Control: max-age=0\r\n%s"
		   "Date: %s\r\n%s%s%sPragma: no-cache\r\n"
		   "Server: pve-api-daemon/3.0\r\n%s%sExpires: %s\r\n\r\n%s",
		r->code, r->reason, conn, date, location ? "Location: " : "",
		location ? location : "", location ? "\r\n" : "", len,
		r->json ? "Content-Type: application/json;charset=UTF-8\r\n"
			: "",
		date, r->body ? r->body : "");
	return conn_write(c, head, strlen(head));
}

/* Reads up to the empty line.  Length of the head, 0 end, -1 refuse. */
static ssize_t head_read(struct conn *c)
{
	for (;;) {
		char *end;
		ssize_t n;

		c->buf[c->have] = '\0';
		end = strstr(c->buf, "\r\n\r\n");
		if (end)
			return end - c->buf + 4;
		if (c->have == HEAD_MAX)
			return -1;
		n = conn_read(c, c->buf + c->have, HEAD_MAX - c->have);
		if (n <= 0)
			return 0;
		c->have += (size_t)n;
	}
}

static void header_keep(char **to, const char *v)
{
	free(*to);
	*to = xstrdup(v);
}

static int header_line(char *line, struct http_req *q, long long *len)
{
	char *v = strchr(line, ':');

	if (!v)
		return -1;
	*v++ = '\0';
	v += strspn(v, " \t");
	if (!strcasecmp(line, "Content-Length"))
		return number(v, len) && *len >= 0 ? 0 : -1;
	if (!strcasecmp(line, "Transfer-Encoding"))
		q->chunked = strcasestr(v, "chunked") != NULL;
	else if (!strcasecmp(line, "Cookie"))
		header_keep(&q->cookie, v);
	else if (!strcasecmp(line, "Authorization"))
		header_keep(&q->authz, v);
	else if (!strcasecmp(line, "CSRFPreventionToken"))
		header_keep(&q->csrf, v);
	else if (!strcasecmp(line, "Content-Type"))
		header_keep(&q->ctype, v);
	return 0;
}

static int head_parse(char *head, struct http_req *q, long long *len)
{
	char *save = NULL, *line = strtok_r(head, "\r\n", &save), *p;
	int lines = 0, limit = lab.rel >= 602 ? 64 : 30;

	if (!line || !(p = strchr(line, ' ')))
		return -1;
	*p++ = '\0';
	q->method = xstrdup(line);
	line = p;
	p = strchr(line, ' ');
	if (!p || *line != '/' || !starts(p, " HTTP/1."))
		return -1;
	*p = '\0';
	q->target = xstrdup(line);
	q->path = xstrdup(line);
	p = strchr(q->path, '?');
	if (p) {
		q->query = xstrdup(p + 1);
		*p = '\0';
	}
	url_decode(q->path, false);
	while ((line = strtok_r(NULL, "\r\n", &save)))
		if (++lines > limit || header_line(line, q, len))
			return -1;
	return 0;
}

static int body_read(struct conn *c, struct http_req *q, long long len)
{
	long long max = (lab.rel >= 804 ? 512 : 64) * 1024;
	size_t got;

	q->too_large = len > max;
	if (q->chunked || q->too_large)
		return 0;
	q->body = xalloc((size_t)len + 1);
	q->len = (size_t)len;
	got = c->have < q->len ? c->have : q->len;
	memcpy(q->body, c->buf, got);
	c->have -= got;
	memmove(c->buf, c->buf + got, c->have);
	while (got < q->len) {
		ssize_t n = conn_read(c, q->body + got, q->len - got);

		if (n <= 0)
			return -1;
		got += (size_t)n;
	}
	return 0;
}

static void req_free(struct http_req *q)
{
	char *all[] = {q->method, q->target, q->path, q->query, q->cookie,
		q->authz, q->csrf, q->ctype, q->body};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]);
}

static void answer_bad(struct conn *c)
{
	static const char text[] =
		"HTTP/1.0 400 bad request\r\nCache-Control: max-age=0\r\n"
		"Connection: close\r\nPragma: no-cache\r\n"
		"Server: pve-api-daemon/3.0\r\nContent-Length: 11\r\n\r\n"
		"bad request";

	conn_write(c, text, sizeof(text) - 1);
}

static int redirect(struct conn *c, const struct http_req *q)
{
	auto_free char *to =
		fmt("https://%s:%d%s", lab.address, lab.port, q->target);
	struct http_resp r = {.code = 301,
		.reason = (char *)"Moved Permanently",
		.body = (char *)"Moved Permanently",
		.close = true};

	answer_send(c, &r, to);
	return -1;
}

/* One request; 0: the connection goes on. */
static int serve_one(struct conn *c)
{
	struct http_req q = {.loopback = c->loopback};
	struct http_resp r = {0};
	ssize_t n = head_read(c);
	long long len = 0;
	int rc = -1;

	if (n <= 0)
		return -1;
	auto_free char *head = xalloc((size_t)n + 1);

	memcpy(head, c->buf, (size_t)n);
	c->have -= (size_t)n;
	memmove(c->buf, c->buf + n, c->have);
	if (head_parse(head, &q, &len)) {
		answer_bad(c);
	} else if (!c->ssl) {
		rc = redirect(c, &q);
	} else if (body_read(c, &q, len) == 0) {
		api_answer(&q, &r);
		rc = r.drop || answer_send(c, &r, NULL) || r.close ? -1 : 0;
	}
	free(r.reason);
	free(r.body);
	req_free(&q);
	return rc;
}

/* Waits for the client's end so that a reset does not eat the answer. */
static void linger(struct conn *c)
{
	struct timeval tv = {1, 0};
	char sink[4096];

	shutdown(c->fd, SHUT_WR);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	for (int i = 0; i < 1024 && recv(c->fd, sink, sizeof(sink), 0) > 0; i++)
		;
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	struct timeval tv = {IDLE_S, 0};
	int one = 1;
	unsigned char first;

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (recv(c->fd, &first, 1, MSG_PEEK) != 1)
		goto out;
	if (first == 0x16) { /* a TLS handshake */
		c->ssl = cert_ssl(c->fd);
		if (!c->ssl || SSL_accept(c->ssl) <= 0)
			goto out;
	}
	while (serve_one(c) == 0)
		;
	if (c->ssl)
		SSL_shutdown(c->ssl);
	linger(c);
out:
	SSL_free(c->ssl);
	ERR_clear_error();
	close(c->fd);
	free(c);
	return NULL;
}

static void *listen_loop(void *arg)
{
	(void)arg;
	for (;;) {
		struct sockaddr_in a, me;
		socklen_t n = sizeof(a), m = sizeof(me);
		int fd = accept4(listener, (void *)&a, &n, SOCK_CLOEXEC);
		struct conn *c;
		pthread_t t;

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				sleep_ms(50);
			continue;
		}
		c = xalloc(sizeof(*c));
		c->fd = fd;
		c->loopback = getsockname(fd, (void *)&me, &m) == 0 &&
			(ntohl(a.sin_addr.s_addr) >> 24 == 127 ||
				a.sin_addr.s_addr == me.sin_addr.s_addr);
		if (pthread_create(&t, NULL, serve, c)) {
			close(fd);
			free(c);
		} else {
			pthread_detach(t);
		}
	}
	return NULL;
}

int http_start(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)lab.port)};
	socklen_t n = sizeof(a);
	pthread_t t;
	int one = 1;

	if (inet_pton(AF_INET, lab.address, &a.sin_addr) != 1) {
		fprintf(stderr, "lab-pve: %s is no IPv4 address\n",
			lab.address);
		return -1;
	}
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&a, sizeof(a)) || listen(listener, 64) ||
		getsockname(listener, (void *)&a, &n)) {
		fprintf(stderr, "lab-pve: listen on %s:%d: %s\n", lab.address,
			lab.port, strerror(errno));
		return -1;
	}
	lab.port = ntohs(a.sin_port);
	return pthread_create(&t, NULL, listen_loop, NULL) ? -1 : 0;
}
