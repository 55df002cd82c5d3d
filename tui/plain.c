/*
 * Plain mode: the same screens told as a dialogue of lines, for screen
 * readers, dumb terminals and scripts. Keeps true: no control sequence is
 * written; a secret is not echoed and its line is wiped once used.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "core/i18n.h"
#include "core/str.h"

#include "plain.h"

#define LINE 4096

struct tui_line_in {
	char in[LINE], line[LINE];
	size_t n;
	bool end;
	void (*between)(struct tui *t, void *arg);
	void *between_arg;
};

/* --- output --------------------------------------------------------------- */

static void put(struct tui *t, const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "\n");
		_free_ char *one = xstrndup(s, n);
		const char *p = one;
		wchar_t c;

		while ((c = tui_next(&p))) {
			char out[16];
			mbstate_t st = {0};
			size_t len = wcrtomb(out, c, &st);

			if (len != (size_t)-1)
				fwrite(out, 1, len, t->o.out);
		}
		if (!s[n])
			return;
		fputc('\n', t->o.out);
		s += n + 1;
	}
}

void plain_say(struct tui *t, const char *fmt, ...)
{
	_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	put(t, s);
	fputc('\n', t->o.out);
	fflush(t->o.out);
}

/* --- input ---------------------------------------------------------------- */

static void read_lines(struct tui *t)
{
	struct tui_line_in *l = t->line;
	ssize_t n;

	if (l->n == sizeof(l->in)) {
		/* A line that long is no answer. */
		l->n = 0;
	}
	n = read(t->in_fd, l->in + l->n, sizeof(l->in) - l->n);
	if (n > 0)
		l->n += n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		l->end = true;
}

/* Take the first line of the buffer; false: there is no whole one yet. */
static bool take_line(struct tui *t)
{
	struct tui_line_in *l = t->line;
	char *end = memchr(l->in, '\n', l->n);
	size_t n = end ? (size_t)(end - l->in) : l->n, gone;

	if (!end && !(l->end && l->n))
		return false;
	gone = n + (end != NULL);
	n = n < LINE - 1 ? n : LINE - 1;
	memcpy(l->line, l->in, n);
	l->line[n] = 0;
	memmove(l->in, l->in + gone, l->n - gone);
	explicit_bzero(l->in + l->n - gone, gone);
	l->n -= gone;
	if (n && l->line[n - 1] == '\r')
		l->line[n - 1] = 0;
	return true;
}

static bool left(const struct tui *t)
{
	return t->hung || (t->top && t->top->leave);
}

static bool next_line(struct tui *t)
{
	while (!left(t)) {
		if (take_line(t))
			return true;
		if (t->line->end) {
			t->hung = true;
			return false;
		}
		tui_wait(t, read_lines);
		if (t->line->between)
			t->line->between(t, t->line->between_arg);
	}
	return false;
}

const char *plain_ask(struct tui *t, const char *prompt)
{
	put(t, prompt);
	fflush(t->o.out);
	if (!next_line(t)) {
		plain_say(t, "%s", "");
		return NULL;
	}
	/* In a script's log each answer ends its line. */
	if (!isatty(t->in_fd))
		plain_say(t, "%s", "");
	return t->line->line;
}

const char *plain_secret(struct tui *t, const char *prompt)
{
	struct termios old, quiet;
	bool tty = tcgetattr(t->in_fd, &old) == 0;
	const char *line;

	if (tty) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		quiet.c_lflag |= ECHONL;
		signals_modes(&old);
		tcsetattr(t->in_fd, TCSANOW, &quiet);
	}
	line = plain_ask(t, prompt);
	if (tty) {
		tcsetattr(t->in_fd, TCSANOW, &old);
		signals_modes(NULL);
	}
	return line;
}

void plain_between(
	struct tui *t, void (*fn)(struct tui *t, void *arg), void *arg)
{
	t->line->between = fn;
	t->line->between_arg = arg;
}

void plain_open(struct tui *t)
{
	t->line = xcalloc(1, sizeof(*t->line));
	/* Best effort: a limit of 0 is no reason not to work. */
	mlock(t->line, sizeof(*t->line));
	signals_open(t, "");
	signals_modes(NULL);
}

void plain_close(struct tui *t)
{
	signals_close(t);
	explicit_bzero(t->line, sizeof(*t->line));
	munlock(t->line, sizeof(*t->line));
	free(t->line);
	fflush(t->o.out);
}

/* --- actions -------------------------------------------------------------- */

/* The letter that stands for a key here; 0: none. */
static char letter(const struct tui_key *k)
{
	if (k->id == TUI_BACK || k->id == TUI_QUIT || k->id == TUI_OK)
		return 0;
	if (k->key > 0x20 && k->key < 0x7f)
		return (char)k->key;
	if (k->key > 0 && k->key < 0x1b && k->key != '\t' && k->key != '\r')
		return (char)(k->key + 0x60);
	return 0;
}

char *plain_actions(const struct tui_screen *s)
{
	struct buf b = {0};
	bool back = false;

	for (const struct tui_key *k = s->keys; k && k->key; k++) {
		char c = letter(k);

		if (k->hidden)
			continue;
		if (k->id == TUI_OK)
			buf_addf(&b, _("Enter %s, "), _(k->label));
		else if (k->id == TUI_BACK)
			buf_addf(&b, "b %s, ", _(k->label));
		else if (k->id == TUI_QUIT)
			buf_addf(&b, "q %s, ", _(k->label));
		else if (c)
			buf_addf(&b, "%c %s, ", c, _(k->label));
		back |= k->id == TUI_BACK || k->id == TUI_QUIT;
	}
	if (!back)
		buf_addf(&b, "b %s, ", _("Back"));
	buf_addf(&b, "? %s", _("Help"));
	return buf_steal(&b);
}

bool plain_has_next(const struct tui_screen *s)
{
	for (const struct tui_key *k = s->keys; k && k->key; k++)
		if (k->id == TUI_OK && !k->hidden)
			return true;
	return false;
}

static void say_help(struct tui *t, const struct tui_screen *s)
{
	_tui_text_ struct tui_text x = {0};

	help_text(t, s, &x);
	for (int i = 0; i < x.n; i++)
		plain_say(t, "%s", x.lines[i].text);
}

int plain_command(struct tui *t, struct tui_screen *s, const char *line)
{
	if (strcmp(line, "?") == 0) {
		say_help(t, s);
		return TUI_STAY;
	}
	for (const struct tui_key *k = s->keys; k && k->key; k++)
		if (!k->hidden && letter(k) && line[0] == letter(k) && !line[1])
			return screen_action(t, s, k->id);
	if (strcmp(line, "b") == 0)
		return screen_action(t, s, TUI_BACK);
	if (strcmp(line, "q") == 0)
		return screen_action(t, s, TUI_QUIT);
	return TUI_UNUSED;
}

int plain_buttons(struct tui *t, const char *title, const char *text,
	const struct tui_option *buttons, int def)
{
	int n = 0;

	plain_say(t, "%s", title);
	if (text)
		plain_say(t, "%s", text);
	while (buttons[n].label)
		n++;
	/* One button is a thing to read, not a question. */
	if (n < 2)
		return 0;
	for (int i = 0; i < n; i++)
		plain_say(t, "  %d) %s%s%s", i + 1, buttons[i].label,
			buttons[i].detail ? ": " : "",
			buttons[i].detail ? buttons[i].detail : "");
	for (;;) {
		_free_ char *prompt = xasprintf(_("Number [%d]: "), def + 1);
		const char *line = plain_ask(t, prompt);
		uint64_t v;

		if (!line || strcmp(line, "b") == 0)
			return -1;
		if (!*line)
			return def;
		if (str_u64(line, n, &v) == 0 && v > 0 && !buttons[v - 1].off)
			return (int)v - 1;
		plain_say(t, _("! a number from 1 to %d, b: back"), n);
	}
}

/* --- a screen ------------------------------------------------------------- */

static void say_head(struct tui *t, const struct tui_screen *s)
{
	plain_say(t, "%s", "");
	plain_say(t, "== %s ==%s%s", s->title, s->crumbs ? "  " : "",
		s->crumbs ? s->crumbs : "");
	if (s->intro)
		plain_say(t, "%s", s->intro);
}

/* Wait until the result is there; each new word about it is told. */
static void wait_busy(struct tui *t, const struct tui_screen *s)
{
	_free_ char *told = NULL;

	while (s->busy && !left(t)) {
		if (!told || strcmp(told, s->busy) != 0) {
			plain_say(t, "%s", s->busy);
			str_set(&told, s->busy);
		}
		/* Lines typed ahead wait in the buffer, or in the pipe. */
		tui_wait(t, t->line->end ? NULL : read_lines);
	}
}

/* The status line, where it is another than was told. */
static void say_status(struct tui *t, const struct tui_screen *s, char **told)
{
	if (!s->status || (*told && strcmp(*told, s->status) == 0))
		return;
	plain_say(t, "%s", s->status);
	str_set(told, s->status);
}

int plain_run(struct tui *t, struct tui_screen *s)
{
	struct tui_layer l = {.screen = s, .below = t->top, .arg = s};
	_free_ char *told = NULL;
	int r = TUI_STAY;

	t->top = &l;
	/* Where the cursor would be first is no matter: all is asked. */
	if (s->form)
		s->form->placed = false;
	say_head(t, s);
	while (!r && !left(t)) {
		wait_busy(t, s);
		if (left(t))
			break;
		say_status(t, s, &told);
		r = s->form        ? plain_form(t, s)
			: s->table ? plain_table(t, s)
			: s->pager ? plain_pager(t, s)
				   : plain_checklist(t, s);
	}
	t->top = l.below;
	return t->hung ? TUI_HANGUP : r ? r : l.leave;
}
