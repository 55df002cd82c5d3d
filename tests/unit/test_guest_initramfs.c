/* core/guest/: initramfs archives whole and torn, and what is proposed of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/initramfs.h"
#include "guest/text.h"
#include "guest_dir.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

static int run_in(const char *const argv[])
{
	return proc_must(argv, NULL, NULL, ERR_IO, NULL);
}

static void cpio_entry(struct buf *b, const char *name, const char *data)
{
	size_t n = strlen(name) + 1, d = strlen(data);

	buf_addf(b,
		"070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx"
		"%08x",
		1, 0100644, 0, 0, 1, 0, d, 0, 0, 0, 0, n, 0);
	buf_add(b, name, n);
	while (b->len % 4)
		buf_addc(b, '\0');
	buf_add(b, data, d);
	while (b->len % 4)
		buf_addc(b, '\0');
}

static void cpio(struct buf *b, bool microcode)
{
	if (microcode) {
		cpio_entry(b, "kernel/x86/microcode/GenuineIntel.bin", "ucode");
		cpio_entry(b, "TRAILER!!!", "");
		while (b->len % 512)
			buf_addc(b, '\0');
		return;
	}
	cpio_entry(b, "usr/lib/modules/6.1/kernel/drivers/virtio_scsi.ko.xz",
		"module");
	cpio_entry(b, "lib/modules/6.1/kernel/drivers/virtio-pci.ko", "m");
	cpio_entry(b, "bin/virtio_blk.kotlin", "no module");
	cpio_entry(b, "TRAILER!!!", "");
}

static const char *const modules[] = {
	"virtio_scsi", "virtio_pci", "virtio_blk"};

static int look(const char *path, const void *p, size_t n, bool found[3])
{
	struct err e = {0};

	_initramfs_ struct initramfs r = {0};

	assert_int_equal(file_write(path, p, n, 0600, &e), 0);
	memset(found, 0, 3 * sizeof(*found));
	if (initramfs_read(path, &r, &e))
		return -1;
	initramfs_find(&r, modules, 3, found);
	return 0;
}

static void check_found(const char *path, const struct buf *b)
{
	bool found[3];

	assert_int_equal(look(path, b->s, b->len, found), 0);
	assert_true(found[0]);
	assert_true(found[1]);
	assert_false(found[2]);
}

/* Torn anywhere it may be refused or understood in part, never worse. */
static void check_torn(const char *path, const struct buf *b)
{
	for (size_t n = 0; n < b->len; n += 1 + n / 300) {
		bool found[3];

		look(path, b->s, n, found);
		assert_false(found[2]);
	}
}

static bool whole(
	const char *path, const struct buf *b, const void *behind, size_t n)
{
	_initramfs_ struct initramfs r = {0};
	_buf_ struct buf all = {0};

	buf_add(&all, b->s, b->len);
	buf_add(&all, behind, n);
	assert_int_equal(file_write(path, all.s, all.len, 0600, NULL), 0);
	return initramfs_read(path, &r, NULL) == 0 && r.whole;
}

/* To be written again without loss it must be understood to its end: one
 * archive more behind it, packed or not, is not. */
static void check_whole(const char *path, const struct buf *b, bool packed)
{
	_buf_ struct buf more = {0}, torn = {0};

	cpio(&more, false);
	buf_add(&torn, more.s, more.len / 2 & ~3ul);
	assert_true(whole(path, b, "", 0));
	assert_false(whole(path, b, "what no archive holds", 21));
	assert_false(whole(path, b, torn.s, torn.len));
	assert_int_equal(whole(path, b, more.s, more.len), !packed);
}

/* The same where it is the stream that ends in half an archive. */
static void torn_inside(void **state)
{
	char dir[TEST_DIR_LEN];
	_buf_ struct buf b = {0};
	size_t one;

	(void)state;
	assert_non_null(test_dir(dir, "torn"));
	_free_ char *plain = path_join(dir, "plain");
	_free_ char *img = path_join(dir, "img");
	_free_ char *cmd = xasprintf("gzip < %s > %s", plain, img);

	cpio(&b, false);
	one = b.len;
	cpio(&b, false);
	for (size_t n = one; n < b.len; n += 4) {
		_free_ char *gz = NULL;
		struct buf all = {0};

		assert_int_equal(file_write(plain, b.s, n, 0600, NULL), 0);
		run_in((const char *const[]){"sh", "-c", cmd, NULL});
		assert_int_equal(
			file_read(img, 1 << 20, &gz, &all.len, NULL), 0);
		all.s = gz;
		assert_int_equal(whole(img, &all, "", 0), n == one);
	}
	run_in((const char *const[]){"rm", "-r", dir, NULL});
}

static void initramfs_forms(void **state)
{
	static const char *const tools[] = {
		"cat", "gzip", "xz", "zstd", "lz4", "bzip2"};
	char dir[TEST_DIR_LEN];

	(void)state;
	assert_non_null(test_dir(dir, "parts"));
	_free_ char *plain = path_join(dir, "plain");
	_free_ char *img = path_join(dir, "img");
	_buf_ struct buf body = {0};

	cpio(&body, false);
	assert_int_equal(file_write(plain, body.s, body.len, 0600, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		for (int micro = 0; micro < 2; micro++) {
			_free_ char *packed = NULL;
			_buf_ struct buf b = {0};
			_free_ char *cmd = xasprintf("%s %s < %s > %s",
				tools[i], strcmp(tools[i], "lz4") ? "" : "-l",
				plain, img);
			size_t n;

			if (run_in((const char *const[]){
				    "sh", "-c", cmd, NULL})) {
				fprintf(stderr, "%s is not here: skipped\n",
					tools[i]);
				continue;
			}
			assert_int_equal(
				file_read(img, 1 << 20, &packed, &n, NULL), 0);
			if (micro)
				cpio(&b, true);
			buf_add(&b, packed, n);
			check_found(img, &b);
			check_torn(img, &b);
			check_whole(img, &b, i > 0);
			if (i < 2)
				assert_true(whole(img, &b, "\0\0\0", 4));
		}
	run_in((const char *const[]){"rm", "-r", dir, NULL});
}

/* --- the proposal --- */

static void proposals(void **state)
{
	static const struct {
		const char *facts; /* in_initramfs, available */
		const char *bus, *nic, *reason;
		bool addable, may_fix, blind;
	} row[] = {
		{"\"virtio_pci\":true,\"virtio_scsi\":true|\"virtio_net\":true",
			"scsi", "virtio", "holds", false, false, false},
		{"\"virtio_pci\":true,\"virtio_scsi\":true|", "scsi", "e1000",
			"holds", false, false, false},
		{"\"virtio_pci\":true,\"ahci\":true|", "sata", "e1000",
			"no virtio_scsi", false, false, false},
		{"\"ahci\":true|\"virtio_scsi\":true", "sata", "e1000",
			"rebuilt", false, false, false},
		{"\"ata_piix\":true|", "ide", "e1000", "no virtio_pci", false,
			false, false},
		{"\"ahci\":true|\"virtio_net\":true", "scsi", "virtio",
			"guest_fix adds", true, true, false},
		{"\"ahci\":true|\"virtio_net\":true", "sata", "e1000",
			"no virtio_pci", true, false, false},
		/* No bus as it is. */
		{"|\"virtio_scsi\":true,\"ahci\":true,\"virtio_net\":true",
			"scsi", "virtio", "guest_fix adds", true, true, true},
		{"|\"virtio_scsi\":true,\"ahci\":true", "sata", "e1000",
			"guest_fix can add virtio_scsi", true, false, true},
		{"|\"virtio_scsi\":true,\"ata_piix\":true", "ide", "e1000",
			"rebuild it with virtio_pci virtio_scsi sd_mod", false,
			true, true},
		{"|\"ahci\":true", "sata", "e1000",
			"rebuild it with ahci sd_mod", false, true, true},
		{"|", "ide", "e1000", "rebuild it with ata_piix sd_mod", false,
			true, true},
		{"\"vmw_pvscsi\":true|", "ide", "e1000", "scsihw pvscsi", false,
			true, true},
		{"\"vmw_pvscsi\":true,\"ahci\":true|", "sata", "e1000",
			"no virtio_pci", false, true, false},
	};
	struct vm vm = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const char *bar = strchr(row[i].facts, '|');
		_free_ char *text = xasprintf(
			"{\"family\":\"linux\",\"kernels\":[{\"version\":\"5\","
			"\"initramfs\":\"/i\",\"default\":true,%s"
			"\"in_initramfs\":{%.*s},\"available\":{%s}}]}",
			row[i].addable ? "\"addable\":\"x.ko\"," : "",
			(int)(bar - row[i].facts), row[i].facts, bar + 1);
		_json_ json_t *facts = NULL;
		_free_ char *reason = NULL;
		const char *bus, *nic;

		assert_int_equal(
			json_parse(text, strlen(text), &facts, NULL), 0);
		guest_propose(facts, &vm, row[i].may_fix, &bus, &nic, &reason);
		assert_string_equal(bus, row[i].bus);
		assert_string_equal(nic, row[i].nic);
		assert_non_null(strstr(reason, row[i].reason));
		assert_int_equal(guest_needs_drivers(facts), row[i].addable);
		assert_int_equal(guest_finds_no_disk(facts), row[i].blind);
	}
}

int main(void)
{
#define G(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initramfs_forms),
		cmocka_unit_test(torn_inside),
		cmocka_unit_test(proposals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
