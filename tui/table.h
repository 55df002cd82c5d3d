/*
 * A table: rows by callback, sorted, filtered as one types, a selection, and
 * a pane with details of it. Rows are known by their number 0..rows-1 of the
 * caller; sorting and filtering keep the selected one selected.
 */
#ifndef TUI_TABLE_H
#define TUI_TABLE_H

#include "tui.h"

struct tui_column {
	const char *title;
	int min;    /* columns it needs */
	int weight; /* share of what is left over; 0: stays at min */
	bool right;
	int drop; /* in a narrow table the highest goes first; 0: never */
};

struct tui_table {
	const struct tui_column *columns;
	int n_columns;
	int rows;
	/* Text of a cell; may use buf. Never null. */
	const char *(*cell)(void *arg, int row, int col, char *buf, size_t n);
	/* Order of two rows by a column; null: by text. */
	int (*compare)(void *arg, int a, int b, int col);
	/* How a row looks (a word in it must say the same); null: normal. */
	enum tui_role (*role)(void *arg, int row);
	/* Text for the pane, to be freed by tui; null: none. */
	char *(*details)(void *arg, int row);
	const char *empty; /* said where there is no row */
	void *arg;
	/* State, kept between runs; zero at first. */
	int selected; /* row of the caller; -1: none */
	int sort;     /* 0: as given, else column + 1 */
	bool reverse;
	char filter[64];
	bool filtering;
	int top;
	int *order; /* tui's own: freed by tui_table_done */
	int shown;
};

/* Free what tui keeps in it. */
void tui_table_done(struct tui_table *tb);

#endif
