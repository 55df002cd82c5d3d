/*
 * Screens as data. The caller fills a struct tui_screen with one block (form,
 * table, pager or checklist) and calls tui_run(); the same description is
 * drawn with curses or, in plain mode, told as a line dialogue.
 *
 * Keeps true: nothing blocks but the one poll() of the event loop; nothing is
 * written to the terminal while nothing changes; the terminal is restored on
 * every way out, crash included; leaving a screen never clears what was
 * typed, for the state stands in the caller's structs.
 *
 * All text is UTF-8, owned by the caller, and must live as long as it is
 * shown. Remote text is made printable here, too.
 */
#ifndef TUI_TUI_H
#define TUI_TUI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct tui;

/* What a screen ends with, and what an action is called. */
enum tui_id {
	TUI_STAY = 0, /* never returned by tui_run */
	TUI_OK,       /* Enter, Next */
	TUI_BACK,     /* Esc, b */
	TUI_QUIT,     /* Ctrl-C, q */
	TUI_HANGUP,   /* SIGHUP, SIGTERM, end of input: leave, at once */
	TUI_HELP,     /* ?, Ctrl-G; handled by tui itself */
	TUI_OWN = 100 /* the caller's ids begin here */
};

/* How a piece of text looks. Never the only signal. */
enum tui_role {
	TUI_NORMAL,
	TUI_TITLE, /* title line, key bar */
	TUI_HEAD,  /* headings, labels */
	TUI_DIM,
	TUI_GOOD,
	TUI_WARN,
	TUI_BAD,
	TUI_ADDED,   /* diff: line begins with + */
	TUI_REMOVED, /* diff: line begins with - */
	TUI_FOCUS,   /* where the keys go */
	TUI_ROLES
};

/* Keys: a character as itself, TUI_CTRL('N'), or one of these. */
#define TUI_CTRL(c) ((c)&0x1f)
enum tui_keycode {
	TUI_KEY_ENTER = '\r',
	TUI_KEY_ESC = 0x1b,
	TUI_KEY_TAB = '\t',
	TUI_KEY_UP = 0x110000,
	TUI_KEY_DOWN,
	TUI_KEY_LEFT,
	TUI_KEY_RIGHT,
	TUI_KEY_PGUP,
	TUI_KEY_PGDN,
	TUI_KEY_HOME,
	TUI_KEY_END,
	TUI_KEY_BACKTAB,
	TUI_KEY_BACKSPACE,
	TUI_KEY_DELETE,
	TUI_KEY_F1,
	TUI_KEY_OTHER, /* a key nobody uses */
};

/*
 * An entry of the key bar. A letter works wherever it is not typed into a
 * field; in a form use TUI_CTRL() for what must always work (G, A, E, K, U,
 * W, H, I, J, M, L, Z, C and [ are taken). Plain mode asks for the letter.
 * The list ends with key 0.
 */
struct tui_key {
	int key;
	const char *label; /* one or two words */
	int id;            /* enum tui_id or own */
	bool hidden;       /* not now: neither shown nor working */
};

/* One entry of the help table; the list ends with a null id. */
struct tui_help {
	const char *id, *title, *text;
};

struct tui_form;
struct tui_table;
struct tui_pager;
struct tui_checklist;
struct tui_text;

struct tui_screen {
	const char *title;
	const char *crumbs; /* "2/8  Source > VM > Target"; may be null */
	const char *intro;  /* wrapped above the block; may be null */
	const char *help;   /* id in the help table */
	/* What the help page says besides, as things stand; may be null. */
	void (*more)(struct tui_text *x, void *arg);
	/* One line above the key bar: what is going on; may be null. */
	const char *status;
	/* Not null: work is under way whose result this screen shows. Told
	 * instead of status; plain mode waits until it is null. */
	const char *busy;
	/* Drawn only if it is still there after a moment: what is over at
	 * once does not flicker. */
	bool patient;
	struct tui_key *keys;
	/* Exactly one of these. */
	struct tui_form *form;
	struct tui_table *table;
	struct tui_pager *pager;
	struct tui_checklist *checklist;
	/*
	 * An action was chosen (TUI_OK, TUI_BACK, TUI_QUIT or own). Returns
	 * what to leave with, TUI_STAY to stay. May open dialogs and run
	 * other screens. Null: leave with the id. A form's fields are checked
	 * before it is called with TUI_OK.
	 */
	int (*action)(struct tui *t, struct tui_screen *s, int id);
	void *arg;
};

struct tui_opts {
	bool plain; /* also chosen by TERM=dumb and where there is no tty */
	const char *program;         /* "vmferry 0.1" */
	const struct tui_help *help; /* may be null */
	/* For tests; all null or 0: standard input and output. */
	FILE *in, *out;
	const char *term; /* curses on in/out, tty or not */
	int cols, rows;
	/* Called with everything drawn, before waiting; returns the longest
	 * wait in ms, -1 for no limit. */
	int (*idle)(void *arg);
	void *idle_arg;
};

/*
 * Take the terminal. One at a time. Takes SIGWINCH, SIGTERM, SIGHUP, SIGINT,
 * SIGTSTP, SIGCONT and the crash signals until tui_close. A second SIGTERM or
 * SIGHUP restores the terminal and dies. Never null: a TERM that is not
 * known means plain mode.
 */
struct tui *tui_open(const struct tui_opts *o);
/* Gives the terminal back; null is allowed. */
void tui_close(struct tui *t);
bool tui_is_plain(const struct tui *t);

/* Show s until it is left; returns the id it is left with. Once TUI_HANGUP
 * was returned every call returns it at once. */
int tui_run(struct tui *t, struct tui_screen *s);

/* --- while screens run: the caller's descriptors and clock ------------- */

/* cb is called whenever fd can be read (or its other end closed), from
 * whatever screen or dialog is open. It may change what is shown and call
 * tui_touch, tui_leave, tui_watch, tui_unwatch; not tui_run. */
void tui_watch(struct tui *t, int fd, void (*cb)(void *arg, int fd), void *arg);
void tui_unwatch(struct tui *t, int fd);
/* cb every ms milliseconds; one timer; ms 0 ends it. Same rules. */
void tui_every(struct tui *t, unsigned ms, void (*cb)(void *arg), void *arg);
/* What is shown has changed: draw again before the next wait. */
void tui_touch(struct tui *t);
/* The screen at hand ends with id as soon as no dialog is over it. */
void tui_leave(struct tui *t, int id);
/* The screen at hand does the action id, as if by its key, as soon as no
 * dialog is over it. In plain mode it ends with id, as by tui_leave. */
void tui_post(struct tui *t, int id);
/* True after SIGHUP, SIGTERM or end of input. */
bool tui_hung_up(const struct tui *t);
/* Give the terminal to fn (an editor, a pager), then take it back. */
void tui_lend(struct tui *t, void (*fn)(void *arg), void *arg);

#endif
