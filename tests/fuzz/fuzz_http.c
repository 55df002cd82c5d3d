/*
 * What an HTTPS server answers: headers, parts of files and whole answers,
 * with a libcurl of our own that only hands the bytes over.
 *
 * An input is "p|d RESULT PIECE FROM LEN SIZE" on a line (a part or a whole
 * answer; libcurl's result; bytes of body handed over at once), then the
 * answer: header lines, an empty line, the body.
 */
#include "fuzz.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_int.h"

#define NUMBERS 5

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/http/*", NULL};
const char *const fuzz_words[] = {"HTTP/1.1 206 Partial Content\r\n",
	"HTTP/1.1 200 OK\r\n", "HTTP/1.0 503 \r\n", "HTTP/1.1 100\r\n",
	"Content-Range: bytes 0-511/1024\r\n", "Content-Range: bytes 0-511/*",
	"content-range:", "bytes ", "Set-Cookie: vmware_soap_session=\"1\"; ",
	"Last-Modified: Sun, 22 Nov 2026 18:00:00 GMT\r\n", "Retry-After: 1",
	"Content-Type: text/html\r\n", "\r\n\r\n", "9223372036854775807",
	"18446744073709551616", "-1", "/", NULL};

/* --- instead of libcurl --- */

static struct {
	curl_write_callback body, header;
	void *body_arg, *header_arg;
} set;
static const char *answer, *answer_end, *body;
static size_t piece;
static CURLcode result;
static bool refused; /* our function ended it */

#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *c, CURLoption o, ...)
{
	va_list ap;

	(void)c;
	va_start(ap, o);
	if (o == CURLOPT_WRITEFUNCTION)
		set.body = va_arg(ap, curl_write_callback);
	else if (o == CURLOPT_HEADERFUNCTION)
		set.header = va_arg(ap, curl_write_callback);
	else if (o == CURLOPT_WRITEDATA)
		set.body_arg = va_arg(ap, void *);
	else if (o == CURLOPT_HEADERDATA)
		set.header_arg = va_arg(ap, void *);
	va_end(ap);
	return CURLE_OK;
}

#undef curl_easy_getinfo
CURLcode curl_easy_getinfo(CURL *c, CURLINFO i, ...)
{
	va_list ap;

	(void)c;
	va_start(ap, i);
	*va_arg(ap, long *) = i == CURLINFO_RESPONSE_CODE ? 200 : 1;
	va_end(ap);
	return CURLE_OK;
}

CURL *curl_easy_init(void)
{
	return &set;
}

void curl_easy_cleanup(CURL *c)
{
	(void)c;
}

/* Exactly n bytes, so that a step behind them is seen. */
static bool hand(curl_write_callback f, void *arg, const char *p, size_t n)
{
	char *copy = xmalloc(n);
	size_t took;

	memcpy(copy, p, n);
	took = f(copy, 1, n, arg);
	free(copy);
	return took == n;
}

CURLcode curl_easy_perform(CURL *c)
{
	const char *at = answer, *nl;

	(void)c;
	while (at < body && (nl = memchr(at, '\n', body - at))) {
		if (!hand(set.header, set.header_arg, at, nl + 1 - at))
			return CURLE_WRITE_ERROR;
		at = nl + 1;
	}
	for (at = body; at < answer_end;) {
		size_t left = answer_end - at, n = left < piece ? left : piece;

		if (!hand(set.body, set.body_arg, at, n)) {
			refused = true;
			return CURLE_WRITE_ERROR;
		}
		at += n;
	}
	return result;
}

/* --- what must hold --- */

static uint64_t came;

static int got(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)e;
	/* The bytes of the answer, in order. */
	if (memcmp(body + came, p, n))
		abort();
	came += n;
	return 0;
}

static void printable(const char *s)
{
	_free_ char *clean = str_printable_dup(s);

	if (strcmp(clean, s))
		abort();
}

/* Does this line say from, len and (0: any) size? */
static bool line_told(const char *line, const struct http_part *q)
{
	const char *at = strstr(line, "bytes ");
	char *end;

	if (strncasecmp(line + strspn(line, " \t\r"), "Content-Range:", 14) ||
		!at || strtoull(at + 6, &end, 10) != q->from || *end != '-' ||
		strtoull(end + 1, &end, 10) != q->from + q->len - 1)
		return false;
	return end[1] == '*' || !q->size ||
		strtoull(end + 1, NULL, 10) == q->size;
}

/* Does a Content-Range of the answer? */
static bool told(const struct http_part *q)
{
	const char *nl;

	for (const char *at = answer; at < body; at = nl + 1) {
		_free_ char *line = NULL;

		nl = memchr(at, '\n', body - at);
		if (!nl)
			break;
		line = xstrndup(at, nl - at);
		if (line_told(line, q))
			return true;
	}
	return false;
}

/* Behind the first empty line. */
static const char *body_of(void)
{
	const char *at = answer, *nl;

	while ((nl = memchr(at, '\n', answer_end - at))) {
		size_t n = nl + 1 - at;

		at = nl + 1;
		if (n == 1 || (n == 2 && *nl == '\n' && nl[-1] == '\r'))
			return at;
	}
	return answer_end;
}

static void part(struct http *h, const uint64_t *v)
{
	_http_part_ struct http_part_answer a = {0};
	const struct http_part q = {.path = "/x",
		.from = v[2],
		.len = v[3],
		.size = v[4],
		.got = got};
	struct err e = {0};
	int rc;

	came = 0;
	rc = http_part(h, &q, &a, &e);
	if (came > q.len || (came && !told(&q)))
		abort();
	if (rc == 0 && came != (a.status == 206 ? q.len : 0))
		abort();
	if (rc == 0)
		printable(a.words);
	else
		printable(e.why);
}

static void whole(struct http *h, const uint64_t *v)
{
	const struct http_req q = {.method = "GET", .path = "/", .max = v[4]};
	_http_resp_ struct http_resp r = {0};
	struct err e = {0};

	if (http_do(h, &q, &r, &e)) {
		printable(e.why);
		return;
	}
	if (!r.reason || !r.type || r.retry_after > 86400 ||
		(q.max && r.len > q.max) || refused || r.body[r.len])
		abort();
}

/* "p|d RESULT PIECE FROM LEN SIZE", cut in place. */
static void take_head(char *line, uint64_t v[NUMBERS])
{
	char *save = NULL, *word = strtok_r(line, " ", &save);

	for (size_t n = 0; n < NUMBERS; n++) {
		word = word ? strtok_r(NULL, " ", &save) : NULL;
		if (!word || str_u64(word, INT64_MAX, &v[n]))
			break;
	}
	result = v[0] % CURL_LAST;
	piece = v[1] ? v[1] : 1;
	v[3] = v[3] ? v[3] : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *end = size ? memchr(data, '\n', size) : NULL;
	_free_ char *head = NULL;
	const struct http_opts o = {
		.host = "esx", .port = 443, .lost = ERR_SSH_LOST};
	uint64_t v[NUMBERS] = {0};
	struct http *h = NULL;

	if (!end)
		return 0;
	head = xstrndup((const char *)data, end - (const char *)data);
	size -= end + 1 - (const char *)data;
	answer = end + 1;
	answer_end = answer + size;
	body = body_of();
	refused = false;
	take_head(head, v);
	if (http_open(&o, &h, NULL))
		abort();
	if (*head == 'p')
		part(h, v);
	else
		whole(h, v);
	http_close(h);
	return 0;
}
