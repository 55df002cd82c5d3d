/*
 * cert.h - the TLS side of http.c.
 */
#ifndef LAB_PVE_CERT_H
#define LAB_PVE_CERT_H

#include <openssl/ssl.h>

/* A server session over fd with the certificate of now. */
SSL *cert_ssl(int fd);

#endif
