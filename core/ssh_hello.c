/* The host's side of an SSH negotiation: see ssh_hello.h. */
#include "ssh_hello.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "i18n.h"
#include "str.h"
#include "tcp.h"

#define KEXINIT 20
/* RFC 4253 6.1: every implementation takes packets of 35000 bytes. */
#define PACKET_MAX 35000
/* A list in a message; why[] must hold two. */
#define SHOWN 84

static const char *const class_names[SSH_CLASSES] = {
	[SSH_KEX] = N_("key exchange"),
	[SSH_HOSTKEY] = N_("host key"),
	[SSH_CIPHER_CS] = "cipher",
	[SSH_CIPHER_SC] = "cipher",
	[SSH_MAC_CS] = "MAC",
	[SSH_MAC_SC] = "MAC",
};

void ssh_hello_free(struct ssh_hello *h)
{
	for (size_t i = 0; i < SSH_CLASSES; i++)
		free(h->lists[i]);
	*h = (struct ssh_hello){0};
}

static bool has_n(const char *list, const char *name, size_t n)
{
	while (list && *list) {
		size_t m = strcspn(list, ",");

		if (m == n && memcmp(list, name, n) == 0)
			return true;
		list += m + (list[m] == ',');
	}
	return false;
}

bool ssh_list_has(const char *list, const char *name)
{
	return has_n(list, name, strlen(name));
}

bool ssh_list_meets(const char *a, const char *b)
{
	while (a && *a) {
		size_t n = strcspn(a, ",");

		if (n && has_n(b, a, n))
			return true;
		a += n + (a[n] == ',');
	}
	return false;
}

static unsigned be32(const unsigned char *p)
{
	return (unsigned)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

int ssh_hello_parse(
	const unsigned char *p, size_t n, struct ssh_hello *h, struct err *e)
{
	size_t at = 17; /* type and cookie */

	if (n < at || p[0] != KEXINIT)
		return err_set(e, ERR_SSH_CONNECT,
			"the host does not begin with its algorithms");
	for (size_t i = 0; i < SSH_CLASSES; i++) {
		unsigned len;

		if (n - at < 4 || (len = be32(p + at)) > n - at - 4)
			return err_set(e, ERR_SSH_CONNECT,
				"the host's list of algorithms is cut short");
		free(h->lists[i]);
		h->lists[i] = xstrndup((const char *)p + at + 4, len);
		at += 4 + len;
	}
	return 0;
}

/* --- reading it --- */

static int recv_all(int fd, void *p, size_t n, double until, struct err *e)
{
	unsigned char *at = p;

	while (n) {
		int ready = tcp_wait(fd, POLLIN, until, e);
		ssize_t r;

		if (ready < 0)
			return -1;
		if (!ready)
			return err_set(
				e, ERR_SSH_CONNECT, "the host says nothing");
		r = read(fd, at, n);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (r <= 0)
			return err_set(e, ERR_SSH_CONNECT,
				"the host closed the connection at once");
		at += r;
		n -= r;
	}
	return 0;
}

/* Lines before the one that begins with SSH- are allowed (RFC 4253 4.2). */
static int read_banner(int fd, double until, struct ssh_hello *h, struct err *e)
{
	for (int line = 0; line < 64; line++) {
		size_t n = 0;
		char c;

		do {
			if (recv_all(fd, &c, 1, until, e))
				return -1;
			if (n + 1 < sizeof(h->banner))
				h->banner[n++] = c;
		} while (c != '\n');
		h->banner[n] = '\0';
		h->banner[strcspn(h->banner, "\r\n")] = '\0';
		if (str_starts(h->banner, "SSH-"))
			return 0;
	}
	return err_set(e, ERR_SSH_CONNECT, "no SSH server answers there");
}

static int read_kexinit(
	int fd, double until, struct ssh_hello *h, struct err *e)
{
	unsigned char head[5], body[PACKET_MAX];
	unsigned len;

	if (recv_all(fd, head, sizeof(head), until, e))
		return -1;
	len = be32(head);
	/* length counts the padding's length byte, payload and padding */
	if (len > PACKET_MAX || len < 2 + (unsigned)head[4])
		return err_set(e, ERR_SSH_CONNECT,
			"the host's first packet is not SSH");
	if (recv_all(fd, body, len - 1, until, e))
		return -1;
	return ssh_hello_parse(body, len - 1 - head[4], h, e);
}

int ssh_hello_get(const char *host, unsigned port, double until,
	struct ssh_hello *h, struct err *e)
{
	static const char ours[] = "SSH-2.0-vmferry\r\n";
	_ssh_hello_ struct ssh_hello got = {0};
	_close_ int fd = -1;

	if (tcp_connect(host, port, until, &fd, e))
		return -1;
	if (write_all(fd, ours, sizeof(ours) - 1))
		return err_sys(e, ERR_SSH_CONNECT, "%s", host);
	if (read_banner(fd, until, &got, e) || read_kexinit(fd, until, &got, e))
		return -1;
	*h = got;
	got = (struct ssh_hello){0};
	return 0;
}

/* --- what to say about it --- */

/* At most SHOWN characters of a list, cut between members. */
static char *shown(char out[SHOWN + 5], const char *list)
{
	size_t n = strlen(list);

	if (n > SHOWN) {
		n = SHOWN;
		while (n && list[n] != ',')
			n--;
	}
	snprintf(out, SHOWN + 5, "%.*s%s", (int)n, list, list[n] ? ",..." : "");
	return out;
}

/* With AES-GCM no MAC is negotiated (RFC 5647 as OpenSSH does it). */
static bool gcm_meets(const char *a, const char *b)
{
	static const char *const gcm[] = {"aes128-gcm@openssh.com",
		"aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"};

	for (size_t i = 0; i < ARRAY_LEN(gcm); i++)
		if (ssh_list_has(a, gcm[i]) && ssh_list_has(b, gcm[i]))
			return true;
	return false;
}

int ssh_hello_compare(const struct ssh_hello *h, const char *const *ours,
	const char *lib, struct err *e)
{
	char a[SHOWN + 5], b[SHOWN + 5];

	for (int i = 0; i < SSH_CLASSES; i++) {
		if (ssh_list_meets(ours[i], h->lists[i]))
			continue;
		if (i >= SSH_MAC_CS && gcm_meets(ours[i - 2], h->lists[i - 2]))
			continue;
		return err_set(e, ERR_SSH_ALGORITHM,
			"no common %s algorithm: the host takes %s; %s has %s",
			class_names[i], shown(a, h->lists[i]), lib,
			shown(b, ours[i]));
	}
	return 0;
}

/* OpenSSH's release as 100 * major + minor; 0 where it is another server. */
static unsigned openssh_release(const char *banner)
{
	const char *s = strstr(banner, "OpenSSH_");
	unsigned v[2] = {0};

	if (!s)
		return 0;
	s += strlen("OpenSSH_");
	for (int i = 0; i < 2; i++) {
		while (isdigit((unsigned char)*s) && v[i] < 100)
			v[i] = v[i] * 10 + *s++ - '0';
		s += *s == '.';
	}
	return 100 * v[0] + v[1];
}

bool ssh_hello_refuses(const struct ssh_hello *h, const char *key,
	bool rsa_sha2, const char *lib, char *out, size_t size)
{
	unsigned release = openssh_release(h->banner);
	const char *keys = h->lists[SSH_HOSTKEY];

	if (!keys)
		return false;
	/* A host key list with rsa-sha2 but without ssh-rsa, and OpenSSH from
	 * 8.8 on, mean that SHA-1 signatures of users are refused as well. */
	if (strcmp(key, "ssh-rsa") == 0 && !rsa_sha2 &&
		!ssh_list_has(keys, "ssh-rsa") &&
		(release >= 808 || ssh_list_has(keys, "rsa-sha2-256"))) {
		snprintf(out, size,
			N_("%s signs with an RSA key only by ssh-rsa (SHA-1), "
			   "which this host (%s) no longer takes from a user; "
			   "an ECDSA key works"),
			lib, h->banner);
		return true;
	}
	/* OpenSSH got ECDSA in 5.7 and Ed25519 in 6.5. */
	if ((str_starts(key, "ecdsa-") && release && release < 507) ||
		(strcmp(key, "ssh-ed25519") == 0 && release && release < 605)) {
		snprintf(out, size,
			N_("this host (%s) is too old for a key of the kind "
			   "%s; "
			   "an RSA key works"),
			h->banner, key);
		return true;
	}
	/* FIPS mode has neither curve25519 nor Ed25519 (ESXi 8). */
	if (strcmp(key, "ssh-ed25519") == 0 && release &&
		!strstr(h->lists[SSH_KEX], "curve25519")) {
		snprintf(out, size,
			N_("this host (%s, FIPS mode) takes no Ed25519 keys; "
			   "an ECDSA key works"),
			h->banner);
		return true;
	}
	return false;
}

char *ssh_fingerprint(
	char out[SSH_FINGERPRINT_LEN], const unsigned char sha256[32])
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, have = 0;
	size_t n = 7;

	memcpy(out, "SHA256:", n);
	for (size_t i = 0; i < 32; i++) {
		bits = bits << 8 | sha256[i];
		for (have += 8; have >= 6; have -= 6)
			out[n++] = digit[bits >> (have - 6) & 63];
	}
	/* 256 bits leave 4 for a last digit; no padding. */
	out[n++] = digit[bits << (6 - have) & 63];
	out[n] = '\0';
	return out;
}
