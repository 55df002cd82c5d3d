/*
 * Parts of files over HTTPS: see http_part() in http.h. Keeps true: not a
 * byte is handed on before status and Content-Range were seen to be right.
 */
#include "http_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stop.h"

#define SILENCE 60.0
#define BUFFER (512L << 10)
#define WORDS_MAX 200
#define HEADER_MAX 8192

struct part {
	const struct http_part *q;
	unsigned status;
	bool ranged; /* Content-Range is what was asked for */
	uint64_t done;
	struct http_part_answer a;
	struct buf words;
	struct err err; /* why our own function ended it */
};

void http_part_free(struct http_part_answer *a)
{
	str_wipe(&a->cookie);
	free(a->modified);
	free(a->words);
	*a = (struct http_part_answer){0};
}

/* "bytes 0-511/1048576"; the size may be "*". */
static void take_range(struct part *p, const char *value)
{
	_free_ char *text = xstrdup(value);
	char *dash = strchr(text, '-'), *slash = strchr(text, '/');
	uint64_t from, to, size = 0;

	p->ranged = false;
	if (!str_starts(text, "bytes ") || !dash || !slash || slash < dash)
		return;
	*dash = *slash = '\0';
	if (str_u64(text + 6, INT64_MAX, &from) ||
		str_u64(dash + 1, INT64_MAX, &to) ||
		(strcmp(slash + 1, "*") &&
			(str_u64(slash + 1, INT64_MAX, &size) || to >= size)))
		return;
	p->a.size = size;
	p->ranged = from == p->q->from && to - from + 1 == p->q->len;
}

static void take_cookie(struct part *p, const char *value)
{
	str_wipe(&p->a.cookie);
	p->a.cookie = xstrndup(value, strcspn(value, "; "));
}

/* A status line begins a new answer. */
static void take_status(struct part *p, char *line)
{
	char *code = strchr(line, ' ');
	uint64_t v = 0;

	if (code)
		code[strcspn(code + 1, " ") + 1] = '\0';
	if (!code || str_u64(code + 1, 999, &v))
		v = 0;
	p->status = v;
	p->ranged = false;
	p->a.size = 0;
	str_set(&p->a.modified, NULL);
}

static size_t on_header(char *s, size_t size, size_t n, void *arg)
{
	struct part *p = arg;
	size_t len = size * n;
	_wipe_ char *line = xstrndup(s, len < HEADER_MAX ? len : HEADER_MAX);
	char *text = str_trim(line);

	if (str_starts(text, "HTTP/"))
		take_status(p, text);
	else if (strncasecmp(text, "Content-Range:", 14) == 0)
		take_range(p, str_trim(text + 14));
	else if (strncasecmp(text, "Last-Modified:", 14) == 0)
		str_set(&p->a.modified, str_trim(text + 14));
	else if (strncasecmp(text, "Set-Cookie:", 11) == 0)
		take_cookie(p, str_trim(text + 11));
	return len;
}

static size_t refuse(struct part *p, const char *why)
{
	err_set(&p->err, ERR_SOURCE_READ,
		"asked for %llu bytes from %llu on, %s",
		(unsigned long long)p->q->len, (unsigned long long)p->q->from,
		why);
	return 0;
}

static size_t on_body(char *s, size_t size, size_t n, void *arg)
{
	struct part *p = arg;
	size_t len = size * n;

	if (p->status != 206) {
		size_t room = WORDS_MAX - p->words.len;

		buf_add(&p->words, s, len < room ? len : room);
		/* A whole disk would come: nobody waits for its end. */
		return p->status == 200 ? 0 : len;
	}
	if (!p->ranged)
		return refuse(p, "the host answers with another Content-Range");
	if (p->q->size && p->a.size && p->a.size != p->q->size) {
		err_set(&p->err, ERR_SOURCE_CHANGED,
			"the file had %llu bytes, now it has %llu",
			(unsigned long long)p->q->size,
			(unsigned long long)p->a.size);
		return 0;
	}
	if (len > p->q->len - p->done)
		return refuse(p, "the host gives more");
	if (p->q->got(p->q->arg, s, len, &p->err))
		return 0;
	p->done += len;
	return len;
}

static int on_progress(
	void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t u)
{
	(void)arg, (void)a, (void)b, (void)d, (void)u;
	return stop_asked != 0;
}

static void set_request(struct http *h, const struct http_part *q,
	struct curl_slist *headers, struct part *p)
{
	CURL *u = h->curl;
	double silence = q->silence > 0 ? q->silence : SILENCE;
	char range[48];

	snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, q->from,
		q->from + q->len - 1);
	http_set_url(h, q->path);
	curl_easy_setopt(u, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(u, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(u, CURLOPT_RANGE, range);
	curl_easy_setopt(u, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(u, CURLOPT_FRESH_CONNECT, 0L);
	curl_easy_setopt(u, CURLOPT_TIMEOUT_MS, 0L);
	curl_easy_setopt(u, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(
		u, CURLOPT_LOW_SPEED_TIME, silence < 1 ? 1L : (long)silence);
	curl_easy_setopt(u, CURLOPT_BUFFERSIZE, BUFFER);
	curl_easy_setopt(u, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(u, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(u, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(u, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(u, CURLOPT_HEADERDATA, p);
	curl_easy_setopt(u, CURLOPT_XFERINFODATA, p);
}

/* What became of it. */
static int judge(struct http *h, struct part *p, CURLcode rc, struct err *e)
{
	if (p->err.code) {
		if (e)
			*e = p->err;
		return -1;
	}
	if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && p->status == 200))
		return http_failed(h, rc, true, e);
	if (p->status != 206 || p->done == p->q->len)
		return 0;
	return err_set(e, p->ranged ? h->o.lost : ERR_SOURCE_READ,
		"asked for %llu bytes from %llu on, %s gave %llu",
		(unsigned long long)p->q->len, (unsigned long long)p->q->from,
		h->host, (unsigned long long)p->done);
}

int http_part(struct http *h, const struct http_part *q,
	struct http_part_answer *a, struct err *e)
{
	struct curl_slist *headers __attribute__((cleanup(http_wipe_list))) =
		http_headers(q->headers);
	struct part p = {.q = q};
	CURLcode rc;

	err_clear(&h->trust_err);
	h->error[0] = '\0';
	set_request(h, q, headers, &p);
	rc = curl_easy_perform(h->curl);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(h->curl, CURLOPT_RANGE, NULL);
	if (judge(h, &p, rc, e)) {
		buf_free(&p.words);
		http_part_free(&p.a);
		return -1;
	}
	p.a.status = p.status;
	p.a.words = str_printable_dup(p.words.s ? p.words.s : "");
	buf_free(&p.words);
	*a = p.a;
	return 0;
}
