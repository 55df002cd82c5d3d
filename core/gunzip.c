/* Unpacking of gzip: see gunzip.h. */
#include "gunzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "i18n.h"
#include "str.h"

#define WINDOW (16 + 15) /* 16: a gzip header and nothing else */

struct gunzip {
	z_stream z;
};

struct gunzip *gunzip_new(void)
{
	struct gunzip *g = xcalloc(1, sizeof(*g));

	if (inflateInit2(&g->z, WINDOW) != Z_OK)
		abort(); /* memory */
	return g;
}

void gunzip_free(struct gunzip *g)
{
	if (!g)
		return;
	inflateEnd(&g->z);
	free(g);
}

long gunzip_some(struct gunzip *g, const unsigned char **in, size_t *n,
	unsigned char *out, size_t room, bool *end, struct err *e)
{
	int rc;

	g->z.next_in = (unsigned char *)*in;
	g->z.avail_in = *n;
	g->z.next_out = out;
	g->z.avail_out = room;
	rc = inflate(&g->z, Z_NO_FLUSH);
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return err_set(e, ERR_SOURCE_READ,
			"what the host compressed cannot be unpacked: %s",
			g->z.msg ? g->z.msg : N_("no reason given"));
	*in = g->z.next_in;
	*n = g->z.avail_in;
	*end = rc == Z_STREAM_END;
	if (*end)
		inflateReset(&g->z);
	return room - g->z.avail_out;
}
