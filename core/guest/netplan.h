/* What netplan.c (files, facts) and netplan_edit.c (changes) share. */
#ifndef CORE_GUEST_NETPLAN_H
#define CORE_GUEST_NETPLAN_H

#include "network.h"
#include "ydoc.h"

/* Does a scalar say yes? Null does not. */
bool netplan_truth(const char *s);
/* Definition i of any kind ("ethernets", "bonds", ..); false at the end. */
bool netplan_def(
	struct ydoc *d, size_t i, yaml_node_t **key, yaml_node_t **def);
/* set-name, else the key; null where it is no name. */
const char *netplan_name(
	struct ydoc *d, const yaml_node_t *key, const yaml_node_t *def);
/* The first IPv4 address of a sequence; null: none. */
yaml_node_t *netplan_first_v4(struct ydoc *d, const yaml_node_t *seq);
/* The IPv4 default route and its `via`; null: none. */
yaml_node_t *netplan_route(
	struct ydoc *d, const yaml_node_t *def, yaml_node_t **via);
/* Its gateway, or gateway4; null: none. */
const char *netplan_gateway(struct ydoc *d, const yaml_node_t *def);
/* nameservers.addresses, null: none; and the IPv4 ones as "A B" (to be freed,
 * null: none). */
yaml_node_t *netplan_dns_node(struct ydoc *d, const yaml_node_t *def);
char *netplan_dns(struct ydoc *d, const yaml_node_t *def);
/* The interfaces of one file, as struct net_stack's facts has them. */
void netplan_facts(const char *path, const char *text, json_t *list);

/* The text with the interface changed; null where it has none, or cannot be
 * changed so that it reads as wanted. To be freed. */
char *netplan_rewrite(
	const char *text, const char *name, const struct net_goal *goal);

/* The text with an IPv6 address ("2001:db8::7/64") and gateway (or null) added
 * to interface `name`; far: the gateway is told to be on the
 * link. To be freed; null where it has one or is not understood. */
char *netplan_add6(const char *text, const char *name, const char *addr,
	const char *gateway, bool far);

/* The mtu that the text gives it; 0: none. */
uint64_t netplan_mtu_now(const char *text, const char *name);
/* The text with that mtu; likewise. */
char *netplan_mtu(const char *text, const char *name, const char *value);

#endif
