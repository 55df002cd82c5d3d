/* What the pages know of hosters: names, keys, choices, the look at them. */
#ifndef SCREENS_HOSTER_H
#define SCREENS_HOSTER_H

#include "core/hoster.h"

#include "wizard.h"

/* Names of all secrets that any hoster wants, up to null; secret->hoster has
 * their values in the same order. */
const char *hoster_secret_name(size_t i);
/* The value's buffer of WIZ_TEXT bytes. */
char *hoster_secret_value(struct wizard *w, const char *name);
/* Those that a --secrets file gives. */
void hoster_take_secrets(struct wizard *w, const struct secrets *s);

/* The hosters with an API in their order, null behind the last. */
const struct hoster *hoster_nth(int i);
/* Is the address to be routed through the node, without a virtual MAC? */
bool hoster_routed(const struct wizard *w);
/* The hoster with an API that is chosen; null: none, or by hand. */
const struct hoster *hoster_chosen(const struct wizard *w);
/* Of a plan. */
const struct hoster *hoster_planned(const json_t *plan);
/* "hoster" of the choices. New reference. */
json_t *hoster_choices(const struct wizard *w);

/* Fields for the failover IP from *n on; room for HOSTER_FIELDS. */
#define HOSTER_FIELDS 20
void hoster_fields(struct wizard *w, struct tui_field *f, int *n);
/* The chosen hoster's part of the help page: where its keys are made. */
void hoster_help(struct tui_text *x, void *wizard);
/* Ask the hoster about the address; false: an error was shown, stay. */
bool hoster_ask(struct wizard *w);

#endif
