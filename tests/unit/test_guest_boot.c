/* Which kernel the guest's boot loader starts: GRUB 2, its saved entry, entries
 * of the Boot Loader Specification, GRUB legacy. The guest is a directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest_dir.h"
#include "str.h"

static struct guest *g;

static int set_up(void **state)
{
	(void)state;
	g = guest_dir_new();
	guest_dir_put(g, "/boot/vmlinuz-6.1.0-18-amd64", "");
	guest_dir_put(g, "/boot/vmlinuz-6.1.0-9-amd64", "");
	guest_dir_put(g, "/lib/modules/6.1.0-18-amd64/modules.dep", "");
	guest_dir_put(g, "/lib/modules/6.1.0-9-amd64/modules.dep", "");
	guest_dir_put(g, "/boot/vmlinuz-0-rescue-abc", "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guest_dir_free(g);
	return 0;
}

#define NEW "6.1.0-18-amd64"
#define OLD "6.1.0-9-amd64"

static void starts(const char *version, const char *by)
{
	const json_t *k;
	size_t i, n = 0;

	json_decref(g->kernels);
	g->kernels = NULL;
	json_array_foreach (guest_kernels(g), i, k) {
		if (!json_flag(k, "default", false))
			continue;
		n++;
		assert_string_equal(json_str(k, "version"), version);
		assert_string_equal(json_str(k, "chosen_by"), by);
	}
	assert_int_equal(n, 1);
}

/* As Debian's grub-mkconfig writes it, with a default. */
static void debian_cfg(const char *def)
{
	_free_ char *cfg = xasprintf(
		"if [ -s $prefix/grubenv ]; then\n"
		"  set have_grubenv=true\n  load_env\nfi\n"
		"if [ \"${next_entry}\" ] ; then\n"
		"   set default=\"${next_entry}\"\n"
		"   set next_entry=\n   save_env next_entry\n"
		"   set boot_once=true\nelse\n   set default=\"%s\"\nfi\n"
		"function savedefault {\n  if [ -z \"${boot_once}\" ]; then\n"
		"    saved_entry=\"${chosen}\"\n  fi\n}\n"
		"menuentry 'Debian GNU/Linux' --class debian --class gnu "
		"$menuentry_id_option 'gnulinux-simple-aa' {\n"
		"\tload_video\n\tif [ x$grub_platform = xxen ]; then insmod "
		"xzio; fi\n"
		"\tlinux\t/boot/vmlinuz-" NEW " root=UUID=aa ro  quiet\n"
		"\tinitrd\t/boot/initrd.img-" NEW "\n}\n"
		"submenu 'Advanced options for Debian GNU/Linux' "
		"$menuentry_id_option 'gnulinux-advanced-aa' {\n"
		"\tmenuentry 'Debian GNU/Linux, with Linux " NEW "' "
		"$menuentry_id_option 'gnulinux-" NEW "-advanced-aa' {\n"
		"\t\tlinux\t/boot/vmlinuz-" NEW " root=UUID=aa ro\n\t}\n"
		"\tmenuentry 'Debian GNU/Linux, with Linux " OLD "' "
		"$menuentry_id_option 'gnulinux-" OLD "-advanced-aa' {\n"
		"\t\tlinux\t/boot/vmlinuz-" OLD " root=UUID=aa ro\n\t}\n}\n"
		"menuentry 'Memory test' {\n\tlinux16 /boot/memtest86+.bin\n"
		"}\n",
		def);

	guest_dir_put(g, "/boot/grub/grub.cfg", cfg);
}

static void grub_default(void **state)
{
	static const char *const row[][3] = {{"0", NEW, "GRUB"},
		{"1>1", OLD, "GRUB"}, {"1", NEW, "GRUB"},
		{"gnulinux-advanced-aa>gnulinux-" OLD "-advanced-aa", OLD,
			"GRUB"},
		{"Advanced options for Debian GNU/Linux>Debian GNU/Linux, "
		 "with Linux " OLD,
			OLD, "GRUB"},
		/* GRUB takes the first for what is not there. */
		{"no such entry", NEW, "GRUB"}, {"1>7", NEW, "GRUB"},
		{"", NEW, "GRUB"},
		/* No kernel of the guest's. */
		{"Memory test", NEW, "newest"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		debian_cfg(row[i][0]);
		starts(row[i][1], row[i][2]);
	}
}

static void grub_saved(void **state)
{
	(void)state;
	debian_cfg("${saved_entry}");
	starts(NEW, "GRUB");
	guest_dir_put(g, "/boot/grub/grubenv",
		"# GRUB Environment Block\n"
		"saved_entry=gnulinux-advanced-aa>gnulinux-" OLD
		"-advanced-aa\n"
		"########################");
	starts(OLD, "GRUB");
}

static void bls_entries(void **state)
{
	(void)state;
	guest_dir_put(g, "/boot/grub2/grub.cfg",
		"set default=\"${saved_entry}\"\ninsmod blscfg\nblscfg\n");
	starts(NEW, "newest");
	guest_dir_put(g, "/boot/grub2/grubenv",
		"# GRUB Environment Block\nsaved_entry=ab12-" OLD "\n");
	guest_dir_put(g, "/boot/loader/entries/ab12-" OLD ".conf",
		"title Red Hat\nversion " OLD "\nlinux /vmlinuz-" OLD
		"\ninitrd /initramfs-" OLD ".img $tuned_initrd\n");
	guest_dir_put(g, "/boot/loader/entries/ab12-" NEW ".conf",
		"title Red Hat\nlinux /vmlinuz-" NEW "\n");
	starts(OLD, "GRUB");
}

static void put_menu(const char *def)
{
	_free_ char *menu =
		xasprintf("# default=7\n%s\ntimeout=5\nhiddenmenu\n"
			  "title CentOS (" NEW ")\n\troot (hd0,0)\n"
			  "\tkernel /vmlinuz-" NEW " ro root=/dev/sda2\n"
			  "\tinitrd /initramfs-" NEW ".img\n"
			  "title CentOS (" OLD ")\n\troot (hd0,0)\n"
			  "\tkernel /vmlinuz-" OLD " ro root=/dev/sda2\n",
			def);

	guest_dir_put(g, "/boot/grub/menu.lst", menu);
}

static void legacy_menu(void **state)
{
	static const char *const row[][2] = {{"default=1", OLD},
		{"default 0", NEW}, {"default\t\t1", OLD}, {"fallback=1", NEW}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		put_menu(row[i][0]);
		starts(row[i][1], "GRUB");
	}
	put_menu("default saved");
	starts(NEW, "GRUB");
	guest_dir_put(g, "/boot/grub/default", "1\n#\n#\n");
	starts(OLD, "GRUB");
}

/* Torn anywhere: some kernel, never a fault. */
static void torn_cfg(void **state)
{
	(void)state;
	debian_cfg("1>1");
	_free_ char *whole = guest_dir_get(g, "/boot/grub/grub.cfg");

	for (size_t n = strlen(whole); n; n -= n > 40 ? 37 : 1) {
		_free_ char *part = xstrndup(whole, n);
		_free_ char *k = NULL;

		guest_dir_put(g, "/boot/grub/grub.cfg", part);
		k = guest_boot_kernel(g);
		assert_true(!k || strlen(k) < n);
	}
	guest_dir_put(g, "/boot/grub/grub.cfg",
		"}}}}{{{{{{{{{{{{{\nmenuentry\nsubmenu 'a {\nlinux\n");
	_free_ char *k = guest_boot_kernel(g);

	assert_null(k);
}

static void nothing_known(void **state)
{
	(void)state;
	starts(NEW, "newest");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(grub_default),
		T(grub_saved),
		T(bls_entries),
		T(legacy_menu),
		T(torn_cfg),
		T(nothing_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
