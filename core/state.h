/*
 * Where vmferry keeps what outlives a run: $VMFERRY_STATE, else
 * /var/lib/vmferry for root, else ~/.local/state/vmferry. Directories 0700.
 *
 *   jobs/NAME/   one job        trust   pinned host keys and certificates
 *   keys/        SSH keys made here     recent   hosts seen, for the wizard
 *   secrets      what the operator wanted kept: a token made here (0600)
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "err.h"

/* "STATE/name", to be freed; name may be null. The state directory itself is
 * made on first use. */
int state_path(const char *name, char **out, struct err *e);

#endif
