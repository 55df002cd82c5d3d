/*
 * ovh.h - what the parts of the OVHcloud stand-in share.
 */
#ifndef LAB_HOSTER_OVH_H
#define LAB_HOSTER_OVH_H

#include "hoster.h"

/* ---- ovh_auth.c ---- */

int ovh_login(struct call *c);
void ovh_time(struct call *c);
void ovh_credential_ask(struct call *c);
void ovh_credential_validate(struct call *c);
void ovh_credential_show(struct call *c);

/* ---- ovh_ip.c ---- */

/* Is the IPv4 address in the block "A.B.C.D/N"? */
bool ovh_in_block(const char *address, const char *block);
/* The block of an address with its name, null where there is none. */
json_t *ovh_block_of(const char *address, const char **name);
void ovh_ips(struct call *c);
void ovh_ip(struct call *c);
void ovh_move_list(struct call *c);
void ovh_move(struct call *c);
void ovh_ip_tasks(struct call *c);
void ovh_ip_task(struct call *c);

/* ---- ovh_mac.c ---- */

void ovh_macs(struct call *c);
void ovh_mac(struct call *c);
void ovh_mac_add(struct call *c);
void ovh_mac_addresses(struct call *c);
void ovh_mac_address(struct call *c);
void ovh_mac_address_add(struct call *c);
void ovh_mac_address_delete(struct call *c);
/* The virtual MAC of an address, null where it has none. */
json_t *ovh_mac_of(const char *address, const char **mac);
/* One MAC on addresses in and outside the block: its name, else null. */
const char *ovh_mac_shared(const char *block);
/* A block's MACs leave their server (to null: for the time of the move) or
 * come to one; to a server without virtual MACs, or a vRack, they are lost. */
void ovh_macs_follow(const char *block, const char *to, bool lose);
/* What a task of a server brings about at its end. */
void ovh_mac_done(const json_t *task);

/* ---- ovh_task.c ---- */

/*
 * A new task in the state: kind "ip" or "server", on a block or a server.
 * Borrowed; the caller adds what its end needs.
 */
json_t *ovh_task_new(const struct call *c, const char *kind, const char *on,
	const char *function);
json_t *ovh_task_show(const json_t *task);
/* Does one run that is about this block or address? */
bool ovh_task_busy(const char *about);
json_t *ovh_task_find(const char *kind, const char *on, const char *id);
json_t *ovh_task_ids(const struct call *c, const char *kind, const char *on);
bool ovh_tick(json_t *state, int64_t now);

/* ---- ovh.c ---- */

/* The server of that name; null, and 404 answered. */
json_t *ovh_server(struct call *c, const char *name);

#endif
