/*
 * Child processes: see proc.h. Keeps true: descriptors other than 0..2 never
 * reach a child, and no child outlives the call that promised its end.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "i18n.h"
#include "stop.h"
#include "str.h"

#define ERR_KEPT 65536

void proc_result_free(struct proc_result *r)
{
	wipe_free(r->out);
	wipe_free(r->err);
	*r = (struct proc_result){0};
}

/*
 * What a child may inherit; everything else in the environment is ours. A
 * server (bound) keeps the memory of its requests: glibc would give each
 * buffer of a MiB back to the kernel and fault it in again, page by page,
 * which cost qemu-nbd more than half of its time.
 */
static char **clean_env(bool bound)
{
	static const char *const keep[] = {"PATH", "TMPDIR", "HOME",
		"LIBGUESTFS_BACKEND", "LIBGUESTFS_BACKEND_SETTINGS",
		"LIBGUESTFS_CACHEDIR", "SUPERMIN_KERNEL"};
	char **env = xcalloc(ARRAY_LEN(keep) + 4, sizeof(*env));
	size_t n = 0;

	env[n++] = xstrdup("LANG=C.UTF-8");
	if (bound) {
		env[n++] = xstrdup("MALLOC_MMAP_THRESHOLD_=33554432");
		env[n++] = xstrdup("MALLOC_TRIM_THRESHOLD_=33554432");
	}
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		const char *v = getenv(keep[i]);

		if (v)
			env[n++] = xasprintf("%s=%s", keep[i], v);
	}
	return env;
}

static void env_free(char **env)
{
	for (char **p = env; *p; p++)
		free(*p);
	free(env);
}

/* In the child, between fork and exec: only async-signal-safe calls. */
static void child_exec(const char *const argv[], const int fds[3], pid_t parent,
	bool bound, char **env, int report)
{
	sigset_t none;
	int kept[3];

	prctl(PR_SET_PDEATHSIG, bound ? SIGKILL : SIGTERM);
	if (bound)
		setpgid(0, 0);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Out of the way of 0..2 first: fds may overlap them. */
	for (int i = 0; i < 3; i++)
		kept[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		if (dup2(kept[i], i) < 0)
			_exit(127);
	report = fcntl(report, F_DUPFD_CLOEXEC, 3);
	execvpe(argv[0], (char *const *)argv, env);
	(void)!write(report, &errno, sizeof(errno));
	_exit(127);
}

static int spawn_failed(const char *name, int child_errno, struct err *e)
{
	if (child_errno == ENOENT)
		return err_set(
			e, ERR_TOOL_MISSING, "%s is not installed", name);
	errno = child_errno;
	return err_sys(e, ERR_IO, "cannot start %s", name);
}

static int spawn(const char *const argv[], int in, int out, int err_fd,
	bool bound, pid_t *pid, struct err *e)
{
	_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[3] = {in < 0 ? null : in, out < 0 ? null : out,
		err_fd < 0 ? null : err_fd};
	int report[2], child_errno = 0;
	pid_t self = getpid(), p;
	char **env;
	ssize_t n;

	if (null < 0 || pipe2(report, O_CLOEXEC))
		return err_sys(e, ERR_IO, "cannot start %s", argv[0]);
	env = clean_env(bound);
	p = fork();
	if (p == 0)
		child_exec(argv, fds, self, bound, env, report[1]);
	env_free(env);
	close(report[1]);
	do {
		n = p < 0 ? 0
			  : read(report[0], &child_errno, sizeof(child_errno));
	} while (n < 0 && errno == EINTR);
	close(report[0]);
	if (p < 0)
		return err_sys(e, ERR_IO, "cannot start %s", argv[0]);
	if (n > 0) {
		waitpid(p, NULL, 0);
		return spawn_failed(argv[0], child_errno, e);
	}
	*pid = p;
	return 0;
}

int proc_spawn(const char *const argv[], int in, int out, int err_fd,
	pid_t *pid, struct err *e)
{
	return spawn(argv, in, out, err_fd, false, pid, e);
}

int proc_spawn_bound(
	const char *const argv[], int err_fd, pid_t *pid, struct err *e)
{
	return spawn(argv, -1, -1, err_fd, true, pid, e);
}

static int exit_status(int ws)
{
	return WIFEXITED(ws) ? WEXITSTATUS(ws) : 128 + WTERMSIG(ws);
}

/* Its end, whatever signals come meanwhile (a stop is one). */
static int reap(pid_t pid, int *ws)
{
	int rc;

	do
		rc = waitpid(pid, ws, 0);
	while (rc < 0 && errno == EINTR);
	return rc;
}

int proc_end(pid_t pid, double grace)
{
	double until = now_mono() + grace;
	int ws = 0;

	kill(pid, SIGTERM);
	while (waitpid(pid, &ws, WNOHANG) == 0) {
		if (now_mono() > until) {
			kill(pid, SIGKILL);
			reap(pid, &ws);
			break;
		}
		poll(NULL, 0, 5);
	}
	return exit_status(ws);
}

struct talk {
	int in, out, err; /* our ends; -1 closed */
	const char *input;
	size_t input_left, out_max;
	struct buf obuf, ebuf;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void talk_write(struct talk *t)
{
	ssize_t n = write(t->in, t->input, t->input_left);

	if (n > 0) {
		t->input += n;
		t->input_left -= n;
	}
	if (!t->input_left || (n < 0 && errno != EAGAIN && errno != EINTR))
		shut(&t->in);
}

/* 0, or -1 when the output is past what the caller allowed. */
static int talk_read(int *fd, struct buf *b, size_t max, bool keep_going)
{
	char part[65536];
	ssize_t n = read(*fd, part, sizeof(part));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		shut(fd);
		return 0;
	}
	if (b->len + n > max) {
		if (!keep_going)
			return -1;
		n = b->len < max ? (ssize_t)(max - b->len) : 0;
	}
	buf_add(b, part, n);
	explicit_bzero(part, n);
	return 0;
}

static int talk_step(struct talk *t, const char *name, struct err *e)
{
	struct pollfd p[3] = {
		{.fd = t->in, .events = POLLOUT},
		{.fd = t->out, .events = POLLIN},
		{.fd = t->err, .events = POLLIN},
	};

	poll(p, 3, 100);
	if (p[0].revents)
		talk_write(t);
	if (p[1].revents && talk_read(&t->out, &t->obuf, t->out_max, false))
		return err_set(e, ERR_IO, "%s printed more than %zu bytes",
			name, t->out_max);
	if (p[2].revents)
		talk_read(&t->err, &t->ebuf, ERR_KEPT, true);
	return stop_check(e);
}

static int talk_all(
	struct talk *t, const char *name, double timeout, struct err *e)
{
	double until = now_mono() + timeout;

	while (t->out >= 0 || t->err >= 0) {
		if (talk_step(t, name, e))
			return -1;
		if (timeout > 0 && now_mono() > until)
			return err_set(e, ERR_TIMEOUT,
				"%s did not end within %.0f s", name, timeout);
	}
	return 0;
}

static int open_pipes(int p[3][2])
{
	for (int i = 0; i < 3; i++) {
		if (pipe2(p[i], O_CLOEXEC) == 0)
			continue;
		while (i--) {
			close(p[i][0]);
			close(p[i][1]);
		}
		return -1;
	}
	return 0;
}

int proc_run(const char *const argv[], const struct proc_opts *opts,
	struct proc_result *r, struct err *e)
{
	static const struct proc_opts none;
	const struct proc_opts *o = opts ? opts : &none;
	struct talk t = {.input = o->input,
		.input_left = o->input_len,
		.out_max = o->out_max ? o->out_max : 16 << 20};
	int p[3][2], rc, ws = 0;
	pid_t pid;

	if (open_pipes(p))
		return err_sys(e, ERR_IO, "cannot start %s", argv[0]);
	rc = proc_spawn(argv, p[0][0], p[1][1], p[2][1], &pid, e);
	close(p[0][0]);
	close(p[1][1]);
	close(p[2][1]);
	t.in = p[0][1];
	t.out = p[1][0];
	t.err = p[2][0];
	fcntl(t.in, F_SETFL, O_NONBLOCK);
	if (!t.input_left)
		shut(&t.in);
	if (rc == 0) {
		rc = talk_all(&t, argv[0], o->timeout, e);
		if (rc)
			proc_end(pid, 2);
		else if (reap(pid, &ws) < 0)
			rc = err_sys(e, ERR_IO, "how %s ended", argv[0]);
	}
	shut(&t.in);
	shut(&t.out);
	shut(&t.err);
	if (rc == 0) {
		r->status = exit_status(ws);
		r->out_len = t.obuf.len;
		r->out = buf_steal(&t.obuf);
		r->err = buf_steal(&t.ebuf);
	}
	buf_free(&t.obuf);
	buf_free(&t.ebuf);
	return rc;
}

static const char *last_line(char *text)
{
	char *nl;

	text = str_trim(text);
	nl = strrchr(text, '\n');
	return nl ? nl + 1 : text;
}

int proc_must(const char *const argv[], const struct proc_opts *opts,
	struct proc_result *r, enum err_code code, struct err *e)
{
	_proc_ struct proc_result own = {0};

	if (proc_run(argv, opts, &own, e))
		return -1;
	if (own.status) {
		const char *said = last_line(own.err);

		return err_set(e, code, "%s ended with %d: %s", argv[0],
			own.status, *said ? said : N_("it said nothing"));
	}
	if (r) {
		*r = own;
		own = (struct proc_result){0};
	}
	return 0;
}
