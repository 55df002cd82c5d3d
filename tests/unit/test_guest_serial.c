/*
 * A serial console: the login by each init, the kernel's words in each form
 * of GRUB's configuration, as Debian 12 and 7, Ubuntu 12.04, RHEL 6, 8 and 9,
 * SLES 11 and Alpine have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest_dir.h"
#include "str.h"

#define WORDS " console=ttyS0,115200 console=tty0"
#define UNIT "/usr/lib/systemd/system/serial-getty@.service"
#define LINK "/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service"

static struct guest *g;
static struct guest_changes cs;

static int set_up(void **state)
{
	(void)state;
	g = guest_dir_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guest_changes_free(&cs);
	guest_dir_free(g);
	return 0;
}

static void work_out(void)
{
	guest_changes_free(&cs);
	guest_serial_changes(g, &cs);
}

static const struct guest_change *of(const char *path)
{
	for (size_t i = 0; i < cs.n; i++)
		if (strcmp(cs.c[i].path, path) == 0)
			return &cs.c[i];
	fail_msg("no change of %s", path);
	return NULL;
}

static void apply(void)
{
	for (size_t i = 0; i < cs.n; i++)
		assert_int_equal(guest_apply(g, &cs.c[i], NULL), 0);
}

/* After it was written there is nothing left to do. */
static void assert_settled(void)
{
	apply();
	work_out();
	assert_int_equal(cs.n, 0);
}

static void debian_12(void **state)
{
	(void)state;
	guest_dir_put(g, UNIT, "");
	guest_dir_put(g, "/etc/default/grub",
		"GRUB_DEFAULT=0\n"
		"GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
		"GRUB_CMDLINE_LINUX=\"\"\n");
	guest_dir_put(g, "/boot/grub/grub.cfg",
		"menuentry 'Debian GNU/Linux' {\n"
		"\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro  quiet\n"
		"\tinitrd\t/boot/initrd.img-6.1\n"
		"}\n"
		"menuentry 'Memory test' {\n"
		"\tlinux16 /boot/memtest86+.bin\n"
		"}\n"
		"submenu 'Advanced' {\n"
		"\t\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro single\n"
		"}\n");
	work_out();
	assert_int_equal(cs.n, 3);
	assert_int_equal(cs.n_left, 0);
	assert_string_equal(of(LINK)->link_to, UNIT);
	assert_string_equal(of("/etc/default/grub")->after,
		"GRUB_DEFAULT=0\n"
		"GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
		"GRUB_CMDLINE_LINUX=\"console=ttyS0,115200 console=tty0\"\n");
	assert_string_equal(of("/boot/grub/grub.cfg")->after,
		"menuentry 'Debian GNU/Linux' {\n"
		"\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro  quiet" WORDS "\n"
		"\tinitrd\t/boot/initrd.img-6.1\n"
		"}\n"
		"menuentry 'Memory test' {\n"
		"\tlinux16 /boot/memtest86+.bin\n"
		"}\n"
		"submenu 'Advanced' {\n"
		"\t\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro single" WORDS "\n"
		"}\n");
	assert_settled();
}

/* Somebody's own serial console stays as it is. */
static void has_one(void **state)
{
	(void)state;
	guest_dir_put(g, UNIT, "");
	guest_dir_link(g, LINK, "/lib/systemd/system/serial-getty@.service");
	guest_dir_put(g, "/etc/default/grub",
		"GRUB_CMDLINE_LINUX=\"console=ttyS0,9600n8\"\n");
	guest_dir_put(g, "/boot/grub/grub.cfg",
		"linux /vmlinuz-1 root=/dev/sda1 console=ttyS0,9600n8\n");
	work_out();
	assert_int_equal(cs.n + cs.n_left, 0);
}

static void default_grub_of_any_form(void **state)
{
	static const struct {
		const char *before, *after;
	} row[] = {
		{"GRUB_CMDLINE_LINUX=quiet # why\n",
			"GRUB_CMDLINE_LINUX=\"quiet" WORDS "\" # why\n"},
		{"GRUB_CMDLINE_LINUX='a b'\n",
			"GRUB_CMDLINE_LINUX='a b" WORDS "'\n"},
		{"GRUB_TIMEOUT=1\n",
			"GRUB_TIMEOUT=1\n"
			"GRUB_CMDLINE_LINUX=\"console=ttyS0,115200 "
			"console=tty0\"\n"},
	};

	(void)state;
	guest_dir_put(g, UNIT, "");
	guest_dir_put(
		g, "/boot/grub/grub.cfg", "linux /vmlinuz-1 root=LABEL=/\n");
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		guest_dir_put(g, "/etc/default/grub", row[i].before);
		work_out();
		assert_string_equal(
			of("/etc/default/grub")->after, row[i].after);
	}
}

/* Boot Loader Specification: RHEL 9's entries; RHEL 8's name a variable of
 * grubenv, which is not touched. */
static void entries_of_the_loader(void **state)
{
	(void)state;
	guest_dir_put(g, UNIT, "");
	guest_dir_put(g, "/boot/grub2/grub.cfg", "blscfg\n");
	guest_dir_put(g, "/boot/loader/entries/a.conf",
		"title A\nlinux /vmlinuz-5.14\noptions root=/dev/sda1 ro\n");
	work_out();
	assert_string_equal(of("/boot/loader/entries/a.conf")->after,
		"title A\nlinux /vmlinuz-5.14\noptions root=/dev/sda1 ro" WORDS
		"\n");
	assert_settled();
	guest_dir_put(g, "/boot/loader/entries/a.conf",
		"title A\nlinux /vmlinuz-4.18\noptions $kernelopts $tuned\n");
	guest_dir_put(g, "/etc/kernel/cmdline", "root=/dev/sda1 ro\n");
	work_out();
	assert_string_equal(of("/boot/loader/entries/a.conf")->after,
		"title A\nlinux /vmlinuz-4.18\noptions $kernelopts $tuned" WORDS
		"\n");
	assert_string_equal(of("/etc/kernel/cmdline")->after,
		"root=/dev/sda1 ro" WORDS "\n");
	assert_settled();
	/* Whose root is nowhere in the line. */
	guest_dir_put(g, "/boot/loader/entries/a.conf",
		"title A\nlinux /vmlinuz-4.18\noptions $mine\n");
	work_out();
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 1);
	assert_non_null(strstr(cs.left[0], "add \"console=ttyS0,115200"));
}

static void rhel_uefi(void **state)
{
	(void)state;
	guest_dir_put(g, UNIT, "");
	guest_dir_put(g, "/boot/efi/EFI/redhat/grub.cfg",
		"\tlinuxefi /vmlinuz-3.10 root=/dev/mapper/a-root ro\n");
	work_out();
	assert_string_equal(of("/boot/efi/EFI/redhat/grub.cfg")->after,
		"\tlinuxefi /vmlinuz-3.10 root=/dev/mapper/a-root ro" WORDS
		"\n");
	assert_settled();
}

/* Upstart, GRUB legacy, whose menu.lst is a link, and securetty. */
static void rhel_6(void **state)
{
	(void)state;
	guest_dir_put(g, "/sbin/initctl", "");
	guest_dir_put(g, "/sbin/agetty", "");
	guest_dir_put(g, "/etc/init/tty.conf", "");
	guest_dir_put(g, "/etc/inittab", "id:3:initdefault:\n");
	guest_dir_put(g, "/etc/securetty", "console\ntty1\n");
	guest_dir_put(g, "/boot/grub/grub.conf",
		"default=0\ntitle CentOS\n"
		"\tkernel /vmlinuz-2.6.32 ro root=/dev/sda1\n");
	guest_dir_link(g, "/boot/grub/menu.lst", "./grub.conf");
	work_out();
	assert_int_equal(cs.n, 3);
	assert_non_null(strstr(of("/etc/init/ttyS0.conf")->after,
		"\nexec /sbin/agetty -L 115200 ttyS0 vt100\n"));
	assert_string_equal(
		of("/etc/securetty")->after, "console\ntty1\nttyS0\n");
	assert_string_equal(of("/boot/grub/grub.conf")->after,
		"default=0\ntitle CentOS\n"
		"\tkernel /vmlinuz-2.6.32 ro root=/dev/sda1" WORDS "\n");
	assert_settled();
}

static void inittabs(void **state)
{
	static const struct {
		const char *alpine, *before, *after;
	} row[] = {
		/* Debian 7 has it as a comment, SLES 11 too. */
		{NULL,
			"id:2:initdefault:\n"
			"#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n"
			"#T3:23:respawn:/sbin/mgetty -x0 -s 57600 ttyS3\n",
			"id:2:initdefault:\n"
			"T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n"
			"#T3:23:respawn:/sbin/mgetty -x0 -s 57600 ttyS3\n"},
		{NULL, "id:3:initdefault:\n",
			"id:3:initdefault:\n"
			"S0:2345:respawn:/sbin/getty -L 115200 ttyS0 vt100\n"},
		{"3.19.0\n", "tty1::respawn:/sbin/getty 38400 tty1\n",
			"tty1::respawn:/sbin/getty 38400 tty1\n"
			"ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		if (row[i].alpine)
			guest_dir_put(g, "/etc/alpine-release", row[i].alpine);
		guest_dir_put(g, "/etc/inittab", row[i].before);
		work_out();
		assert_string_equal(of("/etc/inittab")->after, row[i].after);
		/* No GRUB is there: said. */
		assert_int_equal(cs.n_left, 1);
		assert_settled();
	}
}

static void neither_is_known(void **state)
{
	(void)state;
	work_out();
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 2);
}

static void only_when_wanted(void **state)
{
	_json_ json_t *want = json_object();

	(void)state;
	guest_dir_put(g, UNIT, "");
	guest_changes_free(&cs);
	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
	assert_int_equal(cs.n, 0);
	json_put_bool(want, "serial", true);
	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
	assert_int_equal(cs.n, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(debian_12), T(has_one),
		T(default_grub_of_any_form), T(entries_of_the_loader),
		T(rhel_uefi), T(rhel_6), T(inittabs), T(neither_is_known),
		T(only_when_wanted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
