/*
 * A disk on an ESXi host that is reached by HTTPS alone (/folder): no block
 * map, so all of it is read but what the guest's file systems call free.
 * Keeps true: the host is only read; an answer that is not exactly the range
 * asked for is an error.
 */
#include <stdlib.h>
#include <string.h>

#include "../folder.h"
#include "../i18n.h"
#include "../source.h"
#include "../str.h"
#include "../vmdk.h"

#define SCHEME "https://"
#define TEXT_MAX VMDK_TEXT_MAX

struct web {
	struct folder *folder;
	struct folder_conn *conn; /* our own, for the descriptor */
	char *host, *user;
	char *text_url, *data_url;
	uint64_t file_size;
};

static bool takes(const char *spec)
{
	return str_starts(spec, SCHEME);
}

/* --- the address --- */

static int bad_spec(struct err *e, const char *spec)
{
	return err_set(e, ERR_USAGE,
		"%s is not https://[USER@]HOST[:PORT]/folder/DIR/x.vmdk?"
		"dcPath=ha-datacenter&dsName=DATASTORE",
		spec);
}

/* "[::1]:443", "host": cut in place. */
static int split_port(char *s, char **host, unsigned *port)
{
	char *bracket = strrchr(s, ']'), *colon = strrchr(s, ':');
	uint64_t v = 443;

	if (colon && bracket && colon < bracket)
		colon = NULL;
	if (colon) {
		*colon = '\0';
		if (str_u64(colon + 1, 65535, &v) || !v)
			return -1;
	}
	if (*s == '[' && bracket && !bracket[1]) {
		*bracket = '\0';
		s++;
	}
	*host = s;
	*port = v;
	return *s ? 0 : -1;
}

/* The descriptor's name: that of x-flat.vmdk is x.vmdk. */
static char *descriptor_url(const char *url)
{
	static const char flat[] = "-flat.vmdk";
	size_t n = strcspn(url, "?"), k = sizeof(flat) - 1;

	if (n < k || strncmp(url + n - k, flat, k))
		return xstrdup(url);
	return xasprintf("%.*s.vmdk%s", (int)(n - k), url, url + n);
}

static int parse_spec(
	struct web *w, const char *spec, unsigned *port, struct err *e)
{
	const char *rest = spec + sizeof(SCHEME) - 1;
	const char *slash = strchr(rest, '/');
	const char *query = slash ? strchr(slash, '?') : NULL;
	_free_ char *where = slash ? xstrndup(rest, slash - rest) : NULL;
	_free_ char *path = NULL;
	char *at, *host;

	if (!query || !str_starts(slash, "/folder/") ||
		!strstr(query, "dsName="))
		return bad_spec(e, spec);
	path = xstrndup(slash, query - slash);
	at = strrchr(where, '@');
	if (!str_ends(path, ".vmdk") ||
		split_port(at ? at + 1 : where, &host, port))
		return bad_spec(e, spec);
	w->user = at ? xstrndup(where, at - where) : xstrdup("root");
	w->host = xstrdup(host);
	w->text_url = descriptor_url(slash);
	return 0;
}

/* --- the disk --- */

static int find_disk(struct web *w, struct disk_in *in, struct err *e)
{
	_vmdk_ struct vmdk *v = NULL;
	_free_ char *text = NULL;
	size_t len = 0;

	if (folder_text(w->conn, w->text_url, TEXT_MAX, &text, &len, e) ||
		vmdk_parse(text, len, &v, e) || vmdk_usable(v, e))
		return -1;
	if (strchr(v->extents[0].file, '/'))
		return err_set(e, ERR_DISK_UNSUPPORTED,
			"its data lie in another directory: %s",
			v->extents[0].file);
	w->data_url = folder_sibling(w->text_url, v->extents[0].file);
	if (folder_size(w->conn, w->data_url, &w->file_size, NULL, e))
		return -1;
	in->size = v->capacity;
	return vmdk_check_size(v, 0, w->file_size, e);
}

static void web_free(struct web *w)
{
	folder_disconnect(w->conn);
	folder_free(w->folder);
	free(w->host);
	free(w->user);
	free(w->text_url);
	free(w->data_url);
	free(w);
}

static void close_https(struct disk_in *in)
{
	web_free(in->priv);
}

static int open_https(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	struct web *w = xcalloc(1, sizeof(*w));
	struct folder_at at = {.accept = o->accept_cert, .old_tls = o->old_tls};

	in->priv = w;
	source_one_road(in, "https");
	if (o->secrets)
		at.password = secrets_get(o->secrets, "esxi.password");
	if (parse_spec(w, spec, &at.port, e) == 0) {
		at.host = w->host;
		at.user = w->user;
		w->folder = folder_new(&at);
		if (folder_connect(w->folder, &w->conn, e) == 0 &&
			find_disk(w, in, e) == 0)
			return 0;
	}
	web_free(w);
	return -1;
}

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	struct web *w = in->priv;
	_free_ char *text = NULL, *modified = NULL;
	_vmdk_ struct vmdk *v = NULL;
	uint64_t size = 0;
	size_t len = 0;
	json_t *o;

	if (folder_text(w->conn, w->text_url, TEXT_MAX, &text, &len, e) ||
		vmdk_parse(text, len, &v, e) ||
		folder_size(w->conn, w->data_url, &size, &modified, e))
		return -1;
	o = json_object();
	json_put_str(o, "path", w->data_url);
	json_put_u64(o, "size", size);
	json_put_str(o, "cid", v->cid);
	json_put_str(o, "modified", modified);
	*out = o;
	return 0;
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	(void)e;
	extents_add(out, in->size, true);
	*why = xstrdup(
		N_("HTTPS tells no block map: with ssh:// it is asked for"));
	return 0;
}

/* --- readers --- */

struct web_reader {
	const struct web *w;
	struct folder_conn *conn;
};

static int reader_open(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	const struct web *w = in->priv;
	struct web_reader *r;
	struct folder_conn *conn;

	(void)road;
	if (folder_connect(w->folder, &conn, e))
		return -1;
	r = xcalloc(1, sizeof(*r));
	*r = (struct web_reader){w, conn};
	*out = r;
	return 0;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	const struct web_reader *r = reader;

	return folder_list(
		r->conn, r->w->data_url, r->w->file_size, x, n, got, arg, e);
}

static void reader_close(void *reader)
{
	struct web_reader *r = reader;

	folder_disconnect(r->conn);
	free(r);
}

const struct source source_https = {
	.name = "https",
	.takes = takes,
	.open = open_https,
	.identity = identity,
	.extents = extents,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_https,
	.readers = 4,
};
