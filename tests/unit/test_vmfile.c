/*
 * VMs in files: what a scan tells of an .ova, .ovf and .vmx, what is refused
 * and why; manifests against what they list; and that a plan for them asks
 * nothing of a host.
 */
#include "jobtest.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "digest.h"
#include "json.h"
#include "manifest.h"
#include "plan.h"
#include "vmfile.h"

#define DISK (4u << 20)
#define OVF_HEAD                                                          \
	"<Envelope xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\" "     \
	"xmlns:ovf=\"http://schemas.dmtf.org/ovf/envelope/1\" "           \
	"xmlns:rasd=\"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/" \
	"CIM_ResourceAllocationSettingData\"><References><File "          \
	"ovf:href=\"disk.vmdk\" ovf:id=\"f\"/></References><DiskSection>" \
	"<Disk ovf:capacity=\"8388608\" ovf:diskId=\"d\" "                \
	"ovf:fileRef=\"f\"/></DiskSection><VirtualSystem ovf:id=\"web\">" \
	"<Name>web</Name><VirtualHardwareSection><Item><rasd:InstanceID>" \
	"1</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>"     \
	"<rasd:VirtualQuantity>256</rasd:VirtualQuantity></Item><Item>"   \
	"<rasd:Address>0</rasd:Address><rasd:InstanceID>3</"              \
	"rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType></Item>" \
	"<Item><rasd:AddressOnParent>0</rasd:AddressOnParent>"            \
	"<rasd:HostResource>ovf:/disk/d</rasd:HostResource>"              \
	"<rasd:InstanceID>9</rasd:InstanceID><rasd:Parent>3</"            \
	"rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>"    \
	"</VirtualHardwareSection></VirtualSystem></Envelope>"
#define VMX                                                         \
	"config.version = \"8\"\ndisplayName = \"web\"\n"           \
	"guestOS = \"debian12-64\"\nmemSize = \"256\"\n"            \
	"scsi0.present = \"TRUE\"\nscsi0.virtualDev = \"pvscsi\"\n" \
	"scsi0:0.present = \"TRUE\"\nscsi0:0.deviceType = "         \
	"\"scsi-hardDisk\"\nscsi0:0.fileName = \"%s\"\n"

static char *in_dir(const char *name)
{
	return path_join(jobtest_dir, name);
}

static void put(const char *name, const char *text)
{
	jobtest_write(jobtest_dir, name, text, strlen(text));
}

static void run(const char *const argv[])
{
	ok(proc_must(argv, NULL, NULL, ERR_IO, e));
}

/* A disk of 4 MiB, half of it written. */
static void make_disk(const char *name, const char *kind)
{
	_free_ char *raw = in_dir("raw"), *to = in_dir(name);
	_free_ char *o = xasprintf("subformat=%s", kind);
	const char *const argv[] = {"qemu-img", "convert", "-f", "raw", "-O",
		"vmdk", "-o", o, raw, to, NULL};
	_free_ char *data = xmalloc(DISK / 2);

	for (size_t i = 0; i < DISK / 2; i++)
		data[i] = (char)(i * 31 + i / 251 + 1);
	jobtest_write(jobtest_dir, "raw", data, DISK / 2);
	assert_int_equal(truncate(raw, DISK), 0);
	run(argv);
}

static void make_vmx(const char *disk)
{
	_free_ char *text = xasprintf(VMX, disk);

	put("web.vmx", text);
}

/* The named digest of a file here, as a line of a manifest. */
static char *sum_line(const char *algorithm, const char *name)
{
	_free_ char *path = in_dir(name), *hex = NULL;
	_close_ int fd = open(path, O_RDONLY);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	ok(digest_range(algorithm, fd, 0, st.st_size, NULL, NULL, &hex, e));
	return xasprintf("%s(%s)= %s\n", algorithm, name, hex);
}

static void make_ovf(void)
{
	_free_ char *a = NULL, *b = NULL, *mf = NULL;

	make_disk("disk.vmdk", "streamOptimized");
	put("web.ovf", OVF_HEAD);
	a = sum_line("SHA1", "web.ovf");
	b = sum_line("SHA512", "disk.vmdk");
	mf = xasprintf("%s%s", a, b);
	put("web.mf", mf);
}

static char *make_ova(void)
{
	_free_ char *path = in_dir("web.ova");
	const char *const argv[] = {"tar", "-C", jobtest_dir, "--format=ustar",
		"-cf", path, "web.ovf", "web.mf", "disk.vmdk", NULL};

	make_ovf();
	run(argv);
	return in_dir("web.ova");
}

static const struct vm_disk *only_disk(const struct vmfile *f)
{
	assert_int_equal(f->vm->n_disks, 1);
	return &f->vm->disks[0];
}

static bool warned(const struct vm *v, const char *word)
{
	for (size_t i = 0; i < v->n_warnings; i++)
		if (strstr(v->warnings[i], word))
			return true;
	return false;
}

/* --- what is told --- */

static void ova(void **state)
{
	_free_ char *path = make_ova(), *spec = NULL;
	_vmfile_ struct vmfile f = {0};
	char sum[SHA256_HEX];

	(void)state;
	ok(vmfile_read(path, &f, e));
	spec = xasprintf("%s#disk.vmdk", f.path);
	assert_string_equal(f.vm->id, "file");
	assert_string_equal(f.vm->power, "off");
	assert_string_equal(only_disk(&f)->path, spec);
	assert_null(only_disk(&f)->unsupported);
	/* The envelope is wrong here; the disk is believed, and said so. */
	assert_int_equal(only_disk(&f)->capacity, DISK);
	assert_true(warned(f.vm, "the disk is believed"));
	assert_int_equal(only_disk(&f)->used, DISK / 2);
	assert_string_equal(f.manifest, "web.mf");
	sha256_hex(OVF_HEAD, strlen(OVF_HEAD), sum);
	assert_string_equal(f.digest, sum);
	/* The archive is one file, however many disks it has. */
	assert_int_equal(json_array_size(f.files), 1);
}

static void ovf(void **state)
{
	_free_ char *path = in_dir("web.ovf"), *disk = in_dir("disk.vmdk");
	_vmfile_ struct vmfile f = {0};

	(void)state;
	make_ovf();
	ok(vmfile_read(path, &f, e));
	assert_null(only_disk(&f)->unsupported);
	assert_int_equal(json_array_size(f.files), 2);
	assert_string_equal(f.manifest, "web.mf");
	vmfile_free(&f);
	assert_int_equal(unlink(disk), 0);
	ok(vmfile_read(path, &f, e));
	assert_int_equal(vm_disk_refusal(only_disk(&f)), ERR_DISK_MISSING);
}

static void vmx_kinds(void **state)
{
	static const char *const kinds[] = {"monolithicSparse",
		"monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat",
		"streamOptimized"};
	_free_ char *path = in_dir("web.vmx");

	(void)state;
	make_vmx("d.vmdk");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		_vmfile_ struct vmfile f = {0};

		make_disk("d.vmdk", kinds[i]);
		ok(vmfile_read(path, &f, e));
		if (only_disk(&f)->unsupported)
			fail_msg(
				"%s: %s", kinds[i], only_disk(&f)->unsupported);
		assert_int_equal(only_disk(&f)->capacity, DISK);
		assert_null(f.manifest);
	}
}

/* --- what is refused --- */

static void refused_disk(const char *said, enum err_code code, const char *why)
{
	_free_ char *path = in_dir("web.vmx");
	_vmfile_ struct vmfile f = {0};

	make_vmx(said);
	ok(vmfile_read(path, &f, e));
	if (!only_disk(&f)->unsupported ||
		vm_disk_refusal(only_disk(&f)) != code ||
		!strstr(only_disk(&f)->unsupported, why))
		fail_msg("%s: %s %s", said, only_disk(&f)->refusal,
			only_disk(&f)->unsupported);
	assert_true(warned(f.vm, "cannot be copied"));
}

/* Nothing outside the folder is opened, whatever is named. */
static void outside(void **state)
{
	_free_ char *sub = in_dir("sub"), *vmx = in_dir("sub/web.vmx");
	_free_ char *up = xasprintf(VMX, "../d.vmdk");
	_free_ char *abs = NULL, *said = in_dir("d.vmdk");
	_vmfile_ struct vmfile f = {0};

	(void)state;
	make_disk("d.vmdk", "monolithicSparse");
	assert_int_equal(mkdir(sub, 0700), 0);
	put("sub/web.vmx", up);
	ok(vmfile_read(vmx, &f, e));
	assert_int_equal(vm_disk_refusal(only_disk(&f)), ERR_DISK_MISSING);
	vmfile_free(&f);
	abs = xasprintf(VMX, said);
	put("sub/web.vmx", abs);
	ok(vmfile_read(vmx, &f, e));
	assert_int_equal(vm_disk_refusal(only_disk(&f)), ERR_DISK_MISSING);
}

/* One that was on another datastore is found beside the .vmx. */
static void beside(void **state)
{
	_free_ char *path = in_dir("web.vmx");
	_vmfile_ struct vmfile f = {0};

	(void)state;
	make_disk("d.vmdk", "monolithicSparse");
	make_vmx("/vmfs/volumes/other/web/d.vmdk");
	ok(vmfile_read(path, &f, e));
	assert_null(only_disk(&f)->unsupported);
}

static void bad_disks(void **state)
{
	_free_ char *disk = in_dir("d.vmdk");

	(void)state;
	refused_disk("d.vmdk", ERR_DISK_MISSING, "No such file");
	/* Of a sparse image that was cut off QEMU alone would read zeros. */
	make_disk("d.vmdk", "monolithicSparse");
	assert_int_equal(truncate(disk, 1 << 20), 0);
	refused_disk("d.vmdk", ERR_DISK_MISSING, "cut off");
	make_disk("d.vmdk", "twoGbMaxExtentFlat");
	free(disk);
	disk = in_dir("d-f001.vmdk");
	assert_int_equal(truncate(disk, 1 << 20), 0);
	refused_disk("d.vmdk", ERR_DISK_MISSING, "cut off");
	assert_int_equal(unlink(disk), 0);
	refused_disk("d.vmdk", ERR_DISK_MISSING, "d-f001.vmdk");
	put("d.vmdk",
		"# Disk DescriptorFile\nversion=1\nCID=fffffffe\n"
		"parentCID=ffffffff\ncreateType=\"monolithicFlat\"\n"
		"RW 8192 FLAT \"../passwd\" 0\n"
		"ddb.adapterType = \"lsilogic\"\n");
	refused_disk("d.vmdk", ERR_DISK_UNSUPPORTED, "passwd");
	put("d.raw", "bytes");
	refused_disk("d.raw", ERR_DISK_UNSUPPORTED, "not a .vmdk");
}

static void running(void **state)
{
	static const char *const signs[] = {
		"web.vmx.lck", ".lck-0400000000000000", "web-5a5b5c5d.vswp"};
	_free_ char *path = in_dir("web.vmx");

	(void)state;
	make_disk("d.vmdk", "monolithicSparse");
	make_vmx("d.vmdk");
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		_free_ char *sign = in_dir(signs[i]);
		_vmfile_ struct vmfile f = {0};
		_json_ json_t *source = NULL;

		put(signs[i], "");
		ok(vmfile_read(path, &f, e));
		assert_non_null(strstr(f.in_use, signs[i]));
		assert_string_equal(f.vm->power, "on");
		source = vmfile_source(&f);
		fails(ERR_FILE_IN_USE, vmfile_same(&f, source, e));
		assert_int_equal(unlink(sign), 0);
	}
}

static void no_vm(void **state)
{
	_free_ char *ova_path = make_ova(), *tar = in_dir("web.tar");
	_free_ char *disk = in_dir("disk.vmdk"), *none = in_dir("none.ova");
	struct vmfile f = {0};

	(void)state;
	fails(ERR_NOT_FOUND, vmfile_read(none, &f, e));
	fails(ERR_BAD_INPUT, vmfile_read(disk, &f, e));
	assert_int_equal(rename(ova_path, tar), 0);
	fails(ERR_BAD_INPUT, vmfile_read(tar, &f, e));
}

/* --- the same later --- */

static void same(void **state)
{
	_free_ char *path = in_dir("web.vmx"), *disk = in_dir("d.vmdk");
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	_vmfile_ struct vmfile f = {0};
	_json_ json_t *source = NULL;

	(void)state;
	make_disk("d.vmdk", "monolithicSparse");
	make_vmx("d.vmdk");
	ok(vmfile_read(path, &f, e));
	source = vmfile_source(&f);
	ok(vmfile_same(&f, source, e));
	vmfile_free(&f);
	assert_int_equal(utimensat(AT_FDCWD, disk, old, 0), 0);
	ok(vmfile_read(path, &f, e));
	fails(ERR_PLAN_BAD, vmfile_same(&f, source, e));
}

/* --- manifests --- */

static int count(void *arg, uint64_t done, uint64_t total, struct err *e)
{
	(void)e;
	assert_true(done <= total);
	*(uint64_t *)arg = done;
	return 0;
}

static void manifest_good(void **state)
{
	_free_ char *path = make_ova(), *beside_it = in_dir("web.ovf");
	uint64_t done = 0;
	const struct manifest_watch w = {count, &done};
	json_t *sums = NULL;

	(void)state;
	ok(manifest_check(path, true, &w, &sums, e));
	assert_int_equal(json_array_size(sums), 2);
	assert_string_equal(
		json_str(json_array_get(sums, 1), "algorithm"), "SHA512");
	assert_true(done > strlen(OVF_HEAD));
	json_decref(sums);
	ok(manifest_check(beside_it, false, NULL, &sums, e));
	json_decref(sums);
}

static void flip(const char *path, off_t at)
{
	_close_ int fd = open(path, O_RDWR);
	char c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
}

static void manifest_bad(void **state)
{
	_free_ char *path = make_ova(), *ovf_path = in_dir("web.ovf");
	_free_ char *disk = in_dir("disk.vmdk"), *mf = in_dir("web.mf");
	json_t *sums = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	flip(path, st.st_size / 2);
	fails(ERR_MANIFEST, manifest_check(path, true, NULL, &sums, e));
	assert_int_equal(stat(disk, &st), 0);
	flip(disk, st.st_size - 1);
	fails(ERR_MANIFEST, manifest_check(ovf_path, false, NULL, &sums, e));
	assert_int_equal(unlink(disk), 0);
	fails(ERR_MANIFEST, manifest_check(ovf_path, false, NULL, &sums, e));
	put("web.mf", "SHA256(../../etc/passwd)= 00\n");
	fails(ERR_MANIFEST, manifest_check(ovf_path, false, NULL, &sums, e));
	put("web.mf", "no manifest\n");
	fails(ERR_MANIFEST, manifest_check(ovf_path, false, NULL, &sums, e));
	put("web.mf", "\n");
	fails(ERR_MANIFEST, manifest_check(ovf_path, false, NULL, &sums, e));
	put("web.mf", "SHA3(web.ovf)= 00\n");
	fails(ERR_BAD_INPUT, manifest_check(ovf_path, false, NULL, &sums, e));
	assert_int_equal(unlink(mf), 0);
	fails(ERR_NOT_FOUND, manifest_check(ovf_path, false, NULL, &sums, e));
	assert_null(manifest_name(ovf_path, false));
}

/* --- the plan --- */

static json_t *facts_of(const char *path)
{
	json_t *all = NULL;
	_vmfile_ struct vmfile f = {0};
	_json_ json_t *vm = NULL;

	ok(json_read("tests/golden/plan/facts.json", &all, e));
	ok(vmfile_read(path, &f, e));
	json_put(all, "source", vmfile_source(&f));
	vm = json_array();
	json_array_append_new(vm, vm_to_json(f.vm));
	json_object_set(all, "vms", vm);
	return all;
}

static bool has_step(const json_t *plan, const char *kind)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(plan, "steps"), i, v)
		if (strcmp(json_string_value(v), kind) == 0)
			return true;
	return false;
}

static void plans(void **state)
{
	_free_ char *path = make_ova(), *vmx = in_dir("web.vmx");
	_json_ json_t *facts = facts_of(path), *plan = NULL, *other = NULL;
	_json_ json_t *facts_vmx = NULL, *busy = NULL;
	_json_ json_t *choices = json_pack("{s:{s:s,s:s}}", "target", "storage",
		"local", "bridge", "vmbr0");
	json_t *none = NULL;

	(void)state;
	ok(plan_build(facts, choices, &plan, e));
	ok(plan_check(plan, e));
	assert_false(has_step(plan, "stop_vm"));
	assert_false(has_step(plan, "remove_snapshots"));
	assert_true(has_step(plan, "check_manifest"));
	assert_true(has_step(plan, "copy_disks"));
	assert_string_equal(
		json_string_value(json_at(plan, "source.path")), path);
	/* No manifest, no such step; and nothing of a VM that is on. */
	make_disk("d.vmdk", "monolithicSparse");
	make_vmx("d.vmdk");
	facts_vmx = facts_of(vmx);
	ok(plan_build(facts_vmx, choices, &other, e));
	assert_false(has_step(other, "check_manifest"));
	put("web.vmx.lck", "");
	busy = facts_of(vmx);
	fails(ERR_FILE_IN_USE, plan_build(busy, choices, &none, e));
}

#define IN_DIR(f) \
	cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(ova),
		IN_DIR(ovf),
		IN_DIR(vmx_kinds),
		IN_DIR(outside),
		IN_DIR(beside),
		IN_DIR(bad_disks),
		IN_DIR(running),
		IN_DIR(no_vm),
		IN_DIR(same),
		IN_DIR(manifest_good),
		IN_DIR(manifest_bad),
		IN_DIR(plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
