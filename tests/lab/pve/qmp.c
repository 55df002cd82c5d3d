/*
 * qmp.c - talking to a running QEMU (QMP) and to the agent in its guest.
 *
 * One connection a command; a mutex a kind keeps commands apart, as QEMU
 * serves one client at a time on each socket.
 */
#include "pve.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct peer {
	int fd;
	int64_t end; /* deadline, now_ms() */
	char *buf;
	size_t have, room;
};

static pthread_mutex_t qmp_one = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t qga_one = PTHREAD_MUTEX_INITIALIZER;

char *run_path(int vmid, const char *suffix)
{
	return fmt("%s/run/%d.%s", lab.dir, vmid, suffix);
}

static int peer_open(struct peer *p, int vmid, const char *suffix, int ms)
{
	auto_free char *path = run_path(vmid, suffix);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	*p = (struct peer){.end = now_ms() + ms};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(p->fd, (void *)&a, sizeof(a)) == 0)
		return 0;
	close(p->fd);
	p->fd = -1;
	return -1;
}

static void peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->buf);
}

static bool peer_ready(struct peer *p, short what)
{
	int64_t left = p->end - now_ms();
	struct pollfd f = {.fd = p->fd, .events = what};

	return left > 0 && poll(&f, 1, (int)left) == 1;
}

static int peer_send(struct peer *p, const char *s, size_t n)
{
	while (n) {
		ssize_t w = send(p->fd, s, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EAGAIN && peer_ready(p, POLLOUT))
			continue;
		if (w <= 0)
			return -1;
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The next line, NULL at the deadline or end; caller frees. */
static char *peer_line(struct peer *p)
{
	for (;;) {
		char *nl = p->have ? memchr(p->buf, '\n', p->have) : NULL;
		ssize_t n;

		if (nl) {
			size_t len = (size_t)(nl - p->buf);
			char *line = fmt("%.*s", (int)len, p->buf);

			p->have -= len + 1;
			memmove(p->buf, nl + 1, p->have);
			return line;
		}
		if (p->have + 4096 > p->room) {
			p->room = p->room * 2 + 8192;
			p->buf = realloc(p->buf, p->room);
			if (!p->buf)
				abort();
		}
		if (!peer_ready(p, POLLIN))
			return NULL;
		n = recv(p->fd, p->buf + p->have, 4096, 0);
		if (n <= 0)
			return NULL;
		p->have += (size_t)n;
	}
}

static int peer_cmd(struct peer *p, const char *cmd, json_t *args)
{
	auto_json json_t *o =
		jp("{s:s,s:O*}", "execute", cmd, "arguments", args);
	auto_free char *text = json_dumps(o, JSON_COMPACT);
	auto_free char *line = fmt("%s\n", text);

	return peer_send(p, line, strlen(line));
}

/* The next answer that is no event or greeting. */
static json_t *peer_answer(struct peer *p)
{
	for (;;) {
		auto_free char *line = peer_line(p);
		json_t *o;

		if (!line)
			return NULL;
		o = json_loads(line, 0, NULL);
		if (json_object_get(o, "return") || json_object_get(o, "error"))
			return o;
		json_decref(o);
	}
}

json_t *qmp(int vmid, const char *cmd, json_t *args, char **why)
{
	auto_json json_t *mine = args, *ok = NULL, *r = NULL;
	struct peer p;
	json_t *out;

	pthread_mutex_lock(&qmp_one);
	if (peer_open(&p, vmid, "qmp", 5000) == 0) {
		if (peer_cmd(&p, "qmp_capabilities", NULL) == 0)
			ok = peer_answer(&p);
		if (ok && peer_cmd(&p, cmd, mine) == 0)
			r = peer_answer(&p);
		peer_close(&p);
	}
	pthread_mutex_unlock(&qmp_one);
	out = json_incref(json_object_get(r, "return"));
	if (!out && why)
		*why = fmt("VM %d qmp command '%s' failed - %s", vmid, cmd,
			r ? js(json_object_get(r, "error"), "desc")
			  : "got timeout");
	return out;
}

/* guest-sync-delimited: throws away what an earlier client left behind. */
static bool qga_sync(struct peer *p)
{
	static int id = 100;
	int mine = __sync_add_and_fetch(&id, 1);
	auto_json json_t *args = jp("{s:i}", "id", mine);

	if (peer_send(p, "\xff", 1) ||
		peer_cmd(p, "guest-sync-delimited", args))
		return false;
	for (;;) {
		auto_free char *line = peer_line(p);
		const char *s = line;
		auto_json json_t *o = NULL;

		if (!line)
			return false;
		while ((unsigned char)*s == 0xff)
			s++;
		o = json_loads(s, 0, NULL);
		if (o && ji(o, "return") == mine)
			return true;
	}
}

json_t *qga(int vmid, const char *cmd, json_t *args, int ms)
{
	auto_json json_t *mine = args;
	struct peer p;
	json_t *r = NULL;

	pthread_mutex_lock(&qga_one);
	if (peer_open(&p, vmid, "qga", 3000) == 0) {
		if (qga_sync(&p)) {
			p.end = now_ms() + ms;
			if (peer_cmd(&p, cmd, mine) == 0)
				r = peer_answer(&p);
		}
		peer_close(&p);
	}
	pthread_mutex_unlock(&qga_one);
	return r;
}
