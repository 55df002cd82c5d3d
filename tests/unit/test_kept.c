/* What is kept of passwords: under which name, in which file, and how it goes
 * again. */
#include "jobtest.h"

#include <sys/stat.h>

#include "kept.h"
#include "verb.h"

static void names(void **state)
{
	static const struct {
		const char *host, *name;
	} rows[] = {{"esxi1", "k root@esxi1:22"},
		{"esxi1:22", "k root@esxi1:22"},
		{"esxi1:2222", "k root@esxi1:2222"},
		{"10.0.0.1", "k root@10.0.0.1:22"}, {"::1", "k root@[::1]:22"},
		{"[::1]", "k root@[::1]:22"},
		{"[fe80::2]:23", "k root@[fe80::2]:23"},
		{"esxi1:", "k root@esxi1:22"}, {"", "k root@:22"},
		{"[", "k root@:22"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_free_ char *got = kept_name("k", "root", rows[i].host, 22);

		assert_string_equal(got, rows[i].name);
	}
}

static char *value(const char *name)
{
	_secrets_ struct secrets *s = secrets_new();

	ok(kept_load(s, e));
	return xstrdup(secrets_get(s, name));
}

static void put_and_forget(void **state)
{
	_free_ char *path = path_join(jobtest_dir, "secrets");
	_free_ char *a = NULL, *b = NULL, *c = NULL;
	struct stat st;
	bool was;

	(void)state;
	assert_null(value("x"));
	ok(kept_forget("x", &was, e));
	assert_false(was);
	/* Nothing to write: no file. */
	assert_false(file_exists(path));
	ok(kept_put("p root@h:22", "one=two #three", e));
	ok(kept_put("p root@h:2", "other", e));
	ok(kept_put("p root@h:22", "new=", e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	a = value("p root@h:22");
	assert_string_equal(a, "new=");
	/* A name that begins as another one is another one. */
	ok(kept_forget("p root@h:2", &was, e));
	assert_true(was);
	assert_null(b = value("p root@h:2"));
	c = value("p root@h:22");
	assert_string_equal(c, "new=");
	fails(ERR_BAD_INPUT, kept_put("p root@h:22", "a\nb=c", e));
	fails(ERR_BAD_INPUT, kept_put("p r=t@h:22", "a", e));
	fails(ERR_BAD_INPUT, kept_put("#p", "a", e));
}

/* A file that others may read is not taken. */
static void open_file(void **state)
{
	_free_ char *path = path_join(jobtest_dir, "secrets");
	_secrets_ struct secrets *s = secrets_new();

	(void)state;
	ok(kept_put("p", "v", e));
	assert_int_equal(chmod(path, 0644), 0);
	fails(ERR_SECRET_OPEN, kept_load(s, e));
}

static char told[512];

static void put(struct out *o, const char *s, size_t n)
{
	size_t len = strlen(told);

	(void)o;
	snprintf(told + len, sizeof(told) - len, "%.*s", (int)n, s);
}

static int secrets_verb(struct err *e, const char *a, const char *b)
{
	struct out o = {.put = put};
	char *argv[] = {(char *)"secrets", (char *)a, (char *)b, NULL};

	told[0] = '\0';
	return verb_find("secrets")->run(a ? b ? 3 : 2 : 1, argv, &o, e);
}

static void verb(void **state)
{
	(void)state;
	ok(secrets_verb(e, NULL, NULL));
	assert_string_equal(told, "");
	ok(kept_put("esxi.password root@h:22", "hunter2", e));
	ok(secrets_verb(e, NULL, NULL));
	assert_string_equal(told, "esxi.password root@h:22\n");
	fails(ERR_NOT_FOUND, secrets_verb(e, "forget", "esxi.password"));
	ok(secrets_verb(e, "forget", "esxi.password root@h:22"));
	ok(secrets_verb(e, NULL, NULL));
	assert_string_equal(told, "");
	fails(ERR_USAGE, secrets_verb(e, "forget", NULL));
	fails(ERR_USAGE, secrets_verb(e, "keep", "x"));
}

#define IN_STATE(f) \
	cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		IN_STATE(put_and_forget),
		IN_STATE(open_file),
		IN_STATE(verb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
