/* OVHcloud's virtual MACs and tasks, beside core/hoster/ovh.c. */
#ifndef CORE_HOSTER_OVH_H
#define CORE_HOSTER_OVH_H

#include "hoster.h"

/* POST of a JSON body (borrowed). */
int ovh_post(struct hoster_conn *c, const char *path, json_t *body,
	json_t **out, struct err *e);
/* A task's answer: *done where it is over; ERR_HOSTER_TASK where it failed. */
int ovh_task_end(const json_t *task, bool *done, struct err *e);
/* May a block with its MACs go to that server? ERR_HOSTER_MAC. */
int ovh_may_have_mac(struct hoster_conn *c, const json_t *state,
	const json_t *server, struct err *e);
/* See struct hoster. */
int ovh_look_mac(struct hoster_conn *c, json_t *state, struct err *e);
int ovh_mac_add(struct hoster_conn *c, const json_t *state, const char *type,
	const char *name, struct err *e);
int ovh_mac_remove(struct hoster_conn *c, const json_t *state, struct err *e);

#endif
