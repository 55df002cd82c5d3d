/*
 * Dialogs over the screen at hand. Each waits for its answer while watches
 * and the timer go on. After a hang-up each answers at once with the safe
 * answer.
 */
#ifndef TUI_DIALOG_H
#define TUI_DIALOG_H

#include "core/err.h"

#include "form.h"
#include "tui.h"

/* A text and one button. */
void tui_message(struct tui *t, const char *title, const char *text);
/*
 * The four lines of an error: id and what, why, next, see. next null: the
 * advice of errors.def. buttons: options (label) up to a null one, the first
 * in focus; null: "Close". Returns the button's index, -1 for Esc.
 */
int tui_error(struct tui *t, const struct err *e, const char *next,
	const struct tui_option *buttons);
/* One of the buttons; index, -1 for Esc. def is in focus at first. */
int tui_ask(struct tui *t, const char *title, const char *text,
	const struct tui_option *buttons, int def);
/* "yes" and "no" in the caller's words, "no" in focus. */
bool tui_confirm(struct tui *t, const char *title, const char *text,
	const char *yes, const char *no);
/* True only if the operator typed expect exactly. */
bool tui_confirm_typed(
	struct tui *t, const char *title, const char *text, const char *expect);
/* One line of text (secret: masked) into value; false: Esc, value is as it
 * was. */
bool tui_input(struct tui *t, const char *title, const char *text, char *value,
	size_t size, bool secret);

#endif
