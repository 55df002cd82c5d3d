/*
 * What a running Windows needs to get its virtio drivers: a temporary disk on
 * virtio-scsi, so that the driver is bound and starts at boot, and the disc
 * with the drivers. Both are attached while the VM is off, and taken away
 * again; the disk is journalled by its name before it is made.
 */
#ifndef CORE_VIRTIO_KIT_H
#define CORE_VIRTIO_KIT_H

#include "pve.h"
#include "run.h"

/* Volume ids of the discs named virtio-win*.iso on the node's storages, the
 * newest name first, and the names of the storages that take ISO images.
 * Arrays of texts, new references. */
int virtio_kit_discs(
	struct pve *p, json_t **discs, json_t **storages, struct err *e);
/* The VM is off: the disk made, both attached. disc: a volume id, or null for
 * none. What is there already stays. */
int virtio_kit_attach(
	struct run *r, struct pve *p, const char *disc, struct err *e);
/* The VM is off: the disk and its volume gone, the disc out. Success where
 * nothing is there. */
int virtio_kit_detach(
	struct run *r, struct pve *p, const char *disc, struct err *e);

#endif
