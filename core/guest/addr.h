/* IPv4 addresses with prefix, as network files write them. */
#ifndef CORE_GUEST_ADDR_H
#define CORE_GUEST_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#define ADDR_LEN 20

struct addr {
	uint32_t ip; /* host order */
	unsigned prefix;
};

/* "203.0.113.77/24", "203.0.113.77/255.255.255.0" as iproute2 takes it too
 * (prefix 32 where there is none). -1: not one. */
int addr_parse(const char *s, struct addr *out);
/* "255.255.255.0" or "24". -1: not a netmask. */
int addr_mask(const char *s, unsigned *prefix);
/* Dotted; out has ADDR_LEN bytes. Returns out. */
char *addr_text(char out[ADDR_LEN], uint32_t ip);
uint32_t addr_netmask(unsigned prefix);
/* Is ip inside a's network, and not a itself? */
bool addr_inside(const struct addr *a, uint32_t ip);

#endif
