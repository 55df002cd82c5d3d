/* The pages in their order, and what all of them need: see wizard.h. */
#include "hoster.h"
#include "wizard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/plan.h"
#include "core/secret.h"
#include "core/state.h"
#include "tui/dialog.h"

#ifndef VERSION
#define VERSION "0"
#endif

static const struct tui_help help[] = {
#define X(id, title, text) {id, title, text},
#include "help.def"
#undef X
	{NULL, NULL, NULL}};

static int (*const pages[])(struct wizard *w) = {page_start, page_source,
	page_choose_vm, page_target, page_network, page_review, page_checklist,
	page_done};
#define CHECKLIST 6

const char *wizard_crumbs(int n)
{
	static const char *const names[] = {N_("Start"), N_("Source"), N_("VM"),
		N_("Target"), N_("Network"), N_("Review"), N_("Checklist"),
		N_("Done")};
	static char text[WIZ_TEXT];
	struct buf b = {0};

	buf_addf(&b, "%d/8 ", n);
	buf_addf(&b, n < 8 ? "[%s] > %s" : "[%s]", _(names[n - 1]),
		n < 8 ? _(names[n]) : "");
	snprintf(text, sizeof(text), "%s", b.s);
	buf_free(&b);
	return text;
}

int wizard_answer(struct wizard *w, int id, int ok)
{
	switch (id) {
	case TUI_OK:
		return ok;
	case TUI_BACK:
		return WIZ_BACK;
	case TUI_HANGUP:
		return WIZ_QUIT;
	case TUI_QUIT:
		if (tui_hung_up(w->t) ||
			tui_confirm(w->t, _("Leave vmferry?"),
				_("What was typed is kept for next time, but "
				  "for passwords. A job that runs goes on by "
				  "itself."),
				_("Leave"), _("Stay")))
			return WIZ_QUIT;
		return TUI_STAY;
	default:
		return id;
	}
}

void wizard_focus(struct tui_form *form)
{
	for (int i = 0; i < form->n; i++) {
		const struct tui_field *f = &form->fields[i];

		if (f->hidden || !f->needed || !f->value || *f->value)
			continue;
		form->focus = i;
		form->placed = true;
		return;
	}
}

bool wizard_from_file(const struct wizard *w)
{
	return w->from == 1;
}

void wizard_error(struct wizard *w, const struct err *e)
{
	tui_error(w->t, e, NULL, NULL);
}

char *wizard_file(const struct wizard *w, const char *name)
{
	return path_join(w->dir, name);
}

bool wizard_on_node(void)
{
	const char *mark = getenv("VMFERRY_NODE_MARK");

	return access(mark ? mark : "/etc/pve/local", F_OK) == 0;
}

/* --- begin and end --- */

int wizard_secrets(struct wizard *w, const char *path, struct err *e)
{
	_secrets_ struct secrets *s = secrets_new();
	const char *v;

	if (!path)
		return 0;
	if (secrets_load(s, path, e))
		return -1;
	v = secrets_get(s, "esxi.password");
	if (v)
		snprintf(w->secret->esxi, sizeof(w->secret->esxi), "%s", v);
	v = secrets_get(s, "pve.secret");
	if (v)
		snprintf(w->secret->pve, sizeof(w->secret->pve), "%s", v);
	v = secrets_get(s, "guest.password");
	if (v)
		snprintf(w->secret->guest, sizeof(w->secret->guest), "%s", v);
	hoster_take_secrets(w, s);
	return 0;
}

static int begin(struct wizard *w, const char *secrets, struct err *e)
{
	const char *self = getenv("VMFERRY_SELF");
	_free_ char *kept = NULL;

	w->self = self ? self : "/proc/self/exe";
	w->secret = mmap(NULL, sizeof(*w->secret), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->secret == MAP_FAILED)
		return err_sys(e, ERR_IO, "memory for secrets");
	/* Over the limit for ordinary users: not fatal. */
	(void)mlock(w->secret, sizeof(*w->secret));
	(void)madvise(w->secret, sizeof(*w->secret), MADV_DONTDUMP);
	snprintf(w->esxi_user, sizeof(w->esxi_user), "root");
	snprintf(w->pve_user, sizeof(w->pve_user), "root@pam");
	if (wizard_on_node())
		snprintf(w->pve, sizeof(w->pve), "localhost");
	w->guest_fix = true;
	snprintf(w->ssh_user, sizeof(w->ssh_user), "root");
	snprintf(w->ssh_port, sizeof(w->ssh_port), "22");
	snprintf(w->keep_days, sizeof(w->keep_days), "%d", PLAN_KEEP_DAYS);
	wizard_recall(w);
	if (state_path("secrets", &kept, e) ||
		(file_exists(kept) && wizard_secrets(w, kept, e)) ||
		wizard_secrets(w, secrets, e) ||
		state_path("wizard", &w->dir, e))
		return -1;
	return file_mkdirs(w->dir, 0700, e);
}

static void finish(struct wizard *w)
{
	if (w->secret && w->secret != MAP_FAILED) {
		explicit_bzero(w->secret, sizeof(*w->secret));
		munmap(w->secret, sizeof(*w->secret));
	}
	json_decref(w->list);
	json_decref(w->details);
	json_decref(w->target);
	json_decref(w->plan);
	json_decref(w->recent);
	json_decref(w->hoster_seen);
	free(w->dir);
}

static void walk(struct wizard *w)
{
	int at = 0;

	for (;;) {
		int go = pages[at](w);

		if (go == WIZ_QUIT || tui_hung_up(w->t))
			return;
		w->back = go == WIZ_BACK;
		if (go == WIZ_START)
			at = 0;
		else if (go == WIZ_CHECKLIST)
			at = CHECKLIST;
		else if (go == WIZ_NEXT)
			at = (at + 1) % (int)ARRAY_LEN(pages);
		else if (go == WIZ_BACK && at > 0)
			at--;
	}
}

int wizard_run(const struct tui_opts *how, const char *secrets, struct err *e)
{
	struct tui_opts o = *how;
	struct wizard w = {0};
	int rc = begin(&w, secrets, e);

	o.program = "vmferry " VERSION;
	o.help = help;
	if (rc == 0) {
		w.t = tui_open(&o);
		walk(&w);
		tui_close(w.t);
	}
	finish(&w);
	return rc;
}
