/*
 * What an ssh client that reads for us says on both its outputs, and how it
 * ends.
 *
 * An input is "STATUS SECTORS..." on a line ("z" before it: the host
 * compresses), each number an extent in a span of its own; then its standard
 * error up to a line "==", then its standard output. Both are at their end
 * behind that, so nothing is waited for.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ddread.h"
#include "gunzip.h"
#include "proc.h"
#include "ssh_child_int.h"

#define SPAN (8ull << 20)
#define EXTENTS_MAX 16
#define PIPE_MAX 65536

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/child/*", NULL};
const char *const fuzz_words[] = {"vmferry: sent\n", "vmferry: failed\n",
	DD_BEGIN "\n", "8+0 records in\n", "0+1 records in\n",
	"8+0 records out\n",
	"4096 bytes (4.0KB) copied, 0.01 seconds, 400.0KB/s\n", "\n==\n",
	"Permission denied (publickey,password).\r\n",
	"dd: x-flat.vmdk: Device or resource busy\n", "No such file",
	"\x1f\x8b\x08", "\r\n", "255", "1 ", NULL};

static int status;

/* Instead of core/proc.c: there is no child. */
int proc_end(pid_t pid, double grace)
{
	(void)pid;
	(void)grace;
	return status;
}

/* Instead of core/ssh_child.c: nobody waits. Who was heard was let in. */
void ssh_child_known(struct ssh_child *c, bool refused)
{
	if (refused && c->heard)
		abort();
}

/* --- the input --- */

struct input {
	struct extent x[EXTENTS_MAX];
	size_t n;
	uint64_t bytes; /* of all extents */
	bool packed;
	const char *err, *out, *data; /* data: of out, behind its beginning */
	size_t err_n, out_n, data_n;
};

static void take_head(struct input *in, char *line)
{
	char *save = NULL, *word = strtok_r(line, " ", &save);
	uint64_t v = 0;

	in->packed = word && strcmp(word, "z") == 0;
	if (in->packed)
		word = strtok_r(NULL, " ", &save);
	if (word && str_u64(word, 255, &v) == 0)
		status = v;
	while (in->n < EXTENTS_MAX && (word = strtok_r(NULL, " ", &save))) {
		if (str_u64(word, SPAN / 512, &v) || !v)
			continue;
		in->x[in->n] = (struct extent){.offset = in->n * SPAN,
			.length = v * 512,
			.data = true};
		in->bytes += v * 512;
		in->n++;
	}
}

/* Nothing is data before the host's shell said so. */
static void take_data(struct input *in)
{
	static const char begin[] = DD_BEGIN "\n";
	size_t n = sizeof(begin) - 1;

	if (in->out_n < n || memcmp(in->out, begin, n))
		return;
	in->data = in->out + n;
	in->data_n = in->out_n - n;
}

static int take_input(struct input *in, const char *p, size_t size)
{
	static const char mark[] = "\n==\n";
	const char *nl = size ? memchr(p, '\n', size) : NULL, *sep;
	_free_ char *head = NULL;

	if (!nl || size > PIPE_MAX)
		return -1;
	head = xstrndup(p, nl - p);
	status = 0;
	take_head(in, head);
	in->err = nl + 1;
	/* An empty standard error: the mark follows the head. */
	sep = memmem(nl, p + size - nl, mark, 4);
	in->out = sep ? sep + 4 : p + size;
	in->err_n = sep && sep >= in->err ? (size_t)(sep + 1 - in->err)
		: sep                     ? 0
					  : (size_t)(p + size - in->err);
	in->out_n = p + size - in->out;
	take_data(in);
	return in->n ? 0 : -1;
}

/* --- what must hold --- */

struct taken {
	const struct input *in;
	uint64_t n;
};

static int got(void *arg, const void *p, size_t n, struct err *e)
{
	struct taken *t = arg;

	(void)e;
	if (n > t->in->bytes - t->n)
		abort();
	if (!t->in->data)
		abort();
	if (!t->in->packed &&
		(n > t->in->data_n - t->n || memcmp(t->in->data + t->n, p, n)))
		abort();
	t->n += n;
	return 0;
}

/* So many lines of standard error have these words, or are them. */
static size_t lines(const struct input *in, const char *words, bool whole)
{
	const char *at = in->err, *end = at + in->err_n, *nl;
	size_t n = 0, k = strlen(words);

	for (; (nl = memchr(at, '\n', end - at)); at = nl + 1) {
		size_t len = nl - at;

		n += whole ? len == k && memcmp(at, words, k) == 0
			   : memmem(at, len, words, k) != NULL;
	}
	return n;
}

/* Nothing is wrong with it: every byte came, and every group is confirmed. */
static bool good(const struct input *in)
{
	return !in->packed && in->data_n == in->bytes && !status &&
		lines(in, "vmferry: sent", true) >= in->n &&
		!lines(in, "vmferry: failed", true) &&
		!lines(in, "records in", false);
}

static int full_pipe(const char *p, size_t n)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) || write_all(fd[1], p, n))
		abort();
	close(fd[1]);
	return fd[0];
}

static int commands(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

static void read_it(const struct input *in)
{
	const struct ssh_reading r = {
		.file = "/a b", .packer = in->packed ? "gzip" : NULL};
	struct taken t = {.in = in};
	struct ssh_child c = {.pid = 1,
		.in = commands(),
		.out = full_pipe(in->out, in->out_n),
		.err = full_pipe(in->err, in->err_n),
		.buf = xmalloc(SSH_CHILD_PIECE)};
	struct err e = {0};
	int rc = ssh_child_read(&c, &r, in->x, in->n, got, &t, &e);

	if (rc == 0 &&
		(t.n != in->bytes || lines(in, "vmferry: sent", true) < in->n))
		abort();
	if (rc && good(in))
		abort();
	if (c.words.s && strlen(c.words.s) > c.words.len)
		abort();
	close(c.in);
	close(c.out);
	if (c.err >= 0)
		close(c.err);
	buf_free(&c.words);
	gunzip_free(c.z);
	free(c.out_buf);
	free(c.buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {0};

	if (take_input(&in, (const char *)data, size) == 0)
		read_it(&in);
	return 0;
}
