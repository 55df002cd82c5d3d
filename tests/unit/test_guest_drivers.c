/*
 * Drivers added to an initramfs: what cpio(1) reads of it afterwards, in
 * every compression and both forms, and all the cases in which nothing may be
 * added. The guest is a directory tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest/initramfs.h"
#include "guest_dir.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

#define MODULES "/lib/modules/6.1-test/"
#define IMAGE "/boot/initrd.img-6.1-test"

static struct guest *g;
static char dir[TEST_DIR_LEN];

static void run(const char *const argv[], const char *input, size_t n,
	struct proc_result *r)
{
	struct proc_opts o = {.input = input, .input_len = n};
	struct err e = {0};

	if (proc_must(argv, &o, r, ERR_IO, &e))
		fail_msg("%s: %s", argv[0], e.why);
}

static int set_up(void **state)
{
	static const char *const modules[] = {"virtio/virtio.ko",
		"virtio/virtio_ring.ko", "virtio/virtio_pci.ko",
		"scsi/virtio_scsi.ko", "block/virtio_blk.ko", "scsi/sd_mod.ko",
		"scsi/vmw_pvscsi.ko"};

	(void)state;
	g = guest_dir_new();
	assert_non_null(test_dir(dir, "drivers"));
	for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
		_free_ char *p =
			xasprintf(MODULES "kernel/drivers/%s", modules[i]);

		guest_dir_put(g, p, modules[i]);
	}
	guest_dir_put(g, "/boot/vmlinuz-6.1-test", "kernel");
	guest_dir_put(g, MODULES "modules.dep",
		"kernel/drivers/virtio/virtio.ko:\n"
		"kernel/drivers/virtio/virtio_ring.ko:\n"
		"kernel/drivers/virtio/virtio_pci.ko: "
		"kernel/drivers/virtio/virtio.ko "
		"kernel/drivers/virtio/virtio_ring.ko\n"
		"kernel/drivers/scsi/virtio_scsi.ko: "
		"kernel/drivers/virtio/virtio.ko "
		"kernel/drivers/virtio/virtio_ring.ko\n"
		"kernel/drivers/block/virtio_blk.ko: "
		"kernel/drivers/virtio/virtio.ko\n"
		"kernel/drivers/scsi/sd_mod.ko:\n"
		"kernel/drivers/scsi/vmw_pvscsi.ko:\n");
	guest_dir_put(g, MODULES "modules.dep.bin", "whole index");
	guest_dir_put(g, MODULES "modules.alias", "alias pci:v00001AF4\n");
	return 0;
}

static int tear_down(void **state)
{
	struct proc_result r = {0};

	(void)state;
	guest_dir_free(g);
	run((const char *const[]){"rm", "-r", dir, NULL}, NULL, 0, &r);
	proc_result_free(&r);
	return 0;
}

/* --- making one --- */

static void tree_put(const char *path, const char *text)
{
	_free_ char *full = path_join(dir, path), *up = xstrdup(full);

	*strrchr(up, '/') = '\0';
	assert_int_equal(file_mkdirs(up, 0755, NULL), 0);
	assert_int_equal(file_write(full, text, strlen(text), 0644, NULL), 0);
}

/* The archive of the tree, by cpio(1), compressed by `tool` (or null). */
static void make(const char *const *tool, bool early)
{
	struct proc_result list = {0}, cpio = {0}, packed = {0};
	_buf_ struct buf b = {0};
	_free_ char *file = xasprintf("%s.img", dir);

	run((const char *const[]){"find", dir, "-mindepth", "1", "-printf",
		    "%P\\n", NULL},
		NULL, 0, &list);
	run((const char *const[]){"cpio", "-o", "-H", "newc", "--quiet", "-D",
		    dir, NULL},
		list.out, list.out_len, &cpio);
	if (early) {
		/* Microcode, as Debian puts it first. */
		_free_ char *first = xstrdup("kernel\n");
		_free_ char *top = path_join(dir, ".early");
		_free_ char *kernel = path_join(top, "kernel");
		struct proc_result micro = {0};

		run((const char *const[]){"mkdir", "-p", kernel, NULL}, NULL, 0,
			&micro);
		proc_result_free(&micro);
		run((const char *const[]){"cpio", "-o", "-H", "newc", "--quiet",
			    "-D", top, NULL},
			first, strlen(first), &micro);
		buf_add(&b, micro.out, micro.out_len);
		proc_result_free(&micro);
	}
	if (tool) {
		run(tool, cpio.out, cpio.out_len, &packed);
		buf_add(&b, packed.out, packed.out_len);
	} else {
		buf_add(&b, cpio.out, cpio.out_len);
	}
	assert_int_equal(file_write(file, b.s, b.len, 0600, NULL), 0);
	guest_dir_copy(g, IMAGE, file);
	unlink(file);
	proc_result_free(&list);
	proc_result_free(&cpio);
	proc_result_free(&packed);
}

static void debian_tree(void)
{
	tree_put("usr/lib/modules/6.1-test/kernel/drivers/scsi/vmw_pvscsi.ko",
		"scsi/vmw_pvscsi.ko");
	tree_put("usr/lib/modules/6.1-test/kernel/drivers/scsi/sd_mod.ko",
		"scsi/sd_mod.ko");
	tree_put("usr/lib/modules/6.1-test/modules.dep.bin", "small index");
	tree_put("conf/initramfs.conf", "MODULES=dep\n");
	tree_put("init", "#!/bin/sh\n");
	_free_ char *link = path_join(dir, "lib");

	assert_int_equal(symlink("usr/lib", link), 0);
}

/* --- what becomes of it --- */

static struct guest_change *change(struct guest_changes *cs)
{
	_json_ json_t *want = NULL;
	static const char none[] =
		"{\"tools_off\":false,\"efi\":false,\"fstrim\":false}";

	assert_int_equal(json_parse(none, strlen(none), &want, NULL), 0);
	assert_int_equal(guest_changes(g, want, cs, NULL), 0);
	return cs->n ? &cs->c[0] : NULL;
}

/* The archive unpacked by other programs than ours, into dir/x. */
static void unpack(void)
{
	_free_ char *file = path_join(guest_dir_root(g), &IMAGE[1]);
	_free_ char *to = path_join(dir, "x");
	_initramfs_ struct initramfs r = {0};
	struct proc_result plain = {0}, out = {0};
	_free_ char *data = NULL;
	size_t len, at;

	assert_int_equal(file_mkdirs(to, 0755, NULL), 0);
	assert_int_equal(initramfs_read(file, &r, NULL), 0);
	assert_int_equal(file_read(file, 1 << 24, &data, &len, NULL), 0);
	at = r.early.len;
	if (r.packed) {
		run((const char *const[]){"gzip", "-dc", NULL}, data + at,
			len - at, &plain);
		run((const char *const[]){"cpio", "-i", "-d", "--quiet", "-D",
			    to, NULL},
			plain.out, plain.out_len, &out);
	} else {
		run((const char *const[]){"cpio", "-i", "-d", "--quiet", "-D",
			    to, NULL},
			data + at, len - at, &out);
	}
	proc_result_free(&plain);
	proc_result_free(&out);
}

static void holds(const char *path, const char *text)
{
	_free_ char *full = xasprintf("%s/x/%s", dir, path), *got = NULL;

	if (file_read(full, 1 << 20, &got, NULL, NULL))
		fail_msg("%s is not in it", path);
	assert_string_equal(got, text);
}

static void check_whole(const char *at)
{
	static const char *const files[] = {"virtio/virtio.ko",
		"virtio/virtio_ring.ko", "virtio/virtio_pci.ko",
		"scsi/virtio_scsi.ko", "block/virtio_blk.ko", "scsi/sd_mod.ko",
		"scsi/vmw_pvscsi.ko"};

	unpack();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_free_ char *p =
			xasprintf("%s/kernel/drivers/%s", at, files[i]);

		holds(p, files[i]);
	}
	_free_ char *dep = xasprintf("%s/modules.dep.bin", at);
	_free_ char *alias = xasprintf("%s/modules.alias", at);

	holds(dep, "whole index");
	holds(alias, "alias pci:v00001AF4\n");
	holds("init", "#!/bin/sh\n");
}

static void one_form(const char *const *tool, bool early)
{
	_changes_ struct guest_changes cs = {0}, again = {0};
	struct guest_change *c;
	_free_ char *before = NULL, *kept = NULL;

	make(tool, early);
	before = guest_dir_get(g, IMAGE);
	c = change(&cs);
	assert_non_null(c);
	assert_string_equal(c->path, IMAGE);
	_free_ char *diff = guest_diff(c);

	assert_non_null(strstr(diff, "add to " IMAGE));
	assert_non_null(strstr(diff, "scsi/virtio_scsi.ko\n"));
	assert_null(strstr(diff, "sd_mod"));
	assert_int_equal(guest_apply(g, c, NULL), 0);
	check_whole("usr/lib/modules/6.1-test");
	/* A link stays a link. */
	_free_ char *x = xasprintf("%s/x/lib", dir);
	char to[16] = "";

	assert_int_equal(readlink(x, to, sizeof(to) - 1), 7);
	kept = guest_dir_get(g, IMAGE ".vmferry-before");
	assert_string_equal(kept, before);
	/* A second look finds nothing to do. */
	json_decref(g->kernels);
	g->kernels = NULL;
	assert_null(change(&again));
}

static void gzip_form(void **state)
{
	static const char *const tool[] = {"gzip", "-c", NULL};

	(void)state;
	debian_tree();
	one_form(tool, true);
}

static void xz_form(void **state)
{
	static const char *const tool[] = {"xz", "--check=crc32", "-c", NULL};

	(void)state;
	debian_tree();
	one_form(tool, false);
}

static void zstd_form(void **state)
{
	static const char *const tool[] = {"zstd", "-q", "-c", NULL};

	(void)state;
	debian_tree();
	one_form(tool, true);
}

static void lz4_form(void **state)
{
	static const char *const tool[] = {"lz4", "-l", "-c", NULL};

	(void)state;
	debian_tree();
	one_form(tool, true);
}

static void plain_form(void **state)
{
	(void)state;
	debian_tree();
	one_form(NULL, true);
}

static void dracut_form(void **state)
{
	static const char *const tool[] = {"gzip", "-c", NULL};
	_changes_ struct guest_changes cs = {0};

	(void)state;
	tree_put("lib/modules/6.1-test/kernel/drivers/scsi/vmw_pvscsi.ko",
		"scsi/vmw_pvscsi.ko");
	tree_put("lib/dracut/hooks/pre-udev/x.sh", "");
	tree_put("init", "#!/bin/sh\n");
	make(tool, false);
	assert_non_null(change(&cs));
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	check_whole("lib/modules/6.1-test");
}

/* --- where nothing may be added --- */

static void nothing(const char *why)
{
	static const char *const tool[] = {"gzip", "-c", NULL};
	_changes_ struct guest_changes cs = {0};
	_free_ char *before = NULL, *after = NULL;

	make(tool, false);
	before = guest_dir_get(g, IMAGE);
	assert_null(change(&cs));
	after = guest_dir_get(g, IMAGE);
	assert_string_equal(before, after);
	if (!why)
		return;
	assert_int_equal(cs.n_left, 1);
	assert_non_null(strstr(cs.left[0], why));
}

static void it_has_virtio(void **state)
{
	(void)state;
	debian_tree();
	tree_put("usr/lib/modules/6.1-test/kernel/drivers/virtio/"
		 "virtio_pci.ko",
		"");
	tree_put("usr/lib/modules/6.1-test/kernel/drivers/scsi/virtio_scsi.ko",
		"");
	nothing(NULL);
}

static void another_tool(void **state)
{
	(void)state;
	debian_tree();
	_free_ char *conf = path_join(dir, "conf/initramfs.conf");

	unlink(conf);
	nothing("rebuild it in the guest");
}

/* Modules that were unpacked when the archive was made: the kernel's index
 * would not find them. */
static void other_names(void **state)
{
	(void)state;
	debian_tree();
	tree_put("usr/lib/modules/6.1-test/kernel/drivers/scsi/sd_mod.ko.xz",
		"");
	nothing("rebuild it in the guest");
}

static void no_gzip(void **state)
{
	(void)state;
	debian_tree();
	guest_dir_put(g, "/boot/config-6.1-test",
		"# CONFIG_RD_GZIP is not set\nCONFIG_RD_ZSTD=y\n");
	nothing("rebuild it in the guest");
}

/* Torn anywhere: never an archive that files are added to, unless the tear is
 * behind its end. */
static void torn(void **state)
{
	_free_ char *file = NULL, *data = NULL, *part = NULL;
	size_t len;

	(void)state;
	debian_tree();
	make(NULL, true);
	file = path_join(guest_dir_root(g), &IMAGE[1]);
	part = path_join(dir, "part");
	assert_int_equal(file_read(file, 1 << 24, &data, &len, NULL), 0);
	for (size_t n = 0; n < len; n += 1 + len / 200) {
		_initramfs_ struct initramfs r = {0};

		assert_int_equal(file_write(part, data, n, 0600, NULL), 0);
		if (initramfs_read(part, &r, NULL))
			continue;
		if (!initramfs_holds(&r, "init") ||
			!initramfs_holds(&r, "conf/initramfs.conf"))
			assert_null(guest_drivers_missing(g, &r, "6.1-test"));
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(gzip_form),
		T(xz_form),
		T(zstd_form),
		T(lz4_form),
		T(plain_form),
		T(dracut_form),
		T(it_has_virtio),
		T(another_tool),
		T(other_names),
		T(no_gzip),
		T(torn),
	};

	return cmocka_run_group_tests_name("drivers", tests, NULL, NULL);
}
