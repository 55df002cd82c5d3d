/* VMDK descriptors and sparse headers. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "vmdk.h"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/vmdk/*.vmdk", NULL};
const char *const fuzz_words[] = {"RW 8 VMFS \"a-flat.vmdk\"\n",
	"RW 8 FLAT \"a\" 0\n", "NOACCESS 1 ZERO\n", "RDONLY 1 SPARSE \"x",
	"createType=\"2GbMaxExtentFlat\"\n", "createType=\"vmfsSparse\"\n",
	"parentCID=1\n", "parentFileNameHint=\"../x.vmdk\"\n", "version=4\n",
	"encoding=\"Big5\"\n", "ddb.adapterType = \"ide\"\n", "KDMV", "COWD",
	"# Disk DescriptorFile\n", "1125899906842624", "18446744073709551616",
	"vsan://", "\r\n", "\"", NULL};

static void check(const struct vmdk *d)
{
	_vm_ struct vm *v = vm_new();
	struct vm_disk *disk = vm_add_disk(v);
	uint64_t sum = 0;
	struct err e = {0};

	for (size_t i = 0; i < d->n_extents; i++) {
		sum += d->extents[i].sectors * 512;
		vmdk_check_size(d, i, 512, &e);
	}
	if (!d->n_extents || sum != d->capacity || !sum)
		abort();
	if ((vmdk_usable(d, &e) == 0) == (d->unsupported != NULL))
		abort();
	/* What may be copied has one readable file and no parent. */
	if (!d->unsupported &&
		(d->n_extents != 1 || d->child || !d->extents[0].file ||
			!d->extents[0].readable))
		abort();
	vmdk_to_disk(d, "/vmfs/volumes/a/b/c.vmdk", disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_vmdk_ struct vmdk *d = NULL;
	struct err e = {0};

	if (vmdk_parse(data, size, &d, &e) == 0)
		check(d);
	else if (e.code != ERR_BAD_VMDK)
		abort();
	return 0;
}
