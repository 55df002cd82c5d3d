/* What a .vmx means: core/vmx_vm.c, core/vmx_dev.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "str.h"
#include "vmx.h"

#define BASE "config.version = \"8\"\nmemSize = \"512\"\n"
#define PATH "/vmfs/volumes/ds1/web01/web01.vmx"

static struct vm *vm_at(const char *text, const char *path)
{
	_vmx_ struct vmx *x = NULL;
	struct vm *v = NULL;
	struct err e = {0};

	if (vmx_parse(text, strlen(text), &x, &e) || vmx_to_vm(x, path, &v, &e))
		fail_msg("refused: %s", e.why);
	return v;
}

/* BASE and these lines. */
static struct vm *vm_of(const char *lines)
{
	_free_ char *text = xasprintf(BASE "%s", lines);

	return vm_at(text, PATH);
}

static bool warned(const struct vm *v, const char *words)
{
	for (size_t i = 0; i < v->n_warnings; i++)
		if (strstr(v->warnings[i], words))
			return true;
	return false;
}

static void must_warn(const struct vm *v, const char *words)
{
	if (warned(v, words))
		return;
	for (size_t i = 0; i < v->n_warnings; i++)
		print_message("warning: %s\n", v->warnings[i]);
	fail_msg("no warning says '%s'", words);
}

static void whole_machine(void **state)
{
	_vm_ struct vm *v = vm_at(
		"displayName = \"a%2Fb%25c%zz\"\nannotation = \"x|0Ay\"\n"
		"guestOS = \"Debian12-64\"\nvirtualHW.version = \"19\"\n"
		"memSize = \"4096\"\nnumvcpus = \"4\"\n"
		"cpuid.coresPerSocket = \"2\"\nfirmware = \"EFI\"\n"
		"uefi.secureBoot.enabled = \"true\"\nvhv.enable = \"TRUE\"\n"
		"vtpm.present = \"TRUE\"\n"
		"uuid.bios = \"56 4d 6C 27 96 ea 12 07-6f 0b b1 1d 81 46 9b "
		"0b\"\n"
		"guestOS.detailed.data = \"bitness='64' "
		"prettyName='Debian GNU/Linux 12 (bookworm)'\"\n",
		PATH);

	(void)state;
	assert_string_equal(v->name, "a/b%c%zz");
	assert_string_equal(v->config, PATH);
	assert_string_equal(v->annotation, "x\ny");
	assert_string_equal(v->guest, "debian12-64");
	assert_string_equal(v->guest_detail, "Debian GNU/Linux 12 (bookworm)");
	assert_string_equal(v->hw_version, "19");
	assert_string_equal(v->uuid, "564d6c27-96ea-1207-6f0b-b11d81469b0b");
	assert_int_equal(v->memory_mib, 4096);
	assert_int_equal(v->cpus, 4);
	assert_int_equal(v->cores_per_socket, 2);
	assert_int_equal(v->firmware, VM_UEFI);
	assert_true(v->secure_boot && v->tpm && v->nested);
	assert_false(v->encrypted);
	assert_null(v->power);
	assert_int_equal(v->snapshots, -1);
	assert_int_equal(v->n_warnings, 0);
}

static void defaults(void **state)
{
	_vm_ struct vm *v = vm_at("config.version = \"8\"\n", PATH);
	_vm_ struct vm *w =
		vm_at("guestOS = \"beos5\"\nmemSize = \"8\"\n", NULL);

	(void)state;
	assert_string_equal(v->name, "web01");
	assert_null(v->guest);
	assert_int_equal(v->memory_mib, 32);
	must_warn(v, "No memSize");
	assert_int_equal(v->cpus, 1);
	assert_int_equal(v->cores_per_socket, 1);
	assert_int_equal(v->firmware, VM_BIOS);
	assert_null(v->uuid);
	assert_null(w->name);
	assert_string_equal(w->guest, "beos5");
	assert_null(w->config);
}

static void odd_numbers(void **state)
{
	_vm_ struct vm *v =
		vm_at("config.version = \"8\"\nmemSize = \"lots\"\n"
		      "numvcpus = \"0\"\ncpuid.coresPerSocket = \"0\"\n"
		      "uuid.bios = \"REDACTED\"\nfirmware = \"coreboot\"\n",
			PATH);
	_vm_ struct vm *w = vm_of("numvcpus = \" 2 \"\n"
				  "guestOS = \"debian12_64Guest\"\n");

	(void)state;
	assert_int_equal(v->memory_mib, 32);
	must_warn(v, "memSize is 'lots', which cannot be; taken as 32");
	assert_int_equal(v->cpus, 1);
	must_warn(v, "numvcpus is '0'");
	assert_int_equal(v->cores_per_socket, 1);
	assert_null(v->uuid);
	must_warn(v, "uuid.bios is 'REDACTED'");
	must_warn(v, "firmware is 'coreboot'; taken as BIOS");
	assert_int_equal(v->n_warnings, 4);
	assert_int_equal(w->cpus, 2);
	assert_string_equal(w->guest, "debian12-64");
}

static void no_vm(void **state)
{
	static const char text[] = "pciPassthru0.present = \"TRUE\"\n";
	_vmx_ struct vmx *x = NULL;
	struct vm *v = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(vmx_parse(text, strlen(text), &x, &e), 0);
	assert_int_equal(vmx_to_vm(x, PATH, &v, &e), -1);
	assert_int_equal(e.code, ERR_BAD_VMX);
	assert_null(v);
}

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

#define NIC(n) "ethernet" n ".present = \"TRUE\"\n"

static void nics(void **state)
{
	_vm_ struct vm *v = vm_of("guestOS = \"debian12-64\"\n" NIC(
		"10") "ethernet10.addressType = \"vpx\"\n"
		      "ethernet10.generatedAddress = \"00:50:56:A5:97:D5\"\n"
		      "ethernet10.virtualDev = \"vmxnet3\"\n"
		      "ethernet10.networkName = \"VM Network\"\n"
		      "ethernet10.pciSlotNumber = \"192\"\n" NIC(
			      "2") "ethernet2.addressType = \"static\"\n"
				   "ethernet2.address = \"00-50-56-00-00-01\"\n"
				   "ethernet2.generatedAddress = "
				   "\"00:0c:29:11:11:11\"\n"
				   "ethernet2.startConnected = \"FALSE\"\n" NIC(
					   "3") "ethernet3.generatedAddress = "
						"\"00:0c:29:46:9b:0b\"\n"
						"ethernet3.virtualDev = "
						"\"vmxnet\"\n"
						"ethernet3.features = \"15\"\n"
						"ethernet1.present = "
						"\"FALSE\"\n"
						"ethernet0.virtualDev = "
						"\"e1000\"\n");

	(void)state;
	assert_int_equal(v->n_nics, 3);
	assert_string_equal(v->nics[0].slot, "ethernet2");
	assert_string_equal(v->nics[0].mac, "00:50:56:00:00:01");
	assert_int_equal(v->nics[0].mac_kind, VM_MAC_STATIC);
	assert_string_equal(v->nics[0].model, "e1000");
	assert_false(v->nics[0].connected);
	assert_null(v->nics[0].network);
	assert_int_equal(v->nics[0].pci_slot, -1);
	assert_int_equal(v->nics[1].mac_kind, VM_MAC_GENERATED);
	assert_string_equal(v->nics[1].model, "vmxnet2");
	assert_string_equal(v->nics[2].slot, "ethernet10");
	assert_string_equal(v->nics[2].mac, "00:50:56:a5:97:d5");
	assert_int_equal(v->nics[2].mac_kind, VM_MAC_VPX);
	assert_string_equal(v->nics[2].network, "VM Network");
	assert_true(v->nics[2].connected);
	assert_int_equal(v->nics[2].pci_slot, 192);
	assert_int_equal(v->n_warnings, 0);
}

static void odd_nics(void **state)
{
	_vm_ struct vm *v = vm_of("guestOS = \"winxppro\"\n" NIC(
		"0") "ethernet0.addressType = \"static\"\n"
		     "ethernet0.generatedAddress = \"00:0c:29:46:9b:0b\"\n" NIC(
			     "1") "ethernet1.address = "
				  "\"00:50:56:11:22:33\"\n" NIC(
					  "2") "ethernet2"
					       ".generate"
					       "dAddress "
					       "= "
					       "\"REDACTE"
					       "D\""
					       "\n" NIC("3") "ethernet3.dvs."
							     "portgroupId = "
							     "\"dvportgroup-"
							     "7\"\n");

	(void)state;
	assert_string_equal(v->nics[0].model, "flexible");
	assert_string_equal(v->nics[0].mac, "00:0c:29:46:9b:0b");
	assert_int_equal(v->nics[0].mac_kind, VM_MAC_GENERATED);
	assert_int_equal(v->nics[1].mac_kind, VM_MAC_STATIC);
	assert_null(v->nics[2].mac);
	assert_int_equal(v->nics[2].mac_kind, VM_MAC_NONE);
	must_warn(v, "ethernet2 has 'REDACTED' as its MAC");
	assert_null(v->nics[3].mac);
	assert_string_equal(v->nics[3].network, "dvportgroup-7");
	must_warn(v, "distributed switch");
}

static void passthrough(void **state)
{
	_vm_ struct vm *v = vm_of(
		"pciPassthru0.present = \"TRUE\"\n"
		"pciPassthru0.id = \"00000:003:00.0\"\n"
		"pciPassthru0.vendorId = \"0x10de\"\n"
		"pciPassthru0.deviceId = \"0x1c82\"\n"
		"pciPassthru1.present = \"TRUE\"\n"
		"pciPassthru1.allowedDevices = \"0x1000:0x0087,0x1:0x2\"\n"
		"pciPassthru2.present = \"TRUE\"\n"
		"pciPassthru2.vgpu = \"grid_m60-8q\"\n"
		"pciPassthru3.present = \"FALSE\"\n"
		"pciPassthru.use64bitMMIO = \"TRUE\"\n"
		"pciPassthru*.present = \"TRUE\"\n");

	(void)state;
	assert_int_equal(v->n_passthrough, 3);
	assert_string_equal(v->passthrough[0].address, "00000:003:00.0");
	assert_int_equal(v->passthrough[0].vendor, 0x10de);
	assert_int_equal(v->passthrough[0].device, 0x1c82);
	assert_non_null(strstr(v->passthrough[0].name, "GTX 1050"));
	must_warn(v, "pciPassthru0 (NVIDIA");
	assert_int_equal(v->passthrough[1].vendor, 0x1000);
	assert_int_equal(v->passthrough[1].device, 0x0087);
	assert_string_equal(v->passthrough[2].name, "vGPU grid_m60-8q");
}

static void in_the_way(void **state)
{
	_vm_ struct vm *v = vm_of("encryption.keySafe = \"vmware:key/list/x\"\n"
				  "checkpoint.vmState = \"web01-1.vmss\"\n");
	_vm_ struct vm *w = vm_of("vmx.encryptionType = \"partial\"\n"
				  "encryption.keySafe = \"x\"\n"
				  "managedvm.autoAddVTPM = \"software\"\n"
				  "checkpoint.vmState = \"\"\n");

	(void)state;
	assert_true(v->encrypted);
	must_warn(v, "is encrypted");
	assert_string_equal(v->power, "suspended");
	must_warn(v, "is suspended (web01-1.vmss)");
	assert_false(w->encrypted);
	assert_true(w->tpm);
	assert_null(w->power);
}

static void left_behind(void **state)
{
	_vm_ struct vm *v = vm_of("serial0.present = \"TRUE\"\n"
				  "serial0.fileType = \"network\"\n"
				  "serial0.fileName = \"telnet://:1\"\n"
				  "serial1.present = \"TRUE\"\n"
				  "serial1.fileType = \"thinprint\"\n"
				  "floppy0.fileType = \"file\"\n"
				  "floppy0.fileName = \"drv.flp\"\n"
				  "usb.autoConnect.device0 = \"path:0/1\"\n"
				  "usb.autoConnect.device1 = \"\"\n");

	(void)state;
	must_warn(v, "serial0 (network telnet://:1)");
	must_warn(v, "floppy image in floppy0 is not carried over: drv.flp");
	must_warn(
		v, "USB device of the ESXi host is passed through (path:0/1)");
	assert_int_equal(v->n_warnings, 3);
}

/* Doubts about the file's form reach the operator too. */
static void form_warnings(void **state)
{
	_vm_ struct vm *v = vm_of("displayName = \"web\n");

	(void)state;
	assert_string_equal(v->name, "web");
	must_warn(v, "Line 3 has no closing quote");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_machine),
		cmocka_unit_test(defaults),
		cmocka_unit_test(odd_numbers),
		cmocka_unit_test(no_vm),
		cmocka_unit_test(slot_order),
		cmocka_unit_test(disk_paths),
		cmocka_unit_test(absent_disks),
		cmocka_unit_test(no_slots),
		cmocka_unit_test(doubtful_present),
		cmocka_unit_test(media),
		cmocka_unit_test(disk_modes),
		cmocka_unit_test(snapshot_disks),
		cmocka_unit_test(shared_disks),
		cmocka_unit_test(nics),
		cmocka_unit_test(odd_nics),
		cmocka_unit_test(passthrough),
		cmocka_unit_test(in_the_way),
		cmocka_unit_test(left_behind),
		cmocka_unit_test(form_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
