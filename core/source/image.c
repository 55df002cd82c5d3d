/*
 * A disk image that is more than bytes (image_plan.h), read through a qemu-nbd
 * of our own. Its block status is the map.
 */
#include <stdlib.h>
#include <string.h>

#include "../image_plan.h"
#include "../nbd.h"
#include "../source.h"
#include "../str.h"

#define PIECE (1U << 20)
#define CLIENTS 20        /* readers at once, and ourselves */
#define KNOWN_MAX 1000000 /* extents */

struct image {
	struct nbd_server *server;
	struct disk_out look; /* our own connection, for size and status */
	struct image_plan plan;
};

static bool takes(const char *spec)
{
	if (!source_is_path(spec))
		return false;
	if (str_ends(spec, "-flat.vmdk"))
		return false;
	return str_ends(spec, ".vmdk") || str_ends(spec, ".qcow2") ||
		strstr(spec, ".ova");
}

/* --- open and close --- */

static void close_image(struct disk_in *in)
{
	struct image *m = in->priv;

	cleanup_sink(&m->look);
	nbd_server_end(m->server, NULL);
	image_plan_free(&m->plan);
	free(m);
}

static int serve(struct image *m, struct err *e)
{
	const struct image_plan *how = &m->plan;
	const struct nbd_serve s = {
		.file = how->file,
		.format = how->format,
		.image_opts = how->options,
		.read_only = true,
		.clients = CLIENTS,
		.direct = !how->options && file_takes_direct(how->file, false),
	};
	const struct sink_opts o = {.read_only = true};
	struct nbdc *c;

	if (nbd_server_start(&s, &m->server, &c, e))
		return -1;
	return nbdc_sink(c, &o, &m->look, e);
}

static int open_image(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	struct image *m = xcalloc(1, sizeof(*m));
	const struct image_plan *p = &m->plan;

	in->priv = m;
	source_one_road(in, "qemu-nbd");
	if (image_plan(spec, &m->plan, e) ||
		(o && o->check && image_check(p, e)) || serve(m, e)) {
		close_image(in);
		return -1;
	}
	in->size = p->capacity ? p->capacity : m->look.size;
	if (m->look.size >= in->size)
		return 0;
	err_set(e, ERR_DISK_MISSING, "%s has %llu bytes, its descriptor %llu",
		p->files[p->n_files - 1], (unsigned long long)m->look.size,
		(unsigned long long)in->size);
	close_image(in);
	return -1;
}

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	const struct image *m = in->priv;
	_json_ json_t *o = json_object(), *files = json_array();

	json_put_u64(o, "size", in->size);
	for (size_t i = 0; i < m->plan.n_files; i++) {
		json_t *f;

		if (source_file_json(m->plan.files[i], &f, e))
			return -1;
		json_array_append_new(files, f);
	}
	json_object_set(o, "files", files);
	*out = json_incref(o);
	return 0;
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	struct image *m = in->priv;
	_extents_ struct extents all = {0};
	struct extents x = {0};

	(void)why;
	if (sink_extents(&m->look, KNOWN_MAX, &all, e))
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		uint64_t room = in->size - extents_end(&x);
		uint64_t len = all.e[i].length;

		extents_add(&x, len < room ? len : room, all.e[i].data);
	}
	*out = x;
	return 0;
}

/* --- readers --- */

struct image_reader {
	struct nbdc *c;
	unsigned char *buf; /* PIECE */
};

static int reader_open(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	const struct image *m = in->priv;
	struct image_reader *r;
	struct nbdc *c;

	(void)road;
	if (nbdc_unix(nbd_server_socket(m->server), &c, e))
		return -1;
	r = xcalloc(1, sizeof(*r));
	r->c = c;
	r->buf = xmalloc(PIECE);
	*out = r;
	return 0;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	struct image_reader *r = reader;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = x[i].offset, left = x[i].length;

		while (left) {
			size_t part = left < PIECE ? left : PIECE;

			if (nbdc_pread(r->c, r->buf, part, at, e) ||
				got(arg, r->buf, part, e))
				return -1;
			at += part;
			left -= part;
		}
	}
	return 0;
}

static void reader_close(void *reader)
{
	struct image_reader *r = reader;

	nbdc_close(r->c, NULL);
	free(r->buf);
	free(r);
}

const struct source source_image = {
	.name = "image",
	.takes = takes,
	.open = open_image,
	.identity = identity,
	.extents = extents,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_image,
	.readers = 2,
};
