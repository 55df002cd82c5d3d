/*
 * Reading parts of a file on an ESXi host by its dd over a libssh2 session,
 * one command after the other. Keeps true: a span's last byte is handed on
 * only when dd has said that it read all it was asked for.
 */
#ifndef CORE_SSH_DD_H
#define CORE_SSH_DD_H

#include "ssh.h"
#include "ssh_child.h"
#include "str.h"

#define DD_COMMAND_MAX 20000 /* bytes; libssh2 takes 32000 */

/* Run commands of ddread.h on a file and hand on what they print. Errors of
 * ssh_stream and dd_judge, or what got returned. */
int dd_run(struct ssh *ssh, const char *file, const struct buf *cmd,
	ssh_bytes *got, void *arg, struct err *e);
/* Hand on every byte of these extents, in order, a command for each span.
 * how->packer is not used. ERR_SOURCE_CHANGED where a dd came short, else
 * dd_run's errors. */
int dd_read(struct ssh *ssh, const struct ssh_reading *how,
	const struct extent *x, size_t n, ssh_bytes *got, void *arg,
	struct err *e);

#endif
