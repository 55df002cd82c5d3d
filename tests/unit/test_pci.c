/* PCI devices: core/pci.c, core/pci_form.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "pci.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"

/*
 * Two devices as lspci -x writes them (64 bytes each): an 82574L network card
 * at 02:00.0 and a SAS2308 at 0000:81:00.0; the higher address comes first.
 */
static const char dump[] =
	"81:00.0 whatever\n"
	"00: 00 10 87 00 07 05 10 00 05 00 07 01 10 00 00 00\n"
	"10: 01 e0 00 00 04 00 1c f7 00 00 00 00 04 00 18 f7\n"
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 28 10 38 1f\n"
	"30: 00 00 10 f7 50 00 00 00 00 00 00 00 0b 01 00 00\n"
	"\n"
	"02:00.0 whatever\n"
	"00: 86 80 d3 10 07 05 10 00 00 00 00 02 10 00 00 00\n"
	"10: 00 00 2c f7 00 00 00 00 01 d0 00 00 00 00 2e f7\n"
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 d9 15 00 00\n"
	"30: 00 00 00 00 c8 00 00 00 00 00 00 00 0b 01 00 00\n";

static char dir[TEST_DIR_LEN];

static void put_file(const char *name, const char *text)
{
	_free_ char *path = path_join(dir, name);
	struct err e = {0};

	if (file_write(path, text, strlen(text), 0600, &e))
		fail_msg("%s", e.why);
}

static void put_dir(const char *name)
{
	_free_ char *path = path_join(dir, name);

	assert_int_equal(file_mkdirs(path, 0700, NULL), 0);
}

static void put_link(const char *name, const char *target)
{
	_free_ char *path = path_join(dir, name);

	assert_int_equal(symlink(target, path), 0);
}

#define NIC "devices/0000:02:00.0/"

static int setup(void **state)
{
	(void)state;
	if (!test_dir(dir, "pci"))
		return -1;
	put_file("dump", dump);
	put_dir(NIC "net/enp2s0");
	put_file(NIC "net/enp2s0/carrier", "1\n");
	put_dir(NIC "virtio0/net/eth1");
	put_file(NIC "virtio0/net/eth1/carrier", "0\n");
	put_dir(NIC "net/enp2s0d1");
	put_link(NIC "driver", "../../drivers/e1000e");
	put_link(NIC "iommu_group", "../../iommu_groups/17");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return proc_must((const char *const[]){"rm", "-r", dir, NULL}, NULL,
		NULL, ERR_IO, NULL);
}

static void is(const json_t *o, const char *key, const char *want)
{
	assert_string_equal(json_str_or(o, key, "(absent)"), want);
}

static void from_dump(void **state)
{
	_free_ char *file = path_join(dir, "dump");
	_json_ json_t *list = NULL;
	const json_t *nic, *hba, *ports;
	struct err e = {0};

	(void)state;
	if (pci_list_from(file, dir, &list, &e))
		fail_msg("%s", e.why);
	assert_int_equal(json_array_size(list), 2);
	nic = json_array_get(list, 0);
	hba = json_array_get(list, 1);
	is(nic, "address", "0000:02:00.0");
	is(nic, "kind", "network");
	is(nic, "class", "0x0200");
	is(nic, "class_name", "Ethernet controller");
	is(nic, "vendor", "0x8086");
	is(nic, "device", "0x10d3");
	is(nic, "name", "Intel Corporation 82574L Gigabit Network Connection");
	is(nic, "subsystem_vendor", "0x15d9");
	is(nic, "driver", "e1000e");
	assert_int_equal(json_u64(nic, "iommu_group", 0), 17);
	ports = json_object_get(nic, "interfaces");
	assert_int_equal(json_array_size(ports), 3);
	is(json_array_get(ports, 0), "name", "enp2s0");
	is(json_array_get(ports, 0), "link", "up");
	is(json_array_get(ports, 1), "name", "enp2s0d1");
	is(json_array_get(ports, 1), "link", "off");
	is(json_array_get(ports, 2), "name", "eth1");
	is(json_array_get(ports, 2), "link", "down");
	is(hba, "address", "0000:81:00.0");
	is(hba, "kind", "storage");
	is(hba, "device", "0x0087");
	assert_null(json_object_get(hba, "interfaces"));
	assert_null(json_object_get(hba, "driver"));
	assert_null(json_object_get(hba, "iommu_group"));
}

static void no_bus(void **state)
{
	_json_ json_t *list = NULL;
	struct err e;

	(void)state;
	assert_int_equal(pci_list_from(NULL, "/nonexistent", &list, &e), 0);
	assert_int_equal(json_array_size(list), 0);
}

/* libpci would print and exit; here it is an error like any other. */
static void broken_bus(void **state)
{
	json_t *list = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(
		pci_list_from("/nonexistent/dump", dir, &list, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.why, "/nonexistent/dump"));
	assert_null(list);
}

static void own_machine(void **state)
{
	_json_ json_t *list = NULL;
	struct err e = {0};

	(void)state;
	if (pci_list(&list, &e))
		fail_msg("%s", e.why);
	for (size_t i = 0; i < json_array_size(list); i++)
		assert_int_equal(
			strlen(json_str(json_array_get(list, i), "vendor")), 6);
}

static void names(void **state)
{
	_free_ char *gpu = pci_name(0x10de, 0x1c82);
	_free_ char *unknown = pci_name(0x10de, 0xfffe);
	_free_ char *class_name = pci_class_name(0x0107);

	(void)state;
	assert_string_equal(
		gpu, "NVIDIA Corporation GP107 [GeForce GTX 1050 Ti]");
	assert_string_equal(unknown, "NVIDIA Corporation Device fffe");
	assert_string_equal(class_name, "Serial Attached SCSI controller");
}

static const char esxcli[] =
	"0000:04:00.0\n"
	"   Address: 0000:04:00.0\n   Segment: 0x0000\n   Bus: 0x04\n"
	"   Slot: 0x00\n   Function: 0x0\n   VMkernel Name: vmhba2\n"
	"   Vendor Name: LSI Logic / Symbios Logic\n"
	"   Current Owner: VM Passthru\n   Vendor ID: 0x1000\n"
	"   Device ID: 0x0087\n   SubVendor ID: 0x1000\n"
	"   SubDevice ID: 0x3020\n   Device Class: 0x0107\n"
	"   Slot Description: CPU1: SLOT3\n"
	"   Module Name: pciPassthru\n"
	"000:005:00.1\r\n"
	"   Address: 000:005:00.1\r\n   Segment: 0x0000\r\n   Bus: 0x05\r\n"
	"   Slot: 0x00\r\n   Function: 0x1\r\n   VMkernel Name: \r\n"
	"   Current Owner: VMkernel\r\n   Vendor ID: 0x8086\r\n"
	"   Device ID: 0x10d3\r\n   Device Class: 0x0200\r\n"
	"   Module Name: None\r\n   No UTF-8\xe9\xff: none\r\n";

static void from_esxcli(void **state)
{
	_json_ json_t *list = NULL, *none = NULL;
	const json_t *hba, *nic;
	struct err e = {0};

	(void)state;
	if (pci_from_esxcli(esxcli, &list, &e))
		fail_msg("%s", e.why);
	assert_int_equal(json_array_size(list), 2);
	hba = json_array_get(list, 0);
	nic = json_array_get(list, 1);
	is(hba, "address", "0000:04:00.0");
	is(hba, "label", "vmhba2");
	is(hba, "driver", "pciPassthru");
	is(hba, "kind", "storage");
	is(hba, "subsystem_device", "0x3020");
	assert_true(json_flag(hba, "passed_through", false));
	is(nic, "address", "0000:05:00.1");
	is(nic, "kind", "network");
	assert_null(json_object_get(nic, "label"));
	assert_null(json_object_get(nic, "driver"));
	assert_false(json_flag(nic, "passed_through", false));
	assert_int_equal(pci_from_esxcli("", &none, &e), 0);
	assert_int_equal(json_array_size(none), 0);
	assert_int_equal(
		pci_from_esxcli("Error: Unknown command\n", &none, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_dump),
		cmocka_unit_test(no_bus),
		cmocka_unit_test(broken_bus),
		cmocka_unit_test(own_machine),
		cmocka_unit_test(names),
		cmocka_unit_test(from_esxcli),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
