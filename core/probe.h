/* Is an address there, seen from this machine? */
#ifndef CORE_PROBE_H
#define CORE_PROBE_H

#include "err.h"

/* Ping until an answer comes or patience (s) is over: ERR_NET_UNREACHABLE.
 * *ms: the round trip. Uses ping(8), which may send ICMP. */
int probe_ping(const char *address, double patience, double *ms, struct err *e);
/* The same with a TCP connection. */
int probe_tcp(
	const char *address, unsigned port, double patience, struct err *e);

/*
 * Who answers ARP for an IPv4 address on this interface? mac: "aa:bb:..".
 * Asked without an address of ours, so that nobody's table changes.
 * ERR_NET_UNREACHABLE, ERR_PERMISSION (raw sockets), ERR_BAD_INPUT.
 */
#define PROBE_MAC_LEN 18
int probe_arp(const char *interface, const char *address, double patience,
	char mac[PROBE_MAC_LEN], struct err *e);

#endif
