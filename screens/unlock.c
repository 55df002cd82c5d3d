/* The secrets that a job needs and this wizard has not been given yet. */
#include <string.h>

#include "hoster.h"
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

bool unlock_for(struct wizard *w, const json_t *plan)
{
	bool key = json_at(plan, "source.key_file") ||
		json_at(plan, "source.path");
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
		{.kind = TUI_NOTE, .hidden = true},
		{.kind = TUI_NOTE, .hidden = true},
		{.kind = TUI_NOTE, .hidden = true},
	};
	struct tui_form form = {.fields = f, .n = ARRAY_LEN(f)};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Go on"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("The job logs in again"),
		.crumbs = wizard_crumbs(7),
		.intro = _("Secrets are kept in no file, so a job that goes "
			   "on needs them again."),
		.help = "unlock",
		.keys = keys,
		.form = &form};

	if (hoster_keys(w, plan, f + 2, 3) && *w->secret->pve &&
		(key || *w->secret->esxi))
		return true;
	wizard_focus(&form);
	return tui_run(w->t, &s) == TUI_OK;
}
