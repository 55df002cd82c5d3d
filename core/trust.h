/*
 * Who was met before: SSH host keys and TLS certificates pinned on first
 * sight, in STATE/trust, mode 0600, one line each:
 *
 *   ssh HOST:PORT ALGORITHM SHA256:base64      (as ssh-keygen -lf prints it)
 *   tls HOST:PORT AA:BB:...:FF                 (SHA-256 of the certificate)
 *
 * One pin a kind, host and port. Changes are made under a lock, so that
 * several vmferry at once lose none.
 */
#ifndef CORE_TRUST_H
#define CORE_TRUST_H

#include "err.h"
#include "json.h"

enum trust_kind { TRUST_SSH, TRUST_TLS };

/* What accept may say beside a fingerprint: pin whatever is met first. For
 * the lab and for hosts on a network of one's own. */
#define TRUST_FIRST "first"

/*
 * May we talk to this host? 0 where the pin equals fingerprint, or where
 * there is no pin and accept names it (it is pinned then). accept: null, the
 * fingerprint, or TRUST_FIRST. algo: name of the key's kind for TRUST_SSH,
 * null for TRUST_TLS.
 * No pin: ERR_SSH_HOSTKEY_NEW / ERR_PVE_CERT_NEW with the fingerprint.
 * Another pin: ERR_SSH_HOSTKEY_CHANGED / ERR_PVE_CERT_CHANGED with both;
 * accept never overrides that. Also ERR_IO, ERR_BAD_INPUT. Thread-safe.
 */
int trust_check(enum trust_kind kind, const char *host, unsigned port,
	const char *algo, const char *fingerprint, const char *accept,
	struct err *e);

/* The pin of a host: algo (null for TLS) and fingerprint, to be freed; both
 * null where there is none. algo may be null. */
int trust_get(enum trust_kind kind, const char *host, unsigned port,
	char **algo, char **fingerprint, struct err *e);

/* Drop the pin. port 0: every port of the host. ERR_NOT_FOUND. */
int trust_forget(
	enum trust_kind kind, const char *host, unsigned port, struct err *e);

/* All pins: [{kind, host, port, algorithm, fingerprint}], new reference. */
int trust_list(json_t **out, struct err *e);

#endif
