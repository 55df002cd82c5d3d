/* Inside of ssh_child: what its start (ssh_child.c) and its reading
 * (ssh_child_read.c) share. */
#ifndef CORE_SSH_CHILD_INT_H
#define CORE_SSH_CHILD_INT_H

#include <sys/types.h>

#include "ssh_child.h"
#include "str.h"

#define SSH_CHILD_PIECE (256U << 10) /* bytes read at once */
#define SSH_CHILD_GRACE 2.0          /* s, for its end */

struct ssh_child {
	pid_t pid;
	int in, out, err; /* our ends */
	char *dir;        /* known_hosts, askpass, password */
	int password;     /* the pipe, open for reading and writing; or -1 */
	bool heard;       /* something came: it is logged in */
	struct ssh_door *held; /* its lock is ours until that is known */
	size_t begun;          /* see dd_begin */
	unsigned char *buf;

	/* What its standard error told. */
	struct buf words; /* without what is understood */
	unsigned sent;    /* groups of which dd gave all */
	double sent_at;   /* when it said so last */
	bool failed;      /* a dd failed, before gzip: the words say why */
	bool cut;         /* a dd read less than a block: no error where */
	unsigned cut_at;  /* this group (a number, as sent) is sent, too */

	/* Where the host compresses; null until then. */
	struct gunzip *z;
	unsigned char *out_buf;
};

/* It got in, or was refused: others may come now. */
void ssh_child_known(struct ssh_child *c, bool refused);

#endif
