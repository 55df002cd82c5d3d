/* Which disk a guest's /dev/sdX was, and what is said where nobody knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/order.h"
#include "guest_dir.h"
#include "str.h"

static void names_of_disks(void **state)
{
	static const struct {
		const char *device, *letters;
		int part; /* -1: none */
	} row[] = {{"/dev/sda2", "a", 2}, {"/dev/xvdb", "b", 0},
		{"/dev/sdaa11", "aa", 11}, {"/dev/hdc1", "c", 1},
		{"/dev/nvme0n1p3", "", 3}, {"/dev/nvme0n1", "", 0},
		{"/dev/nvme0n1p", NULL, -1}, {"/dev/nvme0", NULL, -1},
		{"/dev/sd1", NULL, -1}, {"/dev/sda2x", NULL, -1},
		{"/dev/vg/root", NULL, -1}, {"/dev/sdabcd1", NULL, -1},
		{"/dev/md0", NULL, -1}, {"UUID=a", NULL, -1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct disk_name d;

		assert_int_equal(
			disk_name(row[i].device, &d), row[i].part >= 0);
		if (row[i].part < 0)
			continue;
		assert_string_equal(d.letters, row[i].letters);
		assert_int_equal(d.part, row[i].part);
	}
}

/* root= by a name that may be another disk's is said, once a file. */
static void root_by_name_is_said(void **state)
{
	_changes_ struct guest_changes cs = {0};
	struct guest *g = guest_dir_new();

	(void)state;
	guest_dir_put(g, "/boot/grub/grub.cfg",
		"# linux /vmlinuz root=/dev/sda9\n"
		"search --hint=x --set=root uuid\nset root='hd0,msdos1'\n"
		"linux /vmlinuz ro root=/dev/sda2 quiet\n"
		"linux /vmlinuz-old root=/dev/sda2\n");
	guest_dir_put(g, "/boot/loader/entries/a.conf",
		"options root=/dev/mapper/vg-root rd.lvm.lv=vg/root\n");
	guest_dir_put(g, "/boot/loader/entries/b.conf",
		"options root=/dev/sdb1 ro\n");
	g->n_disks = 1;
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n_left, 0);
	g->n_disks = 2;
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n_left, 2);
	assert_non_null(strstr(cs.left[0], "grub.cfg says root=/dev/sda2"));
	assert_non_null(strstr(cs.left[0], "root=UUID=uuid-sda2-auto"));
	assert_non_null(strstr(cs.left[1], "b.conf says root=/dev/sdb1"));
	assert_int_equal(cs.n, 0);
	guest_dir_free(g);
}

/* Only a partition tells on which disk it is. */
static void the_order_of_disks(void **state)
{
	static const struct {
		const char *fstab, *root;
		bool told;
	} row[] = {{"# x\n/dev/sda1 / ext4\n", "/dev/sda1", true},
		{"/dev/sdb1 / ext4\n", "/dev/sda1", false},
		{"/dev/hda1 / ext3\n", "/dev/sda1", true},
		{"/dev/vg/root / ext4\n", "/dev/vg/root", false},
		{"/dev/mapper/vg-root / xfs\n", "/dev/vg/root", false},
		{"/dev/md0 / ext4\n", "/dev/md0", false},
		{"/dev/nvme0n1p1 / ext4\n", "/dev/sda1", false},
		{"UUID=1 / ext4\n/dev/sda1 /boot ext4\n", "/dev/sda2", false},
		{NULL, "/dev/sda1", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		assert_int_equal(
			order_told(row[i].fstab, row[i].root), row[i].told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_disks),
		cmocka_unit_test(the_order_of_disks),
		cmocka_unit_test(root_by_name_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
