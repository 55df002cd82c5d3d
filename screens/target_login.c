/* Target, first part: the login of the Proxmox node, with a token made there
 * where this is a node. */
#include <string.h>

#include "core/state.h"
#include "login.h"
#include "tui/dialog.h"
#include "wizard.h"

static int look(struct wizard *w)
{
	_free_ char *path = wizard_file(w, "target.json");
	_free_ char *busy = xasprintf(_("Looking at %s"), w->pve);
	const struct kept_login l = kept_pve(w);
	_json_ json_t *facts = NULL;
	struct args a = {0};
	struct err e = {0};

	args_add(&a, "scan");
	args_opt(&a, "--pve", w->pve);
	args_opt(&a, "--pve-user", w->pve_user);
	args_opt(&a, "--output", path);
	if (login_scan(w, busy, &a, w->cert, sizeof(w->cert), &l))
		return TUI_STAY;
	if (json_read(path, &facts, &e)) {
		wizard_error(w, &e);
		return TUI_STAY;
	}
	json_decref(w->target);
	w->target = json_incref(json_object_get(facts, "target"));
	wizard_remember(w);
	return WIZ_NEXT;
}

enum { TARGET_TOKEN = WIZ_OWN };

/* On a node: with Proxmox's own tool, after asking. */
static int make_token(struct wizard *w)
{
	_free_ char *id = NULL, *kept = NULL;
	struct args a = {0};
	struct err e = {0};

	if (!tui_confirm(w->t, _("Make an API token?"),
		    _("pveum user token add root@pam vmferry-HOST --privsep 0\n"
		      "It may do what root@pam may. Its secret is kept in a "
		      "file that only root reads (secrets, beside the jobs). "
		      "Take it back later with: pveum user token remove"),
		    _("Make it"), _("Not now")))
		return TUI_STAY;
	args_add(&a, "token");
	if (child_verb(w, _("Making the token"), &a, false, &id, &e) ||
		state_path("secrets", &kept, &e) ||
		wizard_secrets(w, kept, &e)) {
		if (e.code != ERR_STOPPED)
			wizard_error(w, &e);
		return TUI_STAY;
	}
	id[strcspn(id, "\n")] = '\0';
	/* It is one of this node. */
	snprintf(w->pve, sizeof(w->pve), "localhost");
	snprintf(w->pve_user, sizeof(w->pve_user), "%s", id);
	return look(w);
}

static int on_login(struct tui *t, struct tui_screen *s, int id)
{
	struct wizard *w = s->arg;

	(void)t;
	if (id == TUI_OK)
		return look(w);
	if (id == TARGET_TOKEN)
		return make_token(w);
	return wizard_answer(w, id, WIZ_NEXT);
}

/* A password is needed where none is kept for this login. */
static void changed(struct tui_form *form, struct tui_field *f, void *arg)
{
	const struct kept_login l = kept_pve(arg);

	kept_pve_changed(form, f, arg);
	tui_form_field(form, "pve_secret")->needed = !kept_has(&l);
}

int target_login(struct wizard *w)
{
	const struct kept_login l = kept_pve(w);
	struct tui_field f[] = {
		{.kind = TUI_TEXT,
			.id = "pve",
			.label = _("Proxmox node"),
			.hint = _("Name or address, :port if it is not 8006. "
				  "The node vmferry runs on: localhost"),
			.value = w->pve,
			.size = sizeof(w->pve),
			.check = check_host,
			.changed = changed,
			.needed = true},
		{.kind = TUI_BUTTON,
			.id = "token",
			.label = _("Make an API token on this node"),
			.hint = _("With pveum, after asking: nothing is to be "
				  "typed then. As a verb: vmferry token"),
			.action = TARGET_TOKEN,
			.hidden = !wizard_on_node()},
		{.kind = TUI_TEXT,
			.id = "pve_user",
			.label = _("User or token"),
			.hint = _("root@pam for a password; for an API token: "
				  "root@pam!name"),
			.value = w->pve_user,
			.size = sizeof(w->pve_user),
			.changed = changed,
			.needed = true},
		{.kind = TUI_SECRET,
			.id = "pve_secret",
			.label = _("Password or secret"),
			.hint = _("The token's secret (a UUID), or the "
				  "password. Empty: the one kept for this "
				  "login."),
			.value = w->secret->pve,
			.size = sizeof(w->secret->pve),
			.changed = changed,
			.needed = !kept_has(&l)},
		{.kind = TUI_CHECK,
			.id = "keep",
			.label = _("Keep the password"),
			.hint = _(
				"On this machine, in a file that only its "
				"owner reads, once it served. Off: forgotten."),
			.on = &w->keep_pve,
			.changed = changed},
		{.kind = TUI_NOTE,
			.label = _("A token is made in the web interface: "
				   "Datacenter, Permissions, API Tokens; or "
				   "on the node: pveum user token add "
				   "root@pam vmferry --privsep 0"),
			.role = TUI_DIM},
	};
	struct tui_form form = {.fields = f, .n = ARRAY_LEN(f), .arg = w};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Next"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Target: which Proxmox node?"),
		.crumbs = wizard_crumbs(4),
		.help = "target",
		.keys = keys,
		.form = &form,
		.action = on_login,
		.arg = w};

	kept_met(&l);
	wizard_focus(&form);
	return wizard_answer(w, tui_run(w->t, &s), WIZ_NEXT);
}
