/* Files told apart and shown: core/inspect.c, core/verb/inspect.c, pci.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "inspect.h"
#include "proc.h"
#include "str.h"
#include "testdir.h"
#include "verb.h"

static char dir[TEST_DIR_LEN];

static int setup(void **state)
{
	(void)state;
	return test_dir(dir, "inspect") ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return proc_must((const char *const[]){"rm", "-r", dir, NULL}, NULL,
		NULL, ERR_IO, NULL);
}

static void put(const char *name, const char *text, size_t n)
{
	_free_ char *path = path_join(dir, name);
	struct err e = {0};

	if (file_write(path, text, n, 0600, &e))
		fail_msg("%s", e.why);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

/* A sparse file of that size. */
static void put_size(const char *name, off_t size)
{
	_free_ char *path = path_join(dir, name);
	_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
}

static struct inspect look(const char *name)
{
	_free_ char *path = path_join(dir, name);
	struct inspect i = {0};
	struct err e = {0};

	if (inspect_file(path, &i, &e))
		fail_msg("%s: %s", name, e.why);
	return i;
}

static bool warned(const struct vm *v, const char *words)
{
	for (size_t i = 0; i < v->n_warnings; i++)
		if (strstr(v->warnings[i], words))
			return true;
	return false;
}

#define VMX                                                                  \
	"config.version = \"8\"\nmemSize = \"512\"\ndisplayName = \"web\"\n" \
	"guestOS = \"debian12-64\"\nscsi0.present = \"TRUE\"\n"
#define DISK(n, f) \
	"scsi0:" n ".present = \"TRUE\"\nscsi0:" n ".fileName = \"" f "\"\n"
#define VMDK(flat)                                                          \
	"# Disk DescriptorFile\nversion=1\nCID=0000000a\n"                  \
	"parentCID=ffffffff\ncreateType=\"vmfs\"\nRW 8 VMFS \"" flat "\"\n" \
	"ddb.thinProvisioned = \"1\"\n"

static void what_stands_beside(void **state)
{
	struct inspect i;
	const struct vm_disk *d;

	(void)state;
	put_text("web.vmx",
		VMX DISK("0", "web.vmdk") DISK("1", "short.vmdk") DISK("2",
			"/vmfs/volumes/gone/x/lost.vmdk") DISK("3", "bad.vmdk")
			DISK("4", "away.vmdk") DISK("5", "web-000001.vmdk"));
	put_text("web.vmdk", VMDK("web-flat.vmdk"));
	put_size("web-flat.vmdk", 4096);
	put_text("short.vmdk", VMDK("short-flat.vmdk"));
	put_size("short-flat.vmdk", 4095);
	put_text("lost.vmdk", VMDK("lost-flat.vmdk"));
	put_text("bad.vmdk", "# Disk DescriptorFile\nversion=1\n");
	put_text("web-000001.vmdk",
		"# Disk DescriptorFile\nversion=1\nCID=0000000b\n"
		"parentCID=0000000a\ncreateType=\"vmfsSparse\"\n"
		"parentFileNameHint=\"web.vmdk\"\n"
		"RW 8 VMFSSPARSE \"web-000001-delta.vmdk\"\nddb.a = \"b\"\n");
	put_size("web-000001-delta.vmdk", 512);
	put_text("web.vmsd",
		"snapshot.numSnapshots = \"1\"\n"
		"snapshot0.uid = \"1\"\n");
	i = look("web.vmx");
	d = i.vm->disks;
	assert_int_equal(i.kind, INSPECT_VMX);
	assert_int_equal(i.vm->snapshots, 1);
	assert_int_equal(d[0].capacity, 4096);
	assert_true(d[0].thin);
	assert_string_equal(d[0].cid, "0000000a");
	assert_true(str_ends(d[0].data, "/web-flat.vmdk"));
	assert_true(warned(i.vm, "scsi0:1: short-flat.vmdk has 4095 bytes"));
	/* Taken off the host: beside the .vmx, whatever its old path. */
	assert_int_equal(d[2].capacity, 4096);
	assert_string_equal(d[2].data, "/vmfs/volumes/gone/x/lost-flat.vmdk");
	assert_true(warned(
		i.vm, "scsi0:2: the data file lost-flat.vmdk is not here"));
	assert_true(warned(i.vm, "scsi0:3: bad.vmdk: the descriptor ends"));
	assert_int_equal(d[4].capacity, 0);
	assert_true(d[5].snapshot);
	assert_non_null(strstr(d[5].unsupported, "web.vmdk"));
	assert_int_equal(i.vm->n_warnings, 3);
	inspect_free(&i);
}

/* By content, whatever the name. */
static void told_apart(void **state)
{
	static const char ovf[] =
		"\xef\xbb\xbf\n<Envelope xmlns=\"http://schemas.dmtf.org/ovf/"
		"envelope/1\"><VirtualSystem id=\"o\"/></Envelope>";
	struct inspect i;

	(void)state;
	put_text("a.txt", VMX);
	put_text("b.vmx", VMDK("x-flat.vmdk"));
	put_text("c.vmdk", ovf);
	i = look("a.txt");
	assert_int_equal(i.kind, INSPECT_VMX);
	inspect_free(&i);
	i = look("b.vmx");
	assert_int_equal(i.kind, INSPECT_VMDK);
	assert_string_equal(inspect_kind_name(i.kind), "vmdk");
	inspect_free(&i);
	i = look("c.vmdk");
	assert_int_equal(i.kind, INSPECT_OVF);
	assert_string_equal(i.vm->name, "o");
	inspect_free(&i);
}

static void refused(const char *name, enum err_code code, const char *why)
{
	_free_ char *path = path_join(dir, name);
	struct inspect i = {0};
	struct err e = {0};

	assert_int_equal(inspect_file(path, &i, &e), -1);
	assert_int_equal(e.code, code);
	if (!strstr(e.why, why))
		fail_msg("why is: %s", e.why);
	assert_non_null(strstr(e.what, name));
}

static void not_ours(void **state)
{
	_free_ char *fifo = path_join(dir, "fifo");

	(void)state;
	put_size("flat.vmdk", 3 << 20);
	put_size("big.bin", 3 << 20);
	put_text("empty", "");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused("absent", ERR_NOT_FOUND, "No such file");
	refused(".", ERR_BAD_INPUT, "is not a file");
	refused("fifo", ERR_BAD_INPUT, "is not a file");
	refused("flat.vmdk", ERR_BAD_VMDK, "a disk's data");
	refused("big.bin", ERR_BAD_VMX, "none of the kinds");
	refused("empty", ERR_BAD_VMX, "not the configuration of a VM");
}

/* --- the verbs --- */

static struct buf shown;

static void put_out(struct out *o, const char *s, size_t n)
{
	(void)o;
	buf_add(&shown, s, n);
}

/* What `vmferry NAME FILE...` prints; borrowed. */
static const char *run(const char *verb, const char *file, const char *option)
{
	struct out o = {.put = put_out};
	char *argv[] = {(char *)verb, (char *)file, (char *)option, NULL};
	struct err e = {0};

	buf_clear(&shown);
	if (verb_find(verb)->run(option ? 3 : 2, argv, &o, &e))
		fail_msg("%s: %s", file, e.why);
	return shown.s;
}

static void has(const char *page, const char *words)
{
	if (!strstr(page, words))
		fail_msg("no '%s' in:\n%s", words, page);
}

static void page(void **state)
{
	const char *p =
		run("inspect", "tests/golden/esxi7-two-disks.vmx", NULL);

	(void)state;
	has(p, "web01\n");
	has(p, "Debian GNU/Linux 11 (64 bit) (debian11-64)");
	has(p, "Debian GNU/Linux 12 (bookworm), say the VMware Tools");
	has(p, "UEFI, secure boot");
	has(p, "CPU        4, cores per socket: 2");
	has(p, "memory     8.0 GiB");
	has(p, "4225e6c2-222c-04dc-fcad-b9856875b1ad");
	has(p, "scsi0:0    size unknown, web01-000002.vmdk");
	has(p, "controller pvscsi, persistent, snapshot's child disk");
	has(p, "independent-persistent");
	has(p, "vmxnet3, MAC 00:50:56:a5:97:d5 (generated by vCenter)");
	has(p, "network DMZ \"outside\", not connected at power on");
	has(p, "notes      Front end\n             Owner: |ops|\n");
	has(p, "warnings: 1\n  - The CD-ROM image in sata0:0");
}

/* No byte of a hostile file reaches the terminal as a control character. */
static void hostile(void **state)
{
	const char *p = run("inspect", "tests/golden/hostile-name.vmx", NULL);

	(void)state;
	for (; *p; p++) {
		const unsigned char c = (unsigned char)*p;

		assert_true(c == '\n' || (c >= ' ' && c != 0x7f));
	}
	has(shown.s, "x?]0;owned??[2J$(reboot)");
	assert_null(strstr(shown.s, "\xe2\x80\xae"));
}

static void json(void **state)
{
	_free_ char *disk = path_join(dir, "j.vmdk");
	_json_ json_t *vm = NULL, *vmdk = NULL;
	const char *p = run("inspect", "tests/golden/esxi55-ide.vmx", "--json");

	(void)state;
	assert_int_equal(json_parse(p, strlen(p), &vm, NULL), 0);
	assert_string_equal(json_str(vm, "kind"), "vmx");
	assert_string_equal(json_str(vm, "guest"), "winnetstandard");
	put_text("j.vmdk", VMDK("x-flat.vmdk"));
	p = run("inspect", disk, "--json");
	assert_int_equal(json_parse(p, strlen(p), &vmdk, NULL), 0);
	assert_string_equal(json_str(vmdk, "kind"), "vmdk");
	assert_int_equal(json_u64(vmdk, "capacity", 0), 4096);
	assert_string_equal(
		json_str(json_array_get(json_object_get(vmdk, "extents"), 0),
			"file"),
		"x-flat.vmdk");
	p = run("inspect", disk, NULL);
	has(p, "disk of 4.0 KiB, vmfs, thin");
	p = run("pci", "--json", NULL);
	has(p, "\"devices\": [");
}

static void usage(void **state)
{
	static const char *const forms[][4] = {{"inspect"},
		{"inspect", "a", "b"}, {"inspect", "--xml", "a"}, {"pci", "x"},
		{"pci", "--json", "x"}};
	struct out o = {.put = put_out};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		char *argv[4];
		struct err e = {0};
		int argc = 0;

		while (argc < 4 && forms[i][argc]) {
			argv[argc] = (char *)forms[i][argc];
			argc++;
		}
		assert_int_equal(
			verb_find(argv[0])->run(argc, argv, &o, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
	buf_free(&shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_beside),
		cmocka_unit_test(told_apart),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(page),
		cmocka_unit_test(hostile),
		cmocka_unit_test(json),
		cmocka_unit_test(usage),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
