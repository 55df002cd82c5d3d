/* Used blocks of LVM2: a copy with zeros wherever the map says "unused" is
 * whole; anything doubtful is read whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsimage.h"
#include "fsmore.h"

/* --- LVM2 --- */

static bool has_lvm(void)
{
	return geteuid() == 0 && fs_has("pvcreate") && fs_has("vgcfgrestore");
}

/*
 * A disk of LVM2, by its own tools. They make no volume without the kernel's
 * device mapper, but they write any metadata: $1 is what the volumes are.
 * ext4 is at extents 2 to 9 (32 MiB) and 14 (4 MiB), swap at 11 and 12.
 */
static const char make_lvm[] =
	"loop=$(losetup -f --show img); trap 'losetup -d $loop' EXIT\n"
	"export LVM_SYSTEM_DIR=$PWD/lvm LVM_SUPPRESS_FD_WARNINGS=1\n"
	"mkdir -p lvm; printf 'devices { use_devicesfile=0 filter=[\"a|%s$|\","
	"\"r|.*|\"] obtain_device_list_from_udev=0 }\\n"
	"backup { backup=0 archive=0 }\\nactivation { udev_sync=0 "
	"udev_rules=0 }\\nglobal { event_activation=0 }\\n' $loop "
	">lvm/lvm.conf\n"
	"dd if=/dev/zero of=img bs=1M count=1 conv=notrunc status=none\n"
	"pvcreate -q -ff -y $loop >&2\n"
	"vgcreate -q -s 4m vg $loop >&2; vgcfgbackup -f cfg vg >&2\n"
	"{ tac cfg | sed '0,/^}/d' | tac; printf '%s' \"$1\"; echo '}'; } "
	">cfg2\n"
	"vgcfgrestore -q -f cfg2 vg >&2\n"
	"rm -f fs sw; truncate -s 36M fs; truncate -s 8M sw\n"
	"mke2fs -q -F -t ext4 -O ^flex_bg -E nodiscard -d tree/a fs; mkswap sw "
	">&2\n"
	"dd if=fs of=img bs=1M seek=9 count=32 conv=notrunc status=none\n"
	"dd if=fs of=img bs=1M seek=57 skip=32 conv=notrunc status=none\n"
	"dd if=sw of=img bs=1M seek=45 conv=notrunc status=none\n";
static const char check_lvm[] =
	"dd if=img.copy of=fs bs=1M skip=9 count=32 status=none\n"
	"dd if=img.copy of=fs bs=1M skip=57 count=4 seek=32 status=none\n"
	"e2fsck -fn fs >&2; rm -rf got; mkdir got\n"
	"debugfs -R 'rdump / got' fs >/dev/null 2>&1; rmdir got/lost+found\n"
	"diff -r tree/a got >&2\n"
	"loop=$(losetup -f --show img.copy); trap 'losetup -d $loop' EXIT\n"
	"export LVM_SYSTEM_DIR=$PWD/lvm LVM_SUPPRESS_FD_WARNINGS=1\n"
	"sed -i \"s|/dev/loop[0-9]*|$loop|\" lvm/lvm.conf\n"
	"pvck $loop >&2; vgcfgbackup -f cfg3 vg >&2; grep -q pv0 cfg3\n";

/* "segmentNUMBER": n extents of a volume, from `from` on, at `at` on the PV. */
#define SEGMENT(number, from, n, at)                                      \
	"segment" number " {\nstart_extent = " from "\nextent_count = " n \
	"\ntype = \"striped\"\nstripe_count = 1 # linear\nstripes = [\n"  \
	"\"pv0\", " at "\n]\n}\n"
#define LV(name, segments, rest)                                         \
	name " {\nid = \"aaaaaa-bbbb-cccc-dddd-eeee-ffff-" name "\"\n"   \
	     "status = [\"READ\", \"WRITE\", \"VISIBLE\"]\nflags = []\n" \
	     "creation_time = 1795329493\ncreation_host = \"host\"\n"    \
	     "segment_count = " segments "\n" rest "}\n"
#define ROOT(one, two) LV("rootlv", "2", one two)
#define SWAP(one) LV("swaplv", "1", one)
#define GOOD_ROOT \
	ROOT(SEGMENT("1", "0", "8", "2"), SEGMENT("2", "8", "1", "14"))
#define GOOD_SWAP SWAP(SEGMENT("1", "0", "2", "11"))
#define VOLUMES(text) "logical_volumes {\n" text "}\n"

static void finds_volumes(void **state)
{
	static const struct {
		const char *name, *kind;
	} want[] = {{"disk", "lvm"}, {"LV vg/rootlv", "ext4"},
		{"LV vg/swaplv", "swap"}};
	_extents_ struct extents x = {0};
	_fsmap_report_ struct fsmap_report r = {0};

	(void)state;
	fs_need(has_lvm(), "root or lvm2");
	fs_rubbish("img", 104 * MIB);
	fs_sh(make_lvm, VOLUMES(GOOD_ROOT GOOD_SWAP));
	fs_map("img", &x, &r);
	assert_int_equal(r.n, ARRAY_LEN(want));
	for (size_t i = 0; i < r.n; i++) {
		if (r.area[i].why[0])
			fail_msg("%s: %s", r.area[i].name, r.area[i].why);
		assert_string_equal(r.area[i].name, want[i].name);
		assert_string_equal(r.area[i].kind, want[i].kind);
	}
	/* 25 extents of 4 MiB, of which 11 are in volumes. */
	assert_int_equal(r.area[0].unused, 14 * 4 * MIB);
	assert_int_equal(r.area[1].size, 36 * MIB);
	assert_true(extents_data(&x) < 24 * MIB);
	assert_true(x.e[0].data && x.e[0].length >= MIB);
	fs_copy("img", &x);
	fs_sh(check_lvm, NULL);
}

/* What LVM itself would take, and we must not. */
static void lvm_in_doubt(void **state)
{
	static const struct {
		const char *volumes, *why;
	} groups[] = {
		{VOLUMES(LV("rootlv", "1",
			 "segment1 {\nstart_extent = 0\nextent_count = 8\n"
			 "type = \"striped\"\nstripe_count = 2\nstripe_size = "
			 "128\nstripes = [\n\"pv0\", 0,\n\"pv0\", 10\n]\n}\n")),
			"volume rootlv is striped, not linear"},
		{VOLUMES(GOOD_ROOT LV("snapa1", "1",
			 SEGMENT("1", "0", "1", "20")) LV("snapb1", "1",
			 "segment1 {\nstart_extent = 0\n"
			 "extent_count = 1\ntype = \"snapshot\""
			 "\nchunk_size = 8\norigin = \"rootlv\""
			 "\ncow_store = \"snapa1\"\n}\n")),
			"volume snapb1 is snapshot, not linear"},
	};

	(void)state;
	fs_need(has_lvm(), "root or lvm2");
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		fs_rubbish("img", 104 * MIB);
		fs_sh(make_lvm, groups[i].volumes);
		fs_all_used("img", groups[i].why);
	}
}

/* Bytes of label, header and text. */
static void lvm_damaged(void **state)
{
	static const struct {
		uint64_t at;
		const char *bytes;
		size_t n;
		const char *why;
	} spoils[] = {
		{512 + 30, "9", 1, "label is damaged"},
		/* Of its UUID, which has no such byte. */
		{512 + 40, "\x01", 1, "label is damaged"},
		{1024, "LABELONE", 8, "two labels"},
		{4096 + 48, "\x01", 1, "metadata header is damaged"},
		{0, "LUKS\xba\xbe", 6, "the marks of lvm and of LUKS"},
	};

	(void)state;
	fs_need(has_lvm(), "root or lvm2");
	fs_rubbish("img", 104 * MIB);
	fs_sh(make_lvm, VOLUMES(GOOD_ROOT));
	fs_sh("mv img fresh; grep -abo 'extent_count = 8' fresh | tail -1 | "
	      "cut -d: -f1 >at",
		NULL);
	for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
		fs_sh("cp --sparse=always fresh spoilt", NULL);
		fs_poke("spoilt", spoils[i].at, spoils[i].bytes, spoils[i].n);
		fs_all_used("spoilt", spoils[i].why);
	}
	fs_sh("cp --sparse=always fresh spoilt; printf 7 | dd of=spoilt bs=1 "
	      "seek=$(($(cat at) + 15)) conv=notrunc status=none",
		NULL);
	fs_all_used("spoilt", "its metadata is damaged");
	/* Shorter than its label says: a part of a disk. */
	fs_sh("cp --sparse=always fresh spoilt; truncate -s 60M spoilt", NULL);
	fs_all_used("spoilt", "header is not understood");
}

/* Two disks in one volume group: each may hold what the other needs. */
static void lvm_of_two_disks(void **state)
{
	(void)state;
	fs_need(has_lvm(), "root or lvm2");
	fs_rubbish("img", 104 * MIB);
	fs_sh(make_lvm, VOLUMES(GOOD_ROOT));
	fs_sh("rm -f two; truncate -s 60M two\n"
	      "a=$(losetup -f --show img); b=$(losetup -f --show two)\n"
	      "trap 'losetup -d $a; losetup -d $b' EXIT\n"
	      "export LVM_SYSTEM_DIR=$PWD/lvm LVM_SUPPRESS_FD_WARNINGS=1\n"
	      "sed -i \"s/filter=.*\\\"r|/filter=[\\\"a|$(basename $a)\\$|\\\","
	      "\\\"a|$(basename $b)\\$|\\\",\\\"r|/\" lvm/lvm.conf\n"
	      "pvcreate -q -ff -y $b >&2; vgextend -q vg $b >&2",
		NULL);
	fs_all_used("img", "its volume group vg has 2 disks");
	fs_all_used("two", "its volume group vg has 2 disks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_volumes),
		cmocka_unit_test(lvm_in_doubt),
		cmocka_unit_test(lvm_damaged),
		cmocka_unit_test(lvm_of_two_disks),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, setup, fs_teardown);
}
