/*
 * A login whose password may be kept (core/kept.h). Keeps true: nothing is
 * kept unless asked for, and only after it served; what was refused is
 * forgotten at once, so that it is never sent a second time.
 */
#ifndef SCREENS_KEPT_H
#define SCREENS_KEPT_H

#include "wizard.h"

struct kept_login {
	const char *kind; /* "esxi.password" */
	const char *user, *host;
	unsigned port;
	char *secret; /* of WIZ_TEXT bytes, in locked memory */
	bool *keep;   /* the operator's wish */
	bool *used;   /* secret is the kept one */
	bool *by_us;  /* keep was set by kept_met, not by the operator */
};

/* The logins of Source and Target, as typed. */
struct kept_login kept_esxi(struct wizard *w);
struct kept_login kept_pve(struct wizard *w);

/* Is a password kept for it? */
bool kept_has(const struct kept_login *l);
/* The fields of a page's password: what changes when it, its login or the wish
 * changes. For struct tui_field's changed. */
void kept_esxi_changed(struct tui_form *form, struct tui_field *f, void *arg);
void kept_pve_changed(struct tui_form *form, struct tui_field *f, void *arg);
/* The page was opened, or host or user changed: the wish is on where one is
 * kept, and off again where only that had set it. */
void kept_met(const struct kept_login *l);
/* The kept one, where none is typed. */
void kept_take(const struct kept_login *l);
/* It served: kept or forgotten, as wished. */
void kept_served(struct wizard *w, const struct kept_login *l);
/* It was refused: wiped, forgotten where it was a kept one, and told. */
void kept_refused(struct wizard *w, const struct kept_login *l);

#endif
