/*
 * SSH user keys made here, for hosts whose algorithms an operator's own key
 * may not fit. Kept in STATE/keys (0700), NAME and NAME.pub (0600).
 */
#ifndef CORE_SSHKEY_H
#define CORE_SSHKEY_H

#include <stdbool.h>

#include "err.h"
#include "json.h"

enum sshkey_kind {
	SSHKEY_ECDSA, /* nistp256: ESXi 6.0 and newer, every libssh2 */
	SSHKEY_RSA,   /* 3072 bits: ESXi 5.x; newer with libssh2 >= 1.11 */
};

/* The file ESXi reads root's keys from. */
#define SSHKEY_AUTHORIZED "/etc/ssh/keys-root/authorized_keys"

/* Make the pair with ssh-keygen. Never overwrites: ERR_BAD_INPUT where the
 * name is taken or is not [A-Za-z0-9_-]. ERR_TOOL_MISSING, ERR_IO. */
int sshkey_new(const char *name, enum sshkey_kind kind, struct err *e);
/* Path of the private key and text of the public one, to be freed; either
 * may be null. ERR_NOT_FOUND. */
int sshkey_get(const char *name, char **path, char **public, struct err *e);
/* [{name, algorithm, path, public}], new reference. */
int sshkey_list(json_t **out, struct err *e);

#endif
