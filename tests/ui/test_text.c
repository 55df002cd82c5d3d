/* Columns, cutting, wrapping: tui/text.c; typing: tui/edit.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <string.h>
#include <cmocka.h>

#include "tui/own.h"

#define E_ACUTE "\xc3\xa9"
#define ACUTE "\xcc\x81" /* combining */
#define KANJI "\xe6\x97\xa5"
#define DOTS "\xe2\x80\xa6"

static int utf8(void **state)
{
	(void)state;
	return setlocale(LC_ALL, "C.UTF-8") ? 0 : -1;
}

static int ascii(void **state)
{
	(void)state;
	return setlocale(LC_ALL, "C") ? 0 : -1;
}

static void widths(void **state)
{
	(void)state;
	assert_int_equal(tui_width(""), 0);
	assert_int_equal(tui_width("abc"), 3);
	assert_int_equal(tui_width("caf" E_ACUTE), 4);
	assert_int_equal(tui_width("cafe" ACUTE), 4);
	assert_int_equal(tui_width(KANJI KANJI), 4);
	/* Broken UTF-8 and control characters take a column each as '?'. */
	assert_int_equal(tui_width("\xff\x1b"), 2);
	assert_int_equal(tui_width("\xe6\x97"), 1);
}

static void fits(const char *s, int cols, const char *want, int w)
{
	char out[64];

	assert_int_equal(tui_fit(out, sizeof(out), s, cols), w);
	assert_string_equal(out, want);
}

static void cutting(void **state)
{
	char out[16];

	(void)state;
	fits("abc", 3, "abc", 3);
	fits("abcd", 3, "ab" DOTS, 3);
	fits("abcd", 1, DOTS, 1);
	fits("abcd", 0, "", 0);
	/* Never half a wide character, never a mark without its base. */
	fits(KANJI KANJI, 3, KANJI DOTS, 3);
	fits(KANJI KANJI, 2, DOTS, 1);
	fits("cafe" ACUTE "s", 4, "caf" DOTS, 4);
	fits("cafe" ACUTE, 4, "cafe" ACUTE, 4);
	/* Room in bytes is a limit too. */
	assert_int_equal(tui_fit(out, 6, KANJI KANJI, 10), 1);
	assert_string_equal(out, DOTS);
	tui_pad(out, sizeof(out), "ab", 5, true);
	assert_string_equal(out, "   ab");
	tui_pad(out, sizeof(out), KANJI, 4, false);
	assert_string_equal(out, KANJI "  ");
}

static void in_ascii(void **state)
{
	(void)state;
	assert_false(tui_unicode());
	fits("abcd", 3, "ab~", 3);
	assert_int_equal(tui_width("caf" E_ACUTE), 4);
	assert_int_equal(tui_width("cafe" ACUTE), 4);
	assert_int_equal(tui_width(KANJI), 1);
}

static void wrapping(void **state)
{
	const char *s = "one two  three\nfour", *next;

	(void)state;
	assert_int_equal(tui_wrap(s, 8, &next), 7);
	assert_string_equal(next, "three\nfour");
	assert_int_equal(tui_wrap(next, 8, &next), 5);
	assert_string_equal(next, "four");
	assert_int_equal(tui_wrap(next, 8, &next), 4);
	assert_null(next);
	/* Exactly as wide; a word that is wider is cut. */
	assert_int_equal(tui_wrap("abc def", 7, &next), 7);
	assert_null(next);
	assert_int_equal(tui_wrap("abcdefgh", 3, &next), 3);
	assert_string_equal(next, "defgh");
	/* Bytes of a fingerprint stay whole. */
	assert_int_equal(tui_wrap("AA:BB:CC:DD", 7, &next), 6);
	assert_string_equal(next, "CC:DD");
	assert_int_equal(tui_wrap("a:cdefgh", 6, &next), 6);
	/* A character wider than the line does not stop the world. */
	assert_int_equal(tui_wrap(KANJI KANJI, 1, &next), 3);
	assert_int_equal(tui_lines("", 10), 0);
	assert_int_equal(tui_lines("a\n\nb", 10), 3);
}

static void bars(void **state)
{
	char out[64];
	const double v[] = {0, 7, 3.5};

	(void)state;
	assert_string_equal(tui_bar(out, sizeof(out), 12, 50), "[#####-----]");
	assert_string_equal(tui_bar(out, sizeof(out), 12, 999), "[##########]");
	assert_string_equal(tui_spark(out, sizeof(out), 2, v, 3),
		"\xe2\x96\x88\xe2\x96\x85");
}

static void keys(char *s, size_t size, size_t *at, const int *k)
{
	for (; *k; k++)
		edit_key(s, size, at, *k);
}

static void typing(void **state)
{
	char s[8] = "";
	size_t at = 0;

	(void)state;
	keys(s, sizeof(s), &at, (int[]){'a', 0xe9, 'b', 0});
	assert_string_equal(s, "a" E_ACUTE "b");
	keys(s, sizeof(s), &at, (int[]){TUI_KEY_LEFT, TUI_KEY_BACKSPACE, 0});
	assert_string_equal(s, "ab");
	assert_int_equal(at, 1);
	/* Full: nothing more goes in, no half of a character either. */
	keys(s, sizeof(s), &at, (int[]){'1', '2', '3', '4', 0xe9, '5', '6', 0});
	assert_string_equal(s, "a12345b");
	/* A mark goes with its base; what was deleted is wiped. */
	memcpy(s, "e" ACUTE "x\0\0", 6);
	at = 3;
	keys(s, sizeof(s), &at, (int[]){TUI_KEY_BACKSPACE, 0});
	assert_memory_equal(s, "x\0\0\0", 4);
	memcpy(s, "ab cd\0", 7);
	at = 5;
	keys(s, sizeof(s), &at, (int[]){TUI_CTRL('W'), 0});
	assert_memory_equal(s, "ab \0\0\0", 6);
	/* A pasted line end is left out; an unknown key is not taken. */
	assert_int_equal(
		edit_key(s, sizeof(s), &at, '\r' | TUI_PASTED), TUI_STAY);
	assert_string_equal(s, "ab ");
	assert_int_equal(
		edit_key(s, sizeof(s), &at, TUI_KEY_ENTER), TUI_UNUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(widths, utf8),
		cmocka_unit_test_setup(cutting, utf8),
		cmocka_unit_test_setup(in_ascii, ascii),
		cmocka_unit_test_setup(wrapping, utf8),
		cmocka_unit_test_setup(bars, utf8),
		cmocka_unit_test_setup(typing, utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
