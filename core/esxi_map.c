/*
 * What a host says of the bytes of a disk: which of them are written, and
 * their checksums; see esxi_map.h. Keeps true: the host is only read; its map
 * is believed only where it parses whole, covers the capacity, and samples of
 * its holes are zero.
 */
#include "esxi_map.h"

#include <stdlib.h>
#include <string.h>

#include "blockmap.h"
#include "ddread.h"
#include "i18n.h"
#include "sample.h"
#include "ssh_dd.h"
#include "str.h"

/* --- checksums --- */

static int take_sums(
	char *text, size_t n, unsigned char (*sha)[SHA256_LEN], struct err *e)
{
	char *p = text, *line;

	for (size_t i = 0; i < n; i++) {
		line = str_line(&p);
		if (line)
			line[strcspn(line, " ")] = '\0';
		if (!line || hex_decode(sha[i], SHA256_LEN, line))
			return err_set(e, ERR_ESXI_COMMAND,
				"sha256sum on the host printed no checksum");
	}
	return 0;
}

int esxi_disk_sums(struct esxi *h, const char *data, const struct extent *x,
	size_t n, unsigned char (*sha)[SHA256_LEN], struct err *e)
{
	_ssh_result_ struct ssh_result res = {0};
	_buf_ struct buf cmd = {0};

	for (size_t i = 0; i < n; i++) {
		_buf_ struct buf dd = {0};

		dd_add(&dd, data, x[i].offset, x[i].length);
		buf_addf(&cmd, "{ %s; } 2>/dev/null | sha256sum\n", dd.s);
	}
	if (ssh_exec(esxi_ssh(h), cmd.s, NULL, 0, 0, &res, e))
		return -1;
	return take_sums(res.out, n, sha, e);
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
static int sample_holes(struct esxi *h, const char *data,
	const struct extents *x, char **why, struct err *e)
{
	struct extent sample[SAMPLES_MAX];
	size_t n = samples_pick(x, sample);

	for (size_t i = 0; i < n; i++) {
		_buf_ struct buf cmd = {0};
		struct sampled s = {0};
		size_t first = i;
		uint64_t want = 0;

		for (; i < n && cmd.len < DD_COMMAND_MAX; i++) {
			dd_add(&cmd, data, sample[i].offset, sample[i].length);
			want += sample[i].length;
		}
		i--;
		if (dd_run(esxi_ssh(h), data, &cmd, on_sample, &s, e))
			return -1;
		if (s.bytes != want || s.found) {
			*why = xasprintf(
				N_("the host's block map calls a hole what is "
				   "not zero (sampled between %llu and %llu)"),
				(unsigned long long)sample[first].offset,
				(unsigned long long)sample[i].offset);
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

int esxi_disk_map(struct esxi *h, const struct vm_disk *d, struct extents *x,
	char **why, struct err *e)
{
	_free_ char *text = NULL;
	struct err map = {0};

	if (esxi_blockmap(h, d->path, &text, &map) ||
		blockmap_parse(text, d->capacity, x, &map)) {
		if (e && fatal(map.code)) {
			*e = map;
			return -1;
		}
		*why = xasprintf(N_("no block map: %s"), map.why);
		return 0;
	}
	return sample_holes(h, d->data, x, why, e);
}
