/*
 * What is asked on Windows' way to virtio (step windows_virtio). Each answer
 * serves once and lives until its question is answered again.
 */
#ifndef CORE_VIRTIO_ASK_H
#define CORE_VIRTIO_ASK_H

#include "oracle.h"
#include "run.h"

/* "stay" or "prepare". */
int virtio_ask_offer(struct run *r, const char **a, struct err *e);
/* One of discs (volume ids), "again" or "none". storages: where one can be
 * uploaded. */
int virtio_ask_disc(struct run *r, const json_t *discs, const json_t *storages,
	const char **a, struct err *e);
/* "off" or "force". */
int virtio_ask_off(struct run *r, const char **a, struct err *e);
/* "seen" or "back". why: what the guest agent says against it, or null. */
int virtio_ask_install(
	struct run *r, const char *why, const char **a, struct err *e);
/* "e1000", "virtio" or "back". */
int virtio_ask_switch(struct run *r, const char **a, struct err *e);
/* "up", "wait" or "back". */
int virtio_ask_look(struct run *r, const struct boot_verdict *v, const char **a,
	struct err *e);

#endif
