/* The secrets that a job needs and this wizard has not been given yet. */
#include <string.h>

#include "hoster.h"
#include "kept.h"
#include "wizard.h"

/* The fields of the hoster's keys in the room there is; true: all are
 * known. */
static bool hoster_keys(
	struct wizard *w, const json_t *plan, struct tui_field *f, int room)
{
	const struct hoster *h = hoster_planned(plan);
	bool known = true;

	for (int i = 0; h && h->secrets[i].name && i < room; i++) {
		char *value = hoster_secret_value(w, h->secrets[i].name);

		known &= *value != '\0';
		f[i] = (struct tui_field){.kind = TUI_SECRET,
			.label = _(h->secrets[i].label),
			.value = value,
			.size = WIZ_TEXT,
			.needed = true};
	}
	return known;
}

/* The logins of a plan: others perhaps than those of the pages. */
static void logins(struct wizard *w, const json_t *plan,
	struct kept_login *esxi, struct kept_login *pve)
{
	const json_t *s = json_object_get(plan, "source");
	const json_t *t = json_object_get(plan, "target");

	*esxi = kept_esxi(w);
	esxi->user = json_str_or(s, "user", "root");
	esxi->host = json_str_or(s, "host", "");
	esxi->port = json_u64(s, "port", 22);
	*pve = kept_pve(w);
	pve->user = json_str_or(t, "user", "");
	pve->host = json_str_or(t, "host", "");
	pve->port = json_u64(t, "port", 8006);
}

void unlock_refused(struct wizard *w, const json_t *plan, enum err_code code)
{
	struct kept_login esxi, pve;

	logins(w, plan, &esxi, &pve);
	if (code == ERR_SSH_AUTH || code == ERR_HTTPS_AUTH)
		kept_refused(w, &esxi);
	else if (code == ERR_PVE_AUTH)
		kept_refused(w, &pve);
}

bool unlock_for(struct wizard *w, const json_t *plan)
{
	struct kept_login esxi, pve;
	bool key = json_at(plan, "source.key_file") ||
		json_at(plan, "source.path");
	/* A password that another wizard was given for the guest. */
	bool shell = json_at(plan, "guest.ssh") && !w->ssh &&
		!json_at(plan, "guest.ssh.key_file");
	struct tui_field f[] = {
		{.kind = TUI_SECRET,
			.label = _("ESXi password"),
			.value = w->secret->esxi,
			.size = sizeof(w->secret->esxi),
			.hidden = key,
			.needed = !key},
		{.kind = TUI_SECRET,
			.label = _("Proxmox secret"),
			.hint = _("The password, or the token's secret"),
			.value = w->secret->pve,
			.size = sizeof(w->secret->pve),
			.needed = true},
		{.kind = TUI_SECRET,
			.label = _("SSH password"),
			.hint = _("Of the guest; empty: none"),
			.value = w->secret->guest,
			.size = sizeof(w->secret->guest),
			.hidden = !shell},
		{.kind = TUI_NOTE, .hidden = true},
		{.kind = TUI_NOTE, .hidden = true},
		{.kind = TUI_NOTE, .hidden = true},
	};
	struct tui_form form = {.fields = f, .n = ARRAY_LEN(f)};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Go on"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("The job logs in again"),
		.crumbs = wizard_crumbs(7),
		.intro = _("A secret is kept only where you asked for it, so "
			   "a job that goes on needs the others again."),
		.help = "unlock",
		.keys = keys,
		.form = &form};

	logins(w, plan, &esxi, &pve);
	if (!key)
		kept_take(&esxi);
	kept_take(&pve);
	if (hoster_keys(w, plan, f + 3, 3) && *w->secret->pve &&
		(key || *w->secret->esxi) && (!shell || *w->secret->guest))
		return true;
	wizard_focus(&form);
	return tui_run(w->t, &s) == TUI_OK;
}
