/*
 * The boot oracle: the words of real consoles, what looks like them and is
 * none, screens drawn with this machine's console font and read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "oracle.h"
#include "pack.h"
#include "screen.h"

static void reads_consoles(void **state)
{
	static const struct {
		const char *text;
		enum boot_sign sign;
		const char *evidence;
	} row[] = {
		{"", BOOT_NOTHING, ""},
		{"[    0.000000] Linux version 6.1.0\n\n", BOOT_NOTHING,
			"[    0.000000] Linux version 6.1.0"},
		{"Debian GNU/Linux 12 web01 ttyS0\r\n\r\nweb01 login: ",
			BOOT_LOGIN, "web01 login:"},
		{"Last login: Sun Nov 22 02:11:00 from 10.0.0.1\n",
			BOOT_NOTHING,
			"Last login: Sun Nov 22 02:11:00 from 10.0.0.1"},
		{"sshd: failed login: root\n", BOOT_NOTHING,
			"sshd: failed login: root"},
		{"Gave up waiting for root file system device.\n"
		 "ALERT!  UUID=5e1f does not exist.  Dropping to a shell!\n"
		 "BusyBox v1.30.1 built-in shell (ash)\n(initramfs) ",
			BOOT_INITRAMFS, "(initramfs)"},
		{"Warning: /dev/mapper/centos-root does not exist\n"
		 "Generating \"/run/initramfs/rdsosreport.txt\"\n\n"
		 "Entering emergency mode. Exit the shell to continue.\n"
		 "dracut:/# ",
			BOOT_DRACUT, "dracut:/#"},
		{"You are in emergency mode. After logging in, type\n"
		 "Give root password for maintenance\n"
		 "(or press Control-D to continue): ",
			BOOT_EMERGENCY, "Give root password for maintenance"},
		{"[    2.1] VFS: Cannot open root device\n"
		 "[    2.2] Kernel panic - not syncing: VFS: Unable to mount "
		 "root fs on unknown-block(0,0)\n[    2.3] CPU: 0\n",
			BOOT_PANIC,
			"[    2.2] Kernel panic - not syncing: VFS: Unable to "
			"mount root fs on unknown-block(0,0)"},
		{"GRUB loading.\nerror: no such device: 1f2e.\n"
		 "Entering rescue mode...\ngrub rescue> ",
			BOOT_GRUB, "grub rescue>"},
		{"Booting from Hard Disk...\nBoot failed: not a bootable "
		 "disk\n\nNo bootable device.\n",
			BOOT_NO_DEVICE, "No bootable device."},
		{"BdsDxe: failed to load Boot0001 \"UEFI QEMU HARDDISK\"\r\n"
		 "UEFI Interactive Shell v2.2\r\n\033[1mShell> \033[0m",
			BOOT_EFI, "UEFI Interactive Shell v2.2"},
		{"A problem has been detected and Windows has been shut down\n"
		 "*** STOP: 0x0000007B (0xF78D2524,0xC0000034)\n"
		 "A problem has been detected and Windows\n",
			BOOT_STOP_7B,
			"*** STOP: 0x0000007B (0xF78D2524,0xC0000034)"},
		{"*** STOP: 0x000000D1 (0x0000000C)\n", BOOT_STOP,
			"*** STOP: 0x000000D1 (0x0000000C)"},
		{"BOOTMGR is missing\nPress Ctrl+Alt+Del to restart\n",
			BOOT_LOADER, "BOOTMGR is missing"},
		/* A BIOS that went on, a shell that was left. */
		{"Boot failed: not a bootable disk\nBooting from Hard Disk\n"
		 "(initramfs) exit\nweb01 login: ",
			BOOT_LOGIN, "web01 login:"},
		/* Drawn over itself; a hostile line is no control text. */
		{"loading...\rgrub> \033]0;x\007", BOOT_GRUB, "grub> 0;x?"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct boot_verdict v;

		oracle_read(row[i].text, &v);
		assert_string_equal(v.evidence, row[i].evidence);
		assert_int_equal(v.sign, row[i].sign);
	}
}

static void every_sign_has_words(void **state)
{
	(void)state;
	for (int s = BOOT_NOTHING; s <= BOOT_LOADER; s++) {
		assert_true(strlen(boot_sign_name(s)) > 5);
		assert_true(strlen(boot_sign_advice(s)) > 5);
	}
	assert_true(boot_sign_is_bus(BOOT_DRACUT));
	assert_false(boot_sign_is_bus(BOOT_EMERGENCY));
}

/* --- screens --- */

#define FONT "/usr/share/consolefonts/Lat15-VGA16.psf.gz"

static unsigned char *font(void)
{
	static struct buf b;
	_free_ char *file = NULL;
	size_t len;

	if (!b.len &&
		(file_read(FONT, 1 << 20, &file, &len, NULL) ||
			pack_undo(file, len, 1 << 20, &b, NULL, NULL)))
		return NULL;
	return (unsigned char *)b.s + 4;
}

struct look {
	unsigned w, h, cell;
	unsigned char ground[3], ink[3];
	unsigned wrong; /* every wrong-th dot of a letter is missing */
};

static char *draw(const struct look *k, const char *text, size_t *len)
{
	_free_ char *head = xasprintf("P6\n# QEMU\n%u %u\n255\n", k->w, k->h);
	size_t at = strlen(head), row = 0, column = 0, dots = 0;
	char *ppm;

	*len = at + k->w * k->h * 3;
	ppm = xmalloc(*len);
	memcpy(ppm, head, at);
	for (size_t i = at; i < *len; i += 3)
		memcpy(ppm + i, k->ground, 3);
	for (; *text; text++) {
		const unsigned char *g = font() + (unsigned char)*text * 16;

		if (*text == '\n') {
			row++;
			column = 0;
			continue;
		}
		for (size_t y = 0; y < 16; y++)
			for (size_t x = 0; x < 8; x++)
				if (g[y] & (0x80 >> x) &&
					(!k->wrong || ++dots % k->wrong))
					memcpy(ppm + at +
							((row * 16 + y) * k->w +
								column *
									k->cell +
								x) *
								3,
						k->ink, 3);
		column++;
	}
	return ppm;
}

static void reads_screens(void **state)
{
	static const struct look looks[] = {
		{720, 400, 9, {0, 0, 0}, {170, 170, 170}, 0},
		{640, 480, 8, {0, 0, 0}, {255, 255, 255}, 0},
		{1280, 800, 8, {0, 0, 0}, {170, 170, 170}, 7},
		{1024, 768, 8, {255, 255, 255}, {0, 0, 0}, 0}};
	static const char text[] =
		"ALERT!  UUID=5e1fb8a4-0d6c does not exist.\n"
		"  Dropping to a shell!\n\n(initramfs) _\n";

	(void)state;
	if (!font()) {
		print_message("needs " FONT "\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		size_t len;
		_free_ char *ppm = draw(&looks[i], text, &len), *got = NULL;
		struct boot_verdict v;

		assert_int_equal(screen_text(ppm, len, &got, NULL), 0);
		assert_memory_equal(got, text, strlen(text) - 1);
		oracle_read(got, &v);
		assert_int_equal(v.sign, BOOT_INITRAMFS);
		/* Torn anywhere it is refused. */
		for (size_t n = 0; n < len; n += 1 + len / 50) {
			char *none;

			assert_int_equal(screen_text(ppm, n, &none, NULL), -1);
		}
	}
}

static void sees_blue(void **state)
{
	static const struct look blue = {
		1280, 800, 8, {0, 120, 215}, {255, 255, 255}, 0};
	_free_ char *ppm = NULL, *got = NULL;
	size_t len;

	(void)state;
	if (!font())
		skip();
	ppm = draw(&blue, ":(\n", &len);
	assert_int_equal(screen_text(ppm, len, &got, NULL), 0);
	assert_memory_equal(got, "blue screen\n", 12);
}

static void no_picture(void **state)
{
	static const char *const bad[] = {"", "P5\n1 1\n255\n000",
		"P6\n0 1\n255\n", "P6\n99999 1\n255\n", "P6\n1 1\n65535\n000",
		"P6\n-1 1\n255\n000", "P6\n8 8\n255"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *out;

		assert_int_equal(
			screen_text(bad[i], strlen(bad[i]), &out, NULL), -1);
	}
}

static void reads_text_memory(void **state)
{
	struct buf b = {0};
	static const char text[] = "No bootable device.";

	(void)state;
	for (size_t i = 0; i < 80 * 25; i++) {
		unsigned c =
			i >= 80 && i < 80 + strlen(text) ? text[i - 80] : ' ';

		if (i % 8 == 0)
			buf_addf(&b, "%s%016zx:", i ? "\r\n" : "",
				0xb8000 + 2 * i);
		buf_addf(&b, " 0x%04x", 0x700 | c);
	}
	_free_ char *got = screen_vga(b.s);
	struct boot_verdict v;

	assert_memory_equal(got, "\nNo bootable device.\n\n", 22);
	oracle_read(got, &v);
	assert_int_equal(v.sign, BOOT_NO_DEVICE);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_consoles),
		cmocka_unit_test(every_sign_has_words),
		cmocka_unit_test(reads_screens),
		cmocka_unit_test(sees_blue),
		cmocka_unit_test(no_picture),
		cmocka_unit_test(reads_text_memory),
	};

	return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
