/*
 * SSH to an ESXi host, over libssh2 (1.10 of Debian 12 and newer). One
 * struct ssh is one connection and is used by one thread at a time; several
 * may exist at once. Every wait ends on a stop request, on its timeout, and
 * when the host has been silent for 90 s in spite of keepalives.
 */
#ifndef CORE_SSH_H
#define CORE_SSH_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct ssh_target {
	const char *host;
	unsigned port; /* 0: 22 */
	const char *user;
	const char *key_file; /* private key without passphrase, or null */
	const char *password; /* borrowed, may be null */
	const char *accept_hostkey; /* see trust_check(); may be null */
	double timeout;             /* to connect and log in, s; 0: 30 */
};

struct ssh;

/*
 * Connect, check the host key's pin, log in: public key if one is given,
 * then the password, once: by keyboard-interactive where the host offers it,
 * else by the password method; never by both.
 * ERR_SSH_CONNECT, ERR_SSH_ALGORITHM (which class, both lists),
 * ERR_SSH_HOSTKEY_NEW, ERR_SSH_HOSTKEY_CHANGED, ERR_SSH_AUTH (with the
 * methods the host offers), ERR_TIMEOUT, ERR_STOPPED.
 */
int ssh_open(const struct ssh_target *t, struct ssh **out, struct err *e);
void ssh_close(struct ssh *s); /* null allowed */
void cleanup_ssh(struct ssh **s);
#define _ssh_ __attribute__((cleanup(cleanup_ssh)))

/* False once the connection was lost or given up in the middle of something
 * (timeout, stop): every later call is ERR_SSH_LOST; open another. */
bool ssh_usable(const struct ssh *s);

/* The host's key, which was checked, as a line of known_hosts names it behind
 * the host: "ecdsa-sha2-nistp256 AAAA..."; to be freed. */
char *ssh_hostkey(struct ssh *s);
/* "ecdh-sha2-nistp256": how keys were exchanged; valid as long as s. */
const char *ssh_kex(struct ssh *s);

struct ssh_result {
	int status;      /* exit status; -1 where a signal ended it */
	char signal[16]; /* "KILL", or "" */
	char *out;       /* NUL-terminated; empty for ssh_stream */
	size_t out_len;
	char *err; /* the first 64 KiB of standard error */
};
#define _ssh_result_ __attribute__((cleanup(ssh_result_free)))
void ssh_result_free(struct ssh_result *r);

/*
 * Run cmd (made with sh_quote wherever a part came from elsewhere) with in
 * as its standard input (may be null). 0 where it ran to an end: look at
 * r->status. Standard output past 32 MiB is ERR_ESXI_COMMAND. timeout: s,
 * 0 for none: ERR_TIMEOUT. ERR_SSH_LOST, ERR_STOPPED.
 */
int ssh_exec(struct ssh *s, const char *cmd, const void *in, size_t in_len,
	double timeout, struct ssh_result *r, struct err *e);

/*
 * Run cmd and hand its standard output on as it comes (window 2 MiB, pieces
 * of at most 256 KiB, p valid during the call). got returns -1 with the
 * error to end it. 0 where the command ran to an end; its status, signal and
 * standard error are in r. r null: a status other than 0 is ERR_ESXI_COMMAND
 * with the last line of standard error. Whether all bytes came is the
 * caller's to count. ERR_SSH_LOST, ERR_STOPPED.
 */
int ssh_stream(struct ssh *s, const char *cmd,
	int (*got)(void *arg, const void *p, size_t n, struct err *e),
	void *arg, struct ssh_result *r, struct err *e);

/*
 * A command beside others: started, waited for in parts, and between the
 * parts ssh_exec works on the same connection.
 */
struct ssh_cmd;
int ssh_start(
	struct ssh *s, const char *cmd, struct ssh_cmd **out, struct err *e);
/* Read for at most so many seconds; *done once it ended. */
int ssh_wait(struct ssh_cmd *c, double seconds, bool *done, struct err *e);
/* After *done. */
int ssh_finish(struct ssh_cmd *c, struct ssh_result *r, struct err *e);
/* Also gives up a command that runs: the host may finish it all the same. */
void ssh_cmd_free(struct ssh_cmd *c);
void cleanup_ssh_cmd(struct ssh_cmd **c);
#define _ssh_cmd_ __attribute__((cleanup(cleanup_ssh_cmd)))

#endif
