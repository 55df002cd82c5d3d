/* .vmx and .vmsd. What is taken must survive the way to JSON and back. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "vmx.h"

const char *const fuzz_seeds[] = {
	"tests/golden/*.vmx", "tests/fuzz/seeds/vmsd/*.vmsd", NULL};
const char *const fuzz_words[] = {"scsi0:1.present = \"TRUE\"\n",
	"scsi0.present = \"TRUE\"\n", "scsi0:1.fileName = \"a-000001.vmdk\"\n",
	"ethernet0.present = \"1\"\n", "ethernet0.address = \"", "|7C", "|00",
	"|0", ".encoding = \"GBK\"\n", ".encoding = \"Shift_JIS\"\n",
	".encoding = \"windows-949-2000\"\n", "\xef\xbb\xbf", "\"", "#",
	"prettyName='", "pciPassthru0.present = \"TRUE\"\n",
	"pciPassthru0.allowedDevices = \"0x1:0x2,\"\n",
	"snapshot0.uid = \"1\"\n", "snapshot.numSnapshots = \"99999\"\n",
	"memSize = \"-1\"\n", "uuid.bios = \"", "18446744073709551616",
	"%2f%25", NULL};

static void there_and_back(const struct vm *v)
{
	_json_ json_t *j = vm_to_json(v), *again = NULL;
	_vm_ struct vm *w = NULL;

	if (vm_from_json(j, &w, NULL))
		abort();
	again = vm_to_json(w);
	if (!json_equal(j, again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_vmx_ struct vmx *x = NULL;
	_vmsd_ struct vmsd *d = NULL;
	_vm_ struct vm *v = NULL;
	struct err e = {0};

	if (vmsd_parse((const char *)data, size, &d, &e) &&
		e.code != ERR_BAD_VMX)
		abort();
	if (vmx_parse((const char *)data, size, &x, &e))
		return 0;
	for (size_t i = 0; i < x->n; i++)
		if (vmx_get(x, x->pairs[i].key) != x->pairs[i].value)
			abort();
	if (vmx_to_vm(x, "/vmfs/volumes/a/b/c.vmx", &v, &e) == 0)
		there_and_back(v);
	else if (e.code != ERR_BAD_VMX)
		abort();
	return 0;
}
