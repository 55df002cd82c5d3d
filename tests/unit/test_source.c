/* Local sources: raw files with holes, images that QEMU understands, OVAs;
 * and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/digest.h"
#include "real_disk.h"

static void run(const char *const argv[])
{
	struct err e = {0};

	must(proc_must(argv, NULL, NULL, ERR_IO, &e), &e);
}

static void convert(const char *from, const char *format, const char *options,
	const char *to)
{
	const char *const argv[] = {"qemu-img", "convert", "-f", "raw", "-O",
		format, "-o", options, from, to, NULL};

	run(argv);
}

/* Blocks of the copy that hold something by the image's own map, in bytes. */
static uint64_t allocated(const char *image, const char *format, uint64_t size)
{
	const char *const argv[] = {
		"qemu-img", "map", "--output=json", "-f", format, image, NULL};
	_proc_ struct proc_result r = {0};
	_extents_ struct extents x = {0}, whole = {0};
	_json_ json_t *map = NULL;
	struct err e = {0};
	json_t *o;
	size_t i;

	must(proc_run(argv, NULL, &r, &e), &e);
	must(json_parse(r.out, strlen(r.out), &map, &e), &e);
	json_array_foreach (map, i, o) {
		uint64_t len = json_u64(o, "length", 0);

		len = len < size - extents_end(&x) ? len
						   : size - extents_end(&x);
		extents_add(&x, len,
			json_flag(o, "data", false) &&
				!json_flag(o, "zero", false));
	}
	assert_int_equal(extents_end(&x), size);
	extents_align(&x, 65536, &whole);
	return extents_data_in(&whole, 0, size);
}

/* Copy spec into a new raw file: it is src.raw then. Bytes read. */
static uint64_t same_as_src(const char *spec)
{
	_free_ char *src = real_path("src.raw"), *dst = real_path("dst.raw");
	_free_ char *target = real_spec("raw:", "dst.raw");
	_free_ char *state = real_path("state");
	_copy_result_ struct copy_result r = {0};
	struct real_copy c = {.source = spec, .target = target, .create = true};
	struct err e = {0};

	unlink(dst);
	unlink(state);
	must(real_run(&c, state, &r, &e), &e);
	real_same(src, "raw", dst);
	assert_true(r.skipped_by_map > 0);
	assert_null(r.map_note);
	assert_int_equal(r.read + r.skipped_by_map, r.provisioned);
	return r.read;
}

/* An image file is read where it is allocated, and nowhere else. */
static void allocated_is_read(const char *image, const char *format)
{
	_free_ char *src = real_path("src.raw");
	struct stat st;
	uint64_t read = same_as_src(image);

	assert_int_equal(stat(src, &st), 0);
	assert_int_equal(read, allocated(image, format, st.st_size));
}

/* As ESXi leaves a disk: a descriptor, and a flat file of zeros and data. */
static void vmfs(const char *src)
{
	_free_ char *text = NULL, *flat = real_path("e-flat.vmdk");
	_free_ char *disk = real_path("e.vmdk");
	const char *const cp[] = {"cp", "--sparse=always", src, flat, NULL};
	struct err e = {0};
	struct stat st;

	run(cp);
	assert_int_equal(stat(flat, &st), 0);
	text = xasprintf("# Disk DescriptorFile\nversion=1\nCID=fffffffe\n"
			 "parentCID=ffffffff\ncreateType=\"vmfs\"\n"
			 "RW %llu VMFS \"e-flat.vmdk\"\n"
			 "ddb.adapterType = \"lsilogic\"\n",
		(unsigned long long)st.st_size / 512);
	must(file_write(disk, text, strlen(text), 0600, &e), &e);
	assert_int_equal(same_as_src(disk), allocated(flat, "raw", st.st_size));
}

static void raw_with_holes(void **state)
{
	_free_ char *src = real_path("src.raw");

	(void)state;
	real_need();
	srandom(1);
	for (int i = 0; i < 5; i++) {
		real_raw(src, 512 * (2000 + random() % 30000));
		allocated_is_read(src, "raw");
	}
}

static void images(void **state)
{
	static const char *const kinds[] = {"monolithicSparse",
		"monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat",
		"streamOptimized"};
	_free_ char *src = real_path("src.raw"), *q = real_path("a.qcow2");

	(void)state;
	real_need();
	srandom(2);
	real_raw(src, 17 * MIB + 512);
	convert(src, "qcow2", "compat=1.1", q);
	allocated_is_read(q, "qcow2");
	unlink(q);
	vmfs(src);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		_free_ char *o = xasprintf("subformat=%s", kinds[i]);
		_free_ char *name = xasprintf("a,%s.vmdk", kinds[i]);
		_free_ char *v = real_path(name);

		convert(src, "vmdk", o, v);
		allocated_is_read(v, "vmdk");
	}
}

static void inside_an_ova(void **state)
{
	_free_ char *src = real_path("src.raw"), *ovf = real_path("x.ovf");
	_free_ char *disk = real_path("d,1.vmdk"), *ova = real_path("x.ova");
	_free_ char *named = xasprintf("%s#d,1.vmdk", ova);
	_free_ char *absent = xasprintf("%s#d,2.vmdk", ova);
	const char *const tar[] = {"tar", "--format=ustar", "-cf", ova, "-C",
		real_dir, "x.ovf", "d,1.vmdk", NULL};
	const struct source_opts o = {0};
	struct disk_in in = {0};
	struct err e = {0};

	(void)state;
	real_need();
	srandom(3);
	real_raw(src, 9 * MIB);
	convert(src, "vmdk", "subformat=streamOptimized", disk);
	must(file_write(ovf, "<Envelope/>", 11, 0600, &e), &e);
	run(tar);
	same_as_src(ova);
	same_as_src(named);
	assert_int_equal(source_open(absent, &o, &in, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void refused(const char *spec, enum err_code code)
{
	const struct source_opts o = {0};
	struct disk_in in = {0};
	struct err e = {0};

	if (source_open(spec, &o, &in, &e) == 0)
		fail_msg("opened: %s", spec);
	if (e.code != code)
		fail_msg("%s: %s: %s", spec, err_id(e.code), e.why);
	assert_null(in.kind);
}

static void what_is_refused(void **state)
{
	_free_ char *src = real_path("src.raw"), *base = real_path("b.qcow2");
	_free_ char *top = real_path("t.qcow2"), *raw = real_path("q.raw");
	_free_ char *flat = real_path("f.vmdk"), *none = real_path("none.raw");
	const char *const chain[] = {"qemu-img", "create", "-q", "-f", "qcow2",
		"-F", "qcow2", "-b", base, top, NULL};
	static const char out[] =
		"# Disk DescriptorFile\nversion=1\nCID=12345678\n"
		"parentCID=ffffffff\ncreateType=\"monolithicFlat\"\n"
		"RW 8 FLAT \"/etc/passwd\" 0\n"
		"ddb.adapterType = \"ide\"\n";
	static const char child[] =
		"# Disk DescriptorFile\nversion=1\nCID=12345678\n"
		"parentCID=87654321\ncreateType=\"vmfsSparse\"\n"
		"parentFileNameHint=\"x.vmdk\"\n"
		"RW 8 VMFSSPARSE \"x-delta.vmdk\"\n"
		"ddb.adapterType = \"ide\"\n";
	static const char sesparse[] =
		"# Disk DescriptorFile\nversion=1\nCID=12345678\n"
		"parentCID=87654321\ncreateType=\"seSparse\"\n"
		"parentFileNameHint=\"x.vmdk\"\n"
		"RW 8 SESPARSE \"x-sesparse.vmdk\"\n"
		"ddb.adapterType = \"ide\"\n";
	struct err e = {0};

	(void)state;
	real_need();
	real_raw(src, MIB);
	convert(src, "qcow2", "compat=1.1", base);
	run(chain);
	refused(top, ERR_DISK_CHAIN);
	assert_int_equal(rename(base, raw), 0);
	refused(raw, ERR_BAD_INPUT); /* a qcow2 under a raw name */
	refused(none, ERR_NOT_FOUND);
	refused(real_dir, ERR_BAD_INPUT);
	must(file_write(flat, out, sizeof(out) - 1, 0600, &e), &e);
	refused(flat, ERR_DISK_UNSUPPORTED);
	must(file_write(flat, child, sizeof(child) - 1, 0600, &e), &e);
	refused(flat, ERR_DISK_MISSING);
	must(file_write(flat, sesparse, sizeof(sesparse) - 1, 0600, &e), &e);
	refused(flat, ERR_DISK_MISSING);
	must(file_write(flat, "", 0, 0600, &e), &e);
	refused(flat, ERR_BAD_VMDK);
	refused("http://x/y", ERR_USAGE);
	refused("", ERR_USAGE);
	refused("raw:x.raw", ERR_USAGE);
	refused("nfs:dir/x.vmdk", ERR_USAGE);
	refused("ssh://host", ERR_USAGE);
	refused("ssh://root@/vmfs/x.vmdk", ERR_USAGE);
	refused("ssh://root@-oProxyCommand/vmfs/x.vmdk", ERR_USAGE);
	refused("ssh://root@h:70000/vmfs/x.vmdk", ERR_USAGE);
	refused("ssh://root@h:0/vmfs/x.vmdk", ERR_USAGE);
	refused("ssh://root@h/vmfs/x.raw", ERR_USAGE);
}

/* A disk on snapshots, as Workstation makes them. */
static void chain(void **state)
{
	_free_ char *src = real_path("src.raw"), *base = real_path("b.vmdk");
	_free_ char *mid = real_path("m.vmdk"), *top = real_path("t,1.vmdk");
	const char *const first[] = {"qemu-img", "create", "-q", "-f", "vmdk",
		"-F", "vmdk", "-b", base, mid, NULL};
	const char *const second[] = {"qemu-img", "create", "-q", "-f", "vmdk",
		"-F", "vmdk", "-b", mid, top, NULL};
	const char *const write_mid[] = {
		"qemu-io", "-f", "vmdk", "-c", "write -P 7 1M 300k", mid, NULL};
	const char *const write_top[] = {
		"qemu-io", "-f", "vmdk", "-c", "write -P 9 3M 64k", top, NULL};
	const char *const whole[] = {"qemu-img", "convert", "-f", "vmdk", "-O",
		"raw", top, src, NULL};
	const char *const write_base[] = {
		"qemu-io", "-f", "vmdk", "-c", "write -P 1 0 4k", base, NULL};

	(void)state;
	real_need();
	srandom(4);
	real_raw(src, 9 * MIB);
	convert(src, "vmdk", "subformat=monolithicFlat", base);
	run(first);
	run(write_mid);
	run(second);
	run(write_top);
	run(whole);
	same_as_src(top);
	/* Whoever writes to the base behind it spoils the chain. */
	run(write_base);
	refused(top, ERR_DISK_CHAIN);
	assert_int_equal(unlink(mid), 0);
	refused(top, ERR_DISK_MISSING);
}

/* As a shell's user gives them. */
static void relative_paths(void **state)
{
	_free_ char *raw = path_join(real_dir, "near.raw");
	_free_ char *q = path_join(real_dir, "near.qcow2");
	_free_ char *was = realpath(".", NULL);

	(void)state;
	real_need();
	real_raw(raw, MIB);
	convert(raw, "qcow2", "compat=1.1", q);
	assert_int_equal(chdir(real_dir), 0);
	for (size_t i = 0; i < 3; i++) {
		_disk_in_ struct disk_in in = {0};
		struct err e;

		must(source_open((const char *[]){"near.raw", "near.qcow2",
					 "./near.raw"}[i],
			     &(struct source_opts){0}, &in, &e),
			&e);
		assert_int_equal(in.size, MIB);
	}
	assert_int_equal(chdir(was), 0);
	assert_true(source_is_path("a/b:c.raw"));
	assert_true(source_is_path("web.ova#disk1.vmdk"));
	assert_false(source_is_path("ssh://root@h/x.vmdk"));
	assert_false(source_is_path("a:b.raw"));
}

static void changed_file_is_refused(void **state)
{
	_free_ char *src = real_path("src.raw");
	_json_ json_t *was = NULL, *is = NULL;
	const struct source_opts o = {0};
	_disk_in_ struct disk_in in = {0};
	struct err e = {0};
	_close_ int fd = -1;

	(void)state;
	real_raw(src, MIB);
	must(source_open(src, &o, &in, &e), &e);
	must(in.kind->identity(&in, &was, &e), &e);
	must(in.kind->identity(&in, &is, &e), &e);
	must(source_same(was, is, &e), &e);
	fd = open(src, O_WRONLY);
	usleep(20000); /* the clock of file times ticks by up to 10 ms */
	assert_int_equal(pwrite(fd, "x", 1, 5), 1);
	json_decref(is);
	must(in.kind->identity(&in, &is, &e), &e);
	assert_int_equal(source_same(was, is, &e), -1);
	assert_int_equal(e.code, ERR_SOURCE_CHANGED);
	assert_non_null(strstr(e.why, "mtime"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_with_holes),
		cmocka_unit_test(images),
		cmocka_unit_test(chain),
		cmocka_unit_test(inside_an_ova),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(relative_paths),
		cmocka_unit_test(changed_file_is_refused),
	};

	return cmocka_run_group_tests(tests, real_setup, real_teardown);
}
