/* Key scripts to screens (uitest.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/str.h"

#include "uitest.h"

#define PATIENCE 60.0

/* The child's side: what drives the script. */
struct run {
	const char *at; /* rest of the script */
	int keys;       /* where keys are written; -1: ended */
	int out;        /* what the screen wrote */
	off_t seen;
	struct vt *vt; /* null: plain */
	struct buf plain, result;
	double since; /* of a <wait> */
	bool linux_keys;
	char *keys_owned; /* of plain mode */
};

static const struct {
	const char *name, *bytes;
} names[] = {
	{"Enter", "\r"},
	{"Esc", "\033"},
	{"Tab", "\t"},
	{"BackTab", "\033[Z"},
	{"BS", "\177"},
	{"Up", "\033OA"},
	{"Down", "\033OB"},
	{"Right", "\033OC"},
	{"Left", "\033OD"},
	{"Home", "\033[1~"},
	{"End", "\033[4~"},
	{"PgUp", "\033[5~"},
	{"PgDn", "\033[6~"},
	{"Del", "\033[3~"},
	{"lt", "<"},
};

static void take_output(struct run *r)
{
	char b[4096];
	ssize_t n;

	while ((n = pread(r->out, b, sizeof(b), r->seen)) > 0) {
		r->seen += n;
		if (r->vt)
			vt_input(r->vt, b, n);
		else
			buf_add(&r->plain, b, n);
	}
}

static char *screen_of(struct run *r)
{
	return r->vt ? vt_text(r->vt) : xstrdup(r->plain.s ? r->plain.s : "");
}

static void snap(struct run *r, bool look)
{
	_free_ char *s = look && r->vt ? vt_look(r->vt) : screen_of(r);

	if (r->result.len)
		buf_adds(&r->result, "--\n");
	buf_adds(&r->result, s);
}

static void type(struct run *r, const char *s, size_t n)
{
	if (write_all(r->keys, s, n) != 0)
		abort();
}

static void type_key(struct run *r, const char *name)
{
	char c;

	if (name[0] == '^' && name[1] && !name[2]) {
		c = name[1] & 0x1f;
		type(r, &c, 1);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].name, name) == 0) {
			_free_ char *b = xstrdup(names[i].bytes);

			/* The Linux console has no application mode. */
			if (r->linux_keys && b[0] == '\033' && b[1] == 'O')
				b[1] = '[';
			type(r, b, strlen(b));
			return;
		}
	fprintf(stderr, "script: no key <%s>\n", name);
	abort();
}

static void paste(struct run *r, const char *s)
{
	type(r, "\033[200~", 6);
	for (; *s; s++) {
		if (s[0] == '\\' && s[1] == 'n') {
			type(r, "\r", 1);
			s++;
		} else {
			type(r, s, 1);
		}
	}
	type(r, "\033[201~", 6);
}

static void end_input(struct run *r)
{
	close(r->keys);
	r->keys = -1;
}

/* The text that a <wait> or <called> looks in. */
static char *looked_in(struct run *r, bool calls)
{
	const char *dir = getenv("FAKE");
	_free_ char *path = dir ? path_join(dir, "calls") : NULL;
	char *s = NULL;

	if (!calls)
		return screen_of(r);
	if (!path || file_read(path, 1 << 20, &s, NULL, NULL))
		s = xstrdup("");
	return s;
}

/* A <wait> or <called>: true once the text is there. */
static bool waited(struct run *r, const char *text, bool calls)
{
	_free_ char *s = looked_in(r, calls);

	if (strstr(s, text))
		return true;
	if (!r->since)
		r->since = now_mono();
	if (now_mono() - r->since > PATIENCE) {
		buf_addf(&r->result, "(waited in vain for: %s)\n", text);
		r->at += strlen(r->at);
		snap(r, false);
		end_input(r);
	}
	return false;
}

/* One entry of the script. False: nothing more can be done for now. */
static bool step(struct run *r)
{
	const char *end = *r->at == '<' ? strchr(r->at, '>') : NULL;
	_free_ char *name = NULL;

	if (!end) {
		size_t n = 1;

		/* A character is typed in one piece. */
		while ((r->at[n] & 0xc0) == 0x80)
			n++;
		type(r, *r->at == '\n' && r->vt ? "\r" : r->at, n);
		r->at += n;
		return false;
	}
	name = xstrndup(r->at + 1, end - r->at - 1);
	if (strncmp(name, "wait ", 5) == 0 && !waited(r, name + 5, false))
		return false;
	if (strncmp(name, "called ", 7) == 0 && !waited(r, name + 7, true))
		return false;
	r->since = 0;
	r->at = end + 1;
	if (strncmp(name, "wait ", 5) == 0 || strncmp(name, "called ", 7) == 0)
		return true;
	if (strcmp(name, "snap") == 0 || strcmp(name, "look") == 0) {
		snap(r, name[0] == 'l');
		return true;
	}
	if (strncmp(name, "paste ", 6) == 0)
		paste(r, name + 6);
	else
		type_key(r, name);
	return false;
}

static int on_idle(void *arg)
{
	struct run *r = arg;

	take_output(r);
	while (r->keys >= 0 && *r->at)
		if (!step(r))
			return r->since ? 20 : -1;
	if (r->keys >= 0) {
		snap(r, false);
		end_input(r);
	}
	return -1;
}

/* In plain mode a script's <Enter> is a line end. */
static char *plain_keys(const char *keys)
{
	struct buf b = {0};

	for (; *keys; keys++) {
		if (strncmp(keys, "<Enter>", 7) == 0) {
			buf_addc(&b, '\n');
			keys += 6;
		} else {
			buf_addc(&b, *keys);
		}
	}
	return buf_steal(&b);
}

static void set_env(const char *const *env)
{
	setenv("LANG", "C.UTF-8", 1);
	setenv("TERM", "xterm-256color", 1);
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	unsetenv("NO_COLOR");
	unsetenv("LINES");
	unsetenv("COLUMNS");
	for (; env && *env; env++)
		if (putenv((char *)*env) != 0)
			abort();
	setlocale(LC_ALL, "");
}

/* Of the sanitizers' run time, where it is linked in. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

void ui_end(void)
{
	if (__lsan_do_recoverable_leak_check &&
		__lsan_do_recoverable_leak_check())
		_exit(23);
	_exit(0);
}

static void child(ui_fn fn, void *arg, const char *keys, int cols, int rows,
	const char *const *env, int to)
{
	struct run r = {.at = keys};
	struct tui_opts o = {
		.cols = cols, .rows = rows, .idle = on_idle, .idle_arg = &r};
	int pipes[2];

	set_env(env);
	o.plain = getenv("PLAIN") != NULL;
	o.term = o.plain ? NULL : getenv("TERM");
	r.linux_keys = strcmp(getenv("TERM"), "linux") == 0;
	if (pipe(pipes) != 0)
		abort();
	r.keys = pipes[1];
	r.out = memfd_create("screen", MFD_CLOEXEC);
	o.in = fdopen(pipes[0], "r");
	o.out = fdopen(dup(r.out), "w");
	r.vt = o.plain ? NULL : vt_new(cols, rows);
	if (o.plain)
		r.at = r.keys_owned = plain_keys(keys);
	fn(&o, arg);
	if (o.plain) {
		take_output(&r);
		buf_clear(&r.result);
		buf_adds(&r.result, r.plain.s ? r.plain.s : "");
	} else if (r.keys >= 0) {
		/* It ended before the script did: say how far it came. */
		buf_addf(&r.result, "(ended, left of the script: %s)\n", r.at);
	}
	write_all(to, r.result.s, r.result.len);
	buf_free(&r.result);
	buf_free(&r.plain);
	vt_free(r.vt);
	free(r.keys_owned);
	fclose(o.in);
	fclose(o.out);
	ui_end();
}

char *ui_test_run(ui_fn fn, void *arg, const char *keys, int cols, int rows,
	const char *const *env)
{
	int pipes[2], status;
	struct buf b = {0};
	char part[4096];
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	if (pipe(pipes) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		close(pipes[0]);
		child(fn, arg, keys, cols, rows, env, pipes[1]);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], part, sizeof(part))) > 0)
		buf_add(&b, part, n);
	close(pipes[0]);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		buf_addf(&b, "(died of signal %d)\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		buf_addf(&b, "(exit %d)\n", WEXITSTATUS(status));
	return buf_steal(&b);
}

/* The first line in which two texts differ: cmocka cuts whole ones. */
static void first_difference(
	const char *path, const char *text, const char *want)
{
	size_t i = 0, line = 0;
	int n = 1;

	for (; text[i] && text[i] == want[i]; i++)
		if (text[i] == '\n') {
			line = i + 1;
			n++;
		}
	fail_msg("%s, line %d\n  drawn  %.*s\n  wanted %.*s", path, n,
		(int)strcspn(text + line, "\n"), text + line,
		(int)strcspn(want + line, "\n"), want + line);
}

void ui_golden(const char *name, const char *text)
{
	_free_ char *path = xasprintf("tests/ui/golden/%s.txt", name);
	_free_ char *want = NULL;
	const char *mode = getenv("UI_GOLDEN");
	struct err e = {0};

	if (mode && strcmp(mode, "write") == 0) {
		if (file_write(path, text, strlen(text), 0644, &e) != 0)
			fail_msg("%s: %s", path, e.why);
		return;
	}
	if (file_read(path, 1 << 20, &want, NULL, &e) != 0)
		fail_msg("%s: %s", path, e.why);
	if (strcmp(want, text) != 0)
		first_difference(path, text, want);
}
