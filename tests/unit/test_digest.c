/* SHA-256 against the published vectors (FIPS 180-2, appendix B). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/digest.h"
#include "core/str.h"

static void known(void **state)
{
	char hex[SHA256_HEX];

	(void)state;
	sha256_hex("abc", 3, hex);
	assert_string_equal(hex,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"
		"ad");
	sha256_hex("", 0, hex);
	assert_string_equal(hex,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8"
		"55");
}

static void in_parts_and_again(void **state)
{
	_sha256_ struct sha256 *d = sha256_new();
	unsigned char one[SHA256_LEN], two[SHA256_LEN], whole[SHA256_LEN];

	(void)state;
	sha256("abc", 3, whole);
	sha256_add(d, "a", 1);
	sha256_add(d, "bc", 2);
	sha256_end(d, one);
	sha256_add(d, "abc", 3);
	sha256_end(d, two);
	assert_memory_equal(one, whole, SHA256_LEN);
	assert_memory_equal(two, whole, SHA256_LEN);
	sha256_end(d, one);
	sha256("", 0, whole);
	assert_memory_equal(one, whole, SHA256_LEN);
}

/* FIPS 180-1 and RFC 4648. */
static void of_others(void **state)
{
	_free_ char *none = base64_encode("", 0), *one = base64_encode("f", 1);
	_free_ char *two = base64_encode("fo", 2),
		    *six = base64_encode("foobar", 6);
	char sum[SHA1_HEX];

	(void)state;
	sha1_hex("abc", 3, sum);
	assert_string_equal(sum, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_string_equal(none, "");
	assert_string_equal(one, "Zg==");
	assert_string_equal(two, "Zm8=");
	assert_string_equal(six, "Zm9vYmFy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_others),
		cmocka_unit_test(known),
		cmocka_unit_test(in_parts_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
