/* The neutral VM and its JSON form: core/vm.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "str.h"
#include "vm.h"

static struct vm_disk *disk(struct vm *v, enum vm_bus bus, int c, int u)
{
	struct vm_disk *d = vm_add_disk(v);

	d->bus = bus;
	d->controller = c;
	d->unit = u;
	d->slot = xasprintf("%s%d:%d", vm_bus_name(bus), c, u);
	return d;
}

static void order(void **state)
{
	static const char *const want[] = {"scsi0:2", "scsi0:10", "scsi1:0",
		"ide0:1", "sata0:3", "nvme0:0"};
	_vm_ struct vm *v = vm_new();

	(void)state;
	disk(v, VM_BUS_NVME, 0, 0);
	disk(v, VM_BUS_SATA, 0, 3);
	disk(v, VM_BUS_SCSI, 0, 10);
	disk(v, VM_BUS_SCSI, 1, 0);
	disk(v, VM_BUS_IDE, 0, 1);
	disk(v, VM_BUS_SCSI, 0, 2);
	vm_add_nic(v)->index = 10;
	vm_add_nic(v)->index = 2;
	vm_sort(v);
	for (size_t i = 0; i < v->n_disks; i++)
		assert_string_equal(v->disks[i].slot, want[i]);
	assert_int_equal(v->nics[0].index, 2);
	assert_int_equal(v->nics[0].pci_slot, -1);
}

/* Every member set: what comes back is what went in. */
static void round_trip(void **state)
{
	static const char text[] =
		"{\"id\":\"7\",\"name\":\"web \\u00e9\\n01\",\"config\":\"/c\","
		"\"guest\":\"debian12-64\",\"guest_detail\":\"Debian\","
		"\"annotation\":\"a\\nb\",\"uuid\":\"u\",\"power\":\"off\","
		"\"hw_version\":\"19\",\"firmware\":\"uefi\","
		"\"secure_boot\":true,\"tpm\":true,\"encrypted\":true,"
		"\"nested\":true,\"cpus\":4,\"cores_per_socket\":2,"
		"\"memory_mib\":6144000000,\"snapshots\":3,"
		"\"disks\":[{\"slot\":\"sata1:2\",\"bus\":\"sata\","
		"\"controller\":1,\"unit\":2,\"model\":\"ahci\","
		"\"file\":\"f\",\"path\":\"p\",\"data\":\"d\","
		"\"capacity\":65970697666560,\"used\":1,"
		"\"mode\":\"independent-nonpersistent\",\"snapshot\":true,"
		"\"thin\":true,\"create_type\":\"vmfs\",\"cid\":\"c\","
		"\"unsupported\":\"r\"}],"
		"\"nics\":[{\"slot\":\"ethernet1\",\"index\":1,"
		"\"model\":\"vmxnet3\",\"mac\":\"m\","
		"\"mac_kind\":\"static\",\"network\":\"n\","
		"\"connected\":false,\"pci_slot\":192}],"
		"\"passthrough\":[{\"slot\":\"s\",\"address\":\"a\","
		"\"vendor\":\"0x10de\",\"device\":\"0x0087\","
		"\"name\":\"x\"}],\"warnings\":[\"w1\",\"w2\"]}";
	_json_ json_t *in = NULL, *back = NULL;
	_vm_ struct vm *v = NULL;
	struct err e;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &in, &e), 0);
	assert_int_equal(vm_from_json(in, &v, &e), 0);
	assert_true(v->disks[0].capacity == 65970697666560ULL);
	assert_int_equal(v->passthrough[0].vendor, 0x10de);
	back = vm_to_json(v);
	assert_true(json_equal(in, back));
}

static void absent(void **state)
{
	_json_ json_t *in = json_pack("{s:[{}],s:[{}],s:n,s:s}", "disks",
		"nics", "name", "later", "ignored");
	_vm_ struct vm *v = NULL;
	struct err e;

	(void)state;
	assert_int_equal(vm_from_json(in, &v, &e), 0);
	assert_null(v->name);
	assert_int_equal(v->snapshots, -1);
	assert_int_equal(v->cpus, 1);
	assert_true(v->nics[0].connected);
	assert_int_equal(v->nics[0].pci_slot, -1);
	assert_null(v->disks[0].slot);
}

static void wrong_types(void **state)
{
	static const char *const bad[] = {"[]", "{\"name\":1}",
		"{\"cpus\":\"2\"}", "{\"cpus\":-1}", "{\"cpus\":4294967296}",
		"{\"memory_mib\":1.5}", "{\"firmware\":\"efi\"}", "{\"tpm\":1}",
		"{\"disks\":{}}", "{\"disks\":[1]}",
		"{\"nics\":[{\"pci_slot\":\"1\"}]}",
		"{\"passthrough\":[{\"vendor\":\"xyz\"}]}",
		"{\"passthrough\":[{\"vendor\":\"0x100000000\"}]}",
		"{\"warnings\":[1]}", "{\"snapshots\":-2}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_json_ json_t *in = NULL;
		struct vm *v = (struct vm *)&bad;
		struct err e = {0};

		assert_int_equal(
			json_parse(bad[i], strlen(bad[i]), &in, &e), 0);
		assert_int_equal(vm_from_json(in, &v, &e), -1);
		assert_int_equal(e.code, ERR_BAD_INPUT);
		assert_ptr_equal(v, &bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(absent),
		cmocka_unit_test(wrong_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
