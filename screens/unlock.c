/* The secrets that a job needs and this wizard has not been given yet. */
#include <string.h>

#include "wizard.h"

bool unlock_for(struct wizard *w, const json_t *plan)
{
	bool key = json_at(plan, "source.key_file") != NULL;
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

	if (*w->secret->pve && (key || *w->secret->esxi))
		return true;
	wizard_focus(&form);
	return tui_run(w->t, &s) == TUI_OK;
}
