/*
 * Used blocks of XFS and NTFS: a copy with zeros wherever the map says
 * "unused" is clean for the file system's own checker and holds every file;
 * anything doubtful is read whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsimage.h"
#include "fsmore.h"

/* --- XFS --- */

static bool has_xfs(void)
{
	return geteuid() == 0 && fs_has("mkfs.xfs") && fs_has("xfs_repair");
}

/* A file system on rubbish, filled, a part deleted; $1: options. */
static const char make_xfs[] =
	"mkfs.xfs -q -f -K $1 img >&2\n"
	"mount -o loop img mnt; trap 'umount mnt 2>/dev/null || :' EXIT\n"
	"cp -a tree/. mnt; for i in 1 2 3; do cp -a tree mnt/$i; rm -r mnt/$i; "
	"done; rm mnt/gone/?; rm -rf want; cp -a mnt want; umount mnt\n";

static void every_xfs(void **state)
{
	static const char *const options[] = {
		"-m crc=1,rmapbt=1,reflink=1,finobt=1",
		"-m crc=1,finobt=0,reflink=0 -b size=1024 -d agcount=3",
		"-m crc=1,bigtime=1,inobtcount=1 -s size=4096",
		"-m crc=1 -l version=2,sunit=64",
	};

	(void)state;
	fs_need(has_xfs(), "root or xfsprogs");
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		fs_rubbish("img", 320 * MIB);
		fs_sh(make_xfs, options[i]);
		one("img", "xfs", 140 * MIB);
		fs_sh("xfs_repair -n img.copy >&2\n"
		      "mount -o loop img.copy mnt\n"
		      "trap 'umount mnt 2>/dev/null || :' EXIT\n"
		      "diff -r want mnt >&2\n"
		      "head -c 40000000 /dev/urandom >mnt/new\n"
		      "umount mnt; xfs_repair -n img.copy >&2",
			NULL);
	}
}

/* Version 4: mkfs makes it, this kernel may not mount it. */
static void old_xfs(void **state)
{
	(void)state;
	fs_need(has_xfs(), "root or xfsprogs");
	fs_rubbish("img", 320 * MIB);
	fs_sh("mkfs.xfs -q -f -K -m crc=0 img >&2", NULL);
	one("img", "xfs", 80 * MIB);
	fs_sh("xfs_repair -n img.copy >&2", NULL);
}

static void xfs_in_doubt(void **state)
{
	static const struct {
		uint64_t at;
		const char *bytes;
		size_t n;
		const char *why;
	} spoils[] = {
		{100, "\x44", 1, "features that are not known"},
		{219, "\x1b", 1, "features that are not known"},
		{223, "\x01", 1, "features that are not known"},
		{126, "\x01", 1, "superblock is damaged"},
		{8, "\x01", 1, "larger than its partition"},
		{23, "\x01", 1, "realtime volume"},
		{151, "\x77", 1, "checksum of its superblock"},
		{512 + 55, "\x77", 1, "the header of group 0"},
		{4096 + 60, "\x77", 1, "the free space of group 0"},
		{4086, "SWAPSPACE2", 10, "the marks of xfs and of swap"},
	};

	(void)state;
	fs_need(has_xfs(), "root or xfsprogs");
	fs_sh("rm -f fresh; truncate -s 305M fresh\n"
	      "mkfs.xfs -q -f -m crc=1,rmapbt=0 fresh >&2",
		NULL);
	one("fresh", "xfs", 80 * MIB);
	for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
		fs_sh("cp --sparse=always fresh spoilt", NULL);
		fs_poke("spoilt", spoils[i].at, spoils[i].bytes, spoils[i].n);
		fs_all_used("spoilt", spoils[i].why);
	}
	/* As it is after a loss of power, and while it is mounted and idle. */
	fs_sh("mount -o loop fresh mnt\n"
	      "trap 'umount mnt 2>/dev/null || :' EXIT\n"
	      "cp -a tree/. mnt; sync -f mnt; cp fresh spoilt; rm -r mnt/a\n"
	      "sync -f mnt; cp fresh idle; umount mnt",
		NULL);
	fs_all_used("spoilt", "");
	fs_all_used("idle", "");
	one("fresh", "xfs", 120 * MIB);
}

/* The log goes round, many times; each unmount is found, each crash too. */
static void xfs_log_goes_round(void **state)
{
	(void)state;
	fs_need(has_xfs(), "root or xfsprogs");
	fs_sh("rm -f img; truncate -s 305M img; mkfs.xfs -q -f -m crc=1 "
	      "-d agcount=2 img >&2",
		NULL);
	for (int i = 0; i < 5; i++) {
		fs_sh("mount -o loop img mnt\n"
		      "trap 'umount mnt 2>/dev/null || :' EXIT\n"
		      "for k in $(seq 8); do cp -r tree/many mnt/x; sync -f "
		      "mnt; rm -r mnt/x; sync -f mnt; done\n"
		      "touch mnt/y; sync -f mnt; cp --sparse=always img "
		      "crashed\n"
		      "umount mnt",
			NULL);
		one("img", "xfs", 200 * MIB);
		fs_sh("xfs_repair -n img.copy >&2", NULL);
		fs_all_used("crashed", "");
	}
}

/* --- NTFS --- */

static bool has_ntfs(void)
{
	return geteuid() == 0 && fs_has("mkntfs") && fs_has("ntfs-3g") &&
		access("/dev/fuse", R_OK | W_OK) == 0;
}

/* Its daemon writes until it ends, which is after umount. */
#define NTFS_MOUNT                                                             \
	"up() { ntfs-3g -o no_detach$2 $1 mnt & pid=$!; for i in $(seq 500); " \
	"do mountpoint -q mnt && return; sleep 0.02; done; exit 9; }\n"        \
	"down() { umount mnt; wait $pid; }\n"
static const char make_ntfs[] = NTFS_MOUNT
	"mkntfs -q -Q -F $1 img >&2; up img ''\n"
	"cp -r tree/. mnt; cp -r tree/a mnt/again; rm -r mnt/again mnt/gone/?\n"
	"rm -rf want; cp -r mnt want; down\n";
static const char check_ntfs[] =
	NTFS_MOUNT "ntfsfix -n img.copy >&2; ntfsinfo -m img.copy >/dev/null\n"
		   "up img.copy ,ro; diff -r want mnt >&2; down\n"
		   "tail -c 512 img | cmp - <(tail -c 512 img.copy) >&2\n";

static void every_ntfs(void **state)
{
	static const char *const options[] = {
		"-c 4096", "-c 512", "-c 65536", "-c 2048 -s 1024"};

	(void)state;
	fs_need(has_ntfs(), "root, ntfs-3g or /dev/fuse");
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		fs_rubbish("img", 150 * MIB + 4096);
		fs_sh(make_ntfs, options[i]);
		one("img", "ntfs", 60 * MIB);
		fs_sh(check_ntfs, NULL);
	}
}

/* Where record `number` of the file table is in "fresh". */
static uint64_t ntfs_record_at(uint64_t number)
{
	_close_ int fd = fs_open("fresh", O_RDONLY);
	unsigned char b[512];
	uint64_t cluster = 0;

	assert_int_equal(pread(fd, b, sizeof(b), 0), sizeof(b));
	for (int i = 7; i >= 0; i--)
		cluster = cluster << 8 | b[48 + i];
	return cluster * 4096 + number * 1024;
}

/* Change bytes in a record and in its mirror. */
static void poke_record(uint64_t number, size_t at, const char *p, size_t n)
{
	_close_ int fd = fs_open("spoilt", O_RDONLY);
	unsigned char b[8];
	uint64_t mirror = 0;

	assert_int_equal(pread(fd, b, sizeof(b), 56), sizeof(b));
	for (int i = 7; i >= 0; i--)
		mirror = mirror << 8 | b[i];
	fs_poke("spoilt", ntfs_record_at(number) + at, p, n);
	if (number < 4)
		fs_poke("spoilt", mirror * 4096 + number * 1024 + at, p, n);
}

/* Where in a record of "fresh" the value of an attribute is. */
static size_t ntfs_value(uint64_t number, unsigned type)
{
	_close_ int fd = fs_open("fresh", O_RDONLY);
	unsigned char b[1024];
	size_t at;

	assert_int_equal(
		pread(fd, b, sizeof(b), ntfs_record_at(number)), sizeof(b));
	at = b[20];
	while (b[at] != type && at < 1000)
		at += b[at + 4] | b[at + 5] << 8;
	assert_true(at < 1000);
	return at + (b[at + 8] ? 0 : b[at + 20]);
}

static void ntfs_in_doubt(void **state)
{
	static const char vss[64] =
		"\x6b\x87\x08\x38\x76\xc1\x48\x4e\xb7\xae\x04\x04\x6e\x6c\xc7"
		"\x52\x01";
	char catalog[64];

	(void)state;
	fs_need(has_ntfs(), "root, ntfs-3g or /dev/fuse");
	fs_rubbish("img", 90 * MIB);
	fs_sh(make_ntfs, "-c 4096");
	fs_sh("mv img fresh", NULL);
#define SPOIL(what, why)                                        \
	do {                                                    \
		fs_sh("cp --sparse=always fresh spoilt", NULL); \
		what;                                           \
		fs_all_used("spoilt", why);                     \
	} while (0)
	SPOIL(poke_record(3, ntfs_value(3, 0x70) + 10, "\x01", 1),
		"marked dirty");
	SPOIL(poke_record(3, ntfs_value(3, 0x70) + 8, "\x04", 1),
		"version 4.1 is not known");
	SPOIL(fs_spoil("spoilt", ntfs_record_at(3) + 200), "the mirror differ");
	SPOIL(poke_record(0, 510, "\xee\xee", 2), "file table is damaged");
	SPOIL(poke_record(6, 22, "\0", 1), "file table is damaged");
	SPOIL(fs_poke("spoilt", 41, "\xff\xff\xff", 3),
		"larger than its partition");
	SPOIL(fs_poke("spoilt", 13, "\x07", 1), "boot sector is damaged");
	/* Shadow copies: a header alone is none; with a catalog there are. */
	memcpy(catalog, vss, sizeof(vss));
	catalog[50] = 1;
	SPOIL(fs_poke("spoilt", 0x1e00, catalog, sizeof(catalog)),
		"shadow copies");
	fs_sh("cp --sparse=always fresh spoilt", NULL);
	fs_poke("spoilt", 0x1e00, vss, sizeof(vss));
	one("spoilt", "ntfs", 50 * MIB);
#undef SPOIL
}

/* The log of Windows, by hand: closed, open, of a fast startup. */
static void ntfs_log(void **state)
{
	static const struct {
		unsigned char major, client, flags;
		const char *why;
	} logs[] = {
		{1, 0xff, 0, NULL},
		{1, 0, 2, NULL},
		{1, 0, 0, "its log is not closed"},
		{2, 0xff, 0, "fast startup"},
	};
	uint64_t at = 0;
	_close_ int fd = -1;

	(void)state;
	fs_need(has_ntfs(), "root, ntfs-3g or /dev/fuse");
	fs_rubbish("img", 90 * MIB);
	fs_sh(make_ntfs, "-c 4096");
	fs_sh("mv img fresh; ntfsinfo -i 2 -v fresh | grep -i lcn >lcn || :",
		NULL);
	/* The one run of the log: its header's byte, length, cluster. */
	fd = fs_open("fresh", O_RDONLY);
	{
		unsigned char rec[1024], *p;

		assert_int_equal(pread(fd, rec, 1024, ntfs_record_at(2)), 1024);
		p = rec + ntfs_value(2, 0x80);
		p += p[32];
		for (int i = (*p >> 4) - 1; i >= 0; i--)
			at = at << 8 | p[1 + (*p & 15) + i];
		at *= 4096;
	}
	for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
		unsigned char page[4096] = "RSTR";

		page[4] = 30; /* update sequence: 9 numbers */
		page[6] = 9;
		page[17] = 16; /* 4096 */
		page[21] = 16;
		page[24] = 64;
		page[26] = 1;
		page[28] = logs[i].major;
		page[64 + 12] = page[64 + 13] = logs[i].client;
		page[64 + 14] = logs[i].flags;
		fs_sh("cp --sparse=always fresh spoilt", NULL);
		fs_poke("spoilt", at, page, sizeof(page));
		fs_poke("spoilt", at + 4096, page, sizeof(page));
		if (logs[i].why)
			fs_all_used("spoilt", logs[i].why);
		else
			one("spoilt", "ntfs", 50 * MIB);
	}
	fs_poke("spoilt", at, "CHKD", 4);
	fs_all_used("spoilt", "its log is not understood");
}

static void ntfs_hibernated(void **state)
{
	static const char *const heads[] = {"hibr", "HIBR", "RSTR"};
	static const char put[] = NTFS_MOUNT
		"cp --sparse=always fresh img; up img ''\n"
		"for i in $(seq 200); do : >mnt/file-with-a-long-name-$i; "
		"done\n"
		"{ printf '%s' \"$1\"; head -c 9000 /dev/zero; } "
		">mnt/hiberfil.sys; down\n";

	(void)state;
	fs_need(has_ntfs(), "root, ntfs-3g or /dev/fuse");
	fs_rubbish("img", 90 * MIB);
	fs_sh(make_ntfs, "-c 4096");
	fs_sh("mv img fresh", NULL);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		fs_sh(put, heads[i]);
		fs_all_used("img", "Windows is hibernated");
	}
	fs_sh(put, "wake");
	one("img", "ntfs", 50 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_xfs),
		cmocka_unit_test(old_xfs),
		cmocka_unit_test(xfs_in_doubt),
		cmocka_unit_test(xfs_log_goes_round),
		cmocka_unit_test(every_ntfs),
		cmocka_unit_test(ntfs_in_doubt),
		cmocka_unit_test(ntfs_log),
		cmocka_unit_test(ntfs_hibernated),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, setup, fs_teardown);
}
