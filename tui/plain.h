/*
 * Inside of plain mode: plain.c has the lines and the dialogue of a screen,
 * plain_block.c the blocks.
 */
#ifndef TUI_PLAIN_H
#define TUI_PLAIN_H

#include "own.h"

/* The line asks for an action of s ("?" is answered here): what to leave
 * with, TUI_STAY; TUI_UNUSED where it is none. */
int plain_command(struct tui *t, struct tui_screen *s, const char *line);
/* "r Rescan, b Back, ? Help". Freed by the caller. */
char *plain_actions(const struct tui_screen *s);
/* The caller's own word for Enter stands among the actions. */
bool plain_has_next(const struct tui_screen *s);
/* Called after each wait for input; may be null. */
void plain_between(
	struct tui *t, void (*fn)(struct tui *t, void *arg), void *arg);

/* The dialogue of one block, once: what to leave with, or TUI_STAY. */
int plain_form(struct tui *t, struct tui_screen *s);
int plain_table(struct tui *t, struct tui_screen *s);
int plain_pager(struct tui *t, struct tui_screen *s);
int plain_checklist(struct tui *t, struct tui_screen *s);

#endif
