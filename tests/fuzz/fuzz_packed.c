/*
 * What comes packed: a guest's initramfs, which gets files added, and the
 * gzip that an ESXi host sends.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/initramfs.h"
#include "gunzip.h"
#include "str.h"

#define ADDED "lib/modules/6.1/kernel/drivers/scsi/virtio_scsi.ko"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/packed/*", NULL};
const char *const fuzz_words[] = {"070701", "070702", "TRAILER!!!", "00000000",
	"00000001", "00000002", "0000000B", "FFFFFFFF", "7FFFFFFF",
	"lib/modules/6.1", ADDED, "./lib", "\x1f\x8b\x08", "\xfd\x37zXZ",
	"\x28\xb5\x2f\xfd", "\x02\x21\x4c\x18", "BZh9", "\x5d", NULL};

static int file_of(const void *p, size_t n, char path[32])
{
	int fd = memfd_create("initramfs", MFD_CLOEXEC);

	if (fd >= 0 && write_all(fd, p, n))
		abort();
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* Everything that was in it, and what was added, must be in what comes out. */
static void read_back(const struct initramfs *r, const char *path)
{
	_initramfs_ struct initramfs again = {0};
	const char *name;
	json_t *v;

	if (initramfs_read(path, &again, NULL) || !again.whole)
		abort();
	json_object_foreach (r->names, name, v)
		if (!initramfs_holds(&again, name))
			abort();
}

static void initramfs(const uint8_t *data, size_t size)
{
	static const char *const modules[] = {"virtio_scsi", "ext4"};
	_initramfs_ struct initramfs r = {0};
	char path[32], to[32];
	_close_ int fd = -1, out = -1;
	bool found[ARRAY_LEN(modules)];

	fd = file_of(data, size, path);
	out = file_of("", 0, to);
	if (fd < 0 || out < 0)
		abort();

	if (initramfs_read(path, &r, NULL))
		return;
	initramfs_find(&r, modules, ARRAY_LEN(modules), found);
	if (!r.whole)
		return;
	initramfs_add(&r, ADDED, "module", 6);
	initramfs_add(&r, "etc/a", "", 0);
	if (initramfs_write(&r, to, NULL) == 0)
		read_back(&r, to);
}

static void gunzipped(const uint8_t *data, size_t size)
{
	struct gunzip *g = gunzip_new();
	unsigned char out[4096];
	size_t total = 0;
	long n = 1;

	while ((size || n == sizeof(out)) && total < 1 << 22) {
		bool end = false;

		n = gunzip_some(g, &data, &size, out, sizeof(out), &end, NULL);
		if (n < 0 || (size_t)n > sizeof(out))
			break;
		total += n;
	}
	gunzip_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	initramfs(data, size);
	gunzipped(data, size);
	return 0;
}
