/*
 * A disk on an ESXi host, read over SSH: `dd` of what the host's block map
 * says is written, by readers with a session of their own each. Keeps true:
 * the host is only read; the map is believed only where it parses whole,
 * covers the capacity, and samples of its holes are zero.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../blockmap.h"
#include "../esxi.h"
#include "../sample.h"
#include "../source.h"
#include "../str.h"
#include "../vmdk.h"

#define SCHEME "ssh://"
#define MIB (1ULL << 20)
#define COMMAND_MAX 20000 /* bytes; libssh2 takes 32000 */
#define TEXT_TIMEOUT 60.0 /* s */

struct remote {
	struct esxi *esxi;
	struct ssh_target target;
	char *user, *host; /* what target points to */
	char *key, *accept;
	char *path;    /* of the descriptor */
	struct vm *vm; /* holds disk and nothing else */
	struct vm_disk *disk;
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
	if (out->status)
		return err_set(e, ERR_DISK_MISSING, "%s cannot be read", path);
	return 0;
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
	return vmdk_check_size(v, 0, json_u64(id, "size", 0), e);
}

static void remote_free(struct remote *r)
{
	esxi_close(r->esxi);
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
	if (esxi_open(&r->target, &r->esxi, e) || find_disk(r, e)) {
		remote_free(r);
		return -1;
	}
	in->priv = r;
	in->size = r->disk->capacity;
	in->road = "ssh";
	return 0;
}

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	struct remote *r = in->priv;

	return esxi_disk_identity(r->esxi, r->disk, out, e);
}

/* --- reading by dd --- */

/* dd of [off, off + len) of a file, in the largest blocks that fit. The last
 * bytes may be no block: the host then gives more, so they are asked for in
 * sectors, of which every disk is made. */
static void add_dd(struct buf *b, const char *file, uint64_t off, uint64_t len)
{
	static const unsigned sizes[] = {1U << 20, 1U << 16, 512};

	while (len) {
		uint64_t bs = 512, n = 1;

		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			bs = sizes[i];
			if (off % bs == 0 && len >= bs)
				break;
		}
		n = len / bs;
		/* Small blocks only up to where large ones can go on. */
		if (bs < MIB && n > (MIB - off % MIB) / bs)
			n = (MIB - off % MIB) / bs;
		if (b->len)
			buf_adds(b, " && ");
		buf_adds(b, "dd if=");
		sh_quote(b, file);
		buf_addf(b, " bs=%" PRIu64 " skip=%" PRIu64 " count=%" PRIu64,
			bs, off / bs, n);
		off += n * bs;
		len -= n * bs;
	}
}

/* The line of standard error that says what went wrong: dd also tells how
 * much it copied. */
static const char *complaint(char *text)
{
	char *p = text, *line;

	while ((line = str_line(&p)))
		if (*line && !strstr(line, "records in") &&
			!strstr(line, "records out") && !strstr(line, "copied"))
			return line;
	return "no reason given";
}

static int judge(const struct remote *r, struct ssh_result *res, struct err *e)
{
	const char *why;

	if (res->status == 0)
		return 0;
	if (res->signal[0])
		return err_set(e, ERR_SOURCE_READ,
			"dd on the host was ended by signal %s", res->signal);
	why = complaint(res->err);
	if (strstr(why, "busy"))
		return err_set(e, ERR_SOURCE_LOCKED, "%s", why);
	if (strstr(why, "No such file"))
		return err_set(e, ERR_DISK_MISSING, "%s", why);
	return err_set(e, ERR_SOURCE_READ, "%s: %s", r->disk->data, why);
}

static int run_dd(struct ssh *ssh, const struct remote *r,
	const struct buf *cmd, source_got *got, void *arg, struct err *e)
{
	_ssh_result_ struct ssh_result res = {0};

	if (ssh_stream(ssh, cmd->s, got, arg, &res, e))
		return -1;
	return judge(r, &res, e);
}

/* All extents, in as few commands as their length allows. */
static int dd_list(struct ssh *ssh, const struct remote *r,
	const struct extent *x, size_t n, source_got *got, void *arg,
	struct err *e)
{
	_buf_ struct buf cmd = {0};
	size_t i = 0;

	while (i < n) {
		uint64_t off = x[i].offset, end = off + x[i].length;

		for (i++; i < n && x[i].offset == end; i++)
			end += x[i].length;
		if (off % 512 || end % 512)
			return err_set(e, ERR_INTERNAL,
				"bytes %llu to %llu are no sectors",
				(unsigned long long)off,
				(unsigned long long)end);
		add_dd(&cmd, r->disk->data, off, end - off);
		if (i < n && cmd.len < COMMAND_MAX)
			continue;
		if (run_dd(ssh, r, &cmd, got, arg, e))
			return -1;
		buf_clear(&cmd);
	}
	return 0;
}

/* --- the block map --- */

struct sampled {
	uint64_t bytes;
	bool found; /* something that is not zero */
};

static int on_sample(void *arg, const void *p, size_t n, struct err *e)
{
	const unsigned char *b = p;
	struct sampled *s = arg;

	(void)e;
	s->bytes += n;
	for (size_t i = 0; i < n; i++)
		s->found |= b[i] != 0;
	return 0;
}

/* Do the holes read as zero? *why says where they do not. */
static int sample_holes(
	struct remote *r, const struct extents *x, char **why, struct err *e)
{
	struct extent sample[SAMPLES_MAX];
	size_t n = samples_pick(x, sample);

	for (size_t i = 0; i < n; i++) {
		_buf_ struct buf cmd = {0};
		struct sampled s = {0};
		size_t first = i;
		uint64_t want = 0;

		for (; i < n && cmd.len < COMMAND_MAX; i++) {
			add_dd(&cmd, r->disk->data, sample[i].offset,
				sample[i].length);
			want += sample[i].length;
		}
		i--;
		if (run_dd(esxi_ssh(r->esxi), r, &cmd, on_sample, &s, e))
			return -1;
		if (s.bytes != want || s.found) {
			*why = xasprintf(
				"the host's block map calls a hole what is "
				"not zero (sampled between %" PRIu64
				" and %" PRIu64 ")",
				sample[first].offset, sample[i].offset);
			return 0;
		}
	}
	return 0;
}

/* Errors that say nothing of the map itself. */
static bool fatal(enum err_code code)
{
	return code == ERR_SOURCE_LOCKED || code == ERR_STOPPED ||
		code == ERR_SSH_LOST || code == ERR_SSH_CONNECT ||
		code == ERR_SSH_AUTH || code == ERR_DISK_MISSING;
}

static int read_map(
	struct remote *r, struct extents *x, char **why, struct err *e)
{
	_free_ char *text = NULL;
	struct err map = {0};

	if (esxi_blockmap(r->esxi, r->path, &text, &map) ||
		blockmap_parse(text, r->disk->capacity, x, &map)) {
		if (e && fatal(map.code)) {
			*e = map;
			return -1;
		}
		*why = xasprintf("no block map: %s", map.why);
		return 0;
	}
	return sample_holes(r, x, why, e);
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	struct remote *r = in->priv;
	struct extents x = {0};

	if (read_map(r, &x, why, e)) {
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

struct ssh_reader {
	const struct remote *r;
	struct ssh *ssh;
};

static int reader_open(struct disk_in *in, void **out, struct err *e)
{
	const struct remote *r = in->priv;
	struct ssh_reader *reader;
	struct ssh *ssh;

	if (ssh_open(&r->target, &ssh, e))
		return -1;
	reader = xcalloc(1, sizeof(*reader));
	reader->r = r;
	reader->ssh = ssh;
	*out = reader;
	return 0;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	const struct ssh_reader *r = reader;

	return dd_list(r->ssh, r->r, x, n, got, arg, e);
}

static void reader_close(void *reader)
{
	struct ssh_reader *r = reader;

	ssh_close(r->ssh);
	free(r);
}

const struct source source_ssh = {
	.name = "ssh",
	.takes = takes,
	.open = open_ssh,
	.identity = identity,
	.extents = extents,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_ssh,
	.readers = 2,
};
