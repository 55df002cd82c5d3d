/* An NBD server that somebody else runs on a UNIX socket, such as the one
 * QEMU or qemu-storage-daemon offers for a volume. */
#include "../nbd.h"
#include "../str.h"

static bool takes(const char *spec)
{
	return str_starts(spec, "nbd+unix://");
}

static int open_nbd(const char *spec, const struct sink_opts *o,
	struct disk_out *out, struct err *e)
{
	struct nbdc *c;

	if (nbdc_uri(spec, &c, e))
		return -1;
	if (nbdc_sink(c, o, out, e)) {
		nbdc_close(c, NULL);
		return -1;
	}
	return 0;
}

const struct sink sink_nbd = {
	.name = "nbd",
	.takes = takes,
	.open = open_nbd,
};
