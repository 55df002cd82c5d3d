/* ifcfg-NAME files: what the RHEL (ifcfg.c) and SUSE (suse.c) kinds share. */
#ifndef CORE_GUEST_SYSCONFIG_H
#define CORE_GUEST_SYSCONFIG_H

#include "ini.h"
#include "network.h"

/* The ifcfg-* of a directory that are read (no backups); new reference. */
json_t *sysconfig_files(struct guest *g, const char *dir);
/* DEVICE, else the name behind "ifcfg-"; to be freed. */
char *sysconfig_name(const struct text *t, const char *path);
/* IPADDR (or IPADDR0) with its prefix from PREFIX, PREFIXLEN or NETMASK;
 * -1: none. */
int sysconfig_address(const struct text *t, struct addr *out);
/* Write it back in the form it has: A/P, PREFIX or NETMASK. */
void sysconfig_put_address(struct text *t, const struct addr *a);
/* "dhcp" of BOOTPROTO, or not. */
bool sysconfig_dhcp(const struct text *t);
/* Is it not brought up at start-up (ONBOOT, STARTMODE)? */
bool sysconfig_off(const struct text *t);
/* The file of an interface of that name among files; null: none. */
const char *sysconfig_file(struct guest *g, const struct guest_changes *cs,
	const json_t *files, const char *name);

/*
 * A route file (ip-route arguments, or SUSE's columns): default routes and
 * host routes by way of `from` go by way of `to`; where the file has no
 * default route, or is not there, `lines` are added. Writes the change.
 */
void sysconfig_routes(struct guest *g, const char *path, const char *from,
	const char *to, const char *const *lines, struct guest_changes *cs);

#endif
