/*
 * What several steps need to know of the VM on the target: whose it is,
 * where its volumes are, its networks and its disks' places.
 */
#ifndef CORE_TARGET_H
#define CORE_TARGET_H

#include "pve.h"
#include "run.h"

/* The line in the description that says a VM is this job's. To be freed. */
char *target_tag(const struct run *r);
/*
 * The description of a VM that is made: the source's annotation (or null), cut
 * at 7000 bytes and a whole character, so that what follows fits into the
 * 8192 that the API takes: a sentence on where it comes from, and the tag. To
 * be freed.
 */
char *target_about(const char *annotation, const char *from, const char *tag);
/* 1: VM id exists and carries the tag; 0: there is no such VM; -1 with
 * ERR_TARGET_FOREIGN: it is somebody else's (or another error). */
int target_is_ours(
	const struct run *r, struct pve *p, unsigned id, struct err *e);

/*
 * May VM id be destroyed without a loss to others? Proxmox VE before 7.0 then
 * removes every volume of that id, whoever left it (pve-api.md, 7.3).
 * ERR_VOLUME_FOREIGN where a storage lists one that neither the VM's
 * configuration nor the journal names.
 */
int target_only_ours(
	const struct run *r, struct pve *p, unsigned id, struct err *e);

/*
 * In preflight: which privileges the login lacks for the VM, its storages and
 * its bridges (pve_bridges), as findings. Nothing is found before 6.1, which
 * does not tell.
 */
void target_find_rights(struct run *r, struct pve *p, const json_t *bridges);

/* Volume of disk i: any of the outputs may be null; the texts are to be
 * freed. A path that is asked for is there (node_volume_ready). ERR_INTERNAL
 * before create_vm. */
int target_volume(struct run *r, size_t i, char **volid, char **path,
	uint64_t *size, char **format, struct err *e);

/* The NIC that the failover IP is on: hoster.nic, else the first with an
 * address, else the first. */
size_t target_moved_nic(const struct run *r);

/* The MAC of NIC i: what move_ip or await_ip learnt, else the plan's.
 * Borrowed. */
const char *target_mac(const struct run *r, size_t i);

/* net0.. of the plan, with the MAC that move_ip learnt and the model that
 * choose_bus chose. */
void target_add_nics(
	const struct run *r, struct pve_params *params, bool link_down);

/* The bus and NIC model that choose_bus decided, or the ladder after it;
 * "scsi"/"virtio" before. A measure of guest_fix, start_vm or windows_virtio
 * has both. */
const char *target_bus(const struct run *r);
const char *target_nic(const struct run *r);
/* "scsi0": the key of disk i on that bus. */
int target_disk_key(const struct run *r, size_t i, char key[16], struct err *e);

#endif
