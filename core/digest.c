/* Digests by OpenSSL: see digest.h. A libcrypto without SHA-256 aborts. */
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "str.h"

struct sha256 {
	EVP_MD_CTX *ctx;
};

static void must(int ok)
{
	if (!ok)
		abort();
}

struct sha256 *sha256_new(void)
{
	struct sha256 *d = xcalloc(1, sizeof(*d));

	d->ctx = EVP_MD_CTX_new();
	must(d->ctx != NULL);
	must(EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL));
	return d;
}

void sha256_free(struct sha256 *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void cleanup_sha256(struct sha256 **d)
{
	sha256_free(*d);
}

void sha256_add(struct sha256 *d, const void *p, size_t n)
{
	must(EVP_DigestUpdate(d->ctx, p, n));
}

void sha256_end(struct sha256 *d, unsigned char out[SHA256_LEN])
{
	must(EVP_DigestFinal_ex(d->ctx, out, NULL));
	must(EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL));
}

void sha256(const void *p, size_t n, unsigned char out[SHA256_LEN])
{
	must(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL));
}

void sha256_hex(const void *p, size_t n, char out[SHA256_HEX])
{
	unsigned char raw[SHA256_LEN];

	sha256(p, n, raw);
	hex_encode(out, raw, sizeof(raw));
}

int sha256_file(const char *path, char out[SHA256_HEX], struct err *e)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_sha256_ struct sha256 *d = sha256_new();
	unsigned char raw[SHA256_LEN];
	char part[65536];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", path);
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_IO, "%s", path);
		sha256_add(d, part, n);
	}
	sha256_end(d, raw);
	hex_encode(out, raw, sizeof(raw));
	return 0;
}

/* --- by name --- */

#define PIECE (1u << 20)

static const EVP_MD *by_name(const char *name)
{
	static const char *const names[] = {
		"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqi(names[i], name))
			return EVP_get_digestbyname(names[i]);
	return NULL;
}

static int read_piece(int fd, uint64_t at, void *p, size_t n, struct err *e)
{
	ssize_t got;

	do
		got = pread(fd, p, n, at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(
			e, ERR_IO, "read at %llu", (unsigned long long)at);
	if (!got)
		return err_set(e, ERR_IO, "the file ends at %llu",
			(unsigned long long)at);
	/* What the node's guests need shall stay. */
	(void)posix_fadvise(fd, at, got, POSIX_FADV_DONTNEED);
	return got;
}

int digest_range(const char *name, int fd, uint64_t at, uint64_t len,
	int (*got)(void *arg, uint64_t n, struct err *e), void *arg, char **hex,
	struct err *e)
{
	const EVP_MD *md = by_name(name);
	_free_ char *piece = xmalloc(PIECE);
	unsigned char raw[EVP_MAX_MD_SIZE];
	_sha256_ struct sha256 *d = NULL;
	unsigned n = 0;

	if (!md)
		return err_set(e, ERR_BAD_INPUT, "no digest %s", name);
	d = sha256_new();
	must(EVP_DigestInit_ex(d->ctx, md, NULL));
	while (len) {
		int part =
			read_piece(fd, at, piece, len < PIECE ? len : PIECE, e);

		if (part < 0)
			return -1;
		must(EVP_DigestUpdate(d->ctx, piece, part));
		at += part;
		len -= part;
		if (got && got(arg, part, e))
			return -1;
	}
	must(EVP_DigestFinal_ex(d->ctx, raw, &n));
	*hex = xmalloc(2 * n + 1);
	hex_encode(*hex, raw, n);
	return 0;
}

void sha1_hex(const void *p, size_t n, char out[SHA1_HEX])
{
	unsigned char raw[20];

	must(EVP_Digest(p, n, raw, NULL, EVP_sha1(), NULL));
	hex_encode(out, raw, sizeof(raw));
}
