/*
 * fault DIR NAME [ARG | off]: switches misfortune on and off. Most faults
 * are files below /lab/fault that the commands look at; some change the
 * datastore at once and undo that when switched off.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "fault: %s: %s\n", what, why);
	return 1;
}

static int named(const char *name, struct vm *out)
{
	struct vm *vm;
	size_t i, n = inv_all(&vm);

	for (i = 0; i < n; i++) {
		if (strcmp(vm[i].name, name) && text_num(name) != vm[i].id)
			continue;
		*out = vm[i];
		return vm[i].ndisk ? 0 : -1;
	}
	return -1;
}

/* The extent at the bottom of the first disk. */
static char *base_extent(const struct vm *vm, char **descriptor)
{
	char *p = vm->disk[0].path, *up;
	struct desc d;

	while (!desc_load(p, &d) && (up = desc_parent(p, &d)))
		p = up;
	*descriptor = p;
	return desc_load(p, &d) ? NULL : desc_extent(p, &d);
}

static int missing_extent(const char *name, const char *arg, bool on)
{
	char *desc, *ext, *away;
	struct vm vm;

	(void)name;
	if (named(arg, &vm) || !(ext = base_extent(&vm, &desc)))
		return complain(arg, "no such VM, or no disk");
	away = text_fmt("%s.away", ext);
	if (rename(on ? ext : away, on ? away : ext))
		return complain(ext, strerror(errno));
	return 0;
}

static int truncated_descriptor(const char *name, const char *arg, bool on)
{
	struct vm vm;
	char *s, *p, *save;
	size_t n;

	(void)name;
	if (named(arg, &vm))
		return complain(arg, "no such VM, or no disk");
	p = vm.disk[0].path;
	save = text_fmt("/lab/saved-descriptor-%d", vm.id);
	if (!on) {
		s = text_file(save, &n);
		return s && !text_write(p, s, n) ? unlink(save) != 0
						 : complain(p, strerror(errno));
	}
	s = text_file(p, &n);
	if (!s || text_write(save, s, n) || text_write(p, s, n / 6))
		return complain(p, strerror(errno));
	return 0;
}

static int source_changes(const char *name, const char *arg, bool on)
{
	char *desc, *ext;
	struct vm vm;
	char block[LAB_SECTOR];
	int fd;

	(void)name;
	if (!on)
		return 0;
	if (named(arg, &vm) || !(ext = base_extent(&vm, &desc)))
		return complain(arg, "no such VM, or no disk");
	memset(block, 0xa5, sizeof(block));
	fd = open(ext, O_WRONLY | O_CLOEXEC);
	if (fd < 0 ||
		pwrite(fd, block, sizeof(block), 4 * LAB_MIB) !=
			(ssize_t)sizeof(block) ||
		close(fd))
		return complain(ext, strerror(errno));
	return 0;
}

static int question(const char *name, const char *arg, bool on)
{
	struct vm vm;

	(void)name;
	if (named(arg, &vm))
		return complain(arg, "no such VM");
	if (on)
		state_put(inv_key(&vm, "question"),
			"This virtual machine "
			"might have been moved or copied. In order to "
			"configure certain management and networking "
			"features, VMware ESX needs to know if this virtual "
			"machine was moved or copied. If you don't know, "
			"answer \"I Copied It\".");
	else
		state_del(inv_key(&vm, "question"));
	return 0;
}

static int flag(const char *name, const char *arg, bool on)
{
	mkdir("/lab/fault", 0755);
	if (on)
		state_put(text_fmt("fault/%s", name), "%s", arg);
	else
		state_del(text_fmt("fault/%s", name));
	return 0;
}

/* Not a fault but the end of one: the account lock. */
static int unlock(const char *name, const char *arg, bool on)
{
	(void)name, (void)arg, (void)on;
	state_del("auth-failures");
	return 0;
}

static const struct {
	const char *name;
	int (*set)(const char *name, const char *arg, bool on);
	bool vm_off; /* "off" comes after the VM's name */
	bool numeric;
} faults[] = {
	{"no-shutdown", flag, false, false},
	{"no-poweroff", flag, false, false},
	{"snapshot-stuck", flag, false, false},
	{"snapshot-slow", flag, false, true},
	{"hostd-down", flag, false, true},
	{"t0-garbage", flag, false, false},
	{"t0-lies", flag, false, false},
	{"cut-after", flag, false, false},
	{"short-dd", flag, false, false},
	{"locked", flag, false, false},
	{"http-503", flag, false, true},
	{"http-limit", flag, false, true},
	{"unlock", unlock, false, false},
	{"slow-read", flag, false, true},
	{"missing-extent", missing_extent, true, false},
	{"truncated-descriptor", truncated_descriptor, true, false},
	{"source-changes", source_changes, true, false},
	{"question", question, true, false},
};

int cmd_fault(int argc, char **argv)
{
	bool on = argc < 4 || strcmp(argv[argc - 1], "off") != 0;
	const char *arg = "";
	size_t i;
	int k;

	if (argc < 3) {
		fprintf(stderr, "usage: fault DIR NAME [ARG] [off]\n");
		return 2;
	}
	for (k = 3; k < argc - !on; k++)
		arg = text_fmt("%s%s%s", arg, k > 3 ? " " : "", argv[k]);
	if (chroot(text_fmt("%s/root", argv[1])) || chdir("/"))
		return complain(argv[1], strerror(errno));
	for (i = 0; i < ARRAY_LEN(faults); i++)
		if (!strcmp(faults[i].name, argv[2]))
			break;
	if (i == ARRAY_LEN(faults))
		return complain(argv[2], "no such fault");
	if (on && faults[i].numeric && text_num(arg) < 0)
		return complain(argv[2], "needs a number");
	if (faults[i].vm_off && !*arg)
		return complain(argv[2], "needs the name of a VM");
	state_lock();
	return faults[i].set(argv[2], arg, on);
}
