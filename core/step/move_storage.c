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

/* The volume of disk i by the VM's configuration ("" if it has none), to be
 * freed. */
static int volume_now(struct run *r, struct pve *p, size_t i, char key[16],
	char **volid, struct err *e)
{
	_json_ json_t *config = NULL;

	if (target_disk_key(r, i, key, e) ||
		pve_vm_config(p, run_vmid(r), &config, e))
		return -1;
	*volid = xstrdup(json_str_or(config, key, ""));
	(*volid)[strcspn(*volid, ",")] = '\0';
	return 0;
}

static bool is_on(const char *volid, const char *storage)
{
	size_t n = strlen(storage);

	return strncmp(volid, storage, n) == 0 && volid[n] == ':';
}

/* A volume of disk i in the journal that is not volid; null: none. */
static json_t *other_volume(const struct run *r, size_t i, const char *volid)
{
	const char *slot = json_str_or(run_disk(r, i), "slot", "");
	_json_ json_t *made = journal_made(r->j);
	json_t *o;
	size_t k;

	json_array_foreach (made, k, o)
		if (strcmp(json_str_or(o, "kind", ""), "volume") == 0 &&
			strcmp(json_str_or(o, "slot", ""), slot) == 0 &&
			strcmp(json_str_or(o, "id", ""), volid))
			return json_incref(o);
	return NULL;
}

/* 1 where disk i lies where it shall and the journal knows: a run may have
 * been killed between the two. */
static int settled(struct run *r, struct pve *p, size_t i, struct err *e)
{
	const char *to = destination(r, i);
	_free_ char *now = NULL;
	char key[16];

	if (!to)
		return 1;
	if (volume_now(r, p, i, key, &now, e))
		return -1;
	_json_ json_t *other = other_volume(r, i, now);

	return is_on(now, to) && !other;
}

static int check(struct run *r, struct err *e)
{
	struct pve *p;

	for (size_t i = 0; i < run_disks(r); i++) {
		int c;

		if (!destination(r, i))
			continue;
		if (run_pve(r, &p, e))
			return -1;
		c = settled(r, p, i, e);
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

/* The volume has another name now: the journal must know, or undo and the
 * report would name the old one. */
static int note_moved(struct run *r, size_t i, const char *now, struct err *e)
{
	const char *slot = json_str_or(run_disk(r, i), "slot", "");
	_json_ json_t *known = run_object(r, "volume", "id", now);
	json_t *old;

	if (!known) {
		json_t *more = json_object();

		json_put_str(more, "slot", slot);
		json_put_bool(more, "allocated", true);
		if (run_made(r, "volume", now, more, e))
			return -1;
	}
	while ((old = other_volume(r, i, now))) {
		_json_ json_t *own = old;
		const char *id = json_str_or(own, "id", "");

		run_say(r, "  %s -> %s", id, now);
		if (run_removed(r, "volume", id, e))
			return -1;
	}
	return 0;
}

static int move_one(struct run *r, struct pve *p, size_t i, struct err *e)
{
	const struct pve_progress pr = {.line = on_line, .arg = r};
	const char *to = destination(r, i);
	_free_ char *old = NULL, *now = NULL;
	char key[16];

	if (!to)
		return 0;
	if (volume_now(r, p, i, key, &old, e))
		return -1;
	if (is_on(old, to))
		return note_moved(r, i, old, e);
	if (pve_vm_move_disk(p, run_vmid(r), key, to, NULL, true, &pr, e) ||
		volume_now(r, p, i, key, &now, e))
		return -1;
	return note_moved(r, i, now, e);
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
