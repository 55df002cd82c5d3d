/* QEMU's monitor and the guest agent: see qmp.h. */
#include "qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "stop.h"
#include "str.h"

/* An agent's answer about its interfaces may be long. */
#define LINE_MAX_BYTES (4u << 20)

struct qmp {
	int fd;
	struct buf in;
};

void cleanup_qmp(struct qmp **q)
{
	if (!*q)
		return;
	close((*q)->fd);
	buf_free(&(*q)->in);
	free(*q);
}

static int try_connect(const char *path, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path)) {
		err_set(e, ERR_IO, "%s: no socket can be there", path);
	} else {
		memcpy(a.sun_path, path, strlen(path));
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		err_sys(e, ERR_IO, "%s", path);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int qmp_agent(
	const char *path, double patience, struct qmp **out, struct err *e)
{
	double until = now_mono() + patience;
	int fd;

	while ((fd = try_connect(path, e)) < 0) {
		if (now_mono() > until)
			return -1;
		if (stop_sleep(50, e))
			return -1;
	}
	*out = xcalloc(1, sizeof(**out));
	(*out)->fd = fd;
	return 0;
}

int qmp_send(struct qmp *q, const char *command, json_t *args, struct err *e)
{
	_json_ json_t *o = json_object();
	_free_ char *line = NULL, *whole = NULL;

	json_put_str(o, "execute", command);
	if (args)
		json_put(o, "arguments", args);
	line = json_line(o);
	whole = xasprintf("%s\n", line);
	if (write_all(q->fd, whole, strlen(whole)))
		return err_sys(e, ERR_IO, "%s", command);
	return 0;
}

/* One more piece of text; 1 where there is none in time. */
static int fill(struct qmp *q, double until, struct err *e)
{
	struct pollfd p = {.fd = q->fd, .events = POLLIN};
	double left = until - now_mono();
	char part[16384];
	ssize_t n;

	if (stop_check(e))
		return -1;
	if (poll(&p, 1,
		    left > 0.2         ? 200
			    : left > 0 ? (int)(left * 1000)
				       : 0) <= 0)
		return 1;
	n = read(q->fd, part, sizeof(part));
	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0 || q->in.len + n > LINE_MAX_BYTES)
		return err_set(e, ERR_IO, "the other side hung up");
	buf_add(&q->in, part, n);
	return 0;
}

/* Take one line out of the buffer; null: there is none yet. */
static char *take(struct qmp *q)
{
	char *end = q->in.len ? memchr(q->in.s, '\n', q->in.len) : NULL;
	char *line;
	size_t n;

	if (!end)
		return NULL;
	n = end - q->in.s + 1;
	line = xstrndup(q->in.s, n);
	memmove(q->in.s, q->in.s + n, q->in.len - n + 1);
	q->in.len -= n;
	return line;
}

static int line_in_time(
	struct qmp *q, double patience, char **line, struct err *e)
{
	double until = now_mono() + patience;

	while (!(*line = take(q))) {
		int rc = fill(q, until, e);

		if (rc < 0)
			return -1;
		if (rc > 0 && now_mono() >= until)
			return err_set(e, ERR_TIMEOUT, "no answer");
	}
	return 0;
}

int qmp_answer(struct qmp *q, double patience, json_t **out, struct err *e)
{
	double until = now_mono() + patience;

	for (;;) {
		_free_ char *line = NULL;
		_json_ json_t *o = NULL;
		const json_t *v;

		if (line_in_time(q, until - now_mono(), &line, e) ||
			json_parse(line, strlen(line), &o, e))
			return -1;
		v = json_object_get(o, "error");
		if (v)
			return err_set(e, ERR_BAD_INPUT, "%s",
				json_str_or(v, "desc", "?"));
		v = json_object_get(o, "return");
		if (!v)
			continue;
		if (out)
			*out = json_incref((json_t *)v);
		return 0;
	}
}

int qmp_do(struct qmp *q, const char *command, json_t *args, json_t **out,
	struct err *e)
{
	if (qmp_send(q, command, args, e) || qmp_answer(q, 10, out, e))
		return err_in(e, "ask QEMU: %s", command);
	return 0;
}

int qmp_open(const char *path, double patience, struct qmp **out, struct err *e)
{
	struct qmp *q = NULL;

	if (qmp_agent(path, patience, &q, e))
		return -1;
	if (qmp_do(q, "qmp_capabilities", NULL, NULL, e)) {
		cleanup_qmp(&q);
		return -1;
	}
	*out = q;
	return 0;
}
