/* Files of secrets, and what is taken out of a text: core/secret.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "errtest.h"
#include "secret.h"
#include "str.h"

static int load(struct secrets *s, const char *text, size_t n, struct err *e)
{
	int fd = memfd_create("secrets", MFD_CLOEXEC);
	_free_ char *path = xasprintf("fd:%d", fd);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text, n), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return secrets_load(s, path, e);
}

static void lines(void **state)
{
	static const char text[] = "# night\n\na=one=1\r\nb= two \na=three";
	_secrets_ struct secrets *s = secrets_new();

	(void)state;
	ok(load(s, text, sizeof(text) - 1, e));
	assert_string_equal(secrets_get(s, "a"), "three");
	assert_string_equal(secrets_get(s, "b"), " two ");
	assert_null(secrets_get(s, "c"));
}

/* Half a password is a wrong one, and some hosts count these. */
static void bad_line(const char *text, size_t n, const char *why)
{
	_secrets_ struct secrets *s = secrets_new();
	struct err e = {0};

	assert_int_equal(load(s, text, n, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_string_equal(e.why, why);
}

static void not_whole(void **state)
{
	static const char torn[] = "a=one\nb=t\0\0\0\0";
	static const char begins[] = "a=one\n\0\0b=two\n";
	_secrets_ struct secrets *s = secrets_new();
	_free_ char *much = xmalloc(65536);

	(void)state;
	bad_line(torn, sizeof(torn) - 1, "secrets: line 2 is not NAME=VALUE");
	bad_line(begins, sizeof(begins) - 1,
		"secrets: line 2 is not NAME=VALUE");
	bad_line("\0", 1, "secrets: line 1 is not NAME=VALUE");
	memset(much, 'x', 65536);
	memcpy(much, "a=", 2);
	fails(ERR_BAD_INPUT, load(s, much, 65536, e));
	ok(load(s, much, 65535, e));
	assert_int_equal(strlen(secrets_get(s, "a")), 65533);
}

static void redacts(void **state)
{
	_secrets_ struct secrets *s = secrets_new();
	char text[] = "Winter24-pve, Winter24; Winter24Winter24-pve abc";

	(void)state;
	secrets_put(s, "short", "abc");
	secrets_put(s, "esxi.password", "Winter24");
	secrets_put(s, "pve.password", "Winter24-pve");
	secrets_redact(s, text);
	assert_string_equal(text, "***, ***; ****** abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(not_whole),
		cmocka_unit_test(redacts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
