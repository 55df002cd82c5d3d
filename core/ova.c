/*
 * OVA archives: see ovf.h. Formats: POSIX ustar, GNU (long names, base-256
 * sizes), pax (path and size). Keeps true: a header is believed only with its
 * checksum, and no member reaches past the archive's end.
 */
#include "ovf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "str.h"

#define BLOCK 512
#define MAX_MEMBERS 4096
#define MAX_EXTENSION (1u << 20) /* bytes of a long name or a pax header */

struct reader {
	int fd;
	uint64_t at, end; /* bytes */
	struct ova *a;
	/* Said by an extension for the next member. */
	char *name;
	bool has_size;
	uint64_t size;
	struct err *e;
};

void ova_free(struct ova *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		free(a->members[i].name);
	free(a->members);
	free(a);
}

void cleanup_ova(struct ova **a)
{
	ova_free(*a);
}

static int read_at(int fd, uint64_t at, void *p, size_t n, struct err *e)
{
	char *to = p;

	while (n) {
		ssize_t got = pread(fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, ERR_IO, "read the archive");
		if (!got)
			return err_set(
				e, ERR_BAD_OVF, "the archive is cut off");
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* --- headers --- */

/* Octal digits with blanks or NULs around, or GNU's base-256: first bit set,
 * big-endian. -1: neither, or over 2^63. */
static int number(const unsigned char *p, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		if (p[0] & 0x7f)
			return -1;
		for (i = 1; i < n; i++) {
			if (v >> 55)
				return -1;
			v = v << 8 | p[i];
		}
		*out = v;
		return 0;
	}
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0');
	for (; i < n; i++)
		if (p[i] && p[i] != ' ')
			return -1;
	*out = v;
	return 0;
}

static bool checksum_good(const unsigned char h[BLOCK])
{
	uint64_t want, sum = 0;

	if (number(h + 148, 8, &want))
		return false;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : h[i];
	return sum == want;
}

static bool all_zero(const unsigned char h[BLOCK])
{
	for (size_t i = 0; i < BLOCK; i++)
		if (h[i])
			return false;
	return true;
}

/* ustar keeps a long name's beginning apart. */
static char *header_name(const unsigned char h[BLOCK])
{
	_free_ char *name = xstrndup((const char *)h, 100);
	_free_ char *prefix = NULL;

	if (memcmp(h + 257, "ustar\0", 6) == 0)
		prefix = xstrndup((const char *)h + 345, 155);
	return prefix && *prefix ? xasprintf("%s/%s", prefix, name)
				 : xstrdup(name);
}

/* --- extensions --- */

static int read_extension(struct reader *r, uint64_t size, char **out)
{
	char *p;

	if (size > MAX_EXTENSION)
		return err_set(r->e, ERR_BAD_OVF,
			"an extension of %llu bytes is no name",
			(unsigned long long)size);
	p = xcalloc(size + 1, 1);
	if (read_at(r->fd, r->at, p, size, r->e)) {
		free(p);
		return -1;
	}
	*out = p;
	return 0;
}

/* pax: records "LENGTH KEY=VALUE\n"; LENGTH counts the whole record. */
static int pax_records(struct reader *r, char *p, size_t left)
{
	while (left) {
		size_t digits = strspn(p, "0123456789");
		_free_ char *len = xstrndup(p, digits);
		uint64_t n;
		char *key, *eq;

		if (p[digits] != ' ' || str_u64(len, left, &n) ||
			n < digits + 3 || p[n - 1] != '\n')
			return err_set(r->e, ERR_BAD_OVF,
				"a pax header of the archive is damaged");
		p[n - 1] = '\0';
		key = p + digits + 1;
		eq = strchr(key, '=');
		if (eq) {
			*eq = '\0';
			if (strcmp(key, "path") == 0)
				str_set(&r->name, eq + 1);
			else if (strcmp(key, "size") == 0)
				r->has_size = str_u64(eq + 1, INT64_MAX,
						      &r->size) == 0;
		}
		p += n;
		left -= n;
	}
	return 0;
}

/* GNU's long name (L) and pax (x); other extensions mean nothing here. */
static int extension(struct reader *r, char type, uint64_t size)
{
	_free_ char *text = NULL;

	if (type != 'L' && type != 'x')
		return 0;
	if (read_extension(r, size, &text))
		return -1;
	if (type == 'x')
		return pax_records(r, text, size);
	str_set(&r->name, text);
	return 0;
}

/* --- members --- */

static int add_member(
	struct reader *r, const unsigned char h[BLOCK], uint64_t size)
{
	struct ova *a = r->a;
	struct ova_member *m;

	if (a->n == MAX_MEMBERS)
		return err_set(r->e, ERR_BAD_OVF,
			"the archive has more than %d members", MAX_MEMBERS);
	a->members = xreallocarray(a->members, a->n + 1, sizeof(*a->members));
	m = &a->members[a->n++];
	m->name = r->name ? xstrdup(r->name) : header_name(h);
	m->offset = r->at;
	m->size = size;
	return 0;
}

static int check_header(struct reader *r, const unsigned char h[BLOCK])
{
	if (checksum_good(h))
		return 0;
	if (r->at == BLOCK)
		return err_set(r->e, ERR_BAD_OVF, "not a tar archive");
	return err_set(r->e, ERR_BAD_OVF,
		"the header at byte %llu of the archive is damaged",
		(unsigned long long)(r->at - BLOCK));
}

/* One member or extension. 1: went on, 0: the end mark, -1. */
static int next(struct reader *r)
{
	unsigned char h[BLOCK];
	bool ext, file;
	uint64_t size, room;

	if (read_at(r->fd, r->at, h, BLOCK, r->e))
		return -1;
	r->at += BLOCK;
	if (all_zero(h))
		return 0;
	if (check_header(r, h))
		return -1;
	ext = strchr("LKxg", h[156] ? h[156] : '0') != NULL;
	file = !h[156] || h[156] == '0' || h[156] == '7';
	if (number(h + 124, 12, &size))
		return err_set(
			r->e, ERR_BAD_OVF, "a member's size is no number");
	if (!ext && r->has_size)
		size = r->size;
	if (!ext && !file)
		size = 0;
	if (size > r->end - r->at)
		return err_set(r->e, ERR_BAD_OVF,
			"the archive is cut off: a member of %llu bytes at "
			"byte %llu does not fit",
			(unsigned long long)size, (unsigned long long)r->at);
	if (ext ? extension(r, (char)h[156], size)
		: file && add_member(r, h, size))
		return -1;
	if (!ext) {
		str_set(&r->name, NULL);
		r->has_size = false;
	}
	/* The last member's padding may be missing. */
	room = (size + BLOCK - 1) / BLOCK * BLOCK;
	r->at = room > r->end - r->at ? r->end : r->at + room;
	return 1;
}

static int find_ovf(struct ova *a, struct err *e)
{
	for (a->ovf = 0; a->ovf < a->n; a->ovf++) {
		const char *name = a->members[a->ovf].name;
		size_t n = strlen(name);

		if (n > 4 && str_eqi(name + n - 4, ".ovf"))
			return 0;
	}
	return err_set(e, ERR_BAD_OVF,
		"the archive has %zu members, but no .ovf among them", a->n);
}

int ova_list(int fd, struct ova **out, struct err *e)
{
	_ova_ struct ova *a = xcalloc(1, sizeof(*a));
	struct reader r = {.fd = fd, .a = a, .e = e};
	struct stat st;
	int rc = 1;

	if (fstat(fd, &st))
		return err_sys(e, ERR_IO, "look at the archive");
	r.end = (uint64_t)st.st_size;
	if (!r.end)
		return err_set(e, ERR_BAD_OVF, "the archive is empty");
	/* Some writers leave the end mark out. */
	while (rc == 1 && r.at < r.end)
		rc = next(&r);
	free(r.name);
	if (rc < 0 || find_ovf(a, e))
		return -1;
	*out = a;
	a = NULL;
	return 0;
}

const struct ova_member *ova_find(const struct ova *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->members[i].name, name) == 0)
			return &a->members[i];
	return NULL;
}

int ova_read(int fd, const struct ova_member *m, size_t max, char **out,
	struct err *e)
{
	_free_ char *p = NULL;

	if (m->size > max)
		return err_set(e, ERR_BAD_OVF,
			"member %s has %llu bytes, more than there can be",
			m->name, (unsigned long long)m->size);
	p = xmalloc(m->size + 1);
	if (read_at(fd, m->offset, p, m->size, e))
		return -1;
	p[m->size] = '\0';
	*out = p;
	p = NULL;
	return 0;
}
