/*
 * A disk that somebody else serves by NBD on a UNIX socket, such as QEMU or
 * nbdkit. Its block status is the map. Keeps true: a server that takes one
 * client, or ends with its last, is enough, since the connection of the start
 * is also the first reader's; what NBD cannot tell is whether the disk was
 * changed meanwhile.
 */
#include <stdlib.h>

#include "../nbd.h"
#include "../source.h"
#include "../str.h"

#define PIECE (1U << 20)
#define KNOWN_MAX 1000000 /* extents */

struct served {
	char *uri;
	struct nbdc *c;       /* of look */
	struct disk_out look; /* for size and status */
	bool lent;            /* a reader has c, or it broke */
};

static bool takes(const char *spec)
{
	return str_starts(spec, "nbd+unix://");
}

static void close_nbd(struct disk_in *in)
{
	struct served *s = in->priv;

	cleanup_sink(&s->look);
	free(s->uri);
	free(s);
}

static int open_nbd(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	const struct sink_opts so = {.read_only = true};
	struct served *s = xcalloc(1, sizeof(*s));

	(void)o;
	in->priv = s;
	s->uri = xstrdup(spec);
	source_one_road(in, "nbd");
	if (nbdc_uri(spec, &s->c, e) == 0) {
		in->size = nbdc_size(s->c);
		if (!in->size)
			err_set(e, ERR_BAD_INPUT, "%s is empty", spec);
		else if (nbdc_sink(s->c, &so, &s->look, e) == 0)
			return 0;
		nbdc_close(s->c, NULL);
	}
	close_nbd(in);
	return -1;
}

/* All that a server tells. */
static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	const struct served *s = in->priv;

	(void)e;
	*out = json_object();
	json_put_str(*out, "uri", s->uri);
	json_put_u64(*out, "size", in->size);
	return 0;
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	struct served *s = in->priv;

	(void)why;
	return sink_extents(&s->look, KNOWN_MAX, out, e);
}

/* --- readers --- */

struct served_reader {
	struct served *s;
	struct nbdc *c;
	bool failed;
	unsigned char *buf; /* PIECE */
};

static int reader_open(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	struct served *s = in->priv;
	struct served_reader *r;
	struct nbdc *c = s->c;

	(void)road;
	if (__atomic_exchange_n(&s->lent, true, __ATOMIC_ACQ_REL) &&
		nbdc_uri(s->uri, &c, e))
		return -1;
	r = xcalloc(1, sizeof(*r));
	r->s = s;
	r->c = c;
	r->buf = xmalloc(PIECE);
	*out = r;
	return 0;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	struct served_reader *r = reader;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = x[i].offset, left = x[i].length;

		while (left) {
			size_t part = left < PIECE ? left : PIECE;

			r->failed = nbdc_pread(r->c, r->buf, part, at, e) != 0;
			if (r->failed || got(arg, r->buf, part, e))
				return -1;
			at += part;
			left -= part;
		}
	}
	return 0;
}

static void reader_close(void *reader)
{
	struct served_reader *r = reader;

	if (r->c != r->s->c)
		nbdc_close(r->c, NULL);
	else if (!r->failed)
		__atomic_store_n(&r->s->lent, false, __ATOMIC_RELEASE);
	free(r->buf);
	free(r);
}

const struct source source_nbd = {
	.name = "nbd",
	.takes = takes,
	.open = open_nbd,
	.identity = identity,
	.extents = extents,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_nbd,
	.readers = 1,
};
