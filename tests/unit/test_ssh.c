/* SSH against two real sshd: one as on ESXi 8 (FIPS), one as on 5.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/esxi_lab.h"

#include "ssh_int.h"
#include "sshkey.h"
#include "trust.h"

#define CONFIG "root/etc/ssh/sshd_config"
#define AUTHORIZED "root/etc/ssh/keys-root/authorized_keys"

/* Log in or fail; the error's text is shown. */
static struct ssh *open_ok(const struct ssh_target *t)
{
	struct err e = {0};
	struct ssh *s = NULL;

	if (ssh_open(t, &s, &e))
		fail_msg("%s: %s: %s", err_id(e.code), e.what, e.why);
	return s;
}

static void open_bad(
	const struct ssh_target *t, enum err_code code, struct err *e)
{
	struct ssh *s = NULL;

	assert_int_equal(ssh_open(t, &s, e), -1);
	if (e->code != code)
		fail_msg("%s: %s", err_id(e->code), e->why);
	assert_null(s);
}

static void says(const struct err *e, const char *text)
{
	if (!strstr(e->why, text))
		fail_msg("'%s' does not say '%s'", e->why, text);
}

static void exec_ok(struct ssh *s, const char *cmd, struct ssh_result *r)
{
	struct err e = {0};

	if (ssh_exec(s, cmd, NULL, 0, 30, r, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
}

static size_t failures(const char *host)
{
	_free_ char *log = lab_read(host, "auth.log");
	size_t n = 0;

	for (const char *p = log; (p = strstr(p, " fail ")); p++)
		n++;
	return n;
}

/* --- logging in --- */

static void password(void **state)
{
	struct ssh_target new = lab_target(LAB_NEW), old = lab_target(LAB_OLD);
	_ssh_ struct ssh *a = NULL, *b = NULL;
	_ssh_result_ struct ssh_result r = {0};

	(void)state;
	lab_need();
	a = open_ok(&new);
	exec_ok(a, "id -u", &r);
	assert_string_equal(r.out, "0\n");
	assert_true(str_starts(ssh_kex(a), "ecdh-"));
	/* Only ssh-rsa, old exchanges and HMACs. */
	b = open_ok(&old);
	assert_true(str_starts(ssh_kex(b), "diffie-hellman-"));
}

/* One try, counted by the host; by keyboard-interactive and by password. */
static void wrong_password(void **state)
{
	static const struct {
		const char *host, *method;
		unsigned port;
	} hosts[] = {{"new", "keyboard-interactive", LAB_NEW},
		{"old", "password", LAB_OLD}};
	struct err e = {0};

	(void)state;
	lab_need();
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct ssh_target t = lab_target(hosts[i].port);
		size_t before = failures(hosts[i].host);

		t.password = "no";
		open_bad(&t, ERR_SSH_AUTH, &e);
		says(&e, hosts[i].method);
		says(&e, "once");
		assert_null(strstr(e.why, "\"no\""));
		assert_int_equal(failures(hosts[i].host), before + 1);
		lab_fault(hosts[i].host, "unlock", NULL);
	}
}

static void nothing_to_log_in_with(void **state)
{
	struct ssh_target t = lab_target(LAB_NEW);
	struct err e = {0};

	(void)state;
	lab_need();
	t.password = NULL;
	open_bad(&t, ERR_SSH_AUTH, &e);
	says(&e, "publickey,keyboard-interactive");
	says(&e, "neither a key nor a password");
}

/* --- keys --- */

static void authorize(const char *host, const char *name)
{
	_free_ char *public = NULL, *had = lab_read(host, AUTHORIZED);
	_free_ char *all = NULL;

	assert_int_equal(sshkey_get(name, NULL, &public, NULL), 0);
	all = xasprintf("%s%s\n", had, public);
	lab_write(host, AUTHORIZED, all);
}

static void keys(void **state)
{
	_free_ char *ec = NULL, *rsa = NULL;
	struct ssh_target new = lab_target(LAB_NEW), old = lab_target(LAB_OLD);
	_ssh_ struct ssh *a = NULL, *b = NULL;
	_json_ json_t *list = NULL;
	struct err e = {0};

	(void)state;
	lab_need();
	assert_int_equal(sshkey_new("ec", SSHKEY_ECDSA, &e), 0);
	assert_int_equal(sshkey_new("rsa", SSHKEY_RSA, &e), 0);
	assert_int_equal(sshkey_new("ec", SSHKEY_RSA, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_int_equal(sshkey_new("../x", SSHKEY_RSA, &e), -1);
	assert_int_equal(sshkey_list(&list, &e), 0);
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(sshkey_get("ec", &ec, NULL, &e), 0);
	assert_int_equal(sshkey_get("rsa", &rsa, NULL, &e), 0);

	new.password = old.password = NULL;
	new.key_file = ec;
	open_bad(&new, ERR_SSH_AUTH, &e); /* not yet authorized */
	says(&e, "publickey");
	authorize("new", "ec");
	a = open_ok(&new);
	old.key_file = rsa;
	authorize("old", "rsa");
	b = open_ok(&old);
	/* too young and too old: the reason is the algorithm */
	old.key_file = ec;
	open_bad(&old, ERR_SSH_ALGORITHM, &e);
	says(&e, "an RSA key works");
	authorize("new", "rsa");
	new.key_file = rsa;
	if (ssh_lib_rsa_sha2()) {
		ssh_close(a);
		a = open_ok(&new);
	} else {
		open_bad(&new, ERR_SSH_ALGORITHM, &e);
		says(&e, "an ECDSA key works");
	}
}

static void key_files(void **state)
{
	_free_ char *secret = NULL, *ed = NULL;
	struct ssh_target t = lab_target(LAB_NEW);
	_ssh_ struct ssh *s = NULL;
	struct err e = {0};

	(void)state;
	lab_need();
	secret = lab_path("with-passphrase");
	ed = lab_path("ed25519");
	assert_int_equal(lab_run("ssh-keygen", "-q", "-t", "ecdsa", "-N",
				 "secret", "-f", secret),
		0);
	assert_int_equal(lab_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "",
				 "-f", ed),
		0);
	t.key_file = "/no/such/key";
	open_bad(&t, ERR_NOT_FOUND, &e);
	t.key_file = secret;
	open_bad(&t, ERR_BAD_INPUT, &e);
	says(&e, "without passphrase");
	/* a refused key leaves the password its one try */
	t.key_file = ed;
	s = open_ok(&t);
	t.password = NULL;
	open_bad(&t, ERR_SSH_ALGORITHM, &e);
	says(&e, "FIPS");
}

/* --- the host's key --- */

static void hostkey(void **state)
{
	_free_ char *pub = NULL, *fp = NULL;
	struct ssh_target t = lab_target(LAB_NEW);
	_proc_ struct proc_result r = {0};
	_ssh_ struct ssh *s = NULL;
	struct err e = {0};
	size_t before;

	(void)state;
	lab_need();
	trust_forget(TRUST_SSH, "127.0.0.1", LAB_NEW, NULL);
	pub = lab_path("new/root/etc/ssh/ssh_host_ecdsa_key.pub");
	assert_int_equal(
		proc_must((const char *const[]){"ssh-keygen", "-lf", pub, NULL},
			NULL, &r, ERR_IO, &e),
		0);
	fp = xstrndup(
		strchr(r.out, ' ') + 1, strcspn(strchr(r.out, ' ') + 1, " "));
	t.accept_hostkey = NULL;
	open_bad(&t, ERR_SSH_HOSTKEY_NEW, &e);
	says(&e, fp);
	t.accept_hostkey = fp;
	s = open_ok(&t);
	/* Another key: no word is said to that host, least the password. */
	lab_fault("new", "hostkey-change", NULL);
	before = failures("new");
	t.accept_hostkey = TRUST_FIRST;
	t.password = "no";
	open_bad(&t, ERR_SSH_HOSTKEY_CHANGED, &e);
	says(&e, fp);
	assert_int_equal(failures("new"), before);
	assert_int_equal(trust_forget(TRUST_SSH, "127.0.0.1", LAB_NEW, &e), 0);
}

/* --- algorithms --- */

static void one_algorithm(const char *line, const char *what, const char *host)
{
	_free_ char *config = lab_read("new", CONFIG), *changed = NULL;
	struct ssh_target t = lab_target(LAB_NEW);
	struct err e = {0};

	/* of two lines sshd takes the first */
	changed = xasprintf("%s\n%s", line, config);
	lab_write("new", CONFIG, changed);
	lab_reload("new");
	open_bad(&t, ERR_SSH_ALGORITHM, &e);
	says(&e, what);
	says(&e, host);
	says(&e, "libssh2");
	lab_write("new", CONFIG, config);
	lab_reload("new");
}

static void algorithms(void **state)
{
	(void)state;
	lab_need();
	one_algorithm("KexAlgorithms sntrup761x25519-sha512@openssh.com",
		"no common key exchange", "sntrup761x25519-sha512");
	one_algorithm("Ciphers 3des-cbc", "no common cipher", "3des-cbc");
	one_algorithm("MACs umac-128@openssh.com", "no common MAC",
		"umac-128@openssh.com");
	if (!ssh_lib_rsa_sha2())
		one_algorithm("HostKeyAlgorithms rsa-sha2-512",
			"no common host key", "rsa-sha2-512");
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return lab_setup();
}

static int teardown(void **state)
{
	(void)state;
	return lab_stop_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(password),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(nothing_to_log_in_with),
		cmocka_unit_test(keys),
		cmocka_unit_test(key_files),
		cmocka_unit_test(hostkey),
		cmocka_unit_test(algorithms),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
