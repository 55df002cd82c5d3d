/* Pins: core/trust.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "proc.h"
#include "str.h"
#include "testdir.h"
#include "trust.h"

#define A "SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "SHA256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char dir[TEST_DIR_LEN];

static int setup(void **state)
{
	(void)state;
	if (!test_dir(dir, "trust"))
		return -1;
	return setenv("VMFERRY_STATE", dir, 1);
}

static int teardown(void **state)
{
	(void)state;
	return proc_must((const char *const[]){"rm", "-rf", dir, NULL}, NULL,
		NULL, ERR_IO, NULL);
}

static int ssh_check(const char *fp, const char *accept, struct err *e)
{
	return trust_check(
		TRUST_SSH, "esx1", 22, "ecdsa-sha2-nistp256", fp, accept, e);
}

static void first_sight(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(ssh_check(A, NULL, &e), -1);
	assert_int_equal(e.code, ERR_SSH_HOSTKEY_NEW);
	assert_non_null(strstr(e.why, A));
	/* The wrong fingerprint accepts nothing. */
	assert_int_equal(ssh_check(A, B, &e), -1);
	assert_int_equal(e.code, ERR_SSH_HOSTKEY_NEW);
	assert_int_equal(ssh_check(A, "", &e), -1);
	assert_int_equal(ssh_check(A, A, &e), 0);
	assert_int_equal(ssh_check(A, NULL, &e), 0);
	/* Names of hosts have no case; other ports are other hosts. */
	assert_int_equal(
		trust_check(TRUST_SSH, "ESX1", 22, "x", A, NULL, &e), 0);
	assert_int_equal(
		trust_check(TRUST_SSH, "esx1", 2222, "x", A, NULL, &e), -1);
	assert_int_equal(e.code, ERR_SSH_HOSTKEY_NEW);
}

static void changed(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(ssh_check(A, TRUST_FIRST, &e), 0);
	assert_int_equal(ssh_check(B, B, &e), -1);
	assert_int_equal(e.code, ERR_SSH_HOSTKEY_CHANGED);
	assert_non_null(strstr(e.why, A));
	assert_non_null(strstr(e.why, B));
	assert_int_equal(ssh_check(B, TRUST_FIRST, &e), -1);
	assert_int_equal(e.code, ERR_SSH_HOSTKEY_CHANGED);
	/* The old key is still the pinned one. */
	assert_int_equal(ssh_check(A, NULL, &e), 0);
	assert_int_equal(trust_forget(TRUST_SSH, "esx1", 0, &e), 0);
	assert_int_equal(trust_forget(TRUST_SSH, "esx1", 0, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(ssh_check(B, B, &e), 0);
}

static void tls(void **state)
{
	_free_ char *fp = NULL, *algo = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(trust_check(TRUST_TLS, "2001:db8::1", 8006, NULL,
				 "AA:BB", "aa:bb", &e),
		0);
	assert_int_equal(trust_check(TRUST_TLS, "2001:db8::1", 8006, NULL,
				 "AA:BB", NULL, &e),
		0);
	assert_int_equal(trust_check(TRUST_TLS, "2001:db8::1", 8006, NULL,
				 "AA:CC", TRUST_FIRST, &e),
		-1);
	assert_int_equal(e.code, ERR_PVE_CERT_CHANGED);
	assert_int_equal(
		trust_get(TRUST_TLS, "2001:db8::1", 8006, &algo, &fp, &e), 0);
	assert_string_equal(fp, "AA:BB");
	assert_null(algo);
	/* The kinds do not meet. */
	assert_int_equal(trust_forget(TRUST_SSH, "2001:db8::1", 0, &e), -1);
}

static void file_form(void **state)
{
	static const char torn[] = "tls pve:8006 AA\n\0\0ssh esx1:22 x " A;
	_free_ char *path = path_join(dir, "trust"), *text = NULL;
	struct err e = {0};
	struct stat st;

	(void)state;
	assert_int_equal(ssh_check(A, TRUST_FIRST, &e), 0);
	assert_int_equal(
		trust_check(TRUST_TLS, "pve", 8006, NULL, "AA", "AA", &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read(path, 4096, &text, NULL, &e), 0);
	assert_string_equal(text,
		"ssh esx1:22 ecdsa-sha2-nistp256 " A "\ntls pve:8006 AA\n");
	/* A file that was tampered with trusts nobody. */
	assert_int_equal(file_write(path, "ssh esx1 x\n", 11, 0600, &e), 0);
	assert_int_equal(ssh_check(A, TRUST_FIRST, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	/* One with zeros in it, as a torn disk leaves it, forgets nobody. */
	assert_int_equal(file_write(path, torn, sizeof(torn) - 1, 0600, &e), 0);
	assert_int_equal(ssh_check(A, TRUST_FIRST, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_non_null(strstr(e.why, "line 2"));
	/* A name that would write two lines. */
	assert_int_equal(trust_check(TRUST_TLS, "a\ntls b:1 AA", 1, NULL, "AA",
				 TRUST_FIRST, &e),
		-1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_int_equal(
		trust_check(TRUST_TLS, "", 1, NULL, "AA", "AA", &e), -1);
}

/* Several processes pin at once: no pin is lost. */
static void concurrent(void **state)
{
	_json_ json_t *list = NULL;
	struct err e = {0};
	int ws;

	(void)state;
	for (int i = 0; i < 8; i++) {
		if (fork())
			continue;
		for (unsigned p = 1; p <= 10; p++)
			if (trust_check(TRUST_SSH, "h", i * 100 + p, "x", A, A,
				    NULL))
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < 8; i++) {
		assert_true(wait(&ws) > 0);
		assert_int_equal(ws, 0);
	}
	assert_int_equal(trust_list(&list, &e), 0);
	assert_int_equal(json_array_size(list), 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_sight, setup, teardown),
		cmocka_unit_test_setup_teardown(changed, setup, teardown),
		cmocka_unit_test_setup_teardown(tls, setup, teardown),
		cmocka_unit_test_setup_teardown(file_form, setup, teardown),
		cmocka_unit_test_setup_teardown(concurrent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
