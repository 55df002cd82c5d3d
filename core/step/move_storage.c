/* For those who staged on a directory: to the storage the disks shall live
 * on, while the VM runs. */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../pve.h"
#include "../str.h"
#include "../target.h"

static const char *destination(const struct run *r, size_t i)
{
	return json_str_or(
		run_disk(r, i), "move_to", run_str(r, "target.move_to", NULL));
}

static int preflight(struct run *r, struct err *e)
{
	struct pve *p;

	if (run_pve(r, &p, e))
		return -1;
	for (size_t i = 0; i < run_disks(r); i++) {
		const char *to = destination(r, i);
		_json_ json_t *row = NULL;
		struct err one = {0};

		if (to && pve_storage(p, to, &row, &one))
			run_find_err(r, &one);
	}
	return 0;
}

/* 1 where disk i lies where it shall. */
static int settled(
	struct run *r, struct pve *p, size_t i, char key[16], struct err *e)
{
	const char *to = destination(r, i);
	_json_ json_t *config = NULL;
	_free_ char *prefix = NULL;

	if (!to)
		return 1;
	prefix = xasprintf("%s:", to);
	if (target_disk_key(r, i, key, e) ||
		pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	return str_starts(json_str_or(config, key, ""), prefix);
}

static int check(struct run *r, struct err *e)
{
	struct pve *p;
	char key[16];

	for (size_t i = 0; i < run_disks(r); i++) {
		int c;

		if (!destination(r, i))
			continue;
		if (run_pve(r, &p, e))
			return -1;
		c = settled(r, p, i, key, e);
		if (c <= 0)
			return c;
	}
	return 1;
}

static void on_line(void *arg, const char *line, double percent)
{
	struct run *r = arg;
	json_t *o = json_object();

	json_put_str(o, "what", line);
	if (percent >= 0) {
		json_put_u64(o, "done", percent * 100);
		json_put_u64(o, "total", 10000);
	}
	run_progress(r, o);
}

/* The volume has another name now: the journal must know, or undo would
 * look for the old one. */
static int note_moved(struct run *r, struct pve *p, size_t i, const char *key,
	const char *old, struct err *e)
{
	const json_t *disk = run_disk(r, i);
	_json_ json_t *config = NULL;
	_free_ char *now = NULL;
	json_t *more = json_object();

	json_put_str(more, "slot", json_str(disk, "slot"));
	if (pve_vm_config(p, run_vmid(r), &config, e)) {
		json_decref(more);
		return -1;
	}
	now = xstrdup(json_str_or(config, key, ""));
	now[strcspn(now, ",")] = '\0';
	run_say(r, "  %s -> %s", old, now);
	if (run_made(r, "volume", now, more, e))
		return -1;
	return run_removed(r, "volume", old, e);
}

static int move_one(struct run *r, struct pve *p, size_t i, struct err *e)
{
	const struct pve_progress pr = {.line = on_line, .arg = r};
	_free_ char *old = NULL;
	char key[16];
	int there = settled(r, p, i, key, e);

	if (there)
		return there < 0 ? -1 : 0;
	if (target_volume(r, i, &old, NULL, NULL, NULL, e))
		return -1;
	if (pve_vm_move_disk(
		    p, run_vmid(r), key, destination(r, i), NULL, true, &pr, e))
		return -1;
	return note_moved(r, p, i, key, old, e);
}

static int run(struct run *r, struct err *e)
{
	struct pve *p;

	if (run_pve(r, &p, e))
		return -1;
	for (size_t i = 0; i < run_disks(r); i++)
		if (move_one(r, p, i, e))
			return err_in(e, "move disk %s",
				json_str_or(run_disk(r, i), "slot", "?"));
	return 0;
}

static int verify(struct run *r, struct err *e)
{
	int c = check(r, e);

	if (c < 0)
		return -1;
	return c ? 0
		 : err_set(e, ERR_PVE_SERVER,
			   "a disk is not on its final storage");
}

const struct step step_move_storage = {
	.kind = "move_storage",
	.order = 160,
	.flags = STEP_LONG | STEP_SKIPPABLE,
	.doing = N_("Move the disks to their final storage"),
	.why = N_("A disk that was put on a directory first goes to ZFS or "
		  "LVM-thin while the VM runs; the old volume is removed when "
		  "the new one is whole."),
	.manual = N_("qm move_disk VMID scsi0 local-zfs --delete 1"),
	.trouble =
		N_("If it fails the VM goes on running from the old volume."),
	.preflight = preflight,
	.check = check,
	.run = run,
	.verify = verify,
};
