/*
 * Is a driver inside an initramfs? Looked up in the archive itself. An
 * initramfs is a chain of cpio archives (newc, kernel's
 * Documentation/driver-api/early-userspace/buffer-format), each plain or
 * compressed, padded with zeros; plain ones (microcode) come first, and one
 * compressed one is last.
 */
#include <string.h>

#include "../pack.h"
#include "own.h"

#define INITRAMFS_MAX (512u << 20)
#define NAME_MAX_BYTES 4096
#define HEADER 110

struct look {
	const char *const *modules;
	size_t n;
	bool *found;
	size_t entries;
};

/* "…/virtio_scsi.ko", ".ko.xz" and so on; '-' and '_' are the same. */
static void see(struct look *l, const char *path)
{
	const char *base = strrchr(path, '/');
	const char *dot;
	char name[64];
	size_t n;

	base = base ? base + 1 : path;
	dot = strstr(base, ".ko");
	if (!dot || (dot[3] && dot[3] != '.'))
		return;
	n = dot - base;
	if (n >= sizeof(name))
		return;
	for (size_t i = 0; i < n; i++)
		name[i] = base[i] == '-' ? '_' : base[i];
	name[n] = '\0';
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(name, l->modules[i]) == 0)
			l->found[i] = true;
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
 * torn. */
static size_t walk(const unsigned char *p, size_t len, struct look *l)
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
		at = round4(body + size);
		if (strcmp(name, "TRAILER!!!") == 0)
			return at < len ? at : len;
		l->entries++;
		see(l, name);
	}
	return 0;
}

static int look_all(
	const unsigned char *p, size_t len, struct look *l, struct err *e)
{
	_buf_ struct buf inside = {0};
	size_t at = 0;

	while (at < len) {
		size_t n;

		if (!p[at]) {
			at++;
			continue;
		}
		n = walk(p + at, len - at, l);
		if (!n)
			break;
		at += n;
	}
	if (at < len) {
		if (pack_undo(p + at, len - at, INITRAMFS_MAX, &inside, e))
			return err_in(e, "read the initramfs");
		walk((unsigned char *)inside.s, inside.len, l);
	}
	if (!l->entries)
		return err_set(e, ERR_BAD_INPUT,
			"the initramfs holds no archive that is understood");
	return 0;
}

int initramfs_has(const char *file, const char *const *modules, size_t n,
	bool *found, struct err *e)
{
	struct look l = {.modules = modules, .n = n, .found = found};
	_free_ char *data = NULL;
	size_t len;

	memset(found, 0, n * sizeof(*found));
	if (file_read(file, INITRAMFS_MAX, &data, &len, e))
		return -1;
	return look_all((unsigned char *)data, len, &l, e);
}
