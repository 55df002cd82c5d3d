/*
 * labesxi: chooses the command by name and logs each one, with its
 * arguments, to /lab/commands.log: tests read there what was called, and
 * what never was.
 */
#include "lab.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	bool host; /* runs outside the chroot, not logged */
} commands[] = {
	{"vim-cmd", cmd_vim_cmd, false},
	{"vmware-vim-cmd", cmd_vim_cmd, false},
	{"esxcli", cmd_esxcli, false},
	{"vmkfstools", cmd_vmkfstools, false},
	{"vmware", cmd_vmware, false},
	{"uname", cmd_uname, false},
	{"dd", cmd_dd, false},
	{"cat", cmd_cat, false},
	{"sh", cmd_sh, false},
	{"auth", cmd_auth, true},
	{"locked", cmd_locked, true},
	{"addvm", cmd_addvm, true},
	{"fault", cmd_fault, true},
	{"rawcat", cmd_rawcat, true},
	{"bbpatch", cmd_bbpatch, true},
};

/* One line a command: time, pid, argv quoted for a shell. Bytes that would
 * break the line are written \xNN. */
static void log_command(int argc, char **argv)
{
	char *line = text_fmt("%s %d", text_utc(), (int)getpid());
	int i, fd;

	for (i = 0; i < argc; i++) {
		const char *s = i ? argv[i] : text_base(argv[i]);
		char *q = text_alloc(strlen(s) * 4 + 3);
		size_t o = 0;
		bool plain = *s &&
			!s[strspn(s,
				"abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./"
				"=:,@%+-")];

		if (!plain)
			q[o++] = '\'';
		for (; *s; s++) {
			if (*s == '\'')
				o += (size_t)snprintf(q + o, 5, "'\\''");
			else if ((unsigned char)*s < 32)
				o += (size_t)snprintf(
					q + o, 5, "\\x%02x", (unsigned char)*s);
			else
				q[o++] = *s;
		}
		if (!plain)
			q[o++] = '\'';
		line = text_fmt("%s %s", line, q);
	}
	line = text_fmt("%s\n", line);
	fd = open("/lab/commands.log",
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (write(fd, line, strlen(line)) < 0)
		perror("commands.log");
	close(fd);
}

int main(int argc, char **argv)
{
	const char *name = text_base(argv[0]);
	size_t i;
	int r;

	name += *name == '-';
	if (!strcmp(name, "lab-esxi") && argc > 1) {
		argc--;
		argv++;
		name = argv[0];
	}
	for (i = 0; i < ARRAY_LEN(commands); i++)
		if (!strcmp(commands[i].name, name))
			break;
	if (i == ARRAY_LEN(commands) || !commands[i].host)
		log_command(argc, argv);
	r = i < ARRAY_LEN(commands) ? commands[i].run(argc, argv)
				    : cmd_front(argc, argv);
	if (fflush(stdout))
		return 1;
	return r;
}
