/*
 * A disk on an ESXi host that is reached by SSH: its map and identity over
 * one session, its bytes by the road that is fastest: the host's HTTPS, dd
 * over the machine's own ssh client, or dd over libssh2. Keeps true: the host
 * is only read.
 */
#include <stdlib.h>
#include <string.h>

#include "../ddread.h"
#include "../esxi.h"
#include "../esxi_map.h"
#include "../folder.h"
#include "../http.h"
#include "../i18n.h"
#include "../source.h"
#include "../ssh_child.h"
#include "../ssh_dd.h"
#include "../str.h"
#include "../vmdk.h"

#define SCHEME "ssh://"
#define TEXT_TIMEOUT 60.0 /* s */

enum road { ROAD_HTTPS, ROAD_SSH, ROAD_GZIP, ROAD_LIBSSH2, ROADS };
static const char *const road_names[] = {"https", "ssh", "ssh+gzip", "libssh2"};

struct remote {
	struct esxi *esxi;
	struct ssh_target target;
	char *user, *host; /* what target points to */
	char *key, *accept;
	char *path;    /* of the descriptor */
	struct vm *vm; /* holds disk and nothing else */
	struct vm_disk *disk;
	uint64_t file_size; /* of the flat extent */
	struct ssh_door door;
	struct folder *folder; /* null: no HTTPS */
	char *url, *pin;
	char *packer;           /* null: none */
	enum road roads[ROADS]; /* as disk_in numbers them */
};

static bool takes(const char *spec)
{
	return str_starts(spec, SCHEME);
}

/* --- the address --- */

static int bad_spec(struct err *e, const char *spec)
{
	return err_set(e, ERR_USAGE,
		"%s is not ssh://[USER@]HOST[:PORT]/vmfs/volumes/.../x.vmdk",
		spec);
}

static int parse_host(
	struct remote *r, char *s, const char *spec, struct err *e)
{
	char *colon = strrchr(s, ':'), *bracket = strrchr(s, ']');
	uint64_t port = 22;

	/* The colons inside of [::1] part no port. */
	if (colon && bracket && colon < bracket)
		colon = NULL;
	if (colon) {
		*colon = '\0';
		if (str_u64(colon + 1, 65535, &port) || !port)
			return bad_spec(e, spec);
	}
	if (*s == '[' && bracket && !bracket[1]) {
		*bracket = '\0';
		s++;
	}
	if (!*s || *s == '-')
		return bad_spec(e, spec);
	r->host = xstrdup(s);
	r->target.port = port;
	return 0;
}

/* The descriptor's path: that of x-flat.vmdk is x.vmdk. */
static char *descriptor_path(const char *path)
{
	static const char flat[] = "-flat.vmdk";
	size_t n = strlen(path);

	if (!str_ends(path, flat))
		return xstrdup(path);
	return xasprintf("%.*s.vmdk", (int)(n - sizeof(flat) + 1), path);
}

static int parse_spec(struct remote *r, const char *spec, struct err *e)
{
	const char *rest = spec + sizeof(SCHEME) - 1;
	const char *slash = strchr(rest, '/');
	_free_ char *where = slash ? xstrndup(rest, slash - rest) : NULL;
	char *at;

	if (!slash || !str_ends(slash, ".vmdk"))
		return bad_spec(e, spec);
	at = strrchr(where, '@');
	r->user = at ? xstrndup(where, at - where) : xstrdup("root");
	r->path = descriptor_path(slash);
	return parse_host(r, at ? at + 1 : where, spec, e);
}

/* --- the disk --- */

static int read_text(struct remote *r, const char *path, struct ssh_result *out,
	struct err *e)
{
	_buf_ struct buf cmd = {0};

	buf_adds(&cmd, "dd bs=65536 count=16 if=");
	sh_quote(&cmd, path);
	if (ssh_exec(esxi_ssh(r->esxi), cmd.s, NULL, 0, TEXT_TIMEOUT, out, e))
		return -1;
	/* Shorter than a block is what a descriptor is. */
	return out->status
		? dd_judge(path, out->status, out->signal, out->err, e)
		: 0;
}

static int find_disk(struct remote *r, struct err *e)
{
	_ssh_result_ struct ssh_result text = {0};
	_vmdk_ struct vmdk *v = NULL;
	_json_ json_t *id = NULL;

	if (read_text(r, r->path, &text, e) ||
		vmdk_parse(text.out, text.out_len, &v, e) || vmdk_usable(v, e))
		return err_in(e, "read %s", r->path);
	vmdk_to_disk(v, r->path, r->disk);
	r->disk->path = xstrdup(r->path);
	if (!r->disk->data || !r->disk->capacity)
		return err_set(e, ERR_DISK_UNSUPPORTED,
			"%s names no plain extent", r->path);
	if (esxi_disk_identity(r->esxi, r->disk, &id, e))
		return -1;
	r->file_size = json_u64(id, "size", 0);
	return vmdk_check_size(v, 0, r->file_size, e);
}

/* --- its roads --- */

/* HTTPS, where there is a password. What the host says of it over SSH is as
 * sure as its host key, so its certificate needs no question. */
static int find_https(
	struct remote *r, const struct source_opts *o, struct err *e)
{
	struct esxi_web w = {0};
	struct folder_at at = {
		.host = r->host,
		.port = o->https_port,
		.user = r->user,
		.password = r->target.password,
	};

	if (!at.password)
		return err_set(e, ERR_SECRET_MISSING, "no password is given");
	if (esxi_web(r->esxi, r->disk->data, &w, e))
		return -1;
	r->pin = http_fingerprint(w.certificate);
	at.accept = r->pin;
	at.old_tls = w.old_tls;
	r->folder = folder_new(&at);
	r->url = folder_url(w.datastore, w.path);
	esxi_web_free(&w);
	return 0;
}

static void add_road(struct disk_in *in, enum road road)
{
	struct remote *r = in->priv;

	r->roads[in->n_roads] = road;
	in->roads[in->n_roads++] = road_names[road];
}

static bool wants(const struct source_opts *o, enum road road)
{
	return !o->road || strcmp(o->road, road_names[road]) == 0;
}

/* Compressed on the host. Without a word: nothing is lost without it. */
static int add_gzip(
	struct disk_in *in, const struct source_opts *o, struct err *e)
{
	struct remote *r = in->priv;
	struct err why = {0};

	if (o->no_gzip && !o->road)
		return 0;
	if (esxi_packer(r->esxi, &r->packer, o->road ? e : &why))
		return o->road ? -1 : 0;
	if (!r->packer)
		return o->road ? err_set(e, ERR_USAGE,
					 "the host has no gzip that works")
			       : 0;
	in->packed = in->n_roads;
	add_road(in, ROAD_GZIP);
	return 0;
}

static int find_roads(
	struct disk_in *in, const struct source_opts *o, struct err *e)
{
	struct remote *r = in->priv;
	struct err why = {0};

	if (wants(o, ROAD_HTTPS)) {
		if (find_https(r, o, &why) == 0)
			add_road(in, ROAD_HTTPS);
		else if (o->road)
			return err_set(e, why.code, "%s", why.why);
		else
			in->road_note =
				xasprintf(N_("https is not used: %s"), why.why);
		if (r->folder && folder_old_tls(r->folder))
			in->road_note = xstrdup(
				N_("ESXi 5.x: TLS 1.0 and SHA-1 are taken "
				   "on the HTTPS connection to it, and "
				   "nowhere else"));
	}
	ssh_door_make(&r->door, &r->target, esxi_ssh(r->esxi));
	if (wants(o, ROAD_SSH))
		add_road(in, ROAD_SSH);
	in->n_try = in->n_roads;
	if (wants(o, ROAD_GZIP) && add_gzip(in, o, e))
		return -1;
	/* Four times the processor time of ssh: only where that fails. */
	if (wants(o, ROAD_SSH) || wants(o, ROAD_LIBSSH2))
		add_road(in, ROAD_LIBSSH2);
	if (!in->n_try)
		in->n_try = in->n_roads;
	return in->n_roads
		? 0
		: err_set(e, ERR_USAGE,
			  "%s is no road: https, ssh, ssh+gzip or libssh2",
			  o->road);
}

static void remote_free(struct remote *r)
{
	esxi_close(r->esxi);
	folder_free(r->folder);
	ssh_door_free(&r->door);
	free(r->url);
	free(r->packer);
	free(r->pin);
	free(r->user);
	free(r->host);
	free(r->key);
	free(r->accept);
	free(r->path);
	vm_free(r->vm);
	free(r);
}

static void close_ssh(struct disk_in *in)
{
	remote_free(in->priv);
}

static int open_ssh(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	struct remote *r = xcalloc(1, sizeof(*r));

	r->vm = vm_new();
	r->disk = vm_add_disk(r->vm);
	r->key = xstrdup(o->key);
	r->accept = xstrdup(o->accept_hostkey);
	if (parse_spec(r, spec, e)) {
		remote_free(r);
		return -1;
	}
	r->target.host = r->host;
	r->target.user = r->user;
	r->target.key_file = r->key;
	r->target.accept_hostkey = r->accept;
	r->target.password =
		o->secrets ? secrets_get(o->secrets, "esxi.password") : NULL;
	in->priv = r;
	if (esxi_open(&r->target, &r->esxi, e) || find_disk(r, e) ||
		find_roads(in, o, e)) {
		remote_free(r);
		return -1;
	}
	in->size = r->disk->capacity;
	return 0;
}

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	struct remote *r = in->priv;

	return esxi_disk_identity(r->esxi, r->disk, out, e);
}

static int digests(struct disk_in *in, const struct extent *x, size_t n,
	unsigned char (*sha)[SHA256_LEN], struct err *e)
{
	struct remote *r = in->priv;

	return esxi_disk_sums(r->esxi, r->disk->data, x, n, sha, e);
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	struct remote *r = in->priv;
	struct extents x = {0};

	if (esxi_disk_map(r->esxi, r->disk, &x, why, e)) {
		extents_free(&x);
		return -1;
	}
	if (*why) {
		extents_free(&x);
		extents_add(&x, in->size, true);
	}
	*out = x;
	return 0;
}

/* --- readers --- */

struct remote_reader {
	const struct disk_in *in;
	const struct remote *r;
	struct ssh *ssh; /* one of the three */
	struct ssh_child *child;
	const char *packer; /* of the child */
	struct folder_conn *conn;
};

static int reader_open(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	struct remote *r = in->priv;
	struct remote_reader reader = {.in = in, .r = r};
	int rc;

	reader.packer = r->roads[road] == ROAD_GZIP ? r->packer : NULL;
	if (r->roads[road] == ROAD_HTTPS)
		rc = folder_connect(r->folder, &reader.conn, e);
	else if (r->roads[road] == ROAD_SSH || r->roads[road] == ROAD_GZIP)
		rc = ssh_child_open(&r->door, &reader.child, e);
	else
		rc = ssh_door_open(&r->door, &reader.ssh, e);
	if (rc)
		return -1;
	*out = xcalloc(1, sizeof(reader));
	*(struct remote_reader *)*out = reader;
	return 0;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	const struct remote_reader *r = reader;
	const struct ssh_reading how = {
		.file = r->r->disk->data,
		.packer = r->packer,
		.span = r->in->span,
	};

	if (r->conn)
		return folder_list(
			r->conn, r->r->url, r->r->file_size, x, n, got, arg, e);
	if (r->child)
		return ssh_child_read(r->child, &how, x, n, got, arg, e);
	return dd_read(r->ssh, &how, x, n, got, arg, e);
}

static void reader_close(void *reader)
{
	struct remote_reader *r = reader;

	folder_disconnect(r->conn);
	ssh_child_close(r->child);
	ssh_close(r->ssh);
	free(r);
}

const struct source source_ssh = {
	.name = "ssh",
	.takes = takes,
	.open = open_ssh,
	.identity = identity,
	.extents = extents,
	.digests = digests,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_ssh,
	.readers = 4,
};
