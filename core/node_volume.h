/*
 * A volume of a Proxmox storage as a file or device of this machine. A zvol's
 * link comes some seconds after its making; a logical volume is there only
 * while it is active, which it is not after a reboot of the node (nor, since
 * Proxmox VE 9, by itself at all); an RBD image must be mapped.
 */
#ifndef CORE_NODE_VOLUME_H
#define CORE_NODE_VOLUME_H

#include "err.h"

/*
 * See that `path`, which Proxmox VE names for `volid`, is there: where it is
 * not, the node's own PVE::Storage is asked to activate and map the volume,
 * and its link is waited for. ERR_TARGET_REMOTE where it does not come (with
 * the cause, where there is one), ERR_STORAGE_UNFIT where the path is no path
 * of the node (rbd:, iscsi:), ERR_STOPPED.
 */
int node_volume_ready(const char *volid, const char *path, struct err *e);

#endif
