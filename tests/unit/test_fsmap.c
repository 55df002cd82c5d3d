/*
 * Used blocks of ext2/3/4 and swap: a copy that has
 * zeros wherever the map says "unused" is clean for e2fsck and holds every
 * file byte for byte; anything doubtful is read whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsimage.h"
#include "fstree.h"

struct ext {
	const char *kind, *options;
	uint64_t mib;
};

static const struct ext exts[] = {
	{"ext2", "-t ext2", 64},
	{"ext2", "-t ext2 -b 1024 -r 0", 40},
	{"ext3", "-t ext3", 64},
	{"ext3", "-t ext3 -b 1024 -J size=4", 64},
	{"ext4", "-t ext4", 96},
	{"ext4", "-t ext4 -b 1024 -O ^flex_bg", 64},
	{"ext4", "-t ext4 -O ^metadata_csum,uninit_bg,^64bit", 96},
	{"ext4", "-t ext4 -O ^has_journal,^metadata_csum,^uninit_bg", 96},
	{"ext4", "-t ext4 -O meta_bg,^resize_inode -b 1024", 96},
	{"ext4", "-t ext4 -O bigalloc -C 16384", 160},
	{"ext4", "-t ext4 -O inline_data,ea_inode,large_dir -I 512", 96},
	{"ext4", "-t ext4 -O quota,project,verity,encrypt,casefold", 96},
	{"ext4", "-t ext4 -O fast_commit,sparse_super2", 96},
	{"ext4", "-t ext4 -E lazy_itable_init=1,lazy_journal_init=1 -g 8192",
		128},
	{"ext4", "-t ext4 -O metadata_csum_seed,stable_inodes", 96},
};

/* Make it on rubbish, put the tree in, delete a part of it again. */
static void make_ext(const struct ext *x)
{
	_free_ char *script = xasprintf(
		"mke2fs -q -F -E nodiscard %s -d tree img >&2\n"
		"for i in $(seq 1 2 40); do echo \"rm gone/$i\"; done >cmd\n"
		"debugfs -w -f cmd img >/dev/null 2>&1\n"
		"e2fsck -fy img >&2 || [ $? = 1 ]\n"
		"rm -rf want; mkdir want; debugfs -R 'rdump / want' img "
		">/dev/null 2>&1\n"
		"[ -s want/a/b/big ] && [ ! -e want/gone/1 ] && "
		"[ -e want/gone/2 ]",
		x->options);

	fs_rubbish("img", x->mib * MIB);
	fs_sh(script, NULL);
}

static const char check_ext[] =
	"e2fsck -fn img.copy >&2\n"
	"rm -rf got; mkdir got; debugfs -R 'rdump / got' img.copy "
	">/dev/null 2>&1\n"
	"diff -r --no-dereference want got >&2\n";

/* Blocks that are in use, by dumpe2fs: less than 5 % more may be read. */
static uint64_t ext_in_use(void)
{
	_free_ char *text = NULL, *path = path_join(fs_dir, "used");
	uint64_t n = 0;

	fs_sh("dumpe2fs -h img 2>/dev/null | awk -F: '"
	      "/^Block count/ {n=$2} /^Free blocks/ {f=$2} "
	      "/^Block size/ {s=$2} END {printf \"%d\", (n-f)*s}' >used",
		NULL);
	assert_int_equal(file_read(path, 64, &text, NULL, NULL), 0);
	assert_int_equal(str_u64(text, UINT64_MAX, &n), 0);
	return n;
}

static void every_ext(void **state)
{
	(void)state;
	fs_need(fs_has("mke2fs"), "mke2fs");
	for (size_t i = 0; i < ARRAY_LEN(exts); i++) {
		_extents_ struct extents x = {0};
		_fsmap_report_ struct fsmap_report r = {0};

		make_ext(&exts[i]);
		fs_map("img", &x, &r);
		if (r.area[0].why[0])
			fail_msg("%s: %s", exts[i].options, r.area[0].why);
		assert_int_equal(r.n, 1);
		assert_string_equal(r.area[0].kind, exts[i].kind);
		/* Small file systems have small gaps: 64 KiB rounds a lot. */
		if (extents_data(&x) > ext_in_use() + 5 * MIB)
			fail_msg("%s: %llu MiB of %llu are read, in use %llu",
				exts[i].options,
				(unsigned long long)(extents_data(&x) / MIB),
				(unsigned long long)exts[i].mib,
				(unsigned long long)(ext_in_use() / MIB));
		fs_copy("img", &x);
		fs_sh(check_ext, NULL);
	}
}

/* The kernel takes it, writes to it, and e2fsck still has nothing to say. */
static void mounts_and_lives(void **state)
{
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};

	(void)state;
	fs_need(geteuid() == 0, "root");
	make_ext(&exts[4]);
	fs_map("img", &x, &r);
	fs_copy("img", &x);
	fs_sh("mkdir -p mnt; mount -o loop img.copy mnt\n"
	      "trap 'umount mnt 2>/dev/null || :' EXIT\n"
	      "diff -r --no-dereference want mnt >&2\n"
	      "head -c 30000000 /dev/urandom >mnt/new\n"
	      "for i in $(seq 3000); do : >mnt/many/n$i; done\n"
	      "umount mnt; e2fsck -fn img.copy >&2",
		NULL);
	/* As it is on the disk of a machine that lost its power. */
	fs_sh("mount -o loop img mnt; trap 'umount mnt 2>/dev/null || :' EXIT\n"
	      "cp tree/many/* mnt/a; sync -f mnt; cp img crashed\n"
	      "umount mnt",
		NULL);
	fs_all_used("crashed", "its journal needs recovery");
	/* ext2 has no journal to tell it. */
	make_ext(&exts[0]);
	fs_sh("mount -o loop img mnt; trap 'umount mnt 2>/dev/null || :' EXIT\n"
	      "cp tree/many/* mnt/a; sync -f mnt; cp img crashed\n"
	      "umount mnt",
		NULL);
	fs_all_used("crashed", "not cleanly unmounted");
}

#define SB(field) (1024 + offsetof(struct sb_is, field))
/* The part of an ext superblock that tests change. */
struct sb_is {
	unsigned char before[12];
	uint32_t free_blocks;
	unsigned char a[58 - 16];
	uint16_t state;
	unsigned char b[92 - 60];
	uint32_t compat, incompat, ro_compat;
	unsigned char c[232 - 104];
	uint32_t last_orphan;
};

struct spoil {
	const char *options; /* of mke2fs */
	uint64_t at;
	const char *bytes;
	size_t n;
	const char *why;
};

#define PUT(options, at, bytes, why)                       \
	{                                                  \
		options, at, bytes, sizeof(bytes) - 1, why \
	}
static const struct spoil spoils[] = {
	PUT("-t ext4", SB(state), "\x00", "not cleanly unmounted"),
	PUT("-t ext4", SB(state), "\x03", "not cleanly unmounted"),
	PUT("-t ext2", SB(state), "\x05", "not cleanly unmounted"),
	PUT("-t ext2", SB(incompat) + 3, "\x40", "features that are not known"),
	PUT("-t ext4", SB(ro_compat) + 1, "\x44", "features that are not"),
	PUT("-t ext4", SB(compat) + 2, "\x01", "features that are not known"),
	PUT("-t ext4", SB(ro_compat) + 2, "\x01", "orphaned inodes"),
	PUT("-t ext4", SB(last_orphan), "\x0d", "orphaned inodes"),
	PUT("-t ext4", SB(before), "\x01", "libext2fs"),
	PUT("-t ext4", SB(before) + 7, "\x01", "larger than its partition"),
	PUT("-t ext2", SB(before) + 7, "\x01", "larger than its partition"),
	PUT("-t ext2", SB(free_blocks), "\x01", "count of free blocks"),
	/* Group 0 of the descriptors: free blocks; where its bitmap is. */
	PUT("-t ext2 -b 1024", 2048 + 12, "\x07", "free blocks of group 0"),
	PUT("-t ext4 -b 1024", 2048 + 12, "\x07", "checksum of group 0"),
	PUT("-t ext2 -b 1024", 2048 + 3, "\x70", "descriptors are damaged"),
	/* Other kinds' marks. */
	PUT("-t ext4", 4086, "SWAPSPACE2", "the marks of ext4 and of swap"),
	PUT("-t ext4", 0, "LUKS\xba\xbe", "marks of ext4 and of LUKS"),
	PUT("-t ext4", 0, "XFSB", "marks of ext4 and of xfs"),
	PUT("-t ext4", 512, "LABELONE", "marks of ext4 and of lvm"),
	PUT("-t ext4", 0x10040, "_BHRfS_M", "marks of ext4 and of btrfs"),
	PUT("-t ext4", 0x21000, "\x0c\xb1\xba\0\0\0\0\0", "and of ZFS"),
	PUT("-t ext4", (64 * MIB) - 65536, "\xfc\x4e\x2b\xa9", "Linux RAID"),
	PUT("-t ext4", (64 * MIB) - 8192, "\xfc\x4e\x2b\xa9", "Linux RAID"),
};

/* Each alone makes all of it used. */
static void ext_in_doubt(void **state)
{
	const char *made = NULL;

	(void)state;
	fs_need(fs_has("mke2fs"), "mke2fs");
	for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
		const struct spoil *s = &spoils[i];

		if (!made || strcmp(made, s->options) != 0) {
			_free_ char *script =
				xasprintf("rm -f fresh; truncate -s 64M fresh\n"
					  "mke2fs -q -F %s -d tree/a fresh",
					s->options);

			fs_sh(script, NULL);
			made = s->options;
		}
		fs_sh("cp --sparse=always fresh spoilt", NULL);
		fs_poke("spoilt", s->at, s->bytes, s->n);
		fs_all_used("spoilt", s->why);
	}
}

/* A bit of a bitmap, cleared: found by checksum or by count. */
static void bitmap_in_doubt(void **state)
{
	(void)state;
	fs_need(fs_has("dumpe2fs"), "dumpe2fs");
	for (int four = 0; four < 2; four++) {
		_free_ char *text = NULL, *path = path_join(fs_dir, "at");
		uint64_t block = 0;

		fs_sh("rm -f b; truncate -s 64M b; mke2fs -q -F -t ext$1 -b "
		      "4096 "
		      "-d tree b\n"
		      "dumpe2fs b 2>/dev/null | grep -o 'Block bitmap at "
		      "[0-9]*' | head -1 | tr -dc 0-9 >at",
			four ? "4" : "2");
		assert_int_equal(file_read(path, 64, &text, NULL, NULL), 0);
		assert_int_equal(str_u64(text, 1 << 20, &block), 0);
		fs_poke("b", block * 4096 + 3, "\x7f", 1);
		fs_all_used("b", four ? "bitmaps are damaged" : "free blocks");
	}
}

static void swap_keeps_its_header(void **state)
{
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};

	(void)state;
	fs_need(fs_has("mkswap"), "mkswap");
	fs_rubbish("img", 16 * MIB + 12288);
	fs_sh("mkswap -L there img; swaplabel img >was", NULL);
	fs_map("img", &x, &r);
	assert_string_equal(r.area[0].kind, "swap");
	assert_int_equal(r.unused, 16 * MIB - FSMAP_GRAIN);
	assert_true(x.e[0].data);
	fs_copy("img", &x);
	fs_sh("swaplabel img.copy | cmp - was", NULL);
	/* Suspended to it: the whole of it is a system. */
	fs_poke("img", 4086, "S1SUSPEND\0", 10);
	fs_all_used("img", "a suspended system is not looked into");
	fs_poke("img", 4086, "LINHIB0001", 10);
	fs_all_used("img", "a suspended system is not looked into");
	fs_poke("img", 4086, "SWAPSPACE2", 10);
	fs_poke("img", 1028, "\xff\xff\x00", 3);
	fs_all_used("img", "larger than its partition");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ext),
		cmocka_unit_test(mounts_and_lives),
		cmocka_unit_test(ext_in_doubt),
		cmocka_unit_test(bitmap_in_doubt),
		cmocka_unit_test(swap_keeps_its_header),
	};

	return cmocka_run_group_tests(tests, setup, fs_teardown);
}
