/*
 * Every real file of ../shared/corpus (VMFERRY_SHARED overrides) is read, or
 * refused with the error written here. Skipped where the corpus is absent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fnmatch.h>
#include <glob.h>
#include <cmocka.h>

#include "inspect.h"
#include "manifest.h"
#include "ovf.h"
#include "str.h"
#include "vmx.h"

/* Files that are refused; everything else must be read. */
static const struct {
	const char *name; /* pattern */
	enum err_code code;
	const char *why;
} refusals[] = {
	/* Three pieces of split disks, without their descriptor. */
	{"*-s0[0-9][0-9].vmdk", ERR_BAD_VMDK, "one extent of a split disk"},
	/* pciPassthru lines alone. */
	{"*gpu-two-functions-lines.vmx", ERR_BAD_VMX,
		"not the configuration of a VM"},
	/* A DOCTYPE with an external entity. */
	{"*__XEE.ovf", ERR_BAD_OVF, "DOCTYPE"},
	{"*__v0.9.ovf", ERR_BAD_OVF, "OVF 0.9"},
	/* Made to be wrong: a disk that is not in the package. */
	{"*cot__invalid.ovf", ERR_BAD_OVF, "'nonexistent.vmdk', which"},
	/* oVirt's own dialect: HostResource is a volume id. */
	{"*test-o-vdsm-options.ovf.expected", ERR_BAD_OVF, "'VOL', which"},
	/* Several machines, or none. */
	{"*vapp_with_3_vms.ova", ERR_BAD_OVF, "3 virtual systems"},
	{"*vapp_with_3_vms.ova__descriptor.ovf", ERR_BAD_OVF,
		"3 virtual systems"},
	{"*nvapp00n.ovf", ERR_BAD_OVF, "2 virtual systems (web, db)"},
	{"*secure-boot-enabled-two-vms-vapp.ovf", ERR_BAD_OVF,
		"2 virtual systems"},
	{"*storagegroupVApp.ovf", ERR_BAD_OVF, "2 virtual systems"},
	{"*virtualsystemcollection.ovf", ERR_BAD_OVF, "2 virtual systems"},
	{"*tagBasedPlacement005.ovf", ERR_BAD_OVF, "no virtual system"},
};

static const char *corpus(void)
{
	static char *dir;
	const char *shared = getenv("VMFERRY_SHARED");

	if (!dir)
		dir = path_join(shared ? shared : "../shared", "corpus");
	if (file_exists(dir))
		return dir;
	fprintf(stderr, "# %s is not here: skipped\n", dir);
	skip();
	return NULL;
}

static void must_be_refused(const char *name, size_t row, const struct err *e)
{
	if (e->code != refusals[row].code || !strstr(e->why, refusals[row].why))
		fail_msg("%s: %s: %s", name, err_id(e->code), e->why);
}

/* Read one file, or see it refused as written above. */
static void one(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	_inspect_ struct inspect i = {0};
	_json_ json_t *j = NULL;
	struct err e = {0};
	int rc = inspect_file(path, &i, &e);

	for (size_t r = 0; r < ARRAY_LEN(refusals); r++) {
		if (fnmatch(refusals[r].name, name, 0) != 0)
			continue;
		if (rc == 0)
			fail_msg("%s is read, not refused", name);
		must_be_refused(name, r, &e);
		return;
	}
	if (rc)
		fail_msg("%s: %s: %s", name, err_id(e.code), e.why);
	j = inspect_json(&i);
	assert_true(json_object_size(j) > 8);
}

/* All files of a folder that the function takes; at least this many. */
static void each(const char *pattern, size_t least, void (*f)(const char *))
{
	_free_ char *full = path_join(corpus(), pattern);
	glob_t g;

	assert_int_equal(glob(full, 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= least);
	for (size_t i = 0; i < g.gl_pathc; i++)
		f(g.gl_pathv[i]);
	globfree(&g);
}

static void vmx(void **state)
{
	(void)state;
	each("vmx/*.vmx", 100, one);
	each("vmx-aux/*.vmx", 1, one);
}

static void vmsd_one(const char *path)
{
	_free_ char *text = NULL;
	_vmsd_ struct vmsd *d = NULL;
	struct err e = {0};
	size_t len;

	if (file_read(path, VMX_MAX, &text, &len, &e) ||
		vmsd_parse(text, len, &d, &e))
		fail_msg("%s: %s", path, e.why);
	assert_int_equal(d->n, strstr(path, "Project-IT.vmsd") ? 1 : 0);
}

static void vmsd(void **state)
{
	(void)state;
	each("vmx-aux/*.vmsd", 5, vmsd_one);
}

static void vmdk(void **state)
{
	(void)state;
	each("vmdk-descriptors/*.vmdk", 50, one);
	each("vmdk-binary/*.vmdk", 14, one);
}

static void ovf(void **state)
{
	(void)state;
	each("ovf/*.ov[fa]", 75, one);
	each("ovf/*.expected", 1, one);
}

static void manifest_one(const char *path)
{
	_free_ char *text = NULL;
	_manifest_ struct manifest m = {0};
	struct err e = {0};

	if (file_read(path, 1 << 20, &text, NULL, &e) ||
		manifest_parse(text, &m, &e))
		fail_msg("%s: %s", path, e.why);
	assert_true(m.n > 0);
}

static void manifests(void **state)
{
	(void)state;
	each("ovf/*.mf", 4, manifest_one);
}

/* --- what some of them say --- */

static struct vm *vm_of(const char *pattern)
{
	_free_ char *full = path_join(corpus(), pattern);
	struct inspect i = {0};
	struct err e = {0};
	glob_t g;

	assert_int_equal(glob(full, 0, NULL, &g), 0);
	assert_int_equal(g.gl_pathc, 1);
	if (inspect_file(g.gl_pathv[0], &i, &e))
		fail_msg("%s: %s", pattern, e.why);
	globfree(&g);
	return i.vm;
}

static void esxi7(void **state)
{
	_vm_ struct vm *v = vm_of("vmx/libguestfs__virt-v2v__test-i-vmx-7.vmx");

	(void)state;
	assert_string_equal(v->name, "win2019");
	assert_string_equal(v->guest, "windows2019srv-64");
	assert_int_equal(v->firmware, VM_UEFI);
	assert_true(v->secure_boot);
	assert_int_equal(v->memory_mib, 4096);
	assert_int_equal(v->n_disks, 2);
	assert_string_equal(v->disks[0].slot, "scsi0:0");
	assert_string_equal(v->disks[0].model, "lsisas1068");
	assert_string_equal(v->disks[1].slot, "sata0:3");
	assert_string_equal(v->nics[0].mac, "00:0c:29:46:9b:0b");
	assert_string_equal(v->uuid, "564d6c27-96ea-1207-6f0b-b11d81469b0b");
}

static void passthrough(void **state)
{
	_vm_ struct vm *v = vm_of("vmx/*k3s-gpu-efi.vmx");

	(void)state;
	assert_int_equal(v->n_passthrough, 1);
	assert_string_equal(v->passthrough[0].address, "0:66:0.0");
	assert_int_equal(v->passthrough[0].device, 0x1b38);
	assert_non_null(strstr(v->passthrough[0].name, "Tesla P40"));
	assert_int_equal(v->firmware, VM_UEFI);
}

static void gbk(void **state)
{
	_vm_ struct vm *v = vm_of("vmx/a595859893__MyOS__*.vmx");

	(void)state;
	assert_string_equal(v->name, "\xe5\x85\xb6\xe4\xbb\x96");
	assert_string_equal(v->disks[0].file, "\xe5\x85\xb6\xe4\xbb\x96.vmdk");
}

static void two_disks(void **state)
{
	_vm_ struct vm *v = vm_of("ovf/*test-i-ova-two-disks.ovf");

	(void)state;
	assert_int_equal(v->n_disks, 2);
	assert_true(v->disks[0].capacity > 0 && v->disks[1].capacity > 0);
	assert_string_not_equal(v->disks[0].slot, v->disks[1].slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vmx),
		cmocka_unit_test(vmsd),
		cmocka_unit_test(vmdk),
		cmocka_unit_test(ovf),
		cmocka_unit_test(manifests),
		cmocka_unit_test(esxi7),
		cmocka_unit_test(passthrough),
		cmocka_unit_test(gbk),
		cmocka_unit_test(two_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
