/*
 * Facts: what scan finds on both sides, as one JSON object (docs/plan.md).
 * Reading only; nothing is changed anywhere.
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include "json.h"
#include "pve.h"
#include "ssh.h"

/*
 * "source", "vms", "networks", "datastores", "passthrough" of an ESXi host
 * into facts. vm: id or name of the one to read in full; null: all are
 * listed, none is read in full. Errors of esxi.h.
 */
int facts_esxi(json_t *facts, const struct ssh_target *t, const char *vm,
	struct err *e);

/* "source" and "vms" (one, in full) of an .ova, .ovf or .vmx on this machine
 * into facts. Errors of vmfile.h. */
int facts_file(json_t *facts, const char *path, struct err *e);

/* "target" of a Proxmox node into facts, and "pci" of this machine. Errors of
 * pve.h. */
int facts_pve(json_t *facts, const struct pve_target *t, struct err *e);

#endif
