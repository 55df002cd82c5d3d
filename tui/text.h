/*
 * Text on a screen: columns, not bytes. Strings are UTF-8; what the locale
 * cannot show becomes '?'. Wide characters take two columns, combining ones
 * none. Keeps true: no function here ever cuts inside a character.
 */
#ifndef TUI_TEXT_H
#define TUI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* True where the locale can show box drawing and an ellipsis. */
bool tui_unicode(void);

/* The next character of *s, which moves on; 0 at the end. A byte that is not
 * UTF-8, a control character and what the locale cannot show is '?'. */
wchar_t tui_next(const char **s);
/* Columns of one character: 0, 1 or 2. */
int tui_wcwidth(wchar_t c);
/* Columns of s. */
int tui_width(const char *s);
/*
 * Copy as much of s as fits in cols columns (and size bytes); cut text ends
 * in an ellipsis, '~' in ASCII. Returns the columns taken.
 */
int tui_fit(char *dst, size_t size, const char *s, int cols);
/* tui_fit, filled up with blanks to exactly cols; right: blanks first. */
void tui_pad(char *dst, size_t size, const char *s, int cols, bool right);
/*
 * The first line of s broken at a blank so that it fits cols (> 0): its
 * length in bytes; *next is where the following line begins, null at the
 * end. A '\n' always breaks. A word longer than cols is cut, behind a ':'
 * where one is near.
 */
size_t tui_wrap(const char *s, int cols, const char **next);
/* Lines that s takes at cols; 0 for null and "". */
int tui_lines(const char *s, int cols);
/* Length in bytes of the first character of s (0 at the end) and of the last
 * one of the first n bytes, combining marks that follow it included. */
size_t tui_char_after(const char *s);
size_t tui_char_before(const char *s, size_t n);

/* A bar of cols columns, per cent full: "[#####-----]". Returns dst. */
char *tui_bar(char *dst, size_t size, int cols, double percent);
/* One column a value, newest last: blocks, or " .:-=+*#" in ASCII. The
 * highest value fills its column. Returns dst. */
char *tui_spark(char *dst, size_t size, int cols, const double *v, int n);

#endif
