/*
 * Changes inside the guest: guest_inspect worked them out; they are shown as
 * diffs, and what the operator accepts is written in one session, rehearsed
 * first where that is quick or wanted (guest_rehearse.h). Undo needs none of
 * its own: the volumes are copies, and go with the VM.
 *
 * Keeps true: every answer is had before the disks are opened for writing,
 * and what is written is exactly what was shown; what the operator edited is
 * shown again as a diff, and is written as a text, never run.
 */
#include "../content.h"
#include "../guest_agreed.h"
#include "../guest_job.h"
#include "../guest_rehearse.h"
#include "../i18n.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../str.h"
#include "../target.h"

static const json_t *shown(const struct run *r)
{
	return run_recall(r, "guest_inspect", "measure");
}

static int check(struct run *r, struct err *e)
{
	const char *package = run_str(r, "guest.agent_package", NULL);

	if (package && access(package, R_OK)) {
		err_sys(e, ERR_IO, "%s", package);
		return err_in(e, "find the package of the guest agent");
	}
	/* Nothing is known of the inside, or it was not wanted. */
	return !guest_job_facts(r) || !run_flag(r, "guest.fix", true);
}

/* A line of a diff for people: tabs as blanks, since control characters are
 * not shown. */
static void say_line(struct run *r, const char *line)
{
	_buf_ struct buf b = {0};

	for (; *line; line++) {
		if (*line == '\t')
			buf_adds(&b, "    ");
		else
			buf_addc(&b, *line);
	}
	run_say(r, "    %s", b.s ? b.s : "");
}

static void show(struct run *r)
{
	const json_t *left = json_object_get(shown(r), "left"), *c;
	size_t i;

	json_array_foreach (json_object_get(shown(r), "changes"), i, c) {
		_free_ char *copy = xstrdup(json_str_or(c, "diff", ""));
		char *p = copy, *line;

		run_say(r, "  %s", json_str_or(c, "why", ""));
		while ((line = str_line(&p)))
			say_line(r, line);
	}
	json_array_foreach (left, i, c)
		run_say(r, "  left alone: %s", json_string_value(c));
}

/* --- the operator's word --- */

/* What a change is at the moment: as proposed, or as the operator made it. */
struct version {
	unsigned round; /* so many times edited */
	char *id, *diff;
	char content[SHA256_HEX]; /* "" where it cannot be edited */
};

static void version_free(struct version *v)
{
	free(v->id);
	free(v->diff);
}

static void name_it(struct version *v, const char *path)
{
	char *id = v->round ? xasprintf("apply%s#%u", path, v->round + 1)
			    : xasprintf("apply%s", path);

	free(v->id);
	v->id = id;
}

static int ask_version(struct run *r, const json_t *c, const struct version *v,
	const char **a, struct err *e)
{
	static const struct ask_choice plain[] = {{"apply", N_("write it")},
		{"skip", N_("leave this file alone")}, {NULL, NULL}};
	static const struct ask_choice editable[] = {{"apply", N_("write it")},
		{"edit", N_("edit it first")},
		{"skip", N_("leave this file alone")}, {NULL, NULL}};
	const char *path = json_str_or(c, "path", "");
	_free_ char *text =
		xasprintf(v->round ? N_("Write %s as you edited it?")
				   : N_("Change %s in the guest?"),
			path);
	const struct question q = {.id = v->id,
		.kind = ASK_CHOICE,
		.text = text,
		.choices = *v->content ? editable : plain,
		.edit = *v->content ? v->content : NULL,
		.def = "apply",
		.why = json_str(c, "why"),
		.help = v->diff};

	return run_ask(r, &q, a, e);
}

/* A text that was kept; null where hex is null. */
static int kept(
	const struct run *r, const char *hex, char **text, struct err *e)
{
	*text = NULL;
	return hex ? content_read(r->job->dir, hex, text, e) : 0;
}

/* The text that came with the answer, and the diff it makes. */
static int take_edit(
	struct run *r, const json_t *c, struct version *v, struct err *e)
{
	const char *hex = ask_content(r->j, r->step->kind, v->id);
	_free_ char *before = NULL, *after = NULL;

	if (!hex)
		return err_set(
			e, ERR_JOB_BAD, "%s: the text is missing", v->id);
	if (kept(r, json_str(c, "before"), &before, e) ||
		kept(r, hex, &after, e))
		return err_in(e, "read the text of %s as edited",
			json_str_or(c, "path", ""));
	const struct guest_change change = {
		.path = (char *)json_str_or(c, "path", ""),
		.before = before,
		.after = after};

	snprintf(v->content, sizeof(v->content), "%s", hex);
	free(v->diff);
	v->diff = guest_diff(&change);
	v->round++;
	name_it(v, change.path);
	return 0;
}

/* Asked until it is written or left alone: after each edit the diff is shown
 * again. */
static int ask_one(struct run *r, const json_t *c, json_t *yes, struct err *e)
{
	__attribute__((cleanup(version_free))) struct version v = {
		.diff = xstrdup(json_str_or(c, "diff", ""))};
	const char *a;

	snprintf(v.content, sizeof(v.content), "%s",
		json_str_or(c, "after", ""));
	name_it(&v, json_str_or(c, "path", ""));
	for (;;) {
		if (ask_version(r, c, &v, &a, e))
			return -1;
		if (strcmp(a, "edit")) {
			if (strcmp(a, "apply") == 0)
				guest_agree(yes, c, v.round ? v.content : NULL);
			return 0;
		}
		if (take_edit(r, c, &v, e))
			return -1;
	}
}

static char *all_diffs(const json_t *list)
{
	struct buf b = {0};
	const json_t *c;
	size_t i;

	json_array_foreach (list, i, c)
		buf_addf(&b, "%s\n%s\n", json_str_or(c, "why", ""),
			json_str_or(c, "diff", ""));
	return buf_steal(&b);
}

/* One question for all; *answer is "apply", "each" or "skip". */
static int ask_all(
	struct run *r, const json_t *list, const char **answer, struct err *e)
{
	static const struct ask_choice choices[] = {
		{"apply", N_("write all of them")},
		{"each", N_("ask for each file")},
		{"skip", N_("write nothing")}, {NULL, NULL}};
	_free_ char *diffs = all_diffs(list);
	_free_ char *text = xasprintf(
		N_("Change %zu files in the guest?"), json_array_size(list));
	const struct question q = {.id = "changes",
		.kind = ASK_CHOICE,
		.text = text,
		.choices = choices,
		.def = "apply",
		.why = N_(
			"Each change is shown as a diff. A copy of every file "
			"as it was stays in the guest, in "
			"/var/backups/vmferry."),
		.help = diffs};

	if (json_at(r->plan, "allow.guest_fix")) {
		*answer = run_flag(r, "allow.guest_fix", false) ? "apply"
								: "skip";
		return 0;
	}
	return run_ask(r, &q, answer, e);
}

/* Which of the changes are accepted; none is written yet. */
static int accepted(
	struct run *r, const json_t *list, json_t **out, struct err *e)
{
	_json_ json_t *yes = json_object();
	const char *a;
	const json_t *c;
	size_t i;

	if (ask_all(r, list, &a, e))
		return -1;
	/* The answer's text lives only until the next question. */
	bool each = strcmp(a, "each") == 0, all = strcmp(a, "apply") == 0;

	json_array_foreach (list, i, c) {
		if (each && ask_one(r, c, yes, e))
			return -1;
		if (all)
			guest_agree(yes, c, NULL);
	}
	*out = json_incref(yes);
	return 0;
}

/* --- writing --- */

/* The diff goes to the journal before the volume is touched. */
static int note(struct run *r, const struct guest_change *c,
	const char *content, struct err *e)
{
	_free_ char *diff = guest_diff(c);
	json_t *d = json_object();

	json_put_str(d, "text", c->why);
	json_put_str(d, "path", c->path);
	json_put_str(d, "diff", diff);
	json_put_str(d, "edited", content);
	return run_note(r, "note", d, e);
}

/* What came of a package, where it was not what was accepted. */
static int tell_said(
	struct run *r, const struct guest_change *c, bool record, struct err *e)
{
	json_t *d;

	if (!c->said)
		return 0;
	run_say(r, "  %s", c->said);
	if (!record)
		return 0;
	d = json_object();
	json_put_str(d, "text", c->said);
	return run_note(r, "note", d, e);
}

/* An earlier try did it, or the guest needs it no more: not to be passed over
 * without a word. */
static int tell_gone(
	struct run *r, const json_t *gone, bool record, struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach (gone, i, v) {
		_free_ char *text = xasprintf(
			N_("%s: agreed to, and done already: the guest does "
			   "not need it any more"),
			json_string_value(v));
		json_t *d;

		run_say(r, "  %s", text);
		if (!record)
			continue;
		d = json_object();
		json_put_str(d, "text", text);
		if (run_note(r, "note", d, e))
			return -1;
	}
	return 0;
}

static int apply(struct run *r, struct guest *g, struct guest_changes *cs,
	const json_t *yes, bool record, struct err *e)
{
	_json_ json_t *gone = json_array();

	if (guest_agreed(r->job->dir, g, yes, cs, gone, e) ||
		tell_gone(r, gone, record, e))
		return -1;
	for (size_t i = 0; i < cs->n; i++) {
		const json_t *agreed = json_object_get(yes, cs->c[i].path);
		const char *content = json_str(agreed, "content");

		if (agreed &&
			((record && note(r, &cs->c[i], content, e)) ||
				guest_apply(g, &cs->c[i], e) ||
				tell_said(r, &cs->c[i], record, e)))
			return -1;
	}
	return 0;
}

/* A package that was not accepted is not tried again on the volumes. */
static void forgo(json_t *want, const json_t *yes)
{
	if (!json_object_get(yes, "package:open-vm-tools"))
		json_object_del(want, "tools_remove");
	if (!json_object_get(yes, "package:qemu-guest-agent"))
		json_object_del(want, "agent_package");
}

static int write_to(struct run *r, const struct guest_disks *ds,
	const json_t *yes, struct err *e)
{
	_changes_ struct guest_changes cs = {0};
	_json_ json_t *want = guest_job_wanted(r);
	_guest_ struct guest *g = NULL;
	struct guest *done;

	if (!json_object_size(yes))
		return 0;
	forgo(want, yes);
	if (guest_open(ds->d, ds->n, true, &g, e) ||
		guest_changes(g, want, &cs, e) ||
		apply(r, g, &cs, yes, !ds->layers, e))
		return -1;
	done = g;
	g = NULL;
	return guest_close(done, e);
}

static int write_them(struct run *r, const json_t *yes, struct err *e)
{
	_disks_ struct guest_disks ds = {0};

	return guest_job_disks(r, &ds, e) || write_to(r, &ds, yes, e) ? -1 : 0;
}

/* On virtio-scsi the added drivers are no matter of taste. */
static int drivers_agreed(struct run *r, const json_t *yes, struct err *e)
{
	const json_t *facts = guest_job_facts(r), *k;
	size_t i;

	if (strcmp(target_bus(r), "scsi") || !guest_needs_drivers(facts))
		return 0;
	json_array_foreach (json_object_get(facts, "kernels"), i, k)
		if (json_flag(k, "default", false) &&
			json_object_get(yes, json_str_or(k, "initramfs", "")))
			return 0;
	return err_set(e, ERR_GUEST_BOOT,
		"the disks are on virtio-scsi, and the initramfs is not to get "
		"its driver: undo to choose_bus and choose sata or ide, or "
		"accept that change");
}

static int run(struct run *r, struct err *e)
{
	const json_t *list = json_object_get(shown(r), "changes");
	_json_ json_t *yes = NULL;

	show(r);
	if (!json_array_size(list)) {
		run_say(r, "  nothing to change");
		yes = json_object();
	} else if (accepted(r, list, &yes, e)) {
		return -1;
	}
	if (drivers_agreed(r, yes, e) ||
		(guest_rehearsing(r) && guest_rehearse(r, write_to, yes, e)))
		return -1;
	return write_them(r, yes, e);
}

const struct step step_guest_fix = {
	.kind = "guest_fix",
	.order = 120,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Fix the guest's network and start-up files"),
	.why = N_("On new hardware the network card has another name and maybe "
		  "another address; without this the server is up but not "
		  "reachable. Each change is shown first."),
	.manual =
		N_("In the VM's console: edit /etc/network/interfaces (or "
		   "netplan), replace ens192 by ens18, set the new address and "
		   "gateway, reboot."),
	.trouble = N_("The files as they were stay in the guest. What was left "
		      "alone must be changed in the VM's console."),
	.check = check,
	.run = run,
};
