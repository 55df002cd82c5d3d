/*
 * A VM in files: a folder as somebody may send it, read as scan and the
 * preflight read it. Disks are not opened: a source of our own stands in.
 *
 * An input is a row of files: "@NAME" on a line of its own, then its bytes up
 * to the next such line. The first is the one that is named to vmferry.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "str.h"
#include "vmfile.h"

#define FILES_MAX 8

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/vmfile/*", NULL};
const char *const fuzz_words[] = {"\n@a.vmdk\n", "\n@a-flat.vmdk\n",
	"\n@vm.vmsd\n", "\n@vm.vmx.lck\n", "\n@vm.mf\n", "\n@x.vswp\n",
	"scsi0:0.fileName = \"a.vmdk\"\n", "scsi0:0.fileName = \"../a.vmdk\"\n",
	"ide0:0.fileName = \"/vmfs/volumes/ds/a.vmdk\"\n", "\"/..\"",
	"scsi0:0.present = \"TRUE\"\n", "scsi0.virtualDev = \"pvscsi\"\n",
	"createType=\"vmfsSparse\"\n", "RW 64 VMFS \"a-flat.vmdk\"\n",
	"# Disk DescriptorFile\n", "ovf:href=\"", "a%2fb.vmdk", "ustar",
	"snapshot.numSnapshots = \"2\"\n", "..\\", NULL};

static char *dir;

/* --- instead of core/source.c --- */

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	const char *path = in->priv;
	_json_ json_t *file = NULL;

	if (source_file_json(path, &file, e))
		return -1;
	*out = json_pack("{s:[O]}", "files", file);
	return 0;
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	(void)why;
	(void)e;
	extents_add(out, in->size, true);
	return 0;
}

static void close_file(struct disk_in *in)
{
	free(in->priv);
}

static const struct source kind = {
	.identity = identity, .extents = extents, .close = close_file};

/* Only what is in the VM's own folder is asked for. */
int source_open(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	_free_ char *file = xstrdup(spec), *real = NULL;
	char *mark = strchr(file, '#');

	(void)o;
	if (mark)
		*mark = '\0';
	if (!str_starts(file, dir) || file[strlen(dir)] != '/')
		abort();
	real = realpath(file, NULL);
	if (!real)
		return err_sys(e, ERR_IO, "%s", spec);
	if (!str_starts(real, dir))
		abort();
	*in = (struct disk_in){
		.kind = &kind, .priv = xstrdup(file), .size = 1 << 20};
	return 0;
}

void source_close(struct disk_in *in)
{
	if (in->kind)
		in->kind->close(in);
	*in = (struct disk_in){0};
}

int source_file_json(const char *path, json_t **out, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_sys(e, ERR_DISK_MISSING, "%s", path);
	*out = json_object();
	json_put_str(*out, "path", path);
	json_put_u64(*out, "size", st.st_size);
	return 0;
}

/* --- the folder --- */

static char *file_name(const char *line, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-_.";
	char *name;

	if (n < 3 || n > 64 || line[0] != '@' || line[1] == '.')
		return NULL;
	name = xstrndup(line + 1, n - 1);
	if (strspn(name, letters) != n - 1) {
		free(name);
		return NULL;
	}
	return name;
}

static void put(const char *name, const char *p, size_t n)
{
	_free_ char *path = path_join(dir, name);
	FILE *f = fopen(path, "we");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		abort();
}

/* Returns the first one's name, or null. */
static char *make_files(const char *p, const char *end)
{
	char *first = NULL, *name = NULL;
	const char *from = p, *nl;

	for (size_t n = 0; p < end; p = nl + 1) {
		char *next;

		nl = memchr(p, '\n', end - p);
		if (!nl)
			break;
		next = n < FILES_MAX ? file_name(p, nl - p) : NULL;
		if (!next)
			continue;
		if (name)
			put(name, from, p - from);
		if (!first)
			first = xstrdup(next);
		free(name);
		name = next;
		from = nl + 1;
		n++;
	}
	if (name)
		put(name, from, end - from);
	free(name);
	return first;
}

static void remove_files(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		_free_ char *path = path_join(dir, entry->d_name);

		if (*entry->d_name != '.')
			unlink(path);
	}
	if (d)
		closedir(d);
}

/* --- what must hold --- */

static void read_vm(const char *path)
{
	_vmfile_ struct vmfile f = {0}, again = {0};
	_json_ json_t *source = NULL, *vm = NULL;
	struct err e = {0};

	if (vmfile_read(path, &f, &e))
		return;
	source = vmfile_source(&f);
	vm = vm_to_json(f.vm);
	free(json_line(source));
	free(json_line(vm));
	for (size_t i = 0; i < f.vm->n_disks; i++)
		if (!f.vm->disks[i].unsupported && !f.vm->disks[i].path)
			abort();
	/* What did not change is the same. */
	if (vmfile_read(path, &again, &e) ||
		(vmfile_same(&again, source, &e) &&
			(!f.in_use || e.code != ERR_FILE_IN_USE)))
		abort();
}

static void make_dir(void)
{
	static char made[] = "/dev/shm/fuzz-vmfile-XXXXXX";

	if (!dir && !mkdtemp(made))
		abort();
	dir = made;
}

static void remove_dir(void)
{
	remove_files();
	rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *name = NULL, *path = NULL;

	if (!dir) {
		make_dir();
		atexit(remove_dir);
	}
	name = make_files((const char *)data, (const char *)data + size);
	if (!name)
		return 0;
	path = path_join(dir, name);
	read_vm(path);
	remove_files();
	return 0;
}
