/* VMDK descriptors: core/vmdk.c, core/vmdk_kind.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "str.h"
#include "vmdk.h"

static const char thin_disk[] =
	"# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\n"
	"CID=7475B330\nparentCID=ffffffff\ncreateType=\"vmfs\"\n\n"
	"# Extent description\nRW 83886080 VMFS \"web01-flat.vmdk\"\n\n"
	"# The Disk Data Base\n#DDB\n\n"
	"ddb.adapterType = \"lsilogic\"\nddb.thinProvisioned = \"1\"\n"
	"ddb.uuid = \"60 00 C2 95 f1 47 b6 a3-1f b2 1b d9 e7 ae 2d 9c\"\n";

static struct vmdk *parse(const char *text)
{
	struct vmdk *d = NULL;
	struct err e = {0};

	if (vmdk_parse(text, strlen(text), &d, &e))
		fail_msg("refused: %s", e.why);
	return d;
}

/* A descriptor with this type, these extra lines and extents. */
static struct vmdk *disk(const char *type, const char *lines)
{
	_free_ char *text = xasprintf(
		"# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
		"createType=\"%s\"\n%s\nddb.adapterType = \"ide\"\n",
		type, lines);

	return parse(text);
}

static void refused_n(const void *data, size_t n, const char *why)
{
	struct vmdk *d = NULL;
	struct err e = {0};

	if (vmdk_parse(data, n, &d, &e) == 0)
		fail_msg("taken, though: %s", why);
	assert_int_equal(e.code, ERR_BAD_VMDK);
	assert_null(d);
	if (!strstr(e.why, why))
		fail_msg("why is: %s", e.why);
}

static void refused(const char *text, const char *why)
{
	refused_n(text, strlen(text), why);
}

static void plain(void **state)
{
	_vmdk_ struct vmdk *d = parse(thin_disk);

	(void)state;
	assert_string_equal(d->create_type, "vmfs");
	assert_string_equal(d->cid, "7475b330");
	assert_string_equal(d->parent_cid, "ffffffff");
	assert_null(d->parent_hint);
	assert_int_equal(d->n_extents, 1);
	assert_string_equal(d->extents[0].type, "VMFS");
	assert_string_equal(d->extents[0].file, "web01-flat.vmdk");
	assert_true(d->capacity == 83886080ULL * 512);
	assert_string_equal(d->adapter, "lsilogic");
	assert_true(d->thin);
	assert_string_equal(
		d->uuid, "60 00 C2 95 f1 47 b6 a3-1f b2 1b d9 e7 ae 2d 9c");
	assert_false(d->child || d->embedded);
	assert_null(d->unsupported);
	assert_int_equal(vmdk_usable(d, NULL), 0);
}

/* Forms seen in the wild: CRLF, blank lines, other spellings of the magic,
 * comments before it, no quotes, keys in any case, a section without its #. */
static void forms(void **state)
{
	_vmdk_ struct vmdk *d =
		parse("\r\n#Disk Descriptor File\r\n\r\nVERSION = 1\r\n"
		      "cid=a\r\nPARENTCID=FFFFFFFF\r\n"
		      "createtype=VMFS\r\n"
		      "rw 8 vmfs \"a b.vmdk\" \r\nThe Disk Data Base\r\n"
		      "ddb.thinProvisioned=\"0\"\r\n");
	_vmdk_ struct vmdk *c = parse(
		"# made by a stream converter\nversion=1\nparentCID=ffffffff\n"
		"createType=\"streamOptimized\"\nRDONLY 2048 SPARSE \"s\"\n"
		"ddb.adapterType = \"lsilogic\"");

	(void)state;
	assert_string_equal(d->create_type, "vmfs");
	assert_string_equal(d->cid, "0000000a");
	assert_string_equal(d->extents[0].file, "a b.vmdk");
	assert_false(d->thin || d->child);
	assert_null(d->unsupported);
	assert_null(c->cid);
	assert_int_equal(c->refusal, ERR_DISK_UNSUPPORTED);
}

static void file_names(void **state)
{
	_vmdk_ struct vmdk *d = disk("vmfs",
		"encoding=\"Shift_JIS\"\nRW 8 VMFS \"\x95\x5c-flat.vmdk\"");
	_vmdk_ struct vmdk *q = disk("vmfs", "RW 8 VMFS \"it \"is\" 7.vmdk\"");

	(void)state;
	assert_string_equal(d->extents[0].file, "\xe8\xa1\xa8-flat.vmdk");
	assert_string_equal(q->extents[0].file, "it \"is\" 7.vmdk");
}

struct row {
	const char *type, *extent;
	enum err_code code;
	const char *why;
};

static const struct row kinds[] = {
	{"vmfs", "RW 8 VMFS \"x\"", ERR_NONE, NULL},
	{"vmfsPreallocated", "RW 8 VMFS \"x\"", ERR_NONE, NULL},
	{"vmfsEagerZeroedThick", "RW 8 VMFS \"x\"", ERR_NONE, NULL},
	{"vmfsThin", "RW 8 VMFS \"x\"", ERR_NONE, NULL},
	{"monolithicFlat", "RW 8 FLAT \"x\" 0", ERR_NONE, NULL},
	{"twoGbMaxExtentFlat", "RW 8 FLAT \"x\" 0", ERR_NONE, NULL},
	{"2GbMaxExtentFlat", "RW 8 FLAT \"x\" 0\nRW 8 FLAT \"y\" 0",
		ERR_DISK_UNSUPPORTED, "spread over 2 extents"},
	{"monolithicFlat", "RW 8 FLAT \"x\" 63", ERR_DISK_UNSUPPORTED,
		"begin at sector 63"},
	{"monolithicFlat", "NOACCESS 8 FLAT \"x\" 0", ERR_DISK_UNSUPPORTED,
		"NOACCESS"},
	{"monolithicSparse", "RW 8 SPARSE \"x\"", ERR_DISK_UNSUPPORTED,
		"a sparse disk of VMware Workstation"},
	{"twoGbMaxExtentSparse", "RW 8 SPARSE \"x\"", ERR_DISK_UNSUPPORTED,
		"split into pieces"},
	{"2gbmaxextentsparse", "RW 8 SPARSE \"x\"", ERR_DISK_UNSUPPORTED,
		"split into pieces"},
	{"streamOptimized", "RW 8 SPARSE \"x\"", ERR_DISK_UNSUPPORTED,
		"compressed disk"},
	{"vmfsSparse", "RW 8 VMFSSPARSE \"x\"", ERR_DISK_CHAIN,
		"child disk of a disk it does not name"},
	{"seSparse", "RW 8 SESPARSE \"x\"", ERR_DISK_CHAIN, "child"},
	{"vsanSparse", "RW 8 VSANSPARSE \"x\"", ERR_DISK_CHAIN, "child"},
	{"vmfsRaw", "RW 8 VMFSRAW \"x\"", ERR_DISK_UNSUPPORTED, "raw device"},
	{"vmfsRawDeviceMap", "RW 8 VMFSRDM \"x-rdm.vmdk\"",
		ERR_DISK_UNSUPPORTED, "virtual RDM"},
	{"vmfsPassthroughRawDeviceMap", "RW 8 VMFSRDM \"x-rdmp.vmdk\"",
		ERR_DISK_UNSUPPORTED, "physical RDM"},
	{"fullDevice", "RW 8 FLAT \"/dev/sda\" 0", ERR_DISK_UNSUPPORTED,
		"physical disk of the host"},
	{"partitionedDevice", "RW 8 FLAT \"m\" 0\nRW 9 ZERO",
		ERR_DISK_UNSUPPORTED, "partitions of a physical disk"},
	{"custom", "RW 8 FLAT \"x\" 0", ERR_DISK_UNSUPPORTED,
		"createType custom"},
	{"quantum", "RW 8 FLAT \"x\" 0", ERR_DISK_UNSUPPORTED,
		"'quantum' is not known"},
	{"2GbMaxExtentFoo", "RW 8 FLAT \"x\" 0", ERR_DISK_UNSUPPORTED,
		"'2GbMaxExtentFoo' is not known"},
	/* Somebody repaired the wrong line. */
	{"vmfs", "RW 8 VMFSSPARSE \"x\"", ERR_DISK_UNSUPPORTED,
		"createType vmfs does not go with an extent of type "
		"VMFSSPARSE"},
	{"vmfs", "RW 8 VMFS \"vsan://52e2-x\"", ERR_DISK_UNSUPPORTED,
		"object of vSAN"},
	{"vmfs", "objectID=\"vvol://a\"\nRW 8 VMFS \"x\"", ERR_DISK_UNSUPPORTED,
		"virtual volume"},
	{"vmfs", "isNativeSnapshot=\"yes\"\nRW 8 VMFS \"x\"",
		ERR_DISK_UNSUPPORTED, "storage array"},
	{"vmfs", "ddb.iofilters = \"vmwarevmcrypt\"\nRW 8 VMFS \"x\"",
		ERR_DISK_UNSUPPORTED, "encrypted"},
	{"monolithicSparse", "encryptionKeys=\"vmware:key\"\nRW 8 SPARSE \"x\"",
		ERR_DISK_UNSUPPORTED, "encrypted"},
	/* Another's files, or the host's. */
	{"vmfs", "RW 8 VMFS \"/etc/shadow\"", ERR_DISK_UNSUPPORTED,
		"'/etc/shadow' lies outside"},
	{"vmfs", "RW 8 VMFS \"../b/b-flat.vmdk\"", ERR_DISK_UNSUPPORTED,
		"lies outside"},
	{"vmfs", "RW 8 VMFS \"/vmfs/volumes/../../etc/x\"",
		ERR_DISK_UNSUPPORTED, "lies outside"},
	{"vmfs", "RW 8 VMFS \"/vmfs/volumes/a/b-flat.vmdk\"", ERR_NONE, NULL},
	{"vmfs", "RW 8 ZERO", ERR_DISK_UNSUPPORTED, "does not go"},
	{"twoGbMaxExtentFlat", "RW 8 ZERO", ERR_DISK_UNSUPPORTED, "no file"},
};

static void every_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct row *k = &kinds[i];
		_vmdk_ struct vmdk *d = disk(k->type, k->extent);
		struct err e = {0};

		if (!k->why) {
			assert_null(d->unsupported);
			assert_int_equal(vmdk_usable(d, &e), 0);
			continue;
		}
		assert_int_equal(vmdk_usable(d, &e), -1);
		assert_int_equal(e.code, k->code);
		if (!strstr(e.why, k->why))
			fail_msg("%s: why is: %s", k->type, e.why);
	}
}

static void chains(void **state)
{
	_vmdk_ struct vmdk *d =
		parse("# Disk DescriptorFile\nversion=2\nCID=d9c73e0a\n"
		      "parentCID=5ad259c6\ncreateType=\"vmfsSparse\"\n"
		      "parentFileNameHint=\"/vmfs/volumes/x/web01.vmdk\"\n"
		      "RW 8 VMFSSPARSE \"web01-000001-delta.vmdk\"\n"
		      "ddb.longContentID = \"\"\n");
	/* A linked clone of Workstation is a chain too. */
	_vmdk_ struct vmdk *clone = disk("monolithicSparse",
		"parentCID=12345678\n"
		"RW 8 SPARSE \"x\"");
	/* No parentCID at all: the hint tells. */
	_vmdk_ struct vmdk *cut =
		parse("# Disk DescriptorFile\nversion=1\ncreateType=\"vmfs\"\n"
		      "parentFileNameHint=\"base.vmdk\"\nRW 8 VMFS \"x\"\n"
		      "ddb.a = \"b\"\n");

	(void)state;
	assert_true(d->child && clone->child && cut->child);
	assert_string_equal(d->parent_cid, "5ad259c6");
	assert_string_equal(d->parent_hint, "/vmfs/volumes/x/web01.vmdk");
	assert_int_equal(d->refusal, ERR_DISK_CHAIN);
	assert_non_null(strstr(d->unsupported, "/vmfs/volumes/x/web01.vmdk"));
	assert_int_equal(clone->refusal, ERR_DISK_CHAIN);
	assert_int_equal(cut->refusal, ERR_DISK_CHAIN);
}

#define HEAD "# Disk DescriptorFile\nversion=1\ncreateType=\"vmfs\"\n"
#define TAIL "\nddb.a = \"b\"\n"

static void bad_text(void **state)
{
	static const char *const rows[][2] = {
		{"", "the file is empty"},
		{"hello\n", "not a disk descriptor"},
		{"# Disk DescriptorFile\n", "ends before its createType"},
		{"version=1\nRW 8 VMFS \"x\"" TAIL, "has no createType"},
		{"createType=\"vmfs\"\nRW 8 VMFS \"x\"" TAIL, "no version"},
		{HEAD TAIL, "names no extent"},
		{HEAD "RW 8 VMFS \"x\"\n", "no disk data base"},
		{HEAD "RW 8 VMFS \"x" TAIL, "line 4: the extent's file name"},
		{HEAD "RW 8 VMFS x" TAIL, "must be in quotes"},
		{HEAD "RW 8 VMFS" TAIL, "names no file"},
		{HEAD "RW 8" TAIL, "has no type"},
		{HEAD "RW " TAIL, ""},
		{HEAD "RW -8 VMFS \"x\"" TAIL, "no number of sectors"},
		{HEAD "RW 0 VMFS \"x\"" TAIL, "no number of sectors"},
		{HEAD "RW 8x VMFS \"x\"" TAIL, "no number of sectors"},
		{HEAD "RW 99999999999999999999 VMFS \"x\"" TAIL,
			"no number of sectors"},
		{HEAD "RW 1125899906842624 VMFS \"x\"\nRW 1 VMFS \"y\"" TAIL,
			"line 5: the extents are too large"},
		{HEAD "RW 8 WARP \"x\"" TAIL, "type is unknown"},
		{HEAD "RW 8 FLAT \"x\"" TAIL, "needs an offset"},
		{HEAD "RW 8 FLAT \"x\" y" TAIL, "offset is no number"},
		{HEAD "CID=xyz\n", "line 4: a content id"},
		{HEAD "CID=123456789\n", "content id"},
		{HEAD "parentCID=\n", "content id"},
		{HEAD "version=5\n", "version is not one of"},
		{HEAD "encoding=\"UTF\n", "line 4: the value is cut off"},
		{"<?xml version=\"1.0\"?>\n", "not a disk descriptor"},
		{"\x1f\x8b\x08", "compressed with gzip"},
		{"COWD", "-delta.vmdk"},
		{"\xa2\x72\x19\xf6", "-ctk.vmdk"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(rows[i][0], rows[i][1]);
	refused_n("\xbe\xba\xfe\xca\0\0\0\0", 8, "-sesparse.vmdk");
	refused_n("# Disk DescriptorFile\n\0\0x", 25, "byte 22 is NUL");
}

static void large(void **state)
{
	_free_ char *big = xcalloc(1, VMDK_TEXT_MAX + 1);

	(void)state;
	memset(big, '#', VMDK_TEXT_MAX + 1);
	refused_n(big, VMDK_TEXT_MAX + 1, "a disk's data");
}

/* A descriptor cut anywhere is refused, or (in its last part, the data base)
 * still has the whole disk. */
static void every_cut(void **state)
{
	static const char text[] =
		"# Disk DescriptorFile\nversion=1\nCID=7475b330\n"
		"parentCID=ffffffff\ncreateType=\"twoGbMaxExtentFlat\"\n"
		"RW 4192256 FLAT \"a-f001.vmdk\" 0\n"
		"RW 4192256 FLAT \"a-f002.vmdk\" 0\n"
		"ddb.adapterType = \"lsilogic\"\nddb.geometry.heads = \"1\"\n";
	size_t taken = 0;

	(void)state;
	for (size_t n = 0; n < strlen(text); n++) {
		_vmdk_ struct vmdk *d = NULL;

		if (vmdk_parse(text, n, &d, NULL))
			continue;
		taken++;
		assert_true(d->capacity == 2 * 4192256ULL * 512);
	}
	assert_in_range(taken, 3, 60);
}

static void put64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = v >> (8 * i);
}

/* A sparse image's first 4 KiB: descriptor in sectors 1 to 3. */
static void image(unsigned char out[4096], uint64_t capacity)
{
	static const char text[] =
		"# Disk DescriptorFile\nversion=1\nCID=00000001\n"
		"parentCID=ffffffff\ncreateType=\"streamOptimized\"\n"
		"RW 20480 SPARSE \"d.vmdk\"\nddb.adapterType = \"lsilogic\"\n";

	memset(out, 0, 4096);
	memcpy(out, "KDMV\3\0\0\0", 8);
	put64(out + 12, capacity);
	put64(out + 28, 1);
	put64(out + 36, 3);
	memcpy(out + 512, text, sizeof(text));
}

static void embedded(void **state)
{
	unsigned char img[4096];
	_vmdk_ struct vmdk *d = NULL;
	struct err e = {0};

	(void)state;
	image(img, 20480);
	if (vmdk_parse(img, sizeof(img), &d, &e))
		fail_msg("refused: %s", e.why);
	assert_true(d->embedded);
	assert_string_equal(d->create_type, "streamOptimized");
	assert_true(d->capacity == 20480 * 512);
	refused_n(img, 400, "cut off in its header");
	refused_n(img, 2047, "cut off in its descriptor");
	image(img, 20481);
	refused_n(img, sizeof(img),
		"header says 20481 sectors, the descriptor 20480");
	image(img, 20480);
	put64(img + 28, 0);
	refused_n(img, sizeof(img), "one extent of a split disk");
	put64(img + 28, UINT64_MAX);
	refused_n(img, sizeof(img), "outside anything real");
	image(img, 20480);
	img[1800] = 'x';
	refused_n(img, sizeof(img), "is NUL with data behind it");
}

static void sizes(void **state)
{
	_vmdk_ struct vmdk *d = parse(thin_disk);
	_vmdk_ struct vmdk *sparse =
		disk("twoGbMaxExtentSparse", "RW 83886080 SPARSE \"x\"");
	_vmdk_ struct vmdk *later = disk("fullDevice", "RW 8 FLAT \"x\" 63");
	struct err e = {0};

	(void)state;
	assert_int_equal(vmdk_check_size(later, 0, 71 * 512, &e), 0);
	assert_int_equal(vmdk_check_size(later, 0, 71 * 512 - 1, &e), -1);
	assert_int_equal(vmdk_check_size(d, 0, 83886080ULL * 512, &e), 0);
	assert_int_equal(vmdk_check_size(d, 0, 83886080ULL * 513, &e), 0);
	assert_int_equal(vmdk_check_size(d, 0, 83886080ULL * 512 - 1, &e), -1);
	assert_int_equal(e.code, ERR_DISK_MISSING);
	assert_non_null(strstr(e.why, "42949672959 bytes"));
	assert_int_equal(vmdk_check_size(sparse, 0, 65536, &e), 0);
}

static void into_disk(void **state)
{
	_vmdk_ struct vmdk *d = parse(thin_disk);
	_vmdk_ struct vmdk *away =
		disk("vmfs", "RW 8 VMFS \"/vmfs/volumes/b/x-flat.vmdk\"");
	_vmdk_ struct vmdk *child =
		disk("seSparse", "RW 8 SESPARSE \"x-sesparse.vmdk\"");
	_vm_ struct vm *v = vm_new();
	struct vm_disk *to;

	(void)state;
	vm_add_disk(v);
	vm_add_disk(v);
	to = vm_add_disk(v);
	vmdk_to_disk(d, "/vmfs/volumes/a/w/web01.vmdk", &v->disks[0]);
	vmdk_to_disk(away, "/vmfs/volumes/a/x.vmdk", &v->disks[1]);
	to->unsupported = xstrdup("shared");
	vmdk_to_disk(child, "x.vmdk", to);
	assert_string_equal(
		v->disks[0].data, "/vmfs/volumes/a/w/web01-flat.vmdk");
	assert_true(v->disks[0].thin);
	assert_true(v->disks[0].capacity == 83886080ULL * 512);
	assert_string_equal(v->disks[0].create_type, "vmfs");
	assert_string_equal(v->disks[0].cid, "7475b330");
	assert_null(v->disks[0].unsupported);
	assert_string_equal(v->disks[1].data, "/vmfs/volumes/b/x-flat.vmdk");
	assert_true(to->snapshot);
	assert_null(to->data);
	assert_string_equal(to->unsupported, "shared");
	vmdk_to_disk(d, NULL, &v->disks[0]);
	assert_null(v->disks[0].data);
}

/* What QEMU leaves behind the text when its new CID is a shorter number. */
static void rest_of_a_longer_cid(void **state)
{
	char text[sizeof(thin_disk) + 64] = {0};
	size_t n = strlen(thin_disk);
	struct vmdk *d = NULL;
	struct err e = {0};

	(void)state;
	memcpy(text, thin_disk, n);
	for (size_t k = 0; k <= 6; k++) {
		memset(text + n, 0, sizeof(text) - n);
		memcpy(text + n + 1, thin_disk + n - k, k);
		assert_int_equal(vmdk_parse(text, sizeof(text), &d, &e), 0);
		assert_string_equal(d->cid, "7475b330");
		vmdk_free(d);
		d = NULL;
	}
	/* Another end, one too long, one that does not follow at once. */
	text[n + 1] ^= 1;
	refused_n(text, sizeof(text), "NUL");
	memcpy(text + n + 1, thin_disk + n - 7, 7);
	refused_n(text, sizeof(text), "NUL");
	memset(text + n, 0, sizeof(text) - n);
	text[n + 2] = '\n';
	refused_n(text, sizeof(text), "NUL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(forms),
		cmocka_unit_test(file_names),
		cmocka_unit_test(every_kind),
		cmocka_unit_test(chains),
		cmocka_unit_test(bad_text),
		cmocka_unit_test(large),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(embedded),
		cmocka_unit_test(rest_of_a_longer_cid),
		cmocka_unit_test(sizes),
		cmocka_unit_test(into_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
