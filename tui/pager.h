/*
 * Scrolling text: the review page, a diff, help, a report. A text is a list
 * of lines with a role each; long lines are wrapped under their indent.
 */
#ifndef TUI_PAGER_H
#define TUI_PAGER_H

#include "tui.h"

struct tui_line {
	char *text;
	enum tui_role role;
	int indent; /* of the lines it is wrapped into */
	int id;     /* > 0: can be selected; Enter tells `selected` */
};

struct tui_text {
	struct tui_line *lines;
	int n, cap;
};
#define _tui_text_ __attribute__((cleanup(tui_text_free)))
void tui_text_free(struct tui_text *x);
/* Add a line; a text with '\n' becomes several. */
struct tui_line *tui_text_add(struct tui_text *x, enum tui_role role,
	int indent, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Add a unified diff: + and - lines get their roles, @@ a heading. */
void tui_text_diff(struct tui_text *x, const char *diff);

struct tui_pager {
	struct tui_text text;
	/* State, kept between runs; zero at first. */
	int top;
	int selected; /* moves over the lines with an id */
	char find[64];
	bool finding;
};

/* The id of the selected line, 0 where there is none. */
int tui_pager_id(const struct tui_pager *p);

#endif
