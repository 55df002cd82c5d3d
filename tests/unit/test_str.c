/* Text, numbers, quoting: core/str.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proc.h"
#include "str.h"

static void printable(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(
		str_printable(out, sizeof(out), "a\x1b[31mb\n"), "a?[31mb?");
	assert_string_equal(
		str_printable(out, sizeof(out), "caf\xc3\xa9"), "caf\xc3\xa9");
	assert_string_equal(
		str_printable(out, sizeof(out), "\xc3(\xff"), "?(?");
	/* A right-to-left override could turn exe.txt into txt.exe. */
	assert_string_equal(str_printable(out, sizeof(out),
				    "x\xe2\x80\xae"
				    "y"),
		"x?y");
	/* Cut at a character's edge. */
	assert_string_equal(str_printable(out, 3, "a\xc3\xa9z"), "a");
}

static void numbers(void **state)
{
	uint64_t v = 7;
	int64_t i;
	bool b;

	(void)state;
	assert_int_equal(str_u64("18446744073709551615", UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(str_u64("18446744073709551616", UINT64_MAX, &v), -1);
	assert_int_equal(str_u64("12 ", 100, &v), -1);
	assert_int_equal(str_u64("-1", 100, &v), -1);
	assert_int_equal(str_u64("101", 100, &v), -1);
	assert_int_equal(str_i64("-42", &i), 0);
	assert_int_equal(i, -42);
	assert_int_equal(str_hex64("0xcafeBABE", &v), 0);
	assert_true(v == 0xcafebabe);
	assert_int_equal(str_bytes("1.5G", &v), 0);
	assert_true(v == 1536ULL << 20);
	assert_int_equal(str_bytes("10Q", &v), -1);
	assert_int_equal(str_bool("True", &b), 0);
	assert_true(b);
	assert_int_equal(str_bool("maybe", &b), -1);
}

static void sizes(void **state)
{
	char out[STR_SIZE_LEN];

	(void)state;
	assert_string_equal(str_size(out, 0), "0 B");
	assert_string_equal(str_size(out, 1048575), "1.0 MiB");
	assert_string_equal(str_size(out, 195850000000ULL), "182.4 GiB");
	assert_string_equal(str_size(out, UINT64_MAX), "16.0 EiB");
	assert_string_equal(str_duration(out, 3725), "1 h 02 min");
}

/* What a shell makes of a quoted word is the word itself. */
static void quoting(void **state)
{
	static const char *const words[] = {"", "plain", "it's", "a b",
		"$(reboot)`x`", "new\nline", "\\'\"", "-rf", "\x1b[2J*?~"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		_buf_ struct buf b = {0};
		_proc_ struct proc_result r = {0};

		buf_adds(&b, "printf %s");
		sh_arg(&b, words[i]);
		assert_int_equal(
			proc_run((const char *const[]){"sh", "-c", b.s, NULL},
				NULL, &r, NULL),
			0);
		assert_string_equal(r.out, words[i]);
	}
}

static void children(void **state)
{
	_proc_ struct proc_result r = {0};
	const struct proc_opts in = {.input = "hello", .input_len = 5};
	const struct proc_opts quick = {.timeout = 0.2};
	struct err e;

	(void)state;
	assert_int_equal(
		proc_run((const char *const[]){"cat", NULL}, &in, &r, &e), 0);
	assert_string_equal(r.out, "hello");
	assert_int_equal(proc_run((const char *const[]){"no-such-tool", NULL},
				 NULL, &r, &e),
		-1);
	assert_int_equal(e.code, ERR_TOOL_MISSING);
	assert_int_equal(proc_run((const char *const[]){"sleep", "9", NULL},
				 &quick, &r, &e),
		-1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_int_equal(
		proc_must((const char *const[]){"sh", "-c",
				  "echo one >&2; echo two >&2; exit 3", NULL},
			NULL, NULL, ERR_NBD, &e),
		-1);
	assert_int_equal(e.code, ERR_NBD);
	assert_string_equal(e.why, "sh ended with 3: two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable),
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(quoting),
		cmocka_unit_test(children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
