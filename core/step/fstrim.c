/* Blocks the guest deleted long ago were copied with the rest: give them
 * back, and say how much came back. */
#include "../guest_said.h"
#include "../guest_shell.h"
#include "../i18n.h"

#include <string.h>
#include <sys/stat.h>

#include "../pve.h"
#include "../str.h"
#include "../target.h"

#define PATIENCE 1800.0 /* s: a large file system has much to give */

/* Bytes the volumes take on the storage; 0 where that cannot be told. */
static uint64_t taken(struct run *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < run_disks(r); i++) {
		_free_ char *path = NULL;
		struct stat st;

		if (target_volume(r, i, NULL, &path, NULL, NULL, NULL))
			return 0;
		if (stat(path, &st) || !S_ISREG(st.st_mode))
			return 0;
		sum += (uint64_t)st.st_blocks * 512;
	}
	return sum;
}

static int by_hand(struct run *r, const char *why, struct err *e)
{
	static const struct ask_choice c[] = {{"done", N_("it was run")},
		{"later", N_("I will run it later")},
		{"retry", N_("ask the agent again")}, {NULL, NULL}};
	const struct question q = {.id = "console",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("Run fstrim in the VM's console. Was it run?"),
		.why = why,
		.help = GUEST_FSTRIM};
	const char *a;

	if (run_ask(r, &q, &a, e))
		return -1;
	if (strcmp(a, "retry") == 0)
		return err_set(e, ERR_AGENT_SILENT, "%s", why);
	return 0;
}

/* The agent's own way, else a shell over SSH, where the plan has one. *paths
 * is a new reference. */
static int trim(struct run *r, const char **by, uint64_t *sum, json_t **paths,
	struct err *e)
{
	_free_ char *said = NULL, *why = NULL;
	struct pve *p;

	*by = "agent";
	if (run_pve(r, &p, e))
		return -1;
	if (pve_agent_fstrim(p, run_vmid(r), sum, paths, e) == 0)
		return 0;
	if (e->code == ERR_STOPPED || !guest_ssh_wanted(r))
		return -1;
	why = xstrdup(e->why);
	*by = "ssh";
	if (guest_ssh_shell(r, GUEST_FSTRIM, PATIENCE, &said, e) == 0) {
		*paths = guest_said_fstrim(said, sum);
		if (json_array_size(*paths))
			return 0;
		json_decref(*paths);
		err_set(e, ERR_AGENT_SILENT,
			"fstrim trimmed nothing: no file system takes it");
	}
	if (e->code != ERR_STOPPED && e->code != ERR_ANSWER_NEEDED) {
		_free_ char *both =
			xasprintf("agent: %s; SSH: %s", why, e->why);

		err_set(e, e->code, "%s", both);
	}
	return -1;
}

static int run(struct run *r, struct err *e)
{
	uint64_t before = taken(r), after, trimmed = 0;
	char a[STR_SIZE_LEN], b[STR_SIZE_LEN];
	json_t *paths = NULL, *d;
	const char *by;

	if (trim(r, &by, &trimmed, &paths, e)) {
		_free_ char *why = xstrdup(e->why);

		if (e->code == ERR_STOPPED || e->code == ERR_ANSWER_NEEDED)
			return -1;
		return by_hand(r, why, e);
	}
	after = taken(r);
	d = json_object();
	json_put_str(d, "name", "fstrim");
	json_put_u64(d, "value", trimmed);
	json_put_str(d, "unit", "bytes");
	json_put_str(d, "by", by);
	json_put_u64(d, "taken_before", before);
	json_put_u64(d, "taken_after", after);
	json_put(d, "paths", paths ? paths : json_array());
	run_say(r, "  %s given back by the guest; the volumes take %s less",
		str_size(a, trimmed),
		str_size(b, before > after ? before - after : 0));
	return run_note(r, "measure", d, e);
}

const struct step step_fstrim = {
	.kind = "fstrim",
	.order = 140,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Give unallocated blocks back (fstrim)"),
	.why = N_(
		"Files deleted on the old server still took space in its disk "
		"and were copied. fstrim frees them on the new storage."),
	.manual = GUEST_FSTRIM,
	.trouble =
		N_("Nothing depends on it: run it later. It needs discard on "
		   "the disk, which vmferry has set."),
	.run = run,
};
