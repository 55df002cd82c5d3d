/* Review: the plan as a page to read, and the VM's name typed to start. */
#include <stdarg.h>
#include <string.h>

#include "child.h"
#include "core/hoster_job.h"
#include "core/plan.h"
#include "core/step.h"
#include "tui/dialog.h"
#include "tui/pager.h"
#include "hoster.h"
#include "wizard.h"

#define NAME_TYPED 48 /* longer is a copy, not a thought */

enum { REVIEW_SAVE = WIZ_OWN };

/* --- the page --- */

static void head(struct tui_text *x, const char *s)
{
	if (x->n)
		tui_text_add(x, TUI_NORMAL, 0, "%s", "");
	tui_text_add(x, TUI_HEAD, 0, "%s", s);
}

static void row(struct tui_text *x, enum tui_role role, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void row(struct tui_text *x, enum tui_role role, const char *fmt, ...)
{
	_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	tui_text_add(x, role, 4, "  %s", s ? s : "");
}

static const char *str(const json_t *o, const char *path)
{
	const char *s = json_string_value(json_at(o, path));

	return s ? s : "?";
}

static bool from_file(const json_t *plan)
{
	return json_at(plan, "source.path") != NULL;
}

static void file_rows(struct tui_text *x, const json_t *plan)
{
	row(x, TUI_NORMAL, _("%s from the file %s"),
		str(plan, "source.vm.name"), str(plan, "source.path"));
	row(x, TUI_WARN, "%s",
		_("! The machine it was made from must be off when the new one "
		  "starts: vmferry cannot see it, and asks then."));
	row(x, TUI_GOOD, "%s",
		_("The file and its disks are only read; they are never "
		  "deleted."));
}

static void source_part(struct tui_text *x, const json_t *plan)
{
	const json_t *vm = json_at(plan, "source.vm");
	unsigned snaps = json_u64(vm, "snapshots", 0);
	unsigned days = json_u64(plan, "keep_days", PLAN_KEEP_DAYS);

	head(x, _("What happens to the source"));
	if (from_file(plan)) {
		file_rows(x, plan);
		return;
	}
	row(x, TUI_NORMAL, _("%s on %s (%s %s)"), str(vm, "name"),
		str(plan, "source.host"), str(plan, "source.product"),
		str(plan, "source.version"));
	row(x, TUI_NORMAL, "%s",
		strcmp(str(vm, "power"), "on") == 0
			? _("It is shut down; its power is cut only if you "
			    "allow it then.")
			: _("It is off and stays off."));
	if (snaps)
		row(x, TUI_WARN,
			P_("! %u snapshot is merged into its disk, after "
			   "asking. It does not come back.",
				"! %u snapshots are merged into the disks, "
				"after asking. They do not come back.",
				snaps),
			snaps);
	row(x, TUI_GOOD, "%s",
		_("Its disks are only read; it is never deleted unless you "
		  "type its name at the very end."));
	row(x, TUI_NORMAL,
		P_("Afterwards it is to be kept, off, for %u day.",
			"Afterwards it is to be kept, off, for %u days.", days),
		days);
}

/* What the hoster said when it was asked on the Network page. */
static void seen_rows(
	struct tui_text *x, const json_t *plan, const json_t *seen)
{
	const json_t *p = json_object_get(seen, "pattern"), *v;
	size_t i;

	row(x, TUI_NORMAL, _("It points to %s now, with the virtual MAC %s."),
		json_str_or(
			seen, "server", json_str_or(seen, "server_ip", "-")),
		json_str_or(seen, "mac", "-"));
	json_array_foreach (json_object_get(seen, "others"), i, v)
		row(x, TUI_WARN, _("! %s leaves the old server with it."),
			json_string_value(v));
	if (!hoster_job_fits(plan))
		return;
	row(x, TUI_NORMAL, _("The guest gets %s, gateway %s (%s)."),
		json_str_or(p, "address", "-"), json_str_or(p, "gateway", "-"),
		json_str_or(p, "mode", "-"));
}

static void hoster_part(struct tui_text *x, const struct wizard *w)
{
	const struct hoster *h = hoster_planned(w->plan);
	const json_t *o;
	size_t i;

	head(x, _("What happens at the hoster"));
	if (strcmp(str(w->plan, "hoster.provider"), "manual") == 0)
		row(x, TUI_WARN,
			_("! You move %s to the new server and give its "
			  "virtual MAC; vmferry waits and says when."),
			str(w->plan, "hoster.address"));
	else if (!h)
		row(x, TUI_NORMAL, "%s", _("Nothing."));
	if (!h)
		return;
	row(x, TUI_WARN, _("! %s moves %s to the new server (%s)."), h->title,
		str(w->plan, "hoster.address"), h->outage);
	if (w->hoster_seen)
		seen_rows(x, w->plan, w->hoster_seen);
	json_array_foreach (json_at(w->plan, "estimate.outage"), i, o)
		row(x, i ? TUI_DIM : TUI_NORMAL, "%s: %s",
			json_str_or(o, "timing", ""),
			json_str_or(o, "text", ""));
}

static void disk_rows(struct tui_text *x, const json_t *plan)
{
	char size[STR_SIZE_LEN], used[STR_SIZE_LEN];
	const json_t *d;
	size_t i;

	json_array_foreach (json_at(plan, "target.disks"), i, d)
		row(x, TUI_NORMAL, _("%s -> %s, %s: %s, at most %s to copy"),
			json_str_or(d, "slot", "?"),
			json_str_or(d, "storage", "?"),
			json_str_or(d, "format", "?"),
			str_size(size, json_u64(d, "capacity", 0)),
			str_size(used, json_u64(d, "used", 0)));
}

static void nic_rows(struct tui_text *x, const json_t *plan)
{
	const json_t *n;
	size_t i;

	json_array_foreach (json_at(plan, "target.nics"), i, n) {
		unsigned vlan = json_u64(n, "vlan", 0);
		char tag[24] = "";

		if (vlan)
			snprintf(tag, sizeof(tag), ", VLAN %u", vlan);
		row(x, TUI_NORMAL, "%s -> %s%s, %s",
			json_str_or(n, "slot", "?"),
			json_str_or(n, "bridge", "?"), tag,
			json_str_or(n, "mac", _("a new MAC")));
		if (json_str(n, "address"))
			row(x, TUI_NORMAL, _("  new address %s, gateway %s"),
				json_str(n, "address"),
				json_str_or(n, "gateway", "-"));
		else
			row(x, TUI_DIM, "%s",
				_("  the guest keeps its configuration"));
	}
}

static void target_part(struct tui_text *x, const json_t *plan)
{
	unsigned vmid = json_u64(json_object_get(plan, "target"), "vmid", 0);
	char id[16];

	snprintf(id, sizeof(id), "%u", vmid);
	head(x, _("What is made on the target"));
	row(x, TUI_NORMAL, _("VM %s (id %s) on node %s, Proxmox VE %s"),
		str(plan, "target.name"), vmid ? id : _("next free"),
		str(plan, "target.node"), str(plan, "target.version"));
	row(x, TUI_NORMAL, _("%s x %s CPU (%s), %s MiB"),
		str(plan, "target.config.sockets"),
		str(plan, "target.config.cores"),
		str(plan, "target.config.cpu"),
		str(plan, "target.config.memory"));
	disk_rows(x, plan);
	nic_rows(x, plan);
}

/* What was chosen beyond what is always proposed. */
static void inside_part(struct tui_text *x, const json_t *plan)
{
	const json_t *g = json_object_get(plan, "guest");
	const char *package = json_str(g, "agent_package");

	head(x, _("What happens inside the guest"));
	row(x, TUI_NORMAL, "%s",
		json_flag(g, "fix", true)
			? _("Each change is shown as a diff before it is "
			    "written.")
			: _("Nothing is changed."));
	if (json_flag(g, "tools_remove", false))
		row(x, TUI_WARN, "%s",
			_("! open-vm-tools is removed, where nothing needs "
			  "it."));
	if (package)
		row(x, TUI_NORMAL, _("The agent is installed from %s."),
			package);
	else if (json_flag(g, "agent", false))
		row(x, TUI_NORMAL, "%s",
			_("The agent is installed at the first start."));
	if (json_flag(g, "serial", false))
		row(x, TUI_NORMAL, "%s", _("It gets a serial console."));
	if (json_object_get(g, "ssh"))
		row(x, TUI_NORMAL, _("%s logs in by SSH after the start."),
			str(g, "ssh.user"));
}

static void figures_part(struct tui_text *x, const json_t *plan)
{
	const json_t *est = json_object_get(plan, "estimate");
	double bytes = json_u64(est, "written", 0);
	char a[STR_SIZE_LEN], b[STR_SIZE_LEN], c[STR_SIZE_LEN];

	head(x, _("How much, how long"));
	row(x, TUI_NORMAL, _("%s to copy of %s provisioned"),
		str_size(a, json_u64(est, "written", 0)),
		str_size(b, json_u64(est, "provisioned", 0)));
	/* As fast as this machine's disks are: nobody knows before. */
	if (from_file(plan))
		return;
	row(x, TUI_NORMAL,
		_("The copy alone: %s at 100 MiB/s (1 Gbit/s), %s at 30 "
		  "MiB/s. The VM is off meanwhile; it is read back once."),
		str_duration(a, bytes / (100 << 20)),
		str_duration(c, bytes / (30 << 20)));
}

static void verdict_part(struct tui_text *x, const json_t *plan)
{
	const json_t *list = json_object_get(plan, "warnings"), *v;
	size_t i;

	head(x, _("Verdicts so far"));
	row(x, TUI_GOOD, "%s",
		_("ok       storages, space, bridges, VM id, formats"));
	json_array_foreach (list, i, v) {
		_free_ char *said = i18n_said(json_string_value(v));

		row(x, TUI_WARN, _("warning  %s"), said ? said : "");
	}
	row(x, TUI_DIM, "%s",
		from_file(plan) ? _("The first step, preflight, looks at files "
				    "and node again before anything is made.")
				: _("The first step, preflight, asks both "
				    "sides again before anything stops."));
}

static void steps_part(struct tui_text *x, const json_t *plan)
{
	const json_t *v;
	size_t i;

	head(x, _("The checklist"));
	json_array_foreach (json_object_get(plan, "steps"), i, v) {
		const struct step *s = step_find(json_string_value(v));

		row(x, TUI_NORMAL, "%2zu  %s", i + 1, s ? _(s->doing) : "?");
	}
}

/* --- making and starting --- */

static int make_plan(struct wizard *w, struct err *e)
{
	_free_ char *facts = wizard_file(w, "facts.json");
	_free_ char *choices = wizard_file(w, "choices.json");
	_free_ char *path = wizard_file(w, "plan.json");
	_json_ json_t *f = choices_facts(w), *c = choices_json(w);
	json_t *plan = NULL;
	struct args a = {0};

	args_add(&a, "plan");
	args_opt(&a, "--facts", facts);
	args_opt(&a, "--choices", choices);
	args_opt(&a, "--output", path);
	if (json_write(facts, f, 0600, e) || json_write(choices, c, 0600, e) ||
		child_verb(w, _("Making the plan"), &a, false, NULL, e) ||
		json_read(path, &plan, e))
		return -1;
	json_decref(w->plan);
	w->plan = plan;
	return 0;
}

static int save(struct wizard *w)
{
	_free_ char *text = NULL;
	struct err e = {0};

	if (!*w->save_as)
		snprintf(
			w->save_as, sizeof(w->save_as), "%s.plan.json", w->job);
	if (!tui_input(w->t, _("Save the plan"), _("File:"), w->save_as,
		    sizeof(w->save_as), false))
		return TUI_STAY;
	if (json_write(w->save_as, w->plan, 0600, &e)) {
		wizard_error(w, &e);
		return TUI_STAY;
	}
	text = xasprintf(
		_("It runs without the wizard by:\nvmferry run --plan %s"),
		w->save_as);
	tui_message(w->t, _("Saved"), text);
	return TUI_STAY;
}

/* Every keyboard has it, and what one sees is what it is. */
static bool can_be_typed(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (name[i] < ' ' || name[i] > '~' ||
			(name[i] == ' ' && (!i || name[i + 1] <= ' ')))
			return false;
	return n > 0 && n <= NAME_TYPED;
}

/* The name typed (the job's, where the VM's cannot be), then how it is to
 * run. */
static int start(struct wizard *w)
{
	const struct tui_option modes[] = {
		{_("Guided"), _("stop before each step"), NULL},
		{_("Express"), _("run to the next question"), NULL},
		{NULL, NULL, NULL}};
	const char *name = json_str_or(w->vm, "name", "?");
	bool plain = can_be_typed(name);
	_free_ char *text = plain
		? xasprintf(_("This begins the move of %s. Type its name to "
			      "start:"),
			  name)
		: xasprintf(_("This begins the move of %s. Its name is hard "
			      "to type: type %s to start:"),
			  name, w->job);
	int mode;

	if (!tui_confirm_typed(w->t, _("Start"), text, plain ? name : w->job))
		return TUI_STAY;
	mode = tui_ask(w->t, _("How?"),
		_("Guided stops before each step and says what it will do. "
		  "Express runs to the next question. You can switch later."),
		modes, 0);
	if (mode < 0)
		return TUI_STAY;
	wizard_remember(w);
	w->guided = mode == 0;
	w->begin = true;
	return WIZ_NEXT;
}

static int action(struct tui *t, struct tui_screen *s, int id)
{
	struct wizard *w = s->arg;

	(void)t;
	if (id == TUI_OK)
		return start(w);
	if (id == REVIEW_SAVE)
		return save(w);
	return wizard_answer(w, id, WIZ_NEXT);
}

int page_review(struct wizard *w)
{
	struct tui_pager pager = {0};
	struct tui_key keys[] = {{TUI_KEY_ENTER, _("Start"), TUI_OK, false},
		{'s', _("Save plan"), REVIEW_SAVE, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Review: nothing is changed yet"),
		.crumbs = wizard_crumbs(6),
		.help = "review",
		.keys = keys,
		.pager = &pager,
		.action = action,
		.arg = w};
	struct err e = {0};
	int id;

	choices_job_name(w, w->job, sizeof(w->job));
	while (make_plan(w, &e)) {
		if (e.code == ERR_STOPPED)
			return tui_hung_up(w->t) ? WIZ_QUIT : WIZ_BACK;
		id = review_blocked(w, &e);
		if (id != TUI_STAY)
			return id;
	}
	source_part(&pager.text, w->plan);
	hoster_part(&pager.text, w);
	target_part(&pager.text, w->plan);
	inside_part(&pager.text, w->plan);
	figures_part(&pager.text, w->plan);
	verdict_part(&pager.text, w->plan);
	steps_part(&pager.text, w->plan);
	id = tui_run(w->t, &s);
	tui_text_free(&pager.text);
	return wizard_answer(w, id, WIZ_NEXT);
}
