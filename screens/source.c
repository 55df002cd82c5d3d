/* Source: the ESXi host, its login, and the first look at it. */
#include <string.h>

#include "child.h"
#include "login.h"
#include "wizard.h"

static int look(struct wizard *w)
{
	_free_ char *path = wizard_file(w, "list.json");
	_free_ char *busy = xasprintf(_("Looking at %s"), w->esxi);
	struct args a = {0};
	json_t *list;
	struct err e = {0};

	args_add(&a, "scan");
	args_opt(&a, "--esxi", w->esxi);
	args_opt(&a, "--user", w->esxi_user);
	args_opt(&a, "--key", w->esxi_key);
	args_opt(&a, "--output", path);
	if (login_scan(w, busy, &a, w->hostkey, sizeof(w->hostkey)))
		return TUI_STAY;
	if (json_read(path, &list, &e)) {
		wizard_error(w, &e);
		return TUI_STAY;
	}
	json_decref(w->list);
	json_decref(w->details);
	w->list = list;
	w->details = json_object();
	w->vm = NULL;
	wizard_remember(w);
	return WIZ_NEXT;
}

static int action(struct tui *t, struct tui_screen *s, int id)
{
	struct wizard *w = s->arg;

	(void)t;
	if (id == TUI_OK)
		return look(w);
	return wizard_answer(w, id, WIZ_NEXT);
}

int page_source(struct wizard *w)
{
	struct tui_field f[] = {
		{.kind = TUI_TEXT,
			.id = "esxi",
			.label = _("ESXi host"),
			.hint = _("Name or address, :port if it is not 22. "
				  "SSH (TSM-SSH) must be started there."),
			.value = w->esxi,
			.size = sizeof(w->esxi),
			.check = check_host,
			.needed = true},
		{.kind = TUI_TEXT,
			.id = "user",
			.label = _("User"),
			.hint = _("root, or another with administrator role"),
			.value = w->esxi_user,
			.size = sizeof(w->esxi_user),
			.needed = true},
		{.kind = TUI_SECRET,
			.id = "password",
			.label = _("Password"),
			.hint = _("Sent once: ESXi locks accounts. Never "
				  "written to a disk. Empty with a key."),
			.value = w->secret->esxi,
			.size = sizeof(w->secret->esxi)},
		{.kind = TUI_TEXT,
			.id = "key",
			.label = _("SSH key file"),
			.hint = _("Instead of a password: path of a private "
				  "key. `vmferry key new` makes one."),
			.value = w->esxi_key,
			.size = sizeof(w->esxi_key)},
		{.kind = TUI_NOTE,
			.label = _("vmferry only looks now: it lists the VMs. "
				   "The host's key is shown for you to compare "
				   "before anything is sent."),
			.role = TUI_DIM},
	};
	struct tui_form form = {.fields = f, .n = ARRAY_LEN(f), .arg = w};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Next"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Source: where is the VM now?"),
		.crumbs = wizard_crumbs(2),
		.help = "source",
		.keys = keys,
		.form = &form,
		.action = action,
		.arg = w};

	wizard_focus(&form);
	return wizard_answer(w, tui_run(w->t, &s), WIZ_NEXT);
}
