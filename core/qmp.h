/*
 * A line of JSON there, a line of JSON back, over a local socket: QEMU's
 * monitor (QMP) and the guest agent speak so.
 */
#ifndef CORE_QMP_H
#define CORE_QMP_H

#include "json.h"

struct qmp;

/* Connect to QEMU's monitor at path and agree on its form, waiting up to
 * `patience` seconds for the socket. ERR_TIMEOUT, ERR_STOPPED, ERR_IO. */
int qmp_open(
	const char *path, double patience, struct qmp **out, struct err *e);
/* The same for an agent's socket: nothing is agreed on. */
int qmp_agent(
	const char *path, double patience, struct qmp **out, struct err *e);
void cleanup_qmp(struct qmp **q);
#define _qmp_ __attribute__((cleanup(cleanup_qmp)))

/* Send a command; args may be null, else are stolen. ERR_IO. */
int qmp_send(struct qmp *q, const char *command, json_t *args, struct err *e);
/*
 * The next answer, up to `patience` seconds; events are passed over. *out is
 * its "return", a new reference. ERR_TIMEOUT: none yet, ask again;
 * ERR_BAD_INPUT: the other side's error, in its words; ERR_STOPPED, ERR_IO.
 */
int qmp_answer(struct qmp *q, double patience, json_t **out, struct err *e);
/* Both, waiting 10 seconds; out may be null. */
int qmp_do(struct qmp *q, const char *command, json_t *args, json_t **out,
	struct err *e);

#endif
