/* The preflight of each step of the plan, before anything stops: all problems
 * at once. */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../str.h"

static int ask_each(struct run *r, struct err *e)
{
	const json_t *list = json_object_get(r->plan, "steps"), *v;
	const struct step *self = r->step;
	int rc = 0;
	size_t i;

	json_array_foreach (list, i, v) {
		struct err one = {0};

		r->step = step_find(json_string_value(v));
		if (!r->step->preflight || r->step->preflight(r, &one) == 0)
			continue;
		/* A stop is not a finding. */
		if (one.code == ERR_STOPPED) {
			rc = -1;
			*e = one;
			break;
		}
		run_find_err(r, &one);
	}
	r->step = self;
	return rc;
}

static const json_t *first_blocker(const json_t *findings, size_t *count)
{
	const json_t *f, *first = NULL;
	size_t i;

	*count = 0;
	json_array_foreach (findings, i, f) {
		if (strcmp(json_str_or(f, "level", ""), "blocker"))
			continue;
		if (!first)
			first = f;
		++*count;
	}
	return first;
}

static void tell(struct run *r)
{
	const json_t *f;
	size_t i;

	json_array_foreach (r->findings, i, f)
		run_say(r, "  %-7s  %s", json_str_or(f, "level", ""),
			json_str_or(f, "text", ""));
}

static int run(struct run *r, struct err *e)
{
	_json_ json_t *findings = json_array();
	const json_t *f;
	json_t *d;
	size_t n;
	int rc;

	r->findings = findings;
	rc = ask_each(r, e);
	r->findings = NULL;
	if (rc)
		return -1;
	r->findings = findings;
	tell(r);
	r->findings = NULL;
	d = json_object();
	json_object_set(d, "findings", findings);
	json_put_str(d, "name", "findings");
	if (run_note(r, "measure", d, e))
		return -1;
	f = first_blocker(findings, &n);
	if (!f)
		return 0;
	return err_set(e, err_by_id(json_str_or(f, "id", "INTERNAL")), "%s%s",
		json_str_or(f, "text", ""),
		n > 1 ? N_(" (and more: see the checklist)") : "");
}

const struct step step_preflight = {
	.kind = "preflight",
	.order = 10,
	.doing = N_("Check everything that can be known before anything stops"),
	.why = N_(
		"A problem found now costs nothing; found after the VM was "
		"stopped it costs downtime. Nothing is changed by this step."),
	.manual = N_("ssh root@ESXI vim-cmd vmsvc/getallvms\n"
		     "pvesm status --content images\n"
		     "pvesh get /cluster/nextid"),
	.trouble =
		N_("The source runs on untouched. Mend what is named and run "
		   "again."),
	.file = {.why = N_("A problem found now costs nothing. Nothing is "
			   "changed by this step."),
		.manual = N_("vmferry inspect FILE\n"
			     "pvesm status --content images\n"
			     "pvesh get /cluster/nextid"),
		.trouble = N_("Nothing was touched. Mend what is named and "
			      "run again.")},
	.run = run,
};
