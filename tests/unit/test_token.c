/* vmferry token against a stand-in of pveum: what it is asked, what is kept,
 * and that a refusal changes nothing. */
#include "jobtest.h"

#include <sys/stat.h>

#include "secret.h"
#include "verb.h"

static char told[256];

static void put(struct out *o, const char *s, size_t n)
{
	size_t len = strlen(told);

	(void)o;
	snprintf(told + len, sizeof(told) - len, "%.*s", (int)n, s);
}

static void pveum(const char *script)
{
	_free_ char *path = path_join(jobtest_dir, "pveum");
	_free_ char *text = xasprintf(
		"#!/bin/sh\necho \"$*\" >%s/asked\n%s\n", jobtest_dir, script);
	_free_ char *all = NULL;

	ok(file_write(path, text, strlen(text), 0700, e));
	all = xasprintf("%s:/usr/bin:/bin", jobtest_dir);
	assert_int_equal(setenv("PATH", all, 1), 0);
}

static int token(struct err *e)
{
	struct out o = {.put = put};
	char name[] = "token", *argv[] = {name, NULL};

	told[0] = '\0';
	return verb_find("token")->run(1, argv, &o, e);
}

static void made(void **state)
{
	static const char esxi[] = "esxi.password=old\npve.secret=gone\n";
	_free_ char *kept = path_join(jobtest_dir, "secrets");
	_free_ char *asked = NULL;
	_secrets_ struct secrets *s = secrets_new();
	struct stat st;

	(void)state;
	ok(file_write(kept, esxi, strlen(esxi), 0600, e));
	pveum("echo '{\"full-tokenid\":\"root@pam!vmferry-x\","
	      "\"info\":{\"privsep\":\"0\"},\"value\":\"aaaa-bbbb\"}'");
	ok(token(e));
	assert_string_equal(told, "root@pam!vmferry-x\n");
	asked = jobtest_read(jobtest_dir, "asked", NULL);
	assert_non_null(strstr(asked, "user token add root@pam vmferry-"));
	assert_non_null(strstr(asked, "--privsep 0 --output-format json"));
	assert_int_equal(stat(kept, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ok(secrets_load(s, kept, e));
	assert_string_equal(secrets_get(s, "pve.secret"), "aaaa-bbbb");
	assert_string_equal(secrets_get(s, "esxi.password"), "old");
}

static void refused(void **state)
{
	_free_ char *kept = path_join(jobtest_dir, "secrets");

	(void)state;
	pveum("echo 'Parameter verification failed.' >&2; exit 255");
	fails(ERR_PVE_PARAM, token(e));
	pveum("echo '{}'");
	fails(ERR_BAD_INPUT, token(e));
	assert_false(file_exists(kept));
	assert_string_equal(told, "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {T(made), T(refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
