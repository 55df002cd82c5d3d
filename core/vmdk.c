/*
 * VMDK descriptors: see vmdk.h. The judgement what can be copied is in
 * vmdk_kind.c.
 */
#include "vmdk.h"
#include "vmdk_kind.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "charset.h"
#include "i18n.h"
#include "str.h"

#define SECTOR 512
/* 62 TiB is VMware's limit; this keeps the arithmetic far from an overflow. */
#define MAX_SECTORS (1ULL << 50)

void vmdk_free(struct vmdk *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_extents; i++) {
		free(d->extents[i].type);
		free(d->extents[i].file);
	}
	free(d->extents);
	free(d->create_type);
	free(d->cid);
	free(d->parent_cid);
	free(d->parent_hint);
	free(d->adapter);
	free(d->uuid);
	free(d->unsupported);
	free(d);
}

void cleanup_vmdk(struct vmdk **d)
{
	vmdk_free(*d);
}

struct reader {
	struct vmdk *d;
	struct vmdk_notes notes;
	char *encoding;
	unsigned line;
	bool magic, ddb;
	struct err *e;
};

static int bad(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_BAD_VMDK, "line %u: %s", r->line, what);
}

/* --- extents --- */

/* The next word of *p, cut in place; null at the end. */
static char *word(char **p)
{
	char *s = *p + strspn(*p, " \t");
	size_t n = strcspn(s, " \t");

	if (!n)
		return NULL;
	*p = s + n;
	if (**p)
		*(*p)++ = '\0';
	return s;
}

static char *upper(const char *s)
{
	char *copy = xstrdup(s);

	for (char *p = copy; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p -= 'a' - 'A';
	return copy;
}

/* "NAME" OFFSET behind the type, both may be missing. 0 or -1. */
static int extent_file(struct reader *r, char *p, struct vmdk_extent *x)
{
	char *end, *offset;
	bool flat = strcmp(x->type, "FLAT") == 0;

	p += strspn(p, " \t");
	if (*p == '"') {
		end = strrchr(p + 1, '"');
		if (!end)
			return bad(r, "the extent's file name is cut off");
		x->file = xstrndup(p + 1, end - p - 1);
		p = end + 1;
	} else if (*p) {
		return bad(r, "an extent's file name must be in quotes");
	}
	offset = word(&p);
	if (offset && str_u64(offset, MAX_SECTORS, &x->offset))
		return bad(r, "the extent's offset is no number");
	if (flat && !offset)
		return bad(r, "a FLAT extent needs an offset");
	if (!x->file && strcmp(x->type, "ZERO") != 0)
		return bad(r, "the extent names no file");
	return 0;
}

static int extent_fields(struct reader *r, char *p, struct vmdk_extent *x)
{
	char *size = word(&p), *type = word(&p);

	if (!size || str_u64(size, MAX_SECTORS, &x->sectors) || !x->sectors)
		return bad(r, "the extent's size is no number of sectors");
	if (!type)
		return bad(r, "the extent has no type");
	x->type = upper(type);
	if (!vmdk_known_extent(x->type))
		return bad(r, "the extent's type is unknown");
	return extent_file(r, p, x);
}

static int add_extent(struct reader *r, bool readable, char *rest)
{
	struct vmdk *d = r->d;
	struct vmdk_extent *x;

	d->extents = xreallocarray(d->extents, d->n_extents + 1, sizeof(*x));
	x = &d->extents[d->n_extents++];
	*x = (struct vmdk_extent){.readable = readable};
	if (extent_fields(r, rest, x))
		return -1;
	if (d->capacity / SECTOR + x->sectors > MAX_SECTORS)
		return bad(r, "the extents are too large to be true");
	d->capacity += x->sectors * SECTOR;
	return 0;
}

/* --- keys --- */

/* At most 8 hex digits as exactly 8 in lower case. */
static int set_cid(struct reader *r, char **to, const char *value)
{
	uint64_t v;

	if (!*value || strlen(value) > 8 || str_hex64(value, &v))
		return bad(r, "a content id must be 8 hex digits");
	free(*to);
	*to = xasprintf("%08x", (unsigned)v);
	return 0;
}

static int set_version(struct reader *r, const char *value)
{
	uint64_t v;

	/* 3 and 4 came with change tracking. */
	if (str_u64(value, 4, &v) || !v)
		return bad(r, "the version is not one of 1 to 4");
	r->d->version = (unsigned)v;
	return 0;
}

static void set_ddb(struct reader *r, const char *key, const char *value)
{
	struct vmdk *d = r->d;

	r->ddb = true;
	if (str_eqi(key, "ddb.adapterType"))
		str_set(&d->adapter, value);
	else if (str_eqi(key, "ddb.uuid"))
		str_set(&d->uuid, value);
	else if (str_eqi(key, "ddb.thinProvisioned"))
		d->thin = strcmp(value, "1") == 0 || str_eqi(value, "true");
	else if (str_eqi(key, "ddb.iofilters"))
		str_set(&r->notes.filters, value);
}

static int set_key(struct reader *r, const char *key, const char *value)
{
	struct vmdk *d = r->d;

	if (str_eqi(key, "version"))
		return set_version(r, value);
	if (str_eqi(key, "CID"))
		return set_cid(r, &d->cid, value);
	if (str_eqi(key, "parentCID"))
		return set_cid(r, &d->parent_cid, value);
	if (str_eqi(key, "encoding"))
		str_set(&r->encoding, value);
	else if (str_eqi(key, "createType"))
		str_set(&d->create_type, value);
	else if (str_eqi(key, "parentFileNameHint"))
		str_set(&d->parent_hint, value);
	else if (str_eqi(key, "isNativeSnapshot"))
		r->notes.native = str_eqi(value, "yes");
	else if (str_eqi(key, "objectID"))
		r->notes.object = true;
	else if (str_eqi(key, "encryptionKeys") || str_eqi(key, "keyID"))
		r->notes.encrypted = true;
	else if (strncasecmp(key, "ddb.", 4) == 0)
		set_ddb(r, key, value);
	return 0;
}

/* KEY = VALUE with or without quotes. */
static int key_line(struct reader *r, char *line, char *eq)
{
	char *value = str_trim(eq + 1), *end;

	*eq = '\0';
	if (*value == '"') {
		end = strrchr(value + 1, '"');
		if (!end)
			return bad(
				r, "the value is cut off (no closing quote)");
		*end = '\0';
		value++;
	}
	return set_key(r, str_trim(line), value);
}

/* --- the text --- */

/* "# Disk DescriptorFile", also "#Disk Descriptor File". */
static bool is_magic(const char *line)
{
	static const char want[] = "diskdescriptorfile";
	size_t n = 0;

	for (; *line; line++) {
		if (*line == '#' || *line == ' ')
			continue;
		if (tolower((unsigned char)*line) != want[n++])
			return false;
	}
	return n == strlen(want);
}

/* What follows the word w and a blank in line, or null. */
static char *after_word(char *line, const char *w)
{
	size_t n = strlen(w);

	if (strncasecmp(line, w, n) != 0 || !line[n] || !strchr(" \t", line[n]))
		return NULL;
	return line + n;
}

static int read_line(struct reader *r, char *line)
{
	char *rest, *eq;

	line = str_trim(line);
	if (*line == '#') {
		r->magic = r->magic || is_magic(line);
		return 0;
	}
	if ((rest = after_word(line, "RW")) ||
		(rest = after_word(line, "RDONLY")))
		return add_extent(r, true, rest);
	if ((rest = after_word(line, "NOACCESS")))
		return add_extent(r, false, rest);
	eq = strchr(line, '=');
	/* "The Disk Data Base" without its # is seen. */
	return eq ? key_line(r, line, eq) : 0;
}

static int read_lines(struct reader *r, char *text)
{
	char *line;

	while ((line = str_line(&text))) {
		r->line++;
		if (read_line(r, line))
			return -1;
	}
	return 0;
}

static void to_utf8(char **s, const char *set)
{
	_buf_ struct buf b = {0};

	if (!*s)
		return;
	charset_to_utf8(set, *s, strlen(*s), &b);
	free(*s);
	*s = buf_steal(&b);
}

static void convert(struct reader *r, const char *text)
{
	const char *set = r->encoding ? charset_find(r->encoding) : NULL;

	if (!set)
		set = charset_is_utf8(text, strlen(text)) ? "UTF-8" : "CP1252";
	to_utf8(&r->d->parent_hint, set);
	for (size_t i = 0; i < r->d->n_extents; i++)
		to_utf8(&r->d->extents[i].file, set);
}

static int check_whole(struct reader *r)
{
	const struct vmdk *d = r->d;
	const char *why = NULL;

	if (!d->create_type && !d->n_extents)
		why = r->magic ? N_("the descriptor ends before its createType")
			       : N_("this is not a disk descriptor");
	else if (!d->create_type)
		why = N_("the descriptor has no createType");
	else if (!d->version)
		why = N_("the descriptor has no version");
	else if (!d->n_extents)
		why = N_("the descriptor names no extent: it is cut off");
	else if (!r->ddb)
		why = N_("the descriptor has no disk data base (ddb lines): it "
			 "is "
			 "cut off");
	if (!why)
		return 0;
	return err_set(r->e, ERR_BAD_VMDK, "%s", why);
}

static int parse_text(
	const char *text, size_t len, struct vmdk **out, struct err *e)
{
	_vmdk_ struct vmdk *d = xcalloc(1, sizeof(*d));
	struct reader r = {.d = d, .e = e};
	_free_ char *copy = xstrndup(text, len), *whole = xstrdup(copy);
	int failed = read_lines(&r, copy) || check_whole(&r);

	if (!failed) {
		convert(&r, whole);
		vmdk_judge(d, &r.notes);
		*out = d;
		d = NULL;
	}
	free(r.encoding);
	free(r.notes.filters);
	return failed ? -1 : 0;
}

/* --- what the file is --- */

static uint64_t le64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

/*
 * QEMU writes a new CID without leading zeros over the old text (block/vmdk.c,
 * vmdk_write_cid): one that is shorter by some digits leaves the end of the
 * last line a second time behind the NUL, one byte less than the digits.
 */
#define REST_MAX 6

static size_t rest_of_qemu(const char *p, size_t len, size_t max)
{
	size_t n = 0;

	while (len + 1 + n < max && p[len + 1 + n])
		n++;
	return n <= REST_MAX && n <= len &&
			memcmp(p + len + 1, p + len - n, n) == 0
		? n
		: 0;
}

/* The text before the zeros that pad it; other bytes behind them are none of a
 * descriptor's. */
static int padded(const char *p, size_t max, size_t *len, struct err *e)
{
	*len = strnlen(p, max);
	for (size_t i = *len + 1 + rest_of_qemu(p, *len, max); i < max; i++)
		if (p[i])
			return err_set(e, ERR_BAD_VMDK,
				"byte %zu is NUL with data behind it: damaged, "
				"or not a descriptor",
				*len);
	return 0;
}

/* Sparse image: header of one sector, then the descriptor where it says. */
static int parse_sparse(
	const unsigned char *p, size_t len, struct vmdk **out, struct err *e)
{
	_vmdk_ struct vmdk *d = NULL;
	uint64_t capacity, offset, size;
	size_t n;

	if (len < SECTOR)
		return err_set(e, ERR_BAD_VMDK,
			"the sparse image is cut off in its header");
	capacity = le64(p + 12);
	offset = le64(p + 28);
	size = le64(p + 36);
	if (!offset || !size)
		return err_set(e, ERR_BAD_VMDK,
			"this is one extent of a split disk (-s001.vmdk ...): "
			"give the descriptor, the .vmdk without a number");
	if (offset > VMDK_TEXT_MAX / SECTOR || size > VMDK_TEXT_MAX / SECTOR)
		return err_set(e, ERR_BAD_VMDK,
			"the sparse header puts its descriptor outside "
			"anything real");
	if ((offset + size) * SECTOR > len)
		return err_set(e, ERR_BAD_VMDK,
			"the sparse image is cut off in its descriptor");
	p += offset * SECTOR;
	if (padded((const char *)p, size * SECTOR, &n, e) ||
		parse_text((const char *)p, n, &d, e))
		return -1;
	if (d->capacity / SECTOR != capacity)
		return err_set(e, ERR_BAD_VMDK,
			"the sparse header says %llu sectors, the descriptor "
			"%llu",
			(unsigned long long)capacity,
			(unsigned long long)(d->capacity / SECTOR));
	d->embedded = true;
	*out = d;
	d = NULL;
	return 0;
}

int vmdk_parse(const void *data, size_t len, struct vmdk **out, struct err *e)
{
	const char *p = data;
	const char *why = vmdk_no_descriptor(data, len);
	size_t n;

	if (why)
		return err_set(e, ERR_BAD_VMDK, "%s", why);
	if (len >= 4 && memcmp(p, "KDMV", 4) == 0)
		return parse_sparse(data, len, out, e);
	if (len > VMDK_TEXT_MAX)
		return err_set(e, ERR_BAD_VMDK,
			"%zu bytes are no descriptor: this is a disk's data",
			len);
	if (padded(p, len, &n, e))
		return -1;
	return parse_text(p, n, out, e);
}
