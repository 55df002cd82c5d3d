/*
 * Requests to a hoster's API: see hoster.h. Keeps true: what was sent is
 * told without secrets, what carried secrets is wiped, and the answer to a
 * write that got lost is never taken for a "no".
 */
#include "hoster_int.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "guest/addr.h"
#include "http.h"
#include "i18n.h"
#include "stop.h"

#define MAX_HEADERS 12

/* --- the endpoint --- */

static int bad_url(const char *url, struct err *e)
{
	return err_set(e, ERR_PLAN_BAD,
		"hoster.url %s is not https://HOST[:PORT][/PATH]", url);
}

int hoster_endpoint(struct hoster_conn *c, const char *url, struct err *e)
{
	const char *at, *path, *colon;
	uint64_t port = 443;
	size_t n;

	if (!str_starts(url, "https://"))
		return bad_url(url, e);
	at = url + 8;
	n = strcspn(at, "/?#");
	path = at + n;
	colon = memrchr(at, ':', n);
	if (colon) {
		_free_ char *digits = xstrndup(colon + 1, path - colon - 1);

		if (str_u64(digits, 65535, &port) || !port)
			return bad_url(url, e);
		n = colon - at;
	}
	if (!n || memchr(at, '@', n) || strpbrk(path, "?# "))
		return bad_url(url, e);
	c->host = xstrndup(at, n);
	c->port = port;
	c->prefix = xstrdup(path);
	while (str_ends(c->prefix, "/"))
		c->prefix[strlen(c->prefix) - 1] = '\0';
	/* As the request line and Host say it: signatures cover it. */
	if (port == 443)
		c->base = xasprintf("https://%s%s", c->host, c->prefix);
	else
		c->base = xasprintf(
			"https://%s:%u%s", c->host, c->port, c->prefix);
	return 0;
}

int hoster_trust(void *conn, const char *fingerprint, struct err *e)
{
	struct hoster_conn *c = conn;
	const char *want = hoster_setting(c, "fingerprint");

	if (str_eqi(want, fingerprint))
		return 0;
	return err_set(e, ERR_HOSTER_CONNECT,
		"%s shows the certificate %s, not the one of "
		"hoster.fingerprint",
		c->host, fingerprint);
}

/* --- words --- */

const char *hoster_name(const json_t *v)
{
	const char *s = json_string_value(v);

	return s &&
			s[strspn(s,
				"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
				"UVWXYZ"
				"0123456789._:/-")] == '\0'
		? s
		: "";
}

void hoster_quote(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char ch = *s;

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
			(ch >= '0' && ch <= '9') || strchr("-._~", ch))
			buf_addc(b, ch);
		else
			buf_addf(b, "%%%02X", ch);
	}
}

bool hoster_block_has(const char *block, const char *address)
{
	struct addr b, a;

	if (addr_parse(block, &b) || addr_parse(address, &a))
		return false;
	return ((b.ip ^ a.ip) & addr_netmask(b.prefix)) == 0;
}

void hoster_add(json_t *o, const char *key, const char *text)
{
	json_t *list = json_object_get(o, key);

	if (!list) {
		list = json_array();
		json_put(o, key, list);
	}
	json_array_append_new(list, json_text(text));
}

void hoster_single(json_t *out, const char *mode, const char *address,
	const char *gateway, const char *dns1, const char *dns2)
{
	_free_ char *single = xasprintf("%s/32", address);

	json_put_str(out, "mode", mode);
	json_put_str(out, "address", single);
	json_put_str(out, "gateway", gateway);
	json_put_bool(out, "on_link", true);
	json_put_u64(out, "mtu", 1500);
	hoster_add(out, "dns", dns1);
	if (dns2)
		hoster_add(out, "dns", dns2);
}

const char *hoster_setting(const struct hoster_conn *c, const char *key)
{
	return json_str(c->o.settings, key);
}

const char *hoster_secret(const struct hoster_conn *c, const char *name)
{
	return c->o.secrets ? secrets_get(c->o.secrets, name) : NULL;
}

double hoster_poll(const struct hoster_conn *c)
{
	return json_num(c->o.settings, "poll", c->h->poll);
}

void hoster_set_skew(struct hoster_conn *c, long seconds)
{
	c->skew = seconds;
}

long hoster_skew(const struct hoster_conn *c)
{
	return c->skew;
}

const char *hoster_word(const struct hoster_conn *c)
{
	return c->word;
}

int hoster_pause(struct hoster_conn *c, struct err *e)
{
	double s = hoster_poll(c);

	if (c->wait > s)
		s = c->wait;
	c->wait = 0;
	return stop_sleep(s * 1000, e);
}

/* --- one request --- */

/* Header lines as http_do wants them; the text is wiped when freed. */
struct lines {
	struct buf text;
	const char *line[MAX_HEADERS + 1];
};

static void lines_free(struct lines *l)
{
	buf_free(&l->text);
}

static int make_lines(struct hoster_conn *c, const struct hoster_req *q,
	struct lines *l, struct err *e)
{
	_free_ char *url = xasprintf("%s%s", c->base, q->path);
	char *p, *line;
	size_t n = 0;

	buf_adds(&l->text, "Accept: application/json\n");
	if (q->body)
		buf_addf(&l->text, "Content-Type: %s\n", q->type);
	if (c->h->headers(
		    c, q->method, url, q->body ? q->body : "", &l->text, e))
		return -1;
	p = l->text.s;
	while (n < MAX_HEADERS && (line = str_line(&p)))
		if (*line)
			l->line[n++] = line;
	return 0;
}

static void tell(struct hoster_conn *c, const struct hoster_req *q, bool send)
{
	_free_ char *line = xasprintf("%s%s %s%s%s%s",
		send ? "" : "not sent: ", q->method, c->base, q->path,
		q->body && *q->body ? " " : "", q->body ? q->body : "");

	if (!c->o.say)
		return;
	if (c->o.secrets)
		secrets_redact(c->o.secrets, line);
	c->o.say(c->o.arg, line);
}

static enum err_code code_of(struct hoster_conn *c, unsigned status, bool write,
	const char *word, const char *text)
{
	for (const struct hoster_word *w = c->h->words; w && w->word; w++)
		if (strcmp(w->word, word) == 0 || strstr(text, w->word))
			return w->code;
	switch (status) {
	case 401:
		return ERR_HOSTER_AUTH;
	case 403:
		return ERR_HOSTER_RIGHTS;
	case 404:
		return ERR_HOSTER_NOT_FOUND;
	case 409:
		return ERR_HOSTER_BUSY;
	case 429:
		return ERR_HOSTER_RATE;
	case 502:
	case 504:
		/* A gateway that waited in vain: the request got somewhere. */
		return write ? ERR_HOSTER_UNSURE : ERR_HOSTER_DOWN;
	default:
		return status >= 500 ? ERR_HOSTER_DOWN : ERR_HOSTER_REFUSED;
	}
}

static int refused(struct hoster_conn *c, const struct hoster_req *q,
	const struct http_resp *r, const json_t *body, struct err *e)
{
	const char *word = "", *text = "";
	bool write = strcmp(q->method, "GET") != 0;
	char wait[48] = "";
	enum err_code code;

	c->h->words_of(body, &word, &text);
	snprintf(c->word, sizeof(c->word), "%s", word);
	code = code_of(c, r->status, write, word, text);
	/* Hetzner says in its body how long its limit's interval is. */
	c->wait = r->retry_after
		? r->retry_after
		: json_u64(json_object_get(body, "error"), "interval", 0);
	if (code == ERR_HOSTER_RATE && c->wait)
		snprintf(wait, sizeof(wait), N_("try again in %u s"), c->wait);
	return err_set(e, code, "%s %s: HTTP %u %s%s%s%s%s", q->method, q->path,
		r->status, word, *word && *text ? ": " : "",
		*text           ? text
			: *word ? ""
				: r->reason,
		*wait ? "; " : "", wait);
}

/* Any JSON value, also one that is no list or object; nothing is null. */
static int parse(const struct http_resp *r, json_t **out, struct err *e)
{
	_free_ char *list = xasprintf("[%s]", r->body);
	_json_ json_t *j = NULL;
	json_t *first;

	if (json_parse(list, strlen(list), &j, e))
		return -1;
	first = json_array_get(j, 0);
	*out = first ? json_incref(first) : json_null();
	return 0;
}

static int lost(const struct hoster_req *q, bool sent, struct err *e)
{
	bool write = strcmp(q->method, "GET") != 0;
	struct err was = *e;

	if (!write || !sent || was.code == ERR_STOPPED)
		return -1;
	return err_set(e, ERR_HOSTER_UNSURE, "%s %s: no answer: %s", q->method,
		q->path, was.why);
}

int hoster_call(struct hoster_conn *c, const struct hoster_req *q, json_t **out,
	struct err *e)
{
	struct lines l __attribute__((cleanup(lines_free))) = {0};
	_free_ char *path = xasprintf("%s%s", c->prefix, q->path);
	struct http_req hq = {.method = q->method,
		.path = path,
		.headers = l.line,
		.body = q->body,
		.body_len = q->body ? strlen(q->body) : 0,
		.timeout = q->timeout};
	bool send = !c->o.dry || strcmp(q->method, "GET") == 0;
	_http_resp_ struct http_resp r = {0};
	_json_ json_t *body = NULL;
	struct err own = {0};

	c->word[0] = '\0';
	c->wait = 0;
	tell(c, q, send);
	if (!send)
		return 0;
	if (make_lines(c, q, &l, e))
		return -1;
	if (http_do(c->http, &hq, &r, &own)) {
		lost(q, r.sent, &own);
		if (e)
			*e = own;
		return -1;
	}
	if (parse(&r, &body, NULL) && r.status < 300)
		return err_set(e, ERR_HOSTER_REFUSED,
			"%s %s: the answer is not JSON", q->method, q->path);
	if (r.status >= 300)
		return refused(c, q, &r, body, e);
	if (out)
		*out = json_incref(body);
	return 0;
}

int hoster_get(struct hoster_conn *c, json_t **out, struct err *e,
	const char *fmt, ...)
{
	struct hoster_req q = {.method = "GET"};
	char *path = NULL;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	if (vasprintf(&path, fmt, ap) < 0)
		abort();
	va_end(ap);
	q.path = path;
	rc = hoster_call(c, &q, out, e);
	free(path);
	return rc;
}
