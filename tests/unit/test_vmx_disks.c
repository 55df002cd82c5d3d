/* What a .vmx means: disks and media (core/vmx_disk.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "str.h"
#include "vmx.h"
#include "vmxtest.h"

#define SCSI "scsi0.present = \"TRUE\"\nscsi0.virtualDev = \"pvscsi\"\n"
#define DISK(s, f) s ".present = \"TRUE\"\n" s ".fileName = \"" f "\"\n"

/* Slots are ordered as numbers, buses as a whole. */
static void slot_order(void **state)
{
	static const char *const want[] = {"scsi0:2", "scsi0:10", "scsi0:64",
		"scsi1:0", "ide1:1", "sata0:3"};
	_vm_ struct vm *v = vm_of(SCSI
		"scsi1.present = \"TRUE\"\n"
		"sata0.present = \"TRUE\"\n" DISK("scsi0:10", "c.vmdk") DISK(
			"sata0:3", "f.vmdk") DISK("scsi1:0", "d.vmdk")
			DISK("scsi0:64", "g.vmdk") DISK("ide1:1", "e.vmdk")
				DISK("scsi0:2", "b.vmdk"));

	(void)state;
	assert_int_equal(v->n_disks, ARRAY_LEN(want));
	for (size_t i = 0; i < v->n_disks; i++)
		assert_string_equal(v->disks[i].slot, want[i]);
	assert_string_equal(v->disks[0].model, "pvscsi");
	assert_string_equal(v->disks[3].model, "lsilogic");
	assert_string_equal(v->disks[4].model, "ide");
	assert_string_equal(v->disks[5].model, "ahci");
	assert_int_equal(v->disks[1].unit, 10);
	assert_int_equal(v->n_warnings, 0);
}

static void disk_paths(void **state)
{
	static const char lines[] = SCSI DISK("scsi0:0", "web01.vmdk")
		DISK("scsi0:1", "/vmfs/volumes/ds2/x/web01_1.vmdk")
			DISK("scsi0:2", "sub/dir.VMDK")
				DISK("scsi0:3", "C:\\vm\\w.vmdk");
	_vm_ struct vm *v = vm_of(lines), *w = vm_at(BASE, NULL);
	_vm_ struct vm *here =
		vm_at(BASE SCSI DISK("scsi0:0", "web01.vmdk"), "web01.vmx");

	(void)state;
	assert_string_equal(
		v->disks[0].path, "/vmfs/volumes/ds1/web01/web01.vmdk");
	assert_string_equal(v->disks[0].file, "web01.vmdk");
	assert_string_equal(
		v->disks[1].path, "/vmfs/volumes/ds2/x/web01_1.vmdk");
	assert_string_equal(
		v->disks[2].path, "/vmfs/volumes/ds1/web01/sub/dir.VMDK");
	assert_null(v->disks[3].path);
	assert_int_equal(w->n_disks, 0);
	assert_string_equal(here->disks[0].path, "./web01.vmdk");
}

/* present = FALSE, no present line, no controller: no disk. Only the first is
 * the owner's clear word; the others leave a warning. */
static void absent_disks(void **state)
{
	_vm_ struct vm *v = vm_of(SCSI
		"scsi0:0.present = \"False\"\nscsi0:0.fileName = \"a.vmdk\"\n"
		"scsi0:1.fileName = \"b.vmdk\"\n" DISK("scsi1:0", "c.vmdk")
			DISK("sata0:0",
				"d.vmdk") "scsi0:3.present = \"TRUE\"\n"
					  "scsi2.present = \"FALSE\"\n" DISK(
						  "scsi2:0", "e.vmdk"));

	(void)state;
	assert_int_equal(v->n_disks, 0);
	assert_false(warned(v, "a.vmdk"));
	must_warn(v, "scsi0:1 names b.vmdk, but has no line present");
	must_warn(v, "scsi1:0 names c.vmdk, but its controller");
	must_warn(v, "sata0:0 names d.vmdk, but its controller");
	must_warn(v, "scsi2:0 names e.vmdk, but its controller");
	must_warn(v, "scsi0:3 is a disk without a file");
	assert_int_equal(v->n_warnings, 5);
}

static void no_slots(void **state)
{
	_vm_ struct vm *v = vm_of(
		SCSI DISK("scsi0:1000", "a.vmdk") DISK("scsi0:01", "b.vmdk")
			DISK("scsi0", "c.vmdk") DISK("scsi:0:0", "d.vmdk"));

	(void)state;
	assert_int_equal(v->n_disks, 0);
	must_warn(v, "scsi0:1000.fileName names a.vmdk, but that is no slot");
	must_warn(v, "names b.vmdk");
	must_warn(v, "names c.vmdk");
	must_warn(v, "names d.vmdk");
}

/* A device is never lost by a word that is not understood. */
static void doubtful_present(void **state)
{
	_vm_ struct vm *v = vm_of(SCSI "scsi0:0.present = \"TRUTH\"\n"
				       "scsi0:0.fileName = \"a.vmdk\"\n");

	(void)state;
	assert_int_equal(v->n_disks, 1);
	must_warn(v, "scsi0:0.present is 'TRUTH'");
}

static void media(void **state)
{
	_vm_ struct vm *v = vm_of(SCSI
		"sata0.present = \"TRUE\"\n"
		"nvme0.present = \"TRUE\"\n" DISK("sata0:3",
			"a.vmdk") DISK("sata0:0", "/vmfs/volumes/x/debian.iso") "sata0:0.deviceType = \"cdrom-image\"\n" DISK("sata0:1",
			"emptyBackingString") "sata0:1.deviceType = "
					      "\"cdrom-raw\"\n" DISK("ide0:0", "b.vmdk") "ide0:0.deviceType = \"ata-hardDisk\"\n" DISK(
						      "ide0:1",
						      "auto detect") DISK("ide1"
									  ":0",
						      "/dev/cdrom") "ide1:1."
								    "present = "
								    "\"TRUE\"\n"
								    "ide1:1."
								    "deviceType"
								    " = "
								    "\"atapi-"
								    "cdrom\""
								    "\n" DISK(
									    "nv"
									    "me"
									    "0:"
									    "0",
									    "c."
									    "vm"
									    "d"
									    "k") DISK("scsi0:5",
									    "/v"
									    "mf"
									    "s/"
									    "de"
									    "vi"
									    "ce"
									    "s/"
									    "ge"
									    "ns"
									    "cs"
									    "i/"
									    "x") "scsi0:5.deviceType = \"scsi-passthru\"\n" DISK("scsi0:6",
									    "od"
									    "d."
									    "vm"
									    "d"
									    "k") "scsi0:6.deviceType = \"holo-disk\"\n");

	(void)state;
	assert_int_equal(v->n_disks, 4);
	assert_string_equal(v->disks[0].slot, "scsi0:6");
	assert_string_equal(v->disks[1].slot, "ide0:0");
	assert_string_equal(v->disks[2].slot, "sata0:3");
	assert_string_equal(v->disks[3].slot, "nvme0:0");
	must_warn(v, "The CD-ROM image in sata0:0 is not carried over");
	must_warn(v, "scsi0:5 is a SCSI device of the host");
	must_warn(v, "unknown deviceType 'holo-disk'");
	assert_int_equal(v->n_warnings, 3);
}

static void disk_modes(void **state)
{
	_vm_ struct vm *v = vm_of(SCSI DISK("scsi0:0",
		"a.vmdk") "scsi0:0.mode = \"independent-persistent\"\n" DISK("s"
									     "c"
									     "s"
									     "i"
									     "0"
									     ":"
									     "1",
		"b.vmdk") "scsi0:1.mode = \"Independent-Nonpersistent\"\n"
			  "scsi0:1.redo = \"b.vmdk.REDO_x\"\n" DISK("scsi0:2",
				  "c.vmdk") "scsi0:2.mode = \"undoable\"\n"
					    "scsi0:2.redo = "
					    "\"./c.vmdk.REDO_abc\"\n" DISK(
						    "scsi0:3",
						    "d.vmdk") "scsi0:3.redo = "
							      "\"\"\n");

	(void)state;
	assert_int_equal(v->disks[0].mode, VM_DISK_INDEPENDENT);
	assert_int_equal(v->disks[1].mode, VM_DISK_NONPERSISTENT);
	must_warn(v, "scsi0:1 is independent-nonpersistent");
	assert_null(v->disks[1].unsupported);
	assert_int_equal(v->disks[2].mode, VM_DISK_PERSISTENT);
	must_warn(v, "scsi0:2 has the mode 'undoable'");
	assert_non_null(strstr(v->disks[2].unsupported, "c.vmdk.REDO_abc"));
	assert_null(v->disks[3].unsupported);
}

static void snapshot_disks(void **state)
{
	_vm_ struct vm *v = vm_of(SCSI DISK("scsi0:0", "web01-000002.vmdk")
			DISK("scsi0:1", "web01-00002.vmdk")
				DISK("scsi0:2", "000002.vmdk")
					DISK("scsi0:3", "a-0000021.vmdk"));

	(void)state;
	assert_true(v->disks[0].snapshot);
	assert_false(v->disks[1].snapshot);
	assert_false(v->disks[2].snapshot);
	assert_false(v->disks[3].snapshot);
}

static void shared_disks(void **state)
{
	_vm_ struct vm *v = vm_of(SCSI DISK("scsi0:0",
		"a.vmdk") "scsi0.sharedBus = \"none\"\n"
			  "scsi1.present = \"TRUE\"\nscsi1.sharedBus = "
			  "\"physical\"\n" DISK("scsi1:0", "q.vmdk") DISK(
				  "scsi0:1", "m.vmdk") "scsi0:1.sharing = "
						       "\"multi-writer\"\n");

	(void)state;
	assert_null(v->disks[0].unsupported);
	assert_non_null(strstr(v->disks[1].unsupported, "multi-writer"));
	assert_non_null(strstr(v->disks[2].unsupported, "\"physical\""));
	must_warn(v, "scsi1:0 cannot be copied");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_order),
		cmocka_unit_test(disk_paths),
		cmocka_unit_test(absent_disks),
		cmocka_unit_test(no_slots),
		cmocka_unit_test(doubtful_present),
		cmocka_unit_test(media),
		cmocka_unit_test(disk_modes),
		cmocka_unit_test(snapshot_disks),
		cmocka_unit_test(shared_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
