/*
 * Used blocks of ext2/3/4 and swap, and partition tables: a copy that has
 * zeros wherever the map says "unused" is clean for e2fsck and holds every
 * file byte for byte; anything doubtful is read whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsimage.h"

/* A tree of some 12 MiB: empty, small and large files, links, a deep path. */
static const char make_tree[] =
	"mkdir -p tree/a/b/c/d tree/many tree/gone\n"
	"for i in $(seq 200); do head -c $((RANDOM % 9000)) /dev/urandom "
	">tree/many/$i; done\n"
	"for i in $(seq 40); do head -c $((RANDOM * 12)) /dev/urandom "
	">tree/gone/$i; done\n"
	"head -c 5000000 /dev/urandom >tree/a/b/big\n"
	": >tree/a/empty\n"
	"ln -s ../b tree/a/b/link\n"
	"ln tree/many/1 tree/a/hard\n"
	"truncate -s 3M tree/a/sparse\n"
	"printf end >>tree/a/sparse\n";

static int setup(void **state)
{
	if (fs_setup(state))
		return -1;
	fs_sh(make_tree, NULL);
	return 0;
}

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

/* --- tables --- */

/* ext4 and swap in partitions; $1: the script of sfdisk. Places are those of
 * the tests below. */
static const char in_partitions[] =
	"rm -f fs sw; truncate -s 40M fs; truncate -s 16M sw\n"
	"mke2fs -q -F -t ext4 -E nodiscard -d tree fs; mkswap sw >&2\n"
	"dd if=fs of=img bs=1M seek=1 conv=notrunc status=none\n"
	"dd if=sw of=img bs=1M seek=64 conv=notrunc status=none\n"
	"dd if=fs of=img bs=1M seek=96 conv=notrunc status=none\n"
	"dd if=/dev/zero of=img bs=1M count=1 conv=notrunc status=none\n"
	"printf '%s\\n' \"$1\" | sfdisk -q --no-reread img >&2\n";

static const char mbr[] =
	"label: dos\nstart=2048,size=81920,type=83\n"
	"start=129024,size=172032,type=f\n"
	"start=131072,size=32768,type=82\nstart=196608,size=81920,type=83";
static const char gpt[] =
	"label: gpt\nstart=2048,size=81920,type=L\n"
	"start=131072,size=32768,type=S\nstart=196608,size=81920,type=L";

static void make_disk(const char *script)
{
	fs_rubbish("img", 160 * MIB);
	fs_sh(in_partitions, script);
}

static void is_used(const struct extents *x, uint64_t from, uint64_t to)
{
	size_t i = extents_find(x, from);

	assert_true(i < x->n && x->e[i].data);
	assert_true(x->e[i].offset + x->e[i].length >= to);
}

static void partitions(const char *table, const char *const names[3])
{
	static const char check[] =
		"for at in 1 96; do "
		"dd if=img.copy of=fs.got bs=1M skip=$at count=40 status=none\n"
		"e2fsck -fn fs.got >&2; rm -rf got; mkdir got\n"
		"debugfs -R 'rdump / got' fs.got >/dev/null 2>&1\n"
		"rmdir got/lost+found; diff -r --no-dereference tree got >&2\n"
		"done; sfdisk -d img >a; sfdisk -d img.copy | sed "
		"s/img.copy/img/ >b; cmp a b >&2";
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};

	make_disk(table);
	fs_map("img", &x, &r);
	assert_int_equal(r.n, 3);
	for (int i = 0; i < 3; i++) {
		if (r.area[i].why[0])
			fail_msg("%s: %s", r.area[i].name, r.area[i].why);
		assert_string_equal(r.area[i].name, names[i]);
		assert_string_equal(r.area[i].kind, i == 1 ? "swap" : "ext4");
		assert_true(r.area[i].unused > r.area[i].size / 2);
	}
	/* Boot area, the gaps, the end. */
	is_used(&x, 0, MIB);
	is_used(&x, 41 * MIB, 64 * MIB);
	is_used(&x, 80 * MIB, 96 * MIB);
	is_used(&x, 136 * MIB, 160 * MIB);
	fs_copy("img", &x);
	fs_sh(check, NULL);
}

static void finds_partitions(void **state)
{
	static const char *const by_mbr[] = {
		"partition 1", "partition 5", "partition 6"};
	static const char *const by_gpt[] = {
		"partition 1", "partition 2", "partition 3"};

	(void)state;
	fs_need(fs_has("sfdisk") && fs_has("mke2fs"), "sfdisk");
	partitions(mbr, by_mbr);
	partitions(gpt, by_gpt);
}

static void types_must_fit(void **state)
{
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};

	(void)state;
	fs_need(fs_has("sfdisk"), "sfdisk");
	make_disk("label: dos\nstart=2048,size=81920,type=fd\n"
		  "start=131072,size=32768,type=7\n"
		  "start=196608,size=81920,type=82");
	fs_map("img", &x, &r);
	assert_int_equal(r.n, 3);
	assert_int_equal(r.unused, 0);
	for (int i = 0; i < 3; i++)
		assert_non_null(strstr(r.area[i].why, "partition type"));
}

/* Entry i of an MBR: type, first sector, sectors. */
static void put_entry(
	uint64_t sector, int i, unsigned char type, uint32_t first, uint32_t n)
{
	unsigned char e[16] = {0, 0, 0, 0, type};

	for (int k = 0; k < 4; k++) {
		e[8 + k] = first >> 8 * k;
		e[12 + k] = n >> 8 * k;
	}
	fs_poke("img", sector * 512 + 446 + i * 16, e, 16);
}

static void tables_in_doubt(void **state)
{
	static const unsigned char none[512];

	(void)state;
	fs_need(fs_has("sfdisk"), "sfdisk");
	make_disk(mbr);
	put_entry(0, 2, 0x83, 4096, 4096);
	fs_all_used("img", "partitions 1 and 3 overlap");
	put_entry(0, 2, 0x83, 129024 + 100, 4096);
	fs_all_used("img", "the extended partition overlaps another");
	put_entry(0, 2, 0x83, 320000, 100000);
	fs_all_used("img", "partition 3 is not on the disk");
	put_entry(0, 2, 0, 320000, 100000);
	fs_all_used("img", "partition table is not understood");
	put_entry(0, 2, 5, 310000, 1000);
	fs_all_used("img", "two extended partitions");
	put_entry(0, 2, 0xee, 1, 1000);
	fs_all_used("img", "an MBR and a GPT");
	put_entry(0, 2, 0, 0, 0);
	/* The link of partition 5 points at itself, or behind its disk. */
	put_entry(129024, 1, 5, 0, 2048);
	fs_all_used("img", "the chain of logical partitions is bad");
	put_entry(129024, 1, 5, 0xfffffff0, 2048);
	fs_all_used("img", "the chain of logical partitions is bad");
	put_entry(129024, 1, 0, 0, 0);
	put_entry(129024, 0, 0x83, 2048, 400000);
	fs_all_used("img", "a logical partition is bad");

	make_disk(gpt);
	fs_poke("img", 512 + 56, "x", 1);
	fs_all_used("img", "its GPT is damaged");
	make_disk(gpt);
	fs_poke("img", 1024 + 56, "x", 1);
	fs_all_used("img", "its GPT entries are damaged");
	fs_poke("img", 512, none, sizeof(none));
	fs_all_used("img", "says GPT and has none");
	make_disk(gpt);
	fs_poke("img", 0, none, sizeof(none));
	fs_all_used("img", "a GPT without its MBR");

	/* A file system of before the partitions. */
	make_disk(mbr);
	fs_poke("img", 32768, "JFS1", 4);
	fs_all_used("img", "it has partitions and JFS");
}

/* A source that is lost at any request: an error, never a map. */
static void lost_source(void **state)
{
	_close_ int fd = -1;
	int n = 0, rc = -1;

	(void)state;
	fs_need(fs_has("sfdisk"), "sfdisk");
	make_disk(gpt);
	fd = fs_open("img", O_RDONLY);
	while (rc && n < 1000) {
		_extents_ struct extents x = {0};
		_fsmap_report_ struct fsmap_report r = {0};
		struct fs_file f = {
			.fd = fd, .size = 160 * MIB, .fail_after = ++n};
		struct fsmap_disk d = {
			.size = f.size, .read = fs_read, .ctx = &f};
		struct err e = {0};

		rc = fsmap_used(&d, &x, &r, &e);
		assert_int_equal(e.code, rc ? ERR_SSH_LOST : ERR_NONE);
		assert_true(rc == 0 || !x.e);
	}
	assert_int_equal(rc, 0);
	assert_true(n > 3);
}

/* Nothing, too little, and noise. */
static void odd_disks(void **state)
{
	static const uint64_t sizes[] = {
		512, 1024, 4096, 65536, 65536 + 512, 3 * MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		fs_rubbish("odd", sizes[i]);
		fs_poke("odd", 510 < sizes[i] ? 510 : 0, "xx", 2);
		fs_all_used("odd", "");
		fs_sh("truncate -s 0 odd; truncate -s $1 odd",
			(char[]){"1536"});
		fs_all_used("odd", "nothing known");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ext),
		cmocka_unit_test(mounts_and_lives),
		cmocka_unit_test(ext_in_doubt),
		cmocka_unit_test(bitmap_in_doubt),
		cmocka_unit_test(swap_keeps_its_header),
		cmocka_unit_test(finds_partitions),
		cmocka_unit_test(types_must_fit),
		cmocka_unit_test(tables_in_doubt),
		cmocka_unit_test(lost_source),
		cmocka_unit_test(odd_disks),
	};

	return cmocka_run_group_tests(tests, setup, fs_teardown);
}
