/* IPv4 addresses: see addr.h. */
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "../str.h"

uint32_t addr_netmask(unsigned prefix)
{
	return prefix ? ~(uint32_t)0 << (32 - prefix) : 0;
}

int addr_mask(const char *s, unsigned *prefix)
{
	struct in_addr in;
	uint64_t n;

	if (str_u64(s, 32, &n) == 0) {
		*prefix = n;
		return 0;
	}
	if (inet_pton(AF_INET, s, &in) != 1)
		return -1;
	for (unsigned p = 0; p <= 32; p++) {
		if (addr_netmask(p) == ntohl(in.s_addr)) {
			*prefix = p;
			return 0;
		}
	}
	return -1;
}

int addr_parse(const char *s, struct addr *out)
{
	_free_ char *copy = xstrdup(s);
	char *slash = strchr(copy, '/');
	struct in_addr in;
	unsigned prefix = 32;

	if (slash) {
		*slash = '\0';
		if (addr_mask(slash + 1, &prefix))
			return -1;
	}
	if (inet_pton(AF_INET, copy, &in) != 1)
		return -1;
	*out = (struct addr){ntohl(in.s_addr), prefix};
	return 0;
}

char *addr_text(char out[ADDR_LEN], uint32_t ip)
{
	snprintf(out, ADDR_LEN, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255,
		ip >> 8 & 255, ip & 255);
	return out;
}

bool addr_inside(const struct addr *a, uint32_t ip)
{
	uint32_t m = addr_netmask(a->prefix);

	return ip != a->ip && (ip & m) == (a->ip & m);
}
