/* What a .vmx means, but for its disks: core/vmx_vm.c, core/vmx_dev.c. */
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
		cmocka_unit_test(nics),
		cmocka_unit_test(odd_nics),
		cmocka_unit_test(passthrough),
		cmocka_unit_test(in_the_way),
		cmocka_unit_test(left_behind),
		cmocka_unit_test(form_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
