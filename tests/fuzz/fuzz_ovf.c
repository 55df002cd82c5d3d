/* OVF envelopes, manifests, and the headers of OVA archives. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "manifest.h"
#include "ovf.h"
#include "str.h"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/ovf/*", NULL};
const char *const fuzz_words[] = {"<VirtualSystem>", "</VirtualSystem>",
	"<Item><ResourceType>17</ResourceType>", "<Parent>3</Parent>",
	"<AddressOnParent>0</AddressOnParent>", "</Item>",
	"<HostResource>ovf:/disk/", "<!DOCTYPE x [", "<!ENTITY a \"b\">", "&a;",
	"byte * 2^", "9999999999999999999", "../", "ovf:configuration=\"a b\"",
	"<![CDATA[", "ustar", "path=", "\x80", "SHA256(a)= 1\n", NULL};

/* Each disk has a slot of its own. */
static void check(const struct vm *v)
{
	for (size_t i = 1; i < v->n_disks; i++)
		if (strcmp(v->disks[i].slot, v->disks[i - 1].slot) == 0)
			abort();
}

static void as_archive(const uint8_t *data, size_t size)
{
	_close_ int fd = memfd_create("ova", MFD_CLOEXEC);
	_ova_ struct ova *a = NULL;
	_vm_ struct vm *v = NULL;
	struct err e = {0};

	if (fd < 0 || write_all(fd, data, size))
		return;
	if (ova_list(fd, &a, &e)) {
		if (e.code != ERR_BAD_OVF)
			abort();
		return;
	}
	for (size_t i = 0; i < a->n; i++)
		if (a->members[i].offset + a->members[i].size > size)
			abort();
	if (ova_parse(fd, "/x/y.ova", &v, &e) == 0)
		check(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = xstrndup((const char *)data, size);
	_vm_ struct vm *v = NULL;
	_manifest_ struct manifest m = {0};
	struct err e = {0};

	as_archive(data, size);
	(void)manifest_parse(text, &m, &e);
	if (ovf_parse((const char *)data, size, "/x/y.ovf", &v, &e) == 0)
		check(v);
	else if (e.code != ERR_BAD_OVF)
		abort();
	return 0;
}
