/* The host's KEXINIT and what is said about it: core/ssh_hello.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "digest.h"
#include "ssh_hello.h"
#include "str.h"

#define GCM "aes128-gcm@openssh.com"

/* ESXi 8.0.2 (esxi-shell.md 8). */
static const char *const esxi8[SSH_CLASSES] = {
	"ecdh-sha2-nistp256,ecdh-sha2-nistp384,diffie-hellman-group16-sha512",
	"ecdsa-sha2-nistp256,rsa-sha2-256,rsa-sha2-512",
	"aes256-gcm@openssh.com," GCM ",aes256-ctr,aes128-ctr",
	"aes256-gcm@openssh.com," GCM ",aes256-ctr,aes128-ctr",
	"hmac-sha2-256,hmac-sha2-512", "hmac-sha2-256,hmac-sha2-512"};

/* A KEXINIT payload with these lists. */
static void packet(struct buf *b, const char *const lists[SSH_CLASSES])
{
	static const char *const rest[] = {"none", "none", "", ""};

	buf_adds(b,
		"\x14"
		"0123456789abcdef");
	for (size_t i = 0; i < SSH_CLASSES + 4; i++) {
		const char *l =
			i < SSH_CLASSES ? lists[i] : rest[i - SSH_CLASSES];
		size_t n = strlen(l);
		const char len[4] = {0, 0, (char)(n >> 8), (char)n};

		buf_add(b, len, 4);
		buf_adds(b, l);
	}
	buf_add(b, "\0\0\0\0\0", 5);
}

static void read_hello(struct ssh_hello *h, const char *const lists[])
{
	_buf_ struct buf b = {0};

	packet(&b, lists);
	assert_int_equal(
		ssh_hello_parse((unsigned char *)b.s, b.len, h, NULL), 0);
}

static void parse(void **state)
{
	_ssh_hello_ struct ssh_hello h = {0};
	_buf_ struct buf b = {0};
	struct err e;

	(void)state;
	read_hello(&h, esxi8);
	for (int i = 0; i < SSH_CLASSES; i++)
		assert_string_equal(h.lists[i], esxi8[i]);
	/* every cut is noticed */
	packet(&b, esxi8);
	for (size_t n = 0; n < b.len - 21; n += 3) {
		_ssh_hello_ struct ssh_hello cut = {0};
		_free_ char *p = xmalloc(n);

		memcpy(p, b.s, n);
		if (ssh_hello_parse((unsigned char *)p, n, &cut, &e) == 0)
			assert_non_null(cut.lists[SSH_MAC_SC]);
		else
			assert_int_equal(e.code, ERR_SSH_CONNECT);
	}
	b.s[0] = 21;
	assert_int_equal(
		ssh_hello_parse((unsigned char *)b.s, b.len, &h, &e), -1);
}

static void lists(void **state)
{
	(void)state;
	assert_true(ssh_list_has("a,b,c", "c"));
	assert_false(ssh_list_has("aa,b", "a"));
	assert_false(ssh_list_has("", "a"));
	assert_true(ssh_list_meets("x,b", "a,b"));
	assert_false(ssh_list_meets("x,", "a,"));
	assert_false(ssh_list_meets("", ""));
}

static void check_missing(enum ssh_class c, const char *only, const char *says)
{
	_ssh_hello_ struct ssh_hello h = {0};
	const char *theirs[SSH_CLASSES];
	struct err e = {0};

	memcpy(theirs, esxi8, sizeof(theirs));
	theirs[c] = only;
	read_hello(&h, theirs);
	assert_int_equal(
		ssh_hello_compare(&h, esxi8, "libssh2 1.10.0", &e), -1);
	assert_int_equal(e.code, ERR_SSH_ALGORITHM);
	assert_non_null(strstr(e.why, says));
	assert_non_null(strstr(e.why, only));
	assert_non_null(strstr(e.why, "libssh2 1.10.0 has"));
}

static void compare(void **state)
{
	const char *gcm[SSH_CLASSES];
	_ssh_hello_ struct ssh_hello h = {0}, g = {0};

	(void)state;
	read_hello(&h, esxi8);
	assert_int_equal(ssh_hello_compare(&h, esxi8, "lib", NULL), 0);
	check_missing(SSH_KEX, "curve25519-sha256", "key exchange");
	check_missing(SSH_HOSTKEY, "ssh-ed25519", "host key");
	check_missing(SSH_CIPHER_SC, "3des-cbc", "cipher");
	/* GCM needs no MAC, but only one way is GCM here */
	memcpy(gcm, esxi8, sizeof(gcm));
	gcm[SSH_CIPHER_CS] = gcm[SSH_CIPHER_SC] = GCM;
	gcm[SSH_MAC_CS] = gcm[SSH_MAC_SC] = "umac-128@openssh.com";
	read_hello(&g, gcm);
	assert_int_equal(ssh_hello_compare(&g, esxi8, "lib", NULL), 0);
}

static void check_refuses(const char *banner, const char *const theirs[],
	const char *key, bool rsa_sha2, const char *says)
{
	_ssh_hello_ struct ssh_hello h = {0};
	char why[200] = "";

	read_hello(&h, theirs);
	snprintf(h.banner, sizeof(h.banner), "%s", banner);
	assert_int_equal(ssh_hello_refuses(&h, key, rsa_sha2, "libssh2 1.10.0",
				 why, sizeof(why)),
		says != NULL);
	if (says)
		assert_non_null(strstr(why, says));
}

static void user_keys(void **state)
{
	static const char *const esxi5[SSH_CLASSES] = {
		"diffie-hellman-group14-sha1", "ssh-rsa,ssh-dss", "aes128-ctr",
		"aes128-ctr", "hmac-sha1", "hmac-sha1"};
	const char *v8 = "SSH-2.0-OpenSSH_9.1", *v5 = "SSH-2.0-OpenSSH_5.6";

	(void)state;
	check_refuses(v8, esxi8, "ssh-rsa", false, "ECDSA");
	check_refuses(v8, esxi8, "ssh-rsa", true, NULL);
	check_refuses(v8, esxi8, "ssh-ed25519", false, "FIPS");
	check_refuses(v8, esxi8, "ecdsa-sha2-nistp256", false, NULL);
	check_refuses(v5, esxi5, "ecdsa-sha2-nistp256", false, "RSA");
	check_refuses(v5, esxi5, "ssh-ed25519", false, "RSA");
	check_refuses(v5, esxi5, "ssh-rsa", false, NULL);
	/* another server: nothing is known */
	check_refuses("SSH-2.0-x", esxi8, "ssh-ed25519", false, NULL);
}

/* printf vmferry | openssl dgst -sha256 -binary | base64 */
static void fingerprint(void **state)
{
	unsigned char sum[SHA256_LEN];
	char out[SSH_FINGERPRINT_LEN];

	(void)state;
	sha256("vmferry", 7, sum);
	assert_string_equal(ssh_fingerprint(out, sum),
		"SHA256:0eZjreHfxJQchZZ/wDwgp1XuiW9iZT4fN+CTKeWSwRw");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(lists),
		cmocka_unit_test(compare),
		cmocka_unit_test(user_keys),
		cmocka_unit_test(fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
