/*
 * Inside of core/ssh*.c: the connection and how its calls wait. The one file
 * that includes libssh2.h.
 */
#ifndef CORE_SSH_INT_H
#define CORE_SSH_INT_H

#include <libssh2.h>

#include "ssh.h"
#include "str.h"

#define SSH_PIECE (256 << 10)

struct ssh {
	int fd;
	LIBSSH2_SESSION *ses;
	char *host;
	unsigned port;
	bool up;              /* logged in */
	bool dead;            /* unusable, see ssh_usable() */
	double heard;         /* when the host last sent something */
	const char *password; /* null once it was sent */
	char asked[80];       /* a prompt that was not answered */
	char part[SSH_PIECE];
};

/* "libssh2 1.10.0" */
const char *ssh_lib(void);
/* Can this libssh2 sign with an RSA key by SHA-2? */
bool ssh_lib_rsa_sha2(void);

/* libssh2 failed: the error with its words; s is unusable after. -1. */
int ssh_lost(struct ssh *s, struct err *e);
/* After LIBSSH2_ERROR_EAGAIN: wait until it makes sense to call again. -1
 * when `until` came (0: never), the host is gone or a stop was asked for;
 * s is unusable after. */
int ssh_pause(struct ssh *s, double until, struct err *e);

/* Call until it is not EAGAIN; EAGAIN as the value means: *e is set. */
#define SSH_TRY(s, until, e, call)                             \
	({                                                     \
		int rc_;                                       \
		while ((rc_ = (call)) == LIBSSH2_ERROR_EAGAIN) \
			if (ssh_pause(s, until, e))            \
				break;                         \
		rc_;                                           \
	})
/* 0, or -1 with the error of an SSH_TRY that gave rc. */
int ssh_tried(struct ssh *s, int rc, struct err *e);

/* Log in as ssh_open() promises. */
int ssh_log_in(
	struct ssh *s, const struct ssh_target *t, double until, struct err *e);

#endif
