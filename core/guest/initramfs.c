/*
 * An initramfs: what is in it, and files added to it. It is a chain of cpio
 * archives (newc, kernel's Documentation/driver-api/early-userspace/
 * buffer-format), each plain or compressed, padded with zeros; plain ones
 * (microcode) come first, and one compressed one is last.
 *
 * Added files go to the end of the last archive, before its trailer; it is
 * then compressed by gzip, which every kernel that has an initramfs unpacks.
 */
#include "initramfs.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../pack.h"

#define INITRAMFS_MAX (512u << 20)
#define NAME_MAX_BYTES 4096
#define HEADER 110
#define TRAILER "TRAILER!!!"

void initramfs_free(struct initramfs *r)
{
	buf_free(&r->early);
	buf_free(&r->main);
	json_decref(r->names);
	r->names = NULL;
}

static int field(const unsigned char *h, size_t at, uint64_t *out)
{
	char text[9];

	memcpy(text, h + at, 8);
	text[8] = '\0';
	return str_hex64(text, out);
}

static size_t round4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* One plain archive at p; its length with the trailer, 0 where it is none or
 * torn (what came before is in names all the same). */
static size_t walk(
	const unsigned char *p, size_t len, json_t *names, size_t *trailer)
{
	size_t at = 0;

	while (at + HEADER <= len) {
		uint64_t size, name_len;
		const char *name;
		size_t body;

		if (memcmp(p + at, "07070", 5) ||
			(p[at + 5] != '1' && p[at + 5] != '2') ||
			field(p + at, 54, &size) ||
			field(p + at, 94, &name_len))
			return 0;
		if (!name_len || name_len > NAME_MAX_BYTES ||
			name_len > len - at - HEADER)
			return 0;
		name = (const char *)p + at + HEADER;
		if (name[name_len - 1])
			return 0;
		body = round4(at + HEADER + name_len);
		if (body > len || size > len - body)
			return 0;
		*trailer = at;
		at = round4(body + size);
		if (strcmp(name, TRAILER) == 0)
			return at < len ? at : len;
		json_put_bool(
			names, str_starts(name, "./") ? name + 2 : name, true);
	}
	return 0;
}

struct span {
	size_t start, trailer; /* of the last archive */
	size_t end;            /* where plain archives end */
	bool any;
};

/* All plain archives from the beginning on. As for the kernel, each begins at
 * a multiple of 4. */
static struct span walk_all(const char *data, size_t len, json_t *names)
{
	const unsigned char *p = (const unsigned char *)data;
	struct span s = {0};
	size_t at = 0;

	while (at < len) {
		size_t trailer, n;

		if (!p[at]) {
			at++;
			continue;
		}
		n = at % 4 ? 0 : walk(p + at, len - at, names, &trailer);
		if (!n)
			break;
		s = (struct span){at, at + trailer, at + n, true};
		at += n;
	}
	s.end = at;
	return s;
}

static bool zeros(const char *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

static int read_packed(struct initramfs *r, const char *data, size_t len,
	const struct span *plain, struct err *e)
{
	const char *packed = data + plain->end;
	size_t used = 0, n = len - plain->end;
	struct span inside;

	if (pack_undo(packed, n, INITRAMFS_MAX, &r->main, &used, e))
		return -1;
	inside = walk_all(r->main.s, r->main.len, r->names);
	/* What follows, or was not understood, would be lost. */
	r->whole = inside.any && inside.end == r->main.len && used &&
		zeros(packed + used, n - used);
	r->packed = true;
	buf_add(&r->early, data, plain->end);
	r->main.len = inside.any ? inside.trailer : 0;
	return 0;
}

int initramfs_read(const char *file, struct initramfs *r, struct err *e)
{
	_free_ char *data = NULL;
	struct span plain;
	size_t len;
	int rc = 0;

	if (file_read(file, INITRAMFS_MAX, &data, &len, e))
		return -1;
	*r = (struct initramfs){.names = json_object()};
	plain = walk_all(data, len, r->names);
	if (plain.end < len) {
		rc = read_packed(r, data, len, &plain, e);
	} else if (plain.any) {
		r->whole = true;
		buf_add(&r->early, data, plain.start);
		buf_add(&r->main, data + plain.start,
			plain.trailer - plain.start);
	}
	if (rc == 0 && !json_object_size(r->names))
		rc = err_set(e, ERR_BAD_INPUT,
			"the initramfs holds no archive that is understood");
	if (rc) {
		initramfs_free(r);
		return err_in(e, "read the initramfs");
	}
	return 0;
}

/* "…/virtio_scsi.ko", ".ko.xz" and so on; '-' and '_' are the same. */
bool initramfs_module_name(const char *path, char name[64])
{
	const char *base = strrchr(path, '/');
	const char *dot;
	size_t n;

	base = base ? base + 1 : path;
	dot = strstr(base, ".ko");
	if (!dot || (dot[3] && dot[3] != '.'))
		return false;
	n = dot - base;
	if (n >= 64)
		return false;
	for (size_t i = 0; i < n; i++)
		name[i] = base[i] == '-' ? '_' : base[i];
	name[n] = '\0';
	return true;
}

void initramfs_find(const struct initramfs *r, const char *const *modules,
	size_t n, bool *found)
{
	const char *path;
	json_t *v;
	char name[64];

	memset(found, 0, n * sizeof(*found));
	json_object_foreach (r->names, path, v)
		for (size_t i = 0; initramfs_module_name(path, name) && i < n;
			i++)
			found[i] |= strcmp(name, modules[i]) == 0;
}

bool initramfs_holds(const struct initramfs *r, const char *path)
{
	return json_object_get(r->names, path) != NULL;
}

/* --- adding --- */

static void entry(struct buf *b, const char *name, unsigned mode, const void *p,
	size_t len, unsigned inode)
{
	size_t n = strlen(name) + 1;

	buf_addf(b,
		"070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx"
		"%08x",
		inode, mode, 0, 0, 1, 0, len, 0, 0, 0, 0, n, 0);
	buf_add(b, name, n);
	while (b->len % 4)
		buf_addc(b, '\0');
	buf_add(b, p, len);
	while (b->len % 4)
		buf_addc(b, '\0');
}

/* Take an entry out of the last archive, so that the new one is the only one
 * of its name. One that shares its content with others (links) stays: the
 * kernel takes the later of two. */
static void drop(struct initramfs *r, const char *path)
{
	unsigned char *p = (unsigned char *)r->main.s;
	size_t at = 0;

	while (at < r->main.len) {
		uint64_t size, n, links;
		const char *name = (char *)p + at + HEADER;
		size_t next;

		if (!p[at]) {
			at++;
			continue;
		}
		if (field(p + at, 38, &links) || field(p + at, 54, &size) ||
			field(p + at, 94, &n))
			return;
		next = round4(round4(at + HEADER + n) + size);
		if (next > r->main.len)
			next = r->main.len;
		name += str_starts(name, "./") ? 2 : 0;
		if (links < 2 && strcmp(name, path) == 0) {
			memmove(p + at, p + next, r->main.len - next);
			r->main.len -= next - at;
			continue;
		}
		at = next;
	}
}

/* Inodes of ours are far from those that cpio counts from 1. */
#define FIRST_INODE 0x7f000000u

/* Directories above path that the archive does not have: one that is there as
 * a link must never be made anew. */
static void parents(struct initramfs *r, const char *path, unsigned *inode)
{
	_free_ char *part = xstrdup(path);

	for (char *s = strchr(part, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (!initramfs_holds(r, part)) {
			entry(&r->main, part, 040755, "", 0, (*inode)++);
			json_put_bool(r->names, part, true);
		}
		*s = '/';
	}
}

void initramfs_add(
	struct initramfs *r, const char *path, const void *p, size_t len)
{
	unsigned inode = FIRST_INODE + r->main.len / 4;

	if (initramfs_holds(r, path))
		drop(r, path);
	parents(r, path, &inode);
	entry(&r->main, path, 0100644, p, len, inode);
	json_put_bool(r->names, path, true);
}

int initramfs_write(struct initramfs *r, const char *file, struct err *e)
{
	_close_ int fd =
		open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	entry(&r->main, TRAILER, 0, "", 0, 0);
	if (fd < 0 || write_all(fd, r->early.s ? r->early.s : "", r->early.len))
		return err_sys(e, ERR_IO, "%s", file);
	if (r->packed)
		return pack_gzip(fd, r->main.s, r->main.len, e);
	if (write_all(fd, r->main.s, r->main.len))
		return err_sys(e, ERR_IO, "%s", file);
	return 0;
}
