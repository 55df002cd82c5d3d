/*
 * qemu-nbd as our child: see nbd.h. Keeps true: it never outlives us (it
 * dies with us, and ends by itself when its only client is gone), and its
 * socket can be reached by this user only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nbd.h"
#include "i18n.h"
#include "proc.h"
#include "stop.h"
#include "str.h"

#define START_TIMEOUT 30.0 /* s, until it listens */
#define LOCK_TIMEOUT 15.0  /* s, for the one who has the file open */
#define END_TIMEOUT 120.0  /* s, to write back what it holds */
#define WORDS_MAX 4096
#define PLACE "vmferry-nbd-"
#define PLACE_OLD 600 /* s */

struct nbd_server {
	pid_t pid;
	char *dir, *socket;
	int words; /* memory file with its standard error */
	bool many;
};

/* Its last words, on one line; to be freed. */
static char *last_words(const struct nbd_server *s)
{
	char *text = xcalloc(1, WORDS_MAX + 1), *trimmed;
	ssize_t n = pread(s->words, text, WORDS_MAX, 0);

	text[n > 0 ? n : 0] = '\0';
	trimmed = str_trim(text);
	for (char *p = trimmed; *p; p++)
		if (*p == '\n')
			*p = ' ';
	trimmed = xstrdup(
		str_starts(trimmed, "qemu-nbd: ") ? trimmed + 10 : trimmed);
	free(text);
	return trimmed;
}

static void remove_place(struct nbd_server *s)
{
	if (s->socket)
		unlink(s->socket);
	if (s->dir)
		rmdir(s->dir);
}

static void forget(struct nbd_server *s)
{
	remove_place(s);
	if (s->words >= 0)
		close(s->words);
	free(s->socket);
	free(s->dir);
	free(s);
}

/* vmferry-nbd-PID-XXXXXX of this user, left by a process that is gone: one
 * that was killed while its server started. */
static bool left_behind(int dir, const char *name)
{
	_free_ char *digits = NULL;
	struct stat st;
	uint64_t pid;

	if (!str_starts(name, PLACE))
		return false;
	name += sizeof(PLACE) - 1;
	digits = xstrndup(name, strcspn(name, "-"));
	return str_u64(digits, INT_MAX, &pid) == 0 && pid > 0 &&
		fstatat(dir, name - (sizeof(PLACE) - 1), &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
		/* Its process may live where we see no pids: a container. */
		time(NULL) - st.st_mtime > PLACE_OLD &&
		kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void sweep(const char *tmp)
{
	DIR *d = opendir(tmp);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		_free_ char *socket = path_join(entry->d_name, "s");

		if (!left_behind(dirfd(d), entry->d_name))
			continue;
		unlinkat(dirfd(d), socket, 0);
		unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

static int make_place(struct nbd_server *s, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	_free_ char *name = xasprintf(PLACE "%d-XXXXXX", (int)getpid());

	tmp = tmp && *tmp ? tmp : "/tmp";
	sweep(tmp);
	s->words = memfd_create("qemu-nbd", MFD_CLOEXEC);
	if (s->words < 0)
		return err_sys(e, ERR_IO, "cannot make a memory file");
	s->dir = path_join(tmp, name);
	if (!mkdtemp(s->dir)) {
		err_sys(e, ERR_IO, "cannot make %s", s->dir);
		free(s->dir);
		s->dir = NULL;
		return -1;
	}
	s->socket = path_join(s->dir, "s");
	return 0;
}

static int spawn(struct nbd_server *s, const struct nbd_serve *o, struct err *e)
{
	const char *argv[24];
	struct err why = {0};
	char clients[16];
	size_t n = 0;

	snprintf(clients, sizeof(clients), "%u", o->clients ? o->clients : 1);
	argv[n++] = "qemu-nbd";
	argv[n++] = "--socket";
	argv[n++] = s->socket;
	argv[n++] = "--shared";
	argv[n++] = clients;
	argv[n++] = "--discard=unmap";
	argv[n++] = "--detect-zeroes=off";
	argv[n++] = o->direct ? "--cache=none" : "--cache=writeback";
	if (s->many)
		argv[n++] = "--persistent";
	if (o->read_only)
		argv[n++] = "--read-only";
	if (o->image_opts) {
		argv[n++] = "--image-opts";
	} else {
		argv[n++] = "--format";
		argv[n++] = o->format;
	}
	argv[n++] = "--";
	argv[n++] = o->file;
	argv[n] = NULL;
	if (proc_spawn_bound(argv, s->words, &s->pid, &why) == 0)
		return 0;
	if (why.code == ERR_TOOL_MISSING)
		return err_set(e, ERR_TOOL_MISSING,
			"qemu-nbd is not installed: package qemu-utils (a "
			"Proxmox node has it in pve-qemu-kvm)");
	return err_set(e, why.code, "%s", why.why);
}

/* Its end within so many seconds, as an error in its words; reaped then. */
static int ended(
	struct nbd_server *s, double within, bool *locked, struct err *e)
{
	double until = now_mono() + within;
	_free_ char *words = NULL;

	while (waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (now_mono() >= until)
			return 0;
		poll(NULL, 0, 5);
	}
	s->pid = 0;
	words = last_words(s);
	*locked = strstr(words, "lock") != NULL;
	return err_set(e,
		strstr(words, "No space left") ? ERR_NO_SPACE : ERR_NBD, "%s",
		*words ? words : N_("qemu-nbd ended at once"));
}

/* Its socket is there before it listens, and it listens before it opens the
 * file: only an answer shows that it runs. */
static int first_client(
	struct nbd_server *s, struct nbdc **out, bool *locked, struct err *e)
{
	double until = now_mono() + START_TIMEOUT;
	struct err why = {.code = ERR_NBD, .why = N_("it does not listen")};

	while (now_mono() < until) {
		if (file_exists(s->socket) &&
			nbdc_unix(s->socket, out, &why) == 0)
			return 0;
		if (ended(s, 0.01, locked, e) || stop_check(e))
			return -1;
	}
	return err_set(e, ERR_NBD, "qemu-nbd did not answer within %.0f s: %s",
		START_TIMEOUT, why.why);
}

static int try_start(const struct nbd_serve *o, struct nbd_server **out,
	struct nbdc **conn, bool *locked, struct err *e)
{
	struct nbd_server *s = xcalloc(1, sizeof(*s));

	s->words = -1;
	s->many = o->clients > 1;
	*locked = false;
	if (make_place(s, e) == 0 && spawn(s, o, e) == 0 &&
		first_client(s, conn, locked, e) == 0) {
		/* Nobody else comes; a kill later on leaves nothing. */
		if (!s->many)
			remove_place(s);
		*out = s;
		return 0;
	}
	if (s->pid)
		proc_end(s->pid, 2);
	forget(s);
	return -1;
}

int nbd_server_start(const struct nbd_serve *o, struct nbd_server **out,
	struct nbdc **conn, struct err *e)
{
	double until = now_mono() + LOCK_TIMEOUT;
	bool locked;

	while (try_start(o, out, conn, &locked, e)) {
		if (!locked || now_mono() > until || stop_sleep(200, NULL))
			return -1;
		err_clear(e);
	}
	return 0;
}

const char *nbd_server_socket(const struct nbd_server *s)
{
	return s->socket;
}

int nbd_server_end(struct nbd_server *s, struct err *e)
{
	double until = now_mono() + END_TIMEOUT;
	int ws = 0, rc = 0;
	pid_t ended;

	if (!s)
		return 0;
	if (s->many) {
		proc_end(s->pid, END_TIMEOUT);
		forget(s);
		return 0;
	}
	while (!(ended = waitpid(s->pid, &ws, WNOHANG)) && now_mono() < until)
		poll(NULL, 0, 5); /* once stopped, too */
	if (!ended) {
		proc_end(s->pid, 5);
		rc = err_set(e, ERR_NBD, "qemu-nbd did not end");
	} else if (!WIFEXITED(ws) || WEXITSTATUS(ws)) {
		_free_ char *words = last_words(s);

		rc = err_set(e, ERR_NBD, "qemu-nbd ended badly: %s", words);
	}
	forget(s);
	return rc;
}
