/* Source: the ESXi host and its login, or a file here; the first look. */
#include <string.h>

#include "child.h"
#include "login.h"
#include "wizard.h"

/* Choices belong to a VM of one source: another's ids may be the same. */
static bool same_source(const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"host", "port", "path"};

	a = json_object_get(a, "source");
	b = json_object_get(b, "source");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const json_t *x = json_object_get(a, keys[i]);
		const json_t *y = json_object_get(b, keys[i]);

		if (!x != !y || (x && !json_equal(x, y)))
			return false;
	}
	return true;
}

static void take(struct wizard *w, json_t *list)
{
	json_t *vm;
	size_t i;

	if (!same_source(w->list, list)) {
		w->choices_for[0] = '\0';
		w->vm_row = 0;
	}
	json_decref(w->list);
	json_decref(w->details);
	w->list = list;
	w->details = json_object();
	w->vm = NULL;
	/* A file is read in full at once. */
	if (wizard_from_file(w))
		json_array_foreach (json_object_get(list, "vms"), i, vm)
			json_object_set(
				w->details, json_str_or(vm, "id", ""), vm);
	wizard_remember(w);
}

static int scan(struct wizard *w, const char *path)
{
	const char *what = wizard_from_file(w) ? w->file : w->esxi;
	_free_ char *busy = xasprintf(_("Looking at %s"), what);
	const struct kept_login l = kept_esxi(w);
	struct args a = {0};
	struct err e = {0};

	args_add(&a, "scan");
	args_opt(&a, "--output", path);
	if (!wizard_from_file(w)) {
		args_opt(&a, "--esxi", w->esxi);
		args_opt(&a, "--user", w->esxi_user);
		args_opt(&a, "--key", w->esxi_key);
		return login_scan(w, busy, &a, w->hostkey, sizeof(w->hostkey),
			*w->esxi_key ? NULL : &l);
	}
	args_add(&a, "--");
	args_add(&a, w->file);
	if (child_verb(w, busy, &a, false, NULL, &e) == 0)
		return 0;
	if (e.code != ERR_STOPPED)
		wizard_error(w, &e);
	return -1;
}

static int look(struct wizard *w)
{
	_free_ char *path = wizard_file(w, "list.json");
	json_t *list;
	struct err e = {0};

	if (scan(w, path))
		return TUI_STAY;
	if (json_read(path, &list, &e)) {
		wizard_error(w, &e);
		return TUI_STAY;
	}
	take(w, list);
	return WIZ_NEXT;
}

enum {
	FROM,
	FILE_PATH,
	ESXI,
	USER,
	PASSWORD,
	KEEP,
	KEY,
	FILE_NOTE,
	HOST_NOTE,
	FIELDS
};

/* The fields of the one or the other. */
static void show(struct tui_form *form, struct tui_field *f, void *arg)
{
	bool file = wizard_from_file(arg);

	(void)f;
	for (int i = FILE_PATH; i < FIELDS; i++)
		form->fields[i].hidden =
			(i == FILE_PATH || i == FILE_NOTE) != file;
}

static int action(struct tui *t, struct tui_screen *s, int id)
{
	struct wizard *w = s->arg;

	(void)t;
	if (id == TUI_OK)
		return look(w);
	return wizard_answer(w, id, WIZ_NEXT);
}

static void file_fields(struct wizard *w, struct tui_field f[FIELDS])
{
	f[FILE_PATH] = (struct tui_field){.kind = TUI_TEXT,
		.id = "file",
		.label = _("File"),
		.hint = _("Path of the .ova, .ovf or .vmx on this "
			  "machine; its disks stand beside it."),
		.value = w->file,
		.size = sizeof(w->file),
		.check = check_package,
		.needed = true};
	f[FILE_NOTE] = (struct tui_field){.kind = TUI_NOTE,
		.label = _("The files are only read, now and later. "
			   "The machine they were made from must be "
			   "off when the new one starts: vmferry "
			   "cannot see it, and will ask."),
		.role = TUI_DIM};
}

static void host_fields(struct wizard *w, struct tui_field f[FIELDS])
{
	f[ESXI] = (struct tui_field){.kind = TUI_TEXT,
		.id = "esxi",
		.label = _("ESXi host"),
		.hint = _("Name or address, :port if it is not 22. "
			  "SSH (TSM-SSH) must be started there."),
		.value = w->esxi,
		.size = sizeof(w->esxi),
		.check = check_host,
		.changed = kept_esxi_changed,
		.needed = true};
	f[USER] = (struct tui_field){.kind = TUI_TEXT,
		.id = "user",
		.label = _("User"),
		.hint = _("root, or another with administrator role"),
		.value = w->esxi_user,
		.size = sizeof(w->esxi_user),
		.changed = kept_esxi_changed,
		.needed = true};
	f[PASSWORD] = (struct tui_field){.kind = TUI_SECRET,
		.id = "password",
		.label = _("Password"),
		.hint = _("Sent once: ESXi locks accounts. Empty: a key, or "
			  "the password kept for this login."),
		.value = w->secret->esxi,
		.size = sizeof(w->secret->esxi),
		.changed = kept_esxi_changed};
	f[KEEP] = (struct tui_field){.kind = TUI_CHECK,
		.id = "keep",
		.label = _("Keep the password"),
		.hint = _("On this machine, in a file that only its owner "
			  "reads, once it served. Off: forgotten."),
		.on = &w->keep_esxi,
		.changed = kept_esxi_changed};
	f[KEY] = (struct tui_field){.kind = TUI_TEXT,
		.id = "key",
		.label = _("SSH key file"),
		.hint = _("Instead of a password: path of a private "
			  "key. `vmferry key new` makes one."),
		.value = w->esxi_key,
		.size = sizeof(w->esxi_key)};
	f[HOST_NOTE] = (struct tui_field){.kind = TUI_NOTE,
		.label = _("vmferry only looks now: it lists the VMs. "
			   "The host's key is shown for you to compare "
			   "before anything is sent."),
		.role = TUI_DIM};
}

int page_source(struct wizard *w)
{
	const struct kept_login l = kept_esxi(w);
	const struct tui_option from[] = {{_("on an ESXi host"), NULL, NULL},
		{_("in a file here: .ova, .ovf or .vmx"), NULL, NULL},
		{NULL, NULL, NULL}};
	struct tui_field f[FIELDS] = {
		[FROM] = {.kind = TUI_CHOICE,
			.id = "from",
			.label = _("The VM is"),
			.hint = _("An export, or a VM's folder on NFS or a "
				  "mounted datastore, is a file here."),
			.options = from,
			.chosen = &w->from,
			.changed = show}};
	struct tui_form form = {.fields = f, .n = FIELDS, .arg = w};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Next"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Source: where is the VM now?"),
		.crumbs = wizard_crumbs(2),
		.help = "source",
		.keys = keys,
		.form = &form,
		.action = action,
		.arg = w};

	file_fields(w, f);
	host_fields(w, f);
	show(&form, NULL, w);
	kept_met(&l);
	wizard_focus(&form);
	return wizard_answer(w, tui_run(w->t, &s), WIZ_NEXT);
}
