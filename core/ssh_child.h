/*
 * Bulk reading over SSH by the machine's own ssh client as a child: it has
 * AES-GCM, which libssh2 before 1.11 has not, and costs a quarter of the
 * processor time (docs/copy.md). A shell on the host is fed with dd commands
 * and its standard output is the data. One thread uses a struct ssh_child.
 *
 * Keeps true: the child knows one host key, the one that libssh2 has just
 * checked against the pin; a password goes through a pipe in a directory of
 * our own (0700), never through argv, environment or a file; no
 * configuration of the machine or its user is read.
 */
#ifndef CORE_SSH_CHILD_H
#define CORE_SSH_CHILD_H

#include <pthread.h>

#include "extent.h"
#include "ssh.h"

/* How to reach a host that a struct ssh is logged in to. Threads that come by
 * password come one after the other: where it is another by now only the first
 * of them sends it, since hosts lock accounts. */
struct ssh_door {
	const struct ssh_target *target; /* borrowed */
	char *hostkey;                   /* see ssh_hostkey() */
	char *kex;                       /* how libssh2 came in */
	pthread_mutex_t lock;            /* of all below; held by who logs in */
	bool opened;                     /* somebody got in */
	bool not_by_child;               /* it was refused, nobody got in */
	bool refused;                    /* the password is another by now */
};
void ssh_door_make(
	struct ssh_door *d, const struct ssh_target *t, struct ssh *s);
void ssh_door_free(struct ssh_door *d);
/* Log in by libssh2: ssh_open's errors, or ERR_SSH_AUTH without a try. */
int ssh_door_open(struct ssh_door *d, struct ssh **out, struct err *e);

struct ssh_child;
/*
 * Start ssh; whether it gets in shows at the first read, which must follow
 * soon, in this thread. ERR_TOOL_MISSING (no ssh, or one that cannot be given
 * a password safely: before 8.4), ERR_IO, ERR_SSH_AUTH. Must be called by a
 * thread that lives as long as the child; d must live as long, too.
 */
int ssh_child_open(struct ssh_door *d, struct ssh_child **out, struct err *e);
void ssh_child_close(struct ssh_child *c); /* null allowed */

/* What is read, and how. */
struct ssh_reading {
	const char *file;   /* on the host */
	const char *packer; /* a command line there that compresses standard
			     * input to a gzip member; null: as it is */
	uint64_t span; /* bytes: what is read between two multiples of it is
			* whole only when it was confirmed; 0: 8 MiB */
};

/* The first of x[i, n) that lies in another span than x[i]; n: none. */
size_t ssh_span_end(const struct ssh_reading *r, const struct extent *x,
	size_t n, size_t i);

typedef int ssh_bytes(void *arg, const void *p, size_t n, struct err *e);
/*
 * Hand on every byte of these extents of a file, in order. ERR_SSH_LOST
 * where the child ended or was silent for 90 s, ERR_SSH_CONNECT or
 * ERR_SSH_AUTH where it never got in, dd's errors (core/ddread.h),
 * ERR_SOURCE_CHANGED where a dd read less than was asked for and called it no
 * error, ERR_STOPPED, or what got returned. After an error the child is only
 * good for ssh_child_close.
 */
int ssh_child_read(struct ssh_child *c, const struct ssh_reading *r,
	const struct extent *x, size_t n, ssh_bytes *got, void *arg,
	struct err *e);

#endif
