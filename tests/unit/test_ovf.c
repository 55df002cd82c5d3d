/* OVF envelopes: core/ovf.c, ovf_vm.c, ovf_hw.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "manifest.h"
#include "ovf_doc.h"
#include "str.h"

#define ENVELOPE                                                 \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Envelope " \
	"xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\" "      \
	"xmlns:ovf=\"http://schemas.dmtf.org/ovf/envelope/1\" "  \
	"xmlns:rasd=\"urn:rasd\" xmlns:vmw=\"urn:vmw\" xmlns:vssd=\"urn:v\">"
#define FILES                                                              \
	"<References><File ovf:id=\"file1\" ovf:href=\"web-disk1.vmdk\"/>" \
	"<File ovf:id=\"file2\" ovf:href=\"web-disk2.vmdk\"/></References>"
#define DISKS                                                              \
	"<DiskSection><Disk ovf:diskId=\"d1\" ovf:fileRef=\"file1\" "      \
	"ovf:capacity=\"32\" ovf:capacityAllocationUnits=\"byte * 2^30\" " \
	"ovf:format=\"http://www.vmware.com/x#streamOptimized\" "          \
	"ovf:populatedSize=\"1008926720\"/>"                               \
	"<Disk ovf:diskId=\"d2\" ovf:fileRef=\"file2\" "                   \
	"ovf:capacity=\"1073741824\"/></DiskSection>"
#define SYSTEM                                                           \
	"<VirtualSystem ovf:id=\"vm-1\"><Name>web &amp; co</Name>"       \
	"<OperatingSystemSection ovf:id=\"96\" "                         \
	"vmw:osType=\"debian10_64Guest\"/><AnnotationSection>"           \
	"<Annotation>line 1\nline 2</Annotation></AnnotationSection>"    \
	"<VirtualHardwareSection><System>"                               \
	"<vssd:VirtualSystemType>vmx-08 vmx-10</vssd:VirtualSystemType>" \
	"</System>"
#define END "</VirtualHardwareSection></VirtualSystem></Envelope>"
#define R(name, value) "<rasd:" name ">" value "</rasd:" name ">"
#define CPU                                                                 \
	"<Item>" R("InstanceID", "1") R("ResourceType", "3")                \
		R("VirtualQuantity",                                        \
			"4") "<vmw:CoresPerSocket ovf:required=\"false\">2" \
			     "</vmw:CoresPerSocket></Item>"
#define MEMORY                                               \
	"<Item>" R("InstanceID", "2") R("ResourceType", "4") \
		R("AllocationUnits", "byte * 2^20")          \
			R("VirtualQuantity", "2048") "</Item>"
#define CONTROLLER(id, type, sub, address)                   \
	"<Item>" R("InstanceID", id) R("ResourceType", type) \
		R("ResourceSubType", sub) R("Address", address) "</Item>"
#define DISK(parent, unit, resource)                              \
	"<Item>" R("InstanceID", "20") R("ResourceType", "17")    \
		R("ElementName", "Hard Disk") R("Parent", parent) \
			R("AddressOnParent", unit)                \
				R("HostResource", resource) "</Item>"

static struct vm *vm_of(const char *text)
{
	struct vm *v = NULL;
	struct err e = {0};

	if (ovf_parse(text, strlen(text), "/x/web.ovf", &v, &e))
		fail_msg("refused: %s", e.why);
	return v;
}

static void refused(const char *text, const char *why)
{
	struct vm *v = NULL;
	struct err e = {0};

	if (ovf_parse(text, strlen(text), NULL, &v, &e) == 0)
		fail_msg("taken, though: %s", why);
	assert_int_equal(e.code, ERR_BAD_OVF);
	assert_null(v);
	if (!strstr(e.why, why))
		fail_msg("why is: %s", e.why);
}

static void must_warn(const struct vm *v, const char *words)
{
	for (size_t i = 0; i < v->n_warnings; i++)
		if (strstr(v->warnings[i], words))
			return;
	for (size_t i = 0; i < v->n_warnings; i++)
		print_message("warning: %s\n", v->warnings[i]);
	fail_msg("no warning says '%s'", words);
}

static void whole_machine(void **state)
{
	_vm_ struct vm *v = vm_of(
		ENVELOPE FILES DISKS SYSTEM CPU MEMORY CONTROLLER(
			"3", "6", "VirtualSCSI", "0")
			DISK("3", "0", "ovf:/disk/d1") DISK("3", "1",
				"/disk/d2") "<vmw:Config vmw:key=\"firmware\" "
					    "vmw:value=\"efi\"/>"
					    "<vmw:Config "
					    "vmw:key=\"bootOptions."
					    "efiSecureBootEnabled\" "
					    "vmw:value=\"true\"/><vmw:Config "
					    "vmw:key=\"nestedHVEnabled\" "
					    "vmw:value=\"true\"/>" END);
	const struct vm_disk *d = v->disks;

	(void)state;
	assert_string_equal(v->name, "web & co");
	assert_string_equal(v->config, "/x/web.ovf");
	assert_string_equal(v->guest, "debian10-64");
	assert_string_equal(v->annotation, "line 1\nline 2");
	assert_string_equal(v->hw_version, "8");
	assert_int_equal(v->cpus, 4);
	assert_int_equal(v->cores_per_socket, 2);
	assert_int_equal(v->memory_mib, 2048);
	assert_int_equal(v->firmware, VM_UEFI);
	assert_true(v->secure_boot && v->nested);
	assert_int_equal(v->snapshots, 0);
	assert_int_equal(v->n_disks, 2);
	assert_string_equal(d[0].slot, "scsi0:0");
	assert_string_equal(d[0].model, "pvscsi");
	assert_string_equal(d[0].file, "web-disk1.vmdk");
	assert_string_equal(d[0].path, "/x/web-disk1.vmdk");
	assert_true(d[0].capacity == 32ULL << 30);
	assert_int_equal(d[0].used, 1008926720);
	assert_string_equal(d[0].create_type, "streamOptimized");
	assert_string_equal(d[1].slot, "scsi0:1");
	assert_true(d[1].capacity == 1ULL << 30);
	assert_int_equal(v->n_warnings, 0);
}

static void units(void **state)
{
	static const struct {
		const char *s;
		uint64_t bytes; /* 0: not understood */
	} rows[] = {
		{NULL, 7},
		{"", 7},
		{"byte", 1},
		{"bytes", 1},
		{"byte * 2^20", 1 << 20},
		{"byte * 2 ^ 30", 1 << 30},
		{"byte*1024*1024", 1 << 20},
		{"Byte * 10^6", 1000000},
		{"MegaBytes", 1 << 20},
		{"KB", 1 << 10},
		{"gigabytes", 1 << 30},
		{"hertz * 10^6", 0},
		{"byte * 2^64", 0},
		{"byte *", 0},
		{"byte + 1", 0},
		{"parsec", 0},
		{"byte * 2^99999999999", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 0;

		assert_int_equal(
			ovf_units(rows[i].s, 7, &v), rows[i].bytes ? 0 : -1);
		assert_true(v == rows[i].bytes);
	}
}

/* Controllers of one bus that all say 0, lists of models, a second bus. */
static void controllers(void **state)
{
	_vm_ struct vm *v = vm_of(ENVELOPE FILES DISKS SYSTEM MEMORY CONTROLLER(
		"3", "6", "virtio lsilogic", "0") CONTROLLER("4", "6",
		"lsilogicsas",
		"0") CONTROLLER("5", "5", "PIIX4", "1") CONTROLLER("6", "20",
		"vmware.sata.ahci", "0") CONTROLLER("7", "20",
		"vmware.nvme.controller", "0") DISK("7", "0", "ovf:/disk/d1")
			DISK("6", "2", "ovf:/disk/d1") DISK("5", "1",
				"ovf:/disk/d1") DISK("4", "10", "ovf:/disk/d1")
				DISK("4", "2", "ovf:/disk/d1")
					DISK("3", "0", "ovf:/disk/d1") END);
	static const char *const want[][2] = {{"scsi0:0", "lsilogic"},
		{"scsi1:2", "lsisas1068"}, {"scsi1:10", "lsisas1068"},
		{"ide1:1", "ide"}, {"sata0:2", "ahci"}, {"nvme0:0", "nvme"}};

	(void)state;
	assert_int_equal(v->n_disks, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_string_equal(v->disks[i].slot, want[i][0]);
		assert_string_equal(v->disks[i].model, want[i][1]);
	}
	assert_int_equal(v->n_warnings, 0);
}

/* No two disks ever share a slot. */
static void odd_slots(void **state)
{
	_vm_ struct vm *v = vm_of(ENVELOPE FILES DISKS SYSTEM MEMORY CONTROLLER(
		"3", "6", "", "0") DISK("3", "0", "ovf:/disk/d1") DISK("3", "0",
		"ovf:/disk/d2") DISK("9", "0", "ovf:/disk/d2")
			DISK("3", "x", "ovf:/disk/d2") END);

	(void)state;
	assert_int_equal(v->n_disks, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(v->disks[i].unit, i);
	must_warn(v, "asks for unit '0', which cannot be; it gets 1");
	must_warn(v, "names no controller of the package");
	must_warn(v, "asks for unit 'x'");
}

static void odd_disks(void **state)
{
	_vm_ struct vm *v = vm_of(ENVELOPE
		"<References><File ovf:id=\"u\" ovf:href=\"http://x/a.vmdk\"/>"
		"<File ovf:id=\"z\" ovf:href=\"z.gz\" "
		"ovf:compression=\"gzip\"/><File ovf:id=\"c\" ovf:href=\"c\" "
		"ovf:chunkSize=\"2147483648\"/><File ovf:id=\"p\" "
		"ovf:href=\"sub/p.vmdk\"/></References><DiskSection>"
		"<Disk ovf:diskId=\"u\" ovf:fileRef=\"u\" ovf:capacity=\"42\"/>"
		"<Disk ovf:diskId=\"z\" ovf:fileRef=\"z\" "
		"ovf:capacity=\"${size}\"/>"
		"<Disk ovf:diskId=\"c\" ovf:fileRef=\"c\" ovf:capacity=\"512\" "
		"ovf:capacityAllocationUnits=\"parsec\"/>"
		"<Disk ovf:diskId=\"e\" ovf:capacity=\"1024\"/>"
		"<Disk ovf:diskId=\"p\" ovf:fileRef=\"p\" ovf:parentRef=\"u\" "
		"ovf:capacity=\"512\"/></DiskSection>" SYSTEM MEMORY CONTROLLER(
			"3", "6", "", "0") DISK("3", "0", "ovf:/disk/u")
			DISK("3", "1", "ovf:/disk/z") DISK("3", "2",
				"ovf:/disk/c") DISK("3", "3", "ovf:/disk/e")
				DISK("3", "4", "") DISK("3", "5", "ovf:/disk/p")
					DISK("3", "6", "ovf:/file/p") END);
	static const char *const why[] = {"at a URL", "compressed (gzip)",
		"split into chunks", "no file in the package",
		"no file in the package", "difference to disk 'u'", NULL};

	(void)state;
	assert_int_equal(v->n_disks, 7);
	for (size_t i = 0; i < 7; i++) {
		if (why[i])
			assert_non_null(
				strstr(v->disks[i].unsupported, why[i]));
		else
			assert_null(v->disks[i].unsupported);
	}
	assert_int_equal(v->disks[0].capacity, 0);
	assert_int_equal(v->disks[1].capacity, 0);
	assert_int_equal(v->disks[2].capacity, 0);
	assert_int_equal(v->disks[3].capacity, 1024);
	assert_true(v->disks[5].snapshot);
	assert_string_equal(v->disks[6].path, "/x/sub/p.vmdk");
	must_warn(v, "capacity of scsi0:0 is '42'");
	must_warn(v, "capacity of scsi0:1 is '${size}'");
	must_warn(v, "scsi0:3 is an empty disk");
}

#define NIC(extra) \
	"<Item>" R("InstanceID", "30") R("ResourceType", "10") extra "</Item>"

static void nics(void **state)
{
	_vm_ struct vm *v = vm_of(ENVELOPE SYSTEM MEMORY NIC(R(
		"ResourceSubType", "VmxNet3") R("Connection",
		"VM Network") R("Address",
		"00:50:56:BE:32:58") "<vmw:Config "
				     "vmw:key=\"slotInfo.pciSlotNumber\" "
				     "vmw:value=\"192\"/>")
			NIC(R("ResourceSubType", "PCNet32") R("Address", "7") R(
				"AutomaticAllocation", "false")) NIC("")
				NIC(R("ResourceSubType", "VMXNET3 virtio"))
					END);

	(void)state;
	assert_int_equal(v->n_nics, 4);
	assert_string_equal(v->nics[0].model, "vmxnet3");
	assert_string_equal(v->nics[0].network, "VM Network");
	assert_string_equal(v->nics[0].mac, "00:50:56:be:32:58");
	assert_int_equal(v->nics[0].mac_kind, VM_MAC_STATIC);
	assert_int_equal(v->nics[0].pci_slot, 192);
	assert_string_equal(v->nics[1].slot, "ethernet1");
	assert_string_equal(v->nics[1].model, "vlance");
	assert_null(v->nics[1].mac);
	assert_false(v->nics[1].connected);
	assert_string_equal(v->nics[2].model, "e1000");
	assert_true(v->nics[2].connected);
	assert_string_equal(v->nics[3].model, "vmxnet3");
}

static void configurations(void **state)
{
	_vm_ struct vm *v = vm_of(ENVELOPE
		"<DeploymentOptionSection><Configuration ovf:id=\"small\"/>"
		"<Configuration ovf:id=\"large\" ovf:default=\"true\"/>"
		"</DeploymentOptionSection>" SYSTEM MEMORY CPU
		"<Item ovf:configuration=\"small\">" R("ResourceType", "3") R(
			"VirtualQuantity",
			"1") "</Item>"
			     "<Item ovf:configuration=\"huge large\">" R(
				     "ResourceType", "3") R("VirtualQuantity",
				     "8") "</Item>"
					  "<Item "
					  "ovf:configuration=\"small\">" R(
						  "ResourceType",
						  "10") "</Item>" END);

	(void)state;
	assert_int_equal(v->cpus, 8);
	assert_int_equal(v->n_nics, 0);
	must_warn(v, "2 configurations; 'large' is taken");
}

static void odd_machine(void **state)
{
	_vm_ struct vm *v = vm_of(ENVELOPE
		"<VirtualSystemCollection><VirtualSystem "
		"ovf:id=\"only\">"
		"<OperatingSystemSection ovf:id=\"101\"/>"
		"<VirtualHardwareSection><System>"
		"<vssd:VirtualSystemType>virtualbox-2.2"
		"</vssd:VirtualSystemType></System>"
		"<Item>" R("ResourceType", "3") R("VirtualQuantity",
			"many") "</Item>"
				"<Item>" R("ResourceType", "4") R(
					"VirtualQuantity",
					"1") R("AllocationUnits",
					"byte") "</Item>"
						"<Item>" R("ResourceType",
							"15") R("HostR"
								"esour"
								"ce",
							"ovf:/file/"
							"iso") "</"
							       "Item>"
							       "<Item"
							       ">" R("ResourceT"
								     "ype",
								       "1") R("ElementName",
								       "GPU") R("ResourceSubType",
								       "vmware."
								       "pci."
								       "passthr"
								       "ough-"
								       "vmiop") "</Item>"
										"<vmw:Config vmw:key=\"firmware\" vmw:value=\"@@F@@\"/>"
										"</VirtualHardwareSection></VirtualSystem>"
										"</VirtualSystemCollection></Envelope>");

	(void)state;
	assert_string_equal(v->name, "only");
	assert_string_equal(v->guest, "otherlinux-64");
	assert_null(v->hw_version);
	assert_int_equal(v->memory_mib, 0);
	assert_int_equal(v->firmware, VM_BIOS);
	must_warn(v, "number of CPUs is 'many'");
	must_warn(v, "memory is '1' of 'byte'");
	must_warn(v, "CD-ROM image of the package");
	must_warn(v, "pciPassthru0 (vmware.pci.passthrough-vmiop)");
	must_warn(v, "firmware is '@@F@@'");
}

/* vCloud Director wrote packages whose elements have no name space. */
static void only_attributes_have_a_name_space(void **state)
{
	_vm_ struct vm *v =
		vm_of("<Envelope "
		      "xmlns:ovf=\"http://schemas.dmtf.org/ovf/envelope/1\" "
		      "xmlns:rasd=\"urn:rasd\" xmlns:vmw=\"urn:vmw\" "
		      "xmlns:vssd=\"urn:v\"><References>"
		      "<File ovf:id=\"file1\" href=\"web-disk1.vmdk\"/>"
		      "<File ovf:id=\"file2\" "
		      "href=\"web-disk2.vmdk\"/></References>" DISKS SYSTEM CPU
				MEMORY CONTROLLER("3", "6", "lsilogic", "0")
					DISK("3", "0", "ovf:/disk/d1") END);

	(void)state;
	assert_string_equal(v->name, "web & co");
	assert_int_equal(v->n_disks, 1);
	assert_string_equal(v->disks[0].file, "web-disk1.vmdk");
	assert_int_equal(v->disks[0].capacity, 32ull << 30);
	refused("<Envelope xmlns:ovf=\"urn:other\"/>",
		"name space is 'urn:other'");
}

static void bad(void **state)
{
	(void)state;
	refused("", "the file is empty");
	refused("<Envelope", "not XML at line 1");
	refused("<html/>", "root element is <html>");
	refused("<Envelope/>", "name space is ''");
	refused("<Envelope xmlns=\"http://www.vmware.com/schema/ovf/1/"
		"envelope\"/>",
		"OVF 0.9");
	refused(ENVELOPE "</Envelope>", "no virtual system");
	refused(ENVELOPE "<VirtualSystemCollection>"
			 "<VirtualSystem ovf:id=\"a\"/>"
			 "<VirtualSystemCollection><VirtualSystem "
			 "ovf:id=\"b\"/></VirtualSystemCollection>"
			 "</VirtualSystemCollection></Envelope>",
		"2 virtual systems (a, b)");
	refused(ENVELOPE SYSTEM DISK("3", "0", "nonsense") END,
		"'nonsense', which the package does not have");
	refused(ENVELOPE SYSTEM DISK("3", "0", "ovf:/disk/d9") END,
		"'ovf:/disk/d9', which");
	refused(ENVELOPE DISKS SYSTEM DISK("3", "0", "ovf:/disk/d1") END,
		"file 'file1', which References does not list");
}

/* A hostile package: entities, and names that lead elsewhere. */
static void hostile(void **state)
{
	static const char *const names[] = {"/etc/shadow", "../../key", "..",
		"a/../../b", "a/..", "\\\\host\\share"};

	(void)state;
	refused("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>"
		"<Envelope>&e;</Envelope>",
		"has a DOCTYPE");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_free_ char *text = xasprintf(ENVELOPE
			"<References><File ovf:id=\"file1\" ovf:href=\"%s\"/>"
			"</References>" DISKS SYSTEM MEMORY DISK(
				"3", "0", "ovf:/disk/d1") END,
			names[i]);

		refused(text, "leads out of the package");
	}
}

static void manifest(void **state)
{
	_manifest_ struct manifest m = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(manifest_parse("SHA256(a b.ovf)= 00ff\r\n\r\n"
					"SHA1 (x(1).vmdk) = 12\n",
				 &m, &e),
		0);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.lines[0].name, "a b.ovf");
	assert_string_equal(m.lines[0].hex, "00ff");
	assert_string_equal(m.lines[1].algorithm, "SHA1");
	assert_string_equal(m.lines[1].name, "x(1).vmdk");
	manifest_free(&m);
	assert_int_equal(manifest_parse("SHA1()= 1\n", &m, &e), -1);
	assert_int_equal(manifest_parse("\n<xml/>\n", &m, &e), -1);
	assert_int_equal(e.code, ERR_BAD_OVF);
	assert_non_null(strstr(e.why, "line 2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_machine),
		cmocka_unit_test(units),
		cmocka_unit_test(controllers),
		cmocka_unit_test(odd_slots),
		cmocka_unit_test(odd_disks),
		cmocka_unit_test(nics),
		cmocka_unit_test(configurations),
		cmocka_unit_test(odd_machine),
		cmocka_unit_test(only_attributes_have_a_name_space),
		cmocka_unit_test(bad),
		cmocka_unit_test(hostile),
		cmocka_unit_test(manifest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
