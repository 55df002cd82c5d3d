/*
 * Inside of tui/: layers, the loop, drawing. Curses itself is known to
 * term.c and draw.c only.
 */
#ifndef TUI_OWN_H
#define TUI_OWN_H

#include <poll.h>

#include "checklist.h"
#include "dialog.h"
#include "form.h"
#include "pager.h"
#include "table.h"
#include "text.h"
#include "tui.h"

struct termios;

#define TUI_UNUSED (-1) /* a key the widget does not know */
#define TUI_PASTED 0x1000000
#define TUI_MIN_COLS 80
#define TUI_MIN_ROWS 24

struct tui_box {
	int y, x, h, w;
};

/* What is open: a screen or a dialog over it. */
struct tui_layer {
	struct tui_layer *below;
	struct tui_screen *screen; /* null: a dialog */
	void (*draw)(struct tui *t, void *arg);
	void (*key)(struct tui *t, void *arg, int key);
	void *arg;
	int result; /* not 0: the layer is done */
	int leave;  /* asked for by tui_leave */
	int post;   /* asked for by tui_post */
	double at;  /* when it was opened */
};

struct tui_watch {
	int fd;
	void (*cb)(void *arg, int fd);
	void *arg;
};

struct tui {
	struct tui_opts o;
	bool plain, unicode, dirty, hung, lent;
	int in_fd, out_fd, sig_fd;
	int cols, rows;
	struct tui_layer *top;
	struct tui_watch *watches;
	int n_watches;
	void (*timer)(void *arg);
	void *timer_arg;
	unsigned timer_ms;
	double timer_at;
	struct tui_line_in *line; /* plain mode's input */
};

/* --- loop.c ------------------------------------------------------------ */

/* Run the layer until it is done; its result, TUI_HANGUP after a hang-up. */
int tui_loop(struct tui *t, struct tui_layer *l);
/* Wait once for anything and serve it; input: called when in_fd is ready. */
void tui_wait(struct tui *t, void (*input)(struct tui *t));

/* --- term.c ------------------------------------------------------------ */

/* Curses on the terminal of t; -1: the TERM is not known. */
int term_open(struct tui *t);
void term_close(struct tui *t);
/* A key, TUI_PASTED added where it came in a paste; 0: no more for now. */
int term_key(struct tui *t);
void term_resize(struct tui *t);
void term_redraw(struct tui *t);
void term_suspend(struct tui *t, bool group);
void term_leave(struct tui *t);  /* give the terminal away */
void term_return(struct tui *t); /* and take it again */
/* The size the terminal says it has; -1: it does not. */
int term_size(struct tui *t, int *cols, int *rows);

/* --- signals.c --------------------------------------------------------- */

/* Signals become bytes on t->sig_fd. restore (may be "") is what a crash
 * writes to out_fd. */
void signals_open(struct tui *t, const char *restore);
/* The terminal's modes before us, for a crash; null: it is no tty. */
void signals_modes(const struct termios *modes);
void signals_close(struct tui *t);
/* Stop this process (its group) as SIGTSTP does; back after SIGCONT. */
void signals_stop(bool group);

/* --- draw.c ------------------------------------------------------------ */

/* Colours, once curses is on. */
void draw_open(struct tui *t);
void draw_clear(struct tui *t);
void draw_flush(struct tui *t);
/* For tests: told of each text that does not fit, and which function drew
 * it. Null in the program. */
extern void (*draw_told)(const char *by, const char *text);
#define draw_text(...) draw_text_by(__func__, __VA_ARGS__)
#define draw_part(...) draw_part_by(__func__, __VA_ARGS__)
#define draw_wrapped(...) draw_wrapped_by(__func__, __VA_ARGS__)
/* Tell that text, which wants w columns, has room for only `room`. */
void draw_tell(const char *by, const char *text, int w, int room);
/* s in exactly w columns from (y, x), cut or filled up. */
void draw_text_by(const char *by, struct tui *t, int y, int x, int w,
	enum tui_role role, const char *s);
/* The first n bytes of s, cut to w columns, not filled up. Columns taken. */
int draw_part_by(const char *by, struct tui *t, int y, int x, int w,
	enum tui_role role, const char *s, size_t n);
void draw_hline(struct tui *t, int y, int x, int w);
void draw_vline(struct tui *t, int y, int x, int h);
/* A frame with a title in its top line; the inside is cleared. */
void draw_frame(struct tui *t, struct tui_box b, const char *title);
/* s wrapped into b; lines used. */
int draw_wrapped_by(const char *by, struct tui *t, struct tui_box b,
	enum tui_role role, const char *s);
/* A text field of w columns; focused: the cursor is put there. */
void draw_edit(struct tui *t, int y, int x, int w, const char *s, size_t cursor,
	bool secret, bool focused);
/* Marks in column x that there is more above and below. */
void draw_more(struct tui *t, struct tui_box b, bool above, bool below);
/* The cursor is shown at (y, x) in this drawing. */
void draw_cursor(struct tui *t, int y, int x);

/* --- edit.c ------------------------------------------------------------ */

/* One key in a line of text; TUI_UNUSED where it is not one for it. What is
 * deleted is wiped. */
int edit_key(char *s, size_t size, size_t *cursor, int key);
/* True for a character that can be typed into a field. */
bool edit_is_text(int key);

/* --- screen.c ---------------------------------------------------------- */

/* The name of a key: "^N", "Enter", "r". */
const char *tui_key_name(int key, char out[16]);
/* The key bar's text of the block at hand: entries up to key 0. */
const struct tui_key *block_keys(const struct tui_screen *s);
/* Do what id says on s; what to leave with, or TUI_STAY. */
int screen_action(struct tui *t, struct tui_screen *s, int id);
/* The help page of s as text. */
void help_text(
	const struct tui *t, const struct tui_screen *s, struct tui_text *x);

/* --- blocks: draw in b; a key gives an id, TUI_STAY or TUI_UNUSED ------ */

void form_draw(struct tui *t, struct tui_form *form, struct tui_box b);
int form_key(struct tui *t, struct tui_form *form, int key);
bool form_typing(const struct tui_form *form);
bool field_takes_focus(const struct tui_field *f);
bool field_has_text(const struct tui_field *f);
/* The focus where it is not set or its field is hidden. */
void form_place(struct tui_form *form);
/* The next field that takes focus from i in direction d; -1: none. */
int form_next(const struct tui_form *form, int i, int d);
/* Sets f->wrong. */
bool field_check(struct tui_form *form, struct tui_field *f);
void field_changed(struct tui_form *form, struct tui_field *f);
void table_draw(struct tui *t, struct tui_table *tb, struct tui_box b);
int table_key(struct tui *t, struct tui_table *tb, int key, int page);
/* Rows in the order shown, into tb->order and tb->shown. */
void table_arrange(struct tui_table *tb);
void table_sort_next(struct tui_table *tb);
/* Text of a cell made printable. */
void table_cell(struct tui_table *tb, int row, int col, char *out, size_t size);
/* pager_draw has a line for the position below, pager_rows not; the latter
 * returns how many rows there are. */
void pager_draw(struct tui *t, struct tui_pager *p, struct tui_box b);
int pager_rows(struct tui *t, struct tui_pager *p, struct tui_box b);
/* How many rows pager_rows needs in a box of w columns. */
int pager_count(const struct tui_text *x, int w);
int pager_key(struct tui *t, struct tui_pager *p, int key, int page);
void checklist_draw(struct tui *t, struct tui_checklist *c, struct tui_box b);
int checklist_key(struct tui *t, struct tui_checklist *c, int key);
/* "[x]" and how it looks. */
const char *step_mark(enum tui_step_state st, enum tui_role *role);
/* "1.2 GiB of 8.0 GiB  96.0 MiB/s  1 min 12 s left". */
void progress_words(const struct tui_progress *p, char *out, size_t size);
int progress_percent(const struct tui_progress *p);
/* A list over the screen; the index chosen, -1: Esc. */
int choose_option(struct tui *t, const char *title,
	const struct tui_option *options, int chosen);

/* --- plain.c  ---------------------------------------------------------- */

void plain_open(struct tui *t);
void plain_close(struct tui *t);
int plain_run(struct tui *t, struct tui_screen *s);
/* Write a line, wrapped by nobody; control characters replaced. */
void plain_say(struct tui *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Ask for a line, valid until the next call. Null: end of input, hang-up, or
 * the screen was told to leave. */
const char *plain_ask(struct tui *t, const char *prompt);
const char *plain_secret(struct tui *t, const char *prompt);
int plain_buttons(struct tui *t, const char *title, const char *text,
	const struct tui_option *buttons, int def);

#endif
