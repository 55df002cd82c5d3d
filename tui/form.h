/*
 * A form: fields from top to bottom, values in the caller's buffers. Keeps
 * true: a secret is never drawn, not even its length; a field that is wrong
 * says so in words beside it.
 */
#ifndef TUI_FORM_H
#define TUI_FORM_H

#include "tui.h"

enum tui_field_kind {
	TUI_TEXT,
	TUI_SECRET, /* value: a locked buffer of the caller's */
	TUI_NUMBER, /* decimal, min..max */
	TUI_CHOICE,
	TUI_CHECK, /* on or off */
	TUI_BUTTON,
	TUI_NOTE,    /* label, wrapped; role */
	TUI_HEADING, /* label */
};

/* What a choice offers; the list ends with a null label. */
struct tui_option {
	const char *label;
	const char *detail; /* beside it in the list: free space, a reason */
	const char *off;    /* not null: cannot be chosen, and why */
};

struct tui_form;
struct tui_field {
	enum tui_field_kind kind;
	const char *id;    /* stable; for the caller */
	const char *label; /* "Address" */
	const char *hint;  /* one line, shown while in focus */
	char *value;       /* TEXT, SECRET, NUMBER: NUL-terminated */
	size_t size;       /* room in value */
	uint64_t min, max; /* NUMBER; max 0: no limit */
	const struct tui_option *options; /* CHOICE */
	int *chosen;                      /* CHOICE: index, -1 none */
	bool *on;                         /* CHECK */
	int action;                       /* BUTTON: id, as if by its key */
	enum tui_role role;               /* NOTE */
	bool needed; /* TEXT, SECRET, NUMBER, CHOICE: may not be empty */
	bool hidden; /* not for now */
	/* Null where the value is good, else what is wrong, in a few words.
	 * Asked when the field is left and before TUI_OK; not for "" where it
	 * is not needed. */
	const char *(*check)(const struct tui_field *f, void *arg);
	/* Its value was changed by the operator; may hide fields. */
	void (*changed)(struct tui_form *form, struct tui_field *f, void *arg);
	/* tui's own; zero at first. */
	size_t cursor;
	const char *wrong;
};

struct tui_form {
	struct tui_field *fields;
	int n;
	void *arg; /* for check and changed */
	/* tui's own; zero at first. Kept between runs. */
	int focus, top;
	bool placed;
};

/* Check all that is visible; sets `wrong` of each. The first bad index, or
 * -1. */
int tui_form_check(struct tui_form *form);
/* The field of that id, null: none. */
struct tui_field *tui_form_field(struct tui_form *form, const char *id);

#endif
