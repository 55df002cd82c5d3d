/*
 * main.c - lab-pve: a Proxmox VE API stand-in for tests.
 *
 *	lab-pve --dir DIR --listen ADDR:PORT --release X.Y [--shared PATH]
 *		[--slow-tasks MS] [--auth-delay MS] [--proxy-timeout MS]
 *
 * Files it leaves in DIR: fingerprint, password, token, token-sep,
 * token-viewer, token-importer, pid, ready ("ADDR:PORT", while it serves),
 * requests.log, state.json.  Ends on SIGTERM or SIGINT: QEMUs, taps, loop
 * devices and mounts it made are gone then.  After kill -9 the next start
 * takes over what still runs.
 */
#include "pve.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct lab lab = {
	.auth_delay_ms = 3000,
	.proxy_ms = 30000,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

static void usage(void)
{
	fputs("usage: lab-pve --dir DIR --listen ADDR:PORT --release X.Y\n"
	      "               [--shared PATH] [--slow-tasks MS]\n"
	      "               [--auth-delay MS] [--proxy-timeout MS]\n",
		stderr);
	exit(2);
}

static int ms_arg(const char *s)
{
	long long v;

	if (!number(s, &v) || v < 0 || v > 3600000)
		usage();
	return (int)v;
}

static void listen_arg(char *s)
{
	char *colon = strrchr(s, ':');
	long long port = 0;

	if (!colon || !number(colon + 1, &port) || port < 0 || port > 65535)
		usage();
	*colon = '\0';
	lab.address = xstrdup(s);
	lab.port = (int)port;
}

static void release_arg(const char *s)
{
	int major, minor, n = 0;

	if (sscanf(s, "%d.%d%n", &major, &minor, &n) != 2 || s[n] ||
		major < 5 || major > 9)
		usage();
	lab.release = xstrdup(s);
	lab.rel = major * 100 + minor;
}

static void options(int argc, char **argv, const char **shared)
{
	static const struct option o[] = {
		{"dir", required_argument, NULL, 'd'},
		{"listen", required_argument, NULL, 'l'},
		{"release", required_argument, NULL, 'r'},
		{"shared", required_argument, NULL, 's'},
		{"slow-tasks", required_argument, NULL, 't'},
		{"auth-delay", required_argument, NULL, 'a'},
		{"proxy-timeout", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", o, NULL)) != -1) {
		switch (c) {
		case 'd':
			dir_make(optarg);
			lab.dir = realpath(optarg, NULL);
			break;
		case 'l':
			listen_arg(optarg);
			break;
		case 'r':
			release_arg(optarg);
			break;
		case 's':
			*shared = optarg;
			break;
		case 't':
			lab.slow_ms = ms_arg(optarg);
			break;
		case 'a':
			lab.auth_delay_ms = ms_arg(optarg);
			break;
		case 'p':
			lab.proxy_ms = ms_arg(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind < argc || !lab.dir || !lab.address || !lab.release)
		usage();
}

static void dirs(const char *shared)
{
	static const char *const sub[] = {"store", "run", "tasks"};
	char *s =
		fmt("%s/reference/pve-api-schema-%s.json", shared, lab.release);

	for (size_t i = 0; i < sizeof(sub) / sizeof(sub[0]); i++) {
		auto_free char *p = fmt("%s/%s", lab.dir, sub[i]);

		dir_make(p);
	}
	if (access(s, R_OK)) {
		fprintf(stderr,
			"lab-pve: no %s: parameters are not checked against "
			"the schema\n",
			s);
		free(s);
		s = NULL;
	}
	lab.schema_path = s;
}

/* One stand-in a directory: a second one would share its disks. */
static int dir_lock(void)
{
	auto_free char *p = fmt("%s/lock", lab.dir);
	auto_free char *pid = fmt("%d\n", (int)getpid());
	auto_free char *file = fmt("%s/pid", lab.dir);
	int fd = open(p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return file_write(file, pid, strlen(pid), 0644);
	fprintf(stderr, "lab-pve: %s: another lab-pve serves it\n", lab.dir);
	return -1;
}

static int ready_write(const char *path)
{
	auto_free char *text = fmt("%s:%d\n", lab.address, lab.port);

	return file_write(path, text, strlen(text), 0644);
}

int main(int argc, char **argv)
{
	const char *shared = getenv("VMFERRY_SHARED");
	auto_free char *ready = NULL;
	sigset_t set;
	int sig;

	shared = shared ? shared : "../shared";
	options(argc, argv, &shared);
	if (strlen(lab.dir) > 80) {
		fprintf(stderr,
			"lab-pve: %s: too long for the sockets in it "
			"(at most 80 characters)\n",
			lab.dir);
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	dirs(shared);
	ready = fmt("%s/ready", lab.dir);
	if (dir_lock())
		return 1;
	unlink(ready);
	if (state_load() || schema_load() || storage_setup() ||
		cert_load(false))
		return 1;
	auth_setup();
	state_save();
	if (http_start() || ready_write(ready))
		return 1;
	sigwait(&set, &sig);
	unlink(ready);
	tasks_stop(10000);
	vmrun_stop_all();
	storage_teardown();
	return 0;
}
