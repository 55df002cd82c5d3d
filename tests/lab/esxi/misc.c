/*
 * Small commands: vmware, uname, the PAM helper, and the preparation of
 * busybox for the chroot.
 */
#include "lab.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

int cmd_vmware(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strchr(argv[i], 'v'))
			puts(lab_old() ? "VMware ESXi 5.5.0 build-2068190"
				       : "VMware ESXi 8.0.2 build-22380479");
		if (strchr(argv[i], 'l'))
			puts(lab_old() ? "VMware ESXi 5.5.0 Update 2"
				       : "VMware ESXi 8.0 Update 2");
	}
	return 0;
}

int cmd_uname(int argc, char **argv)
{
	char host[65] = "esx";
	const char *v = lab_old() ? "5.5.0" : "8.0.2";

	gethostname(host, sizeof(host) - 1);
	if (argc > 1 && strchr(argv[1], 'a'))
		printf("VMkernel %s %s #1 SMP Release build-%s x86_64 "
		       "%s\n",
			host, v,
			lab_old() ? "2068190 Aug 22 2014 23:30:08"
				  : "22380479 Sep  4 2023 15:00:49",
			lab_old() ? "GNU/Linux" : "x86_64 x86_64 ESXi");
	else
		puts(argc < 2 || strchr(argv[1], 's')  ? "VMkernel"
				: strchr(argv[1], 'n') ? host
				: strchr(argv[1], 'm') ? "x86_64"
						       : v);
	return 0;
}

static void auth_log(const char *what)
{
	const char *user = getenv("PAM_USER"), *from = getenv("PAM_RHOST");
	char *l = text_fmt("%s %s %s from %s", text_utc(), what,
		     user ? user : "?", from ? from : "?"),
	     *p;
	int fd = open("/lab/auth.log",
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	for (p = l; *p; p++) /* one line, whatever the name */
		if (iscntrl((unsigned char)*p))
			*p = '?';
	l = text_fmt("%s\n", l);
	if (write(fd, l, strlen(l)) < 0)
		perror("auth.log");
	close(fd);
}

/*
 * Run by PAM after the password was looked at, as ESXi's account lock:
 * after 5 wrong ones nobody gets in for 15 minutes, right password or not.
 * argv[1] is "ok" or "fail"; the latter always exits 1.
 */
int cmd_auth(int argc, char **argv)
{
	bool ok = argc > 1 && !strcmp(argv[1], "ok");
	long long n = 0, last = 0, now = time(NULL);
	char *s;

	state_lock();
	s = state_get("auth-failures");
	if (s && sscanf(s, "%lld %lld", &n, &last) != 2)
		n = 0;
	if (n >= 5 && now - last < state_num("unlock-seconds", 900)) {
		auth_log("locked");
		return 1;
	}
	if (n >= 5)
		n = 0;
	auth_log(ok ? "ok" : "fail");
	state_put("auth-failures", "%lld %lld", ok ? 0 : n + 1, now);
	return ok ? 0 : 1;
}

/* locked PATH: exit 0 when a running VM holds the file; for the HTTPS
 * server. */
int cmd_locked(int argc, char **argv)
{
	int who;

	return argc > 1 && inv_locked(argv[1], &who) ? 0 : 1;
}

/*
 * bbpatch SRC DST KEEP...: copies busybox so that its shell finds only the
 * applets KEEP by itself. Debian's shell prefers its own applets to PATH, so
 * that neither our fronts (cat, dd) would be called nor would a program be
 * missed that ESXi lacks. Applet names stand sorted in one table and are
 * found by binary search: each unwanted name is changed in its last letter,
 * keeping the order.
 */
static bool kept(const char *name, int argc, char **argv)
{
	int i;

	for (i = 3; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

static void hide(char *name, const char *before, const char *after)
{
	char *last = name + strlen(name) - 1, was = *last, c;

	for (c = 'z'; c >= '0'; c--) {
		*last = c;
		if (c != was && isalnum((unsigned char)c) &&
			strcmp(before, name) < 0 &&
			(!*after || strcmp(name, after) < 0))
			return;
	}
	*last = was;
}

int cmd_bbpatch(int argc, char **argv)
{
	static const char head[] = "[\0[[\0";
	size_t n;
	char *s = argc > 2 ? text_file(argv[1], &n) : NULL, *p, *next;
	const char *before = "";

	if (!s) {
		fprintf(stderr, "bbpatch: %s\n", strerror(errno));
		return 1;
	}
	p = memmem(s, n, head, sizeof(head) - 1);
	if (!p) {
		fprintf(stderr, "bbpatch: no table of applets in %s\n",
			argv[1]);
		return 1;
	}
	for (; *p; p = next) {
		next = p + strlen(p) + 1;
		if (!kept(p, argc, argv))
			hide(p, before, next);
		before = p;
	}
	if (text_write(argv[2], s, n) || chmod(argv[2], 0755)) {
		fprintf(stderr, "bbpatch: %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	return 0;
}
