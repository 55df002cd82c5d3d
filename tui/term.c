/*
 * The terminal: curses on and off, keys, size, suspension. Keeps true: input
 * is read only when poll() saw some, so a SIGWINCH can never be swallowed by
 * a read that waits; a character cut in two by a slow line is put together.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/str.h"

#include "own.h"

/* Last: <term.h> makes macros of ordinary words. */
#include <curses.h>
#include <term.h>

#define PASTE_ON (KEY_MAX + 1)
#define PASTE_OFF (KEY_MAX + 2)
#define ESC_MS 100

static struct {
	SCREEN *screen;
	bool pasting, asked_paste;
	mbstate_t half;
	struct termios modes;
	bool is_tty;
	char restore[256];
	size_t restore_len;
} trm;

static int collect(int c)
{
	if (trm.restore_len + 1 < sizeof(trm.restore))
		trm.restore[trm.restore_len++] = (char)c;
	return c;
}

static void collect_cap(const char *cap)
{
	const char *s = tigetstr(cap);

	if (s && s != (char *)-1)
		tputs(s, 1, collect);
}

static const char paste_off[] = "\033[?2004l";
static const char paste_on[] = "\033[?2004h";

/* What brings the terminal back without curses' help. */
static void make_restore(void)
{
	trm.restore_len = 0;
	for (const char *p = trm.asked_paste ? paste_off : ""; *p; p++)
		collect(*p);
	collect_cap("sgr0");
	collect_cap("cnorm");
	collect_cap("rmkx");
	collect_cap("rmcup");
	collect('\r');
	collect('\n');
	trm.restore[trm.restore_len] = 0;
}

static bool knows_paste(const char *name)
{
	static const char *const names[] = {
		"xterm", "tmux", "screen", "rxvt", "foot", "alacritty"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (name && strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void paste_mode(struct tui *t, bool on)
{
	if (!trm.asked_paste)
		return;
	fputs(on ? paste_on : paste_off, t->o.out);
	fflush(t->o.out);
}

static void modes_on(void)
{
	raw();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, FALSE);
}

/* Terminals whose terminfo does not name these send them anyway. */
static void keys_on(void)
{
	static const struct {
		const char *sequence;
		int key;
	} sent[] = {
		{"\033[Z", KEY_BTAB}, {"\033[1~", KEY_HOME},
		{"\033[4~", KEY_END}, {"\033[7~", KEY_HOME},
		{"\033[8~", KEY_END}, {"\033[H", KEY_HOME}, {"\033[F", KEY_END},
		{"\033OH", KEY_HOME}, {"\033OF", KEY_END},
		{"\033[5~", KEY_PPAGE}, {"\033[6~", KEY_NPAGE},
		{"\033[3~", KEY_DC}, {"\033[A", KEY_UP}, {"\033[B", KEY_DOWN},
		{"\033[C", KEY_RIGHT}, {"\033[D", KEY_LEFT}, {"\033OA", KEY_UP},
		{"\033OB", KEY_DOWN}, {"\033OC", KEY_RIGHT},
		{"\033OD", KEY_LEFT}, {"\033OP", KEY_F(1)},
		{"\033[11~", KEY_F(1)}, /* PuTTY */
		{"\033[[A", KEY_F(1)},  /* the Linux console */
	};

	define_key("\033[200~", PASTE_ON);
	define_key("\033[201~", PASTE_OFF);
	for (size_t i = 0; i < ARRAY_LEN(sent); i++)
		define_key(sent[i].sequence, sent[i].key);
}

int term_size(struct tui *t, int *cols, int *rows)
{
	struct winsize ws;

	if (ioctl(t->out_fd, TIOCGWINSZ, &ws) != 0 || !ws.ws_col || !ws.ws_row)
		return -1;
	*cols = ws.ws_col;
	*rows = ws.ws_row;
	return 0;
}

void term_resize(struct tui *t)
{
	int cols = t->o.cols, rows = t->o.rows;

	if (!(cols && rows) && term_size(t, &cols, &rows) != 0)
		getmaxyx(stdscr, rows, cols);
	if (cols != t->cols || rows != t->rows)
		resizeterm(rows, cols);
	t->cols = cols;
	t->rows = rows;
	t->dirty = true;
}

int term_open(struct tui *t)
{
	memset(&trm, 0, sizeof(trm));
	trm.is_tty = tcgetattr(t->in_fd, &trm.modes) == 0;
	set_escdelay(ESC_MS);
	use_tioctl(TRUE);
	trm.screen = newterm(t->o.term, t->o.out, t->o.in);
	if (!trm.screen)
		return -1;
	set_term(trm.screen);
	modes_on();
	keys_on();
	trm.asked_paste =
		trm.is_tty && knows_paste(t->o.term ? t->o.term : termname());
	make_restore();
	signals_open(t, trm.restore);
	signals_modes(trm.is_tty ? &trm.modes : NULL);
	draw_open(t);
	paste_mode(t, true);
	term_resize(t);
	return 0;
}

void term_close(struct tui *t)
{
	if (!t->lent)
		term_leave(t);
	signals_close(t);
	delscreen(trm.screen);
	trm.screen = NULL;
}

void term_leave(struct tui *t)
{
	paste_mode(t, false);
	curs_set(1);
	endwin();
	fflush(t->o.out);
}

void term_return(struct tui *t)
{
	paste_mode(t, true);
	reset_prog_mode();
	modes_on();
	trm.pasting = false;
	clearok(curscr, TRUE);
	term_resize(t);
	refresh();
}

void term_redraw(struct tui *t)
{
	clearok(curscr, TRUE);
	term_resize(t);
}

void term_suspend(struct tui *t, bool group)
{
	term_leave(t);
	signals_stop(group);
	term_return(t);
}

static const struct {
	int curses, key;
} keys[] = {
	{KEY_UP, TUI_KEY_UP},
	{KEY_DOWN, TUI_KEY_DOWN},
	{KEY_LEFT, TUI_KEY_LEFT},
	{KEY_RIGHT, TUI_KEY_RIGHT},
	{KEY_PPAGE, TUI_KEY_PGUP},
	{KEY_NPAGE, TUI_KEY_PGDN},
	{KEY_HOME, TUI_KEY_HOME},
	{KEY_END, TUI_KEY_END},
	{KEY_BTAB, TUI_KEY_BACKTAB},
	{KEY_BACKSPACE, TUI_KEY_BACKSPACE},
	{KEY_DC, TUI_KEY_DELETE},
	{KEY_ENTER, TUI_KEY_ENTER},
	{KEY_F(1), TUI_KEY_F1},
	{KEY_A1, TUI_KEY_HOME},
	{KEY_A3, TUI_KEY_PGUP},
	{KEY_C1, TUI_KEY_END},
	{KEY_C3, TUI_KEY_PGDN},
};

static int special(int c)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].curses == c)
			return keys[i].key;
	return TUI_KEY_OTHER;
}

/* A byte of a character: the character, or 0 while it is not whole. */
static int decoded(int byte)
{
	char b = (char)byte;
	wchar_t w;
	size_t n;

	/* NUL is Ctrl-Space. */
	if (byte == 0)
		return TUI_KEY_OTHER;
	n = mbrtowc(&w, &b, 1, &trm.half);
	if (n == (size_t)-1) {
		memset(&trm.half, 0, sizeof(trm.half));
		return TUI_KEY_OTHER;
	}
	return n == (size_t)-2 ? 0 : (int)w;
}

static int character(int byte)
{
	int c = decoded(byte);

	if (c == '\n' && !trm.pasting)
		return TUI_KEY_ENTER;
	if (c == 0x7f || c == 0x08)
		return TUI_KEY_BACKSPACE;
	return c;
}

/*
 * The rest of a key that nobody knows, after its Esc: it would be "back", and
 * the rest be typed. Curses has waited for it, so it is there. False: it was
 * the Esc key.
 */
static bool skip_unknown(void)
{
	int c = wgetch(stdscr), n = 0;

	if (c != '[' && c != 'O') {
		if (c != ERR)
			ungetch(c);
		return false;
	}
	/* "[" parameters, a last letter; "O" letter; of the console "[["
	 * letter. */
	do
		c = wgetch(stdscr);
	while (c != ERR && c <= 0xff && ++n < 32 &&
		(c < 0x40 || c > 0x7e || (n == 1 && c == '[')));
	return true;
}

/* End of input looks like a readable descriptor that gives nothing. */
static bool at_end(struct tui *t)
{
	struct pollfd p = {.fd = t->in_fd, .events = POLLIN};
	int n = 0;

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (p.revents & (POLLERR | POLLNVAL))
		return true;
	return ioctl(t->in_fd, FIONREAD, &n) == 0 && n == 0;
}

int term_key(struct tui *t)
{
	for (;;) {
		int c = wgetch(stdscr), key;

		if (c == ERR) {
			if (at_end(t))
				t->hung = true;
			return 0;
		}
		if (c == PASTE_ON || c == PASTE_OFF) {
			trm.pasting = c == PASTE_ON;
			continue;
		}
		if (c == KEY_RESIZE) {
			term_resize(t);
			continue;
		}
		if (c == 0x1b && !trm.pasting && skip_unknown())
			return TUI_KEY_OTHER;
		key = c > 0xff ? special(c) : character(c);
		if (key)
			return trm.pasting ? key | TUI_PASTED : key;
	}
}
