/*
 * Where the disks of a plan go: see plan_own.h. Keeps true: a storage that
 * does not hold VM disks, is off or too full is refused before anything is
 * stopped.
 */
#include <string.h>

#include "i18n.h"
#include "plan_own.h"
#include "str.h"

static bool array_has(const json_t *a, const char *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach (a, i, v) {
		const char *t = json_string_value(v);

		if (t && strcmp(t, s) == 0)
			return true;
	}
	return false;
}

static int pick_storage(const struct planning *b, const char *slot,
	const json_t *choice, const json_t **row, struct err *e)
{
	const char *name = json_str(choice, "storage");
	const json_t *r;

	if (!name)
		name = json_str(
			json_object_get(b->choices, "target"), "storage");
	if (!name)
		return err_set(e, ERR_PLAN_BAD,
			"choices: no target.storage for disk %s", slot);
	r = json_find(json_object_get(b->target, "storages"), "storage", name);
	if (!r || !array_has(json_object_get(r, "content"), "images"))
		return err_set(e, ERR_STORAGE_UNFIT,
			r ? "storage %s does not hold VM disks (content "
			    "images)"
			  : N_("no storage %s on the node"),
			name);
	if (!json_flag(r, "enabled", true) || !json_flag(r, "active", true))
		return err_set(e, ERR_STORAGE_UNFIT,
			"storage %s is disabled or not active", name);
	if (json_str(r, "unfit"))
		return err_set(e, ERR_STORAGE_UNFIT, "storage %s %s", name,
			json_str(r, "unfit"));
	*row = r;
	return 0;
}

static int pick_format(const json_t *row, const json_t *choice,
	const char **format, struct err *e)
{
	const json_t *formats = json_object_get(row, "formats");
	const char *f = json_str(choice, "format");

	/* qcow2 keeps holes on every file system and can be snapshotted. */
	if (!f)
		f = array_has(formats, "qcow2")
			? "qcow2"
			: json_str_or(row, "default_format", "raw");
	if (strcmp(f, "vmdk") == 0 || !array_has(formats, f))
		return err_set(e, ERR_STORAGE_UNFIT,
			"storage %s does not take format %s",
			plan_text(row, "storage"), f);
	*format = f;
	return 0;
}

static int plan_disk(struct planning *b, const struct vm_disk *d, json_t *disks,
	struct err *e)
{
	const json_t *choice =
		json_object_get(json_at(b->choices, "target.disks"), d->slot);
	const json_t *row = NULL;
	const char *format = NULL;
	json_t *o;

	if (json_flag(choice, "skip", false)) {
		plan_warn(b, "Disk %s is left out, as chosen.", d->slot);
		return 0;
	}
	if (d->unsupported && !d->snapshot)
		return err_set(e, vm_disk_refusal(d), "%s: %s", d->slot,
			d->unsupported);
	if (!d->capacity)
		return err_set(e, ERR_DISK_UNSUPPORTED,
			"%s: its capacity is not known", d->slot);
	if (pick_storage(b, d->slot, choice, &row, e) ||
		pick_format(row, choice, &format, e))
		return -1;
	o = json_object();
	json_put_str(o, "slot", d->slot);
	json_put_str(o, "storage", plan_text(row, "storage"));
	json_put_str(o, "format", format);
	json_put_u64(o, "capacity", d->capacity);
	json_put_u64(o, "used", d->used ? d->used : d->capacity);
	json_put_bool(o, "zeroed", json_flag(row, "zeroed", false));
	json_put_bool(o, "thin",
		json_flag(row, "thin", false) || strcmp(format, "qcow2") == 0);
	json_put_str(o, "move_to", json_str(choice, "move_to"));
	json_array_append_new(disks, o);
	return 0;
}

/* Room on each storage: thin volumes need what is written, thick ones all. */
static int check_space(struct planning *b, const json_t *disks, struct err *e)
{
	const json_t *rows = json_object_get(b->target, "storages"), *row, *d;
	char have[STR_SIZE_LEN], want[STR_SIZE_LEN];
	size_t i, k;

	json_array_foreach (rows, i, row) {
		uint64_t avail = json_u64(row, "avail", 0), need = 0, full = 0;

		json_array_foreach (disks, k, d) {
			if (strcmp(plan_text(d, "storage"),
				    plan_text(row, "storage")))
				continue;
			full += json_u64(d, "capacity", 0);
			need += json_u64(d,
				json_flag(d, "thin", false) ? "used"
							    : "capacity",
				0);
		}
		if (need > avail)
			return err_set(e, ERR_NO_SPACE,
				"storage %s has %s free, the disks need %s",
				plan_text(row, "storage"),
				str_size(have, avail), str_size(want, need));
		if (full > avail)
			plan_warn(b,
				"Storage %s has %s free; the disks may grow to "
				"%s later.",
				plan_text(row, "storage"),
				str_size(have, avail), str_size(want, full));
	}
	return 0;
}

int plan_disks(struct planning *b, json_t *target, struct err *e)
{
	json_t *disks = json_array(), *d;
	uint64_t used = 0, all = 0;
	json_t *est = json_object();
	size_t i;

	json_put(target, "disks", disks);
	json_put(b->plan, "estimate", est);
	for (i = 0; i < b->vm->n_disks; i++)
		if (plan_disk(b, &b->vm->disks[i], disks, e))
			return -1;
	if (!json_array_size(disks))
		return err_set(e, ERR_PLAN_BAD, "every disk of %s is left out",
			b->vm->name);
	json_array_foreach (disks, i, d) {
		used += json_u64(d, "used", 0);
		all += json_u64(d, "capacity", 0);
	}
	json_put_u64(est, "provisioned", all);
	json_put_u64(est, "written", used);
	return check_space(b, disks, e);
}
