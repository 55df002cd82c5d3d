/*
 * A line of shell in the moved guest while it runs: through its agent, else
 * over SSH where the plan says how:
 *
 *   "guest": {"ssh": {"user": "root", "key_file": "/root/.ssh/id_ed25519",
 *             "port": 22, "address": of the plan, "hostkey": "SHA256:.."}}
 *
 * and guest.password among the secrets (also for sudo, where the user is not
 * root).
 *
 * Keeps true: the host key is one of those on the copied disk, the plan's, or
 * one that the operator agreed to; a login that was refused is not tried a
 * second time in a wait.
 */
#ifndef CORE_GUEST_SHELL_H
#define CORE_GUEST_SHELL_H

#include "run.h"

/* Does the plan say how the guest is reached over SSH? */
bool guest_ssh_wanted(const struct run *r);
/* Log in and out again, within so many seconds. ERR_SSH_*, ERR_TIMEOUT,
 * ERR_STOPPED. Asks nothing. */
int guest_ssh_try(struct run *r, double patience, struct err *e);

/*
 * Run it as root by /bin/sh -c. *out is its standard output, to be freed; *by
 * is "agent" or "ssh"; its exit status does not matter. -1: neither way went,
 * the error tells why of each; ERR_ANSWER_NEEDED: an unknown host key is
 * asked about; ERR_STOPPED.
 */
int guest_shell(struct run *r, const char *script, double timeout, char **out,
	const char **by, struct err *e);
/* The same over SSH alone. */
int guest_ssh_shell(struct run *r, const char *script, double timeout,
	char **out, struct err *e);

#endif
