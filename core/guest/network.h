/*
 * The network stacks of Linux guests: one file each, tried in turn; and the
 * names of network cards. See network.c.
 */
#ifndef CORE_GUEST_NETWORK_H
#define CORE_GUEST_NETWORK_H

#include "addr.h"
#include "own.h"

/* The new address of one NIC. */
struct net_goal {
	struct addr addr;
	const char *gateway; /* or null */
	const char *dns;     /* "A B", or null */
};

struct net_stack {
	const char *name;
	bool (*present)(struct guest *g);
	/* Sets "files" and "interfaces" (see guest_facts). */
	void (*facts)(struct guest *g, json_t *net);
	/* Give interface `name` its new address; false where this stack does
	 * not configure it. */
	bool (*change)(struct guest *g, const char *name,
		const struct net_goal *goal, struct guest_changes *cs);
};

extern const struct net_stack net_ifupdown, net_netplan;

#endif
