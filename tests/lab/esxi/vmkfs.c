/*
 * vmkfstools: block map, lock and metadata, chain check, clone.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

static int failed(const char *path, const char *why)
{
	printf("DiskLib_Open() failed for '%s': %s\n", path, why);
	return 255;
}

#define LOCKED "Failed to lock the file (16392)."

/* One character a 1 MiB block: 'D' written, '.' not. */
static char *block_map(int fd, int64_t size)
{
	int64_t n = (size + LAB_MIB - 1) / LAB_MIB, at = 0, end;
	char *map = text_alloc((size_t)n + 1);

	memset(map, '.', (size_t)n);
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0 && at < size) {
		end = lseek(fd, at, SEEK_HOLE);
		if (end < 0)
			break;
		end = end < size ? end : size;
		memset(map + at / LAB_MIB, 'D',
			(size_t)((end + LAB_MIB - 1) / LAB_MIB - at / LAB_MIB));
		at = end;
	}
	return map;
}

/* The fault t0-lies: the second half of the longest written run (all of it
 * when it is one block) is told to be a hole. */
static void lie(char *map)
{
	size_t at, n, best = 0, best_n = 0;

	for (at = 0; map[at]; at += n) {
		n = strspn(map + at, "D");
		if (n > best_n) {
			best = at;
			best_n = n;
		}
		if (!n)
			n = 1;
	}
	memset(map + best + best_n / 2, '.', best_n - best_n / 2);
}

static void map_line(
	const char *uuid, int64_t at, int64_t len, char kind, bool thin)
{
	/* where the run might lie on the volume: anything that grows */
	int64_t phys = 12884901888LL + at * 3 / 2 / LAB_MIB * LAB_MIB;

	if (kind != 'D' && thin)
		printf("[%12" PRId64 ":%12" PRId64 "] --> "
		       "[NOMP -- :(%12d --> %12" PRId64 ")]\n",
			at, len, 0, len - 1);
	else
		printf("[%12" PRId64 ":%12" PRId64 "] --> "
		       "[VMFS %s LVID:%s/%s/1:(%12" PRId64 " --> %12" PRId64
		       ")]\n",
			at, len, kind == 'D' ? "--" : "Z-", uuid, uuid, phys,
			phys + len - 1);
}

static bool is_thin(const struct desc *d)
{
	return d->thin || d->hint;
}

static int map_disk(const char *path)
{
	char *real = inv_real(path), *map, *uuid;
	int64_t at, n, size;
	struct desc d;
	int fd, who;

	if (desc_load(real, &d))
		return failed(path,
			errno == ENOENT ? "The system cannot find the file "
					  "specified (25)."
					: "The file specified is not a virtual "
					  "disk (15).");
	real = desc_extent(real, &d);
	if (inv_locked(real, &who))
		return failed(path, LOCKED);
	fd = open(real, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(path,
			"The system cannot find the file specified (25).");
	size = d.sectors * LAB_SECTOR;
	map = block_map(fd, size);
	close(fd);
	printf("Mapping for file %s (%" PRId64 " bytes in size):\n", path,
		size);
	if (fault_get("t0-garbage")) {
		printf("0x%08x +0x%" PRIx64 " -> dev 0 (no layout)\n", 0, size);
		return 0;
	}
	if (fault_get("t0-lies"))
		lie(map);
	uuid = text_fmt("%.35s", strlen(real) > 49 ? real + 14 : "");
	for (at = 0; at * LAB_MIB < size; at += n) {
		/* VMFS seldom finds more than 256 blocks in a row */
		for (n = 1;
			map[at + n] == map[at] && (map[at] != 'D' || n < 256);
			n++)
			;
		map_line(uuid, at * LAB_MIB,
			(at + n) * LAB_MIB < size ? n * LAB_MIB
						  : size - at * LAB_MIB,
			map[at], is_thin(&d));
	}
	return 0;
}

static int show_lock(const char *path)
{
	char *real = inv_real(path);
	int64_t blocks = 0, zero = 0;
	struct stat st;
	int who = 0, fd = open(real, O_RDONLY | O_CLOEXEC);
	bool locked = inv_locked(real, &who), thin = true;
	char *map, *s;

	if (fd < 0 || fstat(fd, &st)) {
		printf("Could not open %s: %s\n", path, strerror(errno));
		return 255;
	}
	for (s = map = block_map(fd, st.st_size); *s; s++)
		blocks += *s == 'D';
	close(fd);
	if (text_ends(real, "-flat.vmdk")) {
		struct desc d;

		s = text_fmt("%.*s.vmdk", (int)strlen(real) - 10, real);
		thin = desc_load(s, &d) || d.thin;
	}
	if (!thin) {
		zero = (int64_t)strlen(map) - blocks;
		blocks += zero;
	}
	printf("Lock [type 10c00001 offset %llu v 44, hb offset %d\n"
	       "gen %d, mode %d, owner %s mtime %d \n"
	       "num 0 gblnum 0 gblgen 0 gblbrk 0]\n"
	       "Addr <4, %llu, %llu>, gen 6, links 1, type reg, flags 0, "
	       "uid 0, gid 0, mode %o\n"
	       "len %" PRId64 ", nb %" PRId64 " tbz %" PRId64 ", cow 0, "
	       "newSinceEpoch %" PRId64 ", zla 3, bs 1048576\n",
		(unsigned long long)st.st_ino * 512, locked ? 3145728 : 0,
		locked ? 6155 : 0, locked,
		locked ? "661ab9c9-ea3e9a38-f0ba-d89ef3ff34e7"
		       : "00000000-00000000-0000-000000000000",
		locked ? 23668 : 0, (unsigned long long)st.st_ino % 900,
		(unsigned long long)st.st_ino % 64, st.st_mode & 0777u,
		(int64_t)st.st_size, blocks, zero, blocks);
	return 0;
}

static int check_chain(const char *path)
{
	const char *why;
	struct disk d;

	if (disk_open(path, &d, &why)) {
		printf("Failed to open disk chain: %s\n", why);
		return 255;
	}
	puts("Disk chain is consistent.");
	disk_close(&d);
	return 0;
}

static int show_geometry(const char *path)
{
	struct desc d;

	if (desc_load(inv_real(path), &d))
		return failed(
			path, "The file specified is not a virtual disk (15).");
	printf("Capacity: %" PRId64 " sectors, geometry %" PRId64 "/255/63\n",
		d.sectors, d.sectors / (255 * 63));
	return 0;
}

static int show_rdm(const char *path)
{
	struct desc d;

	if (desc_load(inv_real(path), &d))
		return failed(
			path, "The file specified is not a virtual disk (15).");
	printf("Disk %s is not an rdm.\n", path);
	return 0;
}

static int clone_data(struct disk *d, int fd, const char *src)
{
	static char buf[LAB_MIB], zero[LAB_MIB];
	int64_t at;

	printf("Cloning disk '%s'...\n", src);
	if (ftruncate(fd, d->size))
		return -1;
	for (at = 0; at < d->size; at += LAB_MIB) {
		size_t n = d->size - at < LAB_MIB ? (size_t)(d->size - at)
						  : (size_t)LAB_MIB;

		if (disk_read(d, buf, n, at))
			return -1;
		if (memcmp(buf, zero, n) &&
			pwrite(fd, buf, n, at) != (ssize_t)n)
			return -1;
		if (at * 20 / d->size != (at + LAB_MIB) * 20 / d->size)
			printf("\rClone: %d%% done.",
				(int)((at + (int64_t)n) * 100 / d->size));
		fflush(stdout);
	}
	puts("\rClone: 100% done.");
	return 0;
}

static int clone_fail(const char *why)
{
	printf("Failed to clone disk: %s\n", why);
	return 255;
}

static int clone_disk(const char *src, const char *dst, const char *format)
{
	struct desc top, new;
	struct disk d;
	const char *why;
	char *out = inv_real(dst);
	int fd, who, r;

	if (desc_load(inv_real(src), &top)) {
		printf("DiskLib_Check() failed for source disk %s\n",
			errno == ENOENT ? "The system cannot find the file "
					  "specified (25)."
					: "The file specified is not a virtual "
					  "disk (15).");
		return 255;
	}
	printf("Destination disk format: VMFS %s\n",
		!strcmp(format, "thin") ? "thin-provisioned" : format);
	if (inv_locked(desc_extent(inv_real(src), &top), &who))
		return clone_fail(LOCKED);
	if (disk_open(src, &d, &why))
		return clone_fail(why);
	if (!access(out, F_OK))
		return clone_fail("The destination file already exists (39).");
	new = top;
	new.parent_cid = 0xffffffff;
	new.hint = NULL;
	new.thin = !strcmp(format, "thin");
	snprintf(new.create, sizeof(new.create), "vmfs");
	snprintf(new.extent_type, sizeof(new.extent_type), "VMFS");
	new.extent = text_fmt("%.*s-flat.vmdk", (int)strlen(text_base(out)) - 5,
		text_base(out));
	fd = open(desc_extent(out, &new),
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 || clone_data(&d, fd, src) || desc_save(out, &new, 14);
	if (fd >= 0 && close(fd))
		r = 1;
	return r ? clone_fail("No space left on device (1835017).") : 0;
}

static int delete_disk(const char *path)
{
	char *real = inv_real(path);
	struct desc d;
	int who;

	if (desc_load(real, &d))
		return failed(path,
			"The system cannot find the file specified (25).");
	if (inv_locked(desc_extent(real, &d), &who))
		return failed(path, LOCKED);
	unlink(desc_extent(real, &d));
	unlink(real);
	return 0;
}

static int show_fs(const char *path)
{
	struct datastore *ds;
	char *real = inv_real(path);
	size_t i, n = inv_datastores(&ds);

	for (i = 0; i < n; i++) {
		if (!strstr(real, ds[i].uuid))
			continue;
		printf("VMFS-%s file system spanning 1 partitions.\n"
		       "File system label (if any): %s\nMode: public%s\n"
		       "Capacity %lld (%lld file blocks * 1048576), "
		       "%lld (%lld blocks) avail, max supported file size "
		       "69201586814976\nUUID: %s\n"
		       "Partitions spanned (on \"lvm\"):\n"
		       "\tnaa.600605b00a1b2c3d%zu:1\n"
		       "Is Native Snapshot Capable: YES\n",
			ds[i].type + 5 + (*ds[i].type != 'V'), ds[i].name,
			lab_old() ? "" : " ATS-only", ds[i].size,
			ds[i].size / LAB_MIB, ds[i].free, ds[i].free / LAB_MIB,
			ds[i].uuid, i);
		return 0;
	}
	printf("Error: Could not open %s: No such file or directory\n", path);
	return 255;
}

int cmd_vmkfstools(int argc, char **argv)
{
	const char *src = NULL, *format = "zeroedthick", *last = NULL;
	char what = 0;
	int i;

	for (i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (!strcmp(a, "-i") && i + 1 < argc)
			src = argv[++i];
		else if (!strcmp(a, "-d") && i + 1 < argc)
			format = argv[++i];
		else if (*a == '-' && strchr("tDegqPU", a[1]) && a[1])
			what = a[1];
		else if (strcmp(a, "-h"))
			last = a;
	}
	if (!last) {
		puts("vmkfstools: missing argument\n"
		     "Usage: vmkfstools [options] path");
		return 255;
	}
	if (src)
		return clone_disk(src, last, format);
	switch (what) {
	case 't':
		return map_disk(last);
	case 'D':
		return show_lock(last);
	case 'e':
		return check_chain(last);
	case 'g':
		return show_geometry(last);
	case 'q':
		return show_rdm(last);
	case 'P':
		return show_fs(last);
	case 'U':
		return delete_disk(last);
	default:
		puts("vmkfstools: option not known to the lab");
		return 255;
	}
}
