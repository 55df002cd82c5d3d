/*
 * What an operator sees of an error: each one says what was tried, why it
 * failed and what to do next, whichever verb ended with it and how.
 */
#include <errno.h>

#include "jobsample.h"

#include "verb.h"

static char dir_[] = "/no/such/file", word_[] = "--no-such-option";
static char step_[] = "create_vm", one_[] = "1";

static void put(struct out *o, const char *s, size_t n)
{
	(void)o, (void)s, (void)n;
}

static void note(struct out *o, const char *line)
{
	(void)o, (void)line;
}

/* "ID  what", then why, next and see, each with text behind it. */
static void is_whole(const struct err *e, const char *who)
{
	static const char *const labels[] = {
		"  why   ", "  next  ", "  see   "};
	_free_ char *text = verb_error(e, false);
	char *p = text, *line = str_line(&p);
	size_t id = strlen(err_id(e->code));

	if (strncmp(line, err_id(e->code), id) || strncmp(line + id, "  ", 2) ||
		strlen(line) < id + 4 || strstr(line, ": :"))
		fail_msg("%s: '%s'", who, line);
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		line = str_line(&p);
		if (!line || !str_starts(line, labels[i]) ||
			strlen(line) < strlen(labels[i]) + 3 ||
			strstr(line, ": :") || str_ends(line, ": "))
			fail_msg("%s: '%s'", who, line ? line : "");
	}
	assert_null(str_line(&p));
}

static void every_error(void **state)
{
	(void)state;
	for (int i = 1; i < ERR_COUNT; i++) {
		struct err e = {0};

		err_set(&e, i, "%s", "");
		err_in(&e, "copy disk %d", 1);
		assert_string_equal(e.why, "no reason was given");
		is_whole(&e, err_id(i));
	}
}

/* Lines of a screen, each alternative's begins with the verb, none is lost. */
static void every_form(void **state)
{
	(void)state;
	for (size_t v = 0; verbs[v]; v++) {
		_free_ char *form = verb_form(verbs[v]);
		_free_ char *head = xasprintf("  vmferry %s", verbs[v]->name);
		_buf_ struct buf said = {0}, args = {0};
		char *p = form, *line;
		int depth = 0;

		while ((line = str_line(&p))) {
			assert_in_range(strlen(line), 1, 79);
			if (str_starts(line, head))
				line += strlen(head);
			else if (!str_starts(line, "      "))
				fail_msg("'%s'", line);
			for (; *line; line++)
				if (*line != ' ')
					buf_addc(&said, *line);
		}
		for (const char *a = verbs[v]->args; *a; a++) {
			depth += (strchr("[(", *a) != NULL) -
				(strchr("])", *a) != NULL);
			if (*a != ' ' && (depth || *a != '|' || a[1] != ' '))
				buf_addc(&args, *a);
		}
		buf_addc(&said, '.');
		buf_addc(&args, '.');
		assert_string_equal(said.s, args.s);
	}
}

/* A verb's help beside its name fits a screen, and no word of it is lost. */
static void every_help(void **state)
{
	(void)state;
	for (size_t v = 0; verbs[v]; v++) {
		_free_ char *text = verb_wrapped(verbs[v]->help, 13);
		_buf_ struct buf said = {0};
		char *p = text, *line;

		for (int i = 0; (line = str_line(&p)); i++) {
			assert_in_range(strlen(line), 1, i ? 79 : 79 - 13);
			assert_int_equal(strspn(line, " "), i ? 13 : 0);
			buf_addf(&said, "%s%s", i ? " " : "", str_trim(line));
		}
		assert_string_equal(said.s, verbs[v]->help);
	}
	/* Columns, not bytes; a word that is too long stays whole. */
	_free_ char *e = verb_wrapped("\xc3\xa9\xc3\xa9 b", 75);
	_free_ char *l = verb_wrapped("aaaaaaaaaa b", 75);

	assert_string_equal(e, "\xc3\xa9\xc3\xa9 b");
	assert_int_equal(strlen(l), 10 + 1 + 75 + 1);
}

/* Each verb with what nobody should give it. */
static void every_verb(void **state)
{
	static char *const rows[][6] = {{NULL}, {word_}, {dir_}, {dir_, dir_},
		{dir_, step_, one_}, {dir_, step_, one_, one_}, {dir_, word_},
		{one_, dir_}};
	struct out o = {.put = put, .note = note};
	_free_ char *path = xstrdup(getenv("PATH"));
	unsigned seen = 0;

	(void)state;
	/* pveum, too, is not there. */
	assert_int_equal(setenv("PATH", jobtest_dir, 1), 0);
	for (size_t v = 0; verbs[v]; v++)
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			char *argv[8] = {(char *)verbs[v]->name};
			struct err e = {0};
			int n = 1;

			for (; rows[i][n - 1]; n++)
				argv[n] = rows[i][n - 1];
			if (verb_call(verbs[v], n, argv, &o, &e) == 0)
				continue;
			is_whole(&e, verbs[v]->name);
			seen++;
		}
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_true(seen > 100);
}

/* A source that changed between two runs of the copy. */
static void changed_source(void **state)
{
	_free_ char *from = path_join(jobtest_dir, "from");
	_free_ char *to = xasprintf("raw:%s/to", jobtest_dir);
	_free_ char *marks = path_join(jobtest_dir, "marks");
	char copy[] = "copy", opt[] = "--state";
	char *argv[] = {copy, from, to, opt, marks, NULL};
	_free_ char *data = xcalloc(1, 2 << 20);
	struct out o = {.put = put, .note = note};
	struct err why = {0};

	(void)state;
	ok(file_write(from, data, 2 << 20, 0600, e));
	ok(verb_call(verb_find("copy"), 5, argv, &o, e));
	ok(file_write(from, data, 2 << 20, 0600, e));
	assert_int_equal(verb_call(verb_find("copy"), 5, argv, &o, &why), -1);
	assert_int_equal(why.code, ERR_SOURCE_CHANGED);
	assert_string_equal(
		why.what, "compare the source with what was copied of it");
	is_whole(&why, "copy");
}

static void fill(const char *path, unsigned char with)
{
	_free_ char *data = xmalloc(2 << 20);

	memset(data, with, 2 << 20);
	ok(file_write(path, data, 2 << 20, 0600, e));
}

/* Only its first line: a copy that was killed before its first mark. */
static void forget_marks(const char *path)
{
	_free_ char *text = NULL;

	ok(file_read(path, 1 << 20, &text, NULL, e));
	assert_int_equal(truncate(path, strcspn(text, "\n") + 1), 0);
}

/* The marks call zero what another file of that name has something in. */
static void replaced_target(void **state)
{
	_free_ char *from = path_join(jobtest_dir, "from");
	_free_ char *file = path_join(jobtest_dir, "to");
	_free_ char *to = xasprintf("raw:%s", file);
	_free_ char *marks = path_join(jobtest_dir, "marks");
	char copy[] = "copy", opt[] = "--state";
	char *argv[] = {copy, from, to, opt, marks, NULL};
	struct out o = {.put = put, .note = note};

	(void)state;
	fill(from, 0);
	for (int i = 0; i < 2; i++) {
		struct err why = {0};

		ok(verb_call(verb_find("copy"), 5, argv, &o, e));
		if (i)
			forget_marks(marks);
		assert_int_equal(unlink(file), 0);
		fill(file, 0xa5);
		assert_int_equal(
			verb_call(verb_find("copy"), 5, argv, &o, &why), -1);
		assert_int_equal(why.code, ERR_BAD_INPUT);
		assert_non_null(strstr(why.why, "another file"));
		is_whole(&why, "copy");
		assert_int_equal(unlink(file) || (!i && unlink(marks)), 0);
	}
	/* Gone, and nothing was marked: it is made again, and known then. */
	for (int i = 0; i < 2; i++)
		ok(verb_call(verb_find("copy"), 5, argv, &o, e));
}

/* errno knows more than "I/O". */
static void what_errno_says(void **state)
{
	static const struct {
		int err_no;
		enum err_code given, is;
	} rows[] = {
		{ENOENT, ERR_IO, ERR_NOT_FOUND},
		{EACCES, ERR_IO, ERR_PERMISSION},
		{EROFS, ERR_IO, ERR_PERMISSION},
		{EIO, ERR_IO, ERR_IO},
		{EIO, ERR_NBD, ERR_NBD},
		{ENOENT, ERR_NBD, ERR_NBD},
		{ENOSPC, ERR_NBD, ERR_NO_SPACE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = {0};

		errno = rows[i].err_no;
		err_sys(&e, rows[i].given, "x");
		assert_int_equal(e.code, rows[i].is);
		assert_int_equal(errno, rows[i].err_no);
	}
}

/* A tool that fails without a word. */
static void silent_tool(void **state)
{
	const char *argv[] = {"false", NULL};
	struct err e = {0};

	(void)state;
	assert_int_equal(proc_must(argv, NULL, NULL, ERR_IO, &e), -1);
	assert_string_equal(e.why, "false ended with 1: it said nothing");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_error),
		cmocka_unit_test(every_form), cmocka_unit_test(every_help),
		cmocka_unit_test(what_errno_says), T(silent_tool),
		T(changed_source), T(replaced_target), T(every_verb)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
