/*
 * What is left on both sides, with its size. vmferry removes only what its
 * own journal says it made. The source VM stays, off, unless the operator
 * types its name here, at the very end. Keeps true: no default and no plan
 * deletes it; what an answers file says counts only if it holds that name.
 */
#include "../i18n.h"
#include "../run.h"

#include <string.h>
#include <time.h>

#include "../esxi.h"
#include "../origin.h"
#include "../plan.h"
#include "../staged.h"
#include "../str.h"

/* --- the source VM --- */

static bool file_says(const struct run *r, const char *key)
{
	return json_object_get(r->answers, key) != NULL;
}

/* Its end may be offered: everything it had is on the target, which ran. */
static bool all_moved(const struct run *r)
{
	return r->vm->n_disks == run_disks(r) &&
		journal_ended(r->j, "start_vm");
}

static int ask_keep(struct run *r, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {
		{"keep", N_("keep it, off: it is the way back")},
		{"delete", N_("delete it for ever; its name must be typed")},
		{NULL, NULL}};
	const struct question q = {.id = "source",
		.kind = ASK_CHOICE,
		.choices = c,
		.def = "keep",
		.text = N_("Keep the old VM on the ESXi host?"),
		.why = N_("While it is kept, vmferry undo brings the old "
			  "server back. Most keep it for some weeks."),
		.help = N_("It can be deleted later on the host: vim-cmd "
			   "vmsvc/destroy VMID")};

	return run_ask(r, &q, a, e);
}

static int ask_name(struct run *r, struct err *e)
{
	_free_ char *text = xasprintf(
		N_("Delete %s and all its files on the ESXi host? Type its "
		   "name:"),
		r->vm->name);
	const struct question q = {.id = "delete",
		.kind = ASK_CONFIRM,
		.expect = r->vm->name,
		.text = text,
		.why = N_("There is no way back from this. To keep it, answer "
			  "the question cleanup.source with keep.")};
	const char *a;

	return run_ask(r, &q, &a, e);
}

static int wants_delete(struct run *r, bool *yes, struct err *e)
{
	const char *a = "delete";

	*yes = false;
	if (origin_is_file(r))
		return 0;
	if (!run_flag(r, "allow.delete_source", true) || !all_moved(r))
		return 0;
	if (!file_says(r, "cleanup.delete")) {
		/* Nobody is there to ask. */
		if (r->answers && !file_says(r, "cleanup.source"))
			return 0;
		if (ask_keep(r, &a, e))
			return -1;
	}
	if (strcmp(a, "delete"))
		return 0;
	if (ask_name(r, e))
		return -1;
	*yes = true;
	return 0;
}

/* The decision stands in the journal before the deed: from there on undo asks
 * the host whether there is anything to go back to. */
static int delete_source(struct run *r, struct err *e)
{
	const json_t *before =
		journal_asked(r->j, "cleanup", "decision", RUN_SOURCE_END);
	json_t *d = json_object();
	struct esxi *x;
	bool there;

	json_put_str(d, "id", RUN_SOURCE_END);
	json_put_str(d, "value", "delete");
	json_put_str(d, "why", N_("the operator typed its name"));
	if (run_note(r, "decision", d, e) || run_esxi(r, &x, e) ||
		esxi_knows(x, r->vm, &there, e))
		return -1;
	if (!there && before)
		return 0;
	run_say(r, "  deleting %s on the ESXi host", r->vm->name);
	return esxi_destroy(x, r->vm, e);
}

/* The day until which it is to be kept: "2026-12-06". */
static void keep_until(struct run *r, uint64_t days, json_t *row)
{
	time_t t = time(NULL) + days * 86400;
	char day[16] = "?";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	run_say(r,
		"  keep it until %s (%u days), and until the new server has a "
		"backup that was restored once; then delete it there",
		day, (unsigned)days);
	json_put_str(row, "keep_until", day);
	json_put_u64(row, "keep_days", days);
}

static void tell_source(struct run *r, json_t *left)
{
	char size[STR_SIZE_LEN];
	uint64_t used = 0;
	json_t *o = json_object();

	for (size_t i = 0; i < r->vm->n_disks; i++)
		used += r->vm->disks[i].used ? r->vm->disks[i].used
					     : r->vm->disks[i].capacity;
	run_say(r, "  left on the ESXi host: %s, off, %s", r->vm->name,
		str_size(size, used));
	keep_until(r, run_u64(r, "keep_days", PLAN_KEEP_DAYS), o);
	json_put_str(o, "what", N_("source VM, off"));
	json_put_str(o, "where", run_str(r, "source.host", "?"));
	json_put_u64(o, "bytes", used);
	json_array_append_new(left, o);
}

/* The operator's files are never deleted, whoever asks for it. */
static void tell_files(struct run *r, json_t *left)
{
	const json_t *list = json_at(r->plan, "source.files"), *f;
	char text[STR_SIZE_LEN];
	uint64_t size = 0;
	json_t *o = json_object();
	size_t i;

	json_array_foreach (list, i, f)
		size += json_u64(f, "size", 0);
	run_say(r,
		"  left as it was: %s with its disks, %s. Keep it until the "
		"new server has proven itself.",
		origin_path(r), str_size(text, size));
	json_put_str(o, "what", N_("the files the VM came from, untouched"));
	json_put_str(o, "where", origin_path(r));
	json_put_u64(o, "bytes", size);
	json_array_append_new(left, o);
}

static int run(struct run *r, struct err *e)
{
	_json_ json_t *left = json_array();
	json_t *d;
	bool gone;

	if (staged_remove(r, e) || wants_delete(r, &gone, e) ||
		(gone && delete_source(r, e)))
		return -1;
	if (origin_is_file(r))
		tell_files(r, left);
	else if (!gone)
		tell_source(r, left);
	d = json_object();
	json_put_str(d, "name", "left");
	json_object_set(d, "left", left);
	return run_note(r, "measure", d, e);
}

const struct step step_cleanup = {
	.kind = "cleanup",
	.order = 170,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Clean up, and say what is left"),
	.why = N_(
		"Staging files are removed. The old VM stays off and whole: it "
		"is the way back for as long as you keep it. It is deleted "
		"only if you type its name."),
	.manual = N_("rm STAGING/*.vmdk\n"
		     "On ESXi, weeks later: vim-cmd vmsvc/destroy VMID"),
	.file = {.why = N_("Staging files are removed. The files the VM came "
			   "from stay as they are: they are the way back for "
			   "as long as you keep them, and vmferry never "
			   "deletes them."),
		.manual = N_("rm STAGING/*.vmdk\n"
			     "Weeks later, once the new server has a backup: "
			     "rm FILE")},
	.trouble = N_("Nothing here can hurt the new server."),
	.run = run,
};
