/*
 * A configuration file as lines that keep their ends, so that what is not
 * changed is written back byte for byte.
 */
#ifndef CORE_GUEST_TEXT_H
#define CORE_GUEST_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text_line {
	char *s;         /* without its end */
	const char *eol; /* "\n", "\r\n", or "" of a last line */
};

struct text {
	struct text_line *line;
	size_t n;
};

void text_open(struct text *t, const char *s);
void text_free(struct text *t);
#define _text_ __attribute__((cleanup(text_free)))
/* The whole again; to be freed. */
char *text_join(const struct text *t);
/* Line i becomes s (copied); its end stays. s may point into the line. */
void text_set(struct text *t, size_t i, const char *s);
/* s becomes line i; the lines from i on move down. A last line without
 * newline stays without. */
void text_insert(struct text *t, size_t i, const char *s);
void text_remove(struct text *t, size_t i, size_t n);

/*
 * Replace `from` by `to` wherever it stands alone (an address or a MAC that
 * is not part of a longer one), letters in any case. Null where it does not
 * occur; else to be freed.
 */
char *text_swap(const char *s, const char *from, const char *to);
/* text_swap on lines [i, i + n): did anything change? */
bool text_swap_lines(
	struct text *t, size_t i, size_t n, const char *from, const char *to);

#endif
