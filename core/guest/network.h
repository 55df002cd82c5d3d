/*
 * The network stacks of Linux guests: one file each, ending in a struct
 * net_stack; what they share. See network.c for how a card, the interface
 * that carries its address, and the files come together.
 */
#ifndef CORE_GUEST_NETWORK_H
#define CORE_GUEST_NETWORK_H

#include "addr.h"
#include "own.h"
#include "text.h"

/* The new address of one NIC. */
struct net_goal {
	struct addr addr;
	const char *gateway; /* or null: stays */
	const char *dns;     /* "A B"; null: stays */
};

/* Is the gateway outside the address's own network: must it be told to be
 * on the link? */
bool net_far(const struct net_goal *goal);
/* Is the text an IPv4 address, with or without prefix? */
bool net_is_v4(const char *s);
/* "203.0.113.7/24" into out. Returns out. */
#define NET_ADDR_LEN 24
char *net_addr_text(char out[NET_ADDR_LEN], const struct addr *a);

struct net_stack {
	const char *name;
	/* Does it configure this guest: are its files there, and the program
	 * that reads them at start-up? */
	bool (*active)(struct guest *g);
	/*
	 * Append its files, and one object an interface, read as they will be
	 * after cs (which may be null):
	 *
	 *   {"name", "file", "method": "static" | "dhcp" | "manual" ..,
	 *    "address": "A/PREFIX", "gateway", "dns": "A B", "address6",
	 *    "mac": what it is matched by, "ports": [names of what it stands
	 *    on: a bridge's or bond's cards, a VLAN's parent],
	 *    "any": true where no card is named (a wildcard), "off": true
	 *    where it is not brought up at start-up}
	 */
	void (*facts)(struct guest *g, const struct guest_changes *cs,
		json_t *files, json_t *list);
	/* Give interface `name` (as facts name it) its new address; false
	 * where this stack does not configure it. */
	bool (*change)(struct guest *g, const char *name,
		const struct net_goal *goal, struct guest_changes *cs);
};

extern const struct net_stack net_ifupdown, net_netplan, net_networkd, net_nm,
	net_ifcfg, net_suse;

/* A new interface object in list, with name and file. Borrowed. */
json_t *net_iface(json_t *list, const char *name, const char *file);
/* Append a text to the array o.key, made where missing. */
void net_add(json_t *o, const char *key, const char *text);

/* A stack's facts where each of its files (mine) stands for itself: the text
 * that it will have goes to fact, its path to files. */
void net_each(struct guest *g, const struct guest_changes *cs, json_t *mine,
	json_t *files, json_t *list,
	void (*fact)(const char *path, const char *text, json_t *list));

/* Which of several profiles of one interface is meant: one that comes up at
 * start-up before one that does not, then one with an address. The higher. */
int net_rank(bool off, bool address);

/* --- names of cards (names.c) --- */

/* [{"name", "mac", "file"}] of udev rules and .link files. New reference. */
json_t *names_pinned(struct guest *g);
/* The interface of a wanted NIC (see guest_changes): its name, to be freed;
 * null where it cannot be told. net: as guest_facts has it. */
char *names_card(const json_t *nic, const json_t *net, size_t n_nics);
/* Make the card with that MAC keep that name. */
void names_pin(struct guest *g, const char *name, const char *mac,
	struct guest_changes *cs);

/* --- IPv6 (net6.c) --- */

/* The nic's address6 ("2001:db8::7/64") and gateway6 into the file of
 * interface c of list; what is not certain is said. False: none is wanted. */
bool net6_change(struct guest *g, const json_t *list, const json_t *c,
	const json_t *nic, struct guest_changes *cs);

/* SUSE keeps the way out in a file of its own: the IPv6 one by this gateway;
 * far: it is outside the address's network (suse.c). */
void suse_gateway6(struct guest *g, const char *name, const char *gateway,
	bool far, struct guest_changes *cs);

/* The nic's mtu into the file of interface c, which carries the address of
 * card (mtu.c); where none is wanted, the bridge's where that is set and less.
 * With neither nothing changes: the bridge follows its ports, which no one
 * told us; a file that says more than the usual 1500 is named. */
void mtu_change(struct guest *g, const json_t *c, const char *card,
	const json_t *nic, struct guest_changes *cs);

/* --- around the stacks --- */

/* NetworkManager's keyfiles where a section or a key stands twice are written
 * as it reads them, before anything in them is changed (nm.c). */
void nm_merge(struct guest *g, struct guest_changes *cs);

/*
 * Say where the files, as they will be, still name the gateway, the address
 * or the network that interface c (as net, the facts before, has it) leaves
 * for goal: static routes, /etc/sysconfig/network, rc.local (stale.c).
 */
void stale_tell(struct guest *g, const json_t *net, const json_t *c,
	const struct net_goal *goal, struct guest_changes *cs);

/* /etc/resolv.conf where it is a file that nothing writes (resolv.c). */
void resolv_change(struct guest *g, const char *dns, struct guest_changes *cs);
/* cloud-init must not write the network anew (cloudinit.c). */
void cloudinit_change(struct guest *g, struct guest_changes *cs);

#endif
