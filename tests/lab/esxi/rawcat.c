/*
 * rawcat DIR VM SLOT: what the guest would read from a disk, to stdout.
 */
#include "lab.h"

#include <string.h>
#include <unistd.h>

static int pour_out(const char *path)
{
	static char buf[LAB_MIB];
	const char *why;
	struct disk d;
	int64_t at;

	if (disk_open(path, &d, &why)) {
		fprintf(stderr, "rawcat: %s\n", why);
		return 1;
	}
	for (at = 0; at < d.size; at += LAB_MIB) {
		size_t len =
			d.size - at < LAB_MIB ? (size_t)(d.size - at) : LAB_MIB;

		if (disk_read(&d, buf, len, at) ||
			fwrite(buf, 1, len, stdout) != len)
			return 1;
	}
	return 0;
}

int cmd_rawcat(int argc, char **argv)
{
	struct vm *vm;
	size_t i, j, n;

	if (argc < 4 || chroot(text_fmt("%s/root", argv[1])) || chdir("/")) {
		fprintf(stderr, "usage: rawcat DIR VM SLOT\n");
		return 2;
	}
	n = inv_all(&vm);
	for (i = 0; i < n; i++)
		for (j = 0; j < vm[i].ndisk; j++)
			if (!strcmp(vm[i].name, argv[2]) &&
				!strcmp(vm[i].disk[j].slot, argv[3]))
				return pour_out(vm[i].disk[j].path);
	fprintf(stderr, "rawcat: no disk %s of %s\n", argv[3], argv[2]);
	return 1;
}
