/*
 * The event loop: one poll() on the keyboard, the signals, the caller's
 * descriptors and the clock. Keeps true: the screen is drawn before each
 * wait if something changed, and only then.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

void tui_watch(struct tui *t, int fd, void (*cb)(void *arg, int fd), void *arg)
{
	tui_unwatch(t, fd);
	t->watches = xreallocarray(
		t->watches, t->n_watches + 1, sizeof(*t->watches));
	t->watches[t->n_watches++] =
		(struct tui_watch){.fd = fd, .cb = cb, .arg = arg};
}

void tui_unwatch(struct tui *t, int fd)
{
	for (int i = 0; i < t->n_watches; i++)
		if (t->watches[i].fd == fd)
			t->watches[i] = t->watches[--t->n_watches];
}

void tui_every(struct tui *t, unsigned ms, void (*cb)(void *arg), void *arg)
{
	t->timer = ms ? cb : NULL;
	t->timer_arg = arg;
	t->timer_ms = ms;
	t->timer_at = now_mono() + ms / 1000.0;
}

void tui_touch(struct tui *t)
{
	t->dirty = true;
}

bool tui_hung_up(const struct tui *t)
{
	return t->hung;
}

void tui_leave(struct tui *t, int id)
{
	struct tui_layer *l = t->top;

	while (l && !l->screen)
		l = l->below;
	if (l)
		l->leave = id;
}

void tui_post(struct tui *t, int id)
{
	struct tui_layer *l = t->top;

	while (l && !l->screen)
		l = l->below;
	if (l && t->plain)
		l->leave = id;
	else if (l)
		l->post = id;
}

static void draw_layers(struct tui *t, struct tui_layer *l)
{
	if (!l->screen && l->below)
		draw_layers(t, l->below);
	l->draw(t, l->arg);
}

static void draw_small(struct tui *t)
{
	char s[160];

	snprintf(s, sizeof(s), _("%dx%d is too small: %dx%d is needed"),
		t->cols, t->rows, TUI_MIN_COLS, TUI_MIN_ROWS);
	draw_text(t, 0, 0, t->cols, TUI_WARN, s);
	draw_wrapped(t, (struct tui_box){1, 0, t->rows - 1, t->cols},
		TUI_NORMAL,
		_("Nothing is lost: make it larger. Or Ctrl-C leaves (a job "
		  "goes on), and vmferry --plain works at any size."));
}

static bool is_small(const struct tui *t)
{
	return t->cols < TUI_MIN_COLS || t->rows < TUI_MIN_ROWS;
}

#define PATIENCE 0.3 /* seconds: shorter than anybody wonders */

/* How long the layer at hand is not to be drawn yet, in ms; 0: draw it. */
static int held_ms(const struct tui *t)
{
	const struct tui_layer *l = t->top;
	double left;

	if (!t->dirty || !l || !l->screen || !l->screen->patient || !l->below)
		return 0;
	left = l->at + PATIENCE - now_mono();
	return left > 0 ? (int)(left * 1000) + 1 : 0;
}

static void draw_all(struct tui *t)
{
	if (!t->dirty || t->plain || !t->top || held_ms(t))
		return;
	t->dirty = false;
	draw_clear(t);
	if (is_small(t))
		draw_small(t);
	else
		draw_layers(t, t->top);
	draw_flush(t);
}

static int wait_ms(struct tui *t)
{
	int ms = t->o.idle ? t->o.idle(t->o.idle_arg) : -1;
	int held = t->plain ? 0 : held_ms(t);

	if (held && (ms < 0 || held < ms))
		ms = held;
	if (t->timer) {
		double left = (t->timer_at - now_mono()) * 1000;
		int n = left > 0 ? (int)left + 1 : 0;

		if (ms < 0 || n < ms)
			ms = n;
	}
	return ms;
}

static void fire_timer(struct tui *t)
{
	double now = now_mono();

	if (!t->timer || now < t->timer_at)
		return;
	/* A late one is not made up for. */
	t->timer_at = now + t->timer_ms / 1000.0;
	t->timer(t->timer_arg);
}

static void on_signal_byte(struct tui *t, int sig)
{
	switch (sig) {
	case SIGTERM:
	case SIGHUP:
		t->hung = true;
		break;
	case SIGINT:
		tui_leave(t, TUI_QUIT);
		break;
	case SIGWINCH:
		if (!t->plain)
			term_resize(t);
		break;
	case SIGTSTP:
		if (t->plain)
			signals_stop(false);
		else
			term_suspend(t, false);
		break;
	case SIGCONT:
		/* Stopped by SIGSTOP: the shell has had the terminal. */
		if (!t->plain)
			term_return(t);
		break;
	}
}

static void read_signals(struct tui *t)
{
	char c[32];
	ssize_t n = read(t->sig_fd, c, sizeof(c));

	for (ssize_t i = 0; i < n; i++)
		on_signal_byte(t, c[i]);
}

/* A callback may change the list: look each descriptor up again. */
static void serve_watch(struct tui *t, int fd)
{
	for (int i = 0; i < t->n_watches; i++)
		if (t->watches[i].fd == fd) {
			t->watches[i].cb(t->watches[i].arg, fd);
			return;
		}
}

void tui_wait(struct tui *t, void (*input)(struct tui *t))
{
	int n = t->n_watches + 2, ms;
	_free_ struct pollfd *p = xcalloc(n, sizeof(*p));

	draw_all(t);
	ms = wait_ms(t);
	p[0] = (struct pollfd){.fd = t->sig_fd, .events = POLLIN};
	p[1] = (struct pollfd){.fd = input ? t->in_fd : -1, .events = POLLIN};
	for (int i = 2; i < n; i++)
		p[i] = (struct pollfd){
			.fd = t->watches[i - 2].fd, .events = POLLIN};
	if (poll(p, n, ms) > 0) {
		/* Keys first: they were typed before a resize, at the screen
		 * as it was. */
		if (p[1].revents && !t->hung)
			input(t);
		if (p[0].revents)
			read_signals(t);
		for (int i = 2; i < n; i++)
			if (p[i].revents)
				serve_watch(t, p[i].fd);
	}
	fire_timer(t);
}

static void read_keys(struct tui *t)
{
	struct tui_layer *top = t->top;
	int key;

	/* Keys typed ahead of a new layer belong to that layer. */
	while (t->top == top && !top->result && !top->leave && !t->hung &&
		(key = term_key(t))) {
		t->dirty = true;
		if (key == TUI_CTRL('L'))
			term_redraw(t);
		else if (key == TUI_CTRL('Z'))
			term_suspend(t, true);
		else if (!is_small(t))
			top->key(t, top->arg, key);
		else if (key == TUI_CTRL('C'))
			t->hung = true;
		/* Nothing is answered that cannot be seen. */
	}
}

static void serve_post(struct tui *t, struct tui_layer *l)
{
	int id = l->post;

	l->post = 0;
	l->result = screen_action(t, l->screen, id);
}

int tui_loop(struct tui *t, struct tui_layer *l)
{
	l->below = t->top;
	l->at = now_mono();
	t->top = l;
	t->dirty = true;
	while (!l->result && !l->leave && !t->hung) {
		if (l->post) {
			serve_post(t, l);
			continue;
		}
		tui_wait(t, read_keys);
		/* Keys that curses read in one go with earlier ones are in
		 * its own buffer, where poll() cannot see them. */
		if (!l->result && !l->leave && !t->hung)
			read_keys(t);
	}
	t->top = l->below;
	t->dirty = true;
	return t->hung ? TUI_HANGUP : l->result ? l->result : l->leave;
}

static void open_streams(struct tui *t)
{
	if (!t->o.in)
		t->o.in = stdin;
	if (!t->o.out)
		t->o.out = stdout;
	t->in_fd = fileno(t->o.in);
	t->out_fd = fileno(t->o.out);
}

/* A terminal that curses can paint on, or a test's stand-in. */
static bool can_paint(const struct tui *t)
{
	const char *term = getenv("TERM");

	if (t->o.term)
		return true;
	if (!isatty(t->in_fd) || !isatty(t->out_fd))
		return false;
	return term && *term && strcmp(term, "dumb") != 0;
}

struct tui *tui_open(const struct tui_opts *o)
{
	struct tui *t = xcalloc(1, sizeof(*t));

	t->o = *o;
	open_streams(t);
	t->plain = o->plain || !can_paint(t) || term_open(t) != 0;
	if (t->plain)
		plain_open(t);
	return t;
}

void tui_close(struct tui *t)
{
	if (!t)
		return;
	if (t->plain)
		plain_close(t);
	else
		term_close(t);
	free(t->watches);
	free(t);
}

bool tui_is_plain(const struct tui *t)
{
	return t->plain;
}

void tui_lend(struct tui *t, void (*fn)(void *arg), void *arg)
{
	if (!t->plain)
		term_leave(t);
	t->lent = true;
	fn(arg);
	t->lent = false;
	if (!t->plain)
		term_return(t);
}
