/*
 * SHA-256, at once and piece by piece; SHA-1, which signatures of others ask
 * for. The only user of OpenSSL's EVP.
 */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define SHA256_LEN 32
#define SHA256_HEX 65 /* 64 digits and NUL */

struct sha256;

/* A running digest. It may be finished and started again. */
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *d);
void cleanup_sha256(struct sha256 **d);
#define _sha256_ __attribute__((cleanup(cleanup_sha256)))

void sha256_add(struct sha256 *d, const void *p, size_t n);
/* The digest of all that was added; d is as new after. */
void sha256_end(struct sha256 *d, unsigned char out[SHA256_LEN]);

/* One shot. */
void sha256(const void *p, size_t n, unsigned char out[SHA256_LEN]);
/* The same as 64 lower-case digits. */
void sha256_hex(const void *p, size_t n, char out[SHA256_HEX]);
/* Digest of a whole file. ERR_NOT_FOUND, ERR_IO. */
int sha256_file(const char *path, char out[SHA256_HEX], struct err *e);

/*
 * The digest of len bytes of fd from offset at on, as lower-case hexadecimal,
 * to be freed. name: "SHA1", "SHA224", "SHA256", "SHA384" or "SHA512" in any
 * case, else ERR_BAD_INPUT. got (may be null) is told of every piece read;
 * its -1 ends it. The bytes do not stay in the page cache. ERR_IO, also where
 * the file is shorter.
 */
int digest_range(const char *name, int fd, uint64_t at, uint64_t len,
	int (*got)(void *arg, uint64_t n, struct err *e), void *arg, char **hex,
	struct err *e);

#define SHA1_HEX 41
/* SHA-1 as 40 lower-case digits: not against forgers of documents. */
void sha1_hex(const void *p, size_t n, char out[SHA1_HEX]);

#endif
