/* What this machine tells of its hoster: see hoster.h. */
#include "hoster.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* IPv4 addresses of interfaces that are up, the loopback's left out. */
static void local_addresses(json_t *out)
{
	struct ifaddrs *list = NULL;

	json_put(out, "addresses", json_array());
	if (getifaddrs(&list))
		return;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		char text[INET_ADDRSTRLEN];
		const struct sockaddr_in *a = (const void *)i->ifa_addr;

		if (!a || a->sin_family != AF_INET ||
			(i->ifa_flags & IFF_LOOPBACK))
			continue;
		if (inet_ntop(AF_INET, &a->sin_addr, text, sizeof(text)))
			hoster_add(out, "addresses", text);
	}
	freeifaddrs(list);
}

/* /proc/net/route: "vmbr0 00000000 FE6433C6 0003 ..", numbers in host order
 * of the bytes as they lie in memory. */
static void default_gateway(json_t *out)
{
	_free_ char *text = NULL;
	char *p, *line;

	if (file_read("/proc/net/route", 1 << 20, &text, NULL, NULL))
		return;
	p = text;
	while ((line = str_line(&p))) {
		char dest[16], gw[16], ip[INET_ADDRSTRLEN];
		struct in_addr a;
		uint64_t n;

		if (sscanf(line, "%*31s %15s %15s", dest, gw) != 2 ||
			strcmp(dest, "00000000") || str_hex64(gw, &n) || !n)
			continue;
		a.s_addr = n;
		if (inet_ntop(AF_INET, &a, ip, sizeof(ip)))
			json_put_str(out, "gateway", ip);
		return;
	}
}

static void resolvers(json_t *out)
{
	_free_ char *text = NULL;
	char *p, *line;

	json_put(out, "resolvers", json_array());
	if (file_read("/etc/resolv.conf", 1 << 20, &text, NULL, NULL))
		return;
	p = text;
	while ((line = str_line(&p)))
		if (str_starts(line, "nameserver "))
			hoster_add(out, "resolvers", str_trim(line + 11));
}

/* Of the first address that is not private. */
static void reverse_name(json_t *out)
{
	const json_t *list = json_object_get(out, "addresses"), *v;
	char name[NI_MAXHOST];
	size_t i;

	json_array_foreach (list, i, v) {
		struct sockaddr_in a = {.sin_family = AF_INET};
		uint32_t ip;

		if (inet_pton(AF_INET, json_string_value(v), &a.sin_addr) != 1)
			continue;
		ip = ntohl(a.sin_addr.s_addr);
		if (ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8)
			continue;
		if (getnameinfo((void *)&a, sizeof(a), name, sizeof(name), NULL,
			    0, NI_NAMEREQD) == 0)
			json_put_str(out, "reverse", name);
		return;
	}
}

json_t *hoster_machine(bool resolve)
{
	json_t *out = json_object();
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	json_put_str(out, "hostname", name);
	local_addresses(out);
	default_gateway(out);
	resolvers(out);
	if (resolve)
		reverse_name(out);
	return out;
}

int hoster_signs(
	const json_t *machine, const char *const *dns, const char *const *names)
{
	const json_t *list = json_object_get(machine, "resolvers"), *v;
	size_t i, k;

	for (i = 0; names[i]; i++)
		if (strstr(json_str_or(machine, "hostname", ""), names[i]) ||
			strstr(json_str_or(machine, "reverse", ""), names[i]))
			return 90;
	json_array_foreach (list, k, v)
		for (i = 0; dns[i]; i++)
			if (strcmp(json_string_value(v), dns[i]) == 0)
				return 60;
	return 0;
}
