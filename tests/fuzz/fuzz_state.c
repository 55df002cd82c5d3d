/*
 * The files that decide whom vmferry trusts and what it may say, as a torn
 * disk or a hurried editor leaves them.
 *
 * An input is "s" on a line and a file of secrets, or "t" and the file of
 * pinned host keys and certificates.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "secret.h"
#include "str.h"
#include "trust.h"

#define HOST "fuzz.example"
#define PRINT "AA:BB"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/state/*", NULL};
const char *const fuzz_words[] = {"esxi.password=", "\npve.token=", "=", "#",
	"ssh 192.0.2.5:22 ssh-ed25519 SHA256:abc\n",
	"tls [2001:db8::1]:8006 AA:BB:CC\n", "tls fuzz.example:443 AA:BB\n",
	":0", ":65535", ":65536", "***", "\r\n", "\t", NULL};

static char dir[] = "/dev/shm/fuzz-state-XXXXXX";

static void remove_dir(void)
{
	static const char *const names[] = {"trust", "trust.lock"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_free_ char *path = path_join(dir, names[i]);

		unlink(path);
	}
	rmdir(dir);
}

static void make_dir(void)
{
	static bool made;

	if (made)
		return;
	if (!mkdtemp(dir) || setenv("VMFERRY_STATE", dir, 1))
		abort();
	atexit(remove_dir);
	made = true;
}

/* --- secrets --- */

/* No value is left, but those that the stars themselves make. */
static void redacted(const struct secrets *s, const char *p, size_t n)
{
	_free_ char *text = xstrndup(p, n);
	const char *name;

	secrets_redact(s, text);
	for (size_t i = 0; (name = secrets_name(s, i)); i++) {
		const char *value = secrets_get(s, name);

		if (strlen(value) >= 4 && !strchr(value, '*') &&
			strstr(text, value))
			abort();
	}
}

static void secrets(const char *p, size_t n)
{
	_secrets_ struct secrets *s = secrets_new();
	int fd = memfd_create("secrets", MFD_CLOEXEC);
	_free_ char *path = xasprintf("fd:%d", fd);
	struct err e = {0};

	if (fd < 0 || write_all(fd, p, n) || lseek(fd, 0, SEEK_SET))
		abort();
	if (secrets_load(s, path, &e) == 0) {
		/* What is behind a NUL would be passed over in silence. */
		if (n && memchr(p, 0, n))
			abort();
		redacted(s, p, n);
	} else if (e.code != ERR_BAD_INPUT) {
		abort();
	}
}

/* --- pins --- */

static json_t *list(void)
{
	json_t *l = NULL;

	if (trust_list(&l, NULL))
		abort();
	return l;
}

/* A pin holds against every other fingerprint, also where all are welcome. */
static void holds(enum trust_kind kind, const char *host, unsigned port)
{
	_free_ char *algo = NULL, *print = NULL;
	struct err e = {0};

	if (trust_get(kind, host, port, &algo, &print, &e) || !print)
		return;
	if (trust_check(kind, host, port, kind == TRUST_SSH ? "x" : NULL,
		    "another", TRUST_FIRST, &e) == 0 &&
		!str_eqi(print, "another"))
		abort();
}

static void each_holds(const json_t *pins)
{
	const json_t *p;
	size_t i;

	json_array_foreach (pins, i, p)
		holds(strcmp(json_str_or(p, "kind", ""), "ssh") ? TRUST_TLS
								: TRUST_SSH,
			json_str_or(p, "host", ""), json_u64(p, "port", 0));
}

/* A new host is added, and no other pin changes by it. */
static void adds(const json_t *before)
{
	_free_ char *print = NULL;
	_json_ json_t *after = NULL;
	const json_t *p;
	size_t i;

	if (trust_check(TRUST_TLS, HOST, 9, NULL, PRINT, TRUST_FIRST, NULL))
		return; /* it was there, with another fingerprint */
	if (trust_get(TRUST_TLS, HOST, 9, NULL, &print, NULL) || !print ||
		!str_eqi(print, PRINT))
		abort();
	after = list();
	json_array_foreach (before, i, p)
		if (!json_equal(p, json_array_get(after, i)))
			abort();
}

static void pins(const char *p, size_t n)
{
	_free_ char *path = NULL;
	_json_ json_t *before = NULL;
	struct err e = {0};

	make_dir();
	path = path_join(dir, "trust");
	if (file_write(path, p, n, 0600, NULL))
		abort();
	if (trust_list(&before, &e)) {
		if (e.code != ERR_BAD_INPUT)
			abort();
		return;
	}
	if (n && memchr(p, 0, n))
		abort();
	each_holds(before);
	adds(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;

	if (size < 2 || p[1] != '\n')
		return 0;
	if (*p == 's')
		secrets(p + 2, size - 2);
	else if (*p == 't')
		pins(p + 2, size - 2);
	return 0;
}
