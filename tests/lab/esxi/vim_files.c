/*
 * vim-cmd: the files of a VM, and searching a datastore.
 */
#include "vim.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>

/* The descriptors of one disk, base first. */
static size_t chain_of(const struct vdisk *v, char **out, size_t max)
{
	struct desc d;
	char *p = v->path;
	size_t i, n = 0;

	for (; p && n < max && !desc_load(p, &d); p = desc_parent(p, &d))
		out[n++] = p;
	for (i = 0; i < n / 2; i++) {
		char *t = out[i];

		out[i] = out[n - 1 - i];
		out[n - 1 - i] = t;
	}
	return n;
}

static void string_list(struct dump *d, const char *member, char **s, size_t n)
{
	size_t i;

	dump_list(d, member, "string");
	for (i = 0; i < n; i++)
		dump_str(d, NULL, "%s", s[i]);
	dump_close(d);
}

int vim_filelayout(struct vm *vm, int argc, char **argv)
{
	char *home = text_fmt("%s/", inv_ds_path(text_fmt("%s/x", vm->dir)));
	char *config[] = {
		text_fmt("%s.nvram", vm->base), text_fmt("%s.vmsd", vm->base)};
	char *log[] = {text_dup("vmware.log")}, *chain[33];
	struct dump d = {0}, f = {0};
	size_t i, k, n;

	(void)argc, (void)argv;
	/* "[ds] dir/x/" without the x */
	home[strlen(home) - 2] = 0;
	dump_open(&f, NULL, "vim.vm.FileInfo");
	dump_str(&f, "vmPathName", "%s", inv_ds_path(vm->vmx_path));
	dump_str(&f, "snapshotDirectory", "%s", home);
	dump_str(&f, "suspendDirectory", "%s", home);
	dump_str(&f, "logDirectory", "%s", home);
	dump_close(&f);
	dump_open(&d, NULL, "vim.vm.FileLayout");
	string_list(&d, "configFile", config, 2);
	string_list(&d, "logFile", log, 1);
	dump_list(&d, "disk", "vim.vm.FileLayout.DiskLayout");
	for (i = 0; i < vm->ndisk; i++) {
		dump_open(&d, NULL, "vim.vm.FileLayout.DiskLayout");
		dump_raw(&d, "key", "%d", vm->disk[i].key);
		n = chain_of(&vm->disk[i], chain, ARRAY_LEN(chain));
		for (k = 0; k < n; k++)
			chain[k] = inv_ds_path(chain[k]);
		string_list(&d, "diskFile", chain, n);
		dump_close(&d);
	}
	dump_close(&d);
	dump_unset(&d, "snapshot");
	dump_unset(&d, "swapFile");
	dump_close(&d);
	return 0;
}

static void layout_file(
	struct dump *d, int *key, const char *path, const char *type)
{
	struct stat st;
	bool there = !stat(path, &st);

	dump_open(d, NULL, "vim.vm.FileLayoutEx.FileInfo");
	dump_raw(d, "key", "%d", (*key)++);
	dump_str(d, "name", "%s", inv_ds_path(path));
	dump_str(d, "type", "%s", type);
	dump_raw(d, "size", "%lld", there ? (long long)st.st_size : 0);
	dump_raw(d, "uniqueSize", "%lld",
		there ? (long long)st.st_blocks * 512 : 0);
	if (!lab_old())
		dump_unset(d, "backingObjectId");
	dump_bool(d, "accessible", there);
	dump_close(d);
}

static const char *type_of(const char *name)
{
	static const char *const by_tail[][2] = {{".vmx", "config"},
		{".vmxf", "extendedConfig"}, {".nvram", "nvram"},
		{".vmsd", "snapshotList"}, {".vmsn", "snapshotData"},
		{".vmem", "snapshotMemory"}, {".vmss", "suspend"},
		{".vswp", "swap"}, {".log", "log"}};
	size_t i;

	for (i = 0; i < ARRAY_LEN(by_tail); i++)
		if (text_ends(name, by_tail[i][0]))
			return by_tail[i][1];
	return NULL;
}

int vim_filelayoutex(struct vm *vm, int argc, char **argv)
{
	struct dirent **e;
	struct dump d = {0};
	char *chain[33];
	struct desc desc;
	int key = 0, i, files = scandir(vm->dir, &e, NULL, alphasort);
	size_t j, k, n;

	(void)argc, (void)argv;
	dump_open(&d, NULL, "vim.vm.FileLayoutEx");
	dump_list(&d, "file", "vim.vm.FileLayoutEx.FileInfo");
	for (i = 0; i < files; i++) {
		const char *type = type_of(e[i]->d_name);

		if (type)
			layout_file(&d, &key,
				text_fmt("%s/%s", vm->dir, e[i]->d_name), type);
	}
	for (j = 0; j < vm->ndisk; j++) {
		n = chain_of(&vm->disk[j], chain, ARRAY_LEN(chain));
		for (k = 0; k < n; k++) {
			layout_file(&d, &key, chain[k], "diskDescriptor");
			if (!desc_load(chain[k], &desc))
				layout_file(&d, &key,
					desc_extent(chain[k], &desc),
					"diskExtent");
		}
	}
	dump_close(&d);
	dump_str(&d, "timestamp", "%s", text_utc());
	dump_close(&d);
	return 0;
}

/* "No VM" when there is none, one block a datastore. */
int vim_datastores(struct vm *vm, int argc, char **argv)
{
	struct datastore *ds;
	size_t i, j, n = inv_datastores(&ds);

	(void)argc, (void)argv;
	for (i = 0; i < n; i++) {
		bool used = strstr(vm->vmx_path, ds[i].uuid) != NULL;

		for (j = 0; j < vm->ndisk; j++)
			used = used || strstr(vm->disk[j].path, ds[i].uuid);
		if (!used)
			continue;
		printf("name                 %s\n"
		       "url                  /vmfs/volumes/%s\n"
		       "capacity             %lld\n"
		       "freeSpace            %lld\n"
		       "accessible           true\n"
		       "type                 VMFS\n"
		       "multipleHostAccess   <unset>\n\n",
			ds[i].name, ds[i].uuid, ds[i].size, ds[i].free);
	}
	return 0;
}

static void found_file(struct dump *d, const char *dir, const char *name)
{
	char *path = text_fmt("%s/%s", dir, name), when[40];
	struct desc desc;
	struct stat st, ext;
	struct tm tm;
	bool disk = text_ends(name, ".vmdk") && !desc_load(path, &desc);
	bool log = disk && desc.hint;

	if (stat(path, &st) || text_ends(name, "-flat.vmdk") ||
		text_ends(name, "-delta.vmdk") ||
		text_ends(name, "-sesparse.vmdk"))
		return;
	gmtime_r(&st.st_mtime, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	dump_open(d, NULL,
		disk ? "vim.host.DatastoreBrowser.VmDiskInfo"
		     : "vim.host.DatastoreBrowser.FileInfo");
	dump_str(d, "path", "%s", name);
	if (disk && !stat(desc_extent(path, &desc), &ext))
		st.st_size = ext.st_blocks * 512;
	dump_raw(d, "fileSize", "%lld", (long long)st.st_size);
	dump_str(d, "modification", "%s", when);
	dump_unset(d, "owner");
	if (disk) {
		char *list[] = {inv_ds_path(desc_extent(path, &desc))};

		dump_str(d, "diskType",
			"vim.vm.device.VirtualDisk.%sBackingInfo",
			!log ? "FlatVer2"
				: !strcmp(desc.extent_type, "SESPARSE")
				? "SeSparse"
				: "SparseVer2");
		dump_raw(d, "capacityKb", "%lld", (long long)desc.sectors / 2);
		dump_raw(d, "hardwareVersion", "4");
		dump_str(d, "controllerType",
			"vim.vm.device.Virtual%s"
			"Controller",
			!strcmp(desc.adapter, "ide") ? "IDE" : "LsiLogic");
		string_list(d, "diskExtents", list, 1);
		dump_bool(d, "thin", desc.thin);
	}
	dump_close(d);
}

int vim_search(struct vm *unused, int argc, char **argv)
{
	char *dir = inv_real(argv[2]), *ds;
	struct dump d = {0};
	struct dirent **e;
	int i, n;

	(void)unused, (void)argc;
	n = scandir(dir, &e, NULL, alphasort);
	if (n < 0)
		return vim_fault("vim.fault.FileNotFound",
			text_fmt("File %s "
				 "was not found",
				argv[2]),
			"file", argv[2], NULL);
	ds = strlen(dir) > 49 ? text_fmt("%.35s", dir + 14) : dir + 14;
	dump_open(&d, NULL, "vim.host.DatastoreBrowser.SearchResults");
	dump_raw(&d, "datastore", "'vim.Datastore:%s'", ds);
	dump_str(&d, "folderPath", "%s", argv[2]);
	dump_list(&d, "file", "vim.host.DatastoreBrowser.FileInfo");
	for (i = 0; i < n; i++)
		if (*e[i]->d_name != '.')
			found_file(&d, dir, e[i]->d_name);
	dump_close(&d);
	dump_close(&d);
	return 0;
}
