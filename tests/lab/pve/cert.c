/*
 * cert.c - the self-signed certificate, its fingerprint and the TLS context.
 *
 * Keeps true: the certificate stays the same over restarts until somebody
 * asks for a new one (fault cert-change); new connections see the new one.
 */
#include "pve.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "cert.h"

static SSL_CTX *ctx;
static pthread_mutex_t ctx_lock = PTHREAD_MUTEX_INITIALIZER;

SSL *cert_ssl(int fd)
{
	SSL *ssl;

	pthread_mutex_lock(&ctx_lock);
	ssl = ctx ? SSL_new(ctx) : NULL;
	pthread_mutex_unlock(&ctx_lock);
	if (ssl)
		SSL_set_fd(ssl, fd);
	return ssl;
}

static X509 *cert_make(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	X509_EXTENSION *san;
	auto_free char *serial = random_hex(7);
	auto_free char *alt = fmt("DNS:localhost,DNS:" NODE ",IP:127.0.0.1%s%s",
		strcmp(lab.address, "127.0.0.1") ? ",IP:" : "",
		strcmp(lab.address, "127.0.0.1") ? lab.address : "");

	X509_set_version(x, 2);
	ASN1_INTEGER_set_uint64(
		X509_get_serialNumber(x), strtoull(serial, NULL, 16));
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), 3650L * 86400);
	X509_NAME_add_entry_by_txt(n, "OU", MBSTRING_ASC,
		(const void *)"PVE Cluster Node", -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC,
		(const void *)"Proxmox Virtual Environment", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		n, "CN", MBSTRING_ASC, (const void *)NODE ".lab", -1, -1, 0);
	X509_set_issuer_name(x, n);
	X509_set_pubkey(x, key);
	san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
	if (san) {
		X509_add_ext(x, san, -1);
		X509_EXTENSION_free(san);
	}
	X509_sign(x, key, EVP_sha256());
	return x;
}

static int pem_write(const char *path, X509 *x, EVP_PKEY *key)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;
	int rc;

	PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_bio_X509(b, x);
	n = BIO_get_mem_data(b, &p);
	rc = file_write(path, p, (size_t)n, 0600);
	BIO_free(b);
	return rc;
}

static int fingerprint_write(X509 *x)
{
	auto_free char *path = fmt("%s/fingerprint", lab.dir);
	unsigned char md[32];
	char text[3 * sizeof(md) + 1];

	if (!X509_digest(x, EVP_sha256(), md, NULL))
		return -1;
	for (size_t i = 0; i < sizeof(md); i++)
		snprintf(text + 3 * i, 4, "%02X%s", md[i],
			i + 1 < sizeof(md) ? ":" : "\n");
	return file_write(path, text, 3 * sizeof(md), 0644);
}

int cert_load(bool anew)
{
	auto_free char *path = fmt("%s/pve-ssl.pem", lab.dir);
	SSL_CTX *n, *old;

	if (anew || access(path, R_OK)) {
		EVP_PKEY *key = EVP_RSA_gen(2048);
		X509 *x = cert_make(key);
		int rc = pem_write(path, x, key);

		X509_free(x);
		EVP_PKEY_free(key);
		if (rc)
			return -1;
	}
	n = SSL_CTX_new(TLS_server_method());
	if (!n ||
		SSL_CTX_use_certificate_file(n, path, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_use_PrivateKey_file(n, path, SSL_FILETYPE_PEM) != 1 ||
		fingerprint_write(SSL_CTX_get0_certificate(n))) {
		SSL_CTX_free(n);
		return -1;
	}
	pthread_mutex_lock(&ctx_lock);
	old = ctx;
	ctx = n;
	pthread_mutex_unlock(&ctx_lock);
	SSL_CTX_free(old);
	return 0;
}
