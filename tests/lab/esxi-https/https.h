/*
 * lab-esxi-https: datastore access (/folder) of the stand-in ESXi host.
 */
#ifndef LAB_ESXI_HTTPS_H
#define LAB_ESXI_HTTPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- host.c: what the host in the chroot knows ---- */

/* The number in the fault file /lab/fault/NAME: -1 where it is off, 0 where
 * it holds none. */
long long host_fault(const char *name);
/* As host_fault, and counts it down; at 0 the fault ends. True while it was
 * on. For "the next N requests". */
bool host_fault_count(const char *name);
/* Is the file held by a running VM? */
bool host_locked(const char *path);
/* Right user and password, and the account not locked; counts as a login in
 * auth.log. */
bool host_login(const char *user, const char *password, const char *from);
/* One line of commands.log; range may be null. */
void host_log(const char *method, const char *url, const char *range);
/* Of n bytes about to be sent, how many may be; *last: the fault cut-after
 * strikes behind them (and is over). */
size_t host_cut(size_t n, bool *last);

/* ---- range.c ---- */

/*
 * A Range header against a file of `size` bytes. 1: one range, [*from, *to]
 * inclusive; 0: none that counts (absent, several, not bytes), send all;
 * -1: cannot be satisfied.
 */
int range_parse(
	const char *header, uint64_t size, uint64_t *from, uint64_t *to);

#endif
