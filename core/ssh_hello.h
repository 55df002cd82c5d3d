/*
 * What an SSH server says before any key exchange: its banner and the lists
 * of algorithms in its KEXINIT (RFC 4253 sections 4.2, 6, 7.1). Read here on
 * a plain connection because libssh2 does not tell why nothing matched.
 */
#ifndef CORE_SSH_HELLO_H
#define CORE_SSH_HELLO_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* In the order of the packet; also libssh2's LIBSSH2_METHOD_ numbers. */
enum ssh_class {
	SSH_KEX,
	SSH_HOSTKEY,
	SSH_CIPHER_CS,
	SSH_CIPHER_SC,
	SSH_MAC_CS,
	SSH_MAC_SC,
	SSH_CLASSES
};

struct ssh_hello {
	char banner[256];         /* "SSH-2.0-OpenSSH_8.3" */
	char *lists[SSH_CLASSES]; /* comma separated */
};
#define _ssh_hello_ __attribute__((cleanup(ssh_hello_free)))
void ssh_hello_free(struct ssh_hello *h);

/* Connect, read, close. ERR_SSH_CONNECT, ERR_STOPPED. */
int ssh_hello_get(const char *host, unsigned port, double until,
	struct ssh_hello *h, struct err *e);
/* Lists out of a KEXINIT payload (first byte 20). ERR_SSH_CONNECT. */
int ssh_hello_parse(
	const unsigned char *p, size_t n, struct ssh_hello *h, struct err *e);

/* Is name a member of the comma separated list? */
bool ssh_list_has(const char *list, const char *name);
/* Have the lists a member in common? */
bool ssh_list_meets(const char *a, const char *b);

/* The first class in which ours and the host's lists have no member in
 * common: ERR_SSH_ALGORITHM naming it, with both lists; 0 where all meet.
 * lib names our side: "libssh2 1.10.0". */
int ssh_hello_compare(const struct ssh_hello *h, const char *const *ours,
	const char *lib, struct err *e);

/*
 * Why a host may refuse the signature of a user key although the key is
 * right: a sentence in out, or false where nothing is known. key: "ssh-rsa",
 * "ecdsa-sha2-nistp256", "ssh-ed25519"; rsa_sha2: can our side sign with it?
 */
bool ssh_hello_refuses(const struct ssh_hello *h, const char *key,
	bool rsa_sha2, const char *lib, char *out, size_t size);

/* "SHA256:..." as ssh-keygen -l prints it; out has 51 bytes. */
#define SSH_FINGERPRINT_LEN 51
char *ssh_fingerprint(
	char out[SSH_FINGERPRINT_LEN], const unsigned char sha256[32]);

#endif
