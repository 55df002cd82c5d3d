/* Kept passwords, as the pages use them: see kept.h. */
#include "kept.h"

#include <string.h>

#include "core/kept.h"
#include "tui/dialog.h"

struct kept_login kept_esxi(struct wizard *w)
{
	return (struct kept_login){.kind = "esxi.password",
		.user = w->esxi_user,
		.host = w->esxi,
		.port = 22,
		.secret = w->secret->esxi,
		.keep = &w->keep_esxi,
		.used = &w->kept_esxi,
		.by_us = &w->auto_esxi};
}

struct kept_login kept_pve(struct wizard *w)
{
	return (struct kept_login){.kind = "pve.secret",
		.user = w->pve_user,
		.host = w->pve,
		.port = 8006,
		.secret = w->secret->pve,
		.keep = &w->keep_pve,
		.used = &w->kept_pve,
		.by_us = &w->auto_pve};
}

static char *name_of(const struct kept_login *l)
{
	return kept_name(l->kind, l->user, l->host, l->port);
}

/* The kept one into out (of WIZ_TEXT bytes; null: only looked for). */
static bool find(const struct kept_login *l, char *out)
{
	_secrets_ struct secrets *s = secrets_new();
	_free_ char *name = name_of(l);
	const char *v;

	if (kept_load(s, NULL) || !(v = secrets_get(s, name)) ||
		strlen(v) >= WIZ_TEXT)
		return false;
	if (out)
		snprintf(out, WIZ_TEXT, "%s", v);
	return true;
}

bool kept_has(const struct kept_login *l)
{
	return find(l, NULL);
}

void kept_met(const struct kept_login *l)
{
	bool has = kept_has(l);

	if (has && !*l->keep)
		*l->keep = *l->by_us = true;
	else if (!has && *l->by_us)
		*l->keep = *l->by_us = false;
}

static void changed(const struct kept_login *l, const struct tui_field *f)
{
	/* What is typed is no kept one; the wish is the operator's now. */
	if (f->kind == TUI_SECRET)
		*l->used = false;
	else if (f->kind == TUI_CHECK)
		*l->by_us = false;
	else
		kept_met(l);
}

void kept_esxi_changed(struct tui_form *form, struct tui_field *f, void *arg)
{
	const struct kept_login l = kept_esxi(arg);

	(void)form;
	changed(&l, f);
}

void kept_pve_changed(struct tui_form *form, struct tui_field *f, void *arg)
{
	const struct kept_login l = kept_pve(arg);

	(void)form;
	changed(&l, f);
}

void kept_take(const struct kept_login *l)
{
	/* One that was kept for another login is not this one's. */
	if (*l->used)
		explicit_bzero(l->secret, WIZ_TEXT);
	*l->used = !*l->secret && find(l, l->secret);
}

void kept_served(struct wizard *w, const struct kept_login *l)
{
	_free_ char *name = name_of(l);
	struct err e = {0};
	int rc = 0;

	if (!*l->keep)
		rc = kept_forget(name, NULL, &e);
	else if (!*l->used && *l->secret)
		rc = kept_put(name, l->secret, &e);
	if (rc)
		wizard_error(w, &e);
}

/* The line of a token made here belongs to no login: is it this one? */
static bool is_token(const struct kept_login *l)
{
	_secrets_ struct secrets *s = secrets_new();
	const char *v;

	return kept_load(s, NULL) == 0 && (v = secrets_get(s, l->kind)) &&
		strcmp(v, l->secret) == 0;
}

void kept_refused(struct wizard *w, const struct kept_login *l)
{
	_free_ char *name = name_of(l);
	bool token = is_token(l), was = false;

	explicit_bzero(l->secret, WIZ_TEXT);
	if (!*l->used && !token)
		return;
	*l->used = *l->keep = false;
	if (kept_forget(token ? l->kind : name, &was, NULL) == 0 && was)
		tui_message(w->t, _("The kept password is forgotten"),
			_("It was refused, so it is not sent again. Type the "
			  "password; it can be kept anew."));
}
