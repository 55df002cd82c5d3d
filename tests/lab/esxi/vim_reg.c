/*
 * vim-cmd: into and out of the inventory.
 */
#include "vim.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

static void forget(const struct vm *vm)
{
	char *dir = text_fmt("/lab/vm/%d", vm->id);
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlink(text_fmt("%s/%s", dir, e->d_name));
	if (d)
		closedir(d);
	rmdir(dir);
}

int vim_register(struct vm *unused, int argc, char **argv)
{
	char *path = inv_real(argv[1]), *id;
	struct vm *vm;
	size_t i, n;

	(void)unused, (void)argc;
	if (access(path, R_OK))
		return vim_fault("vim.fault.NotFound",
			"The object or item "
			"referred to could not be found.",
			NULL);
	state_lock();
	n = inv_all(&vm);
	for (i = 0; i < n; i++) {
		if (strcmp(vm[i].vmx_path, path))
			continue;
		id = text_fmt("%d", vm[i].id);
		return vim_fault("vim.fault.AlreadyExists",
			text_fmt("The specified key, name, or identifier "
				 "'%s' already exists.",
				id),
			"name", id, NULL);
	}
	printf("%d\n", inv_add(path));
	return 0;
}

int vim_unregister(struct vm *vm, int argc, char **argv)
{
	(void)argc, (void)argv;
	if (vm->power != POWER_OFF)
		return vim_fault("vim.fault.InvalidPowerState",
			"The attempted operation cannot be performed in the "
			"current state (Powered On).",
			NULL);
	state_lock();
	forget(vm);
	return 0;
}

/* The real thing: every file of the VM is gone. That is why tests prove
 * from the command log that nobody calls it. */
int vim_destroy(struct vm *vm, int argc, char **argv)
{
	struct desc desc;
	struct dirent *e;
	size_t i;
	DIR *d;

	(void)argc, (void)argv;
	if (vm->power != POWER_OFF)
		return vim_fault("vim.fault.InvalidPowerState",
			"The attempted operation cannot be performed in the "
			"current state (Powered On).",
			NULL);
	state_lock();
	for (i = 0; i < vm->ndisk; i++) {
		char *p = vm->disk[i].path, *up;

		for (; p && !desc_load(p, &desc); p = up) {
			up = desc_parent(p, &desc);
			unlink(desc_extent(p, &desc));
			unlink(p);
		}
	}
	d = opendir(vm->dir);
	while (d && (e = readdir(d)))
		if (*e->d_name != '.')
			unlink(text_fmt("%s/%s", vm->dir, e->d_name));
	if (d)
		closedir(d);
	rmdir(vm->dir);
	forget(vm);
	return 0;
}

int vim_reload(struct vm *vm, int argc, char **argv)
{
	/* the .vmx is read anew by each command */
	(void)vm, (void)argc, (void)argv;
	return 0;
}
