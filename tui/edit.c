/*
 * A line of text being typed. Keeps true: the text is whole UTF-8 characters
 * and NUL-terminated; bytes past its end are zero, so that a deleted secret
 * leaves no trace.
 */
#include <string.h>

#include "own.h"

bool edit_is_text(int key)
{
	key &= ~TUI_PASTED;
	return key >= 0x20 && key < 0x110000 && key != 0x7f &&
		!(key >= 0x80 && key < 0xa0);
}

static size_t encode(int c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void insert(char *s, size_t size, size_t *cursor, int c)
{
	char u[4];
	size_t n = encode(c, u), len = strlen(s);

	if (len + n + 1 > size)
		return;
	memmove(s + *cursor + n, s + *cursor, len - *cursor + 1);
	memcpy(s + *cursor, u, n);
	*cursor += n;
}

/* Remove n bytes at `at`. */
static void cut(char *s, size_t at, size_t n)
{
	size_t len = strlen(s);

	memmove(s + at, s + at + n, len - at - n);
	explicit_bzero(s + len - n, n);
}

static void cut_before(char *s, size_t *cursor, size_t n)
{
	*cursor -= n;
	cut(s, *cursor, n);
}

/* Bytes from the start of the word before the cursor. */
static size_t word_before(const char *s, size_t cursor)
{
	size_t at = cursor;

	while (at && s[at - 1] == ' ')
		at--;
	while (at && s[at - 1] != ' ')
		at--;
	return cursor - at;
}

static bool moved(const char *s, size_t *cursor, int key)
{
	switch (key) {
	case TUI_KEY_LEFT:
		*cursor -= tui_char_before(s, *cursor);
		return true;
	case TUI_KEY_RIGHT:
		*cursor += tui_char_after(s + *cursor);
		return true;
	case TUI_KEY_HOME:
	case TUI_CTRL('A'):
		*cursor = 0;
		return true;
	case TUI_KEY_END:
	case TUI_CTRL('E'):
		*cursor = strlen(s);
		return true;
	default:
		return false;
	}
}

int edit_key(char *s, size_t size, size_t *cursor, int key)
{
	size_t len = strlen(s);

	if (*cursor > len)
		*cursor = len;
	if (edit_is_text(key)) {
		insert(s, size, cursor, key & ~TUI_PASTED);
		return TUI_STAY;
	}
	/* A pasted Enter or Tab is part of what was copied by mistake. */
	if ((key & TUI_PASTED) || moved(s, cursor, key))
		return TUI_STAY;
	switch (key) {
	case TUI_KEY_BACKSPACE:
		cut_before(s, cursor, tui_char_before(s, *cursor));
		return TUI_STAY;
	case TUI_KEY_DELETE:
		cut(s, *cursor, tui_char_after(s + *cursor));
		return TUI_STAY;
	case TUI_CTRL('U'):
		cut_before(s, cursor, *cursor);
		return TUI_STAY;
	case TUI_CTRL('K'):
		cut(s, *cursor, len - *cursor);
		return TUI_STAY;
	case TUI_CTRL('W'):
		cut_before(s, cursor, word_before(s, *cursor));
		return TUI_STAY;
	default:
		return TUI_UNUSED;
	}
}
