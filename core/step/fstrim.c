/* Blocks the guest deleted long ago were copied with the rest: give them
 * back, and say how much came back. */
#include "../i18n.h"
#include "../run.h"

#include <string.h>
#include <sys/stat.h>

#include "../pve.h"
#include "../str.h"
#include "../target.h"

#define CONSOLE_LINES                                                         \
	"fstrim -av || for m in $(awk "                                       \
	"'$3~/^(ext[34]|xfs|btrfs|vfat|f2fs)$/{print $2}' /proc/mounts); do " \
	"fstrim -v \"$m\"; done"

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
		.help = CONSOLE_LINES};
	const char *a;

	if (run_ask(r, &q, &a, e))
		return -1;
	if (strcmp(a, "retry") == 0)
		return err_set(e, ERR_AGENT_SILENT, "%s", why);
	return 0;
}

static int run(struct run *r, struct err *e)
{
	uint64_t before = taken(r), after, trimmed = 0;
	char a[STR_SIZE_LEN], b[STR_SIZE_LEN];
	json_t *paths = NULL, *d;
	struct pve *p;

	if (run_pve(r, &p, e))
		return -1;
	if (pve_agent_fstrim(p, run_vmid(r), &trimmed, &paths, e)) {
		_free_ char *why = xstrdup(e->why);

		if (e->code == ERR_STOPPED)
			return -1;
		return by_hand(r, why, e);
	}
	after = taken(r);
	d = json_object();
	json_put_str(d, "name", "fstrim");
	json_put_u64(d, "value", trimmed);
	json_put_str(d, "unit", "bytes");
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
	.manual = CONSOLE_LINES,
	.trouble =
		N_("Nothing depends on it: run it later. It needs discard on "
		   "the disk, which vmferry has set."),
	.run = run,
};
