/*
 * SSH over libssh2, the connection: see ssh.h. Keeps true: libssh2 never
 * blocks, every wait is in ssh_pause(); what failed in the middle makes the
 * connection unusable instead of leaving libssh2 in a half-done call.
 */
#include "ssh_int.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "i18n.h"
#include "ssh_hello.h"
#include "stop.h"
#include "tcp.h"
#include "trust.h"

#define OPEN_TIMEOUT 30
#define KEEPALIVE 15 /* s */
#define SILENCE 90   /* s without a byte in spite of keepalives */

/*
 * Ours, the best first; libssh2 strips what it has not. Chosen for 5.5 to 8:
 * ECDSA host keys before RSA because libssh2 1.10 knows RSA only by SHA-1;
 * AES-GCM and AES-CTR by 128 bits because they cost least.
 */
static const char *const prefs[SSH_CLASSES] = {
	[SSH_KEX] = "ecdh-sha2-nistp256,curve25519-sha256,"
		    "curve25519-sha256@libssh.org,ecdh-sha2-nistp384,"
		    "ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,"
		    "diffie-hellman-group14-sha256,"
		    "diffie-hellman-group16-sha512,"
		    "diffie-hellman-group18-sha512,diffie-hellman-group14-sha1",
	[SSH_HOSTKEY] = "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
			"ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-512,"
			"rsa-sha2-256,ssh-rsa",
	[SSH_CIPHER_CS] = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
			  "aes128-ctr,aes192-ctr,aes256-ctr",
	[SSH_CIPHER_SC] = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
			  "aes128-ctr,aes192-ctr,aes256-ctr",
	[SSH_MAC_CS] = "hmac-sha2-256,hmac-sha2-256-etm@openssh.com,"
		       "hmac-sha2-512,hmac-sha2-512-etm@openssh.com,hmac-sha1",
	[SSH_MAC_SC] = "hmac-sha2-256,hmac-sha2-256-etm@openssh.com,"
		       "hmac-sha2-512,hmac-sha2-512-etm@openssh.com,hmac-sha1",
};

/* --- libssh2 as a whole --- */

/* Small blocks may hold the password; large ones hold disk data. */
static LIBSSH2_FREE_FUNC(wiping_free)
{
	(void)abstract;
	if (ptr && malloc_usable_size(ptr) <= 4096)
		wipe_free(ptr);
	else
		free(ptr);
}

static LIBSSH2_ALLOC_FUNC(plain_alloc)
{
	(void)abstract;
	return xmalloc(count);
}

static LIBSSH2_REALLOC_FUNC(plain_realloc)
{
	(void)abstract;
	return xreallocarray(ptr, count, 1);
}

static void init_once(void)
{
	if (libssh2_init(0))
		abort();
}

const char *ssh_lib(void)
{
	static _Thread_local char name[32];

	snprintf(name, sizeof(name), "libssh2 %s", libssh2_version(0));
	return name;
}

bool ssh_lib_rsa_sha2(void)
{
	return libssh2_version(0x010b00) != NULL;
}

/* --- waiting --- */

int ssh_lost(struct ssh *s, struct err *e)
{
	char *msg = NULL;

	s->dead = true;
	libssh2_session_last_error(s->ses, &msg, NULL, 0);
	return err_set(e, s->up ? ERR_SSH_LOST : ERR_SSH_CONNECT, "%s: %s",
		s->host,
		msg && *msg ? msg : N_("the host closed the connection"));
}

int ssh_tried(struct ssh *s, int rc, struct err *e)
{
	if (rc >= 0)
		return 0;
	return rc == LIBSSH2_ERROR_EAGAIN ? -1 : ssh_lost(s, e);
}

/* The link lives as long as the host answers keepalives. */
static int still_there(struct ssh *s, int dir, struct err *e)
{
	int next;

	if (!s->up)
		return 0;
	if (now_mono() - s->heard > SILENCE) {
		s->dead = true;
		return err_set(e, ERR_SSH_LOST, "%s: silent for %d s", s->host,
			SILENCE);
	}
	/* Not into a half-sent packet. */
	if (!(dir & LIBSSH2_SESSION_BLOCK_OUTBOUND) &&
		libssh2_keepalive_send(s->ses, &next) ==
			LIBSSH2_ERROR_SOCKET_SEND)
		return ssh_lost(s, e);
	return 0;
}

int ssh_pause(struct ssh *s, double until, struct err *e)
{
	int dir = libssh2_session_block_directions(s->ses);
	bool out = dir & LIBSSH2_SESSION_BLOCK_OUTBOUND;
	struct pollfd p = {.fd = s->fd, .events = POLLIN | (out ? POLLOUT : 0)};

	if (poll(&p, 1, 200) > 0) {
		if (p.revents & POLLIN)
			s->heard = now_mono();
	} else if (still_there(s, dir, e)) {
		return -1;
	}
	if (stop_check(e)) {
		s->dead = true;
		return -1;
	}
	if (until == 0 || now_mono() < until)
		return 0;
	s->dead = true;
	return err_set(e, ERR_TIMEOUT, "%s did not answer in time", s->host);
}

/* --- algorithms --- */

/* The members of list that this libssh2 has; to be freed. (Its own stripping
 * of those that it has not copies over itself in 1.10.) */
static char *known(struct ssh *s, enum ssh_class c, const char *list)
{
	_buf_ struct buf b = {0};
	_free_ char *copy = xstrdup(list);
	const char **algs = NULL;
	char *save = NULL;
	int n = libssh2_session_supported_algs(s->ses, c, &algs);

	for (char *a = strtok_r(copy, ",", &save); a;
		a = strtok_r(NULL, ",", &save))
		for (int i = 0; i < n; i++)
			if (strcmp(algs[i], a) == 0)
				buf_addf(&b, "%s%s", b.len ? "," : "", a);
	libssh2_free(s->ses, algs);
	return buf_steal(&b);
}

static void prefer(struct ssh *s, enum ssh_class c, const char *list)
{
	_free_ char *have = known(s, c, list);

	libssh2_session_method_pref(s->ses, c, have);
}

/* The host key's kind that is pinned comes first: another would look like a
 * changed key. */
static int prefer_all(struct ssh *s, struct err *e)
{
	_free_ char *algo = NULL, *fp = NULL, *keys = NULL;

	if (trust_get(TRUST_SSH, s->host, s->port, &algo, &fp, e))
		return -1;
	if (algo)
		keys = xasprintf("%s%s,%s",
			strcmp(algo, "ssh-rsa") ? ""
						: "rsa-sha2-512,rsa-sha2-256,",
			algo, prefs[SSH_HOSTKEY]);
	for (int i = 0; i < SSH_CLASSES; i++)
		prefer(s, i, i == SSH_HOSTKEY && keys ? keys : prefs[i]);
	return 0;
}

/* The handshake failed: is it for want of a common algorithm? Then *e says
 * which; else it stays as it is. */
static void explain_handshake(struct ssh *s, double until, struct err *e)
{
	_ssh_hello_ struct ssh_hello h = {0};
	const char *lists[SSH_CLASSES];
	struct err why = {0};

	if (ssh_hello_get(s->host, s->port, until, &h, &why))
		return;
	for (int i = 0; i < SSH_CLASSES; i++)
		lists[i] = known(s, i, prefs[i]);
	if (ssh_hello_compare(&h, lists, ssh_lib(), &why) && e)
		*e = why;
	for (int i = 0; i < SSH_CLASSES; i++)
		free((char *)lists[i]);
}

static int handshake(struct ssh *s, double until, struct err *e)
{
	int rc;

	if (prefer_all(s, e))
		return -1;
	rc = SSH_TRY(s, until, e, libssh2_session_handshake(s->ses, s->fd));
	if (ssh_tried(s, rc, e)) {
		if (rc != LIBSSH2_ERROR_EAGAIN)
			explain_handshake(s, until, e);
		return -1;
	}
	return 0;
}

static int check_hostkey(struct ssh *s, const char *accept, struct err *e)
{
	_free_ char *algo = NULL;
	const char *sha =
		libssh2_hostkey_hash(s->ses, LIBSSH2_HOSTKEY_HASH_SHA256);
	char fp[SSH_FINGERPRINT_LEN];
	const char *blob;
	size_t len = 0;
	int type;

	blob = libssh2_session_hostkey(s->ses, &len, &type);
	/* The blob begins with its kind's name, its length in 4 bytes. */
	if (!sha || !blob || len < 5 || len - 4 < (unsigned char)blob[3])
		return err_set(e, ERR_SSH_CONNECT, "the host shows no key");
	algo = xstrndup(blob + 4, (unsigned char)blob[3]);
	ssh_fingerprint(fp, (const unsigned char *)sha);
	return trust_check(TRUST_SSH, s->host, s->port, algo, fp, accept, e);
}

char *ssh_hostkey(struct ssh *s)
{
	_free_ char *code = NULL;
	const char *blob;
	size_t len = 0;
	int type;

	blob = libssh2_session_hostkey(s->ses, &len, &type);
	code = base64_encode(blob, len);
	return xasprintf("%.*s %s", (unsigned char)blob[3], blob + 4, code);
}

const char *ssh_kex(struct ssh *s)
{
	return libssh2_session_methods(s->ses, LIBSSH2_METHOD_KEX);
}

/* --- open and close --- */

static int open_all(struct ssh *s, const struct ssh_target *t, struct err *e)
{
	double until =
		now_mono() + (t->timeout > 0 ? t->timeout : OPEN_TIMEOUT);

	if (tcp_connect(s->host, s->port, until, &s->fd, e) ||
		handshake(s, until, e) ||
		check_hostkey(s, t->accept_hostkey, e) ||
		ssh_log_in(s, t, until, e))
		return -1;
	s->up = true;
	s->heard = now_mono();
	libssh2_keepalive_config(s->ses, 1, KEEPALIVE);
	return 0;
}

int ssh_open(const struct ssh_target *t, struct ssh **out, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	_ssh_ struct ssh *s = xcalloc(1, sizeof(*s));

	pthread_once(&once, init_once);
	s->fd = -1;
	s->host = xstrdup(t->host);
	s->port = t->port ? t->port : 22;
	s->ses = libssh2_session_init_ex(
		plain_alloc, wiping_free, plain_realloc, s);
	libssh2_session_set_blocking(s->ses, 0);
	if (open_all(s, t, e))
		return err_in(e, "log in to %s as %s", t->host, t->user);
	*out = s;
	s = NULL;
	return 0;
}

void ssh_close(struct ssh *s)
{
	if (!s)
		return;
	if (s->up && !s->dead)
		libssh2_session_disconnect(s->ses, "done");
	/* With the socket shut nothing below can wait. */
	if (s->fd >= 0)
		shutdown(s->fd, SHUT_RDWR);
	for (int i = 0; i < 100; i++)
		if (libssh2_session_free(s->ses) != LIBSSH2_ERROR_EAGAIN)
			break;
	if (s->fd >= 0)
		close(s->fd);
	free(s->host);
	free(s);
}

void cleanup_ssh(struct ssh **s)
{
	ssh_close(*s);
}

bool ssh_usable(const struct ssh *s)
{
	return s->up && !s->dead;
}
