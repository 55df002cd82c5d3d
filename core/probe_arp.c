/* ARP from a raw socket: see probe.h. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stop.h"
#include "str.h"

/* A raw socket for ARP on that interface, and the interface's MAC. */
static int open_socket(const char *interface, struct sockaddr_ll *to,
	unsigned char own[ETH_ALEN], struct err *e)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
	struct ifreq r = {0};

	if (fd < 0)
		return err_sys(e, ERR_PERMISSION, "ARP needs a raw socket");
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	*to = (struct sockaddr_ll){.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = if_nametoindex(interface),
		.sll_halen = ETH_ALEN};
	memset(to->sll_addr, 0xff, ETH_ALEN);
	if (!to->sll_ifindex || ioctl(fd, SIOCGIFHWADDR, &r) ||
		bind(fd, (struct sockaddr *)to, sizeof(*to))) {
		err_sys(e, ERR_BAD_INPUT, "no ARP on %s", interface);
		close(fd);
		return -1;
	}
	memcpy(own, r.ifr_hwaddr.sa_data, ETH_ALEN);
	return fd;
}

static void make_question(struct ether_arp *q,
	const unsigned char own[ETH_ALEN], const struct in_addr *target)
{
	*q = (struct ether_arp){.arp_hrd = htons(ARPHRD_ETHER),
		.arp_pro = htons(ETH_P_IP),
		.arp_hln = ETH_ALEN,
		.arp_pln = 4,
		.arp_op = htons(ARPOP_REQUEST)};
	memcpy(q->arp_sha, own, ETH_ALEN);
	memcpy(q->arp_tpa, target, 4);
}

/* An answer within a second? */
static bool answered(
	int fd, const struct in_addr *target, char mac[PROBE_MAC_LEN])
{
	double until = now_mono() + 1;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	double left;

	while ((left = until - now_mono()) > 0 &&
		poll(&p, 1, left * 1000 + 1) > 0) {
		struct ether_arp a;

		if (recv(fd, &a, sizeof(a), 0) != sizeof(a) ||
			a.arp_op != htons(ARPOP_REPLY) ||
			memcmp(a.arp_spa, target, 4))
			continue;
		snprintf(mac, PROBE_MAC_LEN, "%02x:%02x:%02x:%02x:%02x:%02x",
			a.arp_sha[0], a.arp_sha[1], a.arp_sha[2], a.arp_sha[3],
			a.arp_sha[4], a.arp_sha[5]);
		return true;
	}
	return false;
}

int probe_arp(const char *interface, const char *address, double patience,
	char mac[PROBE_MAC_LEN], struct err *e)
{
	double until = now_mono() + patience;
	unsigned char own[ETH_ALEN];
	struct sockaddr_ll to;
	struct in_addr target;
	struct ether_arp q;
	_close_ int fd = -1;

	if (inet_pton(AF_INET, address, &target) != 1)
		return err_set(
			e, ERR_BAD_INPUT, "%s is not an IPv4 address", address);
	fd = open_socket(interface, &to, own, e);
	if (fd < 0)
		return -1;
	make_question(&q, own, &target);
	do {
		if (sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&to,
			    sizeof(to)) < 0)
			return err_sys(e, ERR_IO, "ARP on %s", interface);
		if (answered(fd, &target, mac))
			return 0;
		if (stop_check(e))
			return -1;
	} while (now_mono() < until);
	return err_set(e, ERR_NET_UNREACHABLE,
		"nobody answers ARP for %s on %s", address, interface);
}
