/* Verbs as children: see child.h. */
#include "child.h"
#include "hoster.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/i18n.h"
#include "core/secret.h"
#include "tui/dialog.h"
#include "tui/pager.h"

#define FD_SECRETS 3
#define FD_LIFE 4
#define FD_HIGH 20 /* above all that are put in place */

void args_add(struct args *a, const char *s)
{
	if (a->n < (int)ARRAY_LEN(a->v) - 1)
		a->v[a->n++] = s;
	a->v[a->n] = NULL;
}

void args_opt(struct args *a, const char *option, const char *value)
{
	if (!value || !*value)
		return;
	args_add(a, option);
	args_add(a, value);
}

/* --- the process --- */

/* The descriptors of a child, -1 for /dev/null or none. */
struct fds {
	int out, err, secrets, life;
};

static int high(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD, FD_HIGH);
}

static void place(int fd, int at)
{
	if (fd >= 0)
		dup2(fd, at);
	else
		close(at);
}

/* In the child: never returns. */
static void become(const char *self, char *const argv[], const struct fds *f)
{
	int null = high(open("/dev/null", O_RDWR));
	int out = high(f->out), err = high(f->err);
	int secrets = high(f->secrets), life = high(f->life);
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	place(null, 0);
	place(out >= 0 ? out : null, 1);
	place(err >= 0 ? err : null, 2);
	place(secrets, FD_SECRETS);
	place(life, FD_LIFE);
	close_range(FD_LIFE + 1, ~0U, 0);
	execv(self, argv);
	_exit(127);
}

/* The line of one secret; nothing where it is empty. */
static int secret_line(int fd, const char *name, const char *value)
{
	if (!*value)
		return 0;
	return write_all(fd, name, strlen(name)) || write_all(fd, "=", 1) ||
			write_all(fd, value, strlen(value)) ||
			write_all(fd, "\n", 1)
		? -1
		: 0;
}

/* All secrets as lines of a secrets file, in a pipe that holds them all. */
static int secrets_pipe(struct wizard *w)
{
	const char *name;
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return -1;
	if (secret_line(p[1], "esxi.password", w->secret->esxi) == 0 &&
		secret_line(p[1], "pve.secret", w->secret->pve) == 0 &&
		secret_line(p[1], "guest.password", w->secret->guest) == 0)
		for (size_t i = 0; (name = hoster_secret_name(i)); i++)
			if (secret_line(p[1], name, w->secret->hoster[i]))
				break;
	close(p[1]);
	return p[0];
}

static int spawn(struct wizard *w, const struct args *a, bool secrets,
	struct fds *f, pid_t *pid, struct err *e)
{
	_close_ int fd = -1;
	struct args all = {0};

	args_add(&all, "vmferry");
	for (int i = 0; i < a->n; i++)
		args_add(&all, a->v[i]);
	f->secrets = -1;
	if (secrets) {
		fd = secrets_pipe(w);
		if (fd < 0)
			return err_sys(e, ERR_IO, "pipe");
		f->secrets = fd;
		args_opt(&all, "--secrets", "fd:3");
	}
	*pid = fork();
	if (*pid < 0)
		return err_sys(e, ERR_IO, "fork");
	if (*pid == 0)
		become(w->self, (char *const *)all.v, f);
	return 0;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- a child whose output is read --- */

static void ended(struct child *c)
{
	c->status = reap(c->pid);
	c->pid = 0;
	if (c->end)
		c->end(c, c->arg);
}

static void tell_lines(struct child *c, size_t from)
{
	const char *s = c->text[1].s;
	size_t begin = from;

	while (begin && s[begin - 1] != '\n')
		begin--;
	for (;;) {
		const char *end = strchr(s + begin, '\n');
		_free_ char *line = NULL;

		if (!end)
			return;
		line = xstrndup(s + begin, end - s - begin);
		c->line(c, line, c->arg);
		begin = end - s + 1;
	}
}

static void on_data(void *arg, int fd)
{
	struct child *c = arg;
	int i = fd == c->fd[1];
	size_t from = c->text[i].len;
	char data[4096];
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		buf_add(&c->text[i], data, n);
		if (i == 1 && c->line)
			tell_lines(c, from);
		return;
	}
	tui_unwatch(c->w->t, fd);
	close(fd);
	c->fd[i] = -1;
	if (c->fd[0] < 0 && c->fd[1] < 0)
		ended(c);
}

int child_start(struct child *c, struct wizard *w, const struct args *a,
	bool secrets, struct err *e)
{
	int o[2], r[2];
	struct fds f;

	c->w = w;
	c->pid = 0;
	c->fd[0] = c->fd[1] = -1;
	if (pipe2(o, O_CLOEXEC))
		return err_sys(e, ERR_IO, "pipe");
	if (pipe2(r, O_CLOEXEC)) {
		close(o[0]);
		close(o[1]);
		return err_sys(e, ERR_IO, "pipe");
	}
	f = (struct fds){.out = o[1], .err = r[1], .life = -1};
	c->fd[0] = o[0];
	c->fd[1] = r[0];
	if (spawn(w, a, secrets, &f, &c->pid, e)) {
		c->pid = 0;
		close(o[1]);
		close(r[1]);
		child_drop(c);
		return -1;
	}
	close(o[1]);
	close(r[1]);
	tui_watch(w->t, o[0], on_data, c);
	tui_watch(w->t, r[0], on_data, c);
	return 0;
}

void child_drop(struct child *c)
{
	for (int i = 0; i < 2; i++) {
		if (c->fd[i] >= 0 && c->w) {
			tui_unwatch(c->w->t, c->fd[i]);
			close(c->fd[i]);
		}
		c->fd[i] = -1;
		buf_free(&c->text[i]);
		c->text[i] = (struct buf){0};
	}
	if (c->pid > 0) {
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL);
		reap(c->pid);
	}
	c->pid = 0;
}

/* --- a child with a page over the screen --- */

struct busy {
	struct tui_screen *screen;
	struct tui_pager *pager;
	struct tui *t;
	bool over;
};

static void busy_line(struct child *c, const char *line, void *arg)
{
	struct busy *b = arg;

	(void)c;
	tui_text_add(&b->pager->text, TUI_DIM, 2, "%s", line);
	tui_touch(b->t);
}

static void busy_end(struct child *c, void *arg)
{
	struct busy *b = arg;

	(void)c;
	b->over = true;
	b->screen->busy = NULL;
	tui_leave(b->t, TUI_OK);
}

static int busy_action(struct tui *t, struct tui_screen *s, int id)
{
	const struct busy *b = s->arg;

	(void)t;
	return id == TUI_OK && !b->over ? TUI_STAY : id;
}

static void busy_screen(struct wizard *w, struct busy *b, const char *text)
{
	struct tui_key keys[] = {{TUI_KEY_ESC, _("Cancel"), TUI_BACK, false},
		{0, NULL, 0, false}};
	struct tui_screen s = {.title = text,
		.help = "busy",
		.busy = text,
		.patient = true,
		.keys = keys,
		.pager = b->pager,
		.action = busy_action,
		.arg = b};

	b->screen = &s;
	if (!b->over)
		tui_run(w->t, &s);
}

void child_error(const char *text, int status, struct err *e)
{
	_free_ char *copy = xstrdup(text ? text : "");
	char *p = copy, *line, *last = NULL;
	const char *what = "";

	err_clear(e);
	while ((line = str_line(&p))) {
		char *blanks = strstr(line, "  ");

		if (e->code && str_starts(line, "  why   ")) {
			err_set(e, e->code, "%s", line + 8);
			err_in(e, "%s", what);
			return;
		}
		if (!e->code && blanks && blanks > line) {
			char *id = xstrndup(line, blanks - line);
			enum err_code code = err_by_id(id);

			free(id);
			e->code = code;
			what = blanks + 2;
		}
		if (*line)
			last = line;
	}
	err_in(e, "%s", what);
	if (!e->code)
		err_set(e, ERR_INTERNAL, "the verb ended with %d: %s", status,
			last ? last : N_("it said nothing"));
}

int child_verb(struct wizard *w, const char *busy, const struct args *a,
	bool secrets, char **out, struct err *e)
{
	struct tui_pager pager = {0};
	struct busy b = {.pager = &pager, .t = w->t};
	struct child c = {.end = busy_end, .line = busy_line, .arg = &b};
	int rc = -1;

	b.screen = &(struct tui_screen){0};
	if (child_start(&c, w, a, secrets, e))
		return -1;
	busy_screen(w, &b, busy);
	if (!b.over)
		err_set(e, ERR_STOPPED, "given up");
	else if (c.status)
		child_error(c.text[1].s, c.status, e);
	else
		rc = 0;
	if (rc == 0 && out)
		*out = buf_steal(&c.text[0]);
	child_drop(&c);
	tui_text_free(&pager.text);
	return rc;
}

/* --- workers --- */

static void on_life(void *arg, int fd)
{
	struct worker *k = arg;

	tui_unwatch(k->w->t, fd);
	close(fd);
	k->life = -1;
	k->status = reap(k->pid);
	tui_touch(k->w->t);
}

int worker_start(struct worker *k, struct wizard *w, const char *job,
	const struct args *a, struct err *e)
{
	_free_ char *name = xasprintf("%s.out", job);
	_close_ int out = -1;
	int life[2];
	struct fds f;

	worker_drop(k);
	*k = (struct worker){.w = w, .life = -1, .status = -1};
	k->path = wizard_file(w, name);
	out = open(k->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, ERR_IO, "%s", k->path);
	if (pipe2(life, O_CLOEXEC))
		return err_sys(e, ERR_IO, "pipe");
	f = (struct fds){.out = out, .err = out, .life = life[1]};
	if (spawn(w, a, true, &f, &k->pid, e)) {
		close(life[0]);
		close(life[1]);
		return -1;
	}
	close(life[1]);
	k->life = life[0];
	tui_watch(w->t, k->life, on_life, k);
	return 0;
}

void worker_drop(struct worker *k)
{
	if (k->w && k->life >= 0) {
		tui_unwatch(k->w->t, k->life);
		close(k->life);
	}
	free(k->path);
	*k = (struct worker){.life = -1, .status = -1};
}

void worker_error(const struct worker *k, struct err *e)
{
	_free_ char *text = NULL;

	if (!k->path || file_read(k->path, 1 << 20, &text, NULL, NULL))
		text = xstrdup("");
	child_error(text, k->status, e);
}
