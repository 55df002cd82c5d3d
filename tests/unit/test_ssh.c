/* SSH against two real sshd: one as on ESXi 8 (FIPS), one as on 5.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/esxi_lab.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "digest.h"
#include "ssh_int.h"
#include "sshkey.h"
#include "stop.h"
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

/* Make sshd read its configuration anew (the fault makes new host keys). */
static void restart_sshd(const char *host, unsigned port)
{
	lab_fault(host, "hostkey-change", NULL);
	trust_forget(TRUST_SSH, "127.0.0.1", port, NULL);
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
	assert_true(str_starts(ssh_banner(a), "SSH-2.0-OpenSSH"));
	assert_non_null(strstr(ssh_methods(a), "ecdsa-sha2-nistp256"));
	b = open_ok(&old);
	assert_non_null(strstr(ssh_methods(b), "ssh-rsa"));
	assert_non_null(strstr(ssh_methods(b), "hmac-sha1"));
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
	restart_sshd("new", LAB_NEW);
	open_bad(&t, ERR_SSH_ALGORITHM, &e);
	says(&e, what);
	says(&e, host);
	says(&e, "libssh2");
	lab_write("new", CONFIG, config);
	restart_sshd("new", LAB_NEW);
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

/* --- running --- */

static void results(void **state)
{
	struct ssh_target t = lab_target(LAB_NEW);
	_ssh_ struct ssh *s = NULL;
	_ssh_result_ struct ssh_result a = {0}, b = {0}, c = {0};
	_free_ char *big = xmalloc(1 << 20);
	struct err e = {0};

	(void)state;
	lab_need();
	s = open_ok(&t);
	exec_ok(s, "echo out; echo err >&2; exit 7", &a);
	assert_int_equal(a.status, 7);
	assert_string_equal(a.out, "out\n");
	assert_string_equal(a.err, "err\n");
	assert_string_equal(a.signal, "");
	exec_ok(s, "kill -9 $$", &b);
	assert_int_equal(b.status, -1);
	assert_string_equal(b.signal, "KILL");
	for (size_t i = 0; i < 1 << 20; i++)
		big[i] = i * 7 % 251;
	assert_int_equal(ssh_exec(s, "cat", big, 1 << 20, 30, &c, &e), 0);
	assert_int_equal(c.out_len, 1 << 20);
	assert_memory_equal(c.out, big, 1 << 20);
}

/* Random words through sh_quote come back as they were. */
static void quoting(void **state)
{
	struct ssh_target t = lab_target(LAB_OLD);
	_ssh_ struct ssh *s = NULL;
	unsigned seed = 1;

	(void)state;
	lab_need();
	s = open_ok(&t);
	for (int round = 0; round < 20; round++) {
		_buf_ struct buf cmd = {0}, want = {0};
		_ssh_result_ struct ssh_result r = {0};

		buf_adds(&cmd, "printf '%s|'");
		for (int w = 0; w < 40; w++) {
			char word[65] = "";
			size_t n = rand_r(&seed) % 64;

			for (size_t i = 0; i < n; i++)
				word[i] = round % 2
					? 1 + rand_r(&seed) % 255
					: "'\"\\$`\n !*?[]{}&;|<>~#-"
						  [rand_r(&seed) % 22];
			word[n] = '\0';
			sh_arg(&cmd, word);
			buf_addf(&want, "%s|", word);
		}
		exec_ok(s, cmd.s, &r);
		assert_int_equal(r.out_len, want.len);
		assert_memory_equal(r.out, want.s, want.len);
	}
}

static void timeouts(void **state)
{
	struct ssh_target t = lab_target(LAB_NEW);
	_ssh_ struct ssh *s = NULL;
	struct ssh_result r;
	struct err e = {0};

	(void)state;
	lab_need();
	s = open_ok(&t);
	assert_int_equal(ssh_exec(s, "sleep 30", NULL, 0, 0.3, &r, &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_false(ssh_usable(s));
	assert_int_equal(ssh_exec(s, "true", NULL, 0, 5, &r, &e), -1);
	assert_int_equal(e.code, ERR_SSH_LOST);
	t.port = 1;
	open_bad(&t, ERR_SSH_CONNECT, &e);
}

static void on_alarm(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static void stops(void **state)
{
	const struct itimerval soon = {.it_value.tv_usec = 300000};
	struct sigaction act = {.sa_handler = on_alarm};
	struct ssh_target t = lab_target(LAB_NEW);
	_ssh_ struct ssh *s = NULL;
	struct ssh_result r;
	struct err e = {0};
	double began;

	(void)state;
	lab_need();
	s = open_ok(&t);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	began = now_mono();
	assert_int_equal(ssh_exec(s, "sleep 30", NULL, 0, 0, &r, &e), -1);
	stop_asked = 0;
	assert_int_equal(e.code, ERR_STOPPED);
	assert_true(now_mono() - began < 5);
}

/* A slow command, and others beside it on the same connection. */
static void beside(void **state)
{
	struct ssh_target t = lab_target(LAB_NEW);
	_ssh_ struct ssh *s = NULL;
	_ssh_cmd_ struct ssh_cmd *c = NULL;
	_ssh_result_ struct ssh_result slow = {0};
	struct err e = {0};
	bool done = true;

	(void)state;
	lab_need();
	s = open_ok(&t);
	assert_int_equal(ssh_start(s,
				 "until [ -e /tmp/go ]; do usleep 10000; done; "
				 "echo slow; exit 4",
				 &c, &e),
		0);
	assert_int_equal(ssh_wait(c, 0.01, &done, &e), 0);
	assert_false(done);
	for (int i = 0; i < 3; i++) {
		_ssh_result_ struct ssh_result r = {0};

		exec_ok(s, "echo quick", &r);
		assert_string_equal(r.out, "quick\n");
	}
	lab_write("new", "root/tmp/go", "");
	assert_int_equal(ssh_wait(c, 20, &done, &e), 0);
	assert_true(done);
	assert_int_equal(ssh_finish(c, &slow, &e), 0);
	assert_int_equal(slow.status, 4);
	assert_string_equal(slow.out, "slow\n");
	assert_true(ssh_usable(s));
}

/* --- streams --- */

struct sum {
	struct sha256 *d;
	size_t n, most, stop_at;
};

static int add(void *arg, const void *p, size_t n, struct err *e)
{
	struct sum *s = arg;

	sha256_add(s->d, p, n);
	s->n += n;
	s->most = n > s->most ? n : s->most;
	if (s->stop_at && s->n >= s->stop_at)
		return err_set(e, ERR_TARGET_WRITE, "enough");
	return 0;
}

/* A file of random data on the host; its digest. */
static void make_file(const char *name, unsigned mib, char hex[SHA256_HEX])
{
	_free_ char *path = lab_path(name);
	_free_ char *of = xasprintf("of=%s", path);
	_free_ char *count = xasprintf("count=%u", mib);

	assert_int_equal(lab_run("dd", "if=/dev/urandom", of, "bs=1M", count,
				 "status=none"),
		0);
	assert_int_equal(sha256_file(path, hex, NULL), 0);
}

static void check_sum(struct sum *s, const char *want)
{
	unsigned char raw[SHA256_LEN];
	char hex[SHA256_HEX];

	sha256_end(s->d, raw);
	hex_encode(hex, raw, sizeof(raw));
	assert_string_equal(hex, want);
}

/* libssh2 1.10 loses the old copy of the host key (104 bytes) whenever the
 * keys change: known, and not looked for here. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define leaks_off() __lsan_disable()
#define leaks_on() __lsan_enable()
#else
#define leaks_off()
#define leaks_on()
#endif

/* Whole and in order, with the session's keys changed every 4 MiB. */
static void stream(void **state)
{
	_free_ char *config = NULL, *rekey = NULL;
	struct ssh_target t = lab_target(LAB_NEW);
	_sha256_ struct sha256 *d = sha256_new();
	struct sum sum = {.d = d};
	_ssh_ struct ssh *s = NULL;
	_ssh_result_ struct ssh_result r = {0};
	struct err e = {0};
	char want[SHA256_HEX];

	(void)state;
	lab_need();
	config = lab_read("new", CONFIG);
	rekey = xasprintf("RekeyLimit 4M\n%s", config);
	lab_write("new", CONFIG, rekey);
	restart_sshd("new", LAB_NEW);
	make_file("new/root/tmp/data", 40, want);
	leaks_off();
	s = open_ok(&t);
	if (ssh_stream(s, "dd if=/tmp/data bs=1048576", add, &sum, &r, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	leaks_on();
	assert_int_equal(sum.n, 40 << 20);
	assert_true(sum.most <= SSH_PIECE);
	check_sum(&sum, want);
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.err, "records in"));
	/* status and standard error of one that fails */
	assert_int_equal(
		ssh_stream(s, "dd if=/no/such", add, &sum, NULL, &e), -1);
	assert_int_equal(e.code, ERR_ESXI_COMMAND);
	says(&e, "No such file");
	/* the reader gives up */
	sum.stop_at = sum.n + 1;
	assert_int_equal(
		ssh_stream(s, "cat /tmp/data", add, &sum, NULL, &e), -1);
	assert_int_equal(e.code, ERR_TARGET_WRITE);
	assert_false(ssh_usable(s));
	lab_write("new", CONFIG, config);
	restart_sshd("new", LAB_NEW);
}

static void cut_stream(void **state)
{
	struct ssh_target t = lab_target(LAB_NEW);
	_sha256_ struct sha256 *d = sha256_new();
	struct sum sum = {.d = d};
	_ssh_ struct ssh *s = NULL;
	struct err e = {0};
	char want[SHA256_HEX];

	(void)state;
	lab_need();
	make_file("new/root/tmp/data", 8, want);
	s = open_ok(&t);
	lab_fault("new", "cut-after", "3000000 session");
	assert_int_equal(
		ssh_stream(s, "dd if=/tmp/data bs=65536", add, &sum, NULL, &e),
		-1);
	assert_int_equal(e.code, ERR_SSH_LOST);
	assert_true(sum.n < 8 << 20);
	assert_false(ssh_usable(s));
	lab_fault("new", "cut-after", "off");
}

/* Several connections, a thread each. */
static void *reader(void *arg)
{
	struct ssh_target t = lab_target(LAB_NEW);
	_sha256_ struct sha256 *d = sha256_new();
	struct sum sum = {.d = d};
	_ssh_ struct ssh *s = NULL;
	unsigned char raw[SHA256_LEN];

	if (ssh_open(&t, &s, NULL) ||
		ssh_stream(s, "cat /tmp/data", add, &sum, NULL, NULL))
		return NULL;
	sha256_end(d, raw);
	hex_encode(arg, raw, sizeof(raw));
	return arg;
}

static void threads(void **state)
{
	char want[SHA256_HEX], got[4][SHA256_HEX];
	pthread_t id[4];

	(void)state;
	lab_need();
	make_file("new/root/tmp/data", 16, want);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&id[i], NULL, reader, got[i]), 0);
	for (int i = 0; i < 4; i++) {
		void *ok;

		pthread_join(id[i], &ok);
		assert_non_null(ok);
		assert_string_equal(got[i], want);
	}
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
		cmocka_unit_test(results),
		cmocka_unit_test(quoting),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(stops),
		cmocka_unit_test(beside),
		cmocka_unit_test(stream),
		cmocka_unit_test(cut_stream),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
