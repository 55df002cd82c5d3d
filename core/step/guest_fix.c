/*
 * Changes inside the guest: worked out, shown as diffs, applied when the
 * operator accepts. Undo needs none of its own: the volumes are copies, and
 * go with the VM.
 */
#include "../guest_job.h"
#include "../i18n.h"

#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "../target.h"

static json_t *wanted(const struct run *r)
{
	const json_t *nics = json_at(r->plan, "target.nics"), *n;
	json_t *out = json_object(), *list = json_array();
	size_t i;

	json_put(out, "nics", list);
	json_put_bool(out, "tools_off", run_flag(r, "guest.tools_off", true));
	json_put_bool(out, "fstab", run_flag(r, "guest.fstab", true));
	json_array_foreach (nics, i, n) {
		json_t *o = json_object();
		const char *slot = json_str_or(n, "slot", "");

		json_put_u64(o, "index", i);
		json_put_str(o, "mac", target_mac(r, i));
		json_put_str(o, "address", json_str(n, "address"));
		json_put_str(o, "gateway", json_str(n, "gateway"));
		if (json_object_get(n, "dns"))
			json_object_set(o, "dns", json_object_get(n, "dns"));
		for (size_t k = 0; k < r->vm->n_nics; k++) {
			if (strcmp(r->vm->nics[k].slot, slot))
				continue;
			json_put_str(o, "old_mac", r->vm->nics[k].mac);
			if (r->vm->nics[k].pci_slot >= 0)
				json_put_u64(
					o, "pci_slot", r->vm->nics[k].pci_slot);
		}
		json_array_append_new(list, o);
	}
	return out;
}

static int check(struct run *r, struct err *e)
{
	(void)e;
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

/* The diffs go to the journal before the question: they are what is
 * accepted. */
static int show(struct run *r, const struct guest_changes *cs, struct err *e)
{
	for (size_t i = 0; i < cs->n; i++) {
		_free_ char *diff = guest_diff(&cs->c[i]);
		_free_ char *copy = xstrdup(diff);
		char *p = copy, *line;
		json_t *d = json_object();

		json_put_str(d, "text", cs->c[i].why);
		json_put_str(d, "path", cs->c[i].path);
		json_put_str(d, "diff", diff);
		if (run_note(r, "note", d, e))
			return -1;
		run_say(r, "  %s", cs->c[i].why);
		while ((line = str_line(&p)))
			say_line(r, line);
	}
	for (size_t i = 0; i < cs->n_left; i++)
		run_say(r, "  left alone: %s", cs->left[i]);
	return 0;
}

static int accepted(
	struct run *r, const struct guest_change *c, bool *yes, struct err *e)
{
	static const struct ask_choice choices[] = {{"apply", N_("write it")},
		{"skip", N_("leave this file alone")}, {NULL, NULL}};
	_free_ char *id = xasprintf("apply%s", c->path);
	_free_ char *text = xasprintf(N_("Change %s in the guest?"), c->path);
	_free_ char *diff = guest_diff(c);
	const struct question q = {.id = id,
		.kind = ASK_CHOICE,
		.text = text,
		.choices = choices,
		.def = "apply",
		.why = c->why,
		.help = diff};
	const char *a;

	if (json_at(r->plan, "allow.guest_fix")) {
		*yes = run_flag(r, "allow.guest_fix", false);
		return 0;
	}
	if (run_ask(r, &q, &a, e))
		return -1;
	*yes = strcmp(a, "apply") == 0;
	return 0;
}

/* Every answer is had before the first byte is written. */
static int apply_all(struct run *r, struct guest *g,
	const struct guest_changes *cs, struct err *e)
{
	bool *yes = xcalloc(cs->n, sizeof(*yes));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cs->n; i++)
		rc = accepted(r, &cs->c[i], &yes[i], e);
	for (size_t i = 0; rc == 0 && i < cs->n; i++) {
		json_t *d;

		if (!yes[i])
			continue;
		rc = guest_apply(g, &cs->c[i], e);
		d = json_object();
		json_put_str(d, "text", cs->c[i].path);
		json_put_str(d, "where", "guest");
		if (rc)
			json_decref(d);
		else
			rc = run_note(r, "command", d, e);
	}
	free(yes);
	return rc;
}

static int run(struct run *r, struct err *e)
{
	_changes_ struct guest_changes cs = {0};
	_json_ json_t *want = wanted(r);
	_guest_ struct guest *g = NULL;
	struct guest *done;

	if (guest_job_open(r, true, &g, e) || guest_changes(g, want, &cs, e) ||
		show(r, &cs, e) || apply_all(r, g, &cs, e))
		return -1;
	done = g;
	g = NULL;
	return guest_close(done, e);
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
