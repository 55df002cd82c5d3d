/*
 * What `vmferry hoster` prints for people; its JSON is what the other
 * functions of hoster.h give.
 */
#ifndef CORE_HOSTER_SHOW_H
#define CORE_HOSTER_SHOW_H

#include "hoster.h"
#include "verb.h"

/* {"title", "servers", "addresses"}, as hoster_servers and hoster_addresses
 * give them. */
void hoster_show_list(struct out *o, const json_t *all);
/* One address, as hoster_look gives it. */
void hoster_show_state(struct out *o, const json_t *state);
/* What a move takes, where the API is, how its credentials are got. */
void hoster_show_help(struct out *o, const struct hoster *h);

#endif
