/* Used blocks inside partition tables: each file system is found by its table;
 * anything doubtful is read whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsimage.h"
#include "fstree.h"

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
	fs_spoil("img", 512 + 56);
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

/* The disk of a guest in the guest: the partition, or the volume, has a table
 * of its own, and the marks in front are what somebody forgot to wipe. */
static void table_in_partition(void **state)
{
	static const uint64_t first[] = {MIB / 512, 64 * MIB / 512};

	(void)state;
	fs_need(fs_has("sfdisk") && fs_has("mke2fs"), "sfdisk");
	for (int i = 0; i < 2; i++) {
		_extents_ struct extents x = {0};
		_fsmap_report_ struct fsmap_report r = {0};

		make_disk("label: dos\nstart=2048,size=81920,type=83\n"
			  "start=131072,size=32768,type=83");
		put_entry(first[i], 0, 0x83, 8, 16384);
		/* No table without its signature, and none where what stands
		 * there is the code of a boot sector. */
		fs_map("img", &x, &r);
		assert_string_equal(r.area[i].why, "");
		fs_poke("img", first[i] * 512 + 510, "\x55\xaa", 2);
		extents_free(&x);
		fsmap_report_free(&r);
		fs_map("img", &x, &r);
		assert_int_equal(r.n, 2);
		assert_non_null(strstr(r.area[i].why, "table of its own"));
		assert_string_equal(r.area[!i].why, "");
		is_used(&x, first[i] * 512, first[i] * 512 + 16 * MIB);
		extents_free(&x);
		fsmap_report_free(&r);
		fs_poke("img", first[i] * 512 + 446, "\xeb\x10", 2);
		fs_map("img", &x, &r);
		assert_string_equal(r.area[i].why, "");
	}
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
		cmocka_unit_test(finds_partitions),
		cmocka_unit_test(types_must_fit),
		cmocka_unit_test(tables_in_doubt),
		cmocka_unit_test(table_in_partition),
		cmocka_unit_test(lost_source),
		cmocka_unit_test(odd_disks),
	};

	return cmocka_run_group_tests(tests, setup, fs_teardown);
}
