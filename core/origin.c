/* A VM in files as the source of a job: see origin.h. */
#include "origin.h"

#include <stdlib.h>
#include <string.h>

#include "disks.h"
#include "i18n.h"
#include "str.h"

bool origin_file_plan(const json_t *plan)
{
	const char *kind = json_string_value(json_at(plan, "source.kind"));

	return kind && strcmp(kind, "file") == 0;
}

bool origin_is_file(const struct run *r)
{
	return origin_file_plan(r->plan);
}

const char *origin_path(const struct run *r)
{
	return run_str(r, "source.path", "?");
}

int origin_read(struct run *r, struct vmfile *now, struct err *e)
{
	_vmfile_ struct vmfile f = {0};

	if (vmfile_read(origin_path(r), &f, e) ||
		vmfile_same(&f, json_at(r->plan, "source"), e))
		return -1;
	*now = f;
	f = (struct vmfile){0};
	return 0;
}

int origin_open(const struct vm_disk *d, struct disk_in *in, struct err *e)
{
	const struct source_opts none = {0};

	return source_open(d->path, &none, in, e);
}

/* --- before the start --- */

static int disk_same(struct run *r, size_t i, struct err *e)
{
	const struct vm_disk *d = run_source_disk(r, i);
	const json_t *was = disks_identity(r, i);
	_disk_in_ struct disk_in in = {0};
	_json_ json_t *is = NULL;

	if (!d || !d->path || !was)
		return err_set(e, ERR_INTERNAL,
			"nothing is known of the copy of disk %zu", i + 1);
	if (origin_open(d, &in, e) || in.kind->identity(&in, &is, e))
		return -1;
	return source_same(was, is, e);
}

/* "no" is not for ever: the next run asks again. */
static int ask_off(struct run *r, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {{"yes", N_("yes, it is off")},
		{"no", N_("no, or I do not know: stop here")}, {NULL, NULL}};
	_free_ char *text =
		xasprintf(N_("Is the machine that %s was made from off?"),
			origin_path(r));
	const struct question q = {.id = "source_off",
		.kind = ASK_CHOICE,
		.choices = c,
		.once = true,
		.text = text,
		.why = N_("vmferry sees only the files. Two machines with one "
			  "address disturb each other, and what the old one "
			  "writes from now on is not in the copy."),
		.help = N_("Look where it ran: in the ESXi client, vCenter or "
			   "Workstation it must be powered off.")};

	return run_ask(r, &q, a, e);
}

static int proven_off(struct run *r, struct err *e)
{
	const char *a = "yes";

	if (!json_at(r->plan, "allow.source_off")) {
		if (ask_off(r, &a, e))
			return -1;
	} else if (!run_flag(r, "allow.source_off", false)) {
		a = "no";
	}
	if (strcmp(a, "yes") == 0)
		return 0;
	return err_set(e, ERR_VM_RUNNING,
		"the machine that %s was made from may still be on",
		origin_path(r));
}

int origin_quiet(struct run *r, struct err *e)
{
	_vmfile_ struct vmfile now = {0};

	if (origin_read(r, &now, e))
		return -1;
	for (size_t i = 0; i < run_disks(r); i++)
		if (disk_same(r, i, e))
			return -1;
	return proven_off(r, e);
}
