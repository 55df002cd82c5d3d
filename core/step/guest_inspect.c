/*
 * Looks inside the copied disks, read-only and once: the facts, and the
 * changes that guest_fix will offer, come from one session of the appliance
 * (it takes half a minute to start where there is no KVM). A disk that cannot
 * be opened is not a failure of the move: the operator's word stands in for
 * the facts.
 */
#include "../guest_job.h"
#include "../i18n.h"

#include "../str.h"

static void tell(struct run *r, const json_t *facts)
{
	const json_t *notes = json_object_get(facts, "notes"), *n;
	size_t i;

	const json_t *net = json_object_get(facts, "network");
	const char *name = json_str_or(facts, "name", "unknown system");
	const char *tools = json_str_or(facts, "tools", "none");

	/* Of Windows nothing is known of its network. */
	if (json_str(net, "stack"))
		run_say(r, "  %s, network by %s, tools: %s", name,
			json_str(net, "stack"), tools);
	else
		run_say(r, "  %s, tools: %s", name, tools);
	json_array_foreach (notes, i, n)
		run_say(r, "  %s", json_string_value(n));
}

/* Not opened: say why, and go on only on the operator's word. */
static int without_facts(struct run *r, const struct err *cause, struct err *e)
{
	static const struct ask_choice c[] = {{"retry", N_("try again")},
		{"blind", N_("go on; choices are made from the VM's settings")},
		{NULL, NULL}};
	const struct question q = {.id = "blind",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("The inside of the disk could not be read. Go on?"),
		.why = cause->why,
		.help = N_("Without it vmferry proposes the disk bus from the "
			   "guest system's name, and the network is changed by "
			   "you in the VM's console.")};
	const char *a;
	json_t *d;

	if (run_ask(r, &q, &a, e))
		return -1;
	if (str_eqi(a, "retry")) {
		*e = *cause;
		return -1;
	}
	d = json_object();
	json_put_str(d, "text", cause->why);
	return run_note(r, "note", d, e);
}

/* {"name": "guest", "facts", "changes", "left"} of one open session. */
static int look(struct run *r, json_t **out, struct err *e)
{
	_changes_ struct guest_changes cs = {0};
	_json_ json_t *want = guest_job_wanted(r);
	_guest_ struct guest *g = NULL;
	json_t *facts, *d;

	if (guest_job_open(r, false, &g, e) || guest_facts(g, &facts, e))
		return -1;
	if (guest_changes(g, want, &cs, e)) {
		json_decref(facts);
		return -1;
	}
	d = guest_job_shown(&cs);
	if (guest_job_keep(r->job->dir, &cs, d, e)) {
		json_decref(facts);
		json_decref(d);
		return -1;
	}
	json_put_str(d, "name", "guest");
	json_put(d, "facts", facts);
	*out = d;
	return 0;
}

/* "blind", said after the worker before this one had looked and asked: its
 * reason is in the question, and the appliance need not start again. */
static bool said_blind(const struct run *r, struct err *cause)
{
	const char *step = r->step->kind;
	const json_t *asked = journal_asked(r->j, step, "question", "blind");
	const json_t *said = journal_asked(r->j, step, "answer", "blind");
	const json_t *taken = journal_asked(r->j, step, "decision", "blind");
	const json_t *data = json_object_get(said, "data");
	uint64_t at = json_u64(said, "seq", 0);

	if (!str_eqi(json_str_or(data, "value", ""), "blind") ||
		at < json_u64(asked, "seq", 0) ||
		at < json_u64(taken, "seq", 0))
		return false;
	err_set(cause, ERR_GUEST_ACCESS, "%s",
		json_str_or(json_object_get(asked, "data"), "why", ""));
	return true;
}

static int run(struct run *r, struct err *e)
{
	struct err cause = {0};
	json_t *d;

	if (said_blind(r, &cause))
		return without_facts(r, &cause, e);
	if (look(r, &d, &cause) == 0) {
		tell(r, json_object_get(d, "facts"));
		return run_note(r, "measure", d, e);
	}
	if (cause.code == ERR_STOPPED) {
		*e = cause;
		return -1;
	}
	run_say(r, "  %s: %s", err_id(cause.code), cause.why);
	return without_facts(r, &cause, e);
}

const struct step step_guest_inspect = {
	.kind = "guest_inspect",
	.order = 90,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Look inside the copied disk"),
	.why = N_(
		"Whether the system boots on the new hardware depends on what "
		"is in its initramfs; whether it is reachable depends on its "
		"network files. Nothing is written."),
	.manual = N_("guestfish --ro -a VOLUME -i cat /etc/os-release\n"
		     "lsinitramfs /boot/initrd.img-* | grep virtio"),
	.trouble = N_("An encrypted or unknown disk can still be moved: choose "
		      "bus and network by hand."),
	.run = run,
};
