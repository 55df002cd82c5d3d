/* The grammar of .vmx and .vmsd: core/vmx.c, core/vmsd.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "str.h"
#include "vmx.h"

static struct vmx *parse_n(const char *text, size_t n)
{
	struct vmx *x = NULL;
	struct err e = {0};

	if (vmx_parse(text, n, &x, &e))
		fail_msg("refused: %s", e.why);
	return x;
}

static struct vmx *parse(const char *text)
{
	return parse_n(text, strlen(text));
}

/* text has the one key k with this value and no warning. */
static void gives(const char *text, const char *want)
{
	_vmx_ struct vmx *x = parse(text);

	assert_int_equal(x->n, 1);
	assert_string_equal(vmx_get(x, "k"), want);
	assert_int_equal(x->n_warnings, 0);
}

/* The same with one warning that has these words. */
static void warns(const char *text, const char *want, const char *words)
{
	_vmx_ struct vmx *x = parse(text);

	assert_string_equal(vmx_get(x, "k"), want);
	assert_int_equal(x->n_warnings, 1);
	if (!strstr(x->warnings[0], words))
		fail_msg("warning is: %s", x->warnings[0]);
}

static void lines(void **state)
{
	(void)state;
	gives("k = \"v\"\n", "v");
	gives("k = \"v\"", "v");
	gives("k=\"v\"", "v");
	gives("\t k \t=\t \"v\" \t\n", "v");
	gives("k = \"\"", "");
	gives("k =", "");
	gives("#!/usr/bin/vmware\n\n   \n# c = \"d\"\nk = \"v\"\n", "v");
	gives("k = \"v\" # it's a comment", "v");
	gives("k = \"v\"#x = \"y\"", "v");
	gives("k = \" a # b \"", " a # b ");
	gives("k = efi\n", "efi");
	gives("k = efi  # why\n", "efi");
	gives("k = two words \n", "two words");
	gives("k = \"C:\\vms\\new\"", "C:\\vms\\new");
	gives("k = \"a=b\"", "a=b");
	gives("k = \"say \"hi\" now\"", "say \"hi\" now");
}

static void line_ends(void **state)
{
	_vmx_ struct vmx *x =
		parse("a = \"1\"\r\nb = \"2\"\nc = \"3\"\rd = \"4\"\r\n\r\n");

	(void)state;
	assert_int_equal(x->n, 4);
	assert_string_equal(vmx_get(x, "a"), "1");
	assert_string_equal(vmx_get(x, "c"), "3");
	assert_string_equal(vmx_get(x, "d"), "4");
	assert_int_equal(x->pairs[3].line, 4);
	assert_int_equal(x->n_warnings, 0);
}

static void keys(void **state)
{
	_vmx_ struct vmx *x = parse("SCSI0:10.FileName = \"a\"\n"
				    "scsi0:2.fileName = \"b\"\n");

	(void)state;
	assert_string_equal(vmx_get(x, "scsi0:10.filename"), "a");
	assert_string_equal(vmx_get(x, "Scsi0:2.FILENAME"), "b");
	assert_string_equal(vmx_getf(x, "scsi%d:%d.fileName", 0, 2), "b");
	assert_null(vmx_get(x, "scsi0:1.fileName"));
	assert_null(vmx_get(x, ""));
}

static void escapes(void **state)
{
	(void)state;
	gives("k = \"a|0D|0Ab\"", "a\r\nb");
	gives("k = \"|22q|22 |7c|7C\"", "\"q\" ||");
	gives("k = \"|\"", "|");
	gives("k = \"|2\"", "|2");
	gives("k = \"a|b|zz\"", "a|b|zz");
	/* A NUL would cut the value short for every later reader. */
	gives("k = \"a|00b\"", "a|00b");
	gives("k = \"|E4|BD|A0\"", "\xe4\xbd\xa0");
}

static void broken_lines(void **state)
{
	(void)state;
	warns("k = \"v", "v", "Line 1 has no closing quote");
	warns("\nk = \"", "", "Line 2 has no closing quote");
	warns("k = \"v\" junk\n", "v", "Line 1 goes on behind");
	warns("k = \"v\"\n= \"w\"\n", "v", "not understood: 1, the");
	warns("k = \"v\"\nword\nother \"x\"\n", "v",
		"Lines that were not understood: 2, the first is line 2");
	warns("k = \"v\"\nk\"ey = \"w\"\n", "v", "not understood");
}

static void duplicates(void **state)
{
	(void)state;
	warns("k = \"1\"\nK = \"2\"\n", "2",
		"K stands twice, in line 1 and in line 2");
	/* Twice the same does no harm. */
	gives("k = \"1\"\nk = \"1\"\n", "1");
}

static void many_warnings(void **state)
{
	_buf_ struct buf b = {0};
	_vmx_ struct vmx *x = NULL;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_addf(&b, "k%d = \"v\nword\n", i);
	x = parse(b.s);
	assert_int_equal(x->n, 100);
	assert_int_equal(x->n_warnings, 34);
	assert_string_equal(x->warnings[32],
		"Lines that were not understood: 100, the first is line 2.");
	assert_string_equal(
		x->warnings[33], "68 more doubts of this kind are not listed.");
}

static void charsets(void **state)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		/* No .encoding: UTF-8 where it is that, else windows-1252. */
		{"k = \"caf\xc3\xa9\"", "caf\xc3\xa9"},
		{"k = \"caf\xe9 \x80\"", "caf\xc3\xa9 \xe2\x82\xac"},
		{".encoding = \"UTF-8\"\nk = \"\xc3\xa9\"", "\xc3\xa9"},
		{".encoding = \"windows-1252\"\nk = \"\xe9\"", "\xc3\xa9"},
		{".encoding = \"WINDOWS-1251\"\nk = \"\xc4\xe0\"",
			"\xd0\x94\xd0\xb0"},
		/* The second byte of a character may look like \ or |. */
		{"k = \"\xd6\xd0\x81\x5c\"\n.encoding = \"GBK\"",
			"\xe4\xb8\xad\xe4\xb9\x97"},
		{".encoding = \"Big5\"\nk = \"\xa5\x5c\xa4\xa4\"",
			"\xe5\x8a\x9f\xe4\xb8\xad"},
		{".encoding = \"Shift_JIS\"\nk = \"\x95\x5c\"", "\xe8\xa1\xa8"},
		{".encoding = \"windows-949-2000\"\nk = \"\xc7\xd1\"",
			"\xed\x95\x9c"},
		{".encoding = \"windows-1252\"\nk = \"|e9\"", "\xc3\xa9"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_vmx_ struct vmx *x = parse(rows[i].file);

		assert_string_equal(vmx_get(x, "k"), rows[i].want);
		assert_int_equal(x->n_warnings, 0);
	}
}

static void bad_charsets(void **state)
{
	(void)state;
	warns(".encoding = \"UTF-8\"\nk = \"a\xe9z\"", "a\xef\xbf\xbdz",
		"Line 2 (k) is not valid UTF-8");
	/* A character cut off by the end of the value. */
	warns(".encoding = \"GBK\"\nk = \"\xd6\xd0\xd6\"",
		"\xe4\xb8\xad\xef\xbf\xbd", "Line 2 (k) is not valid CP936");
	warns(".encoding = \"x-martian//IGNORE\"\nk = \"\xc3\xa9\"", "\xc3\xa9",
		"'x-martian//IGNORE' is not known here");
}

static void byte_order_mark(void **state)
{
	_vmx_ struct vmx *x = parse("\xef\xbb\xbf.encoding = \"windows-1252\"\n"
				    "k = \"\xc3\xa9\"\n");

	(void)state;
	assert_string_equal(vmx_get(x, ".encoding"), "windows-1252");
	assert_string_equal(vmx_get(x, "k"), "\xc3\xa9");
}

static void refused(const char *text, size_t n, const char *why)
{
	struct vmx *x = NULL;
	struct err e = {0};

	assert_int_equal(vmx_parse(text, n, &x, &e), -1);
	assert_int_equal(e.code, ERR_BAD_VMX);
	assert_null(x);
	if (!strstr(e.why, why))
		fail_msg("why is: %s", e.why);
}

static void not_text(void **state)
{
	_free_ char *big = xmalloc(VMX_MAX + 1);

	(void)state;
	memset(big, ' ', VMX_MAX + 1);
	refused("a = \"b\"\n\0\0\0", 11, "NUL byte at offset 8");
	refused("\xff\xfe"
		"a\0",
		4, "UTF-16");
	refused("<?xml version?>\n<a/>\n", 21, "line 1 is the first");
	refused(big, VMX_MAX + 1, "4194305 bytes");
}

static void empty(void **state)
{
	_vmx_ struct vmx *x = parse(""), *y = parse("\xef\xbb\xbf\r\n# x\n");

	(void)state;
	assert_int_equal(x->n, 0);
	assert_int_equal(y->n, 0);
	assert_null(vmx_get(x, "k"));
}

static void snapshots(void **state)
{
	static const char text[] =
		".encoding = \"UTF-8\"\nsnapshot.lastUID = \"4\"\n"
		"snapshot0.uid = \"1\"\n"
		"snapshot0.displayName = \"before |22update|22\"\n"
		"snapshot.numSnapshots = \"2\"\n"
		"snapshot1.uid = \"2\"\nsnapshot1.parent = \"1\"\n";
	_vmsd_ struct vmsd *d = NULL, *none = NULL, *gone = NULL, *lost = NULL;
	struct err e;

	(void)state;
	assert_int_equal(vmsd_parse(text, strlen(text), &d, &e), 0);
	assert_int_equal(d->n, 2);
	assert_string_equal(d->names[0], "before \"update\"");
	assert_string_equal(d->names[1], "");
	assert_int_equal(vmsd_parse("", 0, &none, &e), 0);
	assert_int_equal(none->n, 0);
	assert_int_equal(
		vmsd_parse("snapshot.numSnapshots = \"0\"\n", 28, &gone, &e),
		0);
	assert_int_equal(gone->n, 0);
	/* Listed but not counted: still a snapshot. */
	assert_int_equal(
		vmsd_parse("snapshot0.uid = \"7\"\n", 20, &lost, &e), 0);
	assert_int_equal(lost->n, 1);
	assert_int_equal(vmsd_parse("\0", 1, &lost, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(keys),
		cmocka_unit_test(escapes),
		cmocka_unit_test(broken_lines),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(many_warnings),
		cmocka_unit_test(charsets),
		cmocka_unit_test(bad_charsets),
		cmocka_unit_test(byte_order_mark),
		cmocka_unit_test(not_text),
		cmocka_unit_test(empty),
		cmocka_unit_test(snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
