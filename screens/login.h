/* Scans that may meet an unknown host key or certificate. */
#ifndef SCREENS_LOGIN_H
#define SCREENS_LOGIN_H

#include "child.h"
#include "kept.h"

/*
 * Run a scan; where the host key or certificate is new, show its fingerprint,
 * ask, and run it again with what was accepted. pin keeps the accepted one
 * (size bytes). l: whose password it is, which may be kept, or null. 0, or -1
 * once the operator has seen the error.
 */
int login_scan(struct wizard *w, const char *busy, const struct args *a,
	char *pin, size_t size, const struct kept_login *l);

#endif
